//! The messages of a call in time order, each hop's message once however many capture points saw it.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use model::Micros;
use protocols::sighting::{COPY_TIME_MAX, Identity, Seen, Sightings, WITNESS_TIME_MAX, ports_tell};

use super::kept::Read;
use crate::message::{End, Message};

#[derive(Debug)]
pub(crate) struct Sorted<'a> {
    pub(crate) messages: Vec<Message<'a>>,
    /// Further sightings of these.
    pub(crate) witnesses: usize,
    /// The smallest id of all: how the call is called.
    pub(crate) first_id: i64,
    /// Bytes of all payloads.
    pub(crate) bytes: usize,
}

impl<'a> Sorted<'a> {
    pub(super) fn of(mut read: Vec<Read<'a>>) -> Self {
        let first_id = read.iter().map(|read| read.message.id).min().unwrap_or(0);
        read.sort_by_key(|read| (read.message.at, read.message.id));
        // What is known from elsewhere may have come twice.
        read.dedup_by_key(|read| read.message.id);
        let bytes = read.iter().map(|read| read.message.raw.len()).sum();
        let all = read.len();
        let messages = if is_of_one_point(&read) { without_copies(read) } else { without_witnesses(read) };
        Self { witnesses: all - messages.len(), messages, first_id, bytes }
    }

    pub(super) fn last_at(&self) -> i64 {
        self.messages.last().map_or(0, |message| message.at)
    }
}

fn is_of_one_point(read: &[Read<'_>]) -> bool {
    read.windows(2).all(|pair| pair[0].point == pair[1].point)
}

/// What one capture point wrote down twice, without the work that several take: it is the same bytes on the same hop
/// within a moment (see [`Sightings`]).
fn without_copies(read: Vec<Read<'_>>) -> Vec<Message<'_>> {
    let mut messages: Vec<Message<'_>> = Vec::with_capacity(read.len());
    for next in read.into_iter().map(|read| read.message) {
        let near = messages.iter().rev().take_while(|known| next.at - known.at <= COPY_TIME_MAX);
        let mut same = near.filter(|known| {
            known.raw.len() == next.raw.len()
                && (known.src, known.dst, known.cseq, known.status)
                    == (next.src, next.dst, next.cseq, next.status)
                && known.raw.bytes() == next.raw.bytes()
        });
        if same.next().is_none() {
            messages.push(next);
        }
    }
    messages
}

fn without_witnesses<'a>(read: Vec<Read<'a>>) -> Vec<Message<'a>> {
    let hasher = BuildHasherDefault::<DefaultHasher>::new();
    let mut sightings = Sightings::new(WITNESS_TIME_MAX);
    let is_own = |(place, read): (usize, Read<'a>)| {
        let message = read.message;
        let Some(identity) = identity(&message, read.is_udp) else { return Some(message) };
        let bytes = hasher.hash_one(message.raw.bytes());
        let seen = sightings.see(identity, read.point, bytes, Micros(message.at), place);
        (!matches!(seen, Seen::Witness(_))).then_some(message)
    };
    read.into_iter().enumerate().filter_map(is_own).collect()
}

fn identity<'a>(message: &Message<'a>, is_udp: bool) -> Option<Identity<'a>> {
    let transport = if is_udp { "udp" } else { "" };
    let has_ports = ports_tell(transport, message.via_branch.map(str::as_bytes));
    let end = |end: End<'a>| (end.ip, end.port.filter(|_| has_ports));
    Some(Identity {
        call_id: message.call_id?,
        cseq: Some(message.cseq?),
        method: message.method,
        status: message.status,
        via_branch: message.via_branch,
        to_tag: message.to_tag,
        src: end(message.src),
        dst: end(message.dst),
    })
}
