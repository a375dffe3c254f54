//! Session descriptions on their own.

use model::Value;
use serde_json::json;

use crate::{extra, outgoing, sent, text};

#[test]
fn a_description_fills_its_columns() {
    let payload = "v=0\r\no=alice 2890844526 2890844527 IN IP4 192.0.2.1\r\ns=Call\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
        m=audio 49170 RTP/SAVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\na=ptime:20\r\n\
        a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0\r\n\
        m=video 51372 RTP/AVP 99\r\nc=IN IP6 2001:db8::1\r\na=rtpmap:99 H264/90000\r\n";
    sent(&outgoing(3, payload.as_bytes()), |record| {
        assert_eq!(record.table.name, "sdp");
        for (column, expected) in [
            ("text", "SDP audio 192.0.2.1:49170 PCMU,PCMA,telephone-event; video [2001:db8::1]:51372 H264"),
            ("media", "192.0.2.1:49170"),
            ("codecs", "PCMU,PCMA,telephone-event,H264"),
            ("media_types", "audio,video"),
            ("media_protocol", "RTP/SAVP"),
            ("media_direction", "sendonly"),
            ("origin_user", "alice"),
            ("origin_session", "2890844526"),
            ("origin_version", "2890844527"),
            ("origin_address", "192.0.2.1"),
            ("session_name", "Call"),
        ] {
            assert_eq!(text(record, column).as_deref(), Some(expected), "{column}");
        }
        let extra = extra(record);
        assert_eq!(extra["medias"][0]["ptime"], json!(20));
        assert_eq!(extra["medias"][1]["media"], json!("[2001:db8::1]:51372"));
        assert!(!record.extra.as_deref().unwrap_or_default().contains("c2VjcmV0"), "keys are not copied");
        assert!(record.common.flags.is_empty());
    });
}

#[test]
fn broken_descriptions_give_what_they_have() {
    sent(&outgoing(3, b"m=audio 70000 RTP/AVP\nc=\n\0\0"), |record| {
        assert_eq!(text(record, "text").as_deref(), Some("SDP audio"));
        assert_eq!(text(record, "media"), None);
        assert_eq!(record.common.flags, ["trailing_nuls"]);
    });
    sent(&outgoing(3, b"v=0\no=- - - IN IP4\ns=-\n"), |record| {
        assert_eq!(text(record, "text").as_deref(), Some("SDP"));
        for column in ["origin_user", "origin_session", "origin_address", "session_name", "media", "codecs"] {
            assert_eq!(record.value(column), Value::Null, "{column}");
        }
    });
    sent(&outgoing(3, b"v=0\ns=gr\xfc\xdfe\n"), |record| {
        assert_eq!(text(record, "session_name").as_deref(), Some("gr\u{fffd}\u{fffd}e"));
        assert_eq!(record.common.flags, ["bad_utf8"]);
    });
    for payload in [&b"INVITE sip:a@b SIP/2.0\r\n\r\n"[..], b"\x80\xc8\0\x01", b"{}"] {
        sent(&outgoing(3, payload), |record| {
            assert_eq!(record.common.flags, ["not_sdp"]);
            assert_eq!(record.raw, payload);
        });
    }
}
