//! The terminal's way in: what each command prints, against a running server.

use std::process::Command;

use anyhow::{Result, ensure};
use testkit::recordings::recording;
use testkit::server::{Server, send_udp};

use crate::{BINARY, options};

/// Runs a client command against the server's data folder; standard output.
pub(crate) fn rhapsode(server: &Server, words: &[&str]) -> Result<String> {
    let output = Command::new(BINARY).args(words).arg("--data").arg(&server.options.data).output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "rhapsode {words:?}: {error}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn search_call_sql_and_export_answer_from_recorded_traffic() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(options(&folder)?)?;
    let Some(recording) = recording("kamailio-hep3-udp.pcap")? else { return Ok(()) };
    send_udp(&server.options.hep_udp, &recording.pieces)?;
    let count = recording.pieces.len() as u64;
    server.wait_for_received(count)?;
    server.wait_for_count("SELECT count(*) AS n FROM messages", count)?;
    let call_id = recording
        .expected
        .packets
        .iter()
        .find_map(|packet| packet.sip.as_ref()?.call_id.clone())
        .expect("the recording holds SIP");
    // Calls have rows a moment after their messages.
    let asked = server.count("SELECT count(DISTINCT call_id) AS n FROM sip WHERE method = 'INVITE'")?;
    server.wait_for_count("SELECT count(*) AS n FROM calls", asked)?;
    // Recorded in the past: the range must reach back to it.
    let since = "--from=2026-01-01T00:00:00Z";

    let calls = rhapsode(&server, &["search", since, "--limit", "200"])?;
    ensure!(calls.contains(&call_id) && calls.contains("call-id"), "{calls}");
    let failed = rhapsode(&server, &["search", since, "status = 486"])?;
    ensure!(failed.contains("486") && !failed.contains(&call_id), "{failed}");
    let messages = rhapsode(&server, &["search", "-m", since, "method = REGISTER"])?;
    ensure!(messages.contains("REGISTER") && !messages.contains("INVITE"), "{messages}");

    let ladder = rhapsode(&server, &["call", &call_id])?;
    for label in ["INVITE", "100", "200", "ACK", "BYE", "127.0.0.1:5060", "WHO_HUNG_UP"] {
        ensure!(ladder.contains(label), "no {label} in\n{ladder}");
    }

    let rows = rhapsode(&server, &["sql", "SELECT count(*) AS n FROM messages"])?;
    ensure!(rows.trim() == format!("n\n{count}"), "{rows}");

    let file = folder.path().join("call.txt");
    rhapsode(&server, &["export", &call_id, "--format", "text", "-o", &file.to_string_lossy()])?;
    let text = std::fs::read_to_string(&file)?;
    ensure!(text.contains("INVITE sip:") && text.contains(&call_id), "{text}");
    Ok(())
}

#[test]
fn a_query_error_points_at_the_place_and_suggests_the_near_name() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(options(&folder)?)?;
    let output = Command::new(BINARY)
        .args(["search", "methd = INVITE", "--data"])
        .arg(&server.options.data)
        .output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(!output.status.success() && error.contains("methd") && error.contains("method"), "{error}");
    Ok(())
}

#[test]
fn without_a_server_the_message_says_what_to_do() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let output = Command::new(BINARY).args(["search", "--data"]).arg(folder.path()).output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(!output.status.success() && error.contains("rhapsode serve"), "{error}");
    Ok(())
}

#[test]
fn generated_traffic_arrives_whole() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(options(&folder)?)?;
    let to = format!("udp:{}", server.options.hep_udp);
    let output = Command::new(BINARY)
        .args(["generate", "--to", &to, "--messages", "20000", "--rate", "10000", "--seed", "7"])
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let totals = server.wait_for_received(20_000)?;
    ensure!(totals.received == 20_000 && totals.stored == 20_000, "{totals:?}");
    server.wait_for_count("SELECT count(*) AS n FROM messages", 20_000)?;
    Ok(())
}
