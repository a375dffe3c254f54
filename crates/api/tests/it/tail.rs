//! Watching over a WebSocket: a client of its own, so that handshakes may be wrong on purpose.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Message, WebSocket};

use crate::server::{PASSWORD, Server, escaped};
use crate::traffic;

/// A handshake as section 1.3 of RFC 6455 shows it, then these headers.
fn shake(server: &Server, query: &str, headers: &[(&str, &str)]) -> (u16, String, TcpStream) {
    let host = server.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    let mut request = format!("GET /api/v1/tail?q={} HTTP/1.1\r\nHost: {host}\r\n", escaped(query));
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).expect("an answer") == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("text");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, head, stream)
}

const HANDSHAKE: [(&str, &str); 4] = [
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

fn watch(server: &Server, query: &str) -> WebSocket<TcpStream> {
    let bearer = format!("Bearer {}", server.token().expect("logged in"));
    let mut headers = HANDSHAKE.to_vec();
    headers.push(("Authorization", &bearer));
    let (status, head, stream) = shake(server, query, &headers);
    assert_eq!(status, 101, "{head}");
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    WebSocket::from_raw_socket(stream, Role::Client, None)
}

/// The next text that is no heartbeat.
fn next(socket: &mut WebSocket<TcpStream>) -> Value {
    loop {
        let Message::Text(text) = socket.read().expect("a message") else { continue };
        let value: Value = serde_json::from_str(&text).expect("JSON");
        if value["heartbeat"].is_null() {
            return value;
        }
    }
}

#[test]
fn a_viewer_sees_what_comes_in_as_the_lists_show_it() {
    let server = Server::start();
    let mut socket = watch(&server, "call_id = \"live*\"");
    server.publish(2, traffic::answered_call("live-1@example.org"));
    server.publish(3, traffic::busy_call("another@example.org"));
    server.publish(4, traffic::registration("live-2@example.org"));

    let mut seen: Vec<Value> = Vec::new();
    while !seen.iter().any(|message| message["call_id"] == "live-2@example.org") {
        seen.extend(next(&mut socket)["messages"].as_array().expect("messages").clone());
    }
    assert!(seen.iter().all(|message| message["call_id"] != "another@example.org"));
    // As a search shows them, to the last field; which copies belong together is seen only among many.
    for message in &seen {
        let id = message["id"].as_str().expect("an id");
        let mut found =
            server.ask(&format!("/api/v1/messages?from=-1d&q={}", escaped(&format!("id = {id}"))));
        found["messages"][0].as_object_mut().expect("the message").remove("witness_of");
        assert_eq!(&found["messages"][0], message);
    }
    socket.close(None).expect("closed");
    while socket.read().is_ok() {}
}

#[test]
fn a_burst_beyond_the_pace_is_counted() {
    let server = Server::with(&[]);
    let mut socket = watch(&server, "");
    let burst: Vec<_> = (0..200).flat_map(|n| traffic::answered_call(&format!("burst-{n}"))).collect();
    let total = burst.len() as u64;
    server.publish(2, burst);
    let (mut seen, mut skipped) = (0, 0);
    while seen + skipped < total {
        let message = next(&mut socket);
        seen += message["messages"].as_array().map_or(0, |messages| messages.len() as u64);
        skipped += message["skipped"].as_u64().unwrap_or(0);
    }
    assert_eq!(seen + skipped, total);
    assert!(seen >= 500 && skipped > 0, "{seen} seen, {skipped} skipped");
}

#[test]
fn wrong_queries_and_handshakes_are_refused_with_the_reason() {
    let server = Server::start();
    let wrong = server.get("/api/v1/tail?q=methd%20%3D%20INVITE");
    assert_eq!((wrong.status, wrong.code()), (400, "bad_query".to_owned()));
    assert_eq!(wrong.json()["error"]["suggestion"], "method");
    let plain = server.get("/api/v1/tail?q=method%20%3D%20INVITE");
    assert_eq!((plain.status, plain.code()), (426, "upgrade_required".to_owned()));
    assert_eq!(plain.header("upgrade"), Some("websocket"));
    let bearer = format!("Bearer {}", server.token().expect("logged in"));
    for missing in 0..HANDSHAKE.len() {
        let mut headers = HANDSHAKE.to_vec();
        headers.remove(missing);
        headers.push(("Authorization", &bearer));
        let (status, head, _) = shake(&server, "", &headers);
        // Without an `Upgrade` the rest is a plain request.
        assert_eq!(status, 426, "{head}");
    }
    assert_eq!(shake(&server, "", &HANDSHAKE).0, 401);
}

#[test]
fn a_cookie_opens_it_only_from_our_own_page() {
    let server = Server::with(&[]);
    let login = server.post("/api/v1/login", &json!({"user": "admin", "password": PASSWORD}));
    let cookie = login.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie");
    let own = server.url().to_owned();
    for (origin, expected) in
        [(Some(own.as_str()), 101), (Some("http://evil.example"), 403), (Some("null"), 403), (None, 403)]
    {
        let mut headers = HANDSHAKE.to_vec();
        headers.push(("Cookie", cookie));
        headers.extend(origin.map(|origin| ("Origin", origin)));
        assert_eq!(shake(&server, "", &headers).0, expected, "{origin:?}");
    }
}

#[test]
fn places_are_limited_and_given_back() {
    let server = Server::with(&[]);
    let mut sockets: Vec<_> = (0..50).map(|_| watch(&server, "")).collect();
    let bearer = format!("Bearer {}", server.token().expect("logged in"));
    let mut headers = HANDSHAKE.to_vec();
    headers.push(("Authorization", &bearer));
    assert_eq!(shake(&server, "", &headers).0, 503);
    let mut gone = sockets.pop().expect("one");
    gone.close(None).expect("closed");
    while gone.read().is_ok() {}
    drop(gone);
    // The place is free once the server has seen the end.
    let freed = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        shake(&server, "", &headers).0 == 101
    });
    assert!(freed);
}
