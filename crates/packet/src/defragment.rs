use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::ip::Ip;

/// Packets put together at the same time. Each holds at most 64 KiB, so 64 MiB in all; a link that sends this many
/// half packets within a minute is under attack or losing everything.
const PACKETS_MAX: usize = 1024;

/// Pieces of one packet: 65,535 bytes over the smallest link IPv4 knows of (576 bytes) are 119.
const PIECES_MAX: usize = 512;

/// The longest packet there can be (its length field has 16 bits), without its header.
const PAYLOAD_BYTES_MAX: usize = 65_535;

/// Time for the pieces of one packet to arrive (RFC 8200 section 4.5); numbers are used again after that.
const PATIENCE_MICROS: i64 = 60 * 1_000_000;

/// Puts fragmented IP packets together again.
///
/// Pieces may come in any order and more than once. Overlapping ones make the whole packet worthless, as RFC 5722
/// has it for IPv6: nobody sends such but to deceive.
#[derive(Debug, Default)]
pub struct Defragmenter {
    packets: BTreeMap<Key, Pending>,
    given_up: u64,
}

/// RFC 791 section 3.2: what the pieces of one packet share.
type Key = (IpAddr, IpAddr, u8, u32);

#[derive(Debug)]
struct Pending {
    began: i64,
    /// By offset.
    pieces: Vec<(usize, Vec<u8>)>,
    /// Known from the last piece.
    length: Option<usize>,
}

impl Defragmenter {
    /// Nothing waits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a piece captured at `micros`; the payload of the whole packet once its last piece is here. What is no
    /// fragment gives nothing: its payload is whole already.
    pub fn add(&mut self, micros: i64, ip: &Ip<'_>) -> Option<Vec<u8>> {
        let fragment = ip.fragment?;
        let key = (ip.source, ip.destination, ip.protocol, fragment.identification);
        let stale = |pending: &Pending| micros.saturating_sub(pending.began) > PATIENCE_MICROS;
        if self.packets.get(&key).is_some_and(stale) {
            self.give_up(key);
        }
        if !self.packets.contains_key(&key) && self.packets.len() >= PACKETS_MAX {
            let oldest = self.packets.iter().min_by_key(|(_, pending)| pending.began).map(|(key, _)| *key);
            oldest.into_iter().for_each(|key| self.give_up(key));
        }
        let pending = self.packets.entry(key).or_insert_with(|| Pending {
            began: micros,
            pieces: Vec::new(),
            length: None,
        });
        // A piece cut by the snap length leaves a hole that nothing fills.
        if ip.truncated || !pending.insert(fragment.offset, fragment.more, ip.payload) {
            self.give_up(key);
            return None;
        }
        if !pending.is_whole() {
            return None;
        }
        let pieces = self.packets.remove(&key)?.pieces;
        Some(pieces.into_iter().flat_map(|(_, bytes)| bytes).collect())
    }

    /// Packets that could not be put together, those still waiting for a piece included.
    pub fn given_up(&self) -> u64 {
        self.given_up + self.packets.len() as u64
    }

    fn give_up(&mut self, key: Key) {
        self.packets.remove(&key);
        self.given_up += 1;
    }
}

impl Pending {
    /// False if the piece cannot be one of the same packet.
    fn insert(&mut self, offset: usize, more: bool, bytes: &[u8]) -> bool {
        let end = offset.saturating_add(bytes.len());
        if end > PAYLOAD_BYTES_MAX || self.pieces.len() >= PIECES_MAX {
            return false;
        }
        if !more && self.length.replace(end).is_some_and(|known| known != end) {
            return false;
        }
        let place = self.pieces.partition_point(|(known, _)| *known < offset);
        // Captured twice, on two interfaces perhaps.
        if self.pieces.get(place).is_some_and(|(known, piece)| *known == offset && piece == bytes) {
            return true;
        }
        let before = place.checked_sub(1).and_then(|before| self.pieces.get(before));
        let overlaps = before.is_some_and(|(known, piece)| known + piece.len() > offset)
            || self.pieces.get(place).is_some_and(|(known, _)| *known < end)
            || self.length.is_some_and(|length| length < end);
        if !overlaps {
            self.pieces.insert(place, (offset, bytes.to_vec()));
        }
        !overlaps
    }

    fn is_whole(&self) -> bool {
        let contiguous = self
            .pieces
            .iter()
            .try_fold(0, |end, (offset, bytes)| if *offset == end { Some(end + bytes.len()) } else { None });
        contiguous.is_some() && contiguous == self.length
    }
}
