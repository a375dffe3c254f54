//! Lists of calls, and one call.

use serde_json::{Value, json};

use crate::server::{ANSWERED, BUSY, REGISTERED, Server, escaped};
use crate::traffic;

fn call_ids(list: &Value) -> Vec<String> {
    let calls = list["calls"].as_array().expect("calls");
    calls.iter().map(|call| call["call_id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn a_list_tells_what_became_of_each() {
    let server = Server::start();
    let list = server.ask("/api/v1/calls");
    assert_eq!(call_ids(&list), [REGISTERED, BUSY, ANSWERED]);
    assert_eq!((&list["partial"], &list["next"]), (&Value::Null, &Value::Null));

    let answered = json!({
        "call_id": ANSWERED, "first": server.time(600, 0), "last": server.time(600, 32_050), "duration_ms": 32_050,
        "method": "INVITE", "from_user": "+4930123", "to_user": "bob", "src": traffic::PHONE, "dst": traffic::PROXY,
        "status": 200, "state": "ended", "setup_ms": 2_000, "talk_ms": 30_000, "messages": 11, "witnesses": 0,
        "tables": {"sip": 9, "rtcp": 1, "log": 1}, "pdd_ms": null, "findings": [], "severity": null, "is_open": null,
        "src_alias": null, "dst_alias": null,
    });
    assert_eq!(list["calls"][2], answered);
    let state =
        |place: usize| (list["calls"][place]["state"].clone(), list["calls"][place]["status"].clone());
    assert_eq!(state(1), (json!("failed"), json!(486)));
    assert_eq!(state(0), (json!("done"), json!(200)));
    assert_eq!(list["calls"][0]["src"], "[2001:db8::10]:5062");
}

#[test]
fn a_call_is_found_by_any_of_its_messages_and_told_whole() {
    let server = Server::start();
    for query in ["method = BYE", "log.text = \"*media timeout*\"", "rtcp.packets = 150", "status = 180"] {
        let list = server.ask(&format!("/api/v1/calls?q={}", escaped(query)));
        assert_eq!(call_ids(&list), [ANSWERED], "{query}");
        assert_eq!(list["calls"][0]["messages"], 11, "{query}");
    }
    // The window holds its last messages only.
    let list = server.ask("/api/v1/calls?from=-570s&to=-560s");
    assert_eq!((call_ids(&list), &list["calls"][0]["messages"]), (vec![ANSWERED.to_owned()], &json!(11)));
}

#[test]
fn pages_show_every_call_once() {
    let names: Vec<String> = (0..7).map(|number| format!("call-{number}")).collect();
    // Begun a second apart, so that their messages interleave; the last two at once.
    let stories: Vec<_> = names
        .iter()
        .zip([60, 59, 58, 57, 56, 55, 55])
        .map(|(name, ago)| (ago, traffic::answered_call(name)))
        .collect();
    let server = Server::with(&stories);
    let whole = call_ids(&server.ask("/api/v1/calls"));
    assert_eq!(whole.len(), names.len());
    for limit in 1..=8 {
        let mut paged = Vec::new();
        let mut before = String::new();
        loop {
            let page = server.ask(&format!("/api/v1/calls?limit={limit}{before}"));
            paged.extend(call_ids(&page));
            match page["next"].as_str() {
                Some(next) => before = format!("&before={}", escaped(next)),
                None => break,
            }
            assert!(paged.len() <= whole.len(), "limit {limit}: {paged:?}");
        }
        assert_eq!(paged, whole, "limit {limit}");
    }
}

#[test]
fn a_call_behind_many_messages_of_another_is_found() {
    // More than one step of reading; the chatty call has all the newer messages.
    let chatty = std::iter::repeat_with(|| traffic::busy_call("chatty")).take(4_200).flatten().collect();
    let server = Server::with(&[(60, traffic::busy_call("quiet")), (50, chatty)]);
    let list = server.ask("/api/v1/calls");
    assert_eq!(call_ids(&list), ["chatty", "quiet"]);
    let counts = |place: usize| (&list["calls"][place]["messages"], &list["calls"][place]["witnesses"]);
    assert_eq!(counts(0), (&json!(3), &json!(12_597)), "three messages, written down over and over");
    assert_eq!(counts(1), (&json!(3), &json!(0)));
    let page = server.ask("/api/v1/calls?limit=1");
    assert_eq!(call_ids(&page), ["chatty"]);
    let next = escaped(page["next"].as_str().expect("there is more"));
    assert_eq!(call_ids(&server.ask(&format!("/api/v1/calls?limit=1&before={next}"))), ["quiet"]);

    let call = server.ask("/api/v1/call/chatty");
    assert_eq!(call["messages"].as_array().map(Vec::len), Some(5_000));
    assert!(
        call["partial"]["reason"].as_str().is_some_and(|reason| reason.contains("first 5000")),
        "{}",
        call["partial"]
    );
}

#[test]
fn a_call_page_has_everything_in_order() {
    let server = Server::start();
    let call = server.ask(&format!("/api/v1/call/{}", escaped(ANSWERED)));
    assert_eq!(call["call_id"], ANSWERED);
    assert_eq!(call["partial"], Value::Null);
    let hosts = json!(["192.0.2.10", "192.0.2.20"].map(|ip| json!({"id": ip, "label": ip, "alias": null})));
    assert_eq!(call["hosts"], hosts);
    assert_eq!(call["summary"]["state"], "ended");
    assert_eq!(call["summary"]["talk_ms"], 30_000);

    let session = &call["sessions"][0];
    assert_eq!((&session["call_id"], &session["state"]), (&json!(ANSWERED), &json!("ended")));
    assert_eq!((&session["trying_ms"], &session["request_delay_ms"]), (&json!(510), &json!(700)));
    assert_eq!((&session["duration_ms"], &session["disconnect_delay_ms"]), (&json!(30_000), &json!(50)));
    assert_eq!((&session["retransmissions"], &session["ended_by"]["method"]), (&json!(2), &json!("BYE")));
    let found: Vec<&Value> = call["findings"].as_array().expect("findings").iter().collect();
    assert_eq!(found.iter().map(|finding| &finding["id"]).collect::<Vec<_>>(), ["WHO_HUNG_UP"]);
    assert_eq!((&found[0]["severity"], &found[0]["call_id"]), (&json!("info"), &json!(ANSWERED)));
    assert_eq!(found[0]["proof"], json!([call["messages"][9]["id"]]));

    let messages = call["messages"].as_array().expect("messages");
    let labels: Vec<&str> =
        messages.iter().map(|message| message["label"].as_str().expect("a label")).collect();
    let expected = [
        "INVITE",
        "INVITE",
        "100 Trying",
        "180 Ringing",
        "200 OK",
        "200 OK",
        "ACK",
        "RTCP SR",
        "media timeout is near",
        "BYE",
        "200 OK",
    ];
    assert_eq!(labels, expected);
    let deltas: Vec<f64> =
        messages.iter().map(|message| message["delta_ms"].as_f64().expect("a number")).collect();
    assert_eq!(deltas[..4], [0.0, 500.0, 10.0, 190.0]);

    let repeats: Vec<Option<usize>> = messages
        .iter()
        .map(|message| {
            let first = message["retransmission_of"].as_str()?;
            messages.iter().position(|message| message["id"] == first)
        })
        .collect();
    let mut expected = [None; 11];
    expected[1] = Some(0);
    expected[5] = Some(4);
    assert_eq!(repeats, expected);
    assert!(messages[0]["text"].as_str().is_some_and(|text| text.starts_with("INVITE sip:bob")));
}

/// Two capture points see each message: all is there, each row that shows a message again says which, and what is
/// counted are messages.
#[test]
fn a_message_two_capture_points_saw_is_one_message() {
    let story = || traffic::answered_call(ANSWERED);
    let server = Server::with(&[(60, story()), (60, traffic::seen_by("edge-2", story()))]);
    let list = server.ask("/api/v1/calls");
    assert_eq!((&list["calls"][0]["messages"], &list["calls"][0]["witnesses"]), (&json!(11), &json!(9)));
    assert_eq!(list["calls"][0]["tables"], json!({"sip": 9, "rtcp": 1, "log": 1}));

    let call = server.ask(&format!("/api/v1/call/{}", escaped(ANSWERED)));
    assert_eq!((&call["summary"]["messages"], &call["summary"]["witnesses"]), (&json!(11), &json!(9)));
    let messages = call["messages"].as_array().expect("messages");
    assert_eq!(messages.len(), 20, "nothing is left out");
    for message in messages {
        let is_further = message["node"] == "edge-2";
        assert_eq!(message["witness_of"].is_string(), is_further, "{message}");
        if let Some(first) = message["witness_of"].as_str() {
            let first =
                messages.iter().find(|message| message["id"] == first).expect("a message of the call");
            assert_eq!((&first["node"], &first["label"]), (&json!("edge-1"), &message["label"]));
            assert_eq!(message["retransmission_of"], Value::Null);
        }
    }
    let again = messages.iter().filter(|message| message["retransmission_of"].is_string());
    assert_eq!(again.map(|message| &message["node"]).collect::<Vec<_>>(), [&json!("edge-1"); 2]);

    let listed = server.ask("/api/v1/messages?q=method%20%3D%20BYE");
    let witnesses: Vec<bool> = listed["messages"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| row["witness_of"].is_string())
        .collect();
    assert_eq!(witnesses, [true, false, true, false], "of the BYE and of its reply");
}

#[test]
fn sip_inside_json_is_shown_as_sip() {
    let mut story = traffic::busy_call(BUSY);
    for captured in &mut story {
        let wrapped = json!({ "payload": String::from_utf8_lossy(&captured.payload) });
        captured.payload = wrapped.to_string().into_bytes();
    }
    let server = Server::with(&[(60, story)]);
    let call = server.ask(&format!("/api/v1/call/{}", escaped(BUSY)));
    assert_eq!(call["summary"]["state"], "failed");
    let first = &call["messages"][0];
    assert_eq!((&first["label"], &first["flags"]), (&json!("INVITE"), &json!(["json_wrapped_sip"])));
    assert!(first["text"].as_str().is_some_and(|text| text.starts_with("INVITE sip:bob")));
    let message = server.ask(&format!("/api/v1/messages/{}", first["id"].as_str().expect("an id")));
    let shown = message["shown"].as_str().expect("the message itself");
    assert!(
        shown.starts_with("INVITE sip:bob")
            && message["text"].as_str().is_some_and(|text| text.starts_with('{'))
    );
    let place = |index: usize| message["headers"][0]["name"][index].as_u64().expect("a place") as usize;
    assert_eq!(&shown[place(0)..place(1)], "Via");
}

#[test]
fn a_call_id_may_hold_any_sign() {
    let server = Server::start();
    let call = server.ask(&format!("/api/v1/call/{}", escaped(BUSY)));
    assert_eq!((&call["call_id"], &call["summary"]["state"]), (&json!(BUSY), &json!("failed")));
}

#[test]
fn legs_that_share_a_correlation_id_are_one_page() {
    let leg = |call_id: &str| {
        let mut story = traffic::busy_call(call_id);
        for captured in &mut story {
            captured.correlation_id = Some("joins-both-legs".to_owned());
        }
        story
    };
    let server =
        Server::with(&[(60, leg("leg-a")), (59, leg("leg-b")), (58, traffic::busy_call("stranger"))]);
    for call_id in ["leg-a", "leg-b", "joins-both-legs"] {
        let call = server.ask(&format!("/api/v1/call/{call_id}"));
        assert_eq!(call["messages"].as_array().map(Vec::len), Some(6), "{call_id}");
        assert_eq!(call["summary"]["state"], "failed", "{call_id}");
    }
    assert_eq!(
        server.ask("/api/v1/call/leg-a")["summary"]["messages"],
        3,
        "the summary is of the call itself"
    );
}

#[test]
fn a_call_that_is_not_there_is_not_found() {
    let server = Server::start();
    let refused = server.get("/api/v1/call/nobody%40nowhere");
    assert_eq!((refused.status, refused.code().as_str()), (404, "not_found"));
}
