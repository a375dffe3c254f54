//! Through every door, in every form: HEP keys and TLS master keys are in no file of the data folder, neither while
//! packets are in the log nor once they have settled.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hep::Outgoing;
use serde_json::json;
use testkit::disk;
use testkit::server::{Server, base64_of, post_hep, post_ingest, post_ingest_with, send_tcp, send_udp, wait};

use crate::options;

/// Those that agents show, one for each way of showing it.
const KEYS: [&str; 8] = [
    "udp-Vq81xKzr3Wm",
    "inner-Hd52bNty7Lp",
    "frame-Jc90wQxe4Rg",
    "stream-Pz37mBvu6Ts",
    "member-Yf64kDho1Ca",
    "header-Ew15sGlj8Xn",
    "bearer-Uo29tMic5Zb",
    "basic-Kr73yFpa0Vd",
];
const WRONG_KEY: &str = "wrong-Gs46hRnw9Jq";

/// As OpenSIPS writes them, one for each form.
const MASTER_KEYS: [&str; 6] = [
    "48F1C07B5D2E93A6json",
    "9A35E8D20C714BF6text",
    "D7204F9E6B18A3C5zipped",
    "61BC8E93F05D27A4zippedtext",
    "F92D3A60E7C5184Bmember",
    "0E58B7D4931FA62Cwrapped",
];

/// What each packet says beside: proof that it would be found.
const SEEN: [&str; 14] = [
    "seen-udp",
    "seen-inner",
    "seen-frame",
    "seen-stream",
    "seen-member",
    "seen-header",
    "seen-bearer",
    "seen-basic",
    "seen-json",
    "seen-text",
    "seen-zipped",
    "seen-inflated",
    "seen-master-member",
    "seen-wrapped",
];

#[test]
fn no_secret_reaches_the_disk_through_any_door() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("rhapsode.toml");
    let keys = format!("[hep]\nkeys = {}\n", json!(KEYS));
    // First they stay in the log.
    std::fs::write(&config, format!("{keys}[storage]\nsettle_seconds = 3600\n"))?;
    let server = Server::start(options(&folder)?.argument("--config").argument(&config.to_string_lossy()))?;
    send(&server)?;
    let sent = SEEN.len() as u64;
    server.wait_for_count("SELECT count(*) AS n FROM messages", sent)?;
    let totals = server.wait_for_received(sent + 2)?;
    ensure!(totals.stored == sent && totals.refused_by("key_wrong") == 2, "{totals:?}");
    let all = [&SEEN[..], &KEYS, &MASTER_KEYS, &[WRONG_KEY]].concat();
    let check = |server: &Server, place: &str| -> Result<()> {
        let found = disk::found(&server.options.data.join(place), &SEEN)?;
        ensure!(found.len() == SEEN.len(), "{place} holds only {found:?}");
        let mut found = disk::found(&server.options.data, &all)?;
        found.retain(|text| !SEEN.contains(text));
        ensure!(found.is_empty(), "with packets in {place}: {found:?} on the disk");
        let printed = server.printed();
        let told: Vec<&&str> = all.iter().filter(|text| printed.contains(**text)).collect();
        ensure!(told.is_empty(), "{told:?} were printed:\n{printed}");
        Ok(())
    };
    check(&server, "log")?;

    // Then they settle.
    std::fs::write(&config, format!("{keys}[storage]\nsettle_seconds = 1\n"))?;
    let server = Server::start(server.kill()?)?;
    let settled = wait(Duration::from_secs(60), || {
        let status = server.get("/api/v1/status")?;
        // And perhaps those that are made of them.
        Ok(status["store"]["lake_rows"].as_u64() >= Some(sent))
    })?;
    ensure!(settled, "{}", server.get("/api/v1/status")?["store"]);
    check(&server, "lake")?;
    // And come back as they were, but for the secrets.
    for text in SEEN {
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let select = format!("SELECT count(*) AS n FROM messages WHERE encode(raw, 'hex') LIKE '%{hex}%'");
        ensure!(server.count(&select)? == 1, "{text}");
    }
    Ok(())
}

fn send(server: &Server) -> Result<()> {
    let [udp, inner, frame, stream, member, header, bearer, basic] = KEYS;
    let [as_json, as_text, zipped, zipped_text, as_member, wrapped] = MASTER_KEYS;
    let json_event = |key: &str, seen: &str| {
        json!({"Protocol": "TLS", "master-key": key, "Event": "ACCEPTED", "Message": seen}).to_string()
    };
    let text_event = |key: &str, seen: &str| format!("TLS:/CN=a:/CN=b:{key}:ACCEPTED:SUCCESS:{seen}");
    let keyed_event = |payload: &str, compress: bool| {
        packet(udp, payload, |plain| Outgoing { hep_type: 89, compress, ..plain })
    };

    // Binary: in datagrams, the last two around another packet.
    let inside = packet(inner, "seen-inner", |plain| plain)?;
    let inside_event =
        packet(inner, &json_event(wrapped, "seen-wrapped"), |plain| Outgoing { hep_type: 89, ..plain })?;
    let around = |inside: &[u8]| packet_of(udp, inside, |plain| Outgoing { hep_type: 1, ..plain });
    send_udp(
        &server.options.hep_udp,
        &[
            packet(udp, "seen-udp", |plain| plain)?,
            packet(WRONG_KEY, "refused", |plain| plain)?,
            keyed_event(&json_event(as_json, "seen-json"), false)?,
            keyed_event(&text_event(as_text, "seen-text"), false)?,
            keyed_event(&json_event(zipped, "seen-zipped"), true)?,
            keyed_event(&text_event(zipped_text, "seen-inflated"), true)?,
            around(&inside)?,
            around(&inside_event)?,
        ],
    )?;
    send_tcp(&server.options.hep_tcp, &packet(stream, "seen-stream", |plain| plain)?, &[])?;
    let (status, answer) = post_hep(server, &packet(frame, "seen-frame", |plain| plain)?)?;
    ensure!(status == 200, "{status}: {answer}");

    // JSON: keys in the item, in a header of their own, and as the two kinds of credentials.
    let item = |payload: &str, hep_type: u16, key: Option<&str>| {
        let mut item = json!({
            "rcinfo": {"srcIp": "192.0.2.1", "srcPort": 5060, "dstIp": "192.0.2.2", "dstPort": 5060, "payloadType": hep_type},
            "payload": payload,
        });
        if let Some(key) = key {
            item["rcinfo"]["capturePass"] = json!(key);
        }
        item
    };
    let items = json!([
        item("seen-member", 100, Some(member)),
        item(&json_event(as_member, "seen-master-member"), 89, Some(member)),
        item("refused", 100, Some(WRONG_KEY)),
    ]);
    let answer = post_ingest(server, &items.to_string())?;
    ensure!(answer["accepted"] == 2 && answer["refused"] == json!({"key_wrong": 1}), "{answer}");
    let event = json!({"type": 4, "timestamp": 1_700_000_000_000_000_i64, "event": {"data": {"event": "seen-basic"}}});
    for (name, value, body) in [
        ("X-Hep-Key", header.to_owned(), item("seen-header", 100, None)),
        ("Authorization", format!("Bearer {bearer}"), item("seen-bearer", 100, None)),
        ("Authorization", format!("Basic {}", base64_of(format!("janus:{basic}").as_bytes())), event),
    ] {
        let answer = post_ingest_with(server, &[(name, &value)], &body.to_string())?;
        ensure!(answer["accepted"] == 1, "{name}: {answer}");
    }
    Ok(())
}

fn packet(
    key: &str,
    payload: &str,
    change: impl for<'a> FnOnce(Outgoing<'a>) -> Outgoing<'a>,
) -> Result<Vec<u8>> {
    packet_of(key, payload.as_bytes(), change)
}

fn packet_of(
    key: &str,
    payload: &[u8],
    change: impl for<'a> FnOnce(Outgoing<'a>) -> Outgoing<'a>,
) -> Result<Vec<u8>> {
    let plain = Outgoing {
        hep_type: 100,
        seconds: 1_700_000_000,
        key: Some(key.as_bytes()),
        payload,
        ..Outgoing::new("192.0.2.1:5060".parse()?, "192.0.2.2:5060".parse()?)
    };
    let mut bytes = Vec::new();
    change(plain).encode_v3(&mut bytes).map_err(|error| anyhow::anyhow!("{error:?}")).context("a packet")?;
    Ok(bytes)
}
