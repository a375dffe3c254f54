//! Who gets in, and who does not.

use serde_json::{Value, json};

use crate::server::{PASSWORD, Server, folder_of};

/// Routes that answer anybody.
const PUBLIC: &[&str] = &["/health", "/api/v1/login"];

/// Every route of the description: method, and path with its variables filled in.
pub(crate) fn routes() -> Vec<(String, String, String)> {
    let document: Value = serde_json::from_str(&api::openapi_document(Default::default)).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let mut routes = Vec::new();
    for (path, item) in paths {
        for method in item.as_object().expect("methods").keys() {
            let filled = path.replace("{id}", "999999").replace("{call_id}", "x").replace("{name}", "nobody");
            routes.push((method.to_uppercase(), path.clone(), filled));
        }
    }
    assert!(routes.len() >= 16, "{routes:?}");
    routes
}

#[test]
fn nothing_but_the_public_routes_answers_without_a_login() {
    let server = Server::with(&[]);
    for token in
        [None, Some(""), Some("nonsense"), Some("rhapsode_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    {
        let mut headers = vec![];
        let text = token.map(|token| format!("Bearer {token}"));
        headers.extend(text.as_deref().map(|text| ("authorization", text)));
        let ask = |method: &str, path: &str| {
            let answer = server.stranger(method, path, &headers, None);
            let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            (answer.status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
        };
        for (method, path, filled) in routes() {
            let answer = ask(&method, &filled);
            if PUBLIC.contains(&path.as_str()) {
                assert_ne!(answer.0, 404, "{method} {path}");
                assert_ne!(answer.1, "unauthorized", "{method} {path}");
            } else if path.starts_with("/api/v1/shared") && answer.0 == 429 {
                assert_eq!(answer.1, "too_many_attempts", "links that open nothing are slowed down");
            } else {
                assert_eq!(answer, (401, "unauthorized".to_owned()), "{method} {path} with {token:?}");
            }
        }
        // Strangers do not learn what there is, nor that a method is wrong.
        assert_eq!(ask("GET", "/api/v1/no-such-thing").0, 401);
        assert_eq!(ask("DELETE", "/api/v1/status").0, 401);
    }
}

#[test]
fn health_tells_anybody() {
    let server = Server::with(&[]).with_token(None);
    let answer = server.get("/health");
    assert_eq!((answer.status, answer.json()), (200, json!({"status": "ok"})));
}

#[test]
fn login_gives_a_token_and_a_cookie() {
    let mut server = Server::with(&[]).with_token(None);
    for (user, password) in [("admin", "wrong"), ("nobody", PASSWORD), ("admin", ""), ("", "")] {
        let refused = server.post("/api/v1/login", &json!({"user": user, "password": password}));
        assert_eq!((refused.status, refused.code().as_str()), (401, "login_failed"), "{user}/{password}");
        assert_eq!(refused.header("set-cookie"), None);
    }
    let answer = server.post("/api/v1/login", &json!({"user": "admin", "password": PASSWORD}));
    let body = answer.json();
    assert_eq!((answer.status, &body["user"], &body["role"]), (200, &json!("admin"), &json!("admin")));
    let token = body["token"].as_str().expect("a token");
    let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    assert!(cookie.starts_with(&format!("rhapsode_session={token};")), "{cookie}");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");

    // As a browser: the cookie alone.
    let cookie = format!("theme=dark; rhapsode_session={token}");
    let me = server.send("GET", "/api/v1/me", &[("cookie", &cookie)], None);
    assert_eq!((me.status, &me.json()["user"], &me.json()["role"]), (200, &json!("admin"), &json!("admin")));
    let crossed = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-site")];
    let refused = server.send("POST", "/api/v1/sql", &crossed, Some(&json!({"sql": "SELECT 1"})));
    assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"), "a page on another port");

    // As a program: the token alone. Logging out ends both.
    server.set_token(Some(token));
    assert_eq!(server.get("/api/v1/me").status, 200);
    let bye = server.post("/api/v1/logout", &json!({}));
    assert_eq!(bye.status, 204);
    assert!(bye.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")));
    assert_eq!(server.get("/api/v1/me").status, 401);
}

#[test]
fn guessing_is_slowed_down_and_a_token_still_works() {
    let server = Server::with(&[]);
    let guess = || server.post("/api/v1/login", &json!({"user": "admin", "password": "guess"}));
    let answers: Vec<u16> = (0..12).map(|_| guess().status).collect();
    assert_eq!(answers[..10], [401; 10]);
    assert_eq!(answers[10..], [429; 2]);
    let refused = server.post("/api/v1/login", &json!({"user": "admin", "password": PASSWORD}));
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_attempts"), "even the right one");
    let wait: u64 = refused.header("retry-after").and_then(|text| text.parse().ok()).expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(server.get("/api/v1/me").status, 200, "who is in stays in");
}

#[test]
fn tokens_are_made_listed_and_taken_back() {
    let mut server = Server::with(&[]);
    let made = server.post("/api/v1/tokens", &json!({"name": " grafana ", "expires_days": 30}));
    let body = made.json();
    assert_eq!((made.status, body["name"].as_str()), (201, Some("grafana")));
    let token = body["token"].as_str().expect("a token").to_owned();
    let id = body["id"].as_i64().expect("a number");

    let list = server.ask("/api/v1/tokens");
    assert_eq!(list["tokens"].as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!(list["tokens"][0]["id"], id);
    assert!(!list.to_string().contains(&token), "shown once");

    server.set_token(Some(&token));
    assert_eq!(server.get("/api/v1/me").status, 200);
    assert_eq!(server.post("/api/v1/logout", &json!({})).status, 204);
    assert_eq!(server.get("/api/v1/me").status, 200, "an API token does not end by logging out");
    assert_eq!(server.send("DELETE", &format!("/api/v1/tokens/{id}"), &[], None).status, 204);
    assert_eq!(server.get("/api/v1/me").status, 401);
}

#[test]
fn wrong_token_requests_are_told_why() {
    let server = Server::with(&[]);
    for body in [
        json!({}),
        json!({"name": ""}),
        json!({"name": "x".repeat(101)}),
        json!({"name": "x", "expires_days": 0}),
        json!({"name": "x", "expires_days": 4_000}),
        json!({"name": "x", "expires": 1}),
    ] {
        let refused = server.post("/api/v1/tokens", &body);
        assert_eq!((refused.status, refused.code().as_str()), (400, "bad_request"), "{body}");
    }
    assert_eq!(server.send("DELETE", "/api/v1/tokens/999", &[], None).code(), "not_found");
    assert_eq!(server.send("DELETE", "/api/v1/tokens/x", &[], None).code(), "bad_request");
}

#[test]
fn the_local_token_opens_the_api_on_this_machine() {
    let server = Server::with(&[]);
    let local = api::LocalToken::read(folder_of(&server)).expect("the file is there");
    assert_eq!(local.url, server.url());
    let server = server.with_token(Some(&local.token));
    let me = server.ask("/api/v1/me");
    assert_eq!((&me["user"], &me["role"], &me["scope"]), (&json!("admin"), &json!("admin"), &Value::Null));
    let dir = server.stop();

    let restarted = Server::open(dir, &[], Some(PASSWORD)).with_token(Some(&local.token));
    assert_eq!(restarted.get("/api/v1/me").status, 401, "a new start makes a new one");
}

#[test]
fn the_first_password_is_random_and_can_be_replaced_at_a_later_start() {
    let server = Server::open(tempfile::tempdir().expect("a folder"), &[], None);
    let first = std::fs::read_to_string(folder_of(&server).join("first-password")).expect("one was made");
    assert!(first.len() >= 22, "128 bits: {first}");
    let login = |server: &Server, password: &str| {
        server.post("/api/v1/login", &json!({"user": "admin", "password": password})).status
    };
    assert_eq!(login(&server, &first), 200);

    let server = Server::open(server.stop(), &[], Some("given later"));
    assert_eq!(login(&server, "given later"), 200);
    assert_eq!(login(&server, &first), 401);

    let server = Server::open(server.stop(), &[], None);
    assert_eq!(login(&server, "given later"), 200, "it stays without being given again");
}

#[test]
fn refusals_have_one_shape() {
    let server = Server::with(&[]);
    let cases = [
        ("GET", "/api/v1/no-such-thing", 404, "not_found"),
        ("DELETE", "/api/v1/status", 405, "method_not_allowed"),
        ("GET", "/api/v1/messages?limit=x", 400, "bad_request"),
        ("GET", "/api/v1/messages?form=-1h", 400, "bad_request"),
        ("POST", "/api/v1/sql", 400, "bad_request"),
        ("POST", "/", 405, "method_not_allowed"),
    ];
    for (method, path, status, code) in cases {
        let answer = server.send(method, path, &[], None);
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{method} {path}");
        let error = &answer.json()["error"];
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
    }
    let huge = json!({"sql": " ".repeat(300 * 1024)});
    let refused = server.post("/api/v1/sql", &huge);
    assert_eq!((refused.status, refused.code().as_str()), (413, "too_large"));
}

#[test]
fn a_refused_request_does_not_cost_the_next_one_its_connection() {
    use std::io::{BufRead, BufReader, Read, Write};

    let server = Server::with(&[]);
    let address = server.url().trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(address).expect("connected");
    let mut answers = BufReader::new(stream.try_clone().expect("the same connection"));
    for _ in 0..3 {
        // The body comes later than the head, as most clients send it.
        let head = "POST /api/v1/sql HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n";
        stream.write_all(head.as_bytes()).expect("still open");
        std::thread::sleep(std::time::Duration::from_millis(50));
        stream.write_all(b"{}").expect("still open");
        let mut length = 0;
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            answers.read_line(&mut line).expect("an answer");
            if line.trim().is_empty() {
                break;
            }
            if let Some(text) = line.to_lowercase().strip_prefix("content-length:") {
                length = text.trim().parse().expect("a number");
            }
            lines.push(line);
        }
        assert!(lines.first().is_some_and(|line| line.contains("401")), "{lines:?}");
        answers.read_exact(&mut vec![0; length]).expect("its body");
    }
}
