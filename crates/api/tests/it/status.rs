//! What the operator sees.

use serde_json::{Value, json};

use crate::server::{MESSAGES, Server};

#[test]
fn counters_are_there_per_listener_and_in_total() {
    let server = Server::start();
    let status = server.ask("/api/v1/status");
    assert_eq!(status["version"], "0.0.0-test");
    let total = json!({"received": 20, "stored": 17, "refused": {"not_hep": 3}, "dropped": {}, "duplicates": 0,
        "pending": 0, "bytes": 12_000});
    assert_eq!(status["total"], total);
    let udp = &status["listeners"][0];
    let expected = [
        ("name", json!("udp")),
        ("address", json!("0.0.0.0:9060")),
        ("received", json!(17)),
        ("stored", json!(15)),
    ];
    for (name, value) in expected {
        assert_eq!(udp[name], value, "{name}");
    }
    assert_eq!(udp["refused"], json!({"not_hep": 2}));
    assert_eq!(status["alarms"][0]["name"], "kernel_drops");
    assert_eq!(status["alarms"][0]["since"], "1970-01-01T00:00:00.000000Z");
    assert!(status["uptime_seconds"].is_i64());
}

#[test]
fn the_store_tells_what_it_keeps() {
    let server = Server::start();
    let store = &server.ask("/api/v1/status")["store"];
    let rows = store["hot_rows"].as_u64().expect("a number") + store["lake_rows"].as_u64().expect("a number");
    assert_eq!(rows, MESSAGES as u64);
    assert_eq!(store["newest"], server.time(0, 0));
    let tables = store["tables"].as_array().expect("tables");
    let sip = tables.iter().find(|table| table["name"] == "sip").expect("the table of SIP");
    assert_eq!(sip["rows"], 14);
    assert!(sip["retention_days"].as_u64().is_some_and(|days| days > 0));
}

#[test]
fn storage_is_told_for_every_table() {
    let server = Server::start();
    let storage = server.ask("/api/v1/storage");
    let kept = server.ask("/api/v1/status");
    let tables = storage["tables"].as_array().expect("tables");
    let names = |tables: &Value| {
        tables.as_array().expect("tables").iter().map(|table| table["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&storage["tables"]), names(&kept["store"]["tables"]));
    let bytes: u64 = tables.iter().filter_map(|table| table["bytes"].as_u64()).sum();
    assert_eq!(json!(bytes), kept["store"]["lake_bytes"]);
    for table in tables {
        let rows = table["days"]
            .as_array()
            .expect("days")
            .iter()
            .filter_map(|day| day["rows"].as_u64())
            .sum::<u64>();
        assert_eq!(json!(rows), table["rows"], "{}", table["name"]);
    }
    assert!(storage["free_disk_min"].is_u64());
}

#[test]
fn senders_are_listed_with_the_last_heard_first() {
    let server = Server::start();
    let senders = server.ask("/api/v1/senders");
    let addresses: Vec<&Value> =
        senders["senders"].as_array().expect("a list").iter().map(|one| &one["sender"]).collect();
    assert_eq!(addresses, [&json!("198.51.100.8"), &json!("198.51.100.7")]);
    let one = &senders["senders"][1];
    let expected = json!({
        "sender": "198.51.100.7", "alias": null, "node": "edge-1", "capture_ids": [2001], "capture_names": {}, "hep_versions": [3], "listeners": ["udp"],
        "types": {"1": 12, "5": 1}, "packets": 13, "bytes": 7_800, "rate_per_second": 0.5,
        "first_seen": "1970-01-01T00:00:00.000000Z", "last_seen": "1970-01-01T00:00:01.000000Z",
        "flags": {"bad_time": 1, "trailing_nuls": 2}, "suspected": ["milliseconds"], "duplicates": 0, "refused": {},
    });
    assert_eq!(one, &expected);
    assert_eq!(senders["listening"][1], json!({"name": "tcp", "address": "0.0.0.0:9060"}));
    // What people call it, and the capture point that sends through it.
    server.post("/api/v1/aliases", &json!({"name": "edge", "match": "198.51.100.0/24"}));
    server.post("/api/v1/aliases", &json!({"name": "sbc-fra", "capture_id": 2001}));
    let senders = server.ask("/api/v1/senders");
    let one = &senders["senders"][1];
    assert_eq!((&one["alias"], &one["capture_names"]), (&json!("edge"), &json!({"2001": "sbc-fra"})));
}
