//! Recordings of OpenSIPS, hepipe and Janus: every record has what its JSON holds.

use std::path::PathBuf;

use hep::Packet;
use model::Record;
use protocols::Protocols;
use serde_json::{Map, Value as Json, json};

use crate::recordings::{datagrams, recording};
use crate::{arrival, decode_all, extra, folder, outgoing, sent, text};

/// A file of the larger set, which may not be at hand.
fn shared(name: &str) -> Option<Vec<u8>> {
    let shared = std::env::var_os("RHAPSODE_SHARED").map_or_else(|| folder("../../../shared"), PathBuf::from);
    let path = shared.join("corpus").join(name);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        eprintln!("SKIPPED: the recording {} is missing", path.display());
    }
    bytes
}

fn members(payload: &[u8]) -> Map<String, Json> {
    serde_json::from_slice(payload).unwrap_or_else(|error| panic!("{error}: {}", payload.escape_ascii()))
}

#[test]
fn opensips_over_udp() {
    let name = "opensips-hep3-udp.pcap";
    let Some(path) = recording(name) else { return eprintln!("SKIPPED: {name} is missing") };
    let datagrams = datagrams(&path);
    let packets: Vec<_> = datagrams.iter().flat_map(|datagram| decode_all(datagram)).collect();
    assert_eq!(compare_opensips(&packets), [8, 5, 18, 75]);
}

#[test]
fn opensips_over_tcp() {
    let Some(bytes) = shared("opensips-hep3-tcp.tcp-1.bin") else { return };
    assert_eq!(compare_opensips(&decode_all(&bytes)), [8, 5, 7, 31]);
}

/// How many commands, connections, joined calls and log lines there were; each is compared.
fn compare_opensips(packets: &[Packet<'_>]) -> [usize; 4] {
    let mut counts = [0; 4];
    for packet in packets {
        let record = Protocols::built_in().understand(packet, &arrival());
        let at = String::from_utf8_lossy(record.raw).into_owned();
        match packet.hep_type {
            Some(87) => {
                counts[0] += 1;
                command(&record, &at);
            }
            Some(89) => {
                counts[1] += 1;
                connection(&record, &at);
            }
            Some(96) => {
                counts[2] += 1;
                joined(&record, packet, &at);
            }
            Some(100) => {
                counts[3] += 1;
                line(&record, packet, &at);
            }
            _ => {}
        }
    }
    counts
}

fn command(record: &Record<'_>, at: &str) {
    let written = members(record.raw);
    assert_eq!(text(record, "event").as_deref(), written.get("command").and_then(Json::as_str), "{at}");
    assert_eq!(text(record, "plugin").as_deref(), written.get("backend").and_then(Json::as_str), "{at}");
    assert_eq!(text(record, "transaction"), text(record, "correlation_id"), "{at}");
    let result =
        written.get("reply").and_then(Json::as_str).map(|reply| match reply.contains("\"error\":") {
            true => "FAILURE",
            false => "SUCCESS",
        });
    assert_eq!(text(record, "result").as_deref(), result, "{at}");
    assert_eq!(record.common.call_id, None, "{at}");
}

fn connection(record: &Record<'_>, at: &str) {
    let written = members(record.raw);
    for (column, member) in [("event", "Event"), ("result", "Status"), ("reason", "Message")] {
        assert_eq!(text(record, column).as_deref(), written[member].as_str(), "{column}, {at}");
    }
    assert_eq!(text(record, "connection"), text(record, "correlation_id"), "{at}");
    assert_eq!(record.common.call_id, None, "{at}");
}

fn joined(record: &Record<'_>, packet: &Packet<'_>, at: &str) {
    let chunk = String::from_utf8_lossy(packet.extra_correlation.expect("chunk 0x65")).into_owned();
    let call_id = text(record, "call_id").expect("a call");
    assert!(chunk.contains(&format!("\"{call_id}\"")), "{at}");
    let correlations = extra(record)["correlations"].clone();
    assert_eq!(correlations[0], json!(["sip", call_id]), "{at}");
    for pair in correlations.as_array().expect("a list") {
        assert!(chunk.contains(pair[1].as_str().expect("a text")), "{at}");
    }
}

fn line(record: &Record<'_>, packet: &Packet<'_>, at: &str) {
    let written = members(&packet.payload);
    let level = written["Event"].as_str().map(str::to_ascii_lowercase);
    assert_eq!(text(record, "level"), level, "{at}");
    assert_eq!(text(record, "text").as_deref(), written["text"].as_str().map(str::trim), "{at}");
    assert_eq!(text(record, "call_id"), text(record, "correlation_id"), "{at}");
}

#[test]
fn hepipe_sends_lines() {
    let name = "hepipe-hep3-udp.pcap";
    let Some(path) = recording(name) else { return eprintln!("SKIPPED: {name} is missing") };
    let datagrams = datagrams(&path);
    let packets: Vec<_> = datagrams.iter().flat_map(|datagram| decode_all(datagram)).collect();
    let expected = [
        (r#"{"pl": 10, "jt": 10}"#, "fd8f48ea-b9aa-11e3-92f7-1803731b65be"),
        ("a", "1-call-20375@127.0.0.1"),
        (r#"{"v":6}"#, "v6"),
    ];
    assert_eq!(packets.len(), expected.len());
    for (packet, (line, call_id)) in packets.iter().zip(expected) {
        let record = Protocols::built_in().understand(packet, &arrival());
        assert_eq!(text(&record, "text").as_deref(), Some(line));
        assert_eq!(text(&record, "call_id").as_deref(), Some(call_id));
    }
}

/// Every event of every batch, alone under the number of Janus, and each batch as it came.
#[test]
fn janus_events_have_their_sessions_and_handles() {
    const KINDS: &[(u64, &str)] = &[
        (1, "session"),
        (2, "handle"),
        (8, "jsep"),
        (16, "webrtc"),
        (32, "media"),
        (64, "plugin"),
        (128, "transport"),
        (256, "core"),
    ];
    let name = "janus-events-http-post.bin";
    let (Some(bytes), Some(expected)) = (shared(name), shared(&format!("{name}.expected.json"))) else {
        return;
    };
    let expected: Json = serde_json::from_slice(&expected).expect("expectations as JSON");
    let place = |value: &Json| usize::try_from(value.as_u64().expect("a number")).expect("a place");
    let mut count = 0;
    for batch in expected["packets"].as_array().expect("a list") {
        let body = &bytes[place(&batch["offset"])..][..place(&batch["len"])];
        let written: Json = serde_json::from_slice(body).expect("JSON of Janus");
        let events = written.as_array().cloned().unwrap_or_else(|| vec![written.clone()]);
        let expectations = batch["events"].as_array().expect("a list");
        assert_eq!(events.len(), expectations.len());
        for (event, expected) in events.iter().zip(expectations) {
            count += 1;
            let payload = event.to_string();
            sent(&outgoing(1000, payload.as_bytes()), |record| {
                for column in ["emitter", "session_id", "handle_id", "opaque_id"] {
                    let written = match &event[column] {
                        Json::Null => None,
                        Json::String(text) => Some(text.clone()),
                        number => Some(number.to_string()),
                    };
                    assert_eq!(text(record, column), written, "{column} of {payload}");
                }
                let number = expected["type"].as_u64().expect("a type");
                let kind = KINDS.iter().find(|(known, _)| *known == number).expect("a known type").1;
                assert_eq!(text(record, "kind").as_deref(), Some(kind), "{payload}");
                assert!(text(record, "text").is_some_and(|text| text.starts_with("Janus ")), "{payload}");
                assert!(record.common.flags.is_empty(), "{:?} {payload}", record.common.flags);
                if kind != "plugin" {
                    assert_ne!(text(record, "event"), None, "{payload}");
                }
            });
        }
        sent(&outgoing(1000, body), |record| {
            assert_eq!(text(record, "emitter").as_deref(), expectations[0]["emitter"].as_str());
            let events = (expectations.len() > 1).then(|| json!(expectations.len()));
            assert_eq!(extra(record).get("events"), events.as_ref());
        });
    }
    assert_eq!(Some(count), expected["events"].as_u64());
}
