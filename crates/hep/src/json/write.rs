//! From a packet to the JSON form.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use core::net::IpAddr;

use super::has_own_place;
use super::keys::{CHUNKS, KEYS, Key, PAYLOAD, PAYLOAD_HEX};
use crate::Packet;
use crate::chunk::{Chunk, GENERIC, kind};

/// Appends the packet in JSON, on one line without the line end.
pub fn encode(packet: &Packet<'_>, out: &mut String) {
    // Memory takes whatever is written to it.
    let _ = write(packet, out);
}

fn write(packet: &Packet<'_>, out: &mut String) -> fmt::Result {
    out.push_str("{\"rcinfo\":{");
    let mut without_key: Vec<Chunk<'_>> = Vec::new();
    let mut separator = "";
    for key in KEYS {
        let Some(field) = field(packet, key) else { continue };
        let text = match field {
            Field::Text(octets) => match core::str::from_utf8(octets) {
                Ok(text) => Some(text),
                Err(_) => {
                    without_key.push(Chunk { vendor: key.vendor, kind: key.kind, body: octets });
                    continue;
                }
            },
            _ => None,
        };
        let name = key.names.first().copied().unwrap_or_default();
        write!(out, "{separator}\"{name}\":")?;
        separator = ",";
        match (field, text) {
            (Field::Number(number), _) => write!(out, "{number}")?,
            (Field::Address(address), _) => write!(out, "\"{address}\"")?,
            (Field::Mac(mac), _) => write_mac(mac, out)?,
            (Field::Text(_), text) => write_string(out, text.unwrap_or_default()),
        }
    }
    without_key.extend(packet.chunks().filter(|chunk| !has_key(*chunk) && !is_blanked(*chunk)));
    for (index, chunk) in without_key.iter().enumerate() {
        let opening = if index == 0 { [separator, "\"", CHUNKS, "\":["] } else { [",", "", "", ""] };
        opening.iter().for_each(|part| out.push_str(part));
        write!(out, "{{\"vendor\":{},\"type\":{},\"hex\":", chunk.vendor, chunk.kind)?;
        write_hexadecimal(chunk.body, out)?;
        out.push('}');
    }
    out.push_str(if without_key.is_empty() { "}," } else { "]}," });
    match core::str::from_utf8(&packet.payload) {
        Ok(text) => {
            write!(out, "\"{PAYLOAD}\":")?;
            write_string(out, text);
        }
        Err(_) => {
            write!(out, "\"{PAYLOAD_HEX}\":")?;
            write_hexadecimal(&packet.payload, out)?;
        }
    }
    out.push('}');
    Ok(())
}

/// Appends a JSON string (RFC 8259, section 7): quotes, backslashes and control characters escaped.
pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)) {
        let (plain, after) = rest.split_at_checked(at).unwrap_or_default();
        out.push_str(plain);
        let mut letters = after.chars();
        match letters.next().unwrap_or_default() {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control => {
                // Memory takes whatever is written to it.
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
        }
        rest = letters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

#[derive(Clone, Copy)]
enum Field<'a> {
    Number(u64),
    Address(IpAddr),
    Mac(u64),
    Text(&'a [u8]),
}

/// What the packet has to say under this key.
fn field<'a>(packet: &Packet<'a>, key: &Key) -> Option<Field<'a>> {
    fn number<T: Into<u64>>(value: Option<T>) -> Option<Field<'static>> {
        value.map(|value| Field::Number(value.into()))
    }
    if key.vendor != GENERIC {
        let chunks = packet.chunks().filter(|chunk| (chunk.vendor, chunk.kind) == (key.vendor, key.kind));
        return chunks.last().map(|chunk| Field::Text(chunk.body));
    }
    match key.kind {
        kind::FAMILY => number(packet.family),
        kind::IP_PROTOCOL => number(packet.ip_protocol),
        kind::SRC_IPV4 => packet.src_ip.map(Field::Address),
        kind::DST_IPV4 => packet.dst_ip.map(Field::Address),
        kind::SRC_PORT => number(packet.src_port),
        kind::DST_PORT => number(packet.dst_port),
        kind::SECONDS => number(packet.seconds),
        kind::MICROS => number(packet.micros),
        kind::TYPE => number(packet.hep_type),
        kind::CAPTURE_ID => number(packet.capture_id),
        kind::KEY => packet.key.filter(|key| !is_zero(key)).map(Field::Text),
        kind::CORRELATION_ID => packet.correlation_id.map(Field::Text),
        kind::NODE => packet.node.map(Field::Text),
        kind::KEEP_ALIVE => number(packet.keep_alive_seconds),
        kind::VLAN => number(packet.vlan),
        kind::SRC_MAC => packet.src_mac.map(Field::Mac),
        kind::DST_MAC => packet.dst_mac.map(Field::Mac),
        kind::ETHERTYPE => number(packet.ethertype),
        kind::TCP_FLAGS => number(packet.tcp_flags),
        kind::TOS => number(packet.tos),
        kind::MOS => number(packet.mos),
        kind::R_FACTOR => number(packet.r_factor),
        kind::GEO_LOCATION => packet.geo_location.map(Field::Text),
        kind::JITTER => number(packet.jitter),
        kind::TRANSACTION_TYPE => packet.transaction_type.map(Field::Text),
        kind::PAYLOAD_JSON_KEYS => packet.payload_json_keys.map(Field::Text),
        kind::TAG_VALUES => packet.tag_values.map(Field::Text),
        kind::TAG_TYPE => number(packet.tag_type),
        kind::EVENT_TYPE => number(packet.event_type),
        kind::GROUP_ID => packet.group_id.map(Field::Text),
        kind::EXTRA_CORRELATION => packet.extra_correlation.map(Field::Text),
        _ => None,
    }
}

/// Whether the chunk has a key, or a place of its own, and is therefore written already.
fn has_key(chunk: Chunk<'_>) -> bool {
    let ipv6 = chunk.vendor == GENERIC && matches!(chunk.kind, kind::SRC_IPV6 | kind::DST_IPV6);
    ipv6 || has_own_place(chunk.vendor, chunk.kind)
        || KEYS.iter().any(|key| (key.vendor, key.kind) == (chunk.vendor, chunk.kind))
}

fn is_blanked(chunk: Chunk<'_>) -> bool {
    chunk.is_key() && is_zero(chunk.body)
}

fn is_zero(key: &[u8]) -> bool {
    !key.is_empty() && key.iter().all(|&byte| byte == 0)
}

fn write_mac(mac: u64, out: &mut String) -> fmt::Result {
    let octets = mac.to_be_bytes();
    let octets = if octets.starts_with(&[0, 0]) { octets.get(2..).unwrap_or(&octets) } else { &octets };
    out.push('"');
    for (index, octet) in octets.iter().enumerate() {
        write!(out, "{}{octet:02x}", if index == 0 { "" } else { ":" })?;
    }
    out.push('"');
    Ok(())
}

fn write_hexadecimal(octets: &[u8], out: &mut String) -> fmt::Result {
    out.push('"');
    for octet in octets {
        write!(out, "{octet:02x}")?;
    }
    out.push('"');
    Ok(())
}
