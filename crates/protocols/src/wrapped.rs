//! Payloads inside payloads: SIP in JSON, HEP in HEP.

use std::borrow::Cow;
use std::fmt::Write;

use hep::Packet;

use crate::arrival::Arrival;
use crate::corrections::{HEP_IN_HEP, JSON_WRAPPED_SIP, TRAILING_NULS};
use crate::extra::Extra;
use crate::json;
use crate::{Draft, Protocols, text};

/// What a stored payload is read as, where that is something else than its bytes: by the flags of its row, the SIP in
/// the JSON, the payload of the inner packet, or the text without its padding.
pub fn unwrapped<'a>(
    raw: &'a [u8],
    flags: &[impl AsRef<str>],
    received_seconds: u32,
) -> Option<Cow<'a, [u8]>> {
    let has = |name: &str| flags.iter().any(|flag| flag.as_ref() == name);
    if has(JSON_WRAPPED_SIP.name) {
        sip_in_json(raw).map(|sip| Cow::Owned(sip.into_bytes()))
    } else if has(HEP_IN_HEP.name) {
        first(raw, received_seconds).map(|packet| packet.payload)
    } else if has(TRAILING_NULS.name) {
        Some(Cow::Borrowed(text::without_nuls(raw)))
    } else {
        None
    }
}

/// OpenSIPS with `homer5_on=0` makes every payload a JSON object, and SIP its member `payload`.
pub(crate) fn sip_in_json(payload: &[u8]) -> Option<String> {
    if payload.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    let (text, _) = text::payload(payload);
    let read = json::read(&text);
    let sip = read.values.first()?.member("payload")?.as_text()?;
    sip::parse(sip.as_bytes()).start().is_known().then(|| sip.to_owned())
}

/// The first packet inside a payload, if it is HEPv3 from its first byte.
pub(crate) fn first(payload: &[u8], received_seconds: u32) -> Option<Packet<'_>> {
    if !(payload.starts_with(b"HEP3") || payload.starts_with(b"EEP")) {
        return None;
    }
    // What begins like a packet and has nothing of one is some text that begins so.
    let (packet, _) = hep::decode(payload, received_seconds).ok()?;
    (packet.src_ip.is_some() || packet.dst_ip.is_some()).then_some(packet)
}

/// Writes what the inner packet says into `extra`, and takes its call as that of the row.
pub(crate) fn note<'a>(
    protocols: &Protocols,
    payload: &'a [u8],
    inner: &Packet<'_>,
    arrival: &Arrival,
    draft: &mut Draft<'a>,
) {
    draft.flag(HEP_IN_HEP.name);
    // Once: what a packet inside that packet says is left to whoever opens it.
    let inside = Arrival { corrections: arrival.corrections.with(&HEP_IN_HEP, false), ..*arrival };
    let record = protocols.understand(inner, &inside);
    let common = &record.common;
    let mut about = Extra::default();
    about.integer("hep_version", common.hep_version.into());
    about.integer("hep_type", common.hep_type.into());
    about.text("ts", &common.ts.to_string());
    about.text("transport", common.transport);
    for (key, address) in [("src_ip", common.src_ip), ("dst_ip", common.dst_ip)] {
        if let Some(address) = address {
            about.text(key, &address.to_string());
        }
    }
    let numbers = [
        ("src_port", common.src_port.map(i64::from)),
        ("dst_port", common.dst_port.map(i64::from)),
        ("capture_id", common.capture_id),
    ];
    for (key, number) in numbers {
        if let Some(number) = number {
            about.integer(key, number);
        }
    }
    let texts =
        [("node", &common.node), ("correlation_id", &common.correlation_id), ("call_id", &common.call_id)];
    for (key, text) in texts {
        if let Some(text) = text {
            about.text(key, text);
        }
    }
    if !common.flags.is_empty() {
        about.json("flags", &list(&common.flags));
    }
    let seconds = u32::try_from(arrival.received.seconds()).unwrap_or(0);
    let packets = hep::packets(payload, seconds).filter(Result::is_ok).count();
    about.integer("packets", i64::try_from(packets).unwrap_or(i64::MAX));
    if let Some(about) = about.finish() {
        draft.extra.json("inner", &about);
    }
    if let Some(call_id) = record.common.call_id {
        draft.set_call_id(Cow::Owned(call_id.into_owned()));
    }
}

/// Names as a JSON array; they hold nothing to escape.
fn list(names: &[&str]) -> String {
    let mut json = String::from("[");
    for (place, name) in names.iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        write!(json, "{comma}\"{name}\"").expect("writing to a String cannot fail");
    }
    json.push(']');
    json
}
