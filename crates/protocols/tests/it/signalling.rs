//! Protocols that are named, not taken apart: XMPP, MGCP, MEGACO, IAX, H.32x, and RTSP.

use model::{Record, Value};

use crate::{extra, outgoing, sent, text};

#[track_caller]
fn check(hep_type: u16, payload: &[u8], expected: &[(&str, &str)]) {
    sent(&outgoing(hep_type, payload), |record| {
        assert_eq!(record.raw, payload);
        for (column, value) in expected {
            assert_eq!(
                shown(record, column).as_deref(),
                Some(*value),
                "{column} of {}",
                payload.escape_ascii()
            );
        }
        assert!(record.common.flags.is_empty(), "{:?}", record.common.flags);
    });
}

fn shown(record: &Record<'_>, column: &str) -> Option<String> {
    match record.value(column) {
        Value::Int(number) => Some(number.to_string()),
        _ => text(record, column),
    }
}

#[test]
fn mgcp_commands_and_replies() {
    check(6, b"crcx 1204 aaln/1@rgw.example MGCP 1.0\r\nC: A3C4\r\nM: recvonly\r\nI: 7\r\n\r\nC: not a parameter\r\n", &[
        ("protocol", "mgcp"),
        ("kind", "request"),
        ("method", "CRCX"),
        ("transaction", "1204"),
        ("endpoint", "aaln/1@rgw.example"),
        ("context", "7"),
        ("call_id", "A3C4"),
        ("text", "MGCP CRCX aaln/1@rgw.example"),
        ("extra", r#"{"connection_mode":"recvonly"}"#),
    ]);
    check(
        6,
        b"510 1204 not now\nE: 1",
        &[("kind", "reply"), ("status", "510"), ("reason_phrase", "not now")],
    );
    check(6, b"200 1204", &[("text", "MGCP 200")]);
}

#[test]
fn megaco_transactions_in_long_and_short_words() {
    for payload in [
        "MEGACO/1 [192.0.2.1]:2944\nTransaction = 9998 {\n  Context = - {\n ServiceChange = ROOT { Services { Method = Restart } } } }",
        "!/1 [192.0.2.1]:2944 T=9998{C=-{SC=ROOT{SV{MT=RS}}}}",
        "Authentication = 0x1:0x2:0xab\nMEGACO/3 <mgc.example> Transaction=9998{Context=-{W-ServiceChange=ROOT}}",
    ] {
        check(
            7,
            payload.as_bytes(),
            &[
                ("kind", "request"),
                ("transaction", "9998"),
                ("context", "-"),
                ("method", "ServiceChange"),
                ("endpoint", "ROOT"),
                ("text", "MEGACO request ServiceChange ROOT"),
            ],
        );
    }
    check(
        7,
        b"!/1 [192.0.2.1]:2944 P=5{ER=505{\"x\"}}",
        &[("kind", "reply"), ("status", "505"), ("text", "MEGACO reply error 505")],
    );
    check(7, b"MEGACO/1 mg1 Pending = 7 { }", &[("kind", "pending"), ("transaction", "7")]);
}

#[test]
fn xmpp_stanzas_and_jingle_sessions() {
    check(
        2,
        b"<?xml version='1.0'?><!-- x --><iq from='alice@a.example/desk' to='b.example' id='j&amp;1' type='set'><jingle action=\"session-initiate\" sid='s&lt;1'/></iq>",
        &[
            ("kind", "set"),
            ("method", "session-initiate"),
            ("from_user", "alice"),
            ("from_host", "a.example"),
            ("to_host", "b.example"),
            ("transaction", "j&1"),
            ("call_id", "s<1"),
            ("text", "XMPP iq set session-initiate"),
        ],
    );
    check(
        2,
        b"<message to='bob@b' type=\"chat\"><body>secret words</body></message>",
        &[("method", "message"), ("to_user", "bob"), ("text", "XMPP message chat")],
    );
    check(
        2,
        b"<stream:stream to='a > b' version='1.0'>",
        &[("method", "stream:stream"), ("to_host", "a > b")],
    );
    check(2, b"</stream:stream>", &[("method", "stream:stream")]);
    check(2, b"<presence from='a@b", &[("method", "presence")]);
}

#[test]
fn iax_frames() {
    let new = [
        0x80, 17, 0x80, 3, 0, 0, 0, 5, 0, 0, 6, 1, 1, 4, b'9', b'6', b'6', b'4', 2, 2, b'1', b'0', 6, 200,
        b'x',
    ];
    check(
        10,
        &new,
        &[
            ("protocol", "iax"),
            ("kind", "iax"),
            ("method", "NEW"),
            ("context", "17/3"),
            ("from_user", "10"),
            ("to_user", "9664"),
            ("text", "IAX2 NEW"),
            ("extra", r#"{"is_retransmitted":true}"#),
        ],
    );
    check(
        10,
        &[0x80, 17, 0, 3, 0, 0, 0, 5, 0, 0, 6, 5, 0x16, 2, b'o', b'k', 0x2a, 1, 16],
        &[
            ("method", "HANGUP"),
            ("extra", r#"{"cause":16}"#),
            ("reason_phrase", "ok"),
            ("text", "IAX2 HANGUP: ok"),
        ],
    );
    check(10, &[0x80, 17, 0, 3, 0, 0, 0, 5, 0, 0, 4, 4], &[("method", "ANSWER"), ("kind", "control")]);
    check(10, &[0x80, 17, 0, 3, 0, 0, 0, 5, 0, 0, 2, 4, 1, 2], &[("method", "VOICE")]);
    check(10, &[0, 17, 0, 3, 9, 9], &[("method", "MINI"), ("context", "17")]);
    check(10, &[0, 0, 1, 3, 9, 9], &[("method", "META")]);
}

#[test]
fn call_signalling_of_h_225() {
    check(
        11,
        &[3, 0, 0, 12, 8, 2, 0x80, 27, 5, 4, 1, 0x88],
        &[("protocol", "h322"), ("method", "SETUP"), ("context", "27"), ("text", "H.225 SETUP")],
    );
    check(12, &[8, 0, 0x5a], &[("protocol", "h321"), ("method", "RELEASE COMPLETE")]);
}

#[test]
fn rtsp_as_json_and_as_text() {
    let expected = [
        ("method", "SETUP"),
        ("cseq", "3"),
        ("url", "rtsp://a/1"),
        ("session_id", "12"),
        ("text", "RTSP SETUP rtsp://a/1"),
    ];
    check(55, br#"{"method":"SETUP","url":"rtsp://a/1","cseq":"3","session":"12;timeout=60"}"#, &expected);
    check(55, b"SETUP rtsp://a/1 RTSP/2.0\r\nCSeq: 3\r\nSession: 12;timeout=60\r\n\r\n", &expected);
    check(
        55,
        b"RTSP/1.0 200 OK\nCSeq: 4\nServer: cam\n",
        &[("status", "200"), ("reason_phrase", "OK"), ("user_agent", "cam"), ("text", "RTSP 200 OK")],
    );
    check(55, b"RTSP/1.0 404", &[("status", "404"), ("text", "RTSP 404")]);
}

/// What is something else than its type promises is kept and flagged.
#[test]
fn payloads_that_are_something_else() {
    for hep_type in [2, 6, 7, 10, 11, 12, 55] {
        for payload in
            [&b"\xff\xfe\x00\x01"[..], b"x", b" \r\n", b"MEGACO", b"\x80\x01", b"1", b"<", b"\x03\x00\x00"]
        {
            // Any four octets whose first bit is zero are a mini frame of IAX.
            if hep_type == 10 && payload == b"MEGACO" {
                continue;
            }
            sent(&outgoing(hep_type, payload), |record| {
                assert!(record.common.flags.contains(&"unreadable"), "{hep_type} {}", payload.escape_ascii());
                assert_eq!(record.raw, payload);
                assert_eq!(extra(record), serde_json::Value::Null);
            });
        }
        sent(&outgoing(hep_type, b""), |record| assert_eq!(record.common.flags, ["empty_payload"]));
    }
}
