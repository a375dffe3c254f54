//! A disk that is full when the server starts: it says so, serves what it can, stops when told, and loses nothing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
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
    ensure!(took < Duration::from_secs(20), "stopped after {took:?}:\n{printed}");
    ensure!(code == Some(1), "{code:?}: rows could not be settled");
    ensure!(printed.contains("it is safe in the log"), "{printed}");

    std::fs::remove_file(filler)?;
    let server = Server::start(options)?;
    let distinct = "SELECT count(DISTINCT call_id) AS n FROM messages";
    ensure!(server.count("SELECT count(*) AS n FROM messages")? == PACKETS);
    ensure!(server.count(distinct)? == PACKETS);
    let (code, took, printed) = server.terminate()?;
    ensure!(code == Some(0) && took < Duration::from_secs(20), "exit {code:?} after {took:?}:\n{printed}");
    Ok(())
}

/// A file system of its own, a few megabytes large. Unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where that is not allowed.
    fn mount(folder: &Path, megabytes: u32) -> Result<Option<Self>> {
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
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a server killed just now may still have files open.
        Command::new("umount").arg("--lazy").arg(&self.0).status().ok();
    }
}

/// A long identifier that takes about half its length however it is compressed.
fn incompressible(number: u64) -> String {
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
