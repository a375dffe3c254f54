use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Micros;
use protocols::{Corrections, corrections};
use serde::Serialize;

use crate::counters::Refused;
use crate::transport::Transport;

/// Distinct capture ids kept of one sender: agents have one, relays a handful.
const CAPTURE_IDS_MAX: usize = 32;

/// Bytes of a node name kept: as long as names are, and short enough for 10,000 of them.
const NODE_BYTES_MAX: usize = 128;

/// Packets that must speak for a rule that is off, and none against it, before it is suspected: a clock of microseconds
/// is below a thousand once in a thousand packets.
const EVIDENCE_MIN: u64 = 20;

/// Senders a thread gathers before it must tell the registry, whatever the time.
const GATHERED_MAX: usize = 256;

/// How often a thread tells the registry.
const TELL_EVERY_MICROS: i64 = Micros::SECOND / 4;

/// The rate is what came in the last ten to twenty seconds.
const RATE_WINDOW_MICROS: i64 = 10 * Micros::SECOND;

/// Lines about senders that begin to be refused, per minute: an attacker must not fill the disk with log.
const REFUSAL_LINES_PER_MINUTE: u32 = 10;

/// Who sends, and how: one row per peer address and node name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sender {
    pub sender: IpAddr,
    /// Capture node name (chunk 0x0013), if it states one.
    pub node: Option<String>,
    /// Capture ids (chunk 0x000c), the first 32.
    pub capture_ids: BTreeSet<u32>,
    pub hep_versions: BTreeSet<u8>,
    pub listeners: BTreeSet<&'static str>,
    /// Accepted packets by HEP type; packets without a type count as type 0.
    pub types: BTreeMap<u16, u64>,
    /// Accepted packets.
    pub packets: u64,
    /// Bytes of accepted packets.
    pub bytes: u64,
    pub rate_per_second: f64,
    #[serde(serialize_with = "time_text")]
    pub first_seen: Micros,
    #[serde(serialize_with = "time_text")]
    pub last_seen: Micros,
    /// What was odd about accepted packets or was put right, by flag name.
    pub flags: BTreeMap<&'static str, u64>,
    /// Corrections that are off for this sender and that it seems to need.
    pub suspected: BTreeSet<&'static str>,
    /// Packets that were dropped since another capture point had just told of the same message.
    pub duplicates: u64,
    /// Refused packets by cause.
    pub refused: BTreeMap<&'static str, u64>,
}

/// What is known of all senders. Threads gather in a [`Gathering`] of their own and tell it a few times a second.
#[derive(Debug)]
pub(crate) struct Senders {
    rows: Mutex<Rows>,
    max: usize,
}

#[derive(Debug, Default)]
struct Rows {
    by_key: HashMap<(IpAddr, Box<[u8]>), Row>,
    refusal_lines: Vec<Micros>,
}

impl Senders {
    pub(crate) fn new(max: usize) -> Self {
        Self { rows: Mutex::default(), max: max.max(1) }
    }

    /// All senders, the latest first.
    pub(crate) fn list(&self, now: Micros) -> Vec<Sender> {
        let rows = self.lock();
        let mut list: Vec<Sender> =
            rows.by_key.iter().map(|((ip, node), row)| row.show(*ip, node, now)).collect();
        drop(rows);
        list.sort_by(|a, b| (b.last_seen, a.sender, &a.node).cmp(&(a.last_seen, b.sender, &b.node)));
        list
    }

    /// How many are remembered.
    pub(crate) fn count(&self) -> usize {
        self.lock().by_key.len()
    }

    fn take(&self, gathered: impl Iterator<Item = Gathered>) {
        let mut rows = self.lock();
        for Gathered { ip, node, row } in gathered {
            for cause in rows.note(ip, &node, row, self.max) {
                tracing::warn!(sender = %ip, cause = cause.cause(), "refusing packets: {}", cause.doc());
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    /// Adds to a sender's row; the causes of refusal that are new for it and worth a line.
    fn note(&mut self, ip: IpAddr, node: &[u8], part: Row, max: usize) -> Vec<Refused> {
        if self.by_key.len() >= max && !self.by_key.contains_key(&(ip, node.into())) {
            self.forget_the_oldest(max);
        }
        let now = part.last_seen;
        let row = self.by_key.entry((ip, node.into())).or_insert_with(|| Row::new(part.first_seen));
        let mut begun: Vec<Refused> = part
            .refused
            .keys()
            .filter(|cause| !row.refused.contains_key(cause))
            .copied()
            .map(Refused::from_index)
            .collect();
        row.add(part);
        self.refusal_lines.retain(|line| now.0 - line.0 < Micros::MINUTE);
        begun.truncate((REFUSAL_LINES_PER_MINUTE as usize).saturating_sub(self.refusal_lines.len()));
        self.refusal_lines.extend(begun.iter().map(|_| now));
        begun
    }

    /// Makes room for a tenth at once, so that a flood of made-up senders costs little per sender.
    fn forget_the_oldest(&mut self, max: usize) {
        let mut times: Vec<Micros> = self.by_key.values().map(|row| row.last_seen).collect();
        times.sort_unstable();
        let Some(limit) = times.get(max / 10).copied() else {
            return;
        };
        let mut spare = self.by_key.len().saturating_sub(max - max / 10 - 1);
        self.by_key.retain(|_, row| {
            let forget = spare > 0 && row.last_seen <= limit;
            spare -= usize::from(forget);
            !forget
        });
    }
}

/// What one thread saw of senders since it last told the registry.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    rows: Vec<Gathered>,
    /// Where the row of a sender is.
    places: HashMap<IpAddr, HashMap<Box<[u8]>, usize>>,
    /// Where that of the last packet is: the next one is mostly of the same sender, and need not be looked up.
    last: usize,
    told: Micros,
}

#[derive(Debug)]
struct Gathered {
    ip: IpAddr,
    node: Box<[u8]>,
    row: Row,
}

impl Gathering {
    pub(crate) fn packet(
        &mut self,
        ip: IpAddr,
        transport: Transport,
        packet: &hep::Packet<'_>,
        corrections: Corrections,
        bytes: usize,
        now: Micros,
    ) {
        let row = self.row(ip, node_of(packet), now);
        row.listeners |= 1 << transport as u8;
        row.packets += 1;
        row.bytes += bytes as u64;
        row.versions |= 1 << packet.version.number();
        count(&mut row.types, packet.hep_type.unwrap_or_default());
        if let Some(id) = corrections.capture_id(packet)
            && row.capture_ids.last() != Some(&id)
            && row.capture_ids.len() < CAPTURE_IDS_MAX
            && !row.capture_ids.contains(&id)
        {
            row.capture_ids.push(id);
        }
        for (rule, speaks_for) in corrections::evidence(packet) {
            if !corrections.contains(rule) {
                count(if speaks_for { &mut row.evidence_for } else { &mut row.evidence_against }, rule.name);
            }
        }
    }

    pub(crate) fn duplicate(
        &mut self,
        ip: IpAddr,
        transport: Transport,
        packet: &hep::Packet<'_>,
        now: Micros,
    ) {
        let row = self.row(ip, node_of(packet), now);
        row.listeners |= 1 << transport as u8;
        row.duplicates += 1;
    }

    /// What was odd about a row, or put right in it.
    pub(crate) fn flags(
        &mut self,
        ip: IpAddr,
        packet: &hep::Packet<'_>,
        flags: &[&'static str],
        now: Micros,
    ) {
        if flags.is_empty() {
            return;
        }
        let row = self.row(ip, node_of(packet), now);
        flags.iter().for_each(|flag| count(&mut row.flags, *flag));
    }

    pub(crate) fn refusal(&mut self, ip: IpAddr, transport: Transport, refused: Refused, now: Micros) {
        let row = self.row(ip, &[], now);
        row.listeners |= 1 << transport as u8;
        *row.refused.entry(refused.index()).or_default() += 1;
    }

    /// Tells the registry if it is time, or at once if `all`.
    pub(crate) fn tell(&mut self, senders: &Senders, now: Micros, all: bool) {
        let due = all || self.rows.len() >= GATHERED_MAX || (now.0 - self.told.0).abs() >= TELL_EVERY_MICROS;
        if due && !self.rows.is_empty() {
            senders.take(self.rows.drain(..));
            self.places.clear();
            self.told = now;
        }
    }

    fn row(&mut self, ip: IpAddr, node: &[u8], now: Micros) -> &mut Row {
        if self.rows.get(self.last).is_none_or(|last| last.ip != ip || *last.node != *node) {
            self.last = self.place(ip, node, now);
        }
        let row = &mut self.rows[self.last].row;
        row.last_seen = row.last_seen.max(now);
        row
    }

    fn place(&mut self, ip: IpAddr, node: &[u8], now: Micros) -> usize {
        let places = self.places.entry(ip).or_default();
        if let Some(place) = places.get(node) {
            return *place;
        }
        let place = self.rows.len();
        places.insert(node.into(), place);
        self.rows.push(Gathered { ip, node: node.into(), row: Row::new(now) });
        place
    }
}

/// As much of the name as tells senders apart.
fn node_of<'a>(packet: &hep::Packet<'a>) -> &'a [u8] {
    let node = packet.node.unwrap_or_default();
    &node[..node.len().min(NODE_BYTES_MAX)]
}

#[derive(Debug, Default)]
struct Row {
    first_seen: Micros,
    last_seen: Micros,
    packets: u64,
    bytes: u64,
    /// Bit sets by number.
    listeners: u8,
    versions: u8,
    capture_ids: Vec<u32>,
    types: Counts<u16>,
    flags: Counts<&'static str>,
    evidence_for: Counts<&'static str>,
    evidence_against: Counts<&'static str>,
    duplicates: u64,
    refused: BTreeMap<usize, u64>,
    rate: Rate,
}

/// Few different keys, looked at in the order they came.
type Counts<K> = Vec<(K, u64)>;

impl Row {
    fn new(now: Micros) -> Self {
        Self { first_seen: now, last_seen: now, ..Self::default() }
    }

    fn add(&mut self, part: Self) {
        self.rate.count(part.packets, part.last_seen);
        self.last_seen = self.last_seen.max(part.last_seen);
        self.packets += part.packets;
        self.bytes += part.bytes;
        self.listeners |= part.listeners;
        self.versions |= part.versions;
        for id in part.capture_ids {
            if self.capture_ids.len() < CAPTURE_IDS_MAX && !self.capture_ids.contains(&id) {
                self.capture_ids.push(id);
            }
        }
        for (hep_type, number) in part.types {
            add(&mut self.types, hep_type, number);
        }
        self.duplicates += part.duplicates;
        for (counts, more) in [
            (&mut self.flags, part.flags),
            (&mut self.evidence_for, part.evidence_for),
            (&mut self.evidence_against, part.evidence_against),
        ] {
            more.into_iter().for_each(|(name, number)| add(counts, name, number));
        }
        for (cause, number) in part.refused {
            *self.refused.entry(cause).or_default() += number;
        }
    }

    fn suspected(&self) -> impl Iterator<Item = &'static str> {
        let is_refuted = |rule: &str| self.evidence_against.iter().any(|(name, _)| *name == rule);
        let many = self.evidence_for.iter().filter(|(_, number)| *number >= EVIDENCE_MIN);
        many.map(|(rule, _)| *rule).filter(move |rule| !is_refuted(rule))
    }

    fn show(&self, sender: IpAddr, node: &[u8], now: Micros) -> Sender {
        let bits = |set: u8| (0..8).filter(move |bit| set >> bit & 1 == 1);
        Sender {
            sender,
            node: (!node.is_empty()).then(|| String::from_utf8_lossy(node).into_owned()),
            capture_ids: self.capture_ids.iter().copied().collect(),
            hep_versions: bits(self.versions).collect(),
            listeners: bits(self.listeners).map(Transport::name_of).collect(),
            types: self.types.iter().copied().collect(),
            packets: self.packets,
            bytes: self.bytes,
            rate_per_second: self.rate.per_second(now),
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            flags: self.flags.iter().copied().collect(),
            suspected: self.suspected().collect(),
            duplicates: self.duplicates,
            refused: self
                .refused
                .iter()
                .map(|(index, number)| (Refused::from_index(*index).cause(), *number))
                .collect(),
        }
    }
}

fn count<K: PartialEq>(counts: &mut Counts<K>, key: K) {
    add(counts, key, 1);
}

fn add<K: PartialEq>(counts: &mut Counts<K>, key: K, number: u64) {
    match counts.iter_mut().find(|(known, _)| *known == key) {
        Some((_, sum)) => *sum += number,
        None => counts.push((key, number)),
    }
}

/// Packets in the running window and in the one before.
#[derive(Debug, Default)]
struct Rate {
    window_start: Micros,
    running: u64,
    before: u64,
}

impl Rate {
    fn count(&mut self, packets: u64, now: Micros) {
        let age = now.0 - self.window_start.0;
        if age >= RATE_WINDOW_MICROS {
            self.before = if age < 2 * RATE_WINDOW_MICROS { self.running } else { 0 };
            self.running = 0;
            self.window_start = Micros(now.0 - age % RATE_WINDOW_MICROS);
        }
        self.running += packets;
    }

    /// The running window, and as much of the one before as makes it a whole one.
    fn per_second(&self, now: Micros) -> f64 {
        let age = (now.0 - self.window_start.0).max(0);
        let (before, running, age) = match age / RATE_WINDOW_MICROS {
            0 => (self.before, self.running, age),
            1 => (self.running, 0, age - RATE_WINDOW_MICROS),
            _ => return 0.0,
        };
        let share = 1.0 - age as f64 / RATE_WINDOW_MICROS as f64;
        let packets = running as f64 + before as f64 * share;
        packets / (RATE_WINDOW_MICROS / Micros::SECOND) as f64
    }
}

fn time_text<S: serde::Serializer>(time: &Micros, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u32) -> IpAddr {
        std::net::Ipv4Addr::from(0x0A00_0000 + last).into()
    }

    fn frame(node: &str, capture_id: u32) -> Vec<u8> {
        let any = "192.0.2.1:5060".parse().expect("an address");
        let mut frame = Vec::new();
        let outgoing = hep::Outgoing {
            capture_id,
            node: Some(node.as_bytes()),
            payload: b"x",
            ..hep::Outgoing::new(any, any)
        };
        outgoing.encode_v3(&mut frame).expect("a small packet");
        frame
    }

    fn see(gathering: &mut Gathering, from: u32, node: &str, capture_id: u32, now: i64) {
        let frame = frame(node, capture_id);
        let (packet, _) = hep::decode(&frame, 0).expect("a packet");
        gathering.packet(ip(from), Transport::Udp, &packet, Corrections::default(), frame.len(), Micros(now));
    }

    #[test]
    fn senders_are_told_apart_by_address_and_node() {
        let senders = Senders::new(10);
        let mut gathering = Gathering::default();
        see(&mut gathering, 1, "edge", 7, 1_000_000);
        see(&mut gathering, 1, "edge", 8, 2_000_000);
        see(&mut gathering, 1, "core", 9, 3_000_000);
        gathering.refusal(ip(1), Transport::Tcp, Refused::KeyWrong, Micros(4_000_000));
        gathering.tell(&senders, Micros(4_000_000), false);
        let list = senders.list(Micros(4_000_000));
        let nodes: Vec<Option<&str>> = list.iter().map(|sender| sender.node.as_deref()).collect();
        assert_eq!(nodes, [None, Some("core"), Some("edge")], "the latest first");
        let edge = &list[2];
        assert_eq!((edge.packets, edge.capture_ids.len()), (2, 2));
        assert_eq!((edge.first_seen, edge.last_seen), (Micros(1_000_000), Micros(2_000_000)));
        assert_eq!(edge.hep_versions, BTreeSet::from([3]));
        assert_eq!(edge.listeners, BTreeSet::from(["udp"]));
        assert_eq!(list[0].refused, BTreeMap::from([("key_wrong", 1)]));
        assert_eq!(list[0].packets, 0);
    }

    #[test]
    fn corrections_that_are_needed_are_suspected() {
        let senders = Senders::new(10);
        let mut gathering = Gathering::default();
        let any = "192.0.2.1:5060".parse().expect("an address");
        let mut see = |from: u32, micros: u32, corrections: Corrections| {
            let mut frame = Vec::new();
            let outgoing =
                hep::Outgoing { micros, capture_id: 7 << 16, payload: b"x", ..hep::Outgoing::new(any, any) };
            outgoing.encode_v3(&mut frame).expect("a small packet");
            let (packet, _) = hep::decode(&frame, 0).expect("a packet");
            gathering.packet(ip(from), Transport::Udp, &packet, corrections, frame.len(), Micros(1));
            gathering.flags(ip(from), &packet, &["shifted_capture_id"], Micros(1));
        };
        let corrected = Corrections::default().with(corrections::find("milliseconds").expect("a rule"), true);
        for micros in 1..=EVIDENCE_MIN as u32 {
            see(1, micros, Corrections::default());
            see(2, micros * 10_000, Corrections::default());
            see(3, micros, corrected);
            see(4, micros, Corrections::default());
        }
        see(4, 999_999, Corrections::default());
        gathering.tell(&senders, Micros(1), true);
        let mut list = senders.list(Micros(1));
        list.sort_by_key(|sender| sender.sender);
        let suspected: Vec<Vec<&str>> =
            list.iter().map(|sender| sender.suspected.iter().copied().collect()).collect();
        assert_eq!(suspected, [vec!["milliseconds"], vec![], vec![], vec![]]);
        assert_eq!(list[0].capture_ids, BTreeSet::from([7]));
        assert_eq!(list[0].flags, BTreeMap::from([("shifted_capture_id", EVIDENCE_MIN)]));
    }

    #[test]
    fn the_registry_is_bounded_and_forgets_the_silent() {
        let senders = Senders::new(100);
        let mut gathering = Gathering::default();
        for number in 0..1_000_u32 {
            see(&mut gathering, number, "n", 1, i64::from(number) * Micros::SECOND);
            gathering.tell(&senders, Micros(i64::from(number) * Micros::SECOND), true);
            assert!(senders.list(Micros(0)).len() <= 100);
        }
        let list = senders.list(Micros(0));
        assert!(list.len() > 80, "{}", list.len());
        assert_eq!(list[0].sender, ip(999));
        assert!(list.iter().all(|sender| sender.last_seen >= Micros(890 * Micros::SECOND)));
    }

    #[test]
    fn long_node_names_are_cut_and_capture_ids_limited() {
        let senders = Senders::new(100);
        let mut gathering = Gathering::default();
        for id in 0..100 {
            see(&mut gathering, 1, &"x".repeat(5_000), id, 1);
        }
        gathering.tell(&senders, Micros(1), true);
        let list = senders.list(Micros(1));
        assert_eq!(list[0].node.as_ref().map(String::len), Some(NODE_BYTES_MAX));
        assert_eq!(list[0].capture_ids.len(), CAPTURE_IDS_MAX);
    }

    #[test]
    fn the_rate_follows_and_fades() {
        let mut rate = Rate::default();
        let start = 1_000_000 * Micros::SECOND;
        for tenth in 0..300 {
            rate.count(5, Micros(start + tenth * Micros::SECOND / 10));
        }
        let end = start + 30 * Micros::SECOND;
        let near = |rate: f64, expected: f64| (rate - expected).abs() < 3.0;
        assert!(near(rate.per_second(Micros(end)), 50.0), "{}", rate.per_second(Micros(end)));
        assert!(near(rate.per_second(Micros(end + 5 * Micros::SECOND)), 25.0));
        assert!(rate.per_second(Micros(end + 20 * Micros::SECOND)) == 0.0);
    }

    #[test]
    fn lines_about_refusals_are_rationed() {
        let mut rows = Rows::default();
        let refused = |now| {
            let mut row = Row::new(now);
            row.refused.insert(Refused::KeyWrong.index(), 1);
            row
        };
        let lines: usize = (0..1_000).map(|n| rows.note(ip(n), &[], refused(Micros(5)), 10_000).len()).sum();
        assert_eq!(lines, REFUSAL_LINES_PER_MINUTE as usize);
        assert!(rows.note(ip(1), &[], refused(Micros(Micros::MINUTE * 2)), 10_000).is_empty(), "not new");
        assert_eq!(rows.note(ip(5_000), &[], refused(Micros(Micros::MINUTE * 2)), 10_000).len(), 1);
    }
}
