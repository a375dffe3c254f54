//! Published messages become rows of calls and registrations.
//!
//! A thread of its own, behind the rows of the messages: nobody waits for it but who publishes, when it is far behind.

use std::collections::{BTreeMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use calls::kpi::KPI_1M;
use calls::{CALLS, Limits, Row, Tracker};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use model::Table;
use store::{Derived, Going, TableBatch, Unfinished, block, node_number};

use super::current::Current;
use super::journal::Journal;
use super::minutes::Minutes;
use super::over;
use super::sightings::Sightings;
use crate::alarms::Alarms;
use crate::clock;
use crate::ingest::Replayed;
use crate::watch::Watcher;

/// The alarm that is up after calls could not be followed.
const ALARM: &str = "calls";

/// How often rows are made. A list is behind by this and by what [`Tracker`] holds back.
const TICK: Duration = Duration::from_millis(500);

/// Making rows takes no more than this part of the time: with many open calls it is done less often.
const TICK_SHARE: u32 = 10;

/// However long that took, lists are not behind by more.
const TICK_MAX: Duration = Duration::from_secs(5);

/// Making figures of minutes takes no more than this part of the time either: after an import many of them wait.
const MINUTES_SHARE: u32 = 10;

/// To measure memory is to look at every call.
const MEASURED_EVERY: u64 = 20;

/// Calls whose earlier messages are asked for at once. More questions at once, and who searches would wait.
const LOOKUP_MAX: usize = 500;

/// Messages that were published together, for the rows that are made of them.
pub(crate) struct Feed {
    /// All messages of log blocks up to here have been handed in with this one.
    pub(crate) upto: u64,
    pub(crate) rows: Vec<RecordBatch>,
}

/// How it goes, for who looks.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    pub(crate) open: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) evicted: AtomicU64,
    pub(crate) beyond: AtomicU64,
}

pub(crate) struct Joiner {
    journal: Arc<dyn Journal>,
    alarms: Arc<Alarms>,
    gauge: Arc<Gauge>,
    /// Set when all messages of an earlier run are searchable: before, looking for them would find a part.
    replayed: Arc<OnceLock<Replayed>>,
    give_up: Arc<AtomicBool>,
    watchers: Vec<Arc<dyn Watcher>>,
    tracker: Tracker,
    tables: Vec<TableRows>,
    /// `None`: the store has no table for them.
    minutes: Option<Minutes>,
    /// No minute is made before.
    minutes_at: Instant,
    /// When the last version of a minute was made: of two the later one must be told apart.
    made_at: i64,
    /// Those with a version that is to be published.
    made: Option<(i64, i64)>,
    /// The last block of an earlier run. Its messages may come once more, and what they tell may have been told.
    before: u64,
    /// Went on in an earlier run and not asked for yet.
    carried: BTreeMap<String, i64>,
    /// To be asked for.
    strangers: Vec<String>,
    upto: u64,
    ticks: u64,
    /// What was published last.
    told: u64,
}

struct TableRows {
    table: &'static Table,
    ended: TableBatch,
    current: Current,
}

impl Joiner {
    pub(crate) fn new(
        journal: Arc<dyn Journal>,
        alarms: Arc<Alarms>,
        gauge: Arc<Gauge>,
        replayed: Arc<OnceLock<Replayed>>,
        give_up: Arc<AtomicBool>,
        watchers: Vec<Arc<dyn Watcher>>,
        minute_after: Duration,
    ) -> Self {
        let tables = journal.derived().iter().map(|table| TableRows::new(table)).collect();
        // Rows of an earlier run tell of all up to here.
        let told = journal.derived().iter().map(|table| journal.settled(table)).min().unwrap_or(0);
        let has_minutes = journal.derived().iter().any(|table| std::ptr::eq(*table, &raw const KPI_1M));
        let has_calls = journal.settled(&CALLS) > 0;
        let minutes =
            has_minutes.then(|| Minutes::new(journal.minutes(), has_calls, clock::now().0, minute_after));
        let carried = journal.carried().into_iter().map(|going| (going.call_id, going.received)).collect();
        Self {
            tracker: Tracker::new(Limits::default()),
            tables,
            minutes,
            minutes_at: Instant::now(),
            made_at: i64::MIN,
            made: None,
            before: journal.last_seq(),
            carried,
            strangers: Vec::new(),
            upto: told,
            ticks: 0,
            told,
            journal,
            alarms,
            gauge,
            replayed,
            give_up,
            watchers,
        }
    }

    /// Runs until who publishes is gone, then tells what is left.
    pub(crate) fn run(mut self, feed: &Receiver<Feed>) {
        let mut tick_at = Instant::now() + TICK;
        loop {
            match feed.recv_timeout(tick_at.saturating_duration_since(Instant::now())) {
                Ok(feed) => self.surviving(|joiner| joiner.take(&feed)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.surviving(Self::finish);
                    return;
                }
            }
            if Instant::now() >= tick_at {
                // To wait for an answer is no work.
                self.surviving(Self::look_up);
                self.surviving(Self::make_minutes);
                let begun = Instant::now();
                self.surviving(Self::tick);
                tick_at = Instant::now() + (begun.elapsed() * TICK_SHARE).clamp(TICK, TICK_MAX);
            }
        }
    }

    /// A panic is a mistake of ours: the calls that go on are lost with it, packets are not.
    fn surviving(&mut self, step: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| step(self))).is_ok() {
            return;
        }
        self.alarms
            .raise(ALARM, "calls that were going on had to be left: rows of them may be missing".to_owned());
        self.tracker = Tracker::new(Limits::default());
        self.tables = self.journal.derived().iter().map(|table| TableRows::new(table)).collect();
        // Which of them had been told is not known either.
        self.made = None;
        if let Some(minutes) = &mut self.minutes {
            minutes.lose(clock::now().0);
        }
    }

    fn take(&mut self, feed: &Feed) {
        for batch in &feed.rows {
            match Sightings::of(batch) {
                Ok(rows) => self.take_rows(&rows),
                Err(error) => tracing::error!(%error, "cannot read published messages"),
            }
        }
        self.upto = feed.upto;
    }

    fn take_rows(&mut self, rows: &Sightings) {
        for row in 0..rows.len() {
            if !self.carried.is_empty()
                && let Some(call_id) = rows.call_id(row)
                && let Some(received) = self.carried.remove(call_id)
            {
                self.tracker.carry_on(call_id, received);
            }
            rows.with(row, |seen| self.tracker.take(seen));
        }
    }

    fn tick(&mut self) {
        let mut rows = Vec::new();
        self.tracker.due(clock::now().0, &mut rows);
        self.tell(rows);
    }

    fn finish(&mut self) {
        let mut rows = Vec::new();
        self.tracker.due(clock::now().0, &mut rows);
        self.tracker.finish(clock::now().0, &mut rows);
        self.tell(rows);
    }

    /// Finds the earlier messages of calls that began before this run or were told already.
    fn look_up(&mut self) {
        if self.replayed.get().is_none() || self.give_up.load(Ordering::Relaxed) {
            return;
        }
        self.strangers.append(&mut self.tracker.strangers());
        // Those that nothing was heard of since: a few at a time.
        while self.strangers.len() < LOOKUP_MAX
            && let Some((call_id, received)) = self.carried.pop_first()
        {
            self.tracker.carry_on(&call_id, received);
            self.strangers.append(&mut self.tracker.strangers());
        }
        if self.strangers.is_empty() {
            return;
        }
        let asked: Vec<String> = self.strangers.drain(..self.strangers.len().min(LOOKUP_MAX)).collect();
        let found = match self.journal.messages_of(&asked) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, calls = asked.len(), "cannot find the earlier messages of calls: again soon");
                self.strangers.extend(asked);
                return;
            }
        };
        let wanted: HashSet<&str> = asked.iter().map(String::as_str).collect();
        for batch in &found {
            match Sightings::of(batch) {
                Ok(rows) => {
                    let own = (0..rows.len())
                        .filter(|row| rows.call_id(*row).is_some_and(|call_id| wanted.contains(call_id)));
                    own.for_each(|row| rows.with(row, |seen| self.tracker.take_past(seen)));
                }
                Err(error) => tracing::error!(%error, "cannot read found messages"),
            }
        }
        asked.iter().for_each(|call_id| self.tracker.past_is_there(call_id));
    }

    /// Makes the figures of minutes whose time has come, of all rows that are published by now.
    fn make_minutes(&mut self) {
        let (now, begun) = (clock::now().0, Instant::now());
        let Some(minutes) = &mut self.minutes else { return };
        if self.replayed.get().is_none() || self.give_up.load(Ordering::Relaxed) || begun < self.minutes_at {
            return;
        }
        let Some(span) = minutes.due(now) else { return };
        let id = own_id(self.upto.max(self.journal.last_seq()));
        match over::figures(&*self.journal, span, node_number(id)) {
            Ok((made, last)) => {
                let last = last.unwrap_or(i64::MIN).max(self.made_at);
                self.made_at = now.max(last.saturating_add(1));
                let records = made.into_values().flat_map(|minute| minute.into_records(id, self.made_at));
                if let Some(table) = self.tables.iter_mut().find(|table| is_of_minutes(table)) {
                    records.for_each(|record| table.ended.push(&record));
                }
                self.made = Some(span);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot make the figures of some minutes: again later");
                minutes.put_off(span, now);
            }
        }
        self.minutes_at = Instant::now() + begun.elapsed() * MINUTES_SHARE;
    }

    fn tell(&mut self, rows: Vec<Row>) {
        let is_news = !rows.is_empty() || self.tables.iter().any(|table| !table.ended.is_empty());
        let now = clock::now().0;
        // Rows from here on are in no version yet.
        if let (Some(minutes), Some(made)) = (&mut self.minutes, self.made.take()) {
            minutes.made(made);
        }
        for row in rows {
            if let Some(minutes) = &mut self.minutes {
                let is_retold = row.is_retold || block(row.id) <= self.before;
                minutes.told(&row, is_retold, now);
            }
            let Some(table) = self.tables.iter_mut().find(|table| std::ptr::eq(table.table, row.table))
            else {
                continue;
            };
            let is_open = row.is_open;
            let record = row.into_record();
            if is_open {
                table.current.put(&record);
            } else {
                table.current.remove(record.common.id);
                table.ended.push(&record);
            }
        }
        let counts = self.tracker.counts();
        self.gauge.open.store(self.tracker.open() as u64, Ordering::Relaxed);
        self.ticks += 1;
        if self.ticks.is_multiple_of(MEASURED_EVERY) {
            self.gauge.bytes.store(self.tracker.bytes() as u64, Ordering::Relaxed);
        }
        self.gauge.evicted.store(counts.evicted, Ordering::Relaxed);
        self.gauge.beyond.store(counts.beyond, Ordering::Relaxed);
        // Rows tell of all messages before the first that none tells of.
        let position = self.tracker.oldest_untold().map_or(self.upto, |id| block(id).saturating_sub(1));
        let position = position.min(self.upto).max(self.told);
        if !is_news && position == self.told {
            return;
        }
        let mut told = Vec::with_capacity(self.tables.len());
        for table in &mut self.tables {
            match table.current.batches() {
                Ok(open) => {
                    let ended = (!table.ended.is_empty()).then(|| table.ended.finish());
                    told.push(Derived { table: table.table, ended, open });
                }
                Err(error) => tracing::error!(%error, table = table.table.name, "cannot gather rows"),
            }
        }
        self.watchers.iter().for_each(|watcher| watcher.told(&told));
        let waiting = self
            .carried
            .iter()
            .map(|(call_id, received)| Going { call_id: call_id.clone(), received: *received });
        let waiting = waiting.chain(
            self.tracker.waiting().map(|(call_id, received)| Going { call_id: call_id.to_owned(), received }),
        );
        let going = waiting.collect();
        let unfinished = Unfinished { going, minutes: self.minutes.as_ref().map(Minutes::state) };
        match self.journal.publish_derived(position, told, unfinished) {
            Ok(()) => self.told = position,
            // The store is closing: the next start makes these rows again.
            Err(error) => tracing::debug!(%error, "rows of calls are left to the next start"),
        }
    }
}

fn is_of_minutes(table: &TableRows) -> bool {
    std::ptr::eq(table.table, &raw const KPI_1M)
}

/// An id that this node may give: of the block it has come to.
fn own_id(block: u64) -> i64 {
    i64::try_from(block << 16).unwrap_or(i64::MAX)
}

impl TableRows {
    fn new(table: &'static Table) -> Self {
        Self { table, ended: TableBatch::new(table), current: Current::new(table) }
    }
}
