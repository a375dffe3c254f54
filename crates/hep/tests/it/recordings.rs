//! Recordings of real agents, packet for packet against what an independent reader found in them.

use std::path::{Path, PathBuf};

use hep::Framer;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

#[test]
fn recordings_in_the_repository_equal_their_expectations() {
    let compared = compare_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/fixtures"));
    assert!(compared.files >= 9, "{} files", compared.files);
    assert!(compared.packets >= 1_500, "{} packets", compared.packets);
}

#[test]
fn recordings_beside_the_repository_equal_their_expectations() {
    let root = std::env::var_os("RHAPSODE_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let folder = root.join("corpus");
    if !folder.is_dir() {
        eprintln!("SKIPPED: no recordings at {}", folder.display());
        return;
    }
    let compared = compare_all(&folder);
    assert!(compared.files >= 20, "{} files", compared.files);
    assert!(compared.packets >= 7_000, "{} packets", compared.packets);
}

#[test]
fn hepv2_on_a_stream_is_unframeable() {
    let root = std::env::var_os("RHAPSODE_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = root.join("corpus/kamailio-hep2-tcp.tcp-1.bin");
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("SKIPPED: no recording at {}", path.display());
        return;
    };
    let mut framer = Framer::new();
    framer.push(&bytes, 1_795_214_869);
    assert_eq!(framer.next_frame(), Some(Err(hep::Refusal::Unframeable)));
    assert_eq!(framer.next_frame(), None);
    assert!(framer.is_closed());
}

#[derive(Default)]
struct Compared {
    files: usize,
    packets: usize,
}

fn compare_all(folder: &Path) -> Compared {
    let mut compared = Compared::default();
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // Janus does not speak HEP, and HEPv2 on a stream is refused.
        if name.starts_with("janus") || name.starts_with("kamailio-hep2-tcp") {
            continue;
        }
        let expected = path.with_file_name(format!("{name}.expected.json"));
        if !expected.is_file() {
            continue;
        }
        let expected: Value = serde_json::from_slice(&std::fs::read(expected).unwrap()).unwrap();
        let expected = expected["packets"].as_array().expect("a list of packets");
        let bytes = std::fs::read(&path).unwrap();
        let arrivals = match name.rsplit_once('.') {
            Some((_, "pcap")) => datagrams(&bytes),
            Some((_, "bin")) if name.contains(".http-") => posts(&bytes, expected),
            Some((_, "bin")) => frames(&bytes),
            _ => continue,
        };
        assert_eq!(arrivals.len(), expected.len(), "{name}: number of packets");
        for (arrival, expected) in arrivals.iter().zip(expected) {
            assert_eq!(describe(arrival, expected), facts(expected), "{name}: packet {}", expected["n"]);
            compared.packets += 1;
        }
        compared.files += 1;
    }
    compared
}

struct Arrival {
    seconds: u32,
    bytes: Vec<u8>,
}

/// Time of replayed streams, some minutes after the latest recording was made.
const REPLAYED_SECONDS: u32 = 1_795_300_000;

/// Classic pcap, raw IP: the UDP payloads and when they came.
fn datagrams(pcap: &[u8]) -> Vec<Arrival> {
    let number = |at: usize| u32::from_le_bytes(pcap[at..at + 4].try_into().unwrap());
    assert_eq!((number(0), number(20)), (0xa1b2_c3d4, 101), "classic little-endian pcap of raw IP");
    let mut arrivals = Vec::new();
    let mut at = 24;
    while at < pcap.len() {
        let (seconds, length) = (number(at), number(at + 8) as usize);
        let ip = &pcap[at + 16..at + 16 + length];
        let ip_header_bytes = if ip[0] >> 4 == 4 { usize::from(ip[0] & 0x0f) * 4 } else { 40 };
        arrivals.push(Arrival { seconds, bytes: ip[ip_header_bytes + 8..].to_vec() });
        at += 16 + length;
    }
    arrivals
}

/// A stream, cut by the framer from reads of ever changing size.
fn frames(stream: &[u8]) -> Vec<Arrival> {
    let mut framer = Framer::new();
    let mut arrivals = Vec::new();
    let mut rest = stream;
    let mut size = 1;
    while !rest.is_empty() {
        let (read, after) = rest.split_at(size.min(rest.len()));
        framer.push(read, REPLAYED_SECONDS);
        while let Some(frame) = framer.next_frame() {
            arrivals.push(Arrival { seconds: REPLAYED_SECONDS, bytes: frame.expect("a packet").to_vec() });
        }
        rest = after;
        size = size * 7 % 1499 + 1;
    }
    assert_eq!((framer.finish(), framer.resyncs()), (None, 0));
    arrivals
}

/// HTTP requests: the expectation says where the bodies are.
fn posts(stream: &[u8], expected: &[Value]) -> Vec<Arrival> {
    let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    expected
        .iter()
        .map(|packet| {
            let start = number(&packet["offset"]);
            let bytes = stream[start..start + number(&packet["hep_len"])].to_vec();
            Arrival { seconds: REPLAYED_SECONDS, bytes }
        })
        .collect()
}

/// What we read, in the words of the expectation.
fn describe(arrival: &Arrival, expected: &Value) -> Value {
    let unwrapped = hep::ungzip(&arrival.bytes);
    let mut found = hep::packets(&unwrapped, arrival.seconds);
    let (packet, frame) = found.next().expect("an item").expect("a packet");
    assert!(found.next().is_none(), "one packet per datagram");
    assert_eq!(frame.len(), arrival.bytes.len());
    let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let mut facts = json!({
        "version": packet.version.number(),
        "family": packet.family,
        "ip_proto": packet.ip_protocol,
        "src": packet.src_ip,
        "dst": packet.dst_ip,
        "sport": packet.src_port,
        "dport": packet.dst_port,
        "sec": packet.seconds,
        "usec": packet.micros,
        "proto_type": packet.hep_type,
        "capture_id": packet.capture_id,
        "correlation_id": text(packet.correlation_id),
        "auth": text(packet.key),
        "node": text(packet.node),
        "payload_len": packet.payload.len(),
        "payload_sha256": hash(&packet.payload),
    });
    if expected["chunks"].is_array() {
        let chunks = packet.chunks().map(|chunk| json!([chunk.vendor, chunk.kind, chunk.body.len()]));
        facts["chunks"] = chunks.collect();
    }
    facts
}

/// The part of the expectation that is ours to meet.
fn facts(expected: &Value) -> Value {
    const KEYS: [&str; 17] = [
        "version",
        "family",
        "ip_proto",
        "src",
        "dst",
        "sport",
        "dport",
        "sec",
        "usec",
        "proto_type",
        "capture_id",
        "correlation_id",
        "auth",
        "node",
        "payload_len",
        "payload_sha256",
        "chunks",
    ];
    let mut facts = Value::Null;
    for key in KEYS.into_iter().filter(|key| *key != "chunks" || expected[*key].is_array()) {
        facts[key] = expected[key].clone();
    }
    // No payload chunk at all; we make no difference between none and an empty one.
    if facts["payload_len"].is_null() {
        facts["payload_len"] = json!(0);
        facts["payload_sha256"] = json!(hash(b""));
    }
    facts
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
