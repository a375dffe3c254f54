//! The RTP header (RFC 3550 section 5.1).

use std::fmt;

use crate::bytes::{u8_at, u16_at, u32_at};

/// An RTP packet, borrowing its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Begins a talk spurt (audio) or ends a frame (video).
    pub marker: bool,
    /// What the payload is, by static number or by SDP.
    pub payload_type: u8,
    /// Goes up by one for each packet.
    pub sequence: u16,
    /// Sampling instant in clock units.
    pub timestamp: u32,
    /// Names the source.
    pub ssrc: u32,
    /// Contributing sources, four bytes each: see [`Packet::contributors`].
    pub csrc: &'a [u8],
    /// Header extension: profile number and its bytes.
    pub extension: Option<(u16, &'a [u8])>,
    /// The media, padding cut off.
    pub payload: &'a [u8],
}

/// Why bytes are not an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The padding count is zero or above the packet's length.
    Padding(u8),
    /// The bytes end inside the header.
    TooShort,
    /// Not version 2.
    Version(u8),
}

impl<'a> Packet<'a> {
    /// Reads a packet.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let first = u8_at(bytes, 0).ok_or(Refusal::TooShort)?;
        if first >> 6 != 2 {
            return Err(Refusal::Version(first >> 6));
        }
        let mut packet = parse_header(bytes, first).ok_or(Refusal::TooShort)?;
        if first & 0x20 != 0 {
            let padding = packet.payload.last().copied().unwrap_or_default();
            let length = packet.payload.len().checked_sub(usize::from(padding));
            let kept = length.filter(|_| padding > 0).and_then(|length| packet.payload.get(..length));
            packet.payload = kept.ok_or(Refusal::Padding(padding))?;
        }
        Ok(packet)
    }

    /// SSRCs that a mixer joined into this packet.
    pub fn contributors(&self) -> impl Iterator<Item = u32> + 'a {
        self.csrc.as_chunks::<4>().0.iter().map(|csrc| u32::from_be_bytes(*csrc))
    }
}

fn parse_header(bytes: &[u8], first: u8) -> Option<Packet<'_>> {
    let second = u8_at(bytes, 1)?;
    let csrc_end = 12 + usize::from(first & 0x0f) * 4;
    let mut payload = bytes.get(csrc_end..)?;
    let mut extension = None;
    if first & 0x10 != 0 {
        let length = 4 + usize::from(u16_at(payload, 2)?) * 4;
        extension = Some((u16_at(payload, 0)?, payload.get(4..length)?));
        payload = payload.get(length..)?;
    }
    Some(Packet {
        marker: second & 0x80 != 0,
        payload_type: second & 0x7f,
        sequence: u16_at(bytes, 2)?,
        timestamp: u32_at(bytes, 4)?,
        ssrc: u32_at(bytes, 8)?,
        csrc: bytes.get(12..csrc_end)?,
        extension,
        payload,
    })
}

/// Whether bytes on a port shared by both are RTCP rather than RTP: the second byte of RTCP is 192 to 223, which as
/// RTP would be a marked payload type of 64 to 95, kept free for this (RFC 5761 section 4).
pub fn is_rtcp(bytes: &[u8]) -> bool {
    matches!(bytes, [first, 192..=223, ..] if first >> 6 == 2)
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Padding(count) => write!(f, "RTP padding of {count} bytes does not fit the packet"),
            Self::TooShort => f.write_str("bytes end inside the RTP header"),
            Self::Version(version) => write!(f, "RTP version {version} is not 2"),
        }
    }
}

impl std::error::Error for Refusal {}
