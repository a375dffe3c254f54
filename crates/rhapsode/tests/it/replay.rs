//! Recorded traffic of real senders through the real listeners equals what independent readers found in it.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::recordings::{FIXTURES, Recording, recording, sha256_hex};
use testkit::server::{Server, post_hep, send_tcp, send_udp};

use crate::options;

/// Beyond the fixtures: recordings that are read where they lie, or skipped loudly.
const SHARED: &[&str] = &[
    "kamailio-hep3-dialog-auth-hlog.pcap",
    "kamailio-hep3-load.pcap",
    "kamailio-rtpproxy-hep3-udp.pcap",
    "sipgrep-hep3-udp.pcap",
    "captagent-hep3-udp-compressed.pcap",
    "opensips-hep3-udp.pcap",
    "opensips-hep3-tcp.tcp-1.bin",
    "asterisk-hep3-udp.pcap",
    "sofia-hep3-udp.pcap",
    "hepipe-hep3-udp.pcap",
];

#[test]
fn recordings_equal_their_expectations_over_udp() -> Result<()> {
    each(|server, recording| {
        if recording.is_stream() {
            return Ok(false);
        }
        send_udp(&server.options.hep_udp, &recording.pieces)?;
        Ok(true)
    })
}

/// HEPv3 only: v1 and v2 cannot be framed on a stream.
#[test]
fn recordings_equal_their_expectations_over_tcp_cut_anywhere() -> Result<()> {
    each(|server, recording| {
        if recording.expected.packets.iter().any(|packet| packet.version != 3) {
            return Ok(false);
        }
        let stream = recording.stream();
        send_tcp(&server.options.hep_tcp, &stream, &cuts(stream.len(), &recording.name))?;
        Ok(true)
    })
}

#[test]
fn recordings_equal_their_expectations_over_http() -> Result<()> {
    each(|server, recording| {
        if recording.expected.packets.iter().any(|packet| packet.version != 3) {
            return Ok(false);
        }
        // Many packets a request, cut between packets as an agent would.
        for pieces in recording.pieces.chunks(50) {
            let body = pieces.concat();
            let (status, answer) = post_hep(server, &body)?;
            ensure!(status == 200, "{}: POST /hep answered {status}: {answer}", recording.name);
        }
        Ok(true)
    })
}

#[test]
fn hep_version_2_on_a_stream_is_refused_as_unframeable() -> Result<()> {
    let Some(recording) = recording("kamailio-hep2-tcp.tcp-1.bin")? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let server = Server::start(options(&folder)?)?;
    send_tcp(&server.options.hep_tcp, &recording.stream(), &[])?;
    let totals = server.wait_for_received(1)?;
    ensure!(totals.refused_by("unframeable") == 1, "{totals:?}");
    ensure!(server.count("SELECT count(*) AS n FROM messages")? == 0);
    Ok(())
}

/// Sends every recording to a fresh table's worth of rows of one server and compares what it stored.
fn each(send: impl Fn(&Server, &Recording) -> Result<bool>) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(options(&folder)?)?;
    let mut rows_before = 0;
    for name in FIXTURES.iter().chain(SHARED) {
        let Some(recording) = recording(name)? else { continue };
        if !send(&server, &recording)? {
            continue;
        }
        let expected = recording.expected.count as u64;
        server.wait_for_received(rows_before + expected)?;
        server
            .wait_for_count("SELECT count(*) AS n FROM messages", rows_before + expected)
            .with_context(|| recording.name.clone())?;
        let rows = server.sql(&format!(
            "SELECT * FROM messages ORDER BY received, ts OFFSET {rows_before} LIMIT {}",
            expected + 10
        ))?;
        compare(&recording, &rows).with_context(|| recording.name.clone())?;
        rows_before += rows.len() as u64;
    }
    let totals = server.totals()?;
    ensure!(totals.is_conserved() && totals.stored == rows_before, "{totals:?}, {rows_before} rows");
    Ok(())
}

/// Equal as multisets: packets of one arrival batch share their time, so order among them says nothing.
fn compare(recording: &Recording, rows: &[Value]) -> Result<()> {
    let mut wanted: HashMap<String, i64> = HashMap::new();
    for packet in &recording.expected.packets {
        let time = match (packet.sec, packet.usec) {
            (Some(sec), Some(usec)) if sec > 0 => Some(sec * 1_000_000 + usec),
            _ => None,
        };
        let fact = serde_json::json!({
            "hep_version": packet.version,
            "transport": packet.ip_proto.map(transport),
            "src": packet.src, "sport": packet.sport, "dst": packet.dst, "dport": packet.dport,
            // v1 has no time, v1 and v2 have no type: arrival time and type 1.
            "time": time,
            "hep_type": if packet.version < 3 { Some(1) } else { packet.proto_type },
            "capture_id": packet.capture_id.map(|id| corrected_capture_id(packet.version, id)),
            "correlation_id": packet.correlation_id.as_deref().filter(|id| !id.is_empty()),
            "node": packet.node,
            "payload": packet.payload_sha256,
            "length": packet.payload_len.unwrap_or(0),
            "call_id": packet.sip.as_ref().and_then(|sip| sip.call_id.as_deref()),
        });
        *wanted.entry(fact.to_string()).or_default() += 1;
    }
    for row in rows {
        let raw = base64(row["raw"].as_str().unwrap_or_default())?;
        let payload = sha256_hex(&raw);
        let original = recording
            .expected
            .packets
            .iter()
            .find(|packet| packet.payload_sha256.as_deref().unwrap_or(EMPTY_SHA256) == payload);
        let timed = original.is_some_and(|packet| packet.sec.is_some_and(|sec| sec > 0));
        let is_sip =
            original.is_some_and(|packet| packet.sip.as_ref().is_some_and(|sip| sip.call_id.is_some()));
        let has_payload = original.is_some_and(|packet| packet.payload_sha256.is_some());
        let fact = serde_json::json!({
            "hep_version": row["hep_version"],
            "transport": row["transport"],
            "src": row["src_ip"], "sport": row["src_port"], "dst": row["dst_ip"], "dport": row["dst_port"],
            "time": timed.then(|| micros(&row["ts"])).transpose()?,
            "hep_type": row["hep_type"],
            "capture_id": row["capture_id"],
            "correlation_id": row["correlation_id"].as_str().filter(|id| !id.is_empty()),
            "node": row["node"],
            "payload": has_payload.then(|| sha256_hex(&raw)),
            "length": raw.len(),
            "call_id": if is_sip { row["call_id"].clone() } else { Value::Null },
        });
        let count = wanted.entry(fact.to_string()).or_default();
        *count -= 1;
        ensure!(*count >= 0, "stored but not expected: {fact}\nexpected among: {}", nearest(&wanted, &raw));
    }
    let missing: Vec<&String> =
        wanted.iter().filter(|(_, count)| **count > 0).map(|(fact, _)| fact).collect();
    ensure!(missing.is_empty(), "{} expected but not stored, first: {}", missing.len(), missing[0]);
    Ok(())
}

const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn nearest(wanted: &HashMap<String, i64>, raw: &[u8]) -> String {
    let hash = sha256_hex(raw);
    wanted
        .keys()
        .find(|fact| fact.contains(&hash))
        .cloned()
        .unwrap_or_else(|| "nothing with this payload".into())
}

/// The expectations have ids as on the wire; sngrep, sipgrep and RTPProxy shift theirs by 16 bits.
fn corrected_capture_id(version: i64, id: i64) -> i64 {
    if version == 3 && id & 0xffff == 0 { id >> 16 } else { id }
}

/// The transport of the captured traffic by IP protocol number, as senders use it.
fn transport(ip_protocol: i64) -> &'static str {
    match ip_protocol {
        6 => "tcp",
        17 => "udp",
        22 => "tls",
        50 => "ws",
        132 => "sctp",
        _ => "unknown",
    }
}

fn micros(value: &Value) -> Result<i64> {
    let time: jiff::Timestamp = value.as_str().context("no time")?.parse()?;
    Ok(time.as_microsecond())
}

fn base64(text: &str) -> Result<Vec<u8>> {
    testkit::server::base64(text)
}

/// Places to cut a stream: near the start byte by byte, then anywhere; the same for the same name.
fn cuts(length: usize, name: &str) -> Vec<usize> {
    let mut state = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let mut cuts: Vec<usize> = (1..length.min(40)).collect();
    while let Some(last) = cuts.last().copied().filter(|last| *last < length) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        cuts.push(last + 1 + (state % 1500) as usize);
    }
    cuts.retain(|cut| *cut < length);
    cuts
}
