//! The screens in Chromium, over traffic of a known seed: every page in both lights and on a phone, by axe-core and by
//! what pages may never do; and the journeys of an engineer, with their steps.

use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use testkit::programs::find;
use testkit::recordings::repository;
use testkit::server::{PASSWORD, Server, output_folder, post_hep, wait};
use traffic::{Generator, Rate, Settings};

use crate::{BINARY, options};

/// Of traffic, which ends as the test begins.
const SECONDS: i64 = 600;

/// What pages and journeys look for, beside good calls.
const MIX: &str = "good=4,busy=1,cancel=1,not_found=1,server_error=1,register=3,ack_missing=2,one_way_audio=2,\
                   quality_low=2,shaken_invalid=1";

/// An alert that fires over this traffic, for the journey that begins with one.
const ALERT: &str = "[[alert]]\nname = \"asr_low\"\nsummary = \"Few calls are answered\"\nfigure = \"calls.asr\"\n\
                     window = \"1h\"\nbelow = 99\nevery = \"1s\"\n";

#[test]
fn pages_are_accessible_and_journeys_take_no_more_steps_than_they_say() -> Result<()> {
    if find("chromium")?.is_none() {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("rhapsode.toml");
    std::fs::write(&config, ALERT)?;
    let server = Server::start(options(&folder)?.argument("--config").argument(&config.to_string_lossy()))?;
    send(&server)?;
    run(&server, "pages")?;
    run(&server, "journeys")
}

/// Runs a script of `web/e2e`; what it leaves to look at stays in the test's output.
fn run(server: &Server, script: &str) -> Result<()> {
    let run = Command::new("node")
        .arg(repository().join("web/e2e").join(script).with_extension("mjs"))
        .current_dir(repository().join("web"))
        .env("BASE_URL", server.url(""))
        .env("USER", "admin")
        .env("PASSWORD", PASSWORD)
        .env("PROGRAM", BINARY)
        .env("TOKEN", server.token())
        .env("OUT_DIR", output_folder(script)?)
        .output()
        .context("cannot start node")?;
    let printed = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    ensure!(run.status.success(), "{script} in the browser failed ({}):\n{printed}", run.status);
    ensure!(!printed.contains("LEFT OUT"), "{printed}");
    Ok(())
}

/// Sends the traffic at once, and waits until the calls in it are told and the alert fires.
fn send(server: &Server) -> Result<()> {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?;
    let start = now - SECONDS * 1_000_000;
    let settings = Settings { mix: MIX.parse()?, ..Settings::new(7, start, Rate::Calls(1.0)) };
    let events = Generator::new(&settings).take_while(|event| event.about.at_micros < now);
    let packets: Vec<Vec<u8>> = events.map(|event| event.hep).collect();
    for packets in packets.chunks(200) {
        let (status, answer) = post_hep(server, &packets.concat())?;
        ensure!(status == 200, "{status}: {answer}");
    }
    server.wait_for_count("SELECT count(*) AS n FROM messages", packets.len() as u64)?;
    let found = "SELECT count(*) AS n FROM calls WHERE array_has(finding, 'ACK_MISSING')";
    // What is missing is missing 35 seconds after the last message of a call has come.
    ensure!(wait(Duration::from_secs(90), || Ok(server.count(found)? > 0))?, "no call with ACK_MISSING");
    let fires = || -> Result<bool> {
        Ok(server.get("/api/v1/status")?["alerts"]["firing"].as_array().is_some_and(|all| !all.is_empty()))
    };
    ensure!(wait(Duration::from_secs(30), fires)?, "no alert fires");
    Ok(())
}
