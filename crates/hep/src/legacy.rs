//! HEPv1 and HEPv2: a fixed binary header, SIP to the end of the datagram.

use alloc::borrow::Cow;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::packet::SIP_TYPE;
use crate::{Flags, Packet, Refusal, Transport, Version, sniff};

/// `AF_INET` is 2 everywhere.
pub(crate) const INET: u8 = 2;

/// Version, length, family, protocol and both ports.
const FIXED_BYTES: usize = 8;
/// Seconds, microseconds, capture id and the two bytes a C compiler pads them with.
pub(crate) const CLOCK_BYTES: usize = 12;

/// `AF_INET6` as Linux, Windows, the BSDs, Solaris and macOS number it.
pub(crate) const fn is_inet6(family: u8) -> bool {
    matches!(family, 10 | 23 | 24 | 26 | 28 | 30)
}

/// The protocol numbers senders use, see [`crate::Transport`].
const fn is_transport(protocol: u8) -> bool {
    !matches!(Transport::from_ip_protocol(protocol), Transport::Unknown)
}

/// True if the first four bytes read like a HEPv1 or HEPv2 header. Enough to judge a stream, where such a
/// packet cannot be framed anyhow; a datagram is looked at more closely.
pub(crate) const fn looks_like_header(bytes: &[u8]) -> bool {
    match *bytes {
        [1 | 2, _, family, protocol, ..] => (family == INET || is_inet6(family)) && is_transport(protocol),
        _ => false,
    }
}

/// Decodes a datagram that starts with 1 or 2.
pub(crate) fn decode(bytes: &[u8], received_seconds: u32) -> Result<(Packet<'_>, usize), Refusal> {
    let &[version, length, family, ip_protocol, s0, s1, d0, d1, ref rest @ ..] = bytes else {
        return Err(Refusal::TooShort);
    };
    let version = if version == 1 { Version::V1 } else { Version::V2 };
    let layout = layout(version, family, rest)?;
    let mut packet = Packet::new(version);
    packet.family = Some(family);
    packet.ip_protocol = Some(ip_protocol);
    packet.src_port = Some(u16::from_be_bytes([s0, s1]));
    packet.dst_port = Some(u16::from_be_bytes([d0, d1]));
    packet.hep_type = Some(SIP_TYPE);
    packet.flags.set_if(!layout.family_known, Flags::FAMILY_MISMATCH);

    let (addresses, rest) = rest.split_at_checked(layout.address_bytes()).ok_or(Refusal::TooShort)?;
    let (src, dst) = addresses.split_at_checked(addresses.len() / 2).ok_or(Refusal::TooShort)?;
    packet.src_ip = address(src);
    packet.dst_ip = address(dst);

    let payload = match version {
        Version::V1 => {
            packet.flags |= Flags::NO_TIME;
            rest
        }
        _ => clock(&mut packet, rest, received_seconds)?,
    };
    let usual_length = is_usual_length(length, version, layout, bytes.len());
    packet.flags.set_if(!usual_length, Flags::ODD_HEADER_LENGTH);
    // Much that is not HEP starts with 1 or 2 (STUN answers do). The length octet or the payload must vouch.
    let vouched =
        (usual_length && is_transport(ip_protocol) && !is_stun(bytes)) || sniff::looks_like_sip(payload);
    if !vouched {
        return Err(Refusal::NotHep);
    }
    packet.payload = Cow::Borrowed(payload);
    Ok((packet, bytes.len()))
}

#[derive(Clone, Copy)]
struct Layout {
    ipv6: bool,
    family_known: bool,
}

impl Layout {
    const fn address_bytes(self) -> usize {
        if self.ipv6 { 32 } else { 8 }
    }
}

/// Address size by the family octet; if that is unknown, by where SIP starts.
fn layout(version: Version, family: u8, after_ports: &[u8]) -> Result<Layout, Refusal> {
    if family == INET || is_inet6(family) {
        return Ok(Layout { ipv6: family != INET, family_known: true });
    }
    let clock_bytes = if version == Version::V1 { 0 } else { CLOCK_BYTES };
    [false, true]
        .map(|ipv6| Layout { ipv6, family_known: false })
        .into_iter()
        .find(|layout| {
            let payload = after_ports.get(layout.address_bytes().saturating_add(clock_bytes)..);
            payload.is_some_and(sniff::looks_like_sip)
        })
        .ok_or(Refusal::BadFamily)
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    match *octets {
        [a, b, c, d] => Some(Ipv4Addr::new(a, b, c, d).into()),
        _ => <[u8; 16]>::try_from(octets).ok().map(|octets| Ipv6Addr::from(octets).into()),
    }
}

/// The length octet means three things in the field: header and addresses, the same with the clock, or (sngrep)
/// the high byte of the datagram's length. It is never used to find the payload.
fn is_usual_length(length: u8, version: Version, layout: Layout, datagram_bytes: usize) -> bool {
    let addresses = FIXED_BYTES.saturating_add(layout.address_bytes());
    let clock = addresses.saturating_add(CLOCK_BYTES);
    let length = usize::from(length);
    length == addresses || (version == Version::V2 && (length == clock || length == datagram_bytes >> 8))
}

/// RFC 8489, section 5: bytes 4 to 7 of every STUN message.
const fn is_stun(bytes: &[u8]) -> bool {
    matches!(bytes, [_, _, _, _, 0x21, 0x12, 0xa4, 0x42, ..])
}

/// Reads the clock of HEPv2 and returns the payload.
fn clock<'a>(
    packet: &mut Packet<'_>,
    after_addresses: &'a [u8],
    received_seconds: u32,
) -> Result<&'a [u8], Refusal> {
    let &[s0, s1, s2, s3, u0, u1, u2, u3, c0, c1, ref padded @ ..] = after_addresses else {
        return Err(Refusal::TooShort);
    };
    let (seconds, micros, id) = ([s0, s1, s2, s3], [u0, u1, u2, u3], [c0, c1]);
    let little = (u32::from_le_bytes(seconds), u32::from_le_bytes(micros));
    let big = (u32::from_be_bytes(seconds), u32::from_be_bytes(micros));
    // All C senders write little-endian; hep-erlang writes big-endian. A capture replayed from an old file is
    // still told apart by the wider of the two windows.
    let windows = [received_seconds.saturating_sub(TEN_YEARS_SECONDS), YEAR_2000_SECONDS];
    let order = windows.into_iter().find_map(|earliest| {
        let plausible = |(seconds, micros): (u32, u32)| {
            let latest = received_seconds.saturating_add(DAY_SECONDS);
            micros < 1_000_000 && (earliest..=latest).contains(&seconds)
        };
        if plausible(little) { Some(Order::Little) } else { plausible(big).then_some(Order::Big) }
    });
    packet.flags.set_if(order.is_none(), Flags::BAD_TIME);
    packet.flags.set_if(matches!(order, Some(Order::Big)), Flags::BIG_ENDIAN_CLOCK);
    let ((seconds, micros), id) = match order {
        Some(Order::Big) => (big, u16::from_be_bytes(id)),
        Some(Order::Little) | None => (little, u16::from_le_bytes(id)),
    };
    packet.seconds = Some(seconds);
    packet.micros = Some(micros);
    packet.capture_id = Some(u32::from(id));

    let payload = padded.get(2..);
    // A sender with a packed structure would have no padding: then SIP starts two bytes earlier.
    if sniff::is_surely_sip(padded) && !payload.is_some_and(sniff::is_surely_sip) {
        return Ok(padded);
    }
    payload.ok_or(Refusal::TooShort)
}

#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

/// No agent holds packets back longer than this, not even when reading them from a file.
const TEN_YEARS_SECONDS: u32 = 10 * 365 * DAY_SECONDS;
const DAY_SECONDS: u32 = 86_400;
const YEAR_2000_SECONDS: u32 = 946_684_800;
