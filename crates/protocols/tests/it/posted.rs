//! Events of media servers that are posted as JSON: what their packets say.

use model::Micros;
use protocols::{Posted, posted};
use serde_json::Value;

/// Every event that a real Janus sent to its HTTP event handler, against what an independent reader found.
#[test]
fn every_event_of_a_recorded_janus() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/fixtures/janus-events-http-post.bin");
    let bytes = std::fs::read(folder).expect("a recording");
    let expected = std::fs::read(format!("{folder}.expected.json")).expect("an expectation");
    let expected: Value = serde_json::from_slice(&expected).expect("JSON");
    let mut count = 0;
    for post in expected["packets"].as_array().expect("a list") {
        let number = |name: &str| usize::try_from(post[name].as_u64().expect("a number")).expect("small");
        let body = &bytes[number("offset")..number("offset") + number("len")];
        let items: Vec<_> = hep::json::items(body).map(|item| item.expect("JSON")).collect();
        let events = post["events"].as_array().expect("a list");
        assert_eq!(items.len(), events.len());
        for (item, expected) in items.iter().zip(events) {
            let event = posted(item).expect("an event");
            let server = expected["emitter"].as_str().map(str::to_owned);
            let opaque_id = expected["opaque_id"].as_str().map(str::to_owned);
            assert_eq!(event.node, server);
            assert_eq!(event.time, expected["timestamp"].as_i64().map(Micros));
            if opaque_id.is_some() {
                assert_eq!(event.correlation_id, opaque_id);
            }
            count += 1;
        }
    }
    assert_eq!(count, 112);
}

#[test]
fn a_sip_plugin_without_an_opaque_id_correlates_by_its_call() {
    let text = r#"{"type": 64, "timestamp": 1795216368140168, "session_id": 1,
        "event": {"plugin": "janus.plugin.sip", "data": {"event": "calling", "call-id": "a@b"}}}"#;
    let found = posted(text).expect("an event");
    assert_eq!(found.correlation_id.as_deref(), Some("a@b"));
    assert_eq!(found.node, None);
    let named = text.replace("\"session_id\"", "\"opaque_id\": \"mine\", \"session_id\"");
    assert_eq!(posted(&named).expect("an event").correlation_id.as_deref(), Some("mine"));
}

#[test]
fn rooms_of_mediasoup() {
    let of = |time: &str| {
        posted(&format!(
            r#"{{"event": "newproducer", "roomId": "r1", "peerName": "alice", "timestamp": {time}}}"#
        ))
        .expect("an event")
    };
    let event = of("1795216368140");
    assert_eq!(event.correlation_id.as_deref(), Some("r1"));
    assert_eq!(event.time, Some(Micros(1_795_216_368_140_000)));
    assert_eq!(of("1795216368").time, Some(Micros(1_795_216_368_000_000)));
    assert_eq!(of("1795216368140168").time, Some(Micros(1_795_216_368_140_168)));
    assert_eq!(of("-1").time, None);
    let types: Vec<u16> = [event.hep_type, of("1").hep_type].into();
    assert!(types.iter().all(|number| *number > 255), "never a type that HEP itself has");
}

#[test]
fn what_is_no_event() {
    for text in [
        "",
        "17",
        "[]",
        "{}",
        r#"{"type": 1}"#,
        r#"{"type": 1, "timestamp": 2, "event": "text"}"#,
        r#"{"type": "SIP", "timestamp": 2, "event": {}}"#,
        r#"{"type": 0, "timestamp": 2, "event": {}}"#,
        r#"{"roomId": "r"}"#,
        r#"{"roomId": "", "peerId": "p"}"#,
    ] {
        assert_eq!(posted(text), None::<Posted>, "{text}");
    }
}
