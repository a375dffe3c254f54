//! The columns every record has.

use hep::chunk::Chunk;
use model::Micros;
use protocols::Protocols;
use serde_json::json;

use crate::{NOW, arrival, encoded, extra, outgoing, sent, text, with_record};

const OPTIONS: &[u8] = b"OPTIONS sip:a@b SIP/2.0\r\nCall-ID: the-call\r\n\r\n";

#[test]
fn the_time_of_the_sender_counts_if_it_can_be_true() {
    let seconds = |seconds: i64| u32::try_from(seconds).expect("in range");
    let now = NOW.seconds();
    for (sent_seconds, is_believed) in [
        (seconds(946_684_800), true),
        (seconds(946_684_799), false),
        (0, false),
        (seconds(now), true),
        (seconds(now + 86_399), true),
        (seconds(now + 86_401), false),
        (u32::MAX, false),
    ] {
        let packet = hep::Outgoing { seconds: sent_seconds, micros: 7, ..outgoing(1, OPTIONS) };
        sent(&packet, |record| {
            let original = Micros::from_parts(sent_seconds, 7);
            assert_eq!(record.common.received, NOW);
            if is_believed {
                assert_eq!((record.common.ts, record.common.flags.as_slice()), (original, &[][..]));
                assert_eq!(record.extra, None);
            } else {
                assert_eq!((record.common.ts, record.common.flags.as_slice()), (NOW, &["bad_time"][..]));
                assert_eq!(extra(record), json!({ "sender_time": original.to_string() }));
            }
        });
    }
}

/// HEP counts seconds in an unsigned number of 32 bits: to 2106.
#[test]
fn times_after_2038_are_believed_and_zero_is_not() {
    let received = Micros((1 << 31) * Micros::SECOND + 5);
    let arrival = protocols::Arrival { received, ..arrival() };
    for (seconds, expected) in
        [(1 << 31, Some(received.0 + 2)), ((1 << 31) - 1, Some(received.0 - 999_998)), (0, None)]
    {
        let bytes = encoded(&hep::Outgoing { seconds, micros: 7, ..outgoing(1, OPTIONS) });
        let (packet, _) = hep::decode(&bytes, 1 << 31).expect("a packet");
        let record = Protocols::built_in().understand(&packet, &arrival);
        assert_eq!(record.common.received, received);
        assert_eq!(record.common.ts.0, expected.unwrap_or(received.0), "{seconds}");
        assert_eq!(record.common.flags.contains(&"bad_time"), expected.is_none(), "{seconds}");
    }
}

#[test]
fn a_packet_without_time_has_the_time_of_arrival() {
    let mut bytes = Vec::new();
    outgoing(1, OPTIONS).encode_v1(&mut bytes).expect("a small packet");
    with_record(&bytes, |record| {
        assert_eq!(record.common.ts, NOW);
        assert_eq!((record.common.hep_version, record.common.hep_type), (1, 1));
        assert_eq!(record.extra, None);
    });
}

#[test]
fn the_call_id_is_that_of_the_message_else_the_correlation_id_if_it_is_one() {
    let nameless = b"OPTIONS sip:a@b SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n";
    type Case<'a> = (u16, &'a [u8], &'a [u8], Option<&'a str>);
    let cases: [Case<'_>; 10] = [
        (1, OPTIONS, b"other", Some("the-call")),
        (1, nameless, b"other", Some("other")),
        (1, nameless, b"<null>", None),
        (5, b"{}", b"a@b", Some("a@b")),
        (5, b"{}", b"PJSIP/alice-00000012", None),
        (100, b"line", b"a@b\0\0", Some("a@b")),
        (100, b"line", b"<null>", None),
        (100, b"line", b"", None),
        (89, b"{}", b"10160351959172542763", None),
        (35, b"{}", b"a@b", Some("a@b")),
    ];
    for (hep_type, payload, correlation, expected) in cases {
        let packet = hep::Outgoing { correlation_id: Some(correlation), ..outgoing(hep_type, payload) };
        sent(&packet, |record| {
            let at = format!("type {hep_type}, {}", correlation.escape_ascii());
            assert_eq!(text(record, "call_id").as_deref(), expected, "{at}");
            assert_eq!(
                text(record, "correlation_id").map(String::into_bytes).as_deref(),
                Some(correlation),
                "{at}"
            );
        });
    }
    sent(&outgoing(1, nameless), |record| {
        assert_eq!(record.common.correlation_id, None);
        assert_eq!(record.common.flags, ["no_call_id"]);
    });
}

#[test]
fn names_that_are_not_utf_8_are_replaced_and_flagged() {
    let packet =
        hep::Outgoing { correlation_id: Some(b"a\xff@b"), node: Some(b"n\xfe"), ..outgoing(100, b"x") };
    sent(&packet, |record| {
        assert_eq!(text(record, "correlation_id").as_deref(), Some("a\u{fffd}@b"));
        assert_eq!(text(record, "node").as_deref(), Some("n\u{fffd}"));
        assert_eq!(record.common.flags, ["bad_utf8"]);
    });
}

#[test]
fn opensips_names_the_call_in_a_chunk_of_its_own() {
    let body = b"{\n\t\"sip\":\t\"1@a\",\n\t\"sip\":\t\"ext-1@a\",\n\t\"net\":\t\"42\"\n}";
    let more = [Chunk { vendor: 0, kind: 0x65, body }];
    sent(&hep::Outgoing { more: &more, ..outgoing(96, b"") }, |record| {
        assert_eq!(record.table.name, "event");
        assert_eq!(text(record, "call_id").as_deref(), Some("1@a"));
        assert_eq!(record.common.flags, ["doubled_correlations", "empty_payload"]);
        assert_eq!(
            extra(record),
            json!({ "correlations": [["sip", "1@a"], ["sip", "ext-1@a"], ["net", "42"]] })
        );
    });
}

#[test]
fn chunks_without_a_column_are_kept_and_keys_are_not() {
    let more = [
        Chunk { vendor: 0, kind: 0x17, body: &[2] },
        Chunk { vendor: 0, kind: 0x14, body: &[0, 1, 2, 3, 4, 5] },
        Chunk { vendor: 8, kind: 0x80, body: b"456852465" },
        Chunk { vendor: 3, kind: 0x99, body: &[0xff, 0] },
        Chunk { vendor: 9, kind: 0x0e, body: b"secret" },
    ];
    let packet = hep::Outgoing {
        key: Some(b"secret"),
        vlan: Some(0),
        mos: Some(420),
        more: &more,
        ..outgoing(1, OPTIONS)
    };
    sent(&packet, |record| {
        assert_eq!(
            extra(record),
            json!({
                "tcp_flags": 2,
                "mos": 4.2,
                "src_mac": "00:01:02:03:04:05",
                "chunks": { "8:conversation_id": "456852465", "3:0x0099": "0xff00" },
            })
        );
        assert!(!format!("{record:?}").contains("secret"));
    });
}

#[test]
fn addresses_transport_and_payload_are_as_captured() {
    let packet =
        hep::Outgoing { ip_protocol: 22, node: Some(b"edge-1"), ..outgoing(200, b"\x00\xffbytes\0\0") };
    let bytes = encoded(&packet);
    with_record(&bytes, |record| {
        assert_eq!(record.table.name, "other");
        assert_eq!(record.common.transport, "tls");
        assert_eq!(record.common.hep_type, 200);
        assert_eq!(text(record, "src_ip").as_deref(), Some("10.0.0.1"));
        assert_eq!(record.common.dst_port, Some(5080));
        assert_eq!(record.common.capture_id, Some(2001));
        assert_eq!(text(record, "node").as_deref(), Some("edge-1"));
        assert_eq!(record.raw, b"\x00\xffbytes\0\0");
        assert_eq!(record.common.size, 9);
    });
}
