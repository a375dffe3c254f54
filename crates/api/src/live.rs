//! What the API shows of the running receiver, without knowing it: whoever wires the program implements [`Live`].

use std::collections::BTreeMap;
use std::time::Duration;

use model::Micros;

/// The receiver as the status and senders pages see it.
pub trait Live: Send + Sync + 'static {
    /// All listeners are bound and the store is open: `/health` answers 200 from then on.
    fn is_ready(&self) -> bool;
    fn listeners(&self) -> Vec<Listener>;
    fn senders(&self) -> Vec<Sender>;
    /// Causes of refusal by name with a sentence each, beyond those of the HEP decoder.
    fn refusals(&self) -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }
    /// The calls that go on.
    fn calls(&self) -> CallsOpen {
        CallsOpen::default()
    }
    /// Where what comes in is sent on.
    fn outputs(&self) -> Vec<Output> {
        Vec::new()
    }
    /// The operator's scripts.
    fn scripts(&self) -> Vec<Script> {
        Vec::new()
    }
    /// What needs an operator's eye now, beyond what the store reports itself.
    fn alarms(&self) -> Vec<Alarm>;
}

/// The conservation counters: received = stored + refused + dropped + duplicates + pending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub received: u64,
    /// Covered by fsync.
    pub stored: u64,
    /// By cause.
    pub refused: BTreeMap<String, u64>,
    /// By cause.
    pub dropped: BTreeMap<String, u64>,
    pub duplicates: u64,
    /// Received and not yet decided.
    pub pending: u64,
    pub bytes: u64,
}

impl Counters {
    pub fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.stored += other.stored;
        self.duplicates += other.duplicates;
        self.pending += other.pending;
        self.bytes += other.bytes;
        for (cause, count) in &other.refused {
            *self.refused.entry(cause.clone()).or_default() += count;
        }
        for (cause, count) in &other.dropped {
            *self.dropped.entry(cause.clone()).or_default() += count;
        }
    }
}

/// Calls and registrations as they are followed in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallsOpen {
    pub open: u64,
    /// What their messages take.
    pub bytes: u64,
    /// Told before their end for want of room, since the start.
    pub evicted: u64,
    /// Messages of calls that have more than are kept, since the start.
    pub beyond: u64,
}

#[derive(Clone, Debug)]
pub struct Listener {
    /// What it came over: `udp`, `tls`, `https` ...
    pub name: String,
    /// As bound, `0.0.0.0:9060`.
    pub address: String,
    pub counters: Counters,
}

/// One output: taken = sent + dropped + waiting.
#[derive(Clone, Debug)]
pub struct Output {
    pub name: String,
    /// hep, loki, elasticsearch, influxdb
    pub kind: &'static str,
    /// Since when nothing gets through, and why.
    pub problem: Option<(Micros, String)>,
    pub taken: u64,
    pub sent: u64,
    /// By cause.
    pub dropped: BTreeMap<String, u64>,
    pub waiting: u64,
    pub waiting_bytes: u64,
    pub spool_bytes: u64,
    pub retries: u64,
    pub unseen: u64,
    pub lag: Duration,
    pub refusal: Option<String>,
}

/// One script, since the start.
#[derive(Clone, Debug)]
pub struct Script {
    pub name: String,
    pub path: String,
    pub runs: u64,
    pub seconds: f64,
    pub errors: u64,
    pub limits: u64,
    pub dropped: u64,
    pub changed: u64,
    pub is_off: bool,
    pub last_error: Option<String>,
}

/// One capture agent: who sends, what, how much, and what is odd about it.
#[derive(Clone, Debug)]
pub struct Sender {
    /// Peer address.
    pub address: String,
    pub node: Option<String>,
    pub capture_ids: Vec<i64>,
    pub hep_versions: Vec<u8>,
    pub listeners: Vec<String>,
    /// Packets by HEP type.
    pub types: BTreeMap<u16, u64>,
    pub packets: u64,
    pub bytes: u64,
    pub rate_per_second: f64,
    pub first_seen: Micros,
    pub last_seen: Micros,
    /// Packets by flag.
    pub flags: BTreeMap<String, u64>,
    /// Corrections that are off for it and that it seems to need.
    pub suspected: Vec<String>,
    /// Packets dropped as copies of what another capture point told.
    pub duplicates: u64,
    /// Packets by cause.
    pub refused: BTreeMap<String, u64>,
}

/// Something an operator should see.
#[derive(Clone, Debug)]
pub struct Alarm {
    pub name: String,
    pub since: Micros,
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_add_causes_by_name() {
        let mut total = Counters::default();
        for (cause, count) in [("not_hep", 2), ("bad_length", 1), ("not_hep", 3)] {
            let refused = BTreeMap::from([(cause.to_owned(), count)]);
            total.add(&Counters { received: count, refused, ..Counters::default() });
        }
        assert_eq!(total.received, 6);
        assert_eq!(total.refused, BTreeMap::from([("bad_length".to_owned(), 1), ("not_hep".to_owned(), 5)]));
    }
}
