//! Recordings of real senders, against what an independent reader found in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/fixtures");

#[test]
fn start_line_call_id_and_cseq_equal_the_expectations() {
    let (mut checked, mut problems) = (0, BTreeMap::new());
    for file in files(Path::new(FIXTURES)) {
        checked += check(&file, &mut problems);
    }
    assert!(checked > 800, "only {checked} SIP messages in the fixtures");
    assert_only_via_is_missing(&problems);
}

#[test]
fn the_wider_corpus_equals_its_expectations() {
    let folder = std::env::var_os("RHAPSODE_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let folder = folder.join("corpus");
    if !folder.is_dir() {
        eprintln!("SKIPPED: no recordings at {}", folder.display());
        return;
    }
    let mut problems = BTreeMap::new();
    let checked: usize = files(&folder).iter().map(|file| check(file, &mut problems)).sum();
    assert!(checked > 2000, "only {checked} SIP messages in the corpus");
    assert_only_via_is_missing(&problems);
}

/// Kamailio traces answers to compact requests after it took the only Via off; all else in the recordings is sound.
fn assert_only_via_is_missing(problems: &BTreeMap<String, usize>) {
    assert!(!problems.is_empty());
    for (problem, count) in problems {
        assert!(
            problem.ends_with(" Via: the mandatory header is missing") && *count == 3,
            "{count} x {problem}"
        );
    }
}

/// Payloads of type 1 whose expectation the reader made from SIP text: compares, and counts them.
fn check(file: &Path, problems: &mut BTreeMap<String, usize>) -> usize {
    let expected =
        std::fs::read(format!("{}.expected.json", file.display())).expect("every recording has expectations");
    let expected: Value = serde_json::from_slice(&expected).expect("expectations are JSON");
    let bytes = std::fs::read(file).expect("the recording is readable");
    let payloads =
        if bytes.starts_with(&[0xd4, 0xc3, 0xb2, 0xa1]) { datagrams(&bytes) } else { frames(&bytes) };
    let packets = expected["packets"].as_array().expect("a list of packets");
    assert_eq!(payloads.len(), packets.len(), "{}", file.display());

    let mut checked = 0;
    for (frame, packet) in payloads.iter().zip(packets) {
        let sip = &packet["sip"];
        let Some(payload) = payload(frame).filter(|_| sip.is_object()) else { continue };
        let message = sip::parse(payload);
        let place = format!("{} packet {}", file.display(), packet["n"]);
        let text = |bytes: Option<&[u8]>| bytes.map(|bytes| sip::text(bytes).into_owned());
        match message.start() {
            sip::Start::Request { method, uri } => {
                assert_eq!(sip["method"].as_str(), text(Some(method)).as_deref(), "{place}");
                assert_eq!(sip["ruri"].as_str(), text(Some(uri)).as_deref(), "{place}");
            }
            sip::Start::Response { status, .. } => assert_eq!(sip["status"], status, "{place}"),
            sip::Start::Fragment => panic!("{place}: no start line"),
        }
        assert_eq!(sip["call_id"].as_str(), text(message.call_id()).as_deref(), "{place}");
        assert_eq!(sip["cseq"].as_str(), text(message.header(sip::Name::CSeq)).as_deref(), "{place}");
        let cseq = message.cseq().expect("recorded messages have CSeq");
        assert_eq!(message.method(), Some(cseq.method), "{place}");
        assert_eq!(message.range().end, payload.len(), "{place}: all of it is one message");
        for problem in message.problems() {
            *problems
                .entry(format!("{} {problem}", file.file_name().unwrap_or_default().display()))
                .or_default() += 1;
        }
        checked += 1;
    }
    checked
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is readable")
        .map(|entry| entry.expect("the folder is readable").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "pcap" || kind == "bin"))
        // Foreign framings, which are not this room's business.
        .filter(|path| {
            !["http", "compressed", "hep2-tcp"].iter().any(|word| path.to_string_lossy().contains(word))
        })
        .collect();
    files.sort();
    files
}

/// UDP payloads of a classic pcap with raw IP packets.
fn datagrams(pcap: &[u8]) -> Vec<&[u8]> {
    let mut rest = &pcap[24..];
    let mut out = Vec::new();
    while rest.len() >= 16 {
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        let packet = &rest[16..16 + length];
        let header = if packet[0] >> 4 == 4 { usize::from(packet[0] & 15) * 4 } else { 40 };
        out.push(&packet[header + 8..]);
        rest = &rest[16 + length..];
    }
    out
}

/// HEPv3 frames of a stream.
fn frames(mut stream: &[u8]) -> Vec<&[u8]> {
    let mut out = Vec::new();
    while stream.len() >= 6 {
        let length = usize::from(u16::from_be_bytes([stream[4], stream[5]]));
        out.push(&stream[..length]);
        stream = &stream[length..];
    }
    out
}

/// The SIP payload of a HEP packet; none for other payload types.
fn payload(frame: &[u8]) -> Option<&[u8]> {
    let word = |bytes: &[u8], at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    match frame[0] {
        1 => Some(&frame[16..]),
        2 => Some(&frame[28..]),
        _ => {
            let (mut at, mut kind, mut payload) = (6, 0, None);
            while at + 6 <= frame.len() {
                let end = at + usize::from(word(frame, at + 4));
                match (word(frame, at), word(frame, at + 2)) {
                    (0, 11) => kind = frame[at + 6],
                    (0, 15) => payload = Some(&frame[at + 6..end]),
                    _ => {}
                }
                at = end;
            }
            payload.filter(|_| kind == 1)
        }
    }
}
