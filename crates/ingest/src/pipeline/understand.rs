use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use model::Table;
use protocols::{Arrival, Protocols};
use store::TableBatch;
use store::log::{Block, Cause, Entry};

use super::join::Feed;
use super::journal::Journal;
use super::queue::Spares;
use super::sightings;
use crate::admit::Shared;
use crate::alarms::Alarms;
use crate::clock;
use crate::config::{IngestConfig, Tap};
use crate::ingest::Replayed;
use crate::senders::Gathering;
use crate::transport::Transport;
use crate::watch::Watcher;

/// The alarm that is up while rows cannot be published.
pub(crate) const PUBLISH_ALARM: &str = "publish";

/// The alarm that stays up after a start that found the log damaged.
pub(crate) const DAMAGE_ALARM: &str = "log_damage";

/// Rows are published at once when they take this much. A compressed payload is up to a hundred times what was
/// received: few rows may be large, and a column of them must stay far below the 2 GiB Arrow allows.
const PUBLISH_BYTES: usize = 16 << 20;

/// Pause between attempts to publish rows the store refused.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// How long to wait for a block before looking at the clock again.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Turns blocks of the log into rows and publishes them: first what an earlier run left, then what comes.
pub(crate) struct Understander {
    journal: Arc<dyn Journal>,
    protocols: &'static Protocols,
    shared: Arc<Shared>,
    /// Flags of live rows, on their way to the senders.
    gathering: Gathering,
    spares: Spares,
    tap: Option<Tap>,
    alarms: Arc<Alarms>,
    watchers: Vec<Arc<dyn Watcher>>,
    publish_every: Duration,
    publish_rows: usize,
    /// Set when the stop has taken too long: unpublished rows are left to the replay of the next start.
    give_up: Arc<AtomicBool>,
    tables: Vec<TableRows>,
    joining: Option<Joining>,
    /// The last block of earlier runs: later ones come through the channel, also while the replay goes on.
    replay_upto: u64,
    /// All rows of blocks up to here are published or gathered.
    upto: u64,
    /// When the oldest gathered row was gathered.
    since: Option<Instant>,
    undecodable: u64,
}

/// The way to the rows that are made of messages.
struct Joining {
    feed: Sender<Feed>,
    /// Those rows tell of blocks up to here already.
    told: u64,
    /// Messages that are in the lake already and that those rows do not tell of.
    late: TableBatch,
}

struct TableRows {
    table: &'static Table,
    batch: TableBatch,
    /// Rows of blocks up to here are in the lake already. Live blocks are always above.
    settled: u64,
}

impl Understander {
    /// To be called before anything is appended.
    pub(crate) fn new(
        journal: Arc<dyn Journal>,
        config: &IngestConfig,
        shared: Arc<Shared>,
        spares: Spares,
        alarms: Arc<Alarms>,
        give_up: Arc<AtomicBool>,
        feed: Option<Sender<Feed>>,
    ) -> Self {
        let protocols = config.protocols;
        let tables = protocols
            .tables()
            .iter()
            .map(|table| TableRows { table, batch: TableBatch::new(table), settled: journal.settled(table) })
            .collect();
        let replay_upto = journal.last_seq();
        let sip = protocols.tables().iter().find(|table| table.name == sightings::TABLE);
        let joining = feed.zip(sip).map(|(feed, sip)| Joining {
            feed,
            told: journal.derived().iter().map(|table| journal.settled(table)).min().unwrap_or(u64::MAX),
            late: TableBatch::new(sip),
        });
        Self {
            journal,
            protocols,
            shared,
            gathering: Gathering::default(),
            spares,
            tap: config.tap.clone(),
            alarms,
            watchers: config.watchers.clone(),
            publish_every: config.publish_every,
            publish_rows: config.publish_rows,
            give_up,
            tables,
            joining,
            replay_upto,
            upto: 0,
            since: None,
            undecodable: 0,
        }
    }

    /// Brings what the log holds and the lake does not.
    pub(crate) fn replay(&mut self) -> Replayed {
        let told = self.joining.as_ref().map(|joining| joining.told);
        let after = self.tables.iter().map(|table| table.settled).chain(told).min().unwrap_or(0);
        let mut replayed = Replayed::default();
        let journal = Arc::clone(&self.journal);
        for item in journal.replay(after) {
            match item {
                Ok(block) if block.seq() > self.replay_upto => break,
                Ok(block) => {
                    replayed.blocks += 1;
                    replayed.rows += self.take(&block);
                    if self.is_full() && !self.publish() {
                        break;
                    }
                    self.spares.give(block.into_builder());
                }
                Err(damage) => {
                    // Torn tails and zeros are what a crash leaves behind; nothing accepted was in them.
                    if matches!(damage.cause, Cause::Torn | Cause::Zeros) {
                        tracing::warn!("{damage}");
                    } else {
                        self.alarms.raise(DAMAGE_ALARM, damage.to_string());
                    }
                    replayed.damages.push(damage.to_string());
                }
            }
        }
        self.publish();
        replayed
    }

    /// Runs until the committer is gone and all its blocks are published.
    pub(crate) fn run(&mut self, blocks: &Receiver<Block>) {
        loop {
            let wait =
                self.since.map_or(LOOK_EVERY, |since| self.publish_every.saturating_sub(since.elapsed()));
            match blocks.recv_timeout(wait) {
                Ok(block) => {
                    self.take(&block);
                    self.spares.give(block.into_builder());
                    if !self.is_full() {
                        continue;
                    }
                }
                Err(RecvTimeoutError::Timeout) if self.since.is_none() => {
                    self.gathering.tell(&self.shared.senders, clock::now(), true);
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.publish();
                    return;
                }
            }
            if !self.publish() {
                return;
            }
        }
    }

    /// Gathers the rows of one block; how many.
    fn take(&mut self, block: &Block) -> u64 {
        if let Some(tap) = &self.tap {
            tap.see(block);
        }
        let mut rows = 0;
        for (place, entry) in block.iter().enumerate() {
            rows += u64::from(self.understand(block.seq(), block.row_id(place), &entry));
        }
        if let Some(last) = block.iter().last() {
            self.gathering.tell(&self.shared.senders, last.received, false);
        }
        self.upto = block.seq();
        self.since.get_or_insert_with(Instant::now);
        rows
    }

    fn understand(&mut self, seq: u64, id: i64, entry: &Entry<'_>) -> bool {
        let packet = match hep::decode(entry.frame, clock::hep_seconds(entry.received)) {
            Ok((packet, _)) => packet,
            Err(refusal) => {
                // It was decoded before it was logged, so this is a mistake of ours.
                self.undecodable += 1;
                if self.undecodable == 1 {
                    tracing::error!(id, cause = refusal.cause(), "a packet in the log cannot be decoded");
                }
                return false;
            }
        };
        let arrival = Arrival {
            id,
            received: entry.received,
            sender: entry.sender.ip(),
            listener: Transport::name_of(entry.listener),
            corrections: self.shared.orders.load().rules.of(entry.sender.ip(), packet.node).corrections,
        };
        let record = self.protocols.understand(&packet, &arrival);
        let rows = self
            .tables
            .iter_mut()
            .find(|rows| std::ptr::eq(rows.table, record.table))
            .expect("protocols declares the table of every record it makes");
        if seq <= rows.settled {
            if let Some(joining) = &mut self.joining
                && seq > joining.told
                && std::ptr::eq(record.table, joining.late.table())
            {
                joining.late.push(&record);
            }
            return false;
        }
        rows.batch.push(&record);
        // Of this run: the senders of an earlier one are not those of the page.
        if seq > self.replay_upto {
            self.gathering.flags(entry.sender.ip(), &packet, &record.common.flags, entry.received);
        }
        true
    }

    /// Whether what is gathered should be published without waiting for more.
    fn is_full(&self) -> bool {
        let late = self.joining.iter().map(|joining| &joining.late);
        let batches = || self.tables.iter().map(|table| &table.batch).chain(late.clone());
        batches().map(TableBatch::len).sum::<usize>() >= self.publish_rows
            || batches().map(TableBatch::bytes).sum::<usize>() >= PUBLISH_BYTES
    }

    /// Publishes what is gathered, again and again until the store takes it: going on without it would mark rows
    /// as settled that never were. False if the program had to stop first.
    fn publish(&mut self) -> bool {
        if self.since.take().is_none() {
            return true;
        }
        let filled = self.tables.iter_mut().filter(|table| !table.batch.is_empty());
        let batches: Vec<_> = filled.map(|table| (table.table, table.batch.finish())).collect();
        let mut failed = false;
        loop {
            // Batches are shared, not copied, by a clone.
            match self.journal.publish(self.upto, batches.clone()) {
                Ok(()) => {
                    if failed {
                        self.alarms.clear(PUBLISH_ALARM);
                    }
                    if self.upto > self.replay_upto {
                        self.watchers.iter().for_each(|watcher| watcher.published(&batches));
                    }
                    self.join(&batches);
                    return true;
                }
                Err(error) => {
                    failed = true;
                    self.alarms
                        .raise(PUBLISH_ALARM, format!("stored packets cannot be made searchable: {error}"));
                }
            }
            if self.give_up.load(Ordering::Relaxed) {
                return false;
            }
            std::thread::sleep(RETRY_PAUSE);
        }
    }

    /// Hands messages on to the rows that are made of them; waits if these are far behind.
    fn join(&mut self, published: &[(&'static Table, RecordBatch)]) {
        let Some(joining) = &mut self.joining else { return };
        let messages = published.iter().filter(|(table, _)| std::ptr::eq(*table, joining.late.table()));
        let mut rows: Vec<RecordBatch> = messages.map(|(_, rows)| rows.clone()).collect();
        if !joining.late.is_empty() {
            rows.insert(0, joining.late.finish());
        }
        // Gone only if the program is going.
        let _ = joining.feed.send(Feed { upto: self.upto, rows });
    }
}
