//! Recordings of real agents against what independent readers found in them.

use std::path::PathBuf;

use model::{Record, Value};
use packet::pcap::Reader;
use packet::{Layers, Transport};
use protocols::Protocols;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::{arrival, decode_all, folder, integer, text};

#[derive(Deserialize)]
struct Expected {
    packets: Vec<ExpectedPacket>,
}

#[derive(Deserialize)]
struct ExpectedPacket {
    proto_type: Option<i64>,
    version: u8,
    capture_id: Option<i64>,
    correlation_id: Option<String>,
    payload_len: Option<i32>,
    sip: Option<ExpectedSip>,
}

#[derive(Deserialize)]
struct ExpectedSip {
    method: Option<String>,
    status: Option<i64>,
    call_id: Option<String>,
    cseq: Option<String>,
}

impl ExpectedPacket {
    /// The expectations have it as on the wire; the stated correction is that of sngrep, sipgrep and RTPProxy.
    fn corrected_capture_id(&self) -> Option<i64> {
        let is_shifted = |id: &i64| self.version == 3 && *id != 0 && id & 0xffff == 0;
        self.capture_id.map(|id| if is_shifted(&id) { id >> 16 } else { id })
    }
}

/// One recording by name, if it is at hand.
pub(crate) fn recording(name: &str) -> Option<PathBuf> {
    recordings().into_iter().find(|path| path.ends_with(name))
}

/// The recordings that travel with the repository, and what else is at hand: everything that came over UDP.
fn recordings() -> Vec<PathBuf> {
    let own = folder("../testkit/fixtures");
    let shared = std::env::var_os("RHAPSODE_SHARED").map_or_else(|| folder("../../../shared"), PathBuf::from);
    let corpus = shared.join("corpus");
    if !corpus.is_dir() {
        eprintln!(
            "SKIPPED: the recordings of {} are missing; the permitted ones are compared",
            corpus.display()
        );
    }
    let files = [own, corpus].into_iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    let paths = files.map(|entry| entry.expect("a readable folder").path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "pcap")).collect()
}

pub(crate) fn datagrams(path: &PathBuf) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path).expect("a readable recording");
    let frames = Reader::new(&bytes).expect("a pcap file");
    let payloads = frames.map(|frame| {
        let frame = frame.expect("a whole frame");
        let layers = Layers::parse(frame.link, frame.bytes).expect("IP and UDP");
        match layers.transport {
            Transport::Udp(udp) => udp.payload.to_vec(),
            _ => panic!("a recording holds UDP only"),
        }
    });
    payloads.collect()
}

#[test]
fn records_say_what_independent_readers_say() {
    let recordings = recordings();
    assert!(recordings.len() >= 8, "the recordings that travel are missing");
    for path in recordings {
        let name = path.display();
        let expected =
            std::fs::read(format!("{name}.expected.json")).expect("expectations beside the recording");
        let expected: Expected = serde_json::from_slice(&expected).expect("expectations as JSON");
        let datagrams = datagrams(&path);
        let packets: Vec<_> = datagrams.iter().flat_map(|datagram| decode_all(datagram)).collect();
        assert_eq!(packets.len(), expected.packets.len(), "{name}");
        for (place, (packet, expected)) in packets.iter().zip(&expected.packets).enumerate() {
            let record = Protocols::built_in().understand(packet, &arrival());
            let at = format!("{name} packet {place}: {:?}", String::from_utf8_lossy(record.raw));
            assert_eq!(Some(i64::from(record.common.hep_type)), expected.proto_type.or(Some(1)), "{at}");
            assert_eq!(record.common.size, expected.payload_len.unwrap_or(0), "{at}");
            assert_eq!(text(&record, "correlation_id"), expected.correlation_id, "{at}");
            assert_eq!(record.common.capture_id, expected.corrected_capture_id(), "{at}");
            if record.raw.starts_with(b"{") && record.table.name == "sip" {
                assert_eq!(record.common.flags, ["json_wrapped_sip"], "{at}");
                assert_ne!(record.common.call_id, None, "{at}");
            }
            if let Some(sip) = &expected.sip {
                compare_sip(&record, sip, &at);
            }
            if record.table.name == "rtcp" {
                compare_rtcp(&record, &at);
            }
        }
    }
}

fn compare_sip(record: &Record<'_>, sip: &ExpectedSip, at: &str) {
    assert_eq!(record.table.name, "sip", "{at}");
    assert_eq!(text(record, "call_id"), sip.call_id, "{at}");
    assert_eq!(integer(record, "status"), sip.status, "{at}");
    let cseq = sip.cseq.as_deref().and_then(|cseq| cseq.split_once(' '));
    assert_eq!(integer(record, "cseq"), cseq.and_then(|(number, _)| number.parse().ok()), "{at}");
    assert_eq!(text(record, "cseq_method").as_deref(), cseq.map(|(_, method)| method), "{at}");
    let method = sip.method.as_deref().or(cseq.map(|(_, method)| method));
    assert_eq!(text(record, "method").as_deref(), method, "{at}");
    assert_ne!(record.value("from_tag"), Value::Null, "{at}");
}

/// Every number that a strict reader finds in the report stands in its column.
fn compare_rtcp(record: &Record<'_>, at: &str) {
    let documents = serde_json::Deserializer::from_slice(record.raw).into_iter::<Json>();
    let Some(report) = documents.map(|document| document.expect("a report as JSON")).next() else {
        return assert!(record.common.flags.contains(&"empty_payload"), "{at}");
    };
    let block = &report["report_blocks"][0];
    let sender = &report["sender_information"];
    for (column, written) in [
        ("rtp_timestamp", &sender["rtp_timestamp"]),
        ("packets", &sender["packets"]),
        ("octets", &sender["octets"]),
        ("source_ssrc", &block["source_ssrc"]),
        ("packets_lost", &block["packets_lost"]),
        ("highest_sequence", &block["highest_seq_no"]),
        ("jitter", &block["ia_jitter"]),
        ("last_sr", &block["lsr"]),
        ("delay_since_last_sr", &block["dlsr"]),
    ] {
        assert_eq!(integer(record, column), whole(written), "{column}, {at}");
    }
    let fraction = whole(&block["fraction_lost"]).map(|fraction| fraction as f64 * 100.0 / 256.0);
    assert_eq!(record.value("fraction_lost"), fraction.into(), "{at}");
    let cname = report["sdes_information"].as_array().into_iter().flatten().find(|item| item["type"] == 1);
    assert_eq!(text(record, "cname").as_deref(), cname.and_then(|item| item["text"].as_str()), "{at}");
    let report_type = whole(&report["type"]).or_else(|| cname.map(|_| 202));
    assert_eq!(integer(record, "report_type"), report_type, "{at}");
    if record.common.flags.contains(&"wrong_ssrc") {
        let seconds = whole(&sender["ntp_timestamp_sec"]).expect("Asterisk's clock");
        assert_eq!(whole(&report["ssrc"]), Some(seconds + 2_208_988_800), "{at}");
    } else {
        assert_eq!(integer(record, "ssrc"), whole(&report["ssrc"]), "{at}");
    }
}

/// Asterisk writes some numbers as texts.
fn whole(value: &Json) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}
