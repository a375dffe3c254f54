//! Two servers, each with its own data folder, and one lake: no row is lost, none is there twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use testkit::server::{Options, Server, options_packet, wait};

use crate::BINARY;
use crate::crash::{settling_often, spawn_sender};

/// To each of the two; what matters here is how often they settle, which is as often as with more.
const MESSAGES_PER_SECOND: u64 = 2_000;

/// How often the second is killed and started again while both settle.
const KILLS: u64 = 3;

#[test]
fn two_servers_with_one_lake_lose_and_double_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let lake = folder.path().join("lake");
    two_writers(&folder, |options| options.argument("--lake").argument(&lake.to_string_lossy()))
}

/// `lake` says where the lake of both is.
pub(crate) fn two_writers(folder: &tempfile::TempDir, lake: impl Fn(Options) -> Options) -> Result<()> {
    let options = |name: &str| -> Result<Options> {
        settling_often(folder, lake(Options::new(BINARY, folder.path().join(name))?))
    };
    let first = Server::start(options("first")?)?;
    let mut second = Server::start(options("second")?)?;
    let stop = Arc::new(AtomicBool::new(false));
    let send = |name: &'static str, to: &str, sent: &Arc<AtomicU64>| {
        let packet = move |number| options_packet(&format!("{name}-{number}"));
        spawn_sender(to, MESSAGES_PER_SECOND, sent, &stop, packet)
    };
    let (sent_first, sent_second) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let to_first = send("first", &first.options.hep_udp, &sent_first);
    let to_second = send("second", &second.options.hep_udp, &sent_second);
    // What a killed server had accepted and not counted may be there as well.
    let mut stored_second = 0;
    for life in 0..KILLS {
        std::thread::sleep(Duration::from_millis(1_300 + 370 * life));
        stored_second += second.totals()?.stored;
        second = Server::start(second.kill()?)?;
    }
    std::thread::sleep(Duration::from_secs(2));
    stop.store(true, Ordering::Relaxed);
    for sender in [to_first, to_second] {
        sender.join().expect("the sender does not panic")?;
    }
    stored_second += second.wait_for_received(1)?.stored;

    let rows = |server: &Server, name: &str| {
        server.count(&format!("SELECT count(*) AS n FROM messages WHERE correlation_id LIKE '{name}-%'"))
    };
    // Each finds the other's once these have settled, and it has looked.
    let mut seen = [[0; 2]; 2];
    let mut stored_first = 0;
    let complete = wait(Duration::from_secs(60), || {
        // The last packets may still be on their way.
        stored_first = first.wait_for_received(1)?.stored;
        for (server, seen) in [&first, &second].into_iter().zip(&mut seen) {
            *seen = [rows(server, "first")?, rows(server, "second")?];
        }
        Ok(seen[0] == seen[1] && seen[0][0] == stored_first && seen[0][1] >= stored_second)
    })?;
    ensure!(complete, "{stored_first} and at least {stored_second} were stored, found are {seen:?}");
    ensure!(stored_second > 0, "nothing of the second was stored");
    let [of_first, of_second] = seen[0];
    ensure!(of_second <= sent_second.load(Ordering::Relaxed), "more rows than packets sent");
    for server in [&first, &second] {
        for column in ["correlation_id", "id"] {
            let distinct = server.count(&format!("SELECT count(DISTINCT {column}) AS n FROM sip"))?;
            ensure!(distinct == of_first + of_second, "{distinct} {column} in {seen:?} rows");
        }
        let alarms = &server.get("/api/v1/status")?["alarms"];
        ensure!(alarms.as_array().is_some_and(Vec::is_empty), "{alarms}");
    }
    for server in [first, second] {
        let (code, took, printed) = server.terminate()?;
        ensure!(
            code == Some(0) && took < Duration::from_secs(60),
            "exit {code:?} after {took:?}:\n{printed}"
        );
    }
    Ok(())
}
