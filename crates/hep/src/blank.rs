use alloc::vec::Vec;

use crate::chunk::{self, Chunk, First, State, kind};
use crate::{protobuf, resync};

/// Packets inside payloads are looked into this deep: relays wrap a packet once. What is wrapped deeper is zeroed as
/// a whole, since its keys would not be found.
const DEPTH_MAX: usize = 4;

/// Overwrites every authentication key (chunk 0x000e of vendor 0, and of vendor 9) in a raw frame with zero
/// bytes and changes nothing else, so that the frame can be written to disk without the secret. Packets that a
/// relay wrapped as the plain payload of another are treated too.
///
/// Chunks are found exactly as [`crate::decode`] finds them, so a frame that decodes to a key never keeps it.
/// Several packets in one slice are all treated; so is the password of the protocol-buffer form. HEPv1 and HEPv2
/// have no key and are left alone.
pub fn blank_key(frame: &mut [u8]) {
    if protobuf::looks_like_message(frame) {
        return protobuf::blank_key(frame);
    }
    blank_keys(frame, 0);
}

fn blank_keys(frame: &mut [u8], depth: usize) {
    for_each_chunk(frame, &mut |chunk, body| {
        if chunk.is_key {
            body.fill(0);
        } else if chunk.is_payload && resync::has_magic(body) {
            if depth == DEPTH_MAX {
                body.fill(0);
            } else {
                blank_keys(body, depth.saturating_add(1));
            }
        }
    });
}

/// Shows every payload chunk of the packets in a raw frame to `edit`, plain (0x000f) and compressed (0x0010), to be
/// changed in place: whatever must not reach the disk beside keys.
pub fn edit_payloads(frame: &mut [u8], mut edit: impl FnMut(Payload, &mut [u8])) {
    for_each_chunk(frame, &mut |chunk, body| match chunk.kind {
        kind::PAYLOAD if chunk.is_payload => edit(Payload::Plain, body),
        kind::COMPRESSED if chunk.is_payload => edit(Payload::Compressed, body),
        _ => {}
    });
}

/// How a payload chunk holds the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Chunk 0x000f.
    Plain,
    /// Chunk 0x0010.
    Compressed,
}

/// The packet in front of a HEPv3 frame with `payload` as its plain payload, in place of all its payload chunks, which
/// is the only way to change a compressed one. `None` if the bytes are no such packet or it would be too large.
#[must_use]
pub fn with_payload(frame: &[u8], payload: &[u8]) -> Option<Vec<u8>> {
    let end = crate::v3::end(frame).filter(|_| resync::has_magic(frame))?;
    let mut packet = frame.get(..4)?.to_vec();
    packet.extend_from_slice(&[0, 0]);
    let mut rest = frame.get(resync::HEADER_BYTES..end)?;
    let mut cut: &[u8] = &[];
    while let First::Chunk { chunk, rest: next, state } = chunk::first(rest) {
        if !chunk.is_payload() {
            match state {
                // As it is, at the end: with its real length it would count for more than it did.
                State::Cut => cut = rest,
                State::Whole | State::Short => push(&mut packet, chunk.vendor, chunk.kind, chunk.body)?,
            }
        }
        rest = next;
    }
    push(&mut packet, chunk::GENERIC, kind::PAYLOAD, payload)?;
    packet.extend_from_slice(cut);
    let length = u16::try_from(packet.len()).ok()?;
    packet.get_mut(4..resync::HEADER_BYTES)?.copy_from_slice(&length.to_be_bytes());
    Some(packet)
}

fn push(packet: &mut Vec<u8>, vendor: u16, kind: u16, body: &[u8]) -> Option<()> {
    let length = u16::try_from(body.len().checked_add(chunk::HEADER_BYTES)?).ok()?;
    for number in [vendor, kind, length] {
        packet.extend_from_slice(&number.to_be_bytes());
    }
    packet.extend_from_slice(body);
    Some(())
}

/// What is known of a chunk while its body is borrowed to be changed.
#[derive(Clone, Copy)]
struct Place {
    kind: u16,
    is_key: bool,
    is_payload: bool,
}

impl Place {
    const fn of(chunk: &Chunk<'_>) -> Self {
        Self { kind: chunk.kind, is_key: chunk.is_key(), is_payload: chunk.is_payload() }
    }
}

/// Visits the chunks of all packets that follow each other in `frame`.
fn for_each_chunk(frame: &mut [u8], visit: &mut dyn FnMut(Place, &mut [u8])) {
    let mut offset = 0_usize;
    while frame.get(offset..).is_some_and(resync::has_magic) {
        let packet = frame.get_mut(offset..).unwrap_or_default();
        let consumed = visit_packet(packet, visit);
        if consumed < resync::HEADER_BYTES {
            return;
        }
        offset = offset.saturating_add(consumed);
    }
}

/// Visits the packet at the front; returns its length.
fn visit_packet(bytes: &mut [u8], visit: &mut dyn FnMut(Place, &mut [u8])) -> usize {
    let Some(end) = crate::v3::end(bytes) else {
        return 0;
    };
    let mut offset = resync::HEADER_BYTES;
    loop {
        match chunk::first(bytes.get(offset..end).unwrap_or_default()) {
            First::Chunk { chunk, rest, .. } => {
                let place = Place::of(&chunk);
                let next = end.saturating_sub(rest.len());
                let body_start = next.saturating_sub(chunk.body.len());
                if let Some(body) = bytes.get_mut(body_start..next) {
                    visit(place, body);
                }
                offset = next;
            }
            First::NextPacket => return offset,
            First::End | First::Broken => return end,
        }
    }
}
