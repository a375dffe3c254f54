//! What is described of the web's doors is what they answer: every status that is described is answered, no other, and
//! each with a body of the shape described.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::time::Duration;

use ingest::{IngestConfig, Transport};
use serde_json::{Value, json};

use crate::server::{Server, keyed, on, packet};

/// A door and what was answered there.
type Answered = BTreeMap<(String, String), BTreeSet<String>>;

struct Description(Value);

impl Description {
    fn read() -> Self {
        Self(serde_json::to_value(ingest::openapi()).expect("the document becomes JSON"))
    }

    fn operation(&self, method: &str, path: &str) -> &Value {
        &self.0["paths"][path][method]
    }

    fn all(&self) -> Answered {
        let mut all = Answered::new();
        for (path, item) in self.0["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("methods") {
                let statuses = operation["responses"].as_object().expect("responses").keys();
                all.insert((method.clone(), path.clone()), statuses.cloned().collect());
            }
        }
        all
    }

    /// Asserts that the answer is of the shape described for its status.
    fn assert_fits(&self, method: &str, path: &str, answer: &Answer) {
        let response = &self.operation(method, path)["responses"][&answer.status];
        assert!(response.is_object(), "{method} {path}: {answer:?} is not described");
        for header in response["headers"].as_object().into_iter().flatten().map(|(name, _)| name) {
            assert!(answer.header(header).is_some(), "{method} {path}: {answer:?} is without {header}");
        }
        let Some(content) = response["content"].as_object() else {
            return assert!(answer.body.is_empty(), "{method} {path}: {answer:?} has a body");
        };
        let media_type = answer.header("content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default();
        let schema = &content.get(media_type).unwrap_or_else(|| panic!("{media_type}: {answer:?}"))["schema"];
        let body = match media_type {
            "application/json" => serde_json::from_str(&answer.body).expect("JSON"),
            _ => Value::String(answer.body.clone()),
        };
        self.assert_is(schema, &body);
    }

    /// As much of JSON Schema as the description uses.
    fn assert_is(&self, schema: &Value, value: &Value) {
        if let Some(place) = schema["$ref"].as_str() {
            let place = place.strip_prefix('#').expect("in this document");
            return self.assert_is(self.0.pointer(place).unwrap_or_else(|| panic!("{place}")), value);
        }
        if let Some(some) = schema["oneOf"].as_array() {
            let some: Vec<&Value> = some.iter().filter(|one| one["type"] != "null").collect();
            assert_eq!(some.len(), 1, "only what may be missing is known here: {schema}");
            return self.assert_is(some[0], value);
        }
        let is = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let types = &schema["type"];
        assert!(
            types == is || types.as_array().is_some_and(|types| types.contains(&json!(is))),
            "{value}: {schema}"
        );
        for item in value.as_array().into_iter().flatten() {
            self.assert_is(&schema["items"], item);
        }
        let Some(members) = value.as_object() else { return };
        for required in schema["required"].as_array().into_iter().flatten() {
            assert!(
                members.contains_key(required.as_str().expect("a name")),
                "{value} is without {required}"
            );
        }
        for (name, member) in members {
            let described = schema["properties"].get(name).or(schema.get("additionalProperties"));
            self.assert_is(described.unwrap_or_else(|| panic!("{name} of {value} is not described")), member);
        }
    }
}

#[derive(Debug)]
struct Answer {
    status: String,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// What is answered to the head of a request and to the part of its body that is sent.
fn ask(server: &Server, head: &str, body: &[u8]) -> Answer {
    let mut stream = server.connect_to(Transport::Http);
    stream.write_all(format!("{head}Host: x\r\n\r\n").as_bytes()).expect("bytes sent");
    let _ = stream.write_all(body);
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("an answer");
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).expect("text");
    let status = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut answer = Answer { status, head, body: String::new() };
    let length: usize = answer.header("content-length").map_or(0, |length| length.parse().expect("a number"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("the body");
    answer.body = String::from_utf8(body).expect("text");
    answer
}

fn post(server: &Server, path: &str, headers: &str, body: &[u8]) -> Answer {
    ask(server, &format!("POST {path} HTTP/1.1\r\n{headers}Content-Length: {}\r\n", body.len()), body)
}

fn start(configure: impl FnOnce(&mut IngestConfig)) -> Server {
    Server::start_with(|config| {
        config.listeners = vec![on(Transport::Http)];
        configure(config);
    })
}

#[test]
fn every_answer_is_described_and_every_description_is_answered() {
    let description = Description::read();
    let mut seen = Answered::new();
    let mut saw = |method: &str, path: &str, expected: &str, answer: &Answer| {
        assert_eq!(answer.status, expected, "{method} {path}: {answer:?}");
        description.assert_fits(method, path, answer);
        seen.entry((method.to_owned(), path.to_owned())).or_default().insert(answer.status.clone());
    };
    let free = start(|_| {});
    let guarded = start(|config| config.keys = vec![b"key".to_vec()]);
    let strict = start(|config| {
        config.http_body_bytes_max = 10;
        config.http_time_max = Duration::from_millis(200);
    });
    let full = start(|config| config.http_requests_max = 0);
    let item = |key: &str| {
        json!({
            "rcinfo": {"srcIp": "192.0.2.1", "payloadType": 1, "capturePass": key, "colour": "red"},
            "payload": "OPTIONS sip:a@example.com SIP/2.0\r\n\r\n",
        })
        .to_string()
    };
    for (path, good, wrong, useless) in [
        ("/hep", keyed("x", Some(b"key")), keyed("x", Some(b"wrong")), b"not HEP".to_vec()),
        ("/api/v1/ingest", item("key").into(), item("wrong").into(), b"{\"not\": \"known\"}".to_vec()),
    ] {
        for taken in
            description.operation("post", path)["requestBody"]["content"].as_object().expect("types").keys()
        {
            saw("post", path, "200", &post(&free, path, &format!("Content-Type: {taken}\r\n"), &good));
        }
        saw("post", path, "200", &post(&free, path, "", &[good.as_slice(), b"\n", &useless].concat()));
        saw("post", path, "200", &post(&guarded, path, "", &good));
        saw("post", path, "403", &post(&guarded, path, "", &wrong));
        saw("post", path, "400", &post(&free, path, "", &useless));
        saw("post", path, "400", &post(&free, path, "", b""));
        let chunks = format!("POST {path} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n");
        saw("post", path, "400", &ask(&free, &chunks, b"no size\r\n"));
        saw("post", path, "415", &post(&free, path, "Content-Type: image/png\r\n", &good));
        saw("post", path, "413", &post(&strict, path, "", &good));
        saw(
            "post",
            path,
            "408",
            &ask(&strict, &format!("POST {path} HTTP/1.1\r\nContent-Length: 5\r\n"), b"HEP3"),
        );
        saw("post", path, "503", &post(&full, path, "", &good));
    }
    let handshake =
        "GET /hep HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n";
    let with_key = format!("{handshake}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    saw("get", "/hep", "101", &ask(&free, &with_key, b""));
    saw("get", "/hep", "400", &ask(&free, handshake, b""));
    saw("get", "/hep", "403", &ask(&free, &format!("{with_key}Origin: https://evil.example\r\n"), b""));
    saw("get", "/hep", "426", &ask(&free, "GET /hep HTTP/1.1\r\n", b""));
    assert_eq!(seen, description.all());
}

#[test]
fn every_key_described_is_known_and_every_way_to_state_the_hep_key_is_taken() {
    let description = Description::read();
    let server = start(|config| config.keys = vec![b"key".to_vec()]);
    let described = &description.0["components"]["schemas"]["JsonItem"]["anyOf"][0]["properties"]["rcinfo"];
    let mut rcinfo = serde_json::Map::new();
    for (name, schema) in described["properties"].as_object().expect("keys") {
        let value = match name.as_str() {
            "chunks" => json!([{"vendor": 7, "type": 1, "hex": "0a0b"}]),
            "srcIp" | "dstIp" => json!("2001:db8::1"),
            "srcMac" | "dstMac" => json!("00:01:02:03:04:05"),
            "extraCorrelation" => json!("{}"),
            "capturePass" => continue,
            _ if schema["type"].is_array() => json!(1),
            _ => json!("text"),
        };
        rcinfo.insert(name.clone(), value);
    }
    let body = json!({"rcinfo": rcinfo, "payload": "x"}).to_string();
    let schemes = &description.0["components"]["securitySchemes"];
    let stated = [
        ("hep_key", "key"),
        ("hep_key_bearer", "Bearer key"),
        // rhapsode:key
        ("hep_key_basic", "Basic cmhhcHNvZGU6a2V5"),
    ];
    for (scheme, value) in stated {
        let header = schemes[scheme]["name"].as_str().unwrap_or("authorization");
        let answer = post(&server, "/api/v1/ingest", &format!("{header}: {value}\r\n"), body.as_bytes());
        assert_eq!(answer.body, r#"{"accepted":1,"keepalives":0,"refused":{}}"#, "{scheme}");
    }
    assert_eq!(schemes.as_object().expect("schemes").len(), stated.len());
    let packets = [packet("a"), packet("b")].concat();
    assert_eq!(
        post(&server, "/hep", "x-hep-key: key\r\n", &packets).status,
        "403",
        "there packets hold their own"
    );
}
