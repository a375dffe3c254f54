//! `POST /api/v1/ingest`: packets in JSON and events of media servers, through the door.

use serde_json::{Value, json};

use crate::http::Web;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/fixtures/");

impl Web {
    /// Status and answer.
    fn json(&self, body: impl AsRef<[u8]>) -> (u16, Value) {
        self.json_with(&[("content-type", "application/json")], body)
    }

    fn json_with(&self, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> (u16, Value) {
        let (status, text) = self.post_to("/api/v1/ingest", headers, body.as_ref());
        (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
    }
}

fn item(call_id: &str) -> Value {
    json!({
        "rcinfo": {
            "protocolFamily": 10, "protocol": 17, "srcIp": "2001:db8::1", "dstIp": "2001:db8::2",
            "srcPort": 5060, "dstPort": "5061", "timeSeconds": 1_700_000_000, "timeUseconds": 5,
            "payloadType": 1, "captureId": 2001, "hepNodeName": "edge-1", "correlation_id": call_id,
        },
        "payload": format!("OPTIONS sip:a@example.com SIP/2.0\r\nCall-ID: {call_id}\r\nCSeq: 1 OPTIONS\r\n\r\n"),
    })
}

#[test]
fn an_answer_means_stored() {
    let web = Web::start(|_| {});
    let (status, answer) = web.json(item("a@b").to_string());
    assert_eq!((status, answer), (200, json!({"accepted": 1, "keepalives": 0, "refused": {}})));
    // No waiting here: that is what the answer promises.
    assert_eq!(web.server.frames().len(), 1);
    let total = web.server.quiet(1);
    assert_eq!(total.stored, 1);
    let row = "SELECT count(*) FROM sip WHERE call_id = 'a@b' AND src_ip = '2001:db8::1' AND dst_port = 5061 \
               AND node = 'edge-1' AND hep_version = 3 AND listener = 'http' AND capture_id = 2001";
    assert_eq!(web.server.count(row), 1);
}

#[test]
fn one_object_a_list_and_lines() {
    let web = Web::start(|_| {});
    let items = [item("1"), item("2"), item("3")];
    assert_eq!(web.json(items[0].to_string()).1["accepted"], 1);
    assert_eq!(web.json(json!(items).to_string()).1["accepted"], 3);
    let lines: String = items.iter().map(|item| format!("{item}\n")).collect();
    for media_type in ["application/x-ndjson", "text/plain; charset=utf-8"] {
        assert_eq!(web.json_with(&[("content-type", media_type)], &lines).1["accepted"], 3);
    }
    assert_eq!(web.json_with(&[], &lines).1["accepted"], 3, "no media type at all");
    assert_eq!(web.json_with(&[("content-type", "application/octet-stream")], &lines).0, 415);
    assert_eq!(web.server.quiet(13).stored, 13);
}

#[test]
fn what_is_refused_is_named_and_costs_no_neighbour() {
    let web = Web::start(|_| {});
    let mut wrong = item("wrong");
    wrong["rcinfo"]["srcPort"] = json!(70_000);
    let mut unknown = item("unknown");
    unknown["rcinfo"]["tenant"] = json!("a");
    let mut long = item("long");
    long["payload"] = json!("x".repeat(70_000));
    let body =
        format!("{wrong}\n{{\"broken\": tru}}\n{unknown}\n17\n{{\"other\": 1}}\n{long}\n{}", item("last"));
    let (status, answer) = web.json(body);
    assert_eq!(status, 200);
    assert_eq!(answer["accepted"], 2);
    assert_eq!(answer["refused"], json!({"bad_json": 4, "too_large": 1}));
    assert_eq!(answer["unknown_keys"], json!(["tenant"]));
    let items = answer["items"].as_array().expect("a list");
    let told: Vec<_> = items.iter().map(|item| (item["index"].as_u64(), item["cause"].as_str())).collect();
    let bad = Some("bad_json");
    assert_eq!(
        told,
        [(Some(0), bad), (Some(1), bad), (Some(3), bad), (Some(4), bad), (Some(5), Some("too_large"))]
    );
    assert_eq!(items[0]["message"], "`srcPort` is 70000, which is not a number of 16 bits");
    assert!(items[1]["message"].as_str().expect("text").starts_with("no JSON at byte"), "{}", items[1]);
    let total = web.server.quiet(7);
    assert_eq!((total.stored, total.refused["bad_json"], total.refused["too_large"]), (2, 4, 1));
}

#[test]
fn nothing_of_use_is_400_with_the_reason() {
    let web = Web::start(|_| {});
    let (status, answer) = web.json("{");
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("bad_json")));
    let (status, answer) = web.json(" [] ");
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("empty")));
    let many = "1 ".repeat(500);
    let (status, answer) = web.json(many);
    assert_eq!((status, &answer["refused"]), (400, &json!({"bad_json": 500})));
    assert_eq!(answer["items"].as_array().map(Vec::len), Some(100), "an answer is limited, a count is not");
    web.server.quiet(502);
}

#[test]
fn keys_are_checked_and_never_stored() {
    let web = Web::start(|config| config.keys = vec![b"s3cret".to_vec()]);
    let mut keyed = item("keyed");
    keyed["rcinfo"]["capturePass"] = json!("s3cret");
    assert_eq!(web.json(keyed.to_string()).0, 200);
    let (status, answer) = web.json(item("without").to_string());
    assert_eq!((status, &answer["items"][0]["cause"]), (403, &json!("key_missing")));
    keyed["rcinfo"]["capturePass"] = json!("other");
    assert_eq!(web.json(keyed.to_string()).1["refused"], json!({"key_wrong": 1}));
    for (name, value) in [
        ("x-hep-key", "s3cret"),
        ("authorization", "Bearer s3cret"),
        // rhapsode:s3cret
        ("authorization", "Basic cmhhcHNvZGU6czNjcmV0"),
    ] {
        assert_eq!(web.json_with(&[(name, value)], item("header").to_string()).0, 200, "{name}: {value}");
    }
    assert_eq!(web.json_with(&[("x-hep-key", "other")], item("header").to_string()).0, 403);
    assert_eq!(web.server.quiet(7).stored, 4);
    let frames = web.server.frames().concat();
    assert!(!frames.windows(6).any(|window| window == b"s3cret"), "no key reaches the disk");
}

#[test]
fn signs_of_life_are_counted_and_not_stored() {
    let web = Web::start(|_| {});
    let (status, answer) = web.json(r#"{"rcinfo": {"payloadType": 1}, "payload": "HEP PING"}"#);
    assert_eq!((status, answer), (200, json!({"accepted": 0, "keepalives": 1, "refused": {}})));
    web.server.quiet(1);
}

#[test]
fn types_above_255_are_kept_by_number() {
    let web = Web::start(|_| {});
    let body = r#"{"rcinfo": {"proto_type": 1086, "time_sec": 1700000000, "time_usec": 0, "srcIp": "192.0.2.1",
        "dstIp": "192.0.2.2"}, "payload": {"callid": "a@b", "duration": 5}}"#;
    assert_eq!(web.json(body).0, 200);
    assert_eq!(web.server.count("SELECT count(*) FROM messages WHERE hep_type = 1086"), 1);
}

/// The requests that a real Janus made of its event handler, body by body.
#[test]
fn a_recorded_janus_arrives_whole() {
    let name = format!("{FIXTURES}janus-events-http-post.bin");
    let bytes = std::fs::read(&name).expect("a recording");
    let expected = std::fs::read(format!("{name}.expected.json")).expect("an expectation");
    let expected: Value = serde_json::from_slice(&expected).expect("JSON");
    let web = Web::start(|_| {});
    let mut events = Vec::new();
    for post in expected["packets"].as_array().expect("a list") {
        let number = |name: &str| usize::try_from(post[name].as_u64().expect("a number")).expect("small");
        let body = &bytes[number("offset")..number("offset") + number("len")];
        let (status, answer) = web.json(body);
        let count = post["events"].as_array().expect("a list").len();
        assert_eq!((status, &answer["accepted"]), (200, &json!(count)), "{answer}");
        events.extend(post["events"].as_array().expect("a list").iter().cloned());
    }
    assert_eq!(web.server.quiet(112).stored, 112);
    let logged = web.server.logged();
    assert_eq!((logged.len(), events.len()), (112, 112));
    for (logged, expected) in logged.iter().zip(&events) {
        let (packet, _) = hep::decode(&logged.frame, 0).expect("a packet");
        let payload: Value = serde_json::from_slice(&packet.payload).expect("the event as it came");
        for key in ["emitter", "type", "subtype", "timestamp", "session_id", "handle_id", "opaque_id"] {
            assert_eq!(payload[key], expected[key], "{key}");
        }
        let time = u64::from(packet.seconds.expect("a time")) * 1_000_000
            + u64::from(packet.micros.expect("a time"));
        assert_eq!(Some(time), expected["timestamp"].as_u64());
        assert_eq!(packet.node, Some(&b"janus-corpus"[..]));
        assert_eq!(packet.src_ip, Some(web.address.ip()), "at the server");
        assert_eq!((packet.src_port, packet.dst_ip), (Some(0), packet.src_ip));
        assert!(packet.flags.is_empty(), "{:?}", packet.flags);
    }
}

/// The requests that hep-js made, to the door for frames.
#[test]
fn recorded_posts_of_hep_js_arrive_whole() {
    let name = format!("{FIXTURES}hepjs-http-post.http-1.bin");
    let bytes = std::fs::read(&name).expect("a recording");
    let expected = std::fs::read(format!("{name}.expected.json")).expect("an expectation");
    let expected: Value = serde_json::from_slice(&expected).expect("JSON");
    let packets = expected["packets"].as_array().expect("a list");
    let web = Web::start(|_| {});
    for packet in packets {
        let number = |name: &str| usize::try_from(packet[name].as_u64().expect("a number")).expect("small");
        let body = &bytes[number("offset")..number("offset") + number("hep_len")];
        let (status, text) = web.post_to("/hep", &[("content-type", "application/octet-stream")], body);
        assert_eq!((status, text.contains(r#""accepted":1"#)), (200, true), "{text}");
    }
    assert_eq!(web.server.quiet(packets.len() as u64).stored, packets.len() as u64);
    for (logged, expected) in web.server.logged().iter().zip(packets) {
        let (packet, _) = hep::decode(&logged.frame, 0).expect("a packet");
        let facts = json!({
            "src": packet.src_ip, "sport": packet.src_port, "dst": packet.dst_ip, "dport": packet.dst_port,
            "sec": packet.seconds, "usec": packet.micros, "proto_type": packet.hep_type,
            "capture_id": packet.capture_id, "payload_len": packet.payload.len(),
        });
        for (key, value) in facts.as_object().expect("an object") {
            assert_eq!(value, &expected[key], "{key} of packet {}", expected["n"]);
        }
    }
}
