//! What the start of a HEPv3 packet looks like, and where the next one might be.

use memchr::memchr2_iter;

/// Magic and total length in front of every HEPv3 packet.
pub(crate) const HEADER_BYTES: usize = 6;
/// No vendor above this is assigned or was ever seen, so a higher one is garbage.
pub(crate) const CHUNK_VENDOR_MAX: u16 = 0x00ff;
/// No chunk type above this is assigned or was ever seen.
pub(crate) const CHUNK_KIND_MAX: u16 = 0x0100;

/// Whether a packet could start at some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Candidate {
    Yes,
    No,
    /// Too few bytes to tell.
    Unknown,
}

/// The three ids a version 3 packet may start with. Every known sender uses `HEP3`; the current specification
/// adds `EEP3`, and the Internet-Draft of 2013 had `EEP1`.
pub(crate) const fn has_magic(bytes: &[u8]) -> bool {
    matches!(bytes, [b'H' | b'E', b'E', b'P', b'3', ..] | [b'E', b'E', b'P', b'1', ..])
}

/// True if the bytes, fewer than four, could grow into a magic.
pub(crate) const fn may_become_magic(bytes: &[u8]) -> bool {
    matches!(bytes, [] | [b'H' | b'E'] | [b'H' | b'E', b'E'] | [b'H' | b'E', b'E', b'P'])
}

/// The stricter test for places where nothing but the bytes says that a packet starts: magic, a possible
/// length, and a first chunk that could exist.
pub(crate) fn candidate_at(bytes: &[u8]) -> Candidate {
    if bytes.len() < 4 {
        return if may_become_magic(bytes) { Candidate::Unknown } else { Candidate::No };
    }
    if !has_magic(bytes) {
        return Candidate::No;
    }
    let &[_, _, _, _, l0, l1, ref rest @ ..] = bytes else {
        return Candidate::Unknown;
    };
    let Some(body_bytes) = usize::from(u16::from_be_bytes([l0, l1])).checked_sub(HEADER_BYTES) else {
        return Candidate::No;
    };
    if body_bytes < crate::chunk::HEADER_BYTES {
        return Candidate::Yes;
    }
    if rest.len() < crate::chunk::HEADER_BYTES {
        return Candidate::Unknown;
    }
    if plausible_chunk(rest, body_bytes) { Candidate::Yes } else { Candidate::No }
}

/// True if a chunk header stands here that could exist and fits into `room` bytes.
pub(crate) fn plausible_chunk(bytes: &[u8], room: usize) -> bool {
    let &[v0, v1, k0, k1, l0, l1, ..] = bytes else {
        return false;
    };
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    u16::from_be_bytes([v0, v1]) <= CHUNK_VENDOR_MAX
        && u16::from_be_bytes([k0, k1]) <= CHUNK_KIND_MAX
        && (crate::chunk::HEADER_BYTES..=room).contains(&length)
}

/// Offset of the first place, from `from` on, where a packet starts or might start once more bytes are there.
pub(crate) fn find(bytes: &[u8], from: usize) -> Option<(usize, Candidate)> {
    let tail = bytes.get(from..)?;
    memchr2_iter(b'H', b'E', tail).find_map(|at| match candidate_at(tail.get(at..)?) {
        Candidate::No => None,
        candidate => Some((from.saturating_add(at), candidate)),
    })
}
