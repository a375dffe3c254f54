//! The lake in a bucket: what is accepted is there once, as with a lake in a folder.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use testkit::programs::{Program, find_s3_server};
use testkit::server::{Options, Server, free_tcp_port, options_packet, post_hep, wait};

use crate::crash::{kill_under_load, settling_often};
use crate::options;
use crate::shared_lake::two_writers;

const BUCKET: &str = "traffic";

/// The S3 server is Python on the same two cores: how often it is asked counts here, not how much it takes.
const MESSAGES_PER_SECOND: u64 = 2_000;

#[test]
fn kill_nine_with_the_lake_in_a_bucket_loses_nothing_accepted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(s3) = S3::start(folder.path())? else { return Ok(()) };
    kill_under_load(settling_often(&folder, s3.lake_of(options(&folder)?))?, 6, MESSAGES_PER_SECOND)?;
    ensure!(!folder.path().join("data/lake").exists(), "nothing of the lake is in the data folder");
    Ok(())
}

#[test]
fn two_servers_with_one_bucket_lose_and_double_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(s3) = S3::start(folder.path())? else { return Ok(()) };
    two_writers(&folder, |options| s3.lake_of(options))
}

/// Receiving goes on, an alarm tells, and what waited settles. Requests without an answer take effect when the S3 server
/// goes on, long after they were given up.
#[test]
fn a_bucket_that_is_away_for_a_while_loses_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(s3) = S3::start(folder.path())? else { return Ok(()) };
    let options = s3.lake_of(options(&folder)?).variable("AWS_TIMEOUT", "2 seconds");
    let server = Server::start(settling_often(&folder, options)?)?;
    let send = |call: &str| -> Result<()> {
        let (status, answer) = post_hep(&server, &options_packet(call))?;
        ensure!(status == 200, "{status}: {answer}");
        Ok(())
    };
    let status = || server.get("/api/v1/status");
    send("before")?;
    ensure!(wait(Duration::from_secs(60), || Ok(status()?["store"]["lake_rows"] == 1))?, "{}", status()?);
    s3.program.pause()?;
    send("meanwhile")?;
    let told = wait(Duration::from_secs(90), || Ok(status()?["alarms"].to_string().contains("settle")))?;
    ensure!(told, "{}", status()?["alarms"]);
    send("still")?;
    s3.program.resume()?;
    ensure!(wait(Duration::from_secs(60), || Ok(status()?["store"]["lake_rows"] == 3))?, "{}", status()?);
    // A table's rows show before the round that clears the alarm has ended.
    let quiet =
        wait(Duration::from_secs(60), || Ok(status()?["alarms"].as_array().is_some_and(Vec::is_empty)))?;
    ensure!(quiet, "{}", status()?["alarms"]);
    ensure!(server.count("SELECT count(DISTINCT call_id) AS n FROM messages")? == 3);
    Ok(())
}

/// A server of S3 with an empty bucket. Ended when dropped.
pub(crate) struct S3 {
    program: Program,
    port: u16,
}

impl S3 {
    /// `None` where it is not installed.
    pub(crate) fn start(log_folder: &Path) -> Result<Option<Self>> {
        let Some(mut command) = find_s3_server()? else { return Ok(None) };
        let port = free_tcp_port()?;
        command.args([&port.to_string(), BUCKET]);
        let mut program = Program::start("s3", command, log_folder)?;
        let ready = wait(Duration::from_secs(60), || {
            ensure!(program.is_running(), "the S3 server ended:\n{}", program.printed());
            Ok(program.printed().contains("ready"))
        })?;
        ensure!(ready, "the S3 server is not ready:\n{}", program.printed());
        Ok(Some(Self { program, port }))
    }

    pub(crate) fn lake_of(&self, options: Options) -> Options {
        options
            .argument("--lake")
            .argument(&format!("s3://{BUCKET}/voice"))
            .variable("AWS_ENDPOINT_URL", &format!("http://127.0.0.1:{}", self.port))
            .variable("AWS_ACCESS_KEY_ID", "test")
            .variable("AWS_SECRET_ACCESS_KEY", "test")
    }
}
