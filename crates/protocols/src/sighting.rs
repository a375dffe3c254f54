//! The same message seen several times: once more by another capture point, or sent once more.
//!
//! Two sightings are of one message if they agree on what identifies it (RFC 3261 8.1.1, 17.1.3, 17.2.3: Call-ID, CSeq,
//! top Via branch, To tag, request or status) and on the hop it was on. Bytes decide nothing between capture points:
//! two agents on one machine write down different bytes of one packet, since one looks before a script has changed it
//! and the other after. The next hop of a message is another message, by its branch and its addresses.
//!
//! Between sightings of one capture point bytes do decide: a second 183 with other contents is no repetition.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;

use hep::Packet;
use model::Micros;
use sip::Start;

use crate::corrections::{Corrections, Header, JSON_WRAPPED_SIP};
use crate::wrapped;

/// What identifies a SIP message on one hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity<'a> {
    pub call_id: &'a str,
    pub cseq: Option<i64>,
    /// Of the request, or that a reply answers.
    pub method: Option<&'a str>,
    /// Of a reply.
    pub status: Option<i64>,
    pub via_branch: Option<&'a str>,
    /// Replies of several phones to one forked request differ in it.
    pub to_tag: Option<&'a str>,
    /// Addresses, and ports where [`ports_tell`].
    pub src: (Option<&'a str>, Option<i32>),
    pub dst: (Option<&'a str>, Option<i32>),
}

/// Whether two capture points name the same ports of one hop. On connections they do not: one names the port that was
/// connected from, another the one its program listens on. There the branch alone tells hops apart (RFC 3261 8.1.1.7),
/// if it is one that does.
pub fn ports_tell(transport: &str, via_branch: Option<&[u8]>) -> bool {
    transport == "udp" || !via_branch.is_some_and(|branch| branch.starts_with(b"z9hG4bK"))
}

/// What a sighting is in view of those before it. `I` is how its owner calls a sighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen<I> {
    /// A message of its own.
    First,
    /// That sending, as another capture point saw it, or the same one wrote it down twice.
    Witness(I),
    /// The message was sent again; this is its first sending.
    Again(I),
}

/// How far apart two capture points may date one sending: clocks that follow NTP, and the time a message takes through a
/// script. Sendings of one message are at least T1 apart (RFC 3261 17.1.1.1), and the nearest one is taken.
pub const WITNESS_TIME_MAX: i64 = 2 * Micros::SECOND;

/// The same where a further sighting is not kept: less than T1, so that a repetition is never taken for a sighting.
pub const DUPLICATE_TIME_MAX: i64 = Micros::SECOND / 4;

/// One capture point that sees a message twice within this time has written down one sending twice: no timer of SIP is
/// that short.
pub const COPY_TIME_MAX: i64 = Micros::SECOND / 20;

/// How long a message may be sent again: 64*T1, with room for slow clocks (RFC 3261 17, timers B, F, H).
/// Beyond it the same message is a new try of a client that never changes anything, as some keep-alives do.
const RETRANSMISSION_TIME_MAX: i64 = 40 * Micros::SECOND;

/// Sendings of one message that are remembered: SIP sends eleven times at most.
const SENDINGS_MAX: usize = 64;

/// What was seen of each message so far. Sightings are to be shown in the order of their time.
#[derive(Debug)]
pub struct Sightings<K, I> {
    by_message: HashMap<K, VecDeque<Sending<I>>>,
    witness_time_max: i64,
}

#[derive(Debug)]
struct Sending<I> {
    id: I,
    /// The first sending of the message.
    original: I,
    at: Micros,
    /// Capture point and bytes, as fingerprints.
    seen: Vec<(u64, u64)>,
}

impl<K: Eq + Hash, I: Copy + Eq> Sightings<K, I> {
    pub fn new(witness_time_max: i64) -> Self {
        Self { by_message: HashMap::new(), witness_time_max }
    }

    /// Takes one more sighting: the message, fingerprints of the capture point and of the bytes, and the time.
    pub fn see(&mut self, message: K, point: u64, bytes: u64, at: Micros, id: I) -> Seen<I> {
        let sendings = self.by_message.entry(message).or_default();
        while sendings.len() >= SENDINGS_MAX
            || sendings.front().is_some_and(|first| at.0.saturating_sub(first.at.0) > RETRANSMISSION_TIME_MAX)
        {
            sendings.pop_front();
        }
        let distance = |sending: &Sending<I>| at.0.abs_diff(sending.at.0);
        let is_copy = |sending: &&mut Sending<I>| {
            sending.seen.contains(&(point, bytes)) && distance(sending) <= COPY_TIME_MAX.unsigned_abs()
        };
        if let Some(sending) = sendings.iter_mut().rev().find(is_copy) {
            return Seen::Witness(sending.id);
        }
        let unseen = sendings.iter_mut().filter(|sending| sending.seen.iter().all(|(by, _)| *by != point));
        if let Some(sending) = unseen.min_by_key(|sending| distance(sending))
            && distance(sending) <= self.witness_time_max.unsigned_abs()
        {
            sending.seen.push((point, bytes));
            return Seen::Witness(sending.id);
        }
        let before = sendings.iter().find(|sending| sending.seen.contains(&(point, bytes)));
        let original = before.map(|sending| sending.original);
        sendings.push_back(Sending { id, original: original.unwrap_or(id), at, seen: vec![(point, bytes)] });
        original.map_or(Seen::First, Seen::Again)
    }

    fn forget(&mut self, message: &K, until: Micros) {
        if let Some(sendings) = self.by_message.get_mut(message) {
            sendings.retain(|sending| sending.at > until);
            if sendings.is_empty() {
                self.by_message.remove(message);
            }
        }
    }
}

/// Sightings of the last moments, for who does not keep further ones. Bounded in time and number.
#[derive(Debug)]
pub struct Recent {
    sightings: Sightings<u64, u64>,
    /// Messages in the order they came, to be forgotten.
    order: VecDeque<(Micros, u64)>,
    count: u64,
    max: usize,
}

impl Recent {
    /// Remembers `max` sightings at most; beyond it the oldest are forgotten early, and what they would have matched is
    /// kept.
    pub fn new(max: usize) -> Self {
        Self {
            sightings: Sightings::new(DUPLICATE_TIME_MAX),
            order: VecDeque::new(),
            count: 0,
            max: max.max(1),
        }
    }

    /// Whether the message has just been seen, by another capture point or twice by this one.
    pub fn is_duplicate(&mut self, message: u64, point: u64, bytes: u64, received: Micros) -> bool {
        let until = Micros(received.0.saturating_sub(DUPLICATE_TIME_MAX));
        while let Some(&(at, oldest)) = self.order.front()
            && (at <= until || self.order.len() >= self.max)
        {
            self.order.pop_front();
            self.sightings.forget(&oldest, at.max(until));
        }
        self.count += 1;
        let seen = self.sightings.see(message, point, bytes, received, self.count);
        let is_duplicate = matches!(seen, Seen::Witness(_));
        if !is_duplicate {
            self.order.push_back((received, message));
        }
        is_duplicate
    }
}

/// The identity of the SIP message in a packet as one number; `None` if it has no Call-ID or no CSeq, or is no SIP: then
/// it is never taken for another.
pub fn fingerprint(packet: &Packet<'_>, corrections: Corrections, hasher: &impl BuildHasher) -> Option<u64> {
    let header = Header::of(packet, corrections);
    if !header.hep_type.is_some_and(|hep_type| crate::sip::PROTOCOL.hep_types.contains(&hep_type)) {
        return None;
    }
    let wrapped =
        corrections.contains(&JSON_WRAPPED_SIP).then(|| wrapped::sip_in_json(&packet.payload)).flatten();
    let message = sip::parse(wrapped.as_deref().map_or(&packet.payload, str::as_bytes));
    let cseq = message.cseq()?;
    let method = match message.start() {
        Start::Request { method, .. } => method,
        Start::Response { .. } => cseq.method,
        Start::Fragment => return None,
    };
    let has_ports = ports_tell(packet.transport().name(), message.via_branch());
    let end = |ip: Option<IpAddr>, port: Option<u16>| (ip, port.filter(|_| has_ports));
    Some(hasher.hash_one((
        (message.call_id()?, cseq.number, method, message.status()),
        (message.via_branch(), message.to().and_then(|to| to.tag())),
        end(packet.src_ip, header.src_port),
        end(packet.dst_ip, header.dst_port),
    )))
}
