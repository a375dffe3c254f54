//! Names for addresses: kept, found again wherever addresses are shown, and refused where they name nothing.

use serde_json::{Value, json};

use crate::server::{ANSWERED, BUSY, Server, escaped};
use crate::traffic;

fn named(server: &Server, name: &str, addresses: &str) -> i64 {
    let answer = server.post("/api/v1/aliases", &json!({"name": name, "match": addresses}));
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.json()["match"], addresses);
    answer.json()["id"].as_i64().expect("a number")
}

/// Name and what has it, of all.
fn listed(server: &Server) -> Vec<Value> {
    let list = server.ask("/api/v1/aliases");
    let aliases = list["aliases"].as_array().expect("aliases");
    aliases.iter().map(|alias| json!([alias["name"], alias["match"], alias["capture_id"]])).collect()
}

#[test]
fn names_stand_beside_addresses() {
    let server =
        Server::with_calls(&[(600, traffic::answered_call(ANSWERED)), (300, traffic::busy_call(BUSY))]);
    named(&server, "phones", "192.0.2.0/24");
    named(&server, "the proxy", "192.0.2.20");
    named(&server, "the proxy's other port", "192.0.2.20:5070");

    for path in ["/api/v1/calls".to_owned(), format!("/api/v1/calls?q={}", escaped("sip.method = INVITE"))] {
        let list = server.ask(&path);
        for call in list["calls"].as_array().expect("calls") {
            let names = (&call["src_alias"], &call["dst_alias"]);
            assert_eq!(names, (&json!("phones"), &json!("the proxy")), "{path}");
            assert_eq!(call["src"], traffic::PHONE, "the address stays");
        }
    }
    let call = server.ask(&format!("/api/v1/call/{}", escaped(ANSWERED)));
    let hosts: Vec<Value> = call["hosts"]
        .as_array()
        .expect("hosts")
        .iter()
        .map(|host| json!([host["id"], host["label"], host["alias"]]))
        .collect();
    assert_eq!(
        hosts,
        [json!(["192.0.2.10", "192.0.2.10", "phones"]), json!(["192.0.2.20", "192.0.2.20", "the proxy"])]
    );
    assert_eq!(
        (&call["messages"][0]["src_alias"], &call["messages"][0]["dst_alias"]),
        (&json!("phones"), &json!("the proxy"))
    );

    let groups = |by: &str| {
        let kpi = server.ask(&format!("/api/v1/kpi?from=-900s&every=1h&by={by}"));
        let groups = kpi["groups"].as_array().expect("groups").clone();
        groups.iter().map(|group| json!([group["key"], group["total"]["attempts"]])).collect::<Vec<_>>()
    };
    assert_eq!(groups("trunk"), [json!(["phones > the proxy", 2])]);
    assert_eq!(groups("src"), [json!(["phones", 2])]);
    // Both are of one party now: so is their traffic.
    named(&server, "everything", "192.0.2.10");
    named(&server, "everything", "192.0.2.20");
    assert_eq!(groups("trunk"), [json!(["everything > everything", 2])]);
}

#[test]
fn names_are_kept_changed_and_taken_away() {
    let server = Server::with(&[]);
    assert_eq!(listed(&server), Vec::<Value>::new());
    let id = named(&server, "Carrier A", "192.0.2.0/24");
    assert_eq!(named(&server, "Carrier B", "192.0.2.0/24"), id, "it is called otherwise now");
    // Written as it is kept, whatever way it came.
    let answer = server.post("/api/v1/aliases", &json!({"name": "Carrier C", "match": " 192.0.2.77/24"}));
    assert_eq!((&answer.json()["id"], &answer.json()["match"]), (&json!(id), &json!("192.0.2.0/24")));
    let site =
        server.post("/api/v1/aliases", &json!({"name": "lab", "match": "192.0.2.0/24", "capture_id": 7}));
    assert_ne!(site.json()["id"], id, "the same addresses at another place");
    let point = server.post("/api/v1/aliases", &json!({"name": "sbc-fra", "capture_id": 2001}));
    assert_eq!((point.status, &point.json()["match"]), (201, &Value::Null));
    let all = [
        json!(["Carrier C", "192.0.2.0/24", null]),
        json!(["lab", "192.0.2.0/24", 7]),
        json!(["sbc-fra", null, 2001]),
    ];
    assert_eq!(listed(&server), all);

    let dir = server.stop();
    let server = Server::open(dir, &[], None).logged_in();
    assert_eq!(listed(&server), all, "over a restart");
    let gone = server.send("DELETE", &format!("/api/v1/aliases/{id}"), &[], None);
    assert_eq!((gone.status, listed(&server).len()), (204, 2));
    let gone = server.send("DELETE", &format!("/api/v1/aliases/{id}"), &[], None);
    assert_eq!((gone.status, gone.code().as_str()), (404, "not_found"));
}

#[test]
fn what_names_nothing_is_refused_in_words() {
    let server = Server::with(&[]);
    for (body, why) in [
        (json!({"name": "x", "match": "carrier.example.com"}), "\"carrier.example.com\" names no addresses"),
        (json!({"name": "x", "match": "192.0.2.0/33"}), "\"192.0.2.0/33\" names no addresses"),
        (json!({"name": "x"}), "`match` says what has the name"),
        (json!({"name": "", "match": "192.0.2.1"}), "`name` must have 1 to 64 bytes"),
        (json!({"name": "x".repeat(65), "match": "192.0.2.1"}), "`name` must have 1 to 64 bytes"),
        (json!({"name": "two\nlines", "match": "192.0.2.1"}), "`name` must have 1 to 64 bytes"),
        (json!({"name": "x", "match": "192.0.2.1", "capture_id": -1}), "expected u32"),
        (json!({"name": "x", "address": "192.0.2.1"}), "unknown field `address`"),
    ] {
        let answer = server.post("/api/v1/aliases", &body);
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad_request"), "{body}");
        assert!(answer.text().contains(&why.replace('"', "\\\"")), "{body}: {}", answer.text());
    }
    assert_eq!(listed(&server), Vec::<Value>::new());
}
