//! HEPv3: a six-byte header and chunks.

use alloc::borrow::Cow;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::chunk::{self, First, State, kind};
use crate::packet::SIP_TYPE;
use crate::{Flags, Packet, Refusal, Version, inflate, legacy, resync, sniff};

/// Where the packet at the front ends: its own length or the end of the bytes, whichever comes first.
/// `None` if the header is not all there or its length is below the header's.
pub(crate) fn end(bytes: &[u8]) -> Option<usize> {
    let &[_, _, _, _, l0, l1, ..] = bytes else {
        return None;
    };
    let advertised = usize::from(u16::from_be_bytes([l0, l1]));
    (advertised >= resync::HEADER_BYTES).then_some(advertised.min(bytes.len()))
}

/// Decodes a packet that starts with one of the version 3 ids.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Packet<'_>, usize), Refusal> {
    let &[_, _, _, _, l0, l1, ref after_header @ ..] = bytes else {
        return Err(Refusal::TooShort);
    };
    let advertised = usize::from(u16::from_be_bytes([l0, l1]));
    let body_bytes = advertised.checked_sub(resync::HEADER_BYTES).ok_or(Refusal::BadLength)?;
    if body_bytes == 0 {
        return Err(Refusal::NoChunks);
    }
    let mut packet = Packet { may_hold_keys: false, ..Packet::new(Version::V3) };
    let body = after_header.get(..body_bytes).unwrap_or_else(|| {
        packet.flags |= Flags::TRUNCATED;
        after_header
    });
    let walked = Walk::default().run(&mut packet, body);
    packet.body = body.get(..walked).unwrap_or(body);
    check(&mut packet);
    Ok((packet, walked.saturating_add(resync::HEADER_BYTES)))
}

/// What the walk over the chunks must remember until their order no longer matters.
#[derive(Default)]
struct Walk<'a> {
    /// One bit per generic type below 64.
    seen: u64,
    plain: Option<&'a [u8]>,
    compressed: Option<&'a [u8]>,
    /// Two-byte bodies of the IPv6 address chunks, which one sender fills with ports.
    odd_src_port: Option<u16>,
    odd_dst_port: Option<u16>,
}

impl<'a> Walk<'a> {
    /// Reads all chunks into `packet`; returns how many bytes belong to it.
    fn run(mut self, packet: &mut Packet<'a>, body: &'a [u8]) -> usize {
        let mut rest = body;
        let left = loop {
            match chunk::first(rest) {
                First::Chunk { chunk, rest: next, state } => {
                    match state {
                        State::Whole => {}
                        State::Cut => packet.flags |= Flags::TRUNCATED,
                        State::Short => packet.flags |= Flags::BAD_CHUNK,
                    }
                    let is_nested = chunk.is_payload() && resync::has_magic(chunk.body);
                    packet.may_hold_keys |= chunk.is_key() || is_nested;
                    packet.has_other_chunks |= !chunk.has_field();
                    if chunk.vendor == chunk::GENERIC {
                        self.generic(packet, chunk.kind, chunk.body, state);
                    }
                    rest = next;
                }
                First::End => break 0,
                First::NextPacket => {
                    packet.flags |= Flags::TRUNCATED;
                    break rest.len();
                }
                First::Broken => {
                    // NULs up to the announced end are padding; anything else is lost here, unless it is the
                    // stump of a packet that was cut off anyhow.
                    let lost = rest.len() >= chunk::HEADER_BYTES || !packet.flags.contains(Flags::TRUNCATED);
                    packet.flags.set_if(lost && rest.iter().any(|&byte| byte != 0), Flags::BAD_CHUNK);
                    break 0;
                }
            }
        };
        self.settle(packet);
        body.len().saturating_sub(left)
    }

    /// Specification, table of the generic chunk types. Vendors' chunks of the same numbers never come here.
    #[inline]
    fn generic(&mut self, packet: &mut Packet<'a>, kind: u16, body: &'a [u8], state: State) {
        let whole = state == State::Whole;
        let flags = &mut packet.flags;
        if kind < 64 {
            let bit = 1_u64 << kind;
            flags.set_if(self.seen & bit != 0, Flags::DUPLICATE_CHUNK);
            self.seen |= bit;
        }
        match kind {
            kind::PAYLOAD if !body.is_empty() || self.plain.is_none() => self.plain = Some(body),
            kind::PAYLOAD => {}
            kind::COMPRESSED => self.compressed = Some(body),
            kind::KEY => packet.key = Some(body),
            kind::CORRELATION_ID => packet.correlation_id = Some(body),
            kind::NODE => packet.node = Some(body),
            kind::GEO_LOCATION => packet.geo_location = Some(body),
            kind::TRANSACTION_TYPE => packet.transaction_type = Some(body),
            kind::PAYLOAD_JSON_KEYS => packet.payload_json_keys = Some(body),
            kind::TAG_VALUES => packet.tag_values = Some(body),
            kind::GROUP_ID => packet.group_id = Some(body),
            kind::EXTRA_CORRELATION => packet.extra_correlation = Some(body),
            // The rest have fixed sizes: half of a number is not a smaller number.
            _ if !whole => {}
            kind::FAMILY => read_u8(&mut packet.family, body, flags),
            kind::IP_PROTOCOL => read_u8(&mut packet.ip_protocol, body, flags),
            kind::SRC_IPV4 => read_ipv4(&mut packet.src_ip, body, flags),
            kind::DST_IPV4 => read_ipv4(&mut packet.dst_ip, body, flags),
            kind::SRC_IPV6 => read_ipv6(&mut packet.src_ip, &mut self.odd_src_port, body, flags),
            kind::DST_IPV6 => read_ipv6(&mut packet.dst_ip, &mut self.odd_dst_port, body, flags),
            kind::SRC_PORT => read_u16(&mut packet.src_port, body, flags),
            kind::DST_PORT => read_u16(&mut packet.dst_port, body, flags),
            kind::SECONDS => read_u32(&mut packet.seconds, body, flags),
            kind::MICROS => read_u32(&mut packet.micros, body, flags),
            kind::TYPE => read_type(&mut packet.hep_type, body, flags),
            kind::CAPTURE_ID => read_u32(&mut packet.capture_id, body, flags),
            kind::KEEP_ALIVE => read_u16(&mut packet.keep_alive_seconds, body, flags),
            kind::VLAN => read_u16(&mut packet.vlan, body, flags),
            kind::SRC_MAC => read_mac(&mut packet.src_mac, body, flags),
            kind::DST_MAC => read_mac(&mut packet.dst_mac, body, flags),
            kind::ETHERTYPE => read_u16(&mut packet.ethertype, body, flags),
            kind::TCP_FLAGS => read_u8(&mut packet.tcp_flags, body, flags),
            kind::TOS => read_u8(&mut packet.tos, body, flags),
            kind::MOS => read_u16(&mut packet.mos, body, flags),
            kind::R_FACTOR => read_u16(&mut packet.r_factor, body, flags),
            kind::JITTER => read_u32(&mut packet.jitter, body, flags),
            kind::TAG_TYPE => read_u16(&mut packet.tag_type, body, flags),
            kind::EVENT_TYPE => read_u16(&mut packet.event_type, body, flags),
            _ => {}
        }
    }

    /// What can only be said once every chunk was seen.
    fn settle(self, packet: &mut Packet<'a>) {
        for (port, odd) in
            [(&mut packet.src_port, self.odd_src_port), (&mut packet.dst_port, self.odd_dst_port)]
        {
            if port.is_none() && odd.is_some() {
                *port = odd;
                packet.flags |= Flags::PORTS_IN_ADDRESSES;
            }
        }
        let plain = self.plain.unwrap_or_default();
        packet.payload = match self.compressed {
            Some(compressed) if plain.is_empty() => inflate::payload(compressed, &mut packet.flags),
            compressed => {
                packet.flags.set_if(compressed.is_some(), Flags::TWO_PAYLOADS);
                Cow::Borrowed(plain)
            }
        };
    }
}

/// Notes what is missing or contradicts itself.
pub(crate) fn check(packet: &mut Packet<'_>) {
    let flags = &mut packet.flags;
    if packet.hep_type.is_none() {
        *flags |= Flags::NO_TYPE;
        packet.hep_type = sniff::looks_like_sip(&packet.payload).then_some(SIP_TYPE);
    }
    flags.set_if(packet.seconds.is_none(), Flags::NO_TIME);
    flags.set_if(packet.micros.is_some_and(|micros| micros >= 1_000_000), Flags::BAD_TIME);
    flags.set_if(packet.src_ip.is_none() || packet.dst_ip.is_none(), Flags::NO_ADDRESS);
    if let (Some(src), Some(dst)) = (packet.src_ip, packet.dst_ip) {
        flags.set_if(src.is_ipv4() != dst.is_ipv4(), Flags::MIXED_FAMILIES);
    }
    if let (Some(family), Some(address)) = (packet.family, packet.src_ip.or(packet.dst_ip)) {
        let fits = if address.is_ipv4() { family == legacy::INET } else { legacy::is_inet6(family) };
        flags.set_if(!fits, Flags::FAMILY_MISMATCH);
    }
}

#[inline]
fn read_u8(slot: &mut Option<u8>, body: &[u8], flags: &mut Flags) {
    match *body {
        [a] => *slot = Some(a),
        _ => read_odd(slot, body, flags),
    }
}

/// One byte by the specification; two where one cannot hold the number.
#[inline]
fn read_type(slot: &mut Option<u16>, body: &[u8], flags: &mut Flags) {
    match *body {
        [a] => *slot = Some(a.into()),
        [a, b] if a > 0 => *slot = Some(u16::from_be_bytes([a, b])),
        _ => read_odd(slot, body, flags),
    }
}

#[inline]
fn read_u16(slot: &mut Option<u16>, body: &[u8], flags: &mut Flags) {
    match *body {
        [a, b] => *slot = Some(u16::from_be_bytes([a, b])),
        _ => read_odd(slot, body, flags),
    }
}

#[inline]
fn read_u32(slot: &mut Option<u32>, body: &[u8], flags: &mut Flags) {
    match *body {
        [a, b, c, d] => *slot = Some(u32::from_be_bytes([a, b, c, d])),
        _ => read_odd(slot, body, flags),
    }
}

/// MAC addresses were declared as 64-bit numbers but have 48 bits: both sizes are regular.
fn read_mac(slot: &mut Option<u64>, body: &[u8], flags: &mut Flags) {
    match body.len() {
        6 | 8 => *slot = chunk::unsigned(body),
        _ => read_odd(slot, body, flags),
    }
}

/// A number of the wrong size: taken if it still fits, and noted. An earlier good value survives a bad one.
#[cold]
fn read_odd<T: TryFrom<u64>>(slot: &mut Option<T>, body: &[u8], flags: &mut Flags) {
    *flags |= Flags::ODD_CHUNK;
    if let Some(value) = chunk::unsigned(body).and_then(|number| T::try_from(number).ok()) {
        *slot = Some(value);
    }
}

#[inline]
fn read_ipv4(slot: &mut Option<IpAddr>, body: &[u8], flags: &mut Flags) {
    if let &[a, b, c, d] = body {
        place(slot, Ipv4Addr::new(a, b, c, d).into());
        return;
    }
    *flags |= Flags::ODD_CHUNK;
    if let Ok(octets) = <[u8; 16]>::try_from(body)
        && let Some(mapped) = Ipv6Addr::from(octets).to_ipv4_mapped()
    {
        place(slot, mapped.into());
    }
}

#[inline]
fn read_ipv6(slot: &mut Option<IpAddr>, port: &mut Option<u16>, body: &[u8], flags: &mut Flags) {
    if let Ok(octets) = <[u8; 16]>::try_from(body) {
        place(slot, Ipv6Addr::from(octets).into());
        return;
    }
    *flags |= Flags::ODD_CHUNK;
    match *body {
        [a, b, c, d] => place(slot, Ipv4Addr::new(a, b, c, d).into()),
        [a, b] => *port = Some(u16::from_be_bytes([a, b])),
        _ => {}
    }
}

/// The last address counts, except that a zero one of the other family never replaces a real one: senders
/// that fill in both kinds leave the wrong one empty.
#[inline]
fn place(slot: &mut Option<IpAddr>, address: IpAddr) {
    match slot {
        Some(known)
            if known.is_ipv4() != address.is_ipv4()
                && address.is_unspecified()
                && !known.is_unspecified() => {}
        _ => *slot = Some(address),
    }
}
