use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use serde::Serialize;

use crate::transport::Transport;

/// A door packets come in by, and how they came: a WebSocket may come in by the HTTP door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Listener {
    pub(crate) transport: Transport,
    /// Where it is among the listeners configured.
    pub(crate) place: u16,
}

/// Why a packet was refused: what the sender did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Hep(hep::Refusal),
    /// No HEP key where one is required; HEPv1 and v2 cannot carry one.
    KeyMissing,
    KeyWrong,
    /// From an address that is not among those that may send here.
    SenderNotAllowed,
    /// Beyond the pace that a sender may have.
    TooFast,
    /// Over what a log entry may hold.
    TooLarge,
    /// More connections than allowed.
    TooManyConnections,
    /// More connections of this peer than allowed.
    TooManyOfPeer,
    /// A packet, or a handshake before the first, that did not become complete in time.
    Slow,
    /// Bytes that are no TLS on a TLS port.
    NotTls,
    /// A TLS handshake that failed, or a broken record after it.
    TlsFailed,
    /// No client certificate where one is required, or one that is not accepted.
    ClientCertificate,
    /// No PROXY header where one is required, or a broken one.
    ProxyHeader,
    /// A PROXY header where none is expected.
    ProxyUnexpected,
    /// A connection past the proxies that a listener is for.
    ProxyUnknown,
    /// A WebSocket message of text.
    WebSocketText,
    /// Frames that are no WebSocket (RFC 6455).
    WebSocketFrame,
    /// JSON that is neither a packet nor a known event.
    Json,
}

impl Refused {
    const OWN: [Self; 17] = [
        Self::KeyMissing,
        Self::KeyWrong,
        Self::SenderNotAllowed,
        Self::TooFast,
        Self::TooLarge,
        Self::TooManyConnections,
        Self::TooManyOfPeer,
        Self::Slow,
        Self::NotTls,
        Self::TlsFailed,
        Self::ClientCertificate,
        Self::ProxyHeader,
        Self::ProxyUnexpected,
        Self::ProxyUnknown,
        Self::WebSocketText,
        Self::WebSocketFrame,
        Self::Json,
    ];

    pub(crate) const COUNT: usize = hep::Refusal::ALL.len() + Self::OWN.len();

    /// Stable name of the cause.
    pub(crate) const fn cause(self) -> &'static str {
        match self {
            Self::Hep(refusal) => refusal.cause(),
            Self::KeyMissing => "key_missing",
            Self::KeyWrong => "key_wrong",
            Self::SenderNotAllowed => "sender_not_allowed",
            Self::TooFast => "too_fast",
            Self::TooLarge => "too_large",
            Self::TooManyConnections => "too_many_connections",
            Self::TooManyOfPeer => "too_many_of_peer",
            Self::Slow => "slow",
            Self::NotTls => "not_tls",
            Self::TlsFailed => "tls_failed",
            Self::ClientCertificate => "client_certificate",
            Self::ProxyHeader => "proxy_header",
            Self::ProxyUnexpected => "proxy_unexpected",
            Self::ProxyUnknown => "proxy_unknown",
            Self::WebSocketText => "websocket_text",
            Self::WebSocketFrame => "websocket_frame",
            Self::Json => "bad_json",
        }
    }

    /// One sentence for the person who reads the counter.
    pub(crate) const fn doc(self) -> &'static str {
        match self {
            Self::Hep(refusal) => refusal.doc(),
            Self::KeyMissing => "no HEP key, but keys are configured here",
            Self::KeyWrong => "a HEP key that is not among those configured here",
            Self::SenderNotAllowed => "from an address that may not send here",
            Self::TooFast => "more packets a second than one sender may send",
            Self::TooLarge => "larger than any HEP packet",
            Self::TooManyConnections => "more connections than allowed",
            Self::TooManyOfPeer => "more connections of one peer than allowed",
            Self::Slow => "the packet or handshake was not complete in time",
            Self::NotTls => "plain bytes on a TLS port: set the sender to TLS, or to the plain port",
            Self::TlsFailed => "the TLS handshake failed, or a record after it was broken",
            Self::ClientCertificate => "no client certificate, or none that is accepted here",
            Self::ProxyHeader => "no PROXY header, or a broken one, on a listener for proxies",
            Self::ProxyUnexpected => "a PROXY header on a listener that is not configured for proxies",
            Self::ProxyUnknown => {
                "a connection from an address that is not among the proxies of this listener"
            }
            Self::WebSocketText => "a WebSocket text message: send HEP as binary messages",
            Self::WebSocketFrame => "frames that are no WebSocket",
            Self::Json => "JSON that is neither a HEP packet nor an event of a known kind",
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
    /// A script of the operator did not want it.
    Script,
}

impl Dropped {
    const ALL: [Self; 6] =
        [Self::Kernel, Self::Keepalive, Self::QueueFull, Self::LogFailed, Self::Stopping, Self::Script];

    const fn cause(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Keepalive => "keepalive",
            Self::QueueFull => "queue_full",
            Self::LogFailed => "log_failed",
            Self::Stopping => "stopping",
            Self::Script => "script",
        }
    }

    const fn index(self) -> usize {
        self as usize
    }
}

/// What one thread counted since it last told the [`Board`]: no atomics per packet.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) received: u64,
    pub(crate) bytes: u64,
    duplicates: u64,
    refused: [u64; Refused::COUNT],
    dropped: [u64; Dropped::ALL.len()],
}

// Not derived: the standard library has it for arrays of up to 32.
impl Default for Tally {
    fn default() -> Self {
        Self {
            received: 0,
            bytes: 0,
            duplicates: 0,
            refused: [0; Refused::COUNT],
            dropped: [0; Dropped::ALL.len()],
        }
    }
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

    pub(crate) fn duplicate(&mut self) {
        self.received += 1;
        self.duplicates += 1;
    }
}

/// The counters of all listeners, written by their threads and read by whoever asks.
#[derive(Debug)]
pub(crate) struct Board {
    /// By the listeners' places.
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: String,
    address: String,
    received: AtomicU64,
    bytes: AtomicU64,
    stored: AtomicU64,
    refused: [AtomicU64; Refused::COUNT],
    dropped: [AtomicU64; Dropped::ALL.len()],
    duplicates: AtomicU64,
}

impl Board {
    /// Names and addresses in the order of places.
    pub(crate) fn new(listeners: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { rows: listeners.into_iter().map(|(name, address)| Row::new(name, address)).collect() }
    }

    /// Adds and forgets what a thread counted.
    pub(crate) fn add(&self, listener: Listener, tally: &mut Tally) {
        let row = self.row(listener);
        // First, and released by what follows: a reader who sees a packet's end also sees its beginning.
        row.received.fetch_add(tally.received, Relaxed);
        row.bytes.fetch_add(tally.bytes, Relaxed);
        if tally.duplicates > 0 {
            row.duplicates.fetch_add(tally.duplicates, Release);
        }
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
        let read = |row: &Row| ListenerCounters {
            name: row.name.clone(),
            address: row.address.clone(),
            counters: row.read(),
        };
        let listeners: Vec<ListenerCounters> = self.rows.iter().map(read).collect();
        let mut total = Counters::default();
        for listener in &listeners {
            total.add(&listener.counters);
        }
        Conservation { listeners, total }
    }

    fn row(&self, listener: Listener) -> &Row {
        &self.rows[usize::from(listener.place)]
    }
}

impl Row {
    fn new(name: String, address: String) -> Self {
        Self {
            name,
            address,
            received: AtomicU64::default(),
            bytes: AtomicU64::default(),
            stored: AtomicU64::default(),
            refused: std::array::from_fn(|_| AtomicU64::default()),
            dropped: std::array::from_fn(|_| AtomicU64::default()),
            duplicates: AtomicU64::default(),
        }
    }

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
    pub name: String,
    /// Where it listens, or of an input the broker.
    pub address: String,
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
        for transport in Transport::ALL {
            assert_eq!(Transport::name_of(transport as u8), transport.name());
        }
    }

    #[test]
    fn what_is_received_and_not_ended_is_pending() {
        let board = ["tcp", "udp"].map(|name| (name.to_owned(), "127.0.0.1:9060".to_owned()));
        let board = Board::new(board);
        let udp = Listener { transport: Transport::Udp, place: 1 };
        let mut tally = Tally { received: 5, bytes: 500, ..Tally::default() };
        tally.refuse(Refused::KeyWrong);
        tally.drop(Dropped::Keepalive);
        tally.duplicate();
        board.add(udp, &mut tally);
        board.store(udp, 3);
        board.miss(udp, Dropped::Kernel, 4);
        let Conservation { listeners, total } = board.read();
        assert_eq!(listeners[0].counters, Counters::default(), "counters are those of one listener");
        assert_eq!((total.received, total.stored, total.pending, total.bytes), (12, 3, 2, 500));
        assert_eq!(total.duplicates, 1);
        assert_eq!(total.refused, BTreeMap::from([("key_wrong", 1)]));
        assert_eq!(total.dropped, BTreeMap::from([("kernel", 4), ("keepalive", 1)]));
        assert_eq!(tally.received, 0, "told once");
    }
}
