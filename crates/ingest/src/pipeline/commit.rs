use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, SendTimeoutError, Sender};
use store::log::{Block, BlockBuilder};
use tokio::sync::oneshot;

use super::journal::Journal;
use super::losses::LossWatch;
use super::queue::{Batch, QueueEnd, Spares};
use crate::admit::Shared;
use crate::alarms::Alarms;
use crate::counters::{Dropped, Listener};

/// The alarm that is up while the log cannot be written.
pub(crate) const LOG_ALARM: &str = "log_write";

/// The alarm that is up while a script is switched off.
const SCRIPT_ALARM: &str = "script";

/// First and longest pause between attempts to write a block the log refused.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// How often a waiting committer looks whether it was told to give up.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Gathers batches into blocks and makes them durable: the thread behind the word "accepted".
pub(crate) struct Committer {
    pub(crate) queue: QueueEnd,
    pub(crate) journal: Arc<dyn Journal>,
    /// To the understander. Bounded: when understanding or publishing falls behind, this thread waits. `None` once
    /// it was given up: after a block that was not passed on no other may be, or the understander would call the
    /// missing one published.
    pub(crate) blocks: Option<Sender<Block>>,
    /// To the listeners: as large as what one of them passes on.
    pub(crate) spare_batches: Spares,
    /// From the understander: as large as a block.
    pub(crate) spare_blocks: Spares,
    pub(crate) shared: Arc<Shared>,
    pub(crate) alarms: Arc<Alarms>,
    pub(crate) commit_every: Duration,
    pub(crate) commit_bytes: usize,
    /// Set when the stop has taken too long: what the log still refuses is given up.
    pub(crate) give_up: Arc<AtomicBool>,
}

/// A block in the making.
#[derive(Default)]
struct Group {
    builder: BlockBuilder,
    /// Whose packets are in it.
    parts: Vec<(Listener, u64)>,
    waiting: Vec<oneshot::Sender<()>>,
    cost: usize,
}

impl Committer {
    /// Runs until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        let mut carried = None;
        let mut losses = LossWatch::default();
        loop {
            losses.look(&self.shared.board, &self.alarms, Instant::now());
            self.look_at_scripts();
            let first = match carried.take() {
                Some(first) => first,
                None => match self.queue.next(LOOK_EVERY) {
                    Ok(first) => first,
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => return,
                },
            };
            let (mut group, next) = self.gather(first);
            carried = next;
            match self.append(&mut group.builder) {
                Some(block) => {
                    for (listener, count) in group.parts {
                        self.shared.board.store(listener, count);
                    }
                    for waiting in group.waiting {
                        // A request that gave up waiting is not told; its packets are stored all the same.
                        let _ = waiting.send(());
                    }
                    self.queue.give_back(group.cost);
                    self.pass_on(block);
                }
                None => {
                    for (listener, count) in group.parts {
                        self.shared.board.give_up(listener, Dropped::LogFailed, count);
                    }
                    self.queue.give_back(group.cost);
                }
            }
        }
    }

    /// An alarm is up while a script is switched off.
    fn look_at_scripts(&self) {
        let orders = self.shared.orders.load();
        let off = orders.scripts.as_ref().map_or_else(Vec::new, |scripts| scripts.off());
        if off.is_empty() {
            self.alarms.clear(SCRIPT_ALARM);
        } else {
            let message = format!(
                "scripts were switched off, since they met their limits again and again: {}; packets go on without \
                 them for a minute, or until the scripts are read again",
                off.join(", ")
            );
            self.alarms.raise(SCRIPT_ALARM, message);
        }
    }

    /// Hands an accepted block to the understander, as soon as it has room.
    fn pass_on(&mut self, mut block: Block) {
        while let Some(blocks) = &self.blocks {
            match blocks.send_timeout(block, LOOK_EVERY) {
                Ok(()) => return,
                Err(SendTimeoutError::Timeout(again)) if !self.give_up.load(Ordering::Relaxed) => {
                    block = again;
                }
                // It is in the log, and the next start replays it.
                Err(_) => {
                    self.blocks = None;
                    return;
                }
            }
        }
    }

    /// Gathers for one block; also the batch that no longer fitted.
    fn gather(&self, first: (Batch, usize)) -> (Group, Option<(Batch, usize)>) {
        let deadline = Instant::now() + self.commit_every;
        let mut group = Group { builder: self.spare_blocks.take(), ..Group::default() };
        let mut next = Some(first);
        while let Some((mut batch, cost)) = next.take() {
            let count = batch.packets.len() as u64;
            if group.builder.take_from(&mut batch.packets).is_err() {
                return (group, Some((batch, cost)));
            }
            match group.parts.iter_mut().find(|(listener, _)| *listener == batch.listener) {
                Some((_, sum)) => *sum += count,
                None => group.parts.push((batch.listener, count)),
            }
            self.spare_batches.give(batch.packets);
            group.waiting.extend(batch.stored);
            group.cost += cost;
            if group.builder.bytes() >= self.commit_bytes {
                break;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            // With somebody waiting, only what is already there is gathered.
            let wait = if group.waiting.is_empty() { left } else { Duration::ZERO };
            next = self.queue.next(wait).ok();
        }
        (group, None)
    }

    /// Appends until it succeeds. What arrives meanwhile is held in the queue as far as its budget goes.
    fn append(&self, builder: &mut BlockBuilder) -> Option<Block> {
        let mut pause = RETRY_PAUSE.0;
        let mut failed = false;
        loop {
            match self.journal.append(builder) {
                Ok(block) => {
                    if failed {
                        self.alarms.clear(LOG_ALARM);
                    }
                    return Some(block);
                }
                Err(error) => {
                    failed = true;
                    let hint = if error.is_disk_full() {
                        "; free some space on the disk of the data folder"
                    } else {
                        ""
                    };
                    self.alarms.raise(LOG_ALARM, format!("packets cannot be stored: {error}{hint}"));
                }
            }
            if self.give_up.load(Ordering::Relaxed) {
                tracing::error!(packets = builder.len(), "stopping without having stored packets");
                return None;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(RETRY_PAUSE.1);
        }
    }
}
