//! What waits to be sent: first in memory, then on disk if that is asked for, both bounded.
//!
//! Every item that is offered is counted once as taken and once more as sent or dropped by cause; the others wait. The
//! order is kept but for items that the other side wants to be offered again while it takes later ones.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use model::Micros;

/// One record as it will be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// When it arrived here: how far behind an output is.
    pub(crate) received: Micros,
    pub(crate) bytes: Box<[u8]>,
}

impl Item {
    /// What an item takes beside its bytes, roughly.
    const FIXED_BYTES: usize = 80;

    pub(crate) fn cost(&self) -> usize {
        Self::FIXED_BYTES + self.bytes.len()
    }
}

/// Why an item will never be sent.
pub(crate) mod cause {
    /// The memory of the queue was full, and there is no spool.
    pub(crate) const QUEUE_FULL: &str = "queue_full";
    /// Memory and spool were full.
    pub(crate) const SPOOL_FULL: &str = "spool_full";
    /// The spool could not be written.
    pub(crate) const SPOOL_FAILED: &str = "spool_failed";
    /// The spool could not be read.
    pub(crate) const SPOOL_DAMAGED: &str = "spool_damaged";
    /// The other side will not have it.
    pub(crate) const REFUSED: &str = "refused";
    /// It cannot be said in the form that was asked for.
    pub(crate) const UNSENDABLE: &str = "unsendable";
    /// Its bytes were gone before they were looked at.
    pub(crate) const FRAME_GONE: &str = "frame_gone";
    /// The program stopped before it could be sent.
    pub(crate) const STOPPED: &str = "stopped";
}

/// Where items go that memory has no room for.
pub(crate) trait Overflow {
    /// Behind all others; else the cause why not.
    fn put(&mut self, item: &Item) -> Result<(), &'static str>;
    /// The oldest that was not taken yet. It stays there until it is done with.
    fn take(&mut self) -> Option<Taken>;
    /// What was taken under this ticket need not be kept.
    fn done(&mut self, ticket: u64);
    /// After some were done with: notes how far it has come.
    fn commit(&mut self);
    /// Items that were not taken yet.
    fn waiting(&self) -> u64;
    fn bytes(&self) -> u64;
}

pub(crate) enum Taken {
    Item(u64, Item),
    /// So many items that stood here cannot be read.
    Lost(u64),
}

/// What became of one item of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Sent,
    Refused,
    /// To be sent again.
    Again,
    /// To be sent again, behind the others: it is this one that was not taken.
    Behind,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) taken: u64,
    pub(crate) sent: u64,
    pub(crate) dropped: BTreeMap<&'static str, u64>,
}

impl Counts {
    pub(crate) fn drop(&mut self, cause: &'static str, count: u64) {
        if count > 0 {
            *self.dropped.entry(cause).or_default() += count;
        }
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.values().sum()
    }
}

pub(crate) struct Queue<S> {
    /// Oldest first; those in front are in hand.
    items: VecDeque<Held>,
    in_hand: usize,
    bytes: usize,
    bytes_max: usize,
    spool: Option<S>,
    counts: Counts,
}

struct Held {
    item: Arc<Item>,
    /// If it came from the spool.
    ticket: Option<u64>,
}

impl<S: Overflow> Queue<S> {
    /// What the spool holds from an earlier run counts as taken.
    pub(crate) fn new(bytes_max: usize, spool: Option<S>) -> Self {
        let taken = spool.as_ref().map_or(0, Overflow::waiting);
        let counts = Counts { taken, ..Counts::default() };
        Self { items: VecDeque::new(), in_hand: 0, bytes: 0, bytes_max, spool, counts }
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Items that are neither sent nor dropped.
    pub(crate) fn waiting(&self) -> u64 {
        self.items.len() as u64 + self.spool.as_ref().map_or(0, Overflow::waiting)
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes on disk.
    pub(crate) fn spool_bytes(&self) -> u64 {
        self.spool.as_ref().map_or(0, Overflow::bytes)
    }

    /// When the item arrived that waits longest, as far as is known without reading the disk.
    pub(crate) fn oldest(&self) -> Option<Micros> {
        self.items.iter().map(|held| held.item.received).min()
    }

    /// Takes one more. When all is full the newest is dropped: what waits longest may be just being sent.
    pub(crate) fn offer(&mut self, item: Item) {
        self.counts.taken += 1;
        let cost = item.cost();
        let spooling = self.spool.as_ref().is_some_and(|spool| spool.waiting() > 0);
        // An item larger than all memory passes alone.
        if !spooling && (self.items.is_empty() || self.bytes + cost <= self.bytes_max) {
            self.bytes += cost;
            self.items.push_back(Held { item: Arc::new(item), ticket: None });
            return;
        }
        let outcome = match &mut self.spool {
            None => Err(cause::QUEUE_FULL),
            Some(spool) => spool.put(&item),
        };
        if let Err(cause) = outcome {
            self.counts.drop(cause, 1);
        }
    }

    /// Records that were matched and have no item.
    pub(crate) fn lose(&mut self, cause: &'static str, count: u64) {
        self.counts.taken += count;
        self.counts.drop(cause, count);
    }

    /// The next items, to be given back with a verdict each. Whatever was in hand and got none is in hand again.
    pub(crate) fn batch(&mut self, rows_max: usize, bytes_max: usize) -> Vec<Arc<Item>> {
        self.refill();
        let mut bytes = 0;
        let mut batch: Vec<Arc<Item>> = Vec::new();
        for held in self.items.iter().take(rows_max.max(1)) {
            bytes += held.item.bytes.len();
            if !batch.is_empty() && bytes > bytes_max {
                break;
            }
            batch.push(Arc::clone(&held.item));
        }
        self.in_hand = batch.len();
        batch
    }

    /// What became of those in hand, in their order.
    pub(crate) fn settle(&mut self, verdicts: impl IntoIterator<Item = Verdict>) {
        let (mut again, mut behind) = (Vec::new(), Vec::new());
        let verdicts = verdicts.into_iter().chain(std::iter::repeat(Verdict::Again));
        for (_, verdict) in (0..std::mem::take(&mut self.in_hand)).zip(verdicts) {
            let Some(held) = self.items.pop_front() else { break };
            match verdict {
                Verdict::Again => {
                    again.push(held);
                    continue;
                }
                Verdict::Behind => {
                    behind.push(held);
                    continue;
                }
                Verdict::Sent => self.counts.sent += 1,
                Verdict::Refused => self.counts.drop(cause::REFUSED, 1),
            }
            self.bytes -= held.item.cost();
            if let (Some(ticket), Some(spool)) = (held.ticket, &mut self.spool) {
                spool.done(ticket);
            }
        }
        for held in again.into_iter().rev() {
            self.items.push_front(held);
        }
        self.items.extend(behind);
        if let Some(spool) = &mut self.spool {
            spool.commit();
        }
    }

    /// The program stops: what is in memory goes to the spool, behind what is there, or is dropped.
    pub(crate) fn close(&mut self) {
        self.in_hand = 0;
        for held in std::mem::take(&mut self.items) {
            self.bytes -= held.item.cost();
            let outcome = match (&mut self.spool, held.ticket) {
                // It is still there.
                (Some(_), Some(_)) => continue,
                (Some(spool), None) => spool.put(&held.item),
                (None, _) => Err(cause::STOPPED),
            };
            if let Err(cause) = outcome {
                self.counts.drop(cause, 1);
            }
        }
    }

    /// From disk to memory, as long as half of it is free: to read item by item would be slow.
    fn refill(&mut self) {
        let Some(spool) = &mut self.spool else { return };
        while spool.waiting() > 0 && (self.items.is_empty() || self.bytes < self.bytes_max / 2) {
            match spool.take() {
                Some(Taken::Item(ticket, item)) => {
                    self.bytes += item.cost();
                    self.items.push_back(Held { item: Arc::new(item), ticket: Some(ticket) });
                }
                Some(Taken::Lost(count)) => self.counts.drop(cause::SPOOL_DAMAGED, count),
                None => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A disk in memory that may be full, fail to be written, and lose what it has.
    #[derive(Default)]
    struct Shelf {
        items: VecDeque<(u64, Item)>,
        next: u64,
        room: usize,
        writable: bool,
        lose_every: u64,
        undone: Vec<u64>,
    }

    impl Overflow for Shelf {
        fn put(&mut self, item: &Item) -> Result<(), &'static str> {
            if !self.writable {
                return Err(cause::SPOOL_FAILED);
            }
            if self.items.len() >= self.room {
                return Err(cause::SPOOL_FULL);
            }
            self.items.push_back((self.next, item.clone()));
            self.next += 1;
            Ok(())
        }

        fn take(&mut self) -> Option<Taken> {
            let (ticket, item) = self.items.pop_front()?;
            if self.lose_every > 0 && ticket % self.lose_every == 0 {
                return Some(Taken::Lost(1));
            }
            self.undone.push(ticket);
            Some(Taken::Item(ticket, item))
        }

        fn done(&mut self, ticket: u64) {
            self.undone.retain(|undone| *undone != ticket);
        }

        fn commit(&mut self) {}

        fn waiting(&self) -> u64 {
            self.items.len() as u64
        }

        fn bytes(&self) -> u64 {
            self.items.iter().map(|(_, item)| item.bytes.len() as u64).sum()
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Offer(usize),
        Lose,
        /// A batch of so many, and what becomes of each.
        Send(usize, Vec<u8>),
        /// A batch that nobody ever answered.
        Vanish(usize),
        Writable(bool),
        Close,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (1..40_usize).prop_map(Step::Offer),
            1 => Just(Step::Lose),
            4 => (1..20_usize, proptest::collection::vec(0..4_u8, 0..20)).prop_map(|(rows, fates)| Step::Send(rows, fates)),
            1 => (1..20_usize).prop_map(Step::Vanish),
            1 => any::<bool>().prop_map(Step::Writable),
            1 => Just(Step::Close),
        ];
        proptest::collection::vec(step, 0..120)
    }

    fn verdict(fate: u8) -> Verdict {
        [Verdict::Sent, Verdict::Refused, Verdict::Again, Verdict::Behind][usize::from(fate)]
    }

    fn item(number: u64, bytes: usize) -> Item {
        let mut text = number.to_be_bytes().to_vec();
        text.resize(8 + bytes, 0);
        Item { received: Micros(number as i64), bytes: text.into() }
    }

    fn number(item: &Item) -> u64 {
        u64::from_be_bytes(item.bytes[..8].try_into().expect("eight bytes"))
    }

    fn check(queue: &Queue<Shelf>) {
        let counts = queue.counts();
        assert_eq!(counts.taken, counts.sent + counts.dropped() + queue.waiting());
    }

    proptest! {
        /// Whatever the other side does: taken = sent + dropped + waiting, nothing is sent twice that was taken, memory
        /// and disk are within their bounds.
        #[test]
        fn every_item_is_sent_once_dropped_once_or_waits(
            steps in steps(), bytes_max in 200..2_000_usize, spool in proptest::option::of((0..30_usize, 0..5_u64)),
        ) {
            let shelf = spool.map(|(room, lose_every)| Shelf { room, lose_every, writable: true, ..Shelf::default() });
            let mut queue = Queue::new(bytes_max, shelf);
            let (mut next, mut sent) = (0, Vec::new());
            for step in steps {
                match step {
                    Step::Offer(bytes) => {
                        queue.offer(item(next, bytes));
                        next += 1;
                    }
                    Step::Lose => queue.lose(cause::UNSENDABLE, 1),
                    Step::Send(rows, fates) => {
                        let batch = queue.batch(rows, 100);
                        prop_assert!(batch.len() <= rows);
                        let verdicts: Vec<Verdict> = fates.into_iter().map(verdict).collect();
                        sent.extend(batch.iter().zip(&verdicts).filter(|(_, v)| **v == Verdict::Sent).map(|(i, _)| number(i)));
                        queue.settle(verdicts);
                    }
                    Step::Vanish(rows) => {
                        queue.batch(rows, usize::MAX);
                    }
                    Step::Writable(writable) => {
                        if let Some(shelf) = &mut queue.spool {
                            shelf.writable = writable;
                        }
                    }
                    // What the spool had handed out is a matter of the next run.
                    Step::Close if queue.spool.is_none() => queue.close(),
                    Step::Close => {}
                }
                check(&queue);
                prop_assert!(queue.bytes() <= bytes_max.max(Item::FIXED_BYTES + 48) + Item::FIXED_BYTES + 48);
                prop_assert_eq!(queue.bytes(), queue.items.iter().map(|held| held.item.cost()).sum::<usize>());
                if let Some(shelf) = &queue.spool {
                    let held: Vec<u64> = queue.items.iter().filter_map(|held| held.ticket).collect();
                    let mut undone = shelf.undone.clone();
                    undone.sort_unstable();
                    let mut tickets = held;
                    tickets.sort_unstable();
                    prop_assert_eq!(undone, tickets, "what waits is kept on disk, what is done with is not");
                }
            }
            let mut distinct = sent.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), sent.len());
        }

        /// An other side that takes all gets all, in order, however small the memory, if the disk has room.
        #[test]
        fn what_is_taken_arrives_in_order(count in 0..200_u64, bytes_max in 100..1_000_usize, rows in 1..30_usize) {
            let shelf = Shelf { room: usize::MAX, writable: true, ..Shelf::default() };
            let mut queue = Queue::new(bytes_max, Some(shelf));
            for number in 0..count {
                queue.offer(item(number, 20));
            }
            let mut sent = Vec::new();
            while queue.waiting() > 0 {
                let batch = queue.batch(rows, usize::MAX);
                sent.extend(batch.iter().map(|item| number(item)));
                queue.settle(batch.iter().map(|_| Verdict::Sent));
            }
            prop_assert_eq!(sent, (0..count).collect::<Vec<_>>());
            prop_assert_eq!(queue.counts().sent, count);
        }
    }

    #[test]
    fn what_alone_is_not_taken_lets_the_others_go_first() {
        let mut queue: Queue<Shelf> = Queue::new(10_000, None);
        (0..4).for_each(|number_of| queue.offer(item(number_of, 10)));
        let numbers = |batch: Vec<Arc<Item>>| batch.iter().map(|item| number(item)).collect::<Vec<_>>();
        assert_eq!(numbers(queue.batch(2, usize::MAX)), [0, 1]);
        queue.settle([Verdict::Behind, Verdict::Again]);
        assert_eq!(numbers(queue.batch(9, usize::MAX)), [1, 2, 3, 0]);
        assert_eq!(queue.oldest(), Some(Micros(0)));
    }

    #[test]
    fn without_a_spool_a_stop_drops_what_waits_and_says_so() {
        let mut queue: Queue<Shelf> = Queue::new(10_000, None);
        queue.offer(item(0, 10));
        queue.offer(item(1, 10));
        queue.batch(1, usize::MAX);
        queue.settle([Verdict::Sent]);
        queue.close();
        assert_eq!(queue.counts().dropped, BTreeMap::from([(cause::STOPPED, 1)]));
        check(&queue);
    }
}
