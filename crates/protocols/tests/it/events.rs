//! Events: OpenSIPS in both its forms, rtpengine and Verto under one number, Janus, mediasoup, JSON of any kind.

use hep::chunk::Chunk;
use model::Record;
use serde_json::json;

use crate::{extra, outgoing, sent, text};

fn event<T>(hep_type: u16, payload: &str, look: impl FnOnce(&Record<'_>) -> T) -> T {
    let packet = hep::Outgoing { correlation_id: Some(b"77"), ..outgoing(hep_type, payload.as_bytes()) };
    sent(&packet, |record| {
        assert_eq!(record.table.name, "event");
        assert_eq!(record.raw, payload.as_bytes());
        look(record)
    })
}

#[track_caller]
fn columns(record: &Record<'_>, expected: &[(&str, &str)]) {
    for (column, value) in expected {
        assert_eq!(text(record, column).as_deref(), Some(*value), "{column} of {:?}", record.values);
    }
}

#[test]
fn management_commands_in_json_and_with_any_delimiter() {
    for payload in [
        "{\n\t\"command\":\t\"get_statistics\",\n\t\"backend\":\t\"fifo\",\n\t\"parameters\":\t\"a:fifo\"\n}",
        "get_statistics:fifo:a:fifo",
        "get_statistics##fifo##a:fifo",
        "get_statistics;fifo;a:fifo",
    ] {
        event(87, payload, |record| {
            columns(
                record,
                &[
                    ("text", "MI get_statistics by fifo"),
                    ("source", "opensips"),
                    ("kind", "mi"),
                    ("event", "get_statistics"),
                    ("transaction", "77"),
                ],
            );
            assert_eq!(record.common.call_id, None, "a cookie is no call");
            assert!(extra(record).to_string().contains("a:fifo"), "{:?}", record.extra);
            assert!(record.common.flags.is_empty());
        });
    }
}

#[test]
fn replies_to_commands_say_how_it_went_even_if_cut() {
    let error = r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":1}"#;
    let wrapped = format!("{{\"reply\":{}}}", serde_json::to_string(error).expect("a text"));
    for payload in [error, &wrapped] {
        event(87, payload, |record| {
            columns(
                record,
                &[
                    ("kind", "mi reply"),
                    ("result", "FAILURE"),
                    ("reason", "Method not found"),
                    ("text", "MI reply FAILURE: Method not found"),
                ],
            );
        });
    }
    event(87, r#"{"reply":"{\"jsonrpc\":\"2.0\",\"result\":{\"Processes\":[{\"ID\":0,"}"#, |record| {
        columns(record, &[("result", "SUCCESS"), ("text", "MI reply SUCCESS")]);
        assert!(record.common.flags.is_empty(), "the JSON around is whole");
    });
}

#[test]
fn rest_requests_and_replies() {
    for payload in [
        r#"{"first_line":"POST http://192.0.2.80:8080/route HTTP/1.1","payload":"{}"}"#,
        "POST http://192.0.2.80:8080/route HTTP/1.1:{\"a\":1}",
    ] {
        let more = [Chunk { vendor: 0, kind: 0x65, body: br#"{"sip":"call-1@a"}"# }];
        let packet = hep::Outgoing { more: &more, ..outgoing(88, payload.as_bytes()) };
        sent(&packet, |record| {
            columns(
                record,
                &[
                    ("text", "REST POST http://192.0.2.80:8080/route HTTP/1.1"),
                    ("event", "POST"),
                    ("call_id", "call-1@a"),
                ],
            );
        });
    }
    event(88, "HTTP/1.1 404 Not Found", |record| {
        columns(record, &[("result", "FAILURE"), ("reason", "404")]);
    });
}

/// Case 21 of the list of what must be survived: the delimiter inside values.
#[test]
fn case_21_csv_of_opensips_with_the_delimiter_inside_values() {
    for (payload, message) in [
        (
            "TCP:CONNECTED:FAILURE:connect to 192.0.2.30:5061 failed: timeout",
            "connect to 192.0.2.30:5061 failed: timeout",
        ),
        ("TCP##CONNECTED##FAILURE##a##b", "a##b"),
        ("WS,CONNECTED,FAILURE,a, b, c", "a, b, c"),
    ] {
        event(89, payload, |record| {
            columns(
                record,
                &[("event", "CONNECTED"), ("result", "FAILURE"), ("reason", message), ("connection", "77")],
            );
            assert_eq!(record.common.call_id, None, "a connection is no call");
        });
    }
    for odd in
        ["TCP", "TCP:", "TCPCLOSEDSUCCESS", "TCP:CLOSED", "nothing known", ":::", "TLS:CLOSED:SUCCESS:"]
    {
        event(89, odd, |record| assert_eq!(text(record, "kind").as_deref(), Some("net"), "{odd}"));
    }
}

/// Case 21: the secret of a TLS connection is in no column and not in `extra`, in either form.
#[test]
fn case_21_master_keys_are_not_copied() {
    const SECRET: &str = "0123456789ABCDEF";
    let json = format!(
        "{{\"Protocol\":\"TLS\",\"Event\":\"ACCEPTED\",\"Status\":\"SUCCESS\",\"Message\":\"accepted\",\"client-subject\":\"/CN=a\",\"master-key\":\"{SECRET}\"}}"
    );
    let broken = json.replace("\"Status\":", "\"Status\"").replace('}', "");
    let forms = [
        json,
        broken,
        format!("TLS:ACCEPTED:SUCCESS:accepted:/CN=a:/CN=b:/CN=c:/CN=d:{SECRET}"),
        format!("TLS##ACCEPTED##SUCCESS##accepted##/CN=a##{SECRET}"),
        format!("WSS:ACCEPTED:SUCCESS:accepted:/CN=a:{SECRET}"),
        format!("TLSACCEPTEDSUCCESS{SECRET}"),
    ];
    for payload in forms {
        event(89, &payload, |record| {
            let kept = format!("{:?} {:?}", record.values, record.extra);
            assert!(!kept.contains(SECRET), "{payload}: {kept}");
            columns(record, &[("event", "ACCEPTED")]);
        });
    }
}

#[test]
fn rtpengine_commands_and_replies() {
    event(61, "5a_1 d7:command5:offer7:call-id3:a@b8:from-tag2:f13:sdp3:v=0e", |record| {
        columns(
            record,
            &[
                ("source", "rtpengine"),
                ("kind", "request"),
                ("event", "offer"),
                ("transaction", "5a_1"),
                ("call_id", "a@b"),
                ("text", "NG offer"),
            ],
        );
        assert_eq!(extra(record), json!({ "fields": { "from-tag": "f1" } }));
        assert!(record.common.flags.is_empty());
    });
    for payload in
        ["5a_1 d6:result5:error12:error-reason4:gonee", r#"5a_1 {"result":"error","error-reason":"gone"}"#]
    {
        event(61, payload, |record| {
            columns(
                record,
                &[
                    ("kind", "reply"),
                    ("result", "error"),
                    ("reason", "gone"),
                    ("text", "NG reply error: gone"),
                    ("call_id", "77"),
                ],
            );
            assert!(record.common.flags.is_empty());
        });
    }
}

/// Case 22: without a space, or with bencode that is none.
#[test]
fn case_22_broken_commands_of_rtpengine_are_kept_and_flagged() {
    for payload in [
        "5a_1d7:command5:offere",
        "5a_1",
        "5a_1 d7:command5:offer",
        "5a_1 d7:command9999:offer",
        "5a_1 x",
        "d7:command4:pinge",
        " ",
    ] {
        event(61, payload, |record| {
            assert_eq!(text(record, "source").as_deref(), Some("rtpengine"), "{payload}");
            let flags: &[&str] = if payload == " " { &[] } else { &["bad_bencode"] };
            assert_eq!(record.common.flags, flags, "{payload}");
        });
    }
    event(61, "5a_1 d7:command5:offer1:a", |record| {
        columns(record, &[("event", "offer"), ("transaction", "5a_1")]);
    });
    sent(&outgoing(61, b"c d7:command5:offer7:call-id2:\xff\xfee"), |record| {
        columns(record, &[("event", "offer")]);
    });
}

/// Case 22: JSON-RPC of Verto under the number that rtpengine uses too.
#[test]
fn case_22_verto_is_told_from_rtpengine() {
    let invite = r#"{"jsonrpc":"2.0","method":"verto.invite","params":{"sdp":"v=0","dialogParams":{"callID":"1279-5aa6","destination_number":"9664","caller_id_number":"1008"},"sessid":"03a1"},"id":7}"#;
    event(61, invite, |record| {
        columns(
            record,
            &[
                ("source", "verto"),
                ("kind", "request"),
                ("event", "verto.invite"),
                ("call_id", "1279-5aa6"),
                ("from_user", "1008"),
                ("to_user", "9664"),
                ("session_id", "03a1"),
                ("transaction", "7"),
                ("text", "verto.invite"),
            ],
        );
    });
    event(61, r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32002,"message":"CALL ERROR"}}"#, |record| {
        columns(record, &[("kind", "reply"), ("result", "error"), ("reason", "CALL ERROR")]);
    });
    let login =
        r#"{"jsonrpc":"2.0","method":"login","params":{"login":"a","passwd":"s3cret","sessid":"1"},"id":1}"#;
    event(61, login, |record| {
        assert!(!format!("{:?} {:?}", record.values, record.extra).contains("s3cret"));
    });
    event(61, "{}", |record| assert_eq!(text(record, "event"), None));
}

#[test]
fn janus_names_sessions_handles_and_rooms() {
    let joined = r#"{"emitter":"j1","type":64,"timestamp":1,"session_id":18446744073709551615,"handle_id":4,"opaque_id":"app","event":{"plugin":"janus.plugin.videoroom","data":{"event":"joined","room":1234,"id":6,"display":"alice"}}}"#;
    for payload in [joined.to_owned(), format!("[{joined}]")] {
        event(1000, &payload, |record| {
            columns(
                record,
                &[
                    ("emitter", "j1"),
                    ("kind", "plugin"),
                    ("event", "joined"),
                    ("session_id", "18446744073709551615"),
                    ("handle_id", "4"),
                    ("opaque_id", "app"),
                    ("plugin", "janus.plugin.videoroom"),
                    ("room", "1234"),
                    ("participant", "alice"),
                    ("text", "Janus videoroom joined room 1234"),
                ],
            );
            assert_eq!(record.common.hep_type, 1000);
        });
    }
    let calling = r#"{"type":64,"session_id":1,"handle_id":2,"event":{"plugin":"janus.plugin.sip","data":{"event":"calling","caller":"sip:alice@a.example","callee":"sip:bob@b.example;x=1","call-id":"c@d"}}}"#;
    event(1000, calling, |record| {
        columns(record, &[("call_id", "c@d"), ("from_user", "alice"), ("to_user", "bob")]);
    });
    event(1000, r#"{"type":512,"event":7}"#, |record| columns(record, &[("kind", "512")]));
    event(1000, &format!("[{joined},{joined}]"), |record| assert_eq!(extra(record)["events"], json!(2)));
}

#[test]
fn json_of_any_kind_has_what_its_members_are_called() {
    let payload = r#"{"type":"call","state":"ended","duration":12,"src":"a","dst":"b","Call-ID":"x@y","more":{"k":[1]}}"#;
    let packet = hep::Outgoing { correlation_id: None, ..outgoing(101, payload.as_bytes()) };
    sent(&packet, |record| {
        columns(record, &[("event", "ended"), ("from_user", "a"), ("to_user", "b"), ("call_id", "x@y")]);
        assert_eq!(
            extra(record),
            json!({ "fields": { "type": "call", "duration": 12, "more": { "k": [1] } } })
        );
    });
}
