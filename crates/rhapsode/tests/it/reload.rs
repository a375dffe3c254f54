//! SIGHUP: what may change while a server runs does, what may not is named, and a wrong file changes nothing.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testkit::server::{Server, options_packet, post_hep, wait};

use crate::options;

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_reload_takes_over_keys_ages_and_levels_and_names_what_waits() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("rhapsode.toml");
    std::fs::write(&config, "")?;
    let server = Server::start(options(&folder)?.argument("--config").argument(&config.to_string_lossy()))?;
    let mut connection = TcpStream::connect(&server.options.hep_tcp)?;
    connection.write_all(&options_packet("before"))?;
    server.wait_for_received(1)?;

    let changed = "[hep]\nkeys = [\"a\"]\n[retention.days]\nsip = 3\n[log]\nlevel = \"debug\"\n[query]\nseconds_max = 5\n";
    let told = reload(&server, &config, changed)?;
    ensure!(told.contains("taken over: hep.keys, retention.days, log.level"), "{told}");
    ensure!(told.contains("these changes wait for a restart: query.seconds_max"), "{told}");
    // Also on a connection that has been open all the time.
    connection.write_all(&options_packet("without-a-key"))?;
    let refused = wait(PATIENCE, || Ok(server.totals()?.refused_by("key_missing") == 1))?;
    ensure!(refused, "{:?}", server.totals()?);
    ensure!(retention_days(&server)? == 3);

    let told = reload(&server, &config, "[hep]\nkeyz = []\n")?;
    ensure!(told.contains("not taken over") && told.contains("rhapsode.toml:2"), "{told}");
    ensure!(told.contains("did you mean keys?"), "{told}");
    let alarms = server.get("/api/v1/status")?["alarms"].to_string();
    ensure!(alarms.contains("configuration") && alarms.contains("rhapsode.toml:2"), "{alarms}");
    connection.write_all(&options_packet("still-without"))?;
    let refused = wait(PATIENCE, || Ok(server.totals()?.refused_by("key_missing") == 2))?;
    ensure!(refused, "{:?}", server.totals()?);

    let told = reload(&server, &config, "[log]\nlevel = \"nonsense=[\"\n")?;
    ensure!(told.contains("not taken over") && told.contains("log.level"), "{told}");

    let told = reload(&server, &config, "")?;
    ensure!(told.contains("taken over: hep.keys, retention.days, log.level"), "{told}");
    ensure!(!told.contains("wait for a restart"), "{told}");
    let (status, answer) = post_hep(&server, &options_packet("after"))?;
    ensure!(status == 200, "{status}: {answer}");
    server.wait_for_count("SELECT count(*) AS n FROM sip WHERE call_id IN ('before', 'after')", 2)?;
    ensure!(server.count("SELECT count(*) AS n FROM sip")? == 2, "refused packets were kept");
    let alarms = server.get("/api/v1/status")?["alarms"].to_string();
    ensure!(!alarms.contains("configuration"), "{alarms}");

    let (code, _, printed) = server.terminate()?;
    ensure!(code == Some(0), "{printed}");
    Ok(())
}

/// What the server says of it.
fn reload(server: &Server, config: &Path, toml: &str) -> Result<String> {
    std::fs::write(config, toml)?;
    let before = server.printed().len();
    let status = Command::new("kill").args(["-HUP", &server.process_id().to_string()]).status()?;
    ensure!(status.success(), "kill -HUP failed");
    let mut told = String::new();
    let done = wait(PATIENCE, || {
        told = server.printed()[before..].to_owned();
        Ok(told.contains("configuration not taken over") || told.contains("configuration read again"))
    })?;
    ensure!(done, "nothing was said of the reload: {told}");
    Ok(told)
}

fn retention_days(server: &Server) -> Result<u64> {
    let status = server.get("/api/v1/status")?;
    let tables = status["store"]["tables"].as_array().context("the status has no tables")?;
    let sip = tables.iter().find(|table| table["name"] == "sip").context("no table sip")?;
    sip["retention_days"].as_u64().context("no retention_days")
}
