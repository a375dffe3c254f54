//! Whatever a client sends, the server answers and goes on.

use serde_json::{Value, json};

use crate::server::{MESSAGES, Server, escaped};

/// Values that have broken other programs.
const ODD: &[&str] = &[
    "",
    " ",
    "0",
    "-1",
    "1",
    "99999999999999999999",
    "1e9",
    "NaN",
    "null",
    "true",
    "x",
    "\0",
    "é😀",
    "%",
    "%00",
    "a\r\nb",
    "'; DROP TABLE sip; --",
    "\"",
    "(",
    "((((((((((((((((((((((((((((((((((((((((",
    "*",
    "~",
    "a ~ \"(\"",
    "status in 5..1",
    "not not not",
    "and",
    "ts > -1h",
    "raw = x",
    "now",
    "-1h",
    "+9999999999h",
    "-99999999d",
    "0001-01-01",
    "9999-12-31T23:59:59Z",
    "-9223372036854775808",
    "9223372036854775807",
    "1.1.1",
    "0.0.0",
    "-9223372036854775808.-9223372036854775808.-9223372036854775808",
    "sip",
    "pcap",
    "../../etc/passwd",
];

fn parameters(operation: &Value) -> Vec<(String, bool)> {
    let all = operation["parameters"].as_array().cloned().unwrap_or_default();
    all.iter().map(|one| (one["name"].as_str().expect("a name").to_owned(), one["in"] == "path")).collect()
}

#[test]
fn no_value_of_any_parameter_makes_the_server_fail() {
    let server = Server::start();
    let document: Value = serde_json::from_str(&api::openapi_document(Default::default)).expect("JSON");
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let Some(operation) = item.get("get") else { continue };
        for (name, in_path) in parameters(operation) {
            for odd in ODD {
                let filled = if in_path {
                    path.replace(&format!("{{{name}}}"), &escaped(odd))
                } else {
                    let format =
                        if path.ends_with("/export") && name != "format" { "format=json&" } else { "" };
                    format!("{path}?{format}{name}={}", escaped(odd))
                };
                let answer = server.get(&filled);
                assert!(answer.status < 500, "{filled}: {}", answer.text());
                asked += 1;
            }
        }
    }
    assert!(asked > 500, "{asked}");
    let list = server.ask("/api/v1/messages");
    assert_eq!(list["messages"].as_array().map(Vec::len), Some(MESSAGES), "everything is still there");
}

#[test]
fn no_body_makes_the_server_fail() {
    let server = Server::start();
    let bodies = [
        json!(null),
        json!([]),
        json!("x"),
        json!({"sql": 1}),
        json!({"sql": null}),
        json!({"user": {}, "password": []}),
    ];
    for path in ["/api/v1/login", "/api/v1/logout", "/api/v1/tokens", "/api/v1/sql"] {
        for body in &bodies {
            let answer = server.post(path, body);
            assert!(answer.status < 500, "{path} {body}: {}", answer.text());
        }
    }
    for sql in ODD {
        let answer = server.post("/api/v1/sql", &json!({"sql": sql}));
        assert!(answer.status < 500, "{sql}: {}", answer.text());
    }
}
