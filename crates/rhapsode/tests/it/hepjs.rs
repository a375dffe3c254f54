//! The JSON form of hep-js: what goes out in it comes back in; the real hep-js takes and gives the same packets, and
//! sends them over every transport its users have.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::programs::{find, find_hepjs};
use testkit::recordings::recording;
use testkit::server::{Server, free_tcp_port, post_ingest, send_udp};

use crate::options;
use crate::stage::Stage;

/// All there is: recordings are older than the last hour.
const EXPORT: &str = "/api/v1/export?format=hepjs&from=2000-01-01T00:00:00Z&limit=100000";

/// The tables of what the recordings hold.
const TABLES: &[&str] = &["sip", "rtcp", "log"];

/// Columns that tell how a packet arrived here.
const ARRIVAL: &[&str] = &["id", "received", "sender", "listener"];

/// Lines of an export that go into one request: far below its limit of bytes.
const LINES: usize = 200;

/// What rows say, payload and all, apart from when and how they arrived here.
fn sorted_rows(server: &Server) -> Result<Vec<String>> {
    let mut rows = Vec::new();
    for table in TABLES {
        for mut row in server.sql(&format!("SELECT * FROM {table}"))? {
            let columns = row.as_object_mut().context("a row is an object")?;
            columns.retain(|name, _| !ARRIVAL.contains(&name.as_str()));
            rows.push(format!("{table} {row}"));
        }
    }
    rows.sort();
    Ok(rows)
}

/// Of senders that contradict themselves nowhere: a wrong family octet is flagged and not kept.
#[test]
fn what_is_exported_is_ingested_as_the_same_rows() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let first = Server::start(options(&folder)?)?;
    let mut sent = 0;
    for name in [
        "kamailio-hep3-udp.pcap",
        "kamailio-hep3-ipv6.pcap",
        "kamailio-b2bua-rtpengine-hep3-udp.pcap",
        "kamailio-rtpengine-hep3-udp.pcap",
    ] {
        let recording = recording(name)?.with_context(|| format!("{name} is a fixture"))?;
        send_udp(&first.options.hep_udp, &recording.pieces)?;
        sent += recording.pieces.len() as u64;
    }
    first.wait_for_received(sent)?;
    first.wait_for_count("SELECT count(*) AS n FROM messages", sent)?;
    let export = String::from_utf8(first.get_bytes(EXPORT)?)?;
    let lines: Vec<&str> = export.lines().collect();
    ensure!(lines.len() as u64 == sent, "{} lines of {sent} packets", lines.len());

    let folder = tempfile::tempdir()?;
    let second = Server::start(options(&folder)?)?;
    for lines in lines.chunks(LINES) {
        let answer = post_ingest(&second, &lines.join("\n"))?;
        ensure!(
            answer == json!({"accepted": lines.len(), "keepalives": 0, "refused": {}}),
            "nothing is refused, no key is unknown: {answer}"
        );
    }
    second.wait_for_count("SELECT count(*) AS n FROM messages", sent)?;
    let (ours, theirs) = (sorted_rows(&first)?, sorted_rows(&second)?);
    for (one, other) in ours.iter().zip(&theirs) {
        ensure!(one == other, "{one}\nbecame\n{other}");
    }
    ensure!(ours.len() == theirs.len(), "{} rows became {}", ours.len(), theirs.len());
    Ok(())
}

/// hep-js decodes our frames to the JSON we write, encodes our JSON to frames we read, and what it sends is found.
#[test]
fn live_hep_js_and_we_read_each_other() -> Result<()> {
    let (Some(node), Some(hepjs)) = (find("node")?, find_hepjs()?) else { return Ok(()) };
    let mut child = Command::new(node)
        .arg(hepjs.join("exchange.js"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut questions = child.stdin.take().context("a pipe")?;
    let mut answers = BufReader::new(child.stdout.take().context("a pipe")?);
    let mut ask = |question: &Value| -> Result<Value> {
        writeln!(questions, "{question}")?;
        let mut line = String::new();
        answers.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("hep-js answered {line:?} to {question}"))
    };

    let rcinfo = json!({
        "protocolFamily": 2, "protocol": 6, "srcIp": "192.0.2.1", "dstIp": "192.0.2.2", "srcPort": 64831,
        "dstPort": 5060, "timeSeconds": 1_700_000_000, "timeUseconds": 669_278, "payloadType": 1,
        "captureId": 2001, "hepNodeName": "edge-1", "correlation_id": "hepjs@test",
    });
    let payload = "OPTIONS sip:a@example.com SIP/2.0\r\nCall-ID: hepjs@test\r\nCSeq: 1 OPTIONS\r\n\r\n";
    let packet = json!({"rcinfo": rcinfo, "payload": payload});

    // Our JSON in hep-js' encoder gives the packet that our own encoder makes of it.
    let theirs = bytes(&ask(&json!({"encapsulate": packet}))?["hex"])?;
    let mut ours = Vec::new();
    hep::json::decode(&packet.to_string())?.encode_v3(&mut ours)?;
    let (from_theirs, _) = hep::decode(&theirs, 0)?;
    let (from_ours, _) = hep::decode(&ours, 0)?;
    ensure!(format!("{from_ours:?}") == format!("{from_theirs:?}"), "{from_ours:?}\n{from_theirs:?}");
    // Our frame in hep-js' decoder gives the JSON that our own encoder makes of it.
    let mut text = String::new();
    hep::json::encode(&from_ours, &mut text);
    let decoded = ask(&json!({"decapsulate": hex(&ours)}))?;
    ensure!(decoded == serde_json::from_str::<Value>(&text)?, "{decoded}\n{text}");

    // And over the wire: its frame by UDP, its JSON by HTTP, found as equal rows, exported as it had them.
    let folder = tempfile::tempdir()?;
    let server = Server::start(options(&folder)?)?;
    send_udp(&server.options.hep_udp, &[theirs])?;
    let answer = post_ingest(&server, &decoded.to_string())?;
    ensure!(answer["accepted"] == 1, "{answer}");
    server.wait_for_count("SELECT count(*) AS n FROM sip WHERE call_id = 'hepjs@test'", 2)?;
    let rows = sorted_rows(&server)?;
    ensure!(rows.len() == 2 && rows[0] == rows[1], "{rows:?}");
    for line in String::from_utf8(server.get_bytes(EXPORT)?)?.lines() {
        let exported: Value = serde_json::from_str(line)?;
        ensure!(exported == packet, "{exported}\n{packet}");
    }
    drop(questions);
    child.wait()?;
    Ok(())
}

/// Frames in datagrams and through `/hep`, its JSON through `/api/v1/ingest`, both also over TLS.
#[test]
fn live_hep_js_sends_over_udp_http_and_https() -> Result<()> {
    let (Some(node), Some(hepjs)) = (find("node")?, find_hepjs()?) else { return Ok(()) };
    let stage = Stage::new("live-hepjs")?;
    let tls = stage.folder.path().join("tls");
    let https = format!("127.0.0.1:{}", free_tcp_port()?);
    let server = stage.server_with(&format!(
        "[listen]\nhttps = \"{https}\"\n[tls]\ncertificate = \"{0}/cert.pem\"\nkey = \"{0}/key.pem\"\n",
        tls.display()
    ))?;
    let doors = [
        (format!("udp://{}", server.options.hep_udp), "udp"),
        (server.url("/hep"), "http"),
        (server.url("/api/v1/ingest"), "http"),
        (format!("https://{https}/hep"), "https"),
        (format!("https://{https}/api/v1/ingest"), "https"),
    ];
    for (place, (url, listener)) in doors.iter().enumerate() {
        let call_id = format!("door-{place}@hepjs.test");
        let (lines, expected) = conversation(&call_id);
        let packets = stage.folder.path().join("packets");
        std::fs::write(&packets, lines)?;
        let mut command = Command::new(&node);
        command.arg(hepjs.join("send.js")).args([url.as_str()]).args([&packets, &tls.join("cert.pem")]);
        let sent = stage.start(&format!("hepjs-{place}"), command)?;
        let printed = sent.wait_for_success(Duration::from_secs(60))?;
        ensure!(printed.trim() == format!("sent {}", expected.len()), "{printed}");

        let of_call = format!("FROM messages WHERE correlation_id = '{call_id}'");
        server.wait_for_count(&format!("SELECT count(*) AS n {of_call}"), expected.len() as u64)?;
        let rows = server.sql(&format!(
            "SELECT hep_type, transport, src_ip, src_port, dst_ip, dst_port, CAST(ts AS TEXT) AS ts, capture_id, node, \
             hep_version, arrow_cast(raw, 'Utf8') AS payload {of_call} ORDER BY ts"
        ))?;
        for (row, expected) in rows.iter().zip(&expected) {
            ensure!(row == expected, "by {url}:\n{row}\nexpected\n{expected}");
        }
        ensure!(rows.len() == expected.len(), "by {url}: {rows:?}");
        for (table, count) in [("sip", 2), ("rtcp", 1), ("log", 1)] {
            let came = format!(
                "SELECT count(*) AS n FROM {table} WHERE correlation_id = '{call_id}' AND listener = '{listener}'"
            );
            ensure!(server.count(&came)? == count, "{table} by {url}");
        }
    }
    let totals = server.totals()?;
    ensure!(totals.refused == 0 && totals.dropped == 0, "{totals:?}");
    Ok(())
}

/// A request over TCP, its reply, a media report and a log line: what hep-js is given, and the rows they must become.
fn conversation(call_id: &str) -> (String, Vec<Value>) {
    let request = format!(
        "OPTIONS sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1:64831;branch=z9hG4bK7\r\n\
         From: <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@example.com>\r\nCall-ID: {call_id}\r\n\
         CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    );
    let reply = request.replace("OPTIONS sip:bob@example.com SIP/2.0", "SIP/2.0 200 OK");
    let report = json!({
        "type": 200, "ssrc": 305_419_896, "report_count": 0, "report_blocks": [],
        "sender_information": {"ntp_timestamp_sec": 3_817_063_426_u32, "ntp_timestamp_usec": 2_287_000, "octets": 1_600,
            "rtp_timestamp": 160, "packets": 10},
    })
    .to_string();
    let log = format!("routed {call_id} to gateway 3");
    let (mut lines, mut rows) = (String::new(), Vec::new());
    for (second, (hep_type, protocol, ports, payload)) in [
        (1, 6, [64_831, 5_060], request),
        (1, 6, [5_060, 64_831], reply),
        (5, 17, [30_001, 30_003], report),
        (100, 17, [5_060, 9_060], log),
    ]
    .into_iter()
    .enumerate()
    {
        let rcinfo = json!({
            "protocolFamily": 2, "protocol": protocol, "srcIp": "192.0.2.1", "dstIp": "192.0.2.2",
            "srcPort": ports[0], "dstPort": ports[1], "timeSeconds": 1_700_000_000 + second, "timeUseconds": 669_278,
            "payloadType": hep_type, "captureId": 2001, "hepNodeName": "edge-1", "correlation_id": call_id,
        });
        lines += &format!("{}\n", json!({"rcinfo": rcinfo, "payload": payload}));
        rows.push(json!({
            "hep_type": hep_type, "transport": if protocol == 6 { "tcp" } else { "udp" }, "src_ip": "192.0.2.1",
            "src_port": ports[0], "dst_ip": "192.0.2.2", "dst_port": ports[1],
            "ts": format!("2023-11-14T22:13:{}.669278Z", 20 + second), "capture_id": 2001, "node": "edge-1",
            "hep_version": 3, "payload": payload,
        }));
    }
    (lines, rows)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &Value) -> Result<Vec<u8>> {
    let hex = hex.as_str().context("no hex")?;
    (0..hex.len()).step_by(2).map(|at| Ok(u8::from_str_radix(&hex[at..at + 2], 16)?)).collect()
}
