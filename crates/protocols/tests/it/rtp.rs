//! Headers of RTP packets.

use model::Value;
use serde_json::json;

use crate::{extra, integer, outgoing, sent, text};

/// PCMU with a marker, one contributor, a one-byte header extension and two bytes of padding.
const PACKET: [u8; 30] = [
    0xb1, 0x80, 0x12, 0x34, 0, 1, 0, 2, 0x1a, 0x2a, 0x9c, 0x52, 0, 0, 0, 7, 0xbe, 0xde, 0, 1, 0x10, 0xff, 0,
    0, 1, 2, 3, 4, 0, 2,
];

#[test]
fn the_header_fills_the_columns() {
    sent(&outgoing(4, &PACKET), |record| {
        assert_eq!(record.table.name, "rtp");
        assert_eq!(
            text(record, "text").as_deref(),
            Some("RTP PCMU ssrc 0x1a2a9c52 sequence 4660 timestamp 65538 marker")
        );
        assert_eq!((integer(record, "rtp_version"), integer(record, "payload_type")), (Some(2), Some(0)));
        assert_eq!(text(record, "codecs").as_deref(), Some("PCMU"));
        assert_eq!(integer(record, "ssrc"), Some(0x1a2a_9c52));
        assert_eq!(
            (integer(record, "sequence"), integer(record, "rtp_timestamp")),
            (Some(4660), Some(65_538))
        );
        assert_eq!(record.value("marker"), Value::Bool(true));
        assert_eq!((integer(record, "extension"), integer(record, "media_size")), (Some(0xbede), Some(4)));
        assert_eq!(extra(record), json!({ "csrc": [7] }));
        assert!(record.common.flags.is_empty());
    });
    let dynamic = [0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    sent(&outgoing(4, &dynamic), |record| {
        assert_eq!(
            text(record, "text").as_deref(),
            Some("RTP payload type 96 ssrc 0x00000003 sequence 1 timestamp 2")
        );
        assert_eq!(text(record, "codecs"), None);
        assert_eq!((integer(record, "extension"), integer(record, "media_size")), (None, Some(0)));
    });
}

#[test]
fn a_cut_packet_keeps_its_fixed_header() {
    for length in 12..PACKET.len() {
        sent(&outgoing(4, &PACKET[..length]), |record| {
            assert_eq!(integer(record, "ssrc"), Some(0x1a2a_9c52), "{length}");
            assert_eq!(integer(record, "sequence"), Some(4660));
            let is_flagged = record.common.flags == ["bad_rtp"];
            // The last byte of a cut packet may be taken for the count of its padding.
            assert!(is_flagged || length > 24, "{length}: {:?}", record.common.flags);
            assert_eq!(integer(record, "media_size").is_none(), is_flagged);
        });
    }
    sent(&outgoing(4, &PACKET[..11]), |record| {
        assert_eq!(record.common.flags, ["bad_rtp"]);
        assert!(record.values.iter().all(|value| *value == Value::Null));
    });
}

#[test]
fn what_is_no_rtp_is_kept_and_flagged() {
    // RTCP on the same port (RFC 5761), STUN, text.
    for payload in
        [&[0x80, 200, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0][..], &[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42], b"text"]
    {
        sent(&outgoing(4, payload), |record| {
            assert_eq!(record.common.flags, ["not_rtp"]);
            assert_eq!(record.raw, payload);
            assert!(record.values.iter().all(|value| *value == Value::Null));
        });
    }
    sent(&outgoing(4, b""), |record| assert_eq!(record.common.flags, ["empty_payload"]));
}
