//! The protocol-buffer form of heplify's first versions (`-protobuf`): one message of fourteen fields, the same things
//! as the core chunks of HEPv3. It states no length, so it fills its datagram and cannot be framed on a stream.

use alloc::borrow::Cow;
use core::net::IpAddr;

use crate::{Flags, Packet, Refusal, Version, v3};

/// Field numbers of the message.
mod field {
    pub(super) const FAMILY: u64 = 1;
    pub(super) const IP_PROTOCOL: u64 = 2;
    pub(super) const SRC_IP: u64 = 3;
    pub(super) const DST_IP: u64 = 4;
    pub(super) const SRC_PORT: u64 = 5;
    pub(super) const DST_PORT: u64 = 6;
    pub(super) const SECONDS: u64 = 7;
    pub(super) const MICROS: u64 = 8;
    pub(super) const TYPE: u64 = 9;
    pub(super) const CAPTURE_ID: u64 = 10;
    pub(super) const KEY: u64 = 11;
    pub(super) const PAYLOAD: u64 = 12;
    pub(super) const CORRELATION_ID: u64 = 13;
    pub(super) const VLAN: u64 = 14;
}

/// True if the bytes start with field 1 and then field 2, both as small numbers: encoders write fields in order, and
/// nothing else that starts with 8 is known to come here.
pub(crate) const fn looks_like_message(bytes: &[u8]) -> bool {
    matches!(bytes, [0x08, _, 0x10, ..])
}

/// Decodes a datagram that looks like a message.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Packet<'_>, usize), Refusal> {
    let mut packet = Packet::new(Version::Protobuf);
    let mut has_payload = false;
    let mut rest = bytes;
    loop {
        match first(rest) {
            First::Field { number, value, rest: next, whole } => {
                packet.flags.set_if(!whole, Flags::TRUNCATED);
                has_payload |= number == field::PAYLOAD;
                read(&mut packet, number, value);
                rest = next;
            }
            First::End => break,
            First::Broken => return Err(Refusal::Protobuf),
        }
    }
    // Every field is required. What ends before the payload is something else, or has nothing to tell.
    if !has_payload {
        return Err(Refusal::Protobuf);
    }
    v3::check(&mut packet);
    Ok((packet, bytes.len()))
}

/// Overwrites the password field with zero bytes.
pub(crate) fn blank_key(bytes: &mut [u8]) {
    let mut offset = 0_usize;
    while let First::Field { number, value, rest, .. } = first(bytes.get(offset..).unwrap_or_default()) {
        let end = bytes.len().saturating_sub(rest.len());
        if let (field::KEY, Value::Bytes(key)) = (number, value) {
            let start = end.saturating_sub(key.len());
            if let Some(key) = bytes.get_mut(start..end) {
                key.fill(0);
            }
        }
        offset = end;
    }
}

fn read<'a>(packet: &mut Packet<'a>, number: u64, value: Value<'a>) {
    let flags = &mut packet.flags;
    match (number, value) {
        (field::FAMILY, Value::Number(value)) => narrow(&mut packet.family, value, flags),
        (field::IP_PROTOCOL, Value::Number(value)) => narrow(&mut packet.ip_protocol, value, flags),
        (field::SRC_IP, Value::Bytes(text)) => read_address(&mut packet.src_ip, text, flags),
        (field::DST_IP, Value::Bytes(text)) => read_address(&mut packet.dst_ip, text, flags),
        (field::SRC_PORT, Value::Number(value)) => narrow(&mut packet.src_port, value, flags),
        (field::DST_PORT, Value::Number(value)) => narrow(&mut packet.dst_port, value, flags),
        (field::SECONDS, Value::Number(value)) => narrow(&mut packet.seconds, value, flags),
        (field::MICROS, Value::Number(value)) => narrow(&mut packet.micros, value, flags),
        (field::TYPE, Value::Number(value)) => narrow(&mut packet.hep_type, value, flags),
        (field::CAPTURE_ID, Value::Number(value)) => narrow(&mut packet.capture_id, value, flags),
        // Every field is required, so "none" is written as an empty text.
        (field::KEY, Value::Bytes(key)) => packet.key = (!key.is_empty()).then_some(key),
        (field::PAYLOAD, Value::Bytes(payload)) => packet.payload = Cow::Borrowed(payload),
        (field::CORRELATION_ID, Value::Bytes(id)) => packet.correlation_id = (!id.is_empty()).then_some(id),
        (field::VLAN, Value::Number(value)) => narrow(&mut packet.vlan, value, flags),
        (field::FAMILY..=field::VLAN, _) => *flags |= Flags::ODD_CHUNK,
        _ => {}
    }
}

/// All numbers are declared with 32 bits, also those that have fewer.
fn narrow<T: TryFrom<u64>>(slot: &mut Option<T>, value: u64, flags: &mut Flags) {
    match T::try_from(value) {
        Ok(value) => *slot = Some(value),
        Err(_) => *flags |= Flags::ODD_CHUNK,
    }
}

fn read_address(slot: &mut Option<IpAddr>, text: &[u8], flags: &mut Flags) {
    match core::str::from_utf8(text).ok().and_then(|text| text.parse().ok()) {
        Some(address) => *slot = Some(address),
        None => flags.set_if(!text.is_empty(), Flags::ODD_CHUNK),
    }
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Of a size no field here has.
    Fixed,
}

enum First<'a> {
    Field {
        number: u64,
        value: Value<'a>,
        rest: &'a [u8],
        /// False if its announced length runs past the end; the value is what is there.
        whole: bool,
    },
    End,
    Broken,
}

/// Reads one field off the front: a tag (number and wire type), then the value (protocol buffers encoding, "Message
/// Structure").
fn first(bytes: &[u8]) -> First<'_> {
    if bytes.is_empty() {
        return First::End;
    }
    let Some((tag, after)) = varint(bytes) else {
        return First::Broken;
    };
    let number = tag >> 3;
    let fixed = |size: usize| after.get(size..).map(|rest| (Value::Fixed, rest, true));
    let field = match tag & 7 {
        0 => varint(after).map(|(value, rest)| (Value::Number(value), rest, true)),
        1 => fixed(8),
        2 => varint(after).map(|(length, body)| {
            let split = usize::try_from(length).ok().and_then(|length| body.split_at_checked(length));
            let (value, rest) = split.unwrap_or((body, &[]));
            (Value::Bytes(value), rest, split.is_some())
        }),
        5 => fixed(4),
        _ => None,
    };
    match field {
        Some((value, rest, whole)) if number > 0 => First::Field { number, value, rest, whole },
        _ => First::Broken,
    }
}

/// A number in groups of seven bits, the lowest first.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    /// 64 bits in groups of seven.
    const BYTES_MAX: usize = 10;
    let last = bytes.iter().take(BYTES_MAX).position(|byte| byte & 0x80 == 0)?;
    let (digits, rest) = bytes.split_at_checked(last.saturating_add(1))?;
    // What exceeds 64 bits falls off at the top, as in every decoder of these.
    let value = digits.iter().rev().fold(0_u64, |value, byte| (value << 7) | u64::from(byte & 0x7f));
    Some((value, rest))
}
