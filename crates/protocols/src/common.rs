//! What every record has, whatever its payload.

use std::borrow::Cow;
use std::fmt::Write;

use hep::Packet;
use hep::chunk;
use model::{Common, Micros, Record, Table, Value};

use crate::arrival::Arrival;
use crate::corrections::{self, CHANNEL_NAME, DOUBLED_CORRELATIONS, Header, ZERO_ADDRESSES};
use crate::draft::Draft;
use crate::extra::write_string;
use crate::flags::{BAD_TIME, EMPTY_PAYLOAD};
use crate::json;
use crate::scripted;
use crate::text;

/// 2000-01-01: HEP is younger, so an earlier time is a clock that was never set.
const EARLIEST: Micros = Micros(946_684_800 * Micros::SECOND);
/// How far a sender's clock may run ahead.
const AHEAD_MAX: i64 = Micros::DAY;
/// Correlations that are compared with each other: OpenSIPS sends two or three.
const CORRELATIONS_COMPARED_MAX: usize = 64;
/// What is shown of a chunk nobody knows: enough to recognise it, not enough to store a packet twice.
const CHUNK_BYTES_MAX: usize = 4 * 1024;

pub(crate) fn finish<'a>(
    table: &'static Table,
    packet: &'a Packet<'a>,
    header: &Header,
    arrival: &Arrival,
    mut draft: Draft<'a>,
) -> Record<'a> {
    header.note(packet, &mut draft);
    let ts = time(header, arrival, &mut draft);
    let correlation_id = packet.correlation_id.map(|bytes| draft.text(bytes));
    let node = packet.node.map(|bytes| draft.text(bytes));
    let said = scripted::said(packet);
    let own = call_id(packet, correlation_id.as_ref(), &mut draft);
    let call_id = said.as_ref().and_then(|said| said.call_id.clone()).map(Cow::Owned).or(own);
    if packet.payload.is_empty() {
        draft.flag(EMPTY_PAYLOAD);
    }
    if arrival.corrections.contains(&ZERO_ADDRESSES) && corrections::has_zero_addresses(packet) {
        draft.flag(ZERO_ADDRESSES.name);
    }
    rare_chunks(packet, &mut draft);
    if !packet.flags.is_empty() {
        let names = packet.flags.names().filter(|name| arrival.corrections.allows(name));
        names.for_each(|name| draft.flag(name));
    }
    draft.values.resize(table.fields.len(), Value::Null);
    if let Some(said) = said {
        scripted::apply(said, table, &mut draft);
    }
    Record {
        table,
        common: Common {
            id: arrival.id,
            ts,
            received: arrival.received,
            sender: arrival.sender,
            listener: arrival.listener,
            hep_version: packet.version.number().into(),
            hep_type: header.hep_type.unwrap_or(0).into(),
            transport: packet.transport().name(),
            src_ip: packet.src_ip,
            src_port: header.src_port.map(i32::from),
            dst_ip: packet.dst_ip,
            dst_port: header.dst_port.map(i32::from),
            capture_id: header.capture_id.map(i64::from),
            node,
            correlation_id,
            call_id,
            // A frame is at most 64 KiB and inflates to little more: far below the limit of the type.
            size: i32::try_from(packet.payload.len()).unwrap_or(i32::MAX),
            flags: draft.flags,
        },
        values: draft.values,
        extra: draft.extra.finish(),
        raw: &packet.payload,
    }
}

/// The sender's time if it can be true, else the time of arrival.
fn time(header: &Header, arrival: &Arrival, draft: &mut Draft<'_>) -> Micros {
    let Some(seconds) = header.seconds else { return arrival.received };
    let sent = Micros::from_parts(seconds, header.micros.unwrap_or(0));
    if sent >= EARLIEST && sent.0 <= arrival.received.0.saturating_add(AHEAD_MAX) {
        return sent;
    }
    draft.flag(BAD_TIME);
    draft.extra.text("sender_time", &sent.to_string());
    arrival.received
}

/// The Call-ID of the payload, else the correlation id if it is one, else what OpenSIPS adds beside it.
fn call_id<'a>(
    packet: &'a Packet<'a>,
    correlation_id: Option<&Cow<'a, str>>,
    draft: &mut Draft<'a>,
) -> Option<Cow<'a, str>> {
    let further = packet.extra_correlation.map(|bytes| further_correlations(bytes, draft));
    if let Some(call_id) = draft.call_id.take() {
        return Some(call_id);
    }
    let correlation_id = correlation_id.filter(|_| draft.may_correlate).map(|text| match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_matches(is_padding)),
        Cow::Owned(text) => Cow::Owned(text.trim_matches(is_padding).to_owned()),
    });
    let mut is_call_id = |text: &str| match text::is_channel_name(text) {
        true if draft.corrections.contains(&CHANNEL_NAME) => {
            draft.flag(CHANNEL_NAME.name);
            false
        }
        _ => text::is_call_id(text),
    };
    correlation_id.filter(|text| is_call_id(text)).or_else(|| further.flatten().map(Cow::Owned))
}

fn is_padding(letter: char) -> bool {
    letter == '\0' || letter.is_whitespace()
}

/// Chunk 0x0065: `{"sip": call id, "net": connection}`, where a key may come twice. All of it is kept; the first
/// `sip` is a Call-ID. Without the rule for doubled keys the last one is, as strict readers of JSON have it.
fn further_correlations<'a>(bytes: &'a [u8], draft: &mut Draft<'a>) -> Option<String> {
    let text = draft.text(bytes).into_owned();
    let read = json::read(&text);
    let members = read.values.first().and_then(json::Json::members).unwrap_or_default();
    let mut kept = String::from("[");
    let mut call_id = None;
    let takes_first = draft.corrections.contains(&DOUBLED_CORRELATIONS);
    let is_doubled = |key: &str| members.iter().filter(|(other, _)| other == key).count() > 1;
    if takes_first
        && members.len() <= CORRELATIONS_COMPARED_MAX
        && members.iter().any(|(key, _)| is_doubled(key))
    {
        draft.flag(DOUBLED_CORRELATIONS.name);
    }
    for (key, value) in members {
        let Some(value) = value.as_text() else { continue };
        if kept.len() > 1 {
            kept.push(',');
        }
        kept.push('[');
        write_string(&mut kept, key);
        kept.push(',');
        write_string(&mut kept, value);
        kept.push(']');
        if key == "sip" && (call_id.is_none() || !takes_first) && text::is_call_id(value) {
            call_id = Some(value.to_owned());
        }
    }
    kept.push(']');
    if kept.len() > 2 {
        draft.extra.json("correlations", &kept);
    }
    call_id
}

/// Chunks without a column, as far as the packet has any. Zero means "none" in every one of the numbers, and some agents always send it.
fn rare_chunks<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let numbers: [(&str, Option<i64>); 11] = [
        ("vlan", packet.vlan.map(i64::from)),
        ("ethertype", packet.ethertype.map(i64::from)),
        ("tcp_flags", packet.tcp_flags.map(i64::from)),
        ("tos", packet.tos.map(i64::from)),
        ("r_factor", packet.r_factor.map(i64::from)),
        ("jitter", packet.jitter.map(i64::from)),
        ("keep_alive_seconds", packet.keep_alive_seconds.map(i64::from)),
        ("tag_type", packet.tag_type.map(i64::from)),
        ("event_type", packet.event_type.map(i64::from)),
        // 22, 50 and others stand for transports here; what the sender wrote is kept where it says more.
        ("ip_protocol", packet.ip_protocol.filter(|number| !matches!(number, 6 | 17 | 132)).map(i64::from)),
        ("mos", packet.mos.map(i64::from)),
    ];
    for (key, number) in numbers {
        match number {
            None | Some(0) => {}
            // Chunk 0x0020 holds the score times 100.
            Some(mos) if key == "mos" => draft.extra.number(key, mos as f64 / 100.0),
            Some(number) => draft.extra.integer(key, number),
        }
    }
    for (key, mac) in [("src_mac", packet.src_mac), ("dst_mac", packet.dst_mac)] {
        if let Some(mac) = mac.filter(|mac| *mac != 0) {
            draft.extra.text(key, &mac_address(mac));
        }
    }
    let texts: [(&str, Option<&'a [u8]>); 5] = [
        ("geo_location", packet.geo_location),
        ("transaction_type", packet.transaction_type),
        ("payload_json_keys", packet.payload_json_keys),
        ("tag_values", packet.tag_values),
        ("group_id", packet.group_id),
    ];
    for (key, bytes) in texts {
        if let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) {
            let text = draft.text(bytes);
            draft.extra.text(key, &text);
        }
    }
    unknown_chunks(packet, draft);
}

/// Chunks of vendors and of numbers the specification does not have, by vendor and type. Never a key.
fn unknown_chunks(packet: &Packet<'_>, draft: &mut Draft<'_>) {
    if !packet.has_other_chunks() {
        return;
    }
    let mut list = String::new();
    for chunk in
        packet.chunks().filter(|chunk| !chunk.has_field() && !chunk.is_key() && !scripted::is_ours(chunk))
    {
        list.push(if list.is_empty() { '{' } else { ',' });
        let key = match chunk::describe(chunk.vendor, chunk.kind) {
            Some(known) => format!("{}:{}", chunk.vendor, known.name),
            None => format!("{}:{:#06x}", chunk.vendor, chunk.kind),
        };
        write_string(&mut list, &key);
        list.push(':');
        write_string(&mut list, &readable(chunk.value()));
    }
    if !list.is_empty() {
        list.push('}');
        draft.extra.json("chunks", &list);
    }
}

fn readable(value: chunk::Value<'_>) -> String {
    let octets = match value {
        chunk::Value::Unsigned(number) => return number.to_string(),
        chunk::Value::Address(addr) => return addr.to_string(),
        chunk::Value::Text(text) => text.as_bytes(),
        chunk::Value::Octets(octets) => octets,
    };
    let octets = &octets[..octets.len().min(CHUNK_BYTES_MAX)];
    match std::str::from_utf8(octets) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => octets.iter().fold(String::from("0x"), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("writing to a String cannot fail");
            hex
        }),
    }
}

fn mac_address(mac: u64) -> String {
    let bytes = mac.to_be_bytes();
    let significant = if bytes[0] == 0 && bytes[1] == 0 { &bytes[2..] } else { &bytes[..] };
    significant.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}
