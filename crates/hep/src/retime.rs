use alloc::vec::Vec;

use crate::chunk::{self, First, GENERIC, State, kind};
use crate::resync;

/// Makes a HEPv3 packet say that its traffic was seen at this time, and changes nothing else: for recordings that
/// are played again. A packet that says no time gets one, if its 16-bit length allows.
///
/// False, and nothing changed, for what is no single HEPv3 packet.
pub fn set_time(packet: &mut Vec<u8>, seconds: u32, micros: u32) -> bool {
    let whole = match **packet {
        [_, _, _, _, l0, l1, ..] => usize::from(u16::from_be_bytes([l0, l1])) == packet.len(),
        _ => false,
    };
    if !resync::has_magic(packet) || !whole {
        return false;
    }
    let mut missing = [(kind::SECONDS, seconds, true), (kind::MICROS, micros, true)];
    let mut offset = resync::HEADER_BYTES;
    while let First::Chunk { chunk, rest, state } = chunk::first(packet.get(offset..).unwrap_or_default()) {
        let next = packet.len().saturating_sub(rest.len());
        // Of chunks that come several times the last one counts, so all of them are set.
        let wanted = missing.iter_mut().find(|(kind, ..)| chunk.vendor == GENERIC && chunk.kind == *kind);
        let body_bytes = chunk.body.len();
        if let Some((_, value, missing)) = wanted
            && body_bytes == 4
            && let Some(body) = packet.get_mut(next.saturating_sub(body_bytes)..next)
        {
            body.copy_from_slice(&value.to_be_bytes());
            *missing = false;
        }
        if state == State::Cut {
            // Whatever follows is a part of it, so what is missing stands before it.
            break;
        }
        offset = next;
    }
    for (kind, value, _) in missing.into_iter().filter(|(.., missing)| *missing) {
        let length = packet.len().saturating_add(TIME_CHUNK_BYTES);
        let Ok(length) = u16::try_from(length) else { continue };
        let header = [GENERIC, kind, TIME_CHUNK_BYTES as u16].into_iter().flat_map(u16::to_be_bytes);
        packet.splice(offset..offset, header.chain(value.to_be_bytes()));
        if let Some(field) = packet.get_mut(4..resync::HEADER_BYTES) {
            field.copy_from_slice(&length.to_be_bytes());
        }
    }
    true
}

/// Header and four bytes.
const TIME_CHUNK_BYTES: usize = chunk::HEADER_BYTES + 4;
