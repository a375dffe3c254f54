use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::bytes::{array, clipped, u8_at, u16_at, u32_at};
use crate::layers::Refusal;

/// An IPv4 or IPv6 packet, extension headers skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ip<'a> {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// IP protocol number of the payload (behind IPv6 extension headers).
    pub protocol: u8,
    /// Hops left: TTL or hop limit.
    pub hops: u8,
    /// Set when this is a piece of a larger packet.
    pub fragment: Option<Fragment>,
    /// The bytes behind the headers, link padding cut off.
    pub payload: &'a [u8],
    /// The capture holds fewer bytes than the header promises (snap length).
    pub truncated: bool,
}

/// Where a piece belongs (RFC 791 section 3.1, RFC 8200 section 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The same in all pieces of one packet.
    pub identification: u32,
    /// Position of this payload in the whole, in bytes.
    pub offset: usize,
    /// More pieces follow.
    pub more: bool,
}

impl<'a> Ip<'a> {
    /// Reads a packet that begins with an IP header.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Refusal> {
        match bytes.first().ok_or(Refusal::TooShort)? >> 4 {
            4 => parse_ipv4(bytes).ok_or(Refusal::TooShort)?,
            6 => parse_ipv6(bytes).ok_or(Refusal::TooShort)?,
            version => Err(Refusal::IpVersion(version)),
        }
    }
}

/// The outer `None` says that the bytes ended inside the header.
fn parse_ipv4(bytes: &[u8]) -> Option<Result<Ip<'_>, Refusal>> {
    let header_length = usize::from(u8_at(bytes, 0)? & 0x0f) * 4;
    if header_length < 20 {
        return Some(Err(Refusal::HeaderLength(header_length)));
    }
    // Zero: the capturing host left the length to its network card (segmentation offload).
    let total_length = match usize::from(u16_at(bytes, 2)?) {
        0 => bytes.len(),
        length => length,
    };
    if total_length < header_length {
        return Some(Err(Refusal::HeaderLength(header_length)));
    }
    let flags_and_offset = u16_at(bytes, 6)?;
    let (more, offset) = (flags_and_offset & 0x2000 != 0, usize::from(flags_and_offset & 0x1fff) * 8);
    let fragment = match (more, offset) {
        (false, 0) => None,
        _ => Some(Fragment { identification: u32::from(u16_at(bytes, 4)?), offset, more }),
    };
    Some(Ok(Ip {
        source: IpAddr::V4(Ipv4Addr::from(array::<4>(bytes, 12)?)),
        destination: IpAddr::V4(Ipv4Addr::from(array::<4>(bytes, 16)?)),
        protocol: u8_at(bytes, 9)?,
        hops: u8_at(bytes, 8)?,
        fragment,
        payload: clipped(bytes, header_length, total_length)?,
        truncated: bytes.len() < total_length,
    }))
}

/// Extension headers followed in one packet. Real packets have one or two; the chain must not cost more than that.
const EXTENSION_HEADERS_MAX: usize = 16;

/// The outer `None` says that the bytes ended inside the header.
fn parse_ipv6(bytes: &[u8]) -> Option<Result<Ip<'_>, Refusal>> {
    let payload_length = match usize::from(u16_at(bytes, 4)?) {
        // A jumbogram (RFC 2675) or segmentation offload: all there is.
        0 => bytes.len().saturating_sub(40),
        length => length,
    };
    let end = 40 + payload_length;
    let mut ip = Ip {
        source: IpAddr::V6(Ipv6Addr::from(array::<16>(bytes, 8)?)),
        destination: IpAddr::V6(Ipv6Addr::from(array::<16>(bytes, 24)?)),
        protocol: u8_at(bytes, 6)?,
        hops: u8_at(bytes, 7)?,
        fragment: None,
        payload: clipped(bytes, 40, end)?,
        truncated: bytes.len() < end,
    };
    for _ in 0..EXTENSION_HEADERS_MAX {
        let length = match ip.protocol {
            // Hop-by-hop, routing, destination options, mobility, HIP, shim6: RFC 8200 section 4, RFC 7045.
            0 | 43 | 60 | 135 | 139 | 140 => 8 + usize::from(u8_at(ip.payload, 1)?) * 8,
            // Authentication header, counted in 4-byte units less two (RFC 4302 section 2.2).
            51 => 8 + usize::from(u8_at(ip.payload, 1)?) * 4,
            44 => {
                let offset_and_more = u16_at(ip.payload, 2)?;
                let (offset, more) = (usize::from(offset_and_more & 0xfff8), offset_and_more & 1 == 1);
                // An atomic fragment (RFC 6946) is a whole packet.
                if more || offset > 0 {
                    let identification = u32_at(ip.payload, 4)?;
                    ip.fragment = Some(Fragment { identification, offset, more });
                }
                8
            }
            // No next header: whatever follows is not a payload (RFC 8200 section 4.7).
            59 => {
                ip.payload = &[];
                break;
            }
            _ => break,
        };
        ip.protocol = u8_at(ip.payload, 0)?;
        ip.payload = ip.payload.get(length..)?;
        // Later pieces begin in the middle of the payload: nothing behind is a header.
        if ip.fragment.is_some_and(|fragment| fragment.offset > 0) {
            break;
        }
    }
    Some(Ok(ip))
}
