use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use serde::Serialize;

/// A door packets come in by. The number goes into the log, the name into the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Listener {
    Udp = 0,
    Tcp = 1,
    Http = 2,
}

impl Listener {
    pub(crate) const ALL: [Self; 3] = [Self::Udp, Self::Tcp, Self::Http];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Http => "http",
        }
    }

    /// The name for a number read from the log.
    pub(crate) fn name_of(number: u8) -> &'static str {
        Self::ALL.iter().find(|listener| **listener as u8 == number).map_or("unknown", |found| found.name())
    }
}

/// Why a packet was refused: what the sender did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Hep(hep::Refusal),
    /// No HEP key where one is required; HEPv1 and v2 cannot carry one.
    KeyMissing,
    KeyWrong,
    /// Over what a log entry may hold.
    TooLarge,
    /// More TCP connections than allowed.
    TooManyConnections,
    /// A TCP packet that did not become complete in time.
    Slow,
}

impl Refused {
    const OWN: [Self; 5] =
        [Self::KeyMissing, Self::KeyWrong, Self::TooLarge, Self::TooManyConnections, Self::Slow];

    pub(crate) const COUNT: usize = hep::Refusal::ALL.len() + Self::OWN.len();

    /// Stable name of the cause.
    pub(crate) const fn cause(self) -> &'static str {
        match self {
            Self::Hep(refusal) => refusal.cause(),
            Self::KeyMissing => "key_missing",
            Self::KeyWrong => "key_wrong",
            Self::TooLarge => "too_large",
            Self::TooManyConnections => "too_many_connections",
            Self::Slow => "slow",
        }
    }

    /// One sentence for the person who reads the counter.
    pub(crate) const fn doc(self) -> &'static str {
        match self {
            Self::Hep(refusal) => refusal.doc(),
            Self::KeyMissing => "no HEP key, but keys are configured here",
            Self::KeyWrong => "a HEP key that is not among those configured here",
            Self::TooLarge => "larger than any HEP packet",
            Self::TooManyConnections => "more TCP connections than allowed",
            Self::Slow => "the packet was not complete in time",
        }
    }

    pub(crate) fn index(self) -> usize {
        match self {
            Self::Hep(refusal) => {
                // A refusal this program does not know yet still counts, as the most general one.
                hep::Refusal::ALL.iter().position(|known| *known == refusal).unwrap_or(2)
            }
            own => {
                let place = Self::OWN.iter().position(|known| *known == own);
                hep::Refusal::ALL.len() + place.expect("every cause of our own is listed")
            }
        }
    }

    pub(crate) fn from_index(index: usize) -> Self {
        hep::Refusal::ALL
            .get(index)
            .map_or_else(|| Self::OWN[index - hep::Refusal::ALL.len()], |refusal| Self::Hep(*refusal))
    }
}

/// Why a packet was dropped: what we did, or the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dropped {
    /// The kernel's receive buffer was full.
    Kernel,
    /// A sign of life with nothing to keep.
    Keepalive,
    /// More is waiting for the log than allowed.
    QueueFull,
    /// The log could not be written before the program had to stop.
    LogFailed,
    /// It came while the program was stopping.
    Stopping,
}

impl Dropped {
    const ALL: [Self; 5] = [Self::Kernel, Self::Keepalive, Self::QueueFull, Self::LogFailed, Self::Stopping];

    const fn cause(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Keepalive => "keepalive",
            Self::QueueFull => "queue_full",
            Self::LogFailed => "log_failed",
            Self::Stopping => "stopping",
        }
    }

    const fn index(self) -> usize {
        self as usize
    }
}

/// What one thread counted since it last told the [`Board`]: no atomics per packet.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) received: u64,
    pub(crate) bytes: u64,
    refused: [u64; Refused::COUNT],
    dropped: [u64; Dropped::ALL.len()],
}

impl Tally {
    pub(crate) fn refuse(&mut self, refused: Refused) {
        self.received += 1;
        self.refused[refused.index()] += 1;
    }

    pub(crate) fn drop(&mut self, dropped: Dropped) {
        self.received += 1;
        self.dropped[dropped.index()] += 1;
    }
}

/// The counters of all listeners, written by their threads and read by whoever asks.
#[derive(Debug, Default)]
pub(crate) struct Board {
    rows: [Row; Listener::ALL.len()],
}

#[derive(Debug, Default)]
struct Row {
    address: OnceLock<SocketAddr>,
    received: AtomicU64,
    bytes: AtomicU64,
    stored: AtomicU64,
    refused: [AtomicU64; Refused::COUNT],
    dropped: [AtomicU64; Dropped::ALL.len()],
    duplicates: AtomicU64,
}

impl Board {
    /// From now on the listener is shown, with this address.
    pub(crate) fn open(&self, listener: Listener, address: SocketAddr) {
        let _ = self.row(listener).address.set(address);
    }

    pub(crate) fn address(&self, listener: Listener) -> Option<SocketAddr> {
        self.row(listener).address.get().copied()
    }

    /// Adds and forgets what a thread counted.
    pub(crate) fn add(&self, listener: Listener, tally: &mut Tally) {
        let row = self.row(listener);
        // First, and released by what follows: a reader who sees a packet's end also sees its beginning.
        row.received.fetch_add(tally.received, Relaxed);
        row.bytes.fetch_add(tally.bytes, Relaxed);
        for (counter, count) in row.refused.iter().zip(tally.refused) {
            if count > 0 {
                counter.fetch_add(count, Release);
            }
        }
        for (counter, count) in row.dropped.iter().zip(tally.dropped) {
            if count > 0 {
                counter.fetch_add(count, Release);
            }
        }
        *tally = Tally::default();
    }

    /// Packets whose `received` was counted before are now safe in the log.
    pub(crate) fn store(&self, listener: Listener, count: u64) {
        self.row(listener).stored.fetch_add(count, Release);
    }

    /// Packets whose `received` was counted before are given up.
    pub(crate) fn give_up(&self, listener: Listener, dropped: Dropped, count: u64) {
        self.row(listener).dropped[dropped.index()].fetch_add(count, Release);
    }

    /// Packets that were never seen: received and dropped in one.
    pub(crate) fn miss(&self, listener: Listener, dropped: Dropped, count: u64) {
        self.row(listener).received.fetch_add(count, Relaxed);
        self.give_up(listener, dropped, count);
    }

    /// How many packets of all listeners were dropped for this cause.
    pub(crate) fn dropped(&self, cause: Dropped) -> u64 {
        self.rows.iter().map(|row| row.dropped[cause.index()].load(Relaxed)).sum()
    }

    pub(crate) fn read(&self) -> Conservation {
        let listeners: Vec<ListenerCounters> = Listener::ALL
            .iter()
            .filter_map(|listener| {
                let address = self.address(*listener)?;
                Some(ListenerCounters {
                    name: listener.name(),
                    address,
                    counters: self.row(*listener).read(),
                })
            })
            .collect();
        let mut total = Counters::default();
        for listener in &listeners {
            total.add(&listener.counters);
        }
        Conservation { listeners, total }
    }

    fn row(&self, listener: Listener) -> &Row {
        &self.rows[listener as usize]
    }
}

impl Row {
    /// Ends are read before beginnings, so that `pending` is never below zero.
    fn read(&self) -> Counters {
        let stored = self.stored.load(Acquire);
        let duplicates = self.duplicates.load(Acquire);
        let refused: BTreeMap<&'static str, u64> =
            nonzero(&self.refused, |index| Refused::from_index(index).cause());
        let dropped: BTreeMap<&'static str, u64> =
            nonzero(&self.dropped, |index| Dropped::ALL[index].cause());
        let received = self.received.load(Relaxed);
        let ended = stored + duplicates + refused.values().sum::<u64>() + dropped.values().sum::<u64>();
        let pending = received.saturating_sub(ended);
        Counters { received, stored, refused, dropped, duplicates, pending, bytes: self.bytes.load(Relaxed) }
    }
}

fn nonzero(counters: &[AtomicU64], cause: impl Fn(usize) -> &'static str) -> BTreeMap<&'static str, u64> {
    let counts = counters.iter().map(|counter| counter.load(Acquire)).enumerate();
    counts.filter(|(_, count)| *count > 0).map(|(index, count)| (cause(index), count)).collect()
}

/// What became of everything that arrived:
/// `received = stored + refused + dropped + duplicates + pending`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    pub received: u64,
    /// Covered by fsync.
    pub stored: u64,
    /// By cause: what senders did wrong.
    pub refused: BTreeMap<&'static str, u64>,
    /// By cause: what we, or the kernel, did not keep.
    pub dropped: BTreeMap<&'static str, u64>,
    pub duplicates: u64,
    /// On its way to the log.
    pub pending: u64,
    /// Bytes of packets received, as they were on the wire.
    pub bytes: u64,
}

impl Counters {
    fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.stored += other.stored;
        self.duplicates += other.duplicates;
        self.pending += other.pending;
        self.bytes += other.bytes;
        for (sum, part) in [(&mut self.refused, &other.refused), (&mut self.dropped, &other.dropped)] {
            for (cause, count) in part {
                *sum.entry(cause).or_default() += count;
            }
        }
    }
}

/// The counters of one listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListenerCounters {
    pub name: &'static str,
    pub address: SocketAddr,
    #[serde(flatten)]
    pub counters: Counters,
}

/// The counters of every listener and their sum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Conservation {
    pub listeners: Vec<ListenerCounters>,
    pub total: Counters,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_have_one_name_and_one_place_each() {
        let mut names: Vec<&str> =
            (0..Refused::COUNT).map(|index| Refused::from_index(index).cause()).collect();
        for index in 0..Refused::COUNT {
            assert_eq!(Refused::from_index(index).index(), index);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Refused::COUNT);
        for (index, dropped) in Dropped::ALL.iter().enumerate() {
            assert_eq!(dropped.index(), index);
        }
        for listener in Listener::ALL {
            assert_eq!(Listener::name_of(listener as u8), listener.name());
        }
    }

    #[test]
    fn what_is_received_and_not_ended_is_pending() {
        let board = Board::default();
        assert!(board.read().listeners.is_empty(), "a closed listener is not shown");
        board.open(Listener::Udp, "127.0.0.1:9060".parse().expect("an address"));
        let mut tally = Tally { received: 5, bytes: 500, ..Tally::default() };
        tally.refuse(Refused::KeyWrong);
        tally.drop(Dropped::Keepalive);
        board.add(Listener::Udp, &mut tally);
        board.store(Listener::Udp, 3);
        board.miss(Listener::Udp, Dropped::Kernel, 4);
        let total = board.read().total;
        assert_eq!((total.received, total.stored, total.pending, total.bytes), (11, 3, 2, 500));
        assert_eq!(total.refused, BTreeMap::from([("key_wrong", 1)]));
        assert_eq!(total.dropped, BTreeMap::from([("kernel", 4), ("keepalive", 1)]));
        assert_eq!(tally.received, 0, "told once");
    }
}
