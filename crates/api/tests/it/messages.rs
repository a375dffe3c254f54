//! Lists of messages, and one message.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::server::{ANSWERED, BUSY, MESSAGES, Server, escaped};
use crate::traffic;

fn labels(list: &Value) -> Vec<String> {
    let messages = list["messages"].as_array().expect("messages");
    messages.iter().map(|message| message["label"].as_str().expect("a label").to_owned()).collect()
}

fn find(server: &Server, query: &str) -> Value {
    server.ask(&format!("/api/v1/messages?q={}", escaped(query)))
}

#[test]
fn a_list_has_the_newest_first_and_says_what_each_is() {
    let server = Server::start();
    let list = server.ask("/api/v1/messages");
    assert_eq!(list["partial"], Value::Null);
    assert_eq!(list["next"], Value::Null);
    assert!(list["elapsed_ms"].is_u64());
    let all = labels(&list);
    assert_eq!(all.len(), MESSAGES);
    assert!(all[0].starts_with("other"), "{}", all[0]);
    assert_eq!(all[1..6], ["200 OK", "REGISTER", "ACK", "486 Busy Here", "INVITE"]);
    assert_eq!(all[6..10], ["200 OK", "BYE", "media timeout is near", "RTCP SR"]);

    let invite = &list["messages"][5];
    let expected = json!({
        "table": "sip", "ts": server.time(300, 0), "sender": "198.51.100.7", "node": "edge-1",
        "capture_id": 2001, "transport": "udp", "src_ip": "192.0.2.10", "src_port": 5062, "dst_ip": "192.0.2.20",
        "dst_port": 5060, "call_id": BUSY, "correlation_id": null, "flags": [], "label": "INVITE",
        "method": "INVITE", "status": null, "cseq": 1, "cseq_method": "INVITE", "from_user": "+4930123",
        "to_user": "bob", "listener": "udp", "hep_version": 3,
    });
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&invite[name], value, "{name}");
    }
    assert!(invite["id"].is_string(), "a text: browsers round large numbers");
    assert_eq!(invite["detail"]["via_branch"], "z9hG4bK1INVITE");
    assert_eq!(invite["detail"].get("raw"), None, "lists come without payload");
    assert!(invite["size"].as_u64().is_some_and(|size| size > 300));
}

#[test]
fn a_query_a_table_and_a_time_narrow_the_list() {
    let server = Server::start();
    assert_eq!(labels(&find(&server, "sip.status in 400..499")), ["486 Busy Here"]);
    assert_eq!(labels(&find(&server, &format!("call_id = \"{BUSY}\" and method = ACK"))), ["ACK"]);
    assert_eq!(find(&server, "from_user = \"nobody\"")["messages"], json!([]));

    let logs = server.ask("/api/v1/messages?table=log");
    assert_eq!(labels(&logs), ["media timeout is near"]);
    let window = server.ask("/api/v1/messages?from=-250s&to=-150s");
    assert_eq!(labels(&window), ["200 OK", "REGISTER"]);
    let absolute = format!("from={}&to={}", escaped(&server.time(300, 80)), escaped(&server.time(300, 80)));
    assert_eq!(
        labels(&server.ask(&format!("/api/v1/messages?{absolute}"))),
        ["486 Busy Here"],
        "both ends count"
    );
}

#[test]
fn pages_show_every_message_once_even_at_one_time() {
    // Three calls begun in the same second: many messages share their time.
    let stories: Vec<_> =
        ["a", "b", "c"].map(|call_id| (60, traffic::busy_call(call_id))).into_iter().collect();
    let server = Server::with(&stories);
    let whole: Vec<Value> = server.ask("/api/v1/messages")["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .map(|m| m["id"].clone())
        .collect();
    assert_eq!(whole.len(), 9);
    for limit in 1..=10 {
        let mut paged = Vec::new();
        let mut before = String::new();
        loop {
            let page = server.ask(&format!("/api/v1/messages?limit={limit}{before}"));
            let messages = page["messages"].as_array().expect("messages");
            assert!(messages.len() <= limit);
            paged.extend(messages.iter().map(|message| message["id"].clone()));
            match page["next"].as_str() {
                Some(next) => before = format!("&before={}", escaped(next)),
                None => break,
            }
            assert!(paged.len() <= whole.len(), "pages without end");
        }
        assert_eq!(paged, whole, "limit {limit}");
    }
    let unique: HashSet<String> = whole.iter().map(ToString::to_string).collect();
    assert_eq!(unique.len(), whole.len());
}

#[test]
fn wrong_questions_are_explained() {
    let server = Server::start();
    let refused = server.get(&format!("/api/v1/messages?q={}", escaped("sip.metod = INVITE")));
    assert_eq!((refused.status, refused.code().as_str()), (400, "bad_query"));
    let error = &refused.json()["error"];
    assert_eq!((&error["column"], &error["suggestion"]), (&json!(1), &json!("sip.method")), "{error}");

    for path in [
        "/api/v1/messages?limit=0",
        "/api/v1/messages?limit=10001",
        "/api/v1/messages?from=yesterday",
        "/api/v1/messages?from=-1h&to=-2h",
        "/api/v1/messages?before=x",
        "/api/v1/messages?table=nonsense",
    ] {
        let refused = server.get(path);
        assert_eq!((refused.status, refused.code().as_str()), (400, "bad_request"), "{path}");
    }
    let long = server.get(&format!("/api/v1/messages?q={}", "x".repeat(20_000)));
    assert_eq!((long.status, long.code().as_str()), (400, "bad_request"));
}

#[test]
fn a_message_is_shown_whole() {
    let server = Server::start();
    let list = find(&server, &format!("call_id = \"{ANSWERED}\" and method = INVITE"));
    let first = list["messages"].as_array().and_then(|all| all.last()).expect("the INVITE").clone();
    let message = server.ask(&format!("/api/v1/messages/{}", first["id"].as_str().expect("an id")));
    for (name, value) in first.as_object().expect("an object") {
        assert_eq!(&message[name], value, "as in the list: {name}");
    }
    let raw = STANDARD.decode(message["raw"].as_str().expect("base64")).expect("base64");
    assert_eq!(raw, traffic::answered_call(ANSWERED)[0].payload);
    assert_eq!(message["text"].as_str().map(str::as_bytes), Some(&raw[..]));

    let cut = |at: &Value| {
        let end = |place: usize| at[place].as_u64().expect("a place") as usize;
        String::from_utf8(raw[end(0)..end(1)].to_vec()).expect("UTF-8")
    };
    let headers: Vec<(String, String)> = message["headers"]
        .as_array()
        .expect("headers")
        .iter()
        .map(|header| (cut(&header["name"]), cut(&header["value"])))
        .collect();
    assert!(headers.contains(&("Call-ID".to_owned(), ANSWERED.to_owned())), "{headers:?}");
    assert!(headers.contains(&("CSeq".to_owned(), "1 INVITE".to_owned())), "{headers:?}");

    assert_eq!(cut(&message["sdp"]["at"]), traffic::SDP);
    let audio = &message["sdp"]["media"][0];
    let expected = json!({"kind": "audio", "address": "192.0.2.10", "port": 40000, "transport": "RTP/AVP",
        "codecs": ["PCMA", "telephone-event"], "direction": "sendonly"});
    assert_eq!(audio, &expected);
}

#[test]
fn bytes_that_are_no_text_come_back_exactly() {
    let server = Server::start();
    let list = server.ask("/api/v1/messages?table=other");
    let id = list["messages"][0]["id"].as_str().expect("an id");
    let message = server.ask(&format!("/api/v1/messages/{id}"));
    let raw = STANDARD.decode(message["raw"].as_str().expect("base64")).expect("base64");
    assert_eq!(raw, traffic::opaque().payload, "zero bytes at the end as well");
    assert_eq!((&message["text"], &message["sdp"]), (&Value::Null, &Value::Null));
    assert_eq!(message["headers"], json!([]));
    assert!(message["extra"].is_object());
}

#[test]
fn a_message_that_is_not_there_is_not_found() {
    let server = Server::start();
    for id in ["1", "-5", "x", "99999999999999999999"] {
        let refused = server.get(&format!("/api/v1/messages/{id}"));
        assert_eq!((refused.status, refused.code().as_str()), (404, "not_found"), "{id}");
    }
}

#[test]
fn messages_come_as_lines_and_the_last_says_what_a_list_says() {
    let story = || traffic::answered_call(ANSWERED);
    let server = Server::with(&[(60, story()), (60, traffic::seen_by("edge-2", story()))]);
    let lines = |path: &str| -> (Vec<Value>, Value) {
        let answer = server.send("GET", path, &[("accept", "application/x-ndjson")], None);
        assert_eq!(answer.header("content-type"), Some("application/x-ndjson"), "{}", answer.text());
        assert_eq!(answer.header("content-encoding"), None, "a compressor would keep lines back");
        let text = answer.text();
        let mut lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let end = lines.pop().expect("a last line");
        (lines, end)
    };
    // The same rows as in a list, page by page.
    for limit in [3, 1_000] {
        let mut before = String::new();
        loop {
            let path = format!("/api/v1/messages?limit={limit}{before}");
            let list = server.ask(&path);
            let (rows, end) = lines(&path);
            let mut expected = list["messages"].as_array().expect("messages").clone();
            for row in &mut expected {
                let witness_of = row.as_object_mut().and_then(|row| row.remove("witness_of"));
                let told = end["witnesses"].get(row["id"].as_str().expect("an id"));
                assert_eq!(witness_of.as_ref(), Some(told.unwrap_or(&Value::Null)));
            }
            assert_eq!(rows, expected);
            assert_eq!((&end["partial"], &end["next"]), (&list["partial"], &list["next"]));
            assert!(end["elapsed_ms"].is_u64());
            let Some(next) = end["next"].as_str() else { break };
            before = format!("&before={next}");
        }
        let (_, end) = lines(&format!("/api/v1/messages?limit={limit}"));
        assert!(limit == 3 || !end["witnesses"].as_object().expect("an object").is_empty());
    }
    let (rows, end) = lines("/api/v1/messages?q=from_user%3Dnobody");
    assert_eq!((rows.len(), &end["next"]), (0, &Value::Null));
    let refused = server.send("GET", "/api/v1/messages?q=(", &[("accept", "application/x-ndjson")], None);
    assert_eq!((refused.status, refused.code().as_str()), (400, "bad_query"));
}
