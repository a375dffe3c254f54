//! A real Janus posts its events while two WebRTC clients talk through it: found, and drawn as a call of sessions and
//! handles. They meet at an address of the machine's own network, since ICE offers none of loopback.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testkit::programs::{find, find_webrtc_client};
use testkit::server::{free_tcp_port, wait};

use crate::commands::rhapsode;
use crate::stage::Stage;

/// What the application calls what its people do together.
const OPAQUE_ID: &str = "meeting-7f3a";

const KEY: &str = "what Janus may know";

/// ICE, DTLS and the first frames of five streams, on a machine that does much else.
const CONNECTED_TIME_MAX: Duration = Duration::from_secs(90);

/// Kinds of events, each with one that must have come: of two sessions, three handles, their negotiation, their
/// connections and their media.
const EVENTS: &[(&str, &str, u64)] = &[
    ("core", "event = 'started'", 1),
    ("session", "event = 'created'", 2),
    ("transport", "true", 1),
    ("handle", "event = 'attached' AND plugin = 'janus.plugin.videoroom'", 2),
    ("handle", "event = 'attached' AND plugin = 'janus.plugin.echotest'", 1),
    ("jsep", "event = 'remote offer'", 2),
    ("jsep", "event = 'local offer'", 1),
    ("jsep", "event = 'local answer'", 2),
    ("jsep", "event = 'remote answer'", 1),
    ("webrtc", "event = 'selected-pair'", 3),
    ("webrtc", "event = 'connected'", 3),
    ("media", "event = 'audio receiving'", 1),
    ("media", "event = 'video receiving'", 1),
    ("media", "event LIKE '%statistics'", 3),
    ("plugin", "event = 'joined' AND room = '1234' AND participant = 'alice'", 1),
    ("plugin", "event = 'published' AND room = '1234'", 1),
];

/// And when the clients have hung up and left.
const LAST_EVENTS: &[(&str, &str, u64)] =
    &[("handle", "event = 'detached'", 3), ("session", "event = 'destroyed'", 2)];

#[test]
fn live_janus_tells_of_a_meeting_and_it_is_drawn_as_a_call() -> Result<()> {
    let (Some(janus), Some(mut client)) = (find("janus")?, find_webrtc_client()?) else { return Ok(()) };
    let stage = Stage::new("live-janus")?;
    let server = stage.server_with(&format!("[hep]\nkeys = [\"{KEY}\"]\n"))?;
    let port = free_tcp_port()?;
    let configuration = stage.folder.path().join("janus");
    let backend = server.url("/api/v1/ingest");
    for (name, value) in [("@PORT@", port.to_string().as_str()), ("@BACKEND@", &backend), ("@KEY@", KEY)] {
        fill(&configuration, name, value)?;
    }
    let mut command = Command::new(janus);
    command.arg("-C").arg(configuration.join("janus.jcfg")).arg("-F").arg(&configuration);
    let mut media_server = stage.start("janus", command)?;
    let listening = wait(Duration::from_secs(30), || {
        ensure!(media_server.is_running(), "Janus ended:\n{}", media_server.printed());
        Ok(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())
    })?;
    ensure!(listening, "Janus does not listen on {port}:\n{}", media_server.printed());

    client.arg(format!("http://127.0.0.1:{port}/janus")).arg(OPAQUE_ID);
    let mut clients = stage.start("webrtc-clients", client)?;
    let connected = wait(CONNECTED_TIME_MAX, || {
        ensure!(clients.is_running(), "the clients ended:\n{}", clients.printed());
        Ok(clients.printed().contains("connected"))
    })?;
    ensure!(connected, "no media came:\n{}", clients.printed());
    let came = |events: &[(&str, &str, u64)]| -> Result<()> {
        for (kind, more, count) in events {
            let select = format!(
                "SELECT count(*) AS n FROM event WHERE source = 'janus' AND kind = '{kind}' AND ({more})"
            );
            server.wait_for_count(&select, *count)?;
        }
        Ok(())
    };
    came(EVENTS)?;
    clients.end(Duration::from_secs(30))?;
    came(LAST_EVENTS)?;
    drop(media_server);

    // With the HEP key as the password of its event handler, as docs/api.md says.
    let totals = server.totals()?;
    ensure!(totals.refused == 0 && totals.dropped == 0, "{totals:?}");

    let actors = server.sql(&format!(
        "SELECT DISTINCT session_id, handle_id FROM event WHERE opaque_id = '{OPAQUE_ID}' AND correlation_id = '{OPAQUE_ID}' \
         AND node = 'janus-test' AND handle_id IS NOT NULL ORDER BY 1, 2"
    ))?;
    ensure!(actors.len() == 3, "a publisher, a subscriber and an echo: {actors:?}");
    let call = server.get(&format!("/api/v1/call/{OPAQUE_ID}"))?;
    let messages = call["messages"].as_array().context("messages")?;
    let ladder = rhapsode(&server, &["call", "--width", "240", OPAQUE_ID])?;
    std::fs::write(stage.output.join("call.txt"), &ladder)?;
    for actor in &actors {
        let id = |name: &str| actor[name].as_str().context("an id is a text");
        let (session, handle) = (id("session_id")?, id("handle_id")?);
        let found = rhapsode(&server, &["search", "-m", &format!("handle_id = {handle} and kind = webrtc")])?;
        ensure!(found.contains("Janus webrtc connected"), "{found}");
        let found =
            rhapsode(&server, &["search", "-m", &format!("session_id = {session} and kind = session")])?;
        ensure!(found.contains("Janus session created"), "{found}");
        let expected = serde_json::json!([format!("session {session}"), format!("handle {handle}")]);
        ensure!(messages.iter().any(|message| message["actors"] == expected), "{expected} in {call}");
        for column in [format!("session {session}"), format!("handle {handle}")] {
            ensure!(ladder.contains(&column), "no {column} in\n{ladder}");
        }
    }
    for label in ["attached", "remote offer", "local answer", "connected", "receiving", "joined room 1234"] {
        ensure!(ladder.contains(label), "no {label} in\n{ladder}");
    }
    ensure!(!ladder.contains("127.0.0.1  "), "the host they are in took no part:\n{ladder}");
    Ok(())
}

/// Puts the value in the place of its name in all files of a folder.
fn fill(folder: &Path, name: &str, value: &str) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let filled = std::fs::read_to_string(&path)?.replace(name, value);
        std::fs::write(path, filled)?;
    }
    Ok(())
}
