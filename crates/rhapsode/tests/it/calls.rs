//! Rows of calls: each call has one, whatever happens to the server meanwhile, and it says what all messages say.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::server::{Server, post_hep, wait};
use traffic::{Generator, Mix, Rate, Scenario, Settings};

use crate::crash::settling_often;
use crate::options;

/// Of traffic; it is sent faster than it happened.
const SECONDS: i64 = 240;

/// Lives of the server that end while calls go on: every other one by SIGKILL.
const LIVES: usize = 4;

#[test]
fn calls_that_go_on_over_restarts_are_told_once_and_whole() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut next = settling_often(&folder, options(&folder)?)?;
    let packets = packets()?;
    for (life, part) in packets.chunks(packets.len().div_ceil(LIVES)).enumerate() {
        let server = Server::start(next)?;
        for packets in part.chunks(200) {
            let (status, answer) = post_hep(&server, &packets.concat())?;
            ensure!(status == 200, "{status}: {answer}");
            std::thread::sleep(Duration::from_millis(30));
        }
        next = if life % 2 == 0 {
            server.kill()?
        } else {
            let options = server.options.clone();
            let (code, _, printed) = server.terminate()?;
            ensure!(code == Some(0), "{printed}");
            options
        };
    }
    each_is_told_once(Server::start(next)?)
}

/// Of all calls of [`packets`], which the server has.
pub(crate) fn each_is_told_once(server: Server) -> Result<()> {
    let asked = server.count("SELECT count(DISTINCT call_id) AS n FROM sip WHERE method = 'INVITE'")?;
    ensure!(asked > 150, "{asked} calls");
    // Those that ring or are in conversation when the traffic ends go on.
    let ending =
        "SELECT count(*) AS n FROM calls WHERE is_open AND state NOT IN ('calling', 'ringing', 'answered')";
    let told = wait(Duration::from_secs(120), || {
        Ok(server.count("SELECT count(*) AS n FROM calls")? >= asked && server.count(ending)? == 0)
    })?;
    ensure!(
        told,
        "{asked} calls: {:?}",
        server.sql("SELECT state, is_open, count(*) AS n FROM calls GROUP BY 1, 2")?
    );

    let rows =
        server.sql("SELECT call_id, count(*) AS n, count(DISTINCT id) AS ids FROM calls GROUP BY call_id")?;
    ensure!(rows.len() as u64 == asked, "{} of {asked} calls have a row", rows.len());
    let twice: Vec<&Value> = rows.iter().filter(|row| row["n"] != 1 || row["ids"] != 1).collect();
    ensure!(twice.is_empty(), "told more than once: {twice:?}");
    // Each as its page says, which reads the messages.
    let rows = server.sql(
        "SELECT call_id, state, status, messages, array_to_string(finding, ' ') AS found FROM calls WHERE NOT is_open \
         ORDER BY call_id LIMIT 100",
    )?;
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    for row in &rows {
        let call_id = row["call_id"].as_str().context("a Call-ID")?;
        let page = server.get(&format!("/api/v1/call/{call_id}"))?;
        let session = &page["sessions"][0];
        ensure!(row["state"] == session["state"] && row["status"] == session["status"], "{row}\n{session}");
        let found: Vec<&str> = page["findings"]
            .as_array()
            .context("findings")?
            .iter()
            .filter_map(|finding| finding["id"].as_str())
            .collect();
        ensure!(row["found"].as_str().unwrap_or_default() == found.join(" "), "{row}\n{found:?}");
        *states.entry(row["state"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    ensure!(states.len() >= 3, "{states:?}");
    let (code, took, printed) = server.terminate()?;
    ensure!(code == Some(0), "exit {code:?} after {took:?}:\n{printed}");
    Ok(())
}

/// What was told is not told again by a server that starts on it, also if nothing comes meanwhile.
#[test]
fn restarts_without_traffic_tell_no_call_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(settling_often(&folder, options(&folder)?)?)?;
    let packets = packets()?;
    for packets in packets.chunks(200) {
        let (status, answer) = post_hep(&server, &packets.concat())?;
        ensure!(status == 200, "{status}: {answer}");
    }
    server.wait_for_count("SELECT count(*) AS n FROM messages", packets.len() as u64)?;
    let asked = server.count("SELECT count(DISTINCT call_id) AS n FROM sip WHERE method = 'REGISTER'")?;
    let done = "SELECT count(*) AS n FROM registrations WHERE state = 'done' AND NOT is_open";
    // Some are cut off by the end of the traffic.
    let told = wait(Duration::from_secs(60), || Ok(server.count(done)? * 2 > asked))?;
    ensure!(told && asked > 10, "{} of {asked} registrations", server.count(done)?);
    let done = server.count(done)?;
    let mut position = position(&server)?;
    for _ in 0..3 {
        server = Server::start(server.kill()?)?;
        // By then calls that went on are taken up again, and have settled as such.
        let taken_up = "SELECT count(*) AS n FROM calls WHERE is_open";
        ensure!(wait(Duration::from_secs(30), || Ok(server.count(taken_up)? > 0))?, "no call goes on");
        std::thread::sleep(Duration::from_secs(3));
        // What comes before it is told: going back would tell it once more.
        let now = self::position(&server)?;
        ensure!(now >= position, "rows told of all up to block {position}, and now up to {now}");
        position = now;
    }
    let rows = "SELECT count(*) AS n FROM registrations WHERE state = 'done' AND NOT is_open";
    ensure!(server.count(rows)? == done, "{} rows of {done} registrations", server.count(rows)?);
    let (code, _, printed) = server.terminate()?;
    ensure!(code == Some(0), "{printed}");
    Ok(())
}

/// Up to which block of the log rows tell of all, as far as a restart would know; waits until that is written.
fn position(server: &Server) -> Result<u64> {
    let path = server.options.data.join("going-on.json");
    ensure!(wait(Duration::from_secs(30), || Ok(path.exists()))?, "no {}", path.display());
    let written: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    written["position"].as_u64().context("a position")
}

/// Lifelike calls of the last minutes.
pub(crate) fn packets() -> Result<Vec<Vec<u8>>> {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?;
    let mix = Mix::of(&[
        (Scenario::Good, 4),
        (Scenario::Busy, 2),
        (Scenario::Cancel, 2),
        (Scenario::NotFound, 1),
        (Scenario::ServerError, 1),
        (Scenario::Register, 1),
    ])
    .context("a mix")?;
    let begin = now - SECONDS * 1_000_000;
    let settings = Settings { mix, ..Settings::new(7, begin, Rate::Calls(1.0)) };
    let events = Generator::new(&settings).take_while(|event| event.about.at_micros < now);
    Ok(events.map(|event| event.hep).collect())
}
