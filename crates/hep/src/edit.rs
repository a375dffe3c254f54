use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::chunk::{self, Chunk, First, State};
use crate::encode::{EncodeError, Outgoing, begin_v3, end_v3, put_chunk};
use crate::{Packet, Refusal, Version, decode, resync};

/// What is to be different about a packet that is sent on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Edits<'a> {
    /// Vendor and type of chunks that go.
    pub delete: &'a [(u16, u16)],
    /// Chunks that stand for all of the same vendor and type, or come to those that are there.
    pub set: &'a [Chunk<'a>],
}

/// The packet at the front of a frame as HEPv3 with these edits: what a relay sends on.
///
/// A packet of version 3 keeps its other chunks as they are, known or not, and their order, but for the payload, which
/// comes last. One of an older version is written anew. A key (chunk 0x000e) is never taken over: the next collector has
/// one of its own, to be set here. `received_seconds` is the time of arrival, which a packet without a time gets.
///
/// # Errors
/// If there is no packet in front, or it would be longer than its 16-bit length can say.
pub fn edited(frame: &[u8], received_seconds: u32, edits: Edits<'_>) -> Result<Vec<u8>, EditError> {
    let (packet, taken) = decode(frame, received_seconds).map_err(EditError::NotHep)?;
    if packet.version == Version::V3 {
        return edited_v3(frame.get(..taken).unwrap_or(frame), edits);
    }
    let mut upgraded = Vec::new();
    outgoing(&packet, received_seconds).encode_v3(&mut upgraded).map_err(EditError::Encode)?;
    if edits.delete.is_empty() && edits.set.is_empty() {
        return Ok(upgraded);
    }
    edited_v3(&upgraded, edits)
}

fn edited_v3(frame: &[u8], edits: Edits<'_>) -> Result<Vec<u8>, EditError> {
    let mut out = Vec::with_capacity(frame.len());
    begin_v3(&mut out);
    let mut payloads = Vec::new();
    let mut placed = Vec::new();
    let mut cut: &[u8] = &[];
    let mut rest = frame.get(resync::HEADER_BYTES..).unwrap_or_default();
    while let First::Chunk { chunk, rest: next, state } = chunk::first(rest) {
        let here = rest;
        rest = next;
        if chunk.is_key() || edits.delete.contains(&(chunk.vendor, chunk.kind)) {
            continue;
        }
        let wanted = edits.set.iter().find(|set| (set.vendor, set.kind) == (chunk.vendor, chunk.kind));
        match wanted {
            Some(set) if placed.contains(&(set.vendor, set.kind)) => {}
            Some(set) => {
                placed.push((set.vendor, set.kind));
                put_chunk(&mut out, *set)?;
            }
            // As it is, at the end: with its real length it would count for more than it did.
            None if state == State::Cut => cut = here,
            None if chunk.is_payload() => payloads.push(chunk),
            None => put_chunk(&mut out, chunk)?,
        }
    }
    for set in edits.set {
        if !placed.contains(&(set.vendor, set.kind)) {
            placed.push((set.vendor, set.kind));
            put_chunk(&mut out, *set)?;
        }
    }
    for payload in payloads {
        put_chunk(&mut out, payload)?;
    }
    out.extend_from_slice(cut);
    if out.len() == resync::HEADER_BYTES {
        return Err(EditError::Empty);
    }
    end_v3(&mut out, 0)?;
    Ok(out)
}

/// What an older version says, to be said in version 3.
fn outgoing<'a>(packet: &'a Packet<'_>, received_seconds: u32) -> Outgoing<'a> {
    let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let end =
        |ip: Option<IpAddr>, port: Option<u16>| SocketAddr::new(ip.unwrap_or(unknown), port.unwrap_or(0));
    let new = Outgoing::new(end(packet.src_ip, packet.src_port), end(packet.dst_ip, packet.dst_port));
    Outgoing {
        ip_protocol: packet.ip_protocol.unwrap_or(new.ip_protocol),
        seconds: packet.seconds.unwrap_or(received_seconds),
        micros: packet.micros.unwrap_or(0),
        hep_type: packet.hep_type.unwrap_or(new.hep_type),
        capture_id: packet.capture_id.unwrap_or(0),
        correlation_id: packet.correlation_id,
        vlan: packet.vlan,
        node: packet.node,
        payload: &packet.payload,
        ..new
    }
}

/// Why a packet cannot be sent on with edits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EditError {
    /// The frame does not start with a packet.
    NotHep(Refusal),
    /// Nothing is left of it.
    Empty,
    /// The edited packet cannot be written.
    Encode(EncodeError),
}

impl From<EncodeError> for EditError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl fmt::Display for EditError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHep(refusal) => write!(formatter, "no HEP packet: {refusal}"),
            Self::Empty => formatter.write_str("no chunk is left of the packet"),
            Self::Encode(error) => error.fmt(formatter),
        }
    }
}

impl core::error::Error for EditError {}
