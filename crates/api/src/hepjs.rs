//! A stored packet in the JSON form of hep-js and HEPop, as `POST /api/v1/ingest` takes it.
//!
//! The lake keeps what a packet said, not its frame; so the packet is put together again from the columns and from what
//! `protocols` keeps of rare chunks in `extra`, and written by `hep`, which knows the form.

use std::borrow::Cow;

use hep::Transport;
use hep::chunk::{self, Form};
use serde_json::{Map, Value, json};

use crate::row::Row;

/// `AF_INET` and `AF_INET6` of Linux, as the specification's tables have them.
const FAMILIES: (u8, u8) = (2, 10);

/// The IP protocols that stand for a transport.
const IP_PROTOCOLS: [u8; 5] = [6, 17, 22, 50, 132];

/// Members of `extra` that are chunks of numbers, by their names there, which `hep` reads as keys.
const NUMBERS: &[&str] = &[
    "ip_protocol",
    "vlan",
    "ethertype",
    "tcp_flags",
    "tos",
    "r_factor",
    "jitter",
    "keep_alive_seconds",
    "tag_type",
    "event_type",
];

/// The same for texts.
const TEXTS: &[&str] = &[
    "src_mac",
    "dst_mac",
    "geo_location",
    "transaction_type",
    "payload_json_keys",
    "tag_values",
    "group_id",
];

/// Appends the packet on one line, without the line end.
pub(crate) fn write(row: &Row, out: &mut String) {
    let numbers = numbers(row);
    let mut texts = numbers.clone();
    put(&mut texts, "hepNodeName", row.node.clone());
    put(&mut texts, "correlation_id", row.correlation_id.clone());
    let mut all = texts.clone();
    let extra = row.extra.as_deref().and_then(|extra| serde_json::from_str::<Value>(extra).ok());
    add_rare(&mut all, &extra.unwrap_or_default());
    // A text that was no UTF-8 has grown, and a number of another meaning may be too large for the chunk of its name:
    // then less is said, but never nothing.
    let frame = [all, texts, numbers].iter().find_map(frame).unwrap_or_default();
    if let Ok((mut packet, _)) = hep::decode(&frame, 0) {
        packet.payload = Cow::Borrowed(&row.raw);
        hep::json::encode(&packet, out);
    }
}

/// The frame of these members, if they fit.
fn frame(rcinfo: &Map<String, Value>) -> Option<Vec<u8>> {
    let mut frame = Vec::new();
    let text = json!({ "rcinfo": rcinfo }).to_string();
    hep::json::decode(&text).ok()?.encode_v3(&mut frame).ok()?;
    Some(frame)
}

/// What always fits.
fn numbers(row: &Row) -> Map<String, Value> {
    let mut rcinfo = Map::new();
    let family = row.src_ip.as_ref().or(row.dst_ip.as_ref());
    let family = family.map(|ip| if ip.contains(':') { FAMILIES.1 } else { FAMILIES.0 });
    let transport = row.transport.as_deref().unwrap_or_default();
    let protocol =
        IP_PROTOCOLS.iter().find(|number| Transport::from_ip_protocol(**number).name() == transport);
    let port = |port: Option<i32>| port.and_then(|port| u16::try_from(port).ok());
    put(&mut rcinfo, "protocolFamily", family);
    put(&mut rcinfo, "protocol", protocol.copied());
    put(&mut rcinfo, "srcIp", row.src_ip.clone());
    put(&mut rcinfo, "dstIp", row.dst_ip.clone());
    put(&mut rcinfo, "srcPort", port(row.src_port));
    put(&mut rcinfo, "dstPort", port(row.dst_port));
    put(&mut rcinfo, "timeSeconds", u32::try_from(row.ts.seconds()).ok());
    put(&mut rcinfo, "timeUseconds", Some(row.ts.subsecond_micros()));
    put(&mut rcinfo, "payloadType", row.hep_type.and_then(|number| u16::try_from(number).ok()));
    put(&mut rcinfo, "captureId", row.capture_id.and_then(|id| u32::try_from(id).ok()));
    rcinfo
}

fn put<T: Into<Value>>(rcinfo: &mut Map<String, Value>, key: &str, value: Option<T>) {
    if let Some(value) = value {
        rcinfo.insert(key.to_owned(), value.into());
    }
}

/// Adds the chunks that have no column.
fn add_rare(rcinfo: &mut Map<String, Value>, extra: &Value) {
    // A payload's own members may have the names of chunks.
    let numbers = NUMBERS.iter().filter(|name| extra.get(**name).is_some_and(Value::is_u64));
    let texts = TEXTS.iter().filter(|name| extra.get(**name).is_some_and(Value::is_string));
    for name in numbers.chain(texts) {
        rcinfo.insert((*name).to_owned(), extra[*name].clone());
    }
    // The number stands for several transports, so it says more than the column.
    if let Some(number) = rcinfo.remove("ip_protocol") {
        rcinfo.insert("protocol".to_owned(), number);
    }
    if let Some(score) = extra.get("mos").and_then(Value::as_f64) {
        put(rcinfo, "mos", Some((score * 100.0).round() as u64));
    }
    if let Some(pairs) = extra.get("correlations").and_then(Value::as_array) {
        // An object in which a key may come twice, which a map would lose.
        let members: Vec<String> =
            pairs.iter().filter_map(|pair| Some(format!("{}:{}", pair.get(0)?, pair.get(1)?))).collect();
        put(rcinfo, "extraCorrelation", Some(format!("{{{}}}", members.join(","))));
    }
    if let Some(chunks) = extra.get("chunks").and_then(Value::as_object) {
        let chunks: Vec<Value> =
            chunks.iter().filter_map(|(name, value)| vendor_chunk(name, value.as_str()?)).collect();
        put(rcinfo, "chunks", Some(chunks));
    }
}

/// `8:conversation_id` or `7:0x0001`, and the body as it was made readable.
fn vendor_chunk(name: &str, value: &str) -> Option<Value> {
    let (vendor, name) = name.split_once(':')?;
    let vendor: u16 = vendor.parse().ok()?;
    let known = chunk::KNOWN.iter().find(|known| known.vendor == vendor && known.name == name);
    let kind = match known {
        Some(known) => known.kind,
        None => u16::from_str_radix(name.strip_prefix("0x")?, 16).ok()?,
    };
    let number = || value.parse::<u64>().ok().map(|number| number.to_be_bytes().to_vec());
    let address = || match value.parse::<std::net::IpAddr>().ok()? {
        std::net::IpAddr::V4(address) => Some(address.octets().to_vec()),
        std::net::IpAddr::V6(address) => Some(address.octets().to_vec()),
    };
    let read = match known.map(|known| known.form) {
        Some(Form::Unsigned) => number(),
        Some(Form::Address) => address(),
        _ => None,
    };
    let digits = value.strip_prefix("0x").filter(|digits| {
        digits.len().is_multiple_of(2) && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    });
    let hex = match (read, digits) {
        (None, Some(digits)) => digits.to_owned(),
        (read, _) => read
            .unwrap_or_else(|| value.as_bytes().to_vec())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    };
    Some(json!({ "vendor": vendor, "type": kind, "hex": hex }))
}

#[cfg(test)]
mod tests {
    use model::Micros;

    use super::*;

    fn row() -> Row {
        let mut row = Row::new(protocols::registry()[0].table);
        row.ts = Micros(1_700_000_000_000_005);
        row.hep_type = Some(1086);
        row.raw = b"payload".to_vec();
        row
    }

    fn written(row: &Row) -> Value {
        let mut text = String::new();
        write(row, &mut text);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[test]
    fn what_is_unknown_is_left_out() {
        assert_eq!(
            written(&row()),
            json!({
                "rcinfo": {"timeSeconds": 1_700_000_000, "timeUseconds": 5, "payloadType": 1086},
                "payload": "payload",
            })
        );
    }

    #[test]
    fn rare_chunks_come_back() {
        let mut row = row();
        row.transport = Some("tls".to_owned());
        row.src_ip = Some("2001:db8::1".to_owned());
        let extra = json!({
            "vlan": 7, "mos": 4.2, "src_mac": "00:01:02:03:04:05", "ip_protocol": 22, "jitter": "a text",
            "transaction_type": "call", "correlations": [["sip", "a"], ["sip", "b"]],
            "chunks": {"8:conversation_id": "456", "7:0x0001": "0x00ff", "7:0x0002": "text", "9:liid": "5"},
        });
        row.extra = Some(extra.to_string());
        let rcinfo = &written(&row)["rcinfo"];
        for (key, value) in [
            ("protocolFamily", json!(10)),
            ("protocol", json!(22)),
            ("vlan", json!(7)),
            ("mos", json!(420)),
            ("jitter", Value::Null),
            ("srcMac", json!("00:01:02:03:04:05")),
            ("transaction_type", json!("call")),
            ("extraCorrelation", json!(r#"{"sip":"a","sip":"b"}"#)),
            ("conversationId", json!("456")),
            (
                "chunks",
                json!([
                    {"vendor": 7, "type": 1, "hex": "00ff"},
                    {"vendor": 7, "type": 2, "hex": "74657874"},
                    {"vendor": 9, "type": 20, "hex": "0000000000000005"},
                ]),
            ),
        ] {
            assert_eq!(rcinfo[key], value, "{key}: {rcinfo}");
        }
    }

    #[test]
    fn what_is_too_long_costs_itself_only() {
        let mut row = row();
        row.node = Some("\u{fffd}".repeat(30_000));
        row.raw = vec![0xff; 100_000];
        let json = written(&row);
        assert_eq!(json["rcinfo"]["payloadType"], 1086);
        assert_eq!(json["payloadHex"].as_str().map(str::len), Some(200_000));
    }
}
