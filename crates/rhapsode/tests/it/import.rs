//! Recorded traffic through the built program: taken apart, made, and imported once.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use testkit::recordings::fixtures_folder;
use testkit::server::Server;

use crate::{BINARY, options};

fn run(words: &[&str]) -> Result<Output> {
    Ok(Command::new(BINARY).args(words).output()?)
}

fn printed(words: &[&str]) -> Result<String> {
    let output = run(words)?;
    ensure!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn import(server: &Server, state: &Path, words: &[&str]) -> Result<String> {
    let data = server.options.data.to_string_lossy().into_owned();
    let state = state.to_string_lossy().into_owned();
    printed(&[&["import"], words, &["--data", &data, "--state", &state]].concat())
}

#[test]
fn a_packet_is_made_and_taken_apart_again() -> Result<()> {
    let made = printed(&[
        "hep",
        "encode",
        "OPTIONS sip:a@b SIP/2.0\\r\\nCall-ID: made@test\\r\\n\\r\\n",
        "--src",
        "[2001:db8::1]:5060",
        "--dst",
        "[2001:db8::2]:5070",
        "--time",
        "2020-06-24T05:16:26.669278Z",
        "--node",
        "edge-1",
        "--key",
        "very secret",
        "--chunk",
        "9:0x0014:00000007",
    ])?;
    let shown = printed(&["hep", "decode", made.trim()])?;
    for wanted in
        ["2001:db8::1", "5070", "edge-1", "2020-06-24T05:16:26Z", "669278", "eep_um", "Call-ID: made@test"]
    {
        ensure!(shown.contains(wanted), "no {wanted} in\n{shown}");
    }
    ensure!(!shown.contains("very secret"), "keys are shown only when asked for:\n{shown}");
    ensure!(printed(&["hep", "decode", "--show-key", made.trim()])?.contains("very secret"));
    // Through the JSON form and back: the same packet but for the key, which the JSON leaves out.
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("packet.json");
    std::fs::write(&file, printed(&["hep", "decode", "--json", made.trim()])?)?;
    let again = printed(&["hep", "encode", "--json", &file.to_string_lossy()])?;
    let shown = printed(&["hep", "decode", again.trim()])?;
    ensure!(shown.contains("Call-ID: made@test") && shown.contains("eep_um"), "{shown}");
    let refused = run(&["hep", "decode", "nonsense"])?;
    ensure!(!refused.status.success(), "what is neither a file nor hex is refused");
    Ok(())
}

#[test]
fn recordings_are_imported_once_with_every_packet_accounted_for() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(options(&folder)?)?;
    let state = folder.path().join("state");
    let mut packets = 0;
    for name in ["kamailio-hep3-udp.pcap", "kamailio-hep1-udp.pcap", "kamailio-hep3-tcp.tcp-1.bin"] {
        let file = fixtures_folder().join(name);
        let expected = std::fs::read(fixtures_folder().join(format!("{name}.expected.json")))?;
        let expected: serde_json::Value = serde_json::from_slice(&expected)?;
        let count = expected["count"].as_u64().context("a count")?;
        let said = import(&server, &state, &[&file.to_string_lossy()])?;
        ensure!(said.contains("none refused"), "{name}: {said}");
        packets += count;
        server.wait_for_count("SELECT count(*) AS n FROM messages", packets)?;
        let said = import(&server, &state, &[&file.to_string_lossy()])?;
        ensure!(said.contains("imported before"), "{name}: {said}");
    }
    let totals = server.wait_for_received(packets)?;
    ensure!(totals.received == packets && totals.stored == packets, "{packets} packets, {totals:?}");
    // The first version says no time: it is that of the capture.
    let timeless =
        server.count("SELECT count(*) AS n FROM messages WHERE ts > TIMESTAMP '2026-11-25T00:00:00Z'")?;
    ensure!(timeless == 0, "{timeless} packets have the time of the import");
    Ok(())
}

/// An import ended between the request and its answer: what is written down does not know whether it arrived.
#[test]
fn an_interrupted_import_goes_on_without_storing_anything_twice() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(options(&folder)?)?;
    let state = folder.path().join("state");
    let file = fixtures_folder().join("kamailio-hep3-udp.pcap");
    let before = server.get("/api/v1/status")?["now"].as_str().context("a time")?.to_owned();
    let before: jiff::Timestamp = before.parse()?;
    import(&server, &state, &[&file.to_string_lossy()])?;
    let stored = server.count("SELECT count(*) AS n FROM messages")?;
    server.wait_for_count("SELECT count(*) AS n FROM messages", stored.max(1))?;
    let path = std::fs::read_dir(&state)?.next().context("a state")??.path();
    let mut written: serde_json::Value = serde_json::from_slice(&std::fs::read(&path)?)?;
    let packets = written["position"].as_u64().context("a position")?;
    server.wait_for_count("SELECT count(*) AS n FROM messages", packets)?;
    written["position"] = 0.into();
    written["done"] = false.into();
    written["totals"] = serde_json::json!({"stored": 0, "keepalives": 0, "refused": {}});
    written["in_flight"] = serde_json::json!({"packets": packets, "since": before.as_microsecond()});
    std::fs::write(&path, written.to_string())?;
    let said = import(&server, &state, &[&file.to_string_lossy()])?;
    ensure!(said.contains("none refused"), "{said}");
    let totals = server.wait_for_received(packets)?;
    ensure!(totals.received == packets, "{packets} packets, {totals:?}: some were sent twice");
    // Moved times make other packets, and so another import.
    import(&server, &state, &["--shift", "now", &file.to_string_lossy()])?;
    let totals = server.wait_for_received(2 * packets)?;
    ensure!(totals.stored == 2 * packets, "{totals:?}");
    server
        .wait_for_count("SELECT count(*) AS n FROM messages WHERE ts > now() - INTERVAL '1 hour'", packets)?;
    Ok(())
}

#[test]
fn call_records_of_asterisk_become_rows() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(options(&folder)?)?;
    let state = folder.path().join("state");
    let file = folder.path().join("Master.csv");
    std::fs::write(
        &file,
        "\"\"\"Alice\"\" <100>\",\"100\",\"200\",\"default\",\"PJSIP/100-1\",\"PJSIP/200-2\",\"Dial\",\"PJSIP/200\",\
         \"2026-11-20 10:00:00\",\"2026-11-20 10:00:03\",\"2026-11-20 10:01:03\",63,60,\"ANSWERED\",\"DOCUMENTATION\",\
         \"\",\"1732096800.1\",\"\",\"1\",\"record-1@test\",\"\"\n",
    )?;
    let said =
        import(&server, &state, &["--cdr", "asterisk", "--utc-offset", "+02:00", &file.to_string_lossy()])?;
    ensure!(said.contains("1 call records") && said.contains("none refused"), "{said}");
    server.wait_for_count(
        "SELECT count(*) AS n FROM cdr WHERE call_id = 'record-1@test' AND billsec = 60",
        1,
    )?;
    Ok(())
}
