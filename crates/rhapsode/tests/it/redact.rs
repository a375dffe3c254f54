//! What `[redact]` names is in no file of the data folder, and in no answer.

use anyhow::{Result, anyhow, ensure};
use hep::Outgoing;
use testkit::disk;
use testkit::server::{Server, post_ingest, send_udp};

use crate::options;

/// What must go, one of each kind.
const SECRETS: [&str; 5] = [
    "6629fae49393a05397450978507c4ef1",
    "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
    "meetMeAtNineTonight",
    "meetMeAtTenTonight",
    "Signal=7",
];

/// What stays of the same messages.
const SEEN: [&str; 5] = ["seen-digest", "seen-crypto", "seen-message", "seen-wrapped", "seen-dtmf"];

fn messages() -> [String; 5] {
    let [digest, crypto, text, wrapped, digit] = SECRETS;
    let head = |method: &str, seen: &str| {
        format!("{method} sip:bob@example.org SIP/2.0\r\nCall-ID: {seen}\r\nCSeq: 1 {method}\r\n")
    };
    let message =
        |seen: &str, text: &str| format!("{}Content-Type: text/plain\r\n\r\n{text}", head("MESSAGE", seen));
    [
        format!(
            "{}Authorization: Digest username=\"a\", nonce=\"n\", response=\"{digest}\"\r\n\r\n",
            head("REGISTER", SEEN[0])
        ),
        format!(
            "{}Content-Type: application/sdp\r\n\r\nv=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{crypto}|2^20\r\n",
            head("INVITE", SEEN[1])
        ),
        message(SEEN[2], text),
        serde_json::json!({"time": 1, "payload": message(SEEN[3], wrapped)}).to_string(),
        format!(
            "{}Content-Type: application/dtmf-relay\r\n\r\n{digit}\r\nDuration=160\r\n",
            head("INFO", SEEN[4])
        ),
    ]
}

fn send(server: &Server) -> Result<()> {
    let messages = messages();
    let mut datagrams = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        let packet = Outgoing {
            hep_type: 1,
            seconds: 1_700_000_000,
            payload: message.as_bytes(),
            compress: place == 2,
            ..Outgoing::new("192.0.2.1:5060".parse()?, "192.0.2.2:5060".parse()?)
        };
        let mut bytes = Vec::new();
        packet.encode_v3(&mut bytes).map_err(|error| anyhow!("{error:?}"))?;
        datagrams.push(bytes);
    }
    send_udp(&server.options.hep_udp, &datagrams)?;
    // By another door too.
    let item = serde_json::json!({
        "rcinfo": {"srcIp": "192.0.2.1", "srcPort": 5060, "dstIp": "192.0.2.2", "dstPort": 5060, "payloadType": 1},
        "payload": messages[0],
    });
    let answer = post_ingest(server, &item.to_string())?;
    ensure!(answer["accepted"] == 1, "{answer}");
    server.wait_for_count("SELECT count(*) AS n FROM sip", 6)?;
    Ok(())
}

#[test]
fn what_is_redacted_is_nowhere_and_what_is_not_is_exact() -> Result<()> {
    let all = "[redact]\ndigest = true\nsrtp = true\nmessage_bodies = true\ndtmf = true\n";
    for (settings, is_redacted) in [(all, true), ("", false)] {
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("rhapsode.toml");
        std::fs::write(&config, settings)?;
        let options = options(&folder)?.argument("--config").argument(&config.to_string_lossy());
        let server = Server::start(options)?;
        send(&server)?;
        let exported = server
            .get_bytes("/api/v1/export?format=text&from=2023-01-01T00:00:00Z&to=2024-01-01T00:00:00Z")?;
        let exported = String::from_utf8_lossy(&exported).into_owned();
        for (secret, seen) in SECRETS.into_iter().zip(SEEN) {
            ensure!(exported.contains(seen), "{seen} in\n{exported}");
            ensure!(exported.contains(secret) != is_redacted, "{secret} in\n{exported}");
        }
        let found = disk::found(&server.options.data, &[&SECRETS[..], &SEEN].concat())?;
        let secrets = found.iter().filter(|text| SECRETS.contains(text)).count();
        // What came compressed is written as it came, unless something had to be taken out of it.
        let in_plain = if is_redacted { SEEN.len() } else { SEEN.len() - 1 };
        ensure!(secrets == if is_redacted { 0 } else { in_plain }, "{found:?}");
        ensure!(found.len() - secrets == in_plain, "{found:?}");
    }
    Ok(())
}
