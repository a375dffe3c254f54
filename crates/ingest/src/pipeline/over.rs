//! Rows of table `calls` that tell a call to its end, as minutes of figures count them.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::error::ArrowError;
use calls::kpi::{MINUTE, Minute, Over, Told};
use store::StoreError;
use store::columns::{flags, number, numbers, text, texts};

use super::journal::Journal;

/// The columns that are read.
pub(super) fn columns() -> impl Iterator<Item = &'static str> {
    [
        "id",
        "ts",
        "judged",
        "state",
        "is_open",
        "ended",
        "last",
        "src_ip",
        "dst_ip",
        "ruri_user",
        "user_agent",
        "answered_by",
    ]
    .into_iter()
    .chain(Told::NUMBERS)
}

/// What says how many calls a version of a minute has, and when it was made.
pub(super) const SIZE_COLUMNS: &[&str] = &["id", "ts", "received", "attempts", "open"];

/// The next versions of all minutes of a span, of the calls whose rows this node has numbered, and when the last of their
/// earlier versions was made.
pub(super) fn figures(
    journal: &dyn Journal,
    span: (i64, i64),
    node: u64,
) -> Result<(BTreeMap<i64, Minute>, Option<i64>), Failure> {
    let minutes = minutes(span, &journal.calls_of(span)?, node)?;
    let earlier = journal.figures_of(span)?;
    Ok((without_smaller(minutes, &earlier, node)?, last_made(&earlier)?))
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

/// Leaves out those that would have fewer calls than an earlier version: retention has taken some of the rows, and what was made
/// of all of them says more.
fn without_smaller(
    mut minutes: BTreeMap<i64, Minute>,
    earlier: &[RecordBatch],
    node: u64,
) -> Result<BTreeMap<i64, Minute>, ArrowError> {
    let earlier = sizes(earlier, node)?;
    minutes.retain(|begin, minute| earlier.get(begin).is_none_or(|calls| *calls <= minute.calls()));
    Ok(minutes)
}

/// The latest counts, so what a clock that was ahead has made must not be later than what comes now.
fn last_made(batches: &[RecordBatch]) -> Result<Option<i64>, ArrowError> {
    let mut last = None;
    for batch in batches {
        last = last.max(arrow::compute::max(&numbers(batch, "received")?));
    }
    Ok(last)
}

/// How many calls the largest version of each minute has.
fn sizes(batches: &[RecordBatch], node: u64) -> Result<HashMap<i64, u64>, ArrowError> {
    let mut sizes: HashMap<i64, u64> = HashMap::new();
    for batch in batches {
        let [ids, begins, attempts, open] = ["id", "ts", "attempts", "open"].map(|name| numbers(batch, name));
        let (ids, begins, attempts, open) = (ids?, begins?, attempts?, open?);
        for row in (0..batch.num_rows()).filter(|row| store::node_number(ids.value(*row)) == node) {
            let calls = attempts.value(row).saturating_add(open.value(row)).max(0).unsigned_abs();
            let largest = sizes.entry(begins.value(row)).or_default();
            *largest = calls.max(*largest);
        }
    }
    Ok(sizes)
}

fn minutes(
    (first, end): (i64, i64),
    batches: &[RecordBatch],
    node: u64,
) -> Result<BTreeMap<i64, Minute>, ArrowError> {
    let batches: Vec<Rows> = batches.iter().map(Rows::of).collect::<Result<_, _>>()?;
    // Of rows with one id the latest counts.
    let mut latest: HashMap<i64, i64> = HashMap::new();
    for rows in &batches {
        for row in rows.own(node) {
            let judged = rows.judged.value(row);
            let known = latest.entry(rows.id.value(row)).or_insert(judged);
            *known = judged.max(*known);
        }
    }
    // A minute that has no calls any more has a version that says so.
    let mut minutes = BTreeMap::new();
    let mut begin = first;
    while begin < end {
        minutes.insert(begin, Minute::new(begin));
        begin += MINUTE;
    }
    for rows in &batches {
        for row in rows.own(node) {
            // A row that was told twice at one moment counts once.
            if latest.get(&rows.id.value(row)) != Some(&rows.judged.value(row)) {
                continue;
            }
            latest.remove(&rows.id.value(row));
            if let Some(minute) = minutes.get_mut(&Minute::around(rows.begun.value(row))) {
                minute.add(&rows.over(row));
            }
        }
    }
    Ok(minutes)
}

struct Rows {
    id: Int64Array,
    begun: Int64Array,
    judged: Int64Array,
    is_open: BooleanArray,
    state: StringArray,
    told: Vec<Int64Array>,
    answered: Int64Array,
    ended: Int64Array,
    last: Int64Array,
    src: StringArray,
    dst: StringArray,
    callee: StringArray,
    user_agent: StringArray,
    answered_by: StringArray,
}

impl Rows {
    fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let numbers = |name| numbers(batch, name);
        let texts = |name| texts(batch, name);
        Ok(Self {
            id: numbers("id")?,
            begun: numbers("ts")?,
            judged: numbers("judged")?,
            is_open: flags(batch, "is_open")?,
            state: texts("state")?,
            told: Told::NUMBERS.into_iter().map(numbers).collect::<Result<_, _>>()?,
            answered: numbers("answered")?,
            ended: numbers("ended")?,
            last: numbers("last")?,
            src: texts("src_ip")?,
            dst: texts("dst_ip")?,
            callee: texts("ruri_user")?,
            user_agent: texts("user_agent")?,
            answered_by: texts("answered_by")?,
        })
    }

    /// Rows that tell a call to its end.
    fn own(&self, node: u64) -> impl Iterator<Item = usize> + '_ {
        (0..self.id.len())
            .filter(move |row| !self.is_open.value(*row) && store::node_number(self.id.value(*row)) == node)
    }

    fn over(&self, row: usize) -> Over<'_> {
        Over {
            told: Told::of(text(&self.state, row), |place| number(&self.told[place], row)),
            talked: number(&self.answered, row).map(|answered| {
                let end = number(&self.ended, row).or_else(|| number(&self.last, row));
                (answered, end.unwrap_or(answered))
            }),
            src: text(&self.src, row),
            dst: text(&self.dst, row),
            callee: text(&self.callee, row),
            user_agent: text(&self.user_agent, row),
            answered_by: text(&self.answered_by, row),
        }
    }
}

#[cfg(test)]
mod tests {
    use calls::kpi::KPI_1M;
    use calls::{CALLS, End, Limits, Message, Sighting, Tracker};
    use model::{Micros, Value};
    use store::TableBatch;

    use super::*;

    const BEGIN: i64 = 1_795_300_020_000_000;
    const SPAN: (i64, i64) = (BEGIN, BEGIN + MINUTE);

    /// Rows of calls that nobody answered, one for each id; each is judged as often as is said.
    fn rows(ids: &[i64], judged: &[i64]) -> RecordBatch {
        let mut tracker = Tracker::new(Limits::default());
        for id in ids {
            let call_id = format!("{id}@example.org");
            let raw = format!(
                "INVITE sip:b@example.com SIP/2.0\r\nCall-ID: {call_id}\r\nCSeq: 1 INVITE\r\n\
                 From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\n\r\n"
            );
            let end = |ip| End { ip: Some(ip), port: Some(5060) };
            let message = Message {
                id: *id,
                at: BEGIN + id,
                src: end("192.0.2.1"),
                dst: end("192.0.2.2"),
                call_id: Some(&call_id),
                method: Some("INVITE"),
                cseq: Some(1),
                from_tag: Some("1"),
                raw: raw.as_bytes().into(),
                ..Message::default()
            };
            tracker.take(&Sighting {
                message,
                received: BEGIN + id,
                transport: "udp",
                ..Sighting::default()
            });
        }
        let mut told = Vec::new();
        tracker.due(BEGIN + 1_000 * Micros::SECOND, &mut told);
        let place = CALLS.fields.iter().position(|field| field.name == "judged").expect("a column");
        let mut batch = TableBatch::new(&CALLS);
        for row in told.iter().filter(|row| !row.is_open) {
            for judged in judged {
                let mut record = row.clone().into_record();
                record.values[place] = Value::Int(*judged);
                batch.push(&record);
            }
        }
        batch.finish()
    }

    fn made_of(ids: &[i64]) -> BTreeMap<i64, Minute> {
        minutes(SPAN, &[rows(ids, &[7])], 0).expect("rows of calls")
    }

    fn sizes_of(minutes: &BTreeMap<i64, Minute>) -> Vec<(i64, u64)> {
        minutes.iter().map(|(begin, minute)| (*begin, minute.calls())).collect()
    }

    #[test]
    fn a_call_that_was_told_again_counts_once() {
        let batches = [rows(&[1, 2, 3], &[7, 5, 7]), rows(&[2], &[9])];
        let minutes = minutes(SPAN, &batches, 0).expect("rows of calls");
        assert_eq!(sizes_of(&minutes), [(BEGIN, 3)]);
    }

    #[test]
    fn rows_that_another_node_numbered_are_its_own() {
        let minutes = minutes(SPAN, &[rows(&[1, 2], &[7])], 1).expect("rows of calls");
        assert_eq!(sizes_of(&minutes), [(BEGIN, 0)]);
    }

    #[test]
    fn what_was_made_of_more_rows_stays() {
        let mut earlier = TableBatch::new(&KPI_1M);
        for (_, minute) in made_of(&[1, 2]) {
            minute.into_records(1, 1).iter().for_each(|record| earlier.push(record));
        }
        let earlier = [all_of(&earlier.finish())];
        let left = |ids: &[i64]| sizes_of(&without_smaller(made_of(ids), &earlier, 0).expect("figures"));
        assert_eq!(left(&[2, 3, 4]), [(BEGIN, 3)]);
        assert_eq!(left(&[2, 4]), [(BEGIN, 2)]);
        assert_eq!(left(&[2]), []);
        assert_eq!(last_made(&earlier).expect("figures"), Some(1));
        assert_eq!(last_made(&[]).expect("figures"), None);
    }

    /// As [`Journal::figures_of`] gives them.
    fn all_of(batch: &RecordBatch) -> RecordBatch {
        batch.slice(0, 1)
    }
}
