//! A disk that is full when the server starts: it says so, serves what it can, stops when told, and loses nothing. And
//! one that fills to the brim while it runs: the oldest rows go, no others, and the service continues.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::server::{Options, Server, options_packet, post_hep, wait};

use crate::BINARY;

/// Three times what is published at once, and one batch is more than memory for hot rows holds below.
const PACKETS: u64 = 24_000;

#[test]
fn a_start_on_a_full_disk_serves_with_an_alarm_and_stops_when_told() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(disk) = SmallDisk::mount(folder.path(), 24)? else {
        println!(
            "SKIPPED a_start_on_a_full_disk_serves_with_an_alarm_and_stops_when_told: cannot mount a small disk"
        );
        return Ok(());
    };
    let config = folder.path().join("rhapsode.toml");
    // Nothing settles by itself, and nothing goes for want of room.
    let write_config = |hot_bytes_max: &str| {
        let storage = format!("[storage]\nsettle_seconds = 3600\nhot_bytes_max = \"{hot_bytes_max}\"\n");
        std::fs::write(&config, storage + "[retention]\nfree_disk_min = \"1 kB\"\n")
    };
    write_config("256 MiB")?;
    let options = Options::new(BINARY, disk.0.join("data"))?.argument("--config");
    let server = Server::start(options.argument(&config.to_string_lossy()))?;
    for first in (0..PACKETS).step_by(1_000) {
        let body: Vec<u8> =
            (first..first + 1_000).flat_map(|number| options_packet(&incompressible(number))).collect();
        let (status, answer) = post_hep(&server, &body)?;
        ensure!(status == 200, "{status}: {answer}");
    }
    let options = server.kill()?;

    // Room for the users' database, none for files of the lake.
    let filler = disk.fill_but(400_000)?;
    write_config("8 MiB")?;
    let server = Server::start(options)?;
    let told = wait(Duration::from_secs(30), || {
        let alarms = server.get("/api/v1/status")?["alarms"].to_string();
        Ok(alarms.contains("the disk is full") && alarms.contains("cannot be made searchable"))
    })?;
    ensure!(told, "{}", server.get("/api/v1/status")?["alarms"]);
    let seen = server.count("SELECT count(*) AS n FROM messages")?;
    ensure!((1..PACKETS).contains(&seen), "{seen} of {PACKETS} rows are there already");
    let printed = server.printed();
    ensure!(printed.contains("HEP over UDP"), "{printed}");
    let options = server.options.clone();
    let (code, took, printed) = server.terminate()?;
    ensure!(took < Duration::from_secs(60), "stopped after {took:?}:\n{printed}");
    ensure!(code == Some(1), "{code:?}: rows could not be settled");
    ensure!(printed.contains("it is safe in the log"), "{printed}");

    std::fs::remove_file(filler)?;
    let server = Server::start(options)?;
    let distinct = "SELECT count(DISTINCT call_id) AS n FROM messages";
    ensure!(server.count("SELECT count(*) AS n FROM messages")? == PACKETS);
    ensure!(server.count(distinct)? == PACKETS);
    let (code, took, printed) = server.terminate()?;
    ensure!(code == Some(0) && took < Duration::from_secs(60), "exit {code:?} after {took:?}:\n{printed}");
    Ok(())
}

/// More than the disk holds, in requests.
const FLOOD_REQUESTS: u64 = 150;
const REQUEST_PACKETS: u64 = 3_000;

/// Before this request another program takes what is left of the disk.
const BRIM_AT: u64 = 125;

#[test]
fn a_disk_that_fills_loses_the_oldest_rows_and_no_others() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(disk) = SmallDisk::mount(folder.path(), 160)? else {
        println!("SKIPPED a_disk_that_fills_loses_the_oldest_rows_and_no_others: cannot mount a small disk");
        return Ok(());
    };
    let config = folder.path().join("rhapsode.toml");
    // Memory for few rows, so that the disk fills in small steps however fast this machine is.
    let storage = "[storage]\nsettle_seconds = 1\nhot_bytes_max = \"16 MiB\"\n";
    std::fs::write(&config, format!("{storage}[retention]\nfree_disk_min = \"32 MiB\"\n"))?;
    // So much is free at the end, whatever waits for its readers to end.
    let others = disk.0.join("others");
    std::fs::write(&others, vec![0; 32 << 20])?;
    let options = Options::new(BINARY, disk.0.join("data"))?.argument("--config");
    let server = Server::start(options.argument(&config.to_string_lossy()))?;
    let mut alarms = BTreeSet::new();
    let mut filler = None;
    for request in 0..FLOOD_REQUESTS {
        if request == BRIM_AT {
            ensure!(alarms.contains("disk_low"), "{alarms:?} before the disk is full");
            filler = Some(disk.fill()?);
            // Nor is anything left that has gone from the lake and only waits to be deleted.
            std::thread::sleep(Duration::from_secs(1));
            disk.fill()?;
        }
        let numbers = request * REQUEST_PACKETS..(request + 1) * REQUEST_PACKETS;
        let body: Vec<u8> = numbers.flat_map(|number| options_packet(&numbered(number))).collect();
        // What cannot be written is refused, and sent again as a sender does.
        let taken = wait(Duration::from_secs(60), || {
            let taken = post_hep(&server, &body).is_ok();
            let up = server.get("/api/v1/status")?["alarms"].clone();
            let names = up.as_array().context("no alarms")?.iter().filter_map(|alarm| alarm["name"].as_str());
            alarms.extend(names.map(str::to_owned));
            Ok(taken)
        })?;
        ensure!(taken, "request {request} is not taken: {}", server.get("/api/v1/status")?["alarms"]);
    }
    std::fs::remove_file(filler.context("the disk was never full")?)?;
    std::fs::remove_file(others)?;
    let statement =
        "SELECT min(call_id) AS first, max(call_id) AS last, count(DISTINCT call_id) AS n FROM messages";
    let newest = numbered(FLOOD_REQUESTS * REQUEST_PACKETS - 1);
    let mut left = Value::Null;
    let over = wait(Duration::from_secs(60), || {
        // What is accepted may have to wait for memory before it is found; and with so little room a file goes even
        // while somebody reads it.
        let Ok(rows) = server.sql(statement) else { return Ok(false) };
        left = rows.into_iter().next().context("no answer")?;
        let alarms = &server.get("/api/v1/status")?["alarms"];
        Ok(left["last"] == newest && alarms.as_array().is_some_and(Vec::is_empty))
    })?;
    ensure!(over, "{left}, {}", server.get("/api/v1/status")?["alarms"]);
    let number = |end: &str| -> Result<u64> {
        let text = left[end].as_str().context("no row is left")?;
        Ok(text.split('-').next().unwrap_or_default().parse()?)
    };
    let (first, last) = (number("first")?, number("last")?);
    ensure!(first > 0, "the oldest have gone: {left}");
    ensure!(left["n"] == last - first + 1, "all after the oldest that is left are there: {left}");
    let (code, took, printed) = server.terminate()?;
    ensure!(code == Some(0), "exit {code:?} after {took:?}:\n{printed}");
    Ok(())
}

/// As [`incompressible`], in the order of the numbers.
fn numbered(number: u64) -> String {
    format!("{number:08}-{}", incompressible(number))
}

/// A file system of its own, a few megabytes large. Unmounted when dropped.
pub(crate) struct SmallDisk(pub(crate) PathBuf);

impl SmallDisk {
    /// `None` where that is not allowed.
    pub(crate) fn mount(folder: &Path, megabytes: u32) -> Result<Option<Self>> {
        let at = folder.join("disk");
        std::fs::create_dir(&at)?;
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at).output()?;
        Ok(mounted.status.success().then_some(Self(at)))
    }

    /// A file that takes all room but so much.
    fn fill_but(&self, bytes: u64) -> Result<PathBuf> {
        let filler = self.0.join("filler");
        let output = Command::new("df").args(["--output=avail", "--block-size=1"]).arg(&self.0).output()?;
        let printed = String::from_utf8(output.stdout)?;
        let free: u64 = printed.lines().last().context("df printed nothing")?.trim().parse()?;
        std::fs::write(&filler, vec![0; free.saturating_sub(bytes) as usize])?;
        Ok(filler)
    }

    /// A file that takes all room, while others write too.
    fn fill(&self) -> Result<PathBuf> {
        let filler = self.0.join("filler");
        let mut file = OpenOptions::new().create(true).append(true).open(&filler)?;
        while file.write_all(&[0; 4096]).is_ok() {}
        Ok(filler)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a server killed just now may still have files open.
        Command::new("umount").arg("--lazy").arg(&self.0).status().ok();
    }
}

/// A long identifier that takes about half its length however it is compressed.
pub(crate) fn incompressible(number: u64) -> String {
    let mut state = number;
    let mut text = String::new();
    for _ in 0..16 {
        // SplitMix64.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        text += &format!("{:016x}", mixed ^ (mixed >> 31));
    }
    text
}
