//! The legs of a call, through the door: a B2BUA took the call and went on with it under another Call-ID.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::server::{Server, escaped};
use crate::traffic::Captured;

const CALLER: &str = "192.0.2.1:5060";
const B2BUA: &str = "203.0.113.5:5060";
const CALLEE: &str = "198.51.100.2:5060";

/// An answered call of one leg, with its beginning and what its INVITE says beside.
fn leg(call_id: &str, begins: i64, way: (&str, &str), numbers: (&str, &str), header: &str) -> Vec<Captured> {
    let address = |text: &str| -> SocketAddr { text.parse().expect("an address") };
    let (src, dst) = (address(way.0), address(way.1));
    let mut story = Vec::new();
    let mut add = |at_ms: i64, start: &str, cseq: &str, to_tag: &str| {
        let is_back = start.starts_with("SIP/2.0");
        let header = if start.starts_with("INVITE") { header } else { "" };
        let payload = format!(
            "{start}\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK{call_id}{}\r\nFrom: <sip:{}@x>;tag=a-{call_id}\r\n\
             To: <sip:{}@x>{to_tag}\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\n{header}Content-Length: 0\r\n\r\n",
            way.0,
            cseq.replace(' ', ""),
            numbers.0,
            numbers.1,
        );
        story.push(Captured {
            at_ms: begins + at_ms,
            protocol: "sip",
            ip_protocol: 17,
            src: if is_back { dst } else { src },
            dst: if is_back { src } else { dst },
            node: "edge-1",
            correlation_id: None,
            payload: payload.into_bytes(),
        });
    };
    let uri = format!("sip:{}@x SIP/2.0", numbers.1);
    // What comes back is seen a little later on the leg before.
    let base = begins - begins % 100;
    let late = base - begins + 40 - (begins - base).min(40);
    add(0, &format!("INVITE {uri}"), "1 INVITE", "");
    add(900 + late, "SIP/2.0 180 Ringing", "1 INVITE", ";tag=b");
    add(4_000 + late, "SIP/2.0 200 OK", "1 INVITE", ";tag=b");
    add(4_100 + late, &format!("ACK {uri}"), "1 ACK", ";tag=b");
    add(30_000, &format!("BYE {uri}"), "2 BYE", ";tag=b");
    add(30_040, "SIP/2.0 200 OK", "2 BYE", ";tag=b");
    story
}

fn first() -> Vec<Captured> {
    leg("a-leg", 0, (CALLER, B2BUA), ("+49305000487", "+49891234567"), "")
}

fn second(header: &str) -> Vec<Captured> {
    leg("b-leg", 30, (B2BUA, CALLEE), ("0049305000487", "0891234567"), header)
}

fn legs(call: &Value) -> Vec<(&str, &str)> {
    let legs = call["legs"].as_array().expect("legs");
    let of = |leg: &'_ Value, name: &str| leg[name].as_str().map(str::to_owned).expect("text");
    let all: Vec<(String, String)> =
        legs.iter().map(|leg| (of(leg, "call_id"), of(leg, "standing"))).collect();
    all.into_iter().map(|(id, standing)| (&*id.leak(), &*standing.leak())).collect()
}

fn ids_of(call: &Value, call_id: &str) -> Vec<String> {
    let messages = call["messages"].as_array().expect("messages");
    let own = messages.iter().filter(|message| message["call_id"] == call_id);
    own.map(|message| message["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn a_b2bua_call_is_one_ladder_from_either_leg() {
    let server = Server::with(&[(600, first()), (600, second(""))]);
    for (asked, other) in [("a-leg", "b-leg"), ("b-leg", "a-leg")] {
        let call = server.ask(&format!("/api/v1/call/{asked}"));
        assert_eq!(legs(&call), [(asked, "own"), (other, "certain")]);
        assert_eq!((ids_of(&call, asked).len(), ids_of(&call, other).len()), (6, 6));
        let why = &call["legs"][1]["why"][0];
        assert_eq!(
            (&why["with"], &why["rule"], &why["standing"]),
            (&json!(asked), &json!("numbers"), &json!("certain"))
        );
        assert!(why["score"].as_f64().is_some_and(|score| (0.6..0.9).contains(&score)), "{why}");
        // Proof can be looked at: the messages are in the ladder.
        let shown = [ids_of(&call, asked), ids_of(&call, other)].concat();
        let evidence = why["evidence"].as_array().expect("evidence");
        assert!(evidence.len() > 2, "{why}");
        assert!(evidence.iter().all(|id| shown.iter().any(|shown| id == shown)), "{why}");
        let hosts: Vec<&str> =
            call["hosts"].as_array().expect("hosts").iter().filter_map(|host| host["id"].as_str()).collect();
        assert_eq!(hosts, ["192.0.2.1", "203.0.113.5", "198.51.100.2"]);
        assert_eq!(call["sessions"].as_array().map(Vec::len), Some(2));
        assert_eq!((&call["summary"]["messages"], &call["partial"]), (&json!(6), &Value::Null));
    }
}

#[test]
fn legs_can_be_left_out() {
    let server = Server::with(&[(600, first()), (600, second(""))]);
    let call = server.ask("/api/v1/call/a-leg?legs=off");
    assert_eq!((&call["legs"], ids_of(&call, "b-leg").len()), (&json!([]), 0));
    assert_eq!(server.get("/api/v1/call/a-leg?legs=perhaps").code(), "bad_request");
}

#[test]
fn a_header_names_the_other_leg_whatever_its_numbers() {
    let other = |header| leg("b-leg", 30, (B2BUA, CALLEE), ("100", "200"), header);
    let server = Server::with(&[(600, first()), (600, other("X-CID: a-leg\r\n"))]);
    for (asked, found) in [("a-leg", "b-leg"), ("b-leg", "a-leg")] {
        let call = server.ask(&format!("/api/v1/call/{asked}"));
        assert_eq!(legs(&call), [(asked, "own"), (found, "certain")]);
        let why = &call["legs"][1]["why"][0];
        assert_eq!((&why["rule"], &why["score"]), (&json!("header"), &json!(1.0)));
    }
}

#[test]
fn what_fits_two_calls_alike_is_said_to_be_possible() {
    let twin = |call_id, begins, way, numbers| {
        // Cut before anything tells them apart.
        let mut story = leg(call_id, begins, way, numbers, "");
        story.truncate(1);
        story
    };
    let numbers = ("+49305000487", "+49891234567");
    let stories = vec![
        (600, twin("one", 0, (CALLER, B2BUA), numbers)),
        (600, twin("two", 0, (CALLER, B2BUA), numbers)),
        (600, twin("behind", 30, (B2BUA, CALLEE), numbers)),
    ];
    let server = Server::with(&stories);
    let call = server.ask("/api/v1/call/behind");
    let mut found = legs(&call);
    found.sort_unstable();
    assert_eq!(found, [("behind", "own"), ("one", "possible"), ("two", "possible")]);
    assert_eq!(
        call["messages"].as_array().map(Vec::len),
        Some(1),
        "what is possible is not shown as if it were so"
    );
}

#[test]
fn a_chain_of_b2buas_is_followed_and_strangers_are_not() {
    let next = "198.51.100.2:5060";
    let phone = "198.51.100.77:5060";
    let mut stories = vec![
        (600, first()),
        (600, second("")),
        (600, leg("c-leg", 60, (next, phone), ("0049305000487", "567"), "")),
    ];
    for number in 0..20 {
        let name = format!("stranger-{number}");
        let (from, to) = (format!("+4940700{number:04}"), format!("+4922155{number:04}"));
        stories.push((600, leg(&name, 1_000 + number * 7, (CALLER, B2BUA), (&from, &to), "")));
    }
    let server = Server::with(&stories);
    let call = server.ask(&format!("/api/v1/call/{}", escaped("a-leg")));
    let found = legs(&call);
    assert_eq!(
        found[..3],
        [("a-leg", "own"), ("b-leg", "certain"), ("c-leg", "certain")],
        "{:#}",
        call["legs"]
    );
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn what_is_no_call_has_no_legs() {
    let server = Server::start();
    let call = server.ask(&format!("/api/v1/call/{}", escaped(crate::server::REGISTERED)));
    assert_eq!(call["legs"], json!([]));
}
