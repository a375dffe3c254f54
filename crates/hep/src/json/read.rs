//! From the JSON form to chunks.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use super::keys::{CHUNKS, DECORATION, Form, KEYS, Key, PAYLOAD, PAYLOAD_HEX, TYPE_OR_NAME};
use super::scan::{self, Value};
use super::{JsonError, JsonPacket};
use crate::chunk::{Chunk, kind};
use crate::encode::put_chunk;

/// How much of a wrong value is shown.
const SHOWN_BYTES_MAX: usize = 64;

/// The longest packet there is: no need to gather more chunks than fit.
const PACKET_BYTES_MAX: usize = 65_535;

/// Reads one object `{"rcinfo": {...}, "payload": ...}`.
///
/// # Errors
/// If the text is no JSON, is something else, or holds a value that the packet cannot.
pub fn decode(item: &str) -> Result<JsonPacket<'_>, JsonError> {
    let Value::Object(object) = scan::value(item)? else {
        return Err(JsonError::NotObject);
    };
    let outer = scan::members(object)?;
    let Some(Value::Object(rcinfo)) = last(&outer, "rcinfo") else {
        return Err(JsonError::NoRcinfo);
    };
    let rcinfo = scan::members(rcinfo)?;
    let mut packet = JsonPacket { payload: payload(&outer)?, ..JsonPacket::default() };
    // First, so that a chunk that has a key of its own is the last of its type, and counts.
    if let Some(list) = last(&rcinfo, CHUNKS) {
        read_chunks(list, &mut packet.chunks)?;
    }
    for key in KEYS {
        let Some((name, value)) = key.names.iter().find_map(|name| Some((*name, last(&rcinfo, name)?)))
        else {
            continue;
        };
        if key.kind == kind::KEY {
            packet.key = value.text().map(octets);
        } else {
            read(key, name, value, &mut packet.chunks)?;
        }
        check_length(&packet.chunks)?;
    }
    packet.unknown_keys = rcinfo.into_iter().map(|(name, _)| name).filter(|name| !is_known(name)).collect();
    Ok(packet)
}

fn is_known(name: &str) -> bool {
    name == CHUNKS || DECORATION.contains(&name) || KEYS.iter().any(|key| key.names.contains(&name))
}

type Members<'a> = [(Cow<'a, str>, Value<'a>)];

/// The last value of this key, as every other reader has it; none if it is null.
fn last<'a>(members: &Members<'a>, name: &str) -> Option<Value<'a>> {
    let (_, value) = members.iter().rev().find(|(key, _)| key == name)?;
    (*value != Value::Null).then_some(*value)
}

fn payload<'a>(outer: &Members<'a>) -> Result<Cow<'a, [u8]>, JsonError> {
    if let Some(value) = last(outer, PAYLOAD) {
        return Ok(value.text().map(octets).unwrap_or_default());
    }
    match last(outer, PAYLOAD_HEX) {
        Some(value) => hexadecimal(PAYLOAD_HEX, value).map(Cow::Owned),
        None => Ok(Cow::Borrowed(&[])),
    }
}

/// Appends the chunk that the key stands for.
fn read(key: &Key, name: &'static str, value: Value<'_>, out: &mut Vec<u8>) -> Result<(), JsonError> {
    let mut chunk = |kind, body: &[u8]| put_chunk(out, Chunk { vendor: key.vendor, kind, body });
    match key.form {
        Form::U8 => chunk(key.kind, &number::<u8>(name, value, "a number of 8 bits")?.to_be_bytes())?,
        Form::U16 => chunk(key.kind, &number::<u16>(name, value, "a number of 16 bits")?.to_be_bytes())?,
        Form::U32 => chunk(key.kind, &number::<u32>(name, value, "a number of 32 bits")?.to_be_bytes())?,
        // hep-js' own examples have a name here, beside the number in another spelling.
        Form::Type if name == TYPE_OR_NAME && whole(&value).is_none() => {}
        Form::Type => {
            let number = number::<u16>(name, value, "a payload type of 16 bits")?;
            match u8::try_from(number) {
                Ok(octet) => chunk(key.kind, &[octet])?,
                Err(_) => chunk(key.kind, &number.to_be_bytes())?,
            }
        }
        Form::Mac => {
            let mac = mac(name, value)?.to_be_bytes();
            chunk(key.kind, if mac.starts_with(&[0, 0]) { mac.get(2..).unwrap_or(&mac) } else { &mac })?;
        }
        Form::Address => match address(name, value)? {
            Some(IpAddr::V4(address)) => chunk(key.kind, &address.octets())?,
            Some(IpAddr::V6(address)) => chunk(key.kind.saturating_add(2), &address.octets())?,
            None => {}
        },
        Form::Text => chunk(key.kind, value.text().unwrap_or_default().as_bytes())?,
    }
    Ok(())
}

/// `[{"vendor": 7, "type": 1, "hex": "0a0b"}]`
fn read_chunks(list: Value<'_>, out: &mut Vec<u8>) -> Result<(), JsonError> {
    const EXPECTED: &str = "a list of objects with `vendor`, `type` and `hex`";
    let wrong = || bad(CHUNKS, list, EXPECTED);
    let Value::List(text) = list else {
        return Err(wrong());
    };
    for element in scan::elements(text) {
        let Value::Object(object) = element else {
            return Err(wrong());
        };
        let members = scan::members(object)?;
        let member = |name| last(&members, name).ok_or_else(wrong);
        let chunk = Chunk {
            vendor: number("vendor", member("vendor")?, "a number of 16 bits")?,
            kind: number("type", member("type")?, "a number of 16 bits")?,
            body: &hexadecimal("hex", member("hex")?)?,
        };
        put_chunk(out, chunk)?;
        check_length(out)?;
    }
    Ok(())
}

fn check_length(chunks: &[u8]) -> Result<(), JsonError> {
    if chunks.len() > PACKET_BYTES_MAX { Err(JsonError::TooLong) } else { Ok(()) }
}

fn number<T: TryFrom<u64>>(
    name: &'static str,
    value: Value<'_>,
    expected: &'static str,
) -> Result<T, JsonError> {
    let number = whole(&value).and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| bad(name, value, expected))
}

/// A number or a text that is one, without its fraction.
fn whole(value: &Value<'_>) -> Option<u64> {
    let (Value::Number(text) | Value::Text(text)) = value else {
        return None;
    };
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(whole) && digits(fraction) { whole.parse().ok() } else { None }
}

fn address(name: &'static str, value: Value<'_>) -> Result<Option<IpAddr>, JsonError> {
    let Value::Text(text) = value else {
        return Err(bad(name, value, "an IP address"));
    };
    let text = text.trim();
    // RFC 4007, section 11: the zone means something to the sender's machine only.
    let (address, _zone) = text.split_once('%').unwrap_or((text, ""));
    match address.parse() {
        Ok(address) => Ok(Some(address)),
        Err(_) if text.is_empty() => Ok(None),
        Err(_) => Err(bad(name, value, "an IP address")),
    }
}

/// Six or eight pairs of digits, or a number.
fn mac(name: &'static str, value: Value<'_>) -> Result<u64, JsonError> {
    const EXPECTED: &str = "a MAC address";
    if let Value::Text(text) = value
        && text.contains([':', '-'])
    {
        let digits: String = text.chars().filter(|letter| !matches!(letter, ':' | '-')).collect();
        let number = u64::from_str_radix(&digits, 16).ok().filter(|_| matches!(digits.len(), 12 | 16));
        return number.ok_or_else(|| bad(name, value, EXPECTED));
    }
    number(name, value, EXPECTED)
}

fn hexadecimal(name: &'static str, value: Value<'_>) -> Result<Vec<u8>, JsonError> {
    let Value::Text(text) = value else {
        return Err(bad(name, value, "hexadecimal text"));
    };
    let digits = text.as_bytes().chunks(2);
    let octets = digits.map(|digits| match digits {
        [_, _] => core::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+')),
        _ => None,
    });
    octets
        .map(|digits| u8::from_str_radix(digits?, 16).ok())
        .collect::<Option<Vec<u8>>>()
        .ok_or_else(|| bad(name, value, "hexadecimal text"))
}

fn octets(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

#[cold]
fn bad(key: &'static str, value: Value<'_>, expected: &'static str) -> JsonError {
    let (Value::Text(text)
    | Value::Number(text)
    | Value::Bool(text)
    | Value::Object(text)
    | Value::List(text)) = value
    else {
        return JsonError::Value { key, value: "null".to_string(), expected };
    };
    let end = text.floor_char_boundary(SHOWN_BYTES_MAX);
    let shown = text.get(..end).unwrap_or_default();
    let cut = if end < text.len() { "..." } else { "" };
    let value = match value {
        Value::Text(_) => alloc::format!("\"{shown}{cut}\""),
        _ => alloc::format!("{shown}{cut}"),
    };
    JsonError::Value { key, value, expected }
}
