//! SQL: its formats, exactly, and what it refuses.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::server::{Answer, BUSY, MESSAGES, Server};
use crate::traffic;

fn ask(server: &Server, accept: &str, sql: &str) -> Answer {
    server.send("POST", "/api/v1/sql", &[("accept", accept)], Some(&json!({"sql": sql})))
}

fn rows(server: &Server, sql: &str) -> Vec<Value> {
    let answer = ask(server, "application/x-ndjson", sql);
    assert_eq!(answer.status, 200, "{sql}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let text = String::from_utf8(answer.body).expect("UTF-8");
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect()
}

#[test]
fn what_is_compressed_on_the_way_is_whole() {
    let server = Server::start();
    let request = json!({"sql": "SELECT ts, raw FROM messages ORDER BY ts"});
    for accept in ["application/json", "text/csv", "application/x-ndjson"] {
        let plain = server.send("POST", "/api/v1/sql", &[("accept", accept)], Some(&request));
        let headers = [("accept", accept), ("accept-encoding", "gzip")];
        let answer = server.send("POST", "/api/v1/sql", &headers, Some(&request));
        let mut whole = Vec::new();
        match answer.header("content-encoding") {
            Some("gzip") => {
                flate2::read::GzDecoder::new(&*answer.body).read_to_end(&mut whole).expect("gzip to its end");
            }
            encoding => {
                // Lines arrive as they are written.
                assert_eq!((encoding, accept), (None, "application/x-ndjson"));
                whole = answer.body;
            }
        }
        assert_eq!(whole, plain.body, "{accept}");
    }
}

#[test]
fn the_view_of_all_messages_has_what_scripts_rely_on() {
    let server = Server::start();
    let all = rows(&server, "SELECT * FROM messages ORDER BY ts");
    assert_eq!(all.len(), MESSAGES);
    let columns: Vec<&str> = model::messages::COLUMNS.to_vec();
    for row in &all {
        let mut names: Vec<&str> = row.as_object().expect("an object").keys().map(String::as_str).collect();
        let mut expected = columns.clone();
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected);
    }
    let story = traffic::busy_call(BUSY);
    let busy: Vec<&Value> = all.iter().filter(|row| row["call_id"] == BUSY).collect();
    assert_eq!(busy.len(), story.len());
    let expected = json!({
        "ts": server.time(300, 80), "received": server.time(0, 0), "sender": "198.51.100.7", "hep_version": 3,
        "hep_type": busy[1]["hep_type"], "transport": "udp", "src_ip": "192.0.2.20", "src_port": 5060,
        "dst_ip": "192.0.2.10", "dst_port": 5062, "capture_id": 2001, "node": "edge-1", "correlation_id": null,
        "call_id": BUSY, "flags": [], "raw": STANDARD.encode(&story[1].payload),
    });
    assert_eq!(busy[1], &expected);
    assert!(busy[1]["hep_type"].is_u64(), "a number");
    let opaque = all.last().expect("a row");
    assert_eq!(opaque["raw"], STANDARD.encode(traffic::opaque().payload), "zero bytes at the end as well");
}

#[test]
fn ndjson_lines_have_exactly_this_form() {
    let server = Server::start();
    let sql = format!(
        "SELECT ts, src_port, flags, raw, node, correlation_id FROM messages WHERE call_id = '{BUSY}' ORDER BY ts LIMIT 1"
    );
    let answer = ask(&server, "application/x-ndjson", &sql);
    let raw = STANDARD.encode(&traffic::busy_call(BUSY)[0].payload);
    let ts = server.time(300, 0);
    let line = format!(
        "{{\"ts\":\"{ts}\",\"src_port\":5062,\"flags\":[],\"raw\":\"{raw}\",\"node\":\"edge-1\",\"correlation_id\":null}}\n"
    );
    assert_eq!(answer.text(), line);
    assert_eq!(ts.len(), "2026-11-21T03:20:00.000123Z".len(), "six digits");
}

#[test]
fn numbers_keep_their_digits() {
    let server = Server::with(&[]);
    let answer = ask(
        &server,
        "application/x-ndjson",
        "SELECT 9223372036854775807 AS a, CAST('18446744073709551615' AS BIGINT UNSIGNED) AS b, 0.5 AS c, CAST('NaN' AS DOUBLE) AS d, true AS e",
    );
    assert_eq!(
        answer.text(),
        "{\"a\":9223372036854775807,\"b\":18446744073709551615,\"c\":0.5,\"d\":null,\"e\":true}\n"
    );
}

#[test]
fn json_and_csv_carry_the_same() {
    let server = Server::start();
    let sql =
        "SELECT method, count(*) AS n FROM sip WHERE status IS NULL GROUP BY method ORDER BY n DESC, method";
    let json = ask(&server, "application/json", sql);
    assert_eq!(json.header("content-type"), Some("application/json"));
    let document = json.json();
    assert_eq!(document["columns"][0]["name"], "method");
    assert_eq!(document["columns"][1]["name"], "n");
    assert!(document["columns"].as_array().expect("columns").iter().all(|column| column["type"].is_string()));
    let expected = json!([["INVITE", 3], ["ACK", 2], ["BYE", 1], ["REGISTER", 1]]);
    assert_eq!((&document["rows"], &document["partial"]), (&expected, &Value::Null));

    let csv = ask(&server, "text/csv", sql);
    assert_eq!(csv.text(), "method,n\nINVITE,3\nACK,2\nBYE,1\nREGISTER,1\n");

    let plain = server.post("/api/v1/sql", &json!({"sql": "SELECT call_id FROM sip WHERE false"}));
    assert_eq!(plain.json()["rows"], json!([]), "JSON unless asked otherwise");
}

#[test]
fn only_one_select_is_let_through() {
    let server = Server::start();
    let file = server.dir.path().join("out.csv");
    let file = file.display();
    let refused = [
        "",
        ";",
        "SELEC 1",
        "SELECT no_such_column FROM sip",
        "SELECT * FROM no_such_table",
        "SELECT 1; SELECT 2",
        "INSERT INTO sip (id) VALUES (1)",
        "DELETE FROM sip",
        "UPDATE sip SET id = 1",
        "DROP TABLE sip",
        "DROP VIEW messages",
        "CREATE TABLE x AS SELECT 1",
        "CREATE VIEW x AS SELECT 1",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        &format!("COPY (SELECT 1) TO '{file}' STORED AS CSV"),
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM parquet_metadata('/etc/passwd')",
        "SET datafusion.execution.batch_size = 1",
        "EXPLAIN ANALYZE SELECT 1",
    ];
    for sql in refused {
        let answer = server.post("/api/v1/sql", &json!({"sql": sql}));
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad_sql"), "{sql}: {}", answer.text());
        let message = answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(!message.is_empty(), "{sql}");
    }
    assert!(!server.dir.path().join("out.csv").exists());
    assert_eq!(rows(&server, "SELECT 1 AS one;").len(), 1, "an ending semicolon is no second statement");
    assert_eq!(rows(&server, "WITH x AS (SELECT 1 AS one) SELECT * FROM x").len(), 1);
}

#[test]
fn a_cut_answer_says_so() {
    let limits = store::Limits { memory_bytes_max: 1 << 20, ..store::Limits::default() };
    let server = Server::with_limits(limits);
    // The join keeps one side in memory: 24 MB.
    let sql = "SELECT a.value FROM range(0, 3000000) a JOIN range(0, 3000000) b ON a.value = b.value";
    let lines = rows(&server, sql);
    let last = lines.last().expect("a line");
    assert!(last["partial"]["reason"].as_str().is_some_and(|reason| reason.contains("memory")), "{last}");
    let document = ask(&server, "application/json", sql).json();
    assert!(document["partial"]["reason"].is_string(), "{document}");
    let csv = ask(&server, "text/csv", sql).text();
    assert!(csv.lines().last().is_some_and(|line| line.starts_with("# partial: ")), "{csv}");
}

#[test]
fn a_failure_in_the_middle_is_told_at_the_end() {
    let server = Server::with(&[]);
    // The first batches are fine; a later row cannot be divided.
    let sql = "SELECT 10 / (value - 90000) AS x FROM range(0, 100000)";
    let lines = rows(&server, sql);
    assert!(lines.len() > 8_000, "{}", lines.len());
    let last = lines.last().expect("a line");
    assert!(last["partial"]["reason"].as_str().is_some_and(|reason| reason.contains("ivide")), "{last}");
}
