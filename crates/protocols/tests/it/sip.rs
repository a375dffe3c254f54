//! SIP: the columns, and messages that are none.

use model::{Record, Value};
use serde_json::json;

use crate::{extra, integer, outgoing, sent, text};

fn sip<T>(payload: &[u8], look: impl FnOnce(&Record<'_>) -> T) -> T {
    sent(&outgoing(1, payload), look)
}

#[test]
fn an_invite_fills_its_columns() {
    let message = b"INVITE sip:+4930123@example.com;user=phone SIP/2.0\r\n\
        Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK776;rport\r\n\
        Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKold\r\n\
        From: \"Alice\" <sip:alice@a.example>;tag=1928\r\n\
        To: <sip:bob@b.example>\r\n\
        Call-ID: a84b4c76e66710\r\n\
        CSeq: 314159 INVITE\r\n\
        Contact: <sip:alice@10.0.0.1:5060>\r\n\
        P-Asserted-Identity: \"A\" <sip:+4420@a.example>, <tel:+4420>\r\n\
        Proxy-Authorization: Digest username=\"ali\\\"ce\", realm=\"x\"\r\n\
        Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000\r\n\
        Diversion: <sip:x@y>;reason=busy\r\n\
        Diversion: <sip:z@y>\r\n\
        Privacy: id\r\n\
        User-Agent: Phone\r\n 1.0\r\n\
        Content-Type: application/sdp\r\n\
        \r\n\
        v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n\
        m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";
    sip(message, |record| {
        let columns = [
            ("method", "INVITE"),
            ("cseq_method", "INVITE"),
            ("ruri_user", "+4930123"),
            ("ruri_host", "example.com"),
            ("from_user", "alice"),
            ("from_host", "a.example"),
            ("from_tag", "1928"),
            ("to_user", "bob"),
            ("to_host", "b.example"),
            ("via_branch", "z9hG4bK776"),
            ("contact", "sip:alice@10.0.0.1:5060"),
            ("user_agent", "Phone 1.0"),
            ("pai_user", "+4420"),
            ("auth_user", "ali\"ce"),
            ("session_id", "ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000"),
            ("content_type", "application/sdp"),
            ("media", "10.0.0.1:4000"),
            ("codecs", "PCMU,PCMA,telephone-event"),
            ("call_id", "a84b4c76e66710"),
        ];
        for (column, expected) in columns {
            assert_eq!(text(record, column).as_deref(), Some(expected), "{column}");
        }
        for column in ["status", "reason_phrase", "to_tag", "reason"] {
            assert_eq!(record.value(column), Value::Null, "{column}");
        }
        assert_eq!(integer(record, "cseq"), Some(314_159));
        assert_eq!(
            extra(record),
            json!({ "diversion": "<sip:x@y>;reason=busy, <sip:z@y>", "privacy": "id" })
        );
        assert!(record.common.flags.is_empty(), "{:?}", record.common.flags);
    });
}

#[test]
fn a_reply_has_the_method_of_its_cseq() {
    let message = b"SIP/2.0 486 Busy Here\nf: <sip:a@b>;tag=1\nt: <sip:c@d>;tag=2\ni: x\nCSeq: 2 INVITE\nServer: PBX\nReason: Q.850;cause=17\n\n";
    sip(message, |record| {
        assert_eq!(text(record, "method").as_deref(), Some("INVITE"));
        assert_eq!(integer(record, "status"), Some(486));
        assert_eq!(text(record, "reason_phrase").as_deref(), Some("Busy Here"));
        assert_eq!(text(record, "to_tag").as_deref(), Some("2"));
        assert_eq!(text(record, "user_agent").as_deref(), Some("PBX"));
        assert_eq!(text(record, "reason").as_deref(), Some("Q.850;cause=17"));
        assert_eq!(text(record, "ruri_user"), None);
    });
}

#[test]
fn ipv6_media_is_written_with_brackets() {
    let message = b"INVITE sip:a@b SIP/2.0\r\nCall-ID: x\r\nContent-Type: application/sdp\r\n\r\n\
        v=0\r\nc=IN IP6 2001:db8::1\r\nm=audio 4000 RTP/AVP 0\r\n";
    sip(message, |record| assert_eq!(text(record, "media").as_deref(), Some("[2001:db8::1]:4000")));
}

#[test]
fn what_is_no_sip_is_kept_and_flagged() {
    let cases: [(&[u8], &[&str]); 6] = [
        (b"", &["empty_payload"]),
        (b"\r\n\r\n", &["keep_alive"]),
        (b"\0\0\0\0\0\0\0\0", &["keep_alive"]),
        (
            b"{\n\t\"payload\":\t\"OPTIONS sip:a@b SIP/2.0\\r\\n\\r\\n\"\n}",
            &["no_call_id", "json_wrapped_sip"],
        ),
        (&[0x80, 0xc8, 0, 6, 1, 2, 3, 4], &["not_sip"]),
        (b"Call-ID: x\r\nCSeq: 1 BYE\r\n\r\n", &["fragment"]),
    ];
    for (payload, flags) in cases {
        sip(payload, |record| {
            assert_eq!(record.table.name, "sip");
            assert_eq!(record.common.flags, flags, "{}", payload.escape_ascii());
            assert_eq!(record.raw, payload);
        });
    }
}

#[test]
fn text_that_is_not_utf_8_is_replaced() {
    let message = b"SIP/2.0 404 Nicht gef\xfcnden\r\nCall-ID: x\r\nCSeq: 1 BYE\r\n\r\n";
    sip(message, |record| {
        assert_eq!(text(record, "reason_phrase").as_deref(), Some("Nicht gef\u{fffd}nden"));
        assert_eq!(record.common.flags, ["bad_utf8"]);
    });
}

#[test]
fn counters_of_the_media_are_kept_as_the_phone_wrote_them() {
    for (header, value, lost) in [
        ("X-RTP-Stat", "CS=12;PS=1453;PR=1450;PL=0,3;JI=1,2;DL=35,40;EN=PCMA", "0,3"),
        ("P-RTP-Stat", "PS=1453, OS=232480, PR=1450, PL=3, JI=2, LA=35", "3"),
        ("p-rtp-stats", "PS=1453,PL=7", "7"),
    ] {
        let message =
            format!("BYE sip:a@b SIP/2.0\r\nCall-ID: x\r\nCSeq: 2 BYE\r\n{header}: {value}\r\n\r\n");
        sip(message.as_bytes(), |record| {
            assert_eq!(extra(record), json!({ "x_rtp_stat": value }));
            let counters = sip::value::RtpStat::parse(value.as_bytes());
            assert_eq!(counters.value(b"PS"), Some(&b"1453"[..]));
            assert_eq!(counters.value(b"pl"), Some(lost.as_bytes()), "{header}");
        });
    }
}
