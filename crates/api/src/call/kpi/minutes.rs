//! Figures of calls from those of minutes: of a month these are some ten thousand rows, and its calls a hundred million.
//!
//! Minutes that are not known, and those that calls were told of since their figures were made, are read from rows of calls,
//! and so are calls that go on. What comes out is the same.

use std::collections::BTreeSet;

use arrow::array::{BinaryArray, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::error::ArrowError;
use calls::kpi::{By as Kind, KPI_1M, Kpi, MINUTE, Minute, PREFIX_DIGITS, Share, Sketch, Talking, prefix};
use model::query::{Expr, FieldRef, Literal, Op};
use model::{Aliases, Micros, Table};
use store::columns::{bytes, flags, numbers, text, texts};

use super::Question;
use super::by::By;
use super::gather::{Gathered, Grid, Which};
use crate::ask::Window;
use crate::call::rows;

/// Stretches of time that one question names; beyond it some of them become one, and rows between them are read for nothing.
const STRETCHES_MAX: usize = 64;

/// What is read from minutes, and what is not.
pub(super) struct Plan {
    /// Minutes from here on,
    first: i64,
    /// and before this,
    end: i64,
    /// but for these.
    stale: BTreeSet<i64>,
    window: Window,
}

impl Plan {
    /// Whether figures of minutes answer this. They are of all calls: whoever sees some of these reads their rows.
    pub(super) fn can_answer(question: &Question<'_>, grid: Grid) -> bool {
        let Question { state, asked, by, digits, .. } = question;
        *asked == Expr::Always
            && state.scope().is_everything()
            && grid.every % MINUTE == 0
            && by.is_none_or(|by| kind(by).is_some())
            && (*by != Some(By::Prefix) || *digits <= PREFIX_DIGITS)
            && rows::table(state, KPI_1M.name).is_some()
    }

    /// As it is now; `None`: nothing is known of any minute.
    pub(super) fn new(question: &Question<'_>) -> Option<Self> {
        let store = question.state.store();
        let known = store.minutes()?;
        // Before it may have been what retention has taken, and of calls more is left.
        let known = store::Minutes { since: known.since.max(store.oldest(&KPI_1M)?.0), ..known };
        // What others have told of a minute is not known here.
        let own = i64::try_from(store.log().last_seq() << 16).unwrap_or(i64::MAX);
        let is_own = [&calls::CALLS, &KPI_1M].iter().all(|table| store.is_of_one_node(table, own));
        is_own.then(|| Self::of(&known, question.window))
    }

    fn of(known: &store::Minutes, window: Window) -> Self {
        // Whole minutes: of others only some of the calls are asked for.
        let first = Minute::around(window.from.0.saturating_add(MINUTE - 1)).max(known.since);
        let end = Minute::around(window.to.0.saturating_add(1)).max(first);
        let stale = known.stale.iter().copied().filter(|minute| (first..end).contains(minute)).collect();
        Self { first, end, stale, window }
    }

    /// Whether a call that began then is counted by its row.
    pub(super) fn is_of_rows(&self, begun: i64) -> bool {
        let minute = Minute::around(begun);
        !(self.first..self.end).contains(&minute) || self.stale.contains(&minute)
    }

    /// When calls began that are counted by their rows, and the time from the first to the last; `None`: there is no such
    /// time. More time than that may be in it.
    pub(super) fn of_rows(&self) -> Option<(Expr, Window)> {
        let mut stretches: Vec<(i64, i64)> = Vec::new();
        let before = (self.window.from.0, self.first.saturating_sub(1).min(self.window.to.0));
        let after = (self.end.max(self.window.from.0), self.window.to.0);
        let stale = self.stale.iter().map(|minute| (*minute, minute + MINUTE - 1));
        for (from, to) in std::iter::once(before).chain(stale).chain([after]) {
            match stretches.last_mut() {
                _ if from > to => {}
                Some(last) if last.1.saturating_add(1) >= from => last.1 = to.max(last.1),
                _ => stretches.push((from, to)),
            }
        }
        let mut gap = MINUTE;
        while stretches.len() > STRETCHES_MAX {
            stretches.dedup_by(|next, last| {
                let is_near = next.0.saturating_sub(last.1) <= gap;
                if is_near {
                    last.1 = next.1;
                }
                is_near
            });
            gap = gap.saturating_mul(2);
        }
        let within = |(from, to): (i64, i64)| Expr::Range {
            field: column(&calls::CALLS, "ts"),
            low: Literal::Time(Micros(from)),
            high: Literal::Time(Micros(to)),
        };
        let window = Window { from: Micros(stretches.first()?.0), to: Micros(stretches.last()?.1) };
        Some((Expr::or(stretches.into_iter().map(within)), window))
    }

    /// The minutes that are asked for, if any are.
    pub(super) fn of_minutes(&self, by: Option<By>) -> Option<(Expr, Window)> {
        if self.first >= self.end {
            return None;
        }
        // All calls of it say which version a minute has.
        let kinds = [Some(Kind::All), by.and_then(kind)];
        let is_of = |kind: Kind| Expr::Compare {
            field: column(&KPI_1M, "grouped_by"),
            op: Op::Eq,
            value: Literal::Text(kind.as_str().to_owned()),
        };
        let window = Window { from: Micros(self.first), to: Micros(self.end - 1) };
        Some((Expr::or(kinds.into_iter().flatten().map(is_of)), window))
    }
}

fn column(table: &'static Table, name: &str) -> FieldRef {
    FieldRef::new(None, table.column(name).expect("a column of the table"))
}

/// The groups of minutes that these are, or are made of.
fn kind(by: By) -> Option<Kind> {
    match by {
        By::Src | By::Dst | By::Trunk => Some(Kind::Trunk),
        By::Prefix => Some(Kind::Prefix),
        By::UserAgent => Some(Kind::UserAgent),
        By::Answerer => Some(Kind::AnsweredBy),
        By::Status => Some(Kind::Status),
        By::FromHost | By::RuriHost => None,
    }
}

/// The columns that [`Reading`] reads.
pub(super) fn columns() -> Vec<&'static str> {
    let own = ["ts", "received", "src_ip", "dst_ip", "grouped_by", "group_key", "is_other"];
    own.into_iter().chain(Kpi::COUNTS).chain(BYTES).collect()
}

/// Rows of minutes, in the order of their time. Of each the latest version counts.
pub(super) struct Reading<'a> {
    plan: &'a Plan,
    by: Option<By>,
    digits: usize,
    aliases: &'a Aliases,
    minute: i64,
    made: i64,
    rows: Vec<Told>,
}

/// A row of a minute.
struct Told {
    key: Key,
    share: Share,
}

enum Key {
    All,
    Group(Option<String>),
    Others,
}

impl<'a> Reading<'a> {
    pub(super) fn new(plan: &'a Plan, by: Option<By>, digits: usize, aliases: &'a Aliases) -> Self {
        Self { plan, by, digits, aliases, minute: i64::MIN, made: i64::MIN, rows: Vec::new() }
    }

    pub(super) fn take(&mut self, batch: &RecordBatch, gathered: &mut Gathered) -> Result<(), ArrowError> {
        let rows = Rows::of(batch)?;
        for row in 0..rows.begin.len() {
            let (minute, made) = (rows.begin.value(row), rows.made.value(row));
            if self.plan.is_of_rows(minute) {
                continue;
            }
            if minute != self.minute {
                self.finish(gathered);
                (self.minute, self.made) = (minute, made);
            } else if made > self.made {
                self.rows.clear();
                self.made = made;
            }
            if made == self.made {
                let key = self.key(&rows, row);
                self.rows.push(Told { key, share: rows.share(row)? });
            }
        }
        Ok(())
    }

    /// Counts the minute that was read last.
    pub(super) fn finish(&mut self, gathered: &mut Gathered) {
        for Told { key, share } in self.rows.drain(..) {
            let which = match &key {
                Key::All => Which::All,
                Key::Group(key) => Which::Group(key.as_deref()),
                Key::Others => Which::Others,
            };
            gathered.add_minute(self.minute, &share, which);
        }
    }

    fn key(&self, rows: &Rows, row: usize) -> Key {
        if text(&rows.by, row) == Some(Kind::All.as_str()) {
            return Key::All;
        }
        if rows.is_other.value(row) {
            return Key::Others;
        }
        let host = |ip| Some(self.aliases.name_of_host(ip).unwrap_or(ip));
        let (src, dst) = (text(&rows.src, row).and_then(host), text(&rows.dst, row).and_then(host));
        let key = text(&rows.key, row);
        Key::Group(match self.by {
            Some(By::Trunk) => src.zip(dst).map(|(src, dst)| format!("{src} > {dst}")),
            Some(By::Src) => src.map(str::to_owned),
            Some(By::Dst) => dst.map(str::to_owned),
            Some(By::Prefix) => key.and_then(|key| prefix(key, self.digits)),
            _ => key.map(str::to_owned),
        })
    }
}

struct Rows {
    begin: Int64Array,
    made: Int64Array,
    src: StringArray,
    dst: StringArray,
    by: StringArray,
    key: StringArray,
    is_other: BooleanArray,
    /// Of [`Kpi::COUNTS`].
    counts: Vec<Int64Array>,
    pdd: BinaryArray,
    failed_pdd: BinaryArray,
    disconnect_delay: BinaryArray,
    talking: BinaryArray,
}

const BYTES: [&str; 4] = ["pdd_sketch", "failed_pdd_sketch", "disconnect_delay_sketch", "talking"];

impl Rows {
    fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let [pdd, failed_pdd, disconnect_delay, talking] = BYTES.map(|name| bytes(batch, name));
        Ok(Self {
            begin: numbers(batch, "ts")?,
            made: numbers(batch, "received")?,
            src: texts(batch, "src_ip")?,
            dst: texts(batch, "dst_ip")?,
            by: texts(batch, "grouped_by")?,
            key: texts(batch, "group_key")?,
            is_other: flags(batch, "is_other")?,
            counts: Kpi::COUNTS.iter().map(|name| numbers(batch, name)).collect::<Result<_, _>>()?,
            pdd: pdd?,
            failed_pdd: failed_pdd?,
            disconnect_delay: disconnect_delay?,
            talking: talking?,
        })
    }

    fn share(&self, row: usize) -> Result<Share, ArrowError> {
        let sketch = |bytes: &BinaryArray| {
            let read = Sketch::of_bytes(bytes.value(row));
            read.ok_or_else(|| ArrowError::ParseError("a sketch of kpi_1m cannot be read".to_owned()))
        };
        let talking = Talking::of_bytes(self.talking.value(row));
        let talking =
            talking.ok_or_else(|| ArrowError::ParseError("talking of kpi_1m cannot be read".to_owned()))?;
        let kpi = Kpi {
            pdd: sketch(&self.pdd)?,
            failed_pdd: sketch(&self.failed_pdd)?,
            disconnect_delay: sketch(&self.disconnect_delay)?,
            ..Kpi::of_counts(|place| u64::try_from(self.counts[place].value(row)).unwrap_or(0))
        };
        Ok(Share { kpi, talking })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In minutes, with these stale.
    fn plan(since: i64, stale: &[i64], from: i64, to: i64) -> Plan {
        let stale = stale.iter().map(|minute| minute * MINUTE).collect();
        let known = store::Minutes { since: since.saturating_mul(MINUTE), stale };
        Plan::of(&known, Window { from: Micros(from), to: Micros(to) })
    }

    fn stretches(plan: &Plan) -> Vec<(i64, i64)> {
        let terms = match plan.of_rows() {
            None => return Vec::new(),
            Some((Expr::Or(terms), _)) => terms,
            Some((term, _)) => vec![term],
        };
        let time = |literal: &Literal| if let Literal::Time(time) = literal { time.0 } else { 0 };
        let range = |term: &Expr| match term {
            Expr::Range { low, high, .. } => (time(low), time(high)),
            other => panic!("{other:?}"),
        };
        terms.iter().map(range).collect()
    }

    #[test]
    fn whole_minutes_are_read_as_such() {
        let plan = plan(i64::MIN, &[], 10 * MINUTE, 20 * MINUTE - 1);
        assert_eq!(stretches(&plan), []);
        let (_, window) = plan.of_minutes(None).expect("minutes");
        assert_eq!((window.from.0, window.to.0), (10 * MINUTE, 20 * MINUTE - 1));
        assert!(!plan.is_of_rows(10 * MINUTE) && !plan.is_of_rows(20 * MINUTE - 1));
        assert!(plan.is_of_rows(10 * MINUTE - 1) && plan.is_of_rows(20 * MINUTE));
    }

    #[test]
    fn what_minutes_do_not_tell_is_read_from_rows() {
        // From within minute 10 to within minute 20, nothing known before 12, 14 to 16 stale.
        let plan = plan(12, &[3, 14, 15, 16, 30], 10 * MINUTE + 7, 20 * MINUTE + 9);
        assert_eq!(
            stretches(&plan),
            [
                (10 * MINUTE + 7, 12 * MINUTE - 1),
                (14 * MINUTE, 17 * MINUTE - 1),
                (20 * MINUTE, 20 * MINUTE + 9)
            ]
        );
        for (minute, is_of_rows) in
            [(11, true), (12, false), (13, false), (15, true), (17, false), (20, true)]
        {
            assert_eq!(plan.is_of_rows(minute * MINUTE + 5), is_of_rows, "{minute}");
        }
    }

    #[test]
    fn nothing_is_known_of_time_that_is_over() {
        let plan = plan(100, &[], 10 * MINUTE, 20 * MINUTE);
        assert!(plan.of_minutes(None).is_none());
        assert_eq!(stretches(&plan), [(10 * MINUTE, 20 * MINUTE)]);
        assert!(plan.is_of_rows(15 * MINUTE));
    }

    #[test]
    fn a_question_names_few_stretches() {
        let stale: Vec<i64> = (0..10_000).map(|place| place * 3).collect();
        let plan = plan(i64::MIN, &stale, 0, 30_000 * MINUTE - 1);
        let stretches = stretches(&plan);
        assert!(stretches.len() <= STRETCHES_MAX, "{}", stretches.len());
        for minute in stale {
            let at = minute * MINUTE;
            assert!(stretches.iter().any(|(from, to)| (*from..=*to).contains(&at)), "{minute}");
        }
        assert!(!plan.is_of_rows(MINUTE), "though rows of it are read");
    }
}
