//! Rows of table `calls` that tell a call to its end, as minutes of figures count them.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, ArrayRef, AsArray as _, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use calls::State;
use calls::kpi::{MINUTE, Minute, Over, Told};
use store::StoreError;

use super::journal::Journal;

/// The columns that are read.
pub(super) const COLUMNS: &[&str] = &[
    "id",
    "ts",
    "judged",
    "state",
    "is_open",
    "status",
    "cause",
    "answered",
    "ended",
    "last",
    "pdd",
    "ring",
    "talk",
    "disconnect_delay",
    "messages",
    "retransmissions",
    "src_ip",
    "dst_ip",
    "ruri_user",
    "user_agent",
    "answered_by",
];

/// What says how many calls a version of a minute has.
pub(super) const SIZE_COLUMNS: &[&str] = &["id", "ts", "attempts", "open"];

/// The next versions of all minutes of a span, of the calls whose rows this node has numbered.
pub(super) fn figures(
    journal: &dyn Journal,
    span: (i64, i64),
    node: u64,
) -> Result<BTreeMap<i64, Minute>, Failure> {
    let minutes = minutes(span, &journal.calls_of(span)?, node)?;
    Ok(without_smaller(minutes, &journal.figures_of(span)?, node)?)
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
    status: Int64Array,
    cause: Int64Array,
    answered: Int64Array,
    ended: Int64Array,
    last: Int64Array,
    pdd: Int64Array,
    ring: Int64Array,
    talk: Int64Array,
    disconnect_delay: Int64Array,
    messages: Int64Array,
    retransmissions: Int64Array,
    src: StringArray,
    dst: StringArray,
    callee: StringArray,
    user_agent: StringArray,
    answered_by: StringArray,
}

impl Rows {
    fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let numbers = |name| numbers(batch, name);
        let texts =
            |name| as_type(column(batch, name)?, &DataType::Utf8).map(|array| array.as_string().clone());
        Ok(Self {
            id: numbers("id")?,
            begun: numbers("ts")?,
            judged: numbers("judged")?,
            is_open: column(batch, "is_open")?.as_boolean().clone(),
            state: texts("state")?,
            status: numbers("status")?,
            cause: numbers("cause")?,
            answered: numbers("answered")?,
            ended: numbers("ended")?,
            last: numbers("last")?,
            pdd: numbers("pdd")?,
            ring: numbers("ring")?,
            talk: numbers("talk")?,
            disconnect_delay: numbers("disconnect_delay")?,
            messages: numbers("messages")?,
            retransmissions: numbers("retransmissions")?,
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
        let count = |numbers: &Int64Array| u64::try_from(number(numbers, row).unwrap_or(0)).unwrap_or(0);
        let answered = number(&self.answered, row);
        Over {
            told: Told {
                state: text(&self.state, row).and_then(State::named).unwrap_or(State::Unknown),
                status: number(&self.status, row),
                cause: number(&self.cause, row),
                pdd: number(&self.pdd, row),
                ring: number(&self.ring, row),
                talk: number(&self.talk, row),
                is_answered: answered.is_some(),
                disconnect_delay: number(&self.disconnect_delay, row),
                messages: count(&self.messages),
                retransmissions: count(&self.retransmissions),
            },
            talked: answered.map(|answered| {
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

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    batch.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("no column `{name}`")))
}

fn numbers(batch: &RecordBatch, name: &str) -> Result<Int64Array, ArrowError> {
    Ok(as_type(column(batch, name)?, &DataType::Int64)?.as_primitive().clone())
}

fn as_type(array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == wanted { Ok(array.clone()) } else { cast(array, wanted) }
}

fn number(numbers: &Int64Array, row: usize) -> Option<i64> {
    (!numbers.is_null(row)).then(|| numbers.value(row))
}

fn text(texts: &StringArray, row: usize) -> Option<&str> {
    (!texts.is_null(row)).then(|| texts.value(row))
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
    }

    /// As [`Journal::figures_of`] gives them.
    fn all_of(batch: &RecordBatch) -> RecordBatch {
        batch.slice(0, 1)
    }
}
