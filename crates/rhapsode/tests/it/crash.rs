//! Nothing accepted is lost: kill -9 under load, torn and flipped log tails, orderly ends.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use testkit::server::{Options, Server, post_hep};

use crate::options;

const MESSAGES_PER_SECOND: u64 = 20_000;

/// Ten lives of one data folder, each ended by SIGKILL while traffic arrives.
#[test]
fn kill_nine_under_load_ten_times_loses_nothing_accepted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let next = settling_often(&folder, options(&folder)?)?;
    kill_under_load(next, 10, MESSAGES_PER_SECOND)
}

/// Settling often puts kills before, inside and after commits of the lake.
pub(crate) fn settling_often(folder: &tempfile::TempDir, options: Options) -> Result<Options> {
    let config = folder.path().join("rhapsode.toml");
    std::fs::write(&config, "[storage]\nsettle_seconds = 1\n")?;
    Ok(options.argument("--config").argument(&config.to_string_lossy()))
}

/// So many lives of one data folder, each ended by SIGKILL while traffic arrives. All that was accepted must be there, and
/// once.
pub(crate) fn kill_under_load(mut next: Options, lives: u64, messages_per_second: u64) -> Result<()> {
    let sent = Arc::new(AtomicU64::new(0));
    let mut accepted = 0;
    for life in 0..lives {
        let server = Server::start(next.clone())?;
        let already = server.count("SELECT count(*) AS n FROM messages")?;
        ensure!(already >= accepted, "life {life}: {accepted} were accepted, but only {already} are there");

        let stop = Arc::new(AtomicBool::new(false));
        let sender = spawn_sender(&server.options.hep_udp, messages_per_second, &sent, &stop, packet);
        // Different moments of the commit and settle cycles.
        std::thread::sleep(Duration::from_millis(900 + 370 * life));
        let stored = server.totals()?.stored;
        next = server.kill()?;
        stop.store(true, Ordering::Relaxed);
        sender.join().expect("the sender does not panic")?;
        ensure!(stored > 0, "life {life} stored nothing");
        accepted = already + stored;
    }

    let server = Server::start(next.clone())?;
    let rows = server.count("SELECT count(*) AS n FROM messages")?;
    let distinct = server.count("SELECT count(DISTINCT correlation_id) AS n FROM messages")?;
    ensure!(rows >= accepted, "{accepted} were accepted, {rows} are there");
    ensure!(rows == distinct, "{rows} rows, but only {distinct} distinct packets: some are there twice");
    ensure!(rows <= sent.load(Ordering::Relaxed), "more rows than packets sent");
    let (code, took, printed) = server.terminate()?;
    ensure!(code == Some(0) && took < Duration::from_secs(60), "exit {code:?} after {took:?}:\n{printed}");
    Ok(())
}

#[test]
fn what_http_answered_survives_a_kill_at_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(options(&folder)?)?;
    for index in 0..20 {
        let (status, answer) = post_hep(&server, &packet(index))?;
        ensure!(status == 200, "{status}: {answer}");
    }
    let server = Server::start(server.kill()?)?;
    ensure!(server.count("SELECT count(*) AS n FROM messages")? == 20);
    Ok(())
}

#[test]
fn an_orderly_end_keeps_everything_and_exits_zero() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(options(&folder)?)?;
    let datagrams: Vec<Vec<u8>> = (0..5_000).map(packet).collect();
    testkit::server::send_udp(&server.options.hep_udp, &datagrams)?;
    server.wait_for_received(5_000)?;
    let again = server.options.clone();
    let (code, took, printed) = server.terminate()?;
    ensure!(code == Some(0) && took < Duration::from_secs(60), "exit {code:?} after {took:?}:\n{printed}");
    let server = Server::start(again)?;
    ensure!(server.count("SELECT count(*) AS n FROM messages")? == 5_000);
    Ok(())
}

/// Garbage after the last block, then a flipped bit inside the log: reported, the rest is there, service goes on.
#[test]
fn torn_and_flipped_log_tails_are_survived_and_reported() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(options(&folder)?)?;
    for batch in 0..30 {
        let body: Vec<u8> = (batch * 10..batch * 10 + 10).flat_map(packet).collect();
        let (status, answer) = post_hep(&server, &body)?;
        ensure!(status == 200, "{status}: {answer}");
    }
    let options = server.kill()?;

    let segment = newest_log_segment(&options.data)?;
    let mut bytes = std::fs::read(&segment)?;
    bytes.extend_from_slice(&[0x52, 0x48, 0x00, 0x01, 0xff, 0xff]);
    std::fs::write(&segment, &bytes)?;
    let server = Server::start(options)?;
    ensure!(server.count("SELECT count(*) AS n FROM messages")? == 300, "a torn tail costs nothing accepted");
    ensure!(server.printed().contains("torn") || server.printed().contains("log"), "{}", server.printed());
    let options = server.kill()?;

    let segment = newest_log_segment(&options.data)?;
    let mut bytes = std::fs::read(&segment)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(&segment, &bytes)?;
    let server = Server::start(options)?;
    let left = server.count("SELECT count(*) AS n FROM messages")?;
    ensure!((1..=300).contains(&left), "{left} rows after a flipped bit");
    let (status, _) = post_hep(&server, &packet(1_000))?;
    ensure!(status == 200, "service goes on after a damaged log");
    server.wait_for_count("SELECT count(*) AS n FROM messages", left + 1)?;
    Ok(())
}

/// Sends packets made of a growing number until told to stop.
pub(crate) fn spawn_sender(
    to: &str,
    messages_per_second: u64,
    sent: &Arc<AtomicU64>,
    stop: &Arc<AtomicBool>,
    packet: impl Fn(u64) -> Vec<u8> + Send + 'static,
) -> std::thread::JoinHandle<Result<()>> {
    let (to, sent, stop) = (to.to_owned(), Arc::clone(sent), Arc::clone(stop));
    std::thread::spawn(move || {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let started = Instant::now();
        let mut count = 0;
        // Ends by itself even if the test forgets it.
        while !stop.load(Ordering::Relaxed) && started.elapsed() < Duration::from_secs(30) {
            let due = started.elapsed().as_micros() as u64 * messages_per_second / 1_000_000;
            while count < due {
                // A refused send means the server was just killed: the packet never arrived.
                socket.send_to(&packet(sent.fetch_add(1, Ordering::Relaxed)), &to).ok();
                count += 1;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    })
}

/// A HEPv3 packet whose correlation id is its number: rows can be told apart.
pub(crate) fn packet(number: u64) -> Vec<u8> {
    testkit::server::options_packet(&format!("packet-{number}"))
}

fn newest_log_segment(data: &Path) -> Result<PathBuf> {
    let mut segments: Vec<PathBuf> = std::fs::read_dir(data.join("log"))
        .with_context(|| format!("no log in {}", data.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()?;
    segments.retain(|path| path.is_file() && path.metadata().is_ok_and(|file| file.len() > 0));
    segments.sort();
    segments.pop().context("the log has no segment")
}
