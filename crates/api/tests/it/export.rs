//! Downloads, read back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use packet::{Layers, Transport, pcap};
use serde_json::Value;

use crate::server::{ANSWERED, BUSY, MESSAGES, REGISTERED, Server, escaped};
use crate::traffic;

/// Time, source, destination and payload of every frame of a capture file.
fn frames(file: &[u8]) -> Vec<(i64, String, String, Vec<u8>)> {
    let reader = pcap::Reader::new(file).expect("a capture file");
    reader
        .map(|frame| {
            let frame = frame.expect("a whole frame");
            let layers = Layers::parse(frame.link, frame.bytes).expect("an IP packet");
            let payload = match layers.transport {
                Transport::Udp(udp) => udp.payload,
                Transport::Tcp(tcp) => tcp.payload,
                _ => panic!("neither UDP nor TCP"),
            };
            (frame.micros, layers.source().to_string(), layers.destination().to_string(), payload.to_vec())
        })
        .collect()
}

#[test]
fn a_call_as_a_capture_file_has_its_times_ways_and_bytes() {
    let server = Server::start();
    let answer = server.get(&format!("/api/v1/export?format=pcap&call_id={}", escaped(ANSWERED)));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/vnd.tcpdump.pcap"));
    assert_eq!(
        answer.header("content-disposition"),
        Some("attachment; filename=\"answered@example.org.pcap\"")
    );
    assert_eq!(answer.header("x-rhapsode-partial"), None);
    let start = server.start - 600_000_000;
    let story = traffic::answered_call(ANSWERED);
    let expected: Vec<_> = story
        .iter()
        .map(|captured| {
            let (src, dst) = (captured.src.to_string(), captured.dst.to_string());
            (start + captured.at_ms * 1_000, src, dst, captured.payload.clone())
        })
        .collect();
    assert_eq!(frames(&answer.body), expected);
}

#[test]
fn tcp_and_ipv6_stay_what_they_were() {
    let server = Server::start();
    let answer = server.get(&format!("/api/v1/export?format=pcap&call_id={}", escaped(REGISTERED)));
    let found = frames(&answer.body);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].1.as_str(), found[0].2.as_str()), ("[2001:db8::10]:5062", "[2001:db8::20]:5060"));
    let reader = pcap::Reader::new(&answer.body).expect("a capture file");
    for frame in reader {
        let frame = frame.expect("a whole frame");
        let layers = Layers::parse(frame.link, frame.bytes).expect("an IP packet");
        assert!(matches!(layers.transport, Transport::Tcp(_)));
    }
}

#[test]
fn a_search_is_exported_from_the_oldest_on() {
    let server = Server::start();
    let all = server.get("/api/v1/export?format=json");
    let document = all.json();
    let messages = document["messages"].as_array().expect("messages");
    assert_eq!((messages.len(), &document["partial"]), (MESSAGES, &Value::Null));
    assert_eq!(messages[0]["call_id"], ANSWERED);
    let raw = |message: &Value| STANDARD.decode(message["raw"].as_str().expect("base64")).expect("base64");
    assert_eq!(raw(&messages[0]), traffic::answered_call(ANSWERED)[0].payload);
    assert_eq!(raw(&messages[MESSAGES - 1]), traffic::opaque().payload);
    assert_eq!(messages[MESSAGES - 1]["text"], Value::Null);

    let narrowed = server.get(&format!("/api/v1/export?format=pcap&q={}", escaped("method = ACK")));
    assert_eq!(frames(&narrowed.body).len(), 2);
    let nothing = server.get(&format!("/api/v1/export?format=json&q={}", escaped("method = PUBLISH")));
    assert_eq!(nothing.json()["messages"], serde_json::json!([]));
}

#[test]
fn a_cut_export_says_so() {
    let server = Server::start();
    let cut = server.get("/api/v1/export?format=json&limit=3");
    let document = cut.json();
    assert_eq!(document["messages"].as_array().map(Vec::len), Some(3));
    assert!(
        document["partial"]["reason"].as_str().is_some_and(|reason| reason.contains("more than 3")),
        "{document}"
    );
    let pcap = server.get("/api/v1/export?format=pcap&limit=3");
    assert_eq!(frames(&pcap.body).len(), 3);
    assert!(pcap.header("x-rhapsode-partial").is_some_and(|reason| reason.contains("more than 3")));
    let text = server.get("/api/v1/export?format=text&limit=3");
    assert!(text.text().ends_with("these are the oldest 3\n"), "{}", text.text());
    let exact = server.get(&format!("/api/v1/export?format=pcap&limit={MESSAGES}"));
    assert_eq!(exact.header("x-rhapsode-partial"), None);
}

#[test]
fn text_is_for_people() {
    let server = Server::start();
    let answer = server.get(&format!("/api/v1/export?format=text&call_id={}", escaped(BUSY)));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(
        answer.header("content-disposition"),
        Some("attachment; filename=\"busy_1_x@example.org.txt\"")
    );
    let text = answer.text();
    let heading = format!(
        "--- {} 192.0.2.20:5060 -> 192.0.2.10:5062 udp 486 Busy Here (message ",
        server.time(300, 80)
    );
    assert!(text.contains(&heading), "{text}");
    assert!(text.contains("SIP/2.0 486 Busy Here\r\nVia: "), "{text}");
    let binary = server.get(&format!("/api/v1/export?format=text&q={}", escaped("table = other"))).text();
    assert!(binary.contains("9 bytes, base64:\n/wABdGFpbAAA\n"), "{binary}");
}

#[test]
fn the_form_of_hep_js_has_a_packet_on_each_line() {
    let server = Server::start();
    let answer = server.get(&format!("/api/v1/export?format=hepjs&call_id={}", escaped(ANSWERED)));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(
        answer.header("content-disposition"),
        Some("attachment; filename=\"answered@example.org.ndjson\"")
    );
    let text = answer.text();
    let story = traffic::answered_call(ANSWERED);
    assert_eq!(text.lines().count(), story.len());
    for (line, captured) in text.lines().zip(&story) {
        let mut frame = Vec::new();
        hep::json::decode(line).expect("a packet").encode_v3(&mut frame).expect("short enough");
        // Exactly the packet that was sent.
        let sent = captured.encode(server.start - 600_000_000);
        let (sent, _) = hep::decode(&sent, 0).expect("a packet");
        let (back, _) = hep::decode(&frame, 0).expect("a packet");
        assert_eq!(format!("{back:?}"), format!("{sent:?}"));
        assert_eq!((back.family, back.ip_protocol), (sent.family, sent.ip_protocol));
    }
}

#[test]
fn one_message_in_the_form_of_hep_js() {
    let server = Server::start();
    let found = server.get(&format!("/api/v1/messages?q={}", escaped("table = other"))).json();
    let id = found["messages"][0]["id"].as_str().expect("an id");
    let answer = server.get(&format!("/api/v1/messages/{id}?format=hepjs"));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let packet = answer.json();
    assert_eq!(packet["rcinfo"]["captureId"], 2001);
    // It is not UTF-8.
    assert_eq!(
        (&packet["payloadHex"], &packet["payload"]),
        (&Value::from("ff00017461696c0000"), &Value::Null)
    );
    assert_eq!(server.get(&format!("/api/v1/messages/{id}?format=xml")).status, 400);
}

#[test]
fn wrong_requests_are_told_why() {
    let server = Server::start();
    for (query, status) in [
        ("", 400),
        ("format=xml", 400),
        ("format=pcap&call_id=x&q=y", 400),
        ("format=pcap&limit=0", 400),
        ("format=pcap&call_id=nobody", 404),
    ] {
        assert_eq!(server.get(&format!("/api/v1/export?{query}")).status, status, "{query}");
    }
}
