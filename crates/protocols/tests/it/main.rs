//! Packets in, records out.

mod bad_input;
mod cdrs;
mod common;
mod corrections;
mod dns;
mod events;
mod logs;
mod mapping;
mod posted;
mod recorded_events;
mod recordings;
mod redact;
mod registry;
mod reports;
mod rtcp;
mod rtp;
mod sdp;
mod secrets;
mod sighting;
mod signalling;
mod sip;
mod sip_json;
mod snapshots;
mod ss7;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hep::{Outgoing, Packet};
use model::{Micros, Record, Value};
use protocols::{Arrival, Corrections, Protocols};

/// 2026-11-21T05:00:00Z
const NOW: Micros = Micros(1_795_237_200_000_000);

fn arrival() -> Arrival {
    Arrival {
        id: 65_537,
        received: NOW,
        sender: "192.0.2.9".parse().expect("an address"),
        listener: "udp",
        corrections: Corrections::default(),
    }
}

/// A packet of this type and payload, sent a minute before it arrives.
fn outgoing(hep_type: u16, payload: &[u8]) -> Outgoing<'_> {
    let src: SocketAddr = "10.0.0.1:5060".parse().expect("an address");
    let dst: SocketAddr = "10.0.0.2:5080".parse().expect("an address");
    let seconds = u32::try_from(NOW.seconds() - 60).expect("a time of this century");
    Outgoing { seconds, micros: 250, capture_id: 2001, hep_type, payload, ..Outgoing::new(src, dst) }
}

fn encoded(outgoing: &Outgoing<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    outgoing.encode_v3(&mut bytes).expect("the packet is small");
    bytes
}

/// What becomes of the one packet in `bytes`.
fn with_record<T>(bytes: &[u8], look: impl FnOnce(&Record<'_>) -> T) -> T {
    let (packet, _) = hep::decode(bytes, u32::try_from(NOW.seconds()).expect("in range")).expect("a packet");
    look(&Protocols::built_in().understand(&packet, &arrival()))
}

fn sent<T>(outgoing: &Outgoing<'_>, look: impl FnOnce(&Record<'_>) -> T) -> T {
    with_record(&encoded(outgoing), look)
}

fn text(record: &Record<'_>, column: &str) -> Option<String> {
    match record.value(column) {
        Value::Text(text) => Some(text.into_owned()),
        Value::Null => None,
        other => panic!("{column} is {other:?}"),
    }
}

fn integer(record: &Record<'_>, column: &str) -> Option<i64> {
    match record.value(column) {
        Value::Int(number) => Some(number),
        Value::Null => None,
        other => panic!("{column} is {other:?}"),
    }
}

fn extra(record: &Record<'_>) -> serde_json::Value {
    let json = record.extra.as_deref().unwrap_or("null");
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The packets kept for one protocol, with their file names.
fn fixtures(protocol: &str) -> Vec<(String, Vec<u8>)> {
    let folder = folder("fixtures").join(protocol);
    let Ok(entries) = std::fs::read_dir(&folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "hep")).collect();
    files.sort();
    let named = files.into_iter().map(|path| {
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a UTF-8 name").to_owned();
        (name, std::fs::read(&path).expect("a readable fixture"))
    });
    named.collect()
}

fn decode_all(datagram: &[u8]) -> Vec<Packet<'_>> {
    let seconds = u32::try_from(NOW.seconds()).expect("in range");
    hep::packets(datagram, seconds).filter_map(|found| found.ok().map(|(packet, _)| packet)).collect()
}
