use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError, bounded};
use store::log::BlockBuilder;
use tokio::sync::oneshot;

use crate::counters::Listener;

/// What a batch costs of the budget beside its bytes: it bounds the number of batches in the queue too.
const BATCH_COST: usize = 1_024;

/// A spare builder larger than this is given back to the system: it grew in a burst of large packets.
const SPARE_BYTES_MAX: usize = 4 << 20;

/// Spare builders kept: a few for each thread that fills them at speed.
const SPARES_MAX: usize = 32;

/// Admitted packets of one listener, in order.
pub(crate) struct Batch {
    pub(crate) packets: BlockBuilder,
    pub(crate) listener: Listener,
    /// Someone waits for the fsync: commit without gathering further, and say so. Dropped unsent if it failed.
    pub(crate) stored: Option<oneshot::Sender<()>>,
}

impl Batch {
    fn cost(&self) -> usize {
        self.packets.bytes() + BATCH_COST
    }
}

/// Why the queue did not take a batch, which is given back.
pub(crate) enum Rejected {
    Full(Batch),
    /// The program is stopping.
    Closed(Batch),
}

/// The bounded way from the listeners to the committer.
pub(crate) struct Queue {
    sender: RwLock<Option<Sender<Batch>>>,
    budget: Arc<Budget>,
}

/// The committer's end of a [`Queue`].
pub(crate) struct QueueEnd {
    receiver: Receiver<Batch>,
    budget: Arc<Budget>,
}

impl Queue {
    pub(crate) fn new(bytes_max: usize) -> (Self, QueueEnd) {
        // Never the limit that bites: each batch costs its share of the budget, which is used up before.
        let (sender, receiver) = bounded(bytes_max / BATCH_COST + 2);
        let budget = Arc::new(Budget { used: Mutex::new(0), room: Condvar::new(), max: bytes_max });
        (
            Self { sender: RwLock::new(Some(sender)), budget: Arc::clone(&budget) },
            QueueEnd { receiver, budget },
        )
    }

    /// Gives the batch to the committer if there is room, or as soon as there is within `time_max`: waiting here
    /// is what pushes back on TCP.
    pub(crate) fn put(&self, batch: Batch, time_max: Duration) -> Result<(), Rejected> {
        let cost = batch.cost();
        if !self.budget.take(cost, time_max) {
            return Err(Rejected::Full(batch));
        }
        let sender = self.sender.read().unwrap_or_else(PoisonError::into_inner);
        let rejected = match sender.as_ref() {
            None => Rejected::Closed(batch),
            Some(sender) => match sender.try_send(batch) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(batch)) => Rejected::Full(batch),
                Err(TrySendError::Disconnected(batch)) => Rejected::Closed(batch),
            },
        };
        self.budget.give(cost);
        Err(rejected)
    }

    /// No batch is taken any more; the committer ends once it has emptied the queue.
    pub(crate) fn close(&self) {
        *self.sender.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl QueueEnd {
    /// The next batch, and its share of the budget, to be given back once it is safe or given up.
    pub(crate) fn next(&self, wait: Duration) -> Result<(Batch, usize), RecvTimeoutError> {
        let batch = if wait.is_zero() {
            self.receiver.try_recv().map_err(|error| match error {
                TryRecvError::Empty => RecvTimeoutError::Timeout,
                TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            })?
        } else {
            self.receiver.recv_timeout(wait)?
        };
        let cost = batch.cost();
        Ok((batch, cost))
    }

    pub(crate) fn give_back(&self, cost: usize) {
        self.budget.give(cost);
    }
}

/// Bytes that may be on their way.
struct Budget {
    used: Mutex<usize>,
    room: Condvar,
    max: usize,
}

impl Budget {
    fn take(&self, cost: usize, time_max: Duration) -> bool {
        // A batch larger than the whole budget passes alone.
        let fits = |used: usize| used == 0 || used + cost <= self.max;
        let mut used = self.used();
        let mut deadline = None;
        while !fits(*used) {
            let now = Instant::now();
            let left = deadline.get_or_insert(now + time_max).saturating_duration_since(now);
            if left.is_zero() {
                return false;
            }
            used = self.room.wait_timeout(used, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *used += cost;
        true
    }

    fn give(&self, cost: usize) {
        let mut used = self.used();
        *used = used.checked_sub(cost).expect("only what was taken is given back");
        drop(used);
        self.room.notify_all();
    }

    fn used(&self) -> MutexGuard<'_, usize> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Emptied builders for those who fill them: at speed no buffer is allocated anew. The last given is the first taken,
/// since it is still in the processor's cache.
#[derive(Clone, Default)]
pub(crate) struct Spares(Arc<Mutex<Vec<BlockBuilder>>>);

impl Spares {
    pub(crate) fn take(&self) -> BlockBuilder {
        self.lock().pop().unwrap_or_default()
    }

    pub(crate) fn give(&self, mut builder: BlockBuilder) {
        if (1..=SPARE_BYTES_MAX).contains(&builder.capacity()) {
            builder.clear();
            let mut spares = self.lock();
            if spares.len() < SPARES_MAX {
                spares.push(builder);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<BlockBuilder>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
