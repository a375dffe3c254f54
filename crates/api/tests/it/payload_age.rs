//! Messages whose payload has passed its age say so, everywhere.

use serde_json::Value;

use crate::server::{ANSWERED, Server, escaped};
use crate::traffic;

fn server() -> Server {
    Server::without_payloads(&[(600, traffic::answered_call(ANSWERED)), (100, vec![traffic::opaque()])])
}

fn sip_of(messages: &Value) -> Vec<&Value> {
    let messages = messages["messages"].as_array().expect("messages");
    messages.iter().filter(|message| message["table"] == "sip").collect()
}

#[test]
fn a_message_says_that_its_payload_is_gone_and_a_ladder_is_drawn() {
    let server = server();
    let call = server.ask(&format!("/api/v1/call/{}", escaped(ANSWERED)));
    let steps = sip_of(&call);
    assert!(steps.len() > 3, "{call}");
    assert_eq!(call["messages"].as_array().map(Vec::len), Some(traffic::answered_call(ANSWERED).len()));
    for step in &steps {
        assert_eq!((&step["payload_gone"], &step["text"]), (&true.into(), &Value::Null), "{step}");
        assert_ne!(step["label"], "", "{step}");
    }
    let id = steps[0]["id"].as_str().expect("an id");
    let message = server.ask(&format!("/api/v1/messages/{id}"));
    for nothing in ["raw", "text", "shown", "sdp"] {
        assert_eq!(message[nothing], Value::Null, "{message}");
    }
    assert_eq!((&message["payload_gone"], &message["problems"]), (&true.into(), &Value::Array(Vec::new())));
    assert!(message["size"].as_u64().expect("a number") > 100, "{message}");
    let packet = server.get(&format!("/api/v1/messages/{id}?format=hepjs"));
    assert_eq!((packet.status, packet.code().as_str()), (404, "not_found"));
    assert!(packet.text().contains("passed its age"), "{}", packet.text());
}

#[test]
fn a_payload_that_is_kept_is_there() {
    let server = server();
    let found = server.ask("/api/v1/messages?q=table%20%3D%20other&from=-10d");
    let id = found["messages"][0]["id"].as_str().unwrap_or_else(|| panic!("{found}"));
    let message = server.ask(&format!("/api/v1/messages/{id}"));
    assert_eq!(message["payload_gone"], false, "{message}");
    assert!(message["raw"].as_str().is_some_and(|raw| !raw.is_empty()), "{message}");
}

#[test]
fn exports_count_what_they_cannot_have() {
    let server = server();
    let all = traffic::answered_call(ANSWERED).len();
    let call = server.ask(&format!("/api/v1/call/{}", escaped(ANSWERED)));
    let gone = sip_of(&call).len();
    let export = |format: &str| {
        let by_call = server.get(&format!("/api/v1/export?format={format}&call_id={}", escaped(ANSWERED)));
        let query = format!("call_id = \"{ANSWERED}\" or correlation_id = \"{ANSWERED}\"");
        let by_query = server.get(&format!("/api/v1/export?format={format}&from=-10d&q={}", escaped(&query)));
        for answer in [&by_call, &by_query] {
            assert_eq!(answer.status, 200, "{}", answer.text());
            let counted = answer.header("x-rhapsode-payload-gone").map(str::to_owned);
            assert_eq!(counted, Some(gone.to_string()), "{format}");
        }
        by_call
    };
    let frames = packet::pcap::Reader::new(&export("pcap").body).expect("a capture file").count();
    assert_eq!(frames, all - gone);
    assert_eq!(export("hepjs").text().lines().count(), all - gone);
    assert_eq!(export("text").text().matches("payload has passed its age").count(), gone);
    let json = export("json").json();
    let without = sip_of(&json);
    assert_eq!(without.len(), gone);
    assert!(without.iter().all(|message| message["payload_gone"] == true && message["raw"].is_null()));
    let kept = server.get("/api/v1/export?format=json&from=-10d&q=table%20%3D%20other");
    assert_eq!(kept.header("x-rhapsode-payload-gone"), None);
}

#[test]
fn storage_and_status_tell() {
    let server = server();
    for path in ["/api/v1/storage", "/api/v1/status"] {
        let answer = server.ask(path);
        let tables = if path.ends_with("status") { &answer["store"]["tables"] } else { &answer["tables"] };
        let table = |name: &str| {
            let mut tables = tables.as_array().expect("tables").iter();
            tables.find(|table| table["name"] == name).unwrap_or_else(|| panic!("{answer}"))
        };
        assert_eq!(table("sip")["payload_days"], 1, "{answer}");
        assert_eq!(table("sip")["rows_without_payload"], table("sip")["rows"], "{answer}");
        assert_eq!(table("other")["payload_days"], Value::Null, "{answer}");
        assert_eq!(table("other")["rows_without_payload"], 0, "{answer}");
        if path.ends_with("storage") {
            let opaque = &table("other")["compression"];
            assert_eq!((&opaque["files"], &opaque["rows"]), (&1.into(), &1.into()), "{answer}");
            assert_eq!(opaque["payload_bytes"], traffic::opaque().payload.len(), "{answer}");
            assert_eq!(
                (&opaque["bytes"], &table("sip")["compression"]),
                (&table("other")["bytes"], &Value::Null)
            );
        }
    }
}
