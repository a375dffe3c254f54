//! Who has done what.

use serde_json::{Value, json};

use crate::server::{ANSWERED, PASSWORD, Server, escaped};

/// The newest entry of an action.
fn newest(server: &Server, action: &str) -> Value {
    let log = server.ask(&format!("/api/v1/audit?action={action}&limit=1"));
    log["entries"][0].clone()
}

/// As [`newest`], once it says how many rows there were: an answer in pieces is written down after its last one.
fn newest_with_rows(server: &Server, action: &str) -> Value {
    loop {
        let entry = newest(server, action);
        if !entry["rows"].is_null() {
            return entry;
        }
        std::thread::yield_now();
    }
}

#[test]
fn what_is_searched_seen_and_taken_along_is_written_down() {
    let server = Server::start();
    server.ask(&format!("/api/v1/messages?q={}&from=-1h", escaped("from = \"+4930*\"")));
    let entry = newest(&server, "messages");
    assert_eq!(entry["what"], "messages?q=from = \"+4930*\"&from=-1h");
    assert_eq!(
        (&entry["user"], &entry["kind"], &entry["status"]),
        (&json!("admin"), &json!("session"), &json!(200))
    );
    assert_eq!(entry["address"], "127.0.0.1");
    assert!(entry["rows"].as_u64().is_some_and(|rows| rows > 5), "{entry}");

    server.ask(&format!("/api/v1/call/{}", escaped(ANSWERED)));
    let entry = newest(&server, "call");
    assert_eq!((&entry["what"], &entry["rows"]), (&json!(format!("call/{ANSWERED}")), &json!(11)));

    server.ask("/api/v1/export?format=json");
    let entry = newest_with_rows(&server, "export");
    assert_eq!((&entry["what"], &entry["rows"]), (&json!("export?format=json"), &json!(17)));

    let sql = "SELECT call_id FROM sip LIMIT 3";
    assert_eq!(server.post("/api/v1/sql", &json!({"sql": sql})).status, 200);
    let entry = newest_with_rows(&server, "sql");
    assert_eq!((&entry["what"], &entry["rows"]), (&json!(sql), &json!(3)));

    assert_eq!(server.get("/api/v1/messages?q=nonsense%3D").status, 400);
    assert_eq!(newest(&server, "messages")["status"], 400);
    // Reading the log is in the log.
    assert_eq!(newest(&server, "audit")["user"], "admin");
}

#[test]
fn logins_changes_and_refusals_are_written_down_and_no_secret_is() {
    let server = Server::with(&[]);
    for (user, password) in [("admin", "a wrong password"), ("my secret password", "x")] {
        assert_eq!(server.post("/api/v1/login", &json!({"user": user, "password": password})).status, 401);
    }
    let body =
        json!({"name": "vera", "role": "viewer", "scope": "node = a", "password": "very secret indeed"});
    assert_eq!(server.post("/api/v1/users", &body).status, 201);
    assert_eq!(newest(&server, "users")["what"], "users: vera, role viewer, scope node = a");
    let login = server.post("/api/v1/login", &json!({"user": "vera", "password": "very secret indeed"}));
    let vera = login.json()["token"].as_str().expect("a token").to_owned();
    let bearer = format!("Bearer {vera}");
    let refused = server.stranger("GET", "/api/v1/export?format=pcap", &[("authorization", &bearer)], None);
    assert_eq!(refused.status, 403);
    let entry = newest(&server, "export");
    assert_eq!((&entry["user"], &entry["status"]), (&json!("vera"), &json!(403)));
    let refused = server.stranger("GET", "/api/v1/status", &[("authorization", &bearer)], None);
    assert_eq!(refused.status, 403);
    assert_eq!(newest(&server, "server")["status"], 403, "also of what is not written down else");

    let made = server
        .post("/api/v1/tokens", &json!({"name": "ci", "role": "viewer", "addresses": ["192.0.2.0/24"]}));
    let token = made.json()["token"].as_str().expect("a token").to_owned();
    let what = newest(&server, "tokens")["what"].as_str().expect("a text").to_owned();
    assert!(
        what.starts_with("tokens: `ci` until ") && what.ends_with("role viewer, from 192.0.2.0/24"),
        "{what}"
    );
    let bearer = format!("Bearer {token}");
    assert_eq!(server.stranger("GET", "/api/v1/me", &[("authorization", &bearer)], None).status, 403);
    let change = json!({"role": "engineer", "scope": null, "password": "another secret one"});
    assert_eq!(server.send("PATCH", "/api/v1/users/vera", &[], Some(&change)).status, 204);
    assert_eq!(newest(&server, "users")["what"], "users/vera: role engineer no scope password");

    let logins = server.ask("/api/v1/audit?action=login");
    let seen: Vec<(&Value, &Value, &Value)> = logins["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| (&entry["user"], &entry["token"], &entry["status"]))
        .collect();
    let (admin, vera, ci) = (&json!("admin"), &json!("vera"), &json!("ci"));
    let none = &Value::Null;
    let expected = [
        (admin, ci, &json!(403)),
        (vera, none, &json!(200)),
        (none, none, &json!(401)),
        (admin, none, &json!(401)),
        (admin, none, &json!(200)),
    ];
    assert_eq!(seen, expected, "the latest first");
    let all = server.ask("/api/v1/audit?limit=10000").to_string();
    for secret in ["secret", &token, PASSWORD] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[test]
fn the_log_is_turned_page_by_page_and_outlives_the_server() {
    let server = Server::with(&[]);
    for number in 0..5 {
        server.ask(&format!("/api/v1/messages?q={}", escaped(&format!("call_id = c{number}"))));
    }
    let server = Server::open(server.stop(), &[], Some(PASSWORD)).logged_in();
    let mut found = Vec::new();
    let mut before = String::new();
    loop {
        let page = server.ask(&format!("/api/v1/audit?action=messages&user=admin&limit=2{before}"));
        for entry in page["entries"].as_array().expect("entries") {
            found.push(entry["what"].as_str().expect("a text").to_owned());
        }
        let Some(next) = page["next"].as_i64() else { break };
        before = format!("&before={next}");
    }
    let expected: Vec<String> =
        (0..5).rev().map(|number| format!("messages?q=call_id = c{number}")).collect();
    assert_eq!(found, expected);
    assert_eq!(server.ask("/api/v1/audit?to=-1h")["entries"], json!([]));
    for wrong in ["from=x", "limit=0", "nobody=x"] {
        assert_eq!(server.get(&format!("/api/v1/audit?{wrong}")).status, 400, "{wrong}");
    }
}
