//! What a query means for a record: the same after it was printed and read again, the same when it was made for the
//! record's table, and the contrary when it is turned around.

use std::sync::LazyLock;

use hep::{Outgoing, Packet};
use model::query::{self, Catalogue, Expr};
use model::{Micros, Record};
use protocols::{Arrival, Corrections, Protocols};

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Protocols::built_in().catalogue(&[]));
const NOW: Micros = Micros(1_795_300_000_000_000);

const INVITE: &[u8] = b"INVITE sip:+442079460001@192.0.2.2;user=phone SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds\r\nMax-Forwards: 70\r\n\
    From: \"Alice\" <sip:alice@example.org>;tag=1928301774\r\nTo: <sip:+442079460001@192.0.2.2>\r\n\
    Call-ID: a84b4c76e66710@192.0.2.1\r\nCSeq: 314159 INVITE\r\nUser-Agent: baresip v1.0 (x86_64/linux)\r\n\
    Content-Length: 0\r\n\r\n";
const REPORT: &[u8] = br#"{"sender_information":{"ntp_timestamp_sec":3000000000,"ntp_timestamp_usec":0,
    "rtp_timestamp":1,"packets":10,"octets":1600},"ssrc":7,"type":200,"report_count":1,
    "report_blocks":[{"source_ssrc":8,"fraction_lost":25,"packets_lost":3,"highest_seq_no":9,"ia_jitter":80}]}"#;

static FRAMES: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| [frame(1, INVITE), frame(5, REPORT)]);
static PACKETS: LazyLock<Vec<Packet<'static>>> = LazyLock::new(|| {
    FRAMES.iter().map(|frame| hep::decode(frame, 1_795_237_200).expect("what was encoded").0).collect()
});
static RECORDS: LazyLock<Vec<Record<'static>>> = LazyLock::new(|| {
    let arrival = Arrival {
        id: 65_537,
        received: Micros(1_795_237_200_000_000),
        sender: [192, 0, 2, 9].into(),
        listener: "udp",
        corrections: Corrections::default(),
    };
    PACKETS.iter().map(|packet| Protocols::built_in().understand(packet, &arrival)).collect()
});

fn frame(hep_type: u16, payload: &[u8]) -> Vec<u8> {
    let ends = ("192.0.2.1:5060".parse().unwrap(), "192.0.2.2:5080".parse().unwrap());
    let mut frame = Vec::new();
    Outgoing {
        hep_type,
        payload,
        capture_id: 2001,
        seconds: 1_795_237_140,
        node: Some(b"edge-1"),
        correlation_id: Some(b"a84b4c76e66710@192.0.2.1"),
        ..Outgoing::new(ends.0, ends.1)
    }
    .encode_v3(&mut frame)
    .expect("small");
    frame
}

pub(crate) fn fuzz(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(query) = query::parse(text, &CATALOGUE, NOW) else { return };
    let printed = query::parse(&query.to_string(), &CATALOGUE, NOW);
    for record in RECORDS.iter() {
        let truth = query::matches(&query.expr, record);
        let within = query.expr.for_table(record.table);
        assert_eq!(query::matches(&within, record), truth, "for table {}: {text}", record.table.name);
        assert_eq!(query::matches(&Expr::not(query.expr.clone()), record), !truth, "not: {text}");
        if let Ok(printed) = &printed {
            assert_eq!(query::matches(&printed.expr, record), truth, "printed: {text}");
        }
    }
}
