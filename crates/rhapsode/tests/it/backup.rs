//! `rhapsode backup` and `rhapsode restore`: what was kept when it began is in a backup once, whatever happens meanwhile; and
//! what is not whole is not taken for whole.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::server::{Options, Server, options_packet, post_hep, wait};

use crate::calls::{each_is_told_once, packets};
use crate::commands::rhapsode;
use crate::crash::{packet, settling_often, spawn_sender};
use crate::full_disk::{SmallDisk, incompressible};
use crate::object_storage::S3;
use crate::{BINARY, options};

const MESSAGES_PER_SECOND: u64 = 5_000;

fn run(words: &[&str], folder: &str, at: &Path, options: &Options) -> Result<Output> {
    let mut command = Command::new(BINARY);
    command.args(words).arg(folder).arg(at).arg("--data").arg(&options.data).args(&options.arguments);
    Ok(command.envs(options.environment.iter().map(|(name, value)| (name, value))).output()?)
}

fn back_up(options: &Options, to: &Path, more: &[&str]) -> Result<Output> {
    run(&[&["backup"], more].concat(), "--to", to, options)
}

fn restore(from: &Path, options: &Options) -> Result<Output> {
    run(&["restore"], "--from", from, options)
}

/// What it printed, if it went well.
fn well(output: Output) -> Result<String> {
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{error}");
    Ok(String::from_utf8(output.stdout)?)
}

/// Why it went wrong, on one line.
fn wrong(output: Output) -> Result<String> {
    let error = String::from_utf8(output.stderr)?;
    ensure!(!output.status.success() && !error.contains("panicked"), "{error}");
    ensure!(error.trim_end().lines().count() == 1, "one line: {error}");
    Ok(error)
}

fn manifest(backup: &Path) -> Result<Value> {
    Ok(serde_json::from_slice(&std::fs::read(backup.join("manifest.json"))?)?)
}

/// All files of the backup that begin like this.
fn files(backup: &Path, start: &str, end: &str) -> Result<Vec<PathBuf>> {
    let manifest = manifest(backup)?;
    let paths =
        manifest["files"].as_array().context("files")?.iter().filter_map(|file| file["path"].as_str());
    Ok(paths
        .filter(|path| path.starts_with(start) && path.ends_with(end))
        .map(|path| backup.join(path))
        .collect())
}

/// What `rhapsode check --deep` says of a folder, if nothing is wrong there.
fn is_clean(options: &Options) -> Result<String> {
    let ports = ["--hep-udp", "127.0.0.1:0", "--hep-tcp", "off", "--http", "off", "--deep"];
    let mut command = Command::new(BINARY);
    command.arg("check").args(ports).arg("--data").arg(&options.data).args(&options.arguments);
    let text = well(command.output()?)?;
    ensure!(!text.lines().any(|line| line.starts_with("wrong")), "{text}");
    Ok(text)
}

fn elsewhere(options: &Options, data: PathBuf) -> Result<Options> {
    let Options { arguments, environment, .. } = options.clone();
    Ok(Options { arguments, environment, ..Options::new(BINARY, data)? })
}

fn post(server: &Server, calls: impl Iterator<Item = String>) -> Result<()> {
    let body: Vec<u8> = calls.flat_map(|call| options_packet(&call)).collect();
    let (status, answer) = post_hep(server, &body)?;
    ensure!(status == 200, "{status}: {answer}");
    Ok(())
}

fn messages(server: &Server) -> Result<u64> {
    server.count("SELECT count(*) AS n FROM messages")
}

/// Four backups into one folder while packets arrive and rows settle every second.
#[test]
fn a_backup_under_load_has_each_packet_stored_before_it_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(settling_often(&folder, options(&folder)?)?)?;
    let backup = folder.path().join("backup");
    let (sent, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let sender = spawn_sender(&server.options.hep_udp, MESSAGES_PER_SECOND, &sent, &stop, packet);
    for round in 0..4 {
        std::thread::sleep(Duration::from_millis(1_100 + 370 * round));
        let stored = server.totals()?.stored;
        let said = well(back_up(&server.options, &backup, &[])?)?;
        ensure!(stored > 0 && !backup.join("unfinished").exists(), "{said}");

        let copy = elsewhere(&server.options, folder.path().join(format!("copy-{round}")))?;
        well(restore(&backup, &copy)?)?;
        is_clean(&copy)?;
        let restored = Server::start(copy)?;
        let rows = messages(&restored)?;
        let distinct = restored.count("SELECT count(DISTINCT correlation_id) AS n FROM messages")?;
        ensure!(rows >= stored, "{stored} were stored before the backup, {rows} are in it");
        ensure!(rows == distinct, "{rows} rows, but only {distinct} distinct packets: some are there twice");
        ensure!(rows <= sent.load(Ordering::Relaxed), "more rows than packets sent");
        let (code, _, printed) = restored.terminate()?;
        ensure!(code == Some(0), "{printed}");
    }
    stop.store(true, Ordering::Relaxed);
    sender.join().expect("the sender does not panic")?;
    let is_conserved = wait(Duration::from_secs(10), || Ok(server.totals()?.is_conserved()))?;
    ensure!(is_conserved, "{:?}", server.totals()?);
    Ok(())
}

/// The rows of calls are made of messages before and after the backup.
#[test]
fn calls_that_go_on_when_a_backup_is_made_are_told_once_and_whole() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(settling_often(&folder, options(&folder)?)?)?;
    let backup = folder.path().join("backup");
    let packets = packets()?;
    let (before, after) = packets.split_at(packets.len() / 2);
    let send = |server: &Server, part: &[Vec<u8>]| -> Result<()> {
        for packets in part.chunks(200) {
            let (status, answer) = post_hep(server, &packets.concat())?;
            ensure!(status == 200, "{status}: {answer}");
            std::thread::sleep(Duration::from_millis(30));
        }
        Ok(())
    };
    send(&server, before)?;
    well(back_up(&server.options, &backup, &[])?)?;
    let copy = elsewhere(&server.options, folder.path().join("copy"))?;
    drop(server);
    well(restore(&backup, &copy)?)?;
    let server = Server::start(copy)?;
    send(&server, after)?;
    server.wait_for_count("SELECT count(*) AS n FROM messages", packets.len() as u64)?;
    each_is_told_once(server)
}

#[test]
fn what_is_restored_is_what_was_kept_and_the_next_backup_copies_only_what_is_new() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut next = options(&folder)?;
    for life in 0..2 {
        let server = Server::start(next)?;
        post(&server, (0..40).map(|call| format!("call-{life}-{call}")))?;
        next = server.options.clone();
        let (code, _, printed) = server.terminate()?;
        ensure!(code == Some(0), "{printed}");
    }
    let server = Server::start(next)?;
    post(&server, (0..40).map(|call| format!("call-2-{call}")))?;
    rhapsode(&server, &["user", "add", "ann", "--role", "engineer"])?;
    let backup = folder.path().join("some/where/backup");
    let said = well(back_up(&server.options, &backup, &[])?)?;
    ensure!(said.contains("80 rows in"), "what has settled: {said}");
    let whole = manifest(&backup)?;
    for path in [".", "manifest.json", "lake/sip", whole["state"].as_str().context("a state")?] {
        let mode = std::fs::metadata(backup.join(path))?.permissions().mode();
        ensure!(path == "manifest.json" || mode & 0o777 == 0o700, "{path}: {mode:o}");
    }
    for path in files(&backup, "", "")? {
        let mode = std::fs::metadata(&path)?.permissions().mode();
        ensure!(mode & 0o777 == 0o600, "{}: {mode:o}", path.display());
        ensure!(!path.ends_with("local-token"), "a token as it is");
    }
    let parquet = files(&backup, "lake/sip/", ".parquet")?;
    ensure!(parquet.len() == 2, "{parquet:?}");
    let times =
        || parquet.iter().map(|path| Ok(std::fs::metadata(path)?.modified()?)).collect::<Result<Vec<_>>>();
    let copied = times()?;

    // Settings alone would replace the rows.
    let error = wrong(back_up(&server.options, &backup, &["--settings-only"])?)?;
    ensure!(error.contains("holds a whole backup"), "{error}");
    well(back_up(&server.options, &backup, &[])?)?;
    ensure!(times()? == copied, "files of the lake are copied once");
    ensure!(manifest(&backup)?["state"] != whole["state"]);
    let states = std::fs::read_dir(&backup)?
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("state-"));
    ensure!(states.count() == 1, "the state before is gone");
    let said = well(Command::new(BINARY).args(["backup", "--verify", "--to"]).arg(&backup).output()?)?;
    ensure!(said.contains("the backup is whole"), "{said}");

    let copy = elsewhere(&server.options, folder.path().join("copy"))?;
    drop(server);
    well(restore(&backup, &copy)?)?;
    let text = is_clean(&copy)?;
    ensure!(text.contains("ok     table sip: 80 rows in 2 files"), "{text}");
    let error = wrong(restore(&backup, &copy)?)?;
    ensure!(error.contains("is not empty"), "{error}");
    let restored = Server::start(copy)?;
    ensure!(messages(&restored)? == 120, "80 in the lake, 40 in the log");
    ensure!(restored.count("SELECT count(DISTINCT call_id) AS n FROM sip")? == 120);
    ensure!(rhapsode(&restored, &["user", "list"])?.contains("ann"));
    post(&restored, (0..40).map(|call| format!("call-3-{call}")))?;
    restored.wait_for_count("SELECT count(DISTINCT id) AS n FROM sip", 160)?;
    Ok(())
}

#[test]
fn what_is_damaged_or_not_whole_is_not_restored() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(options(&folder)?)?;
    post(&server, (0..40).map(|call| format!("call-{call}")))?;
    let options = server.options.clone();
    server.terminate()?;
    let backup = folder.path().join("backup");
    well(back_up(&options, &backup, &[])?)?;
    let copy = elsewhere(&options, folder.path().join("copy"))?;
    let nothing_is_left = || -> Result<()> {
        let left = std::fs::read_dir(&copy.data).map_or(0, Iterator::count);
        ensure!(left == 0, "{left} entries in {}", copy.data.display());
        Ok(())
    };

    // A bit, a missing end, a missing file.
    for start in ["lake/sip/", "state-"] {
        let end = if start == "state-" { ".log" } else { ".parquet" };
        let path = files(&backup, start, end)?.first().context("a file")?.clone();
        let name = path.file_name().context("a name")?.to_string_lossy().into_owned();
        let bytes = std::fs::read(&path)?;
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 1;
        for (damage, says) in
            [(Some(&flipped[..]), "checksum"), (Some(&bytes[1..]), "bytes instead of"), (None, "missing")]
        {
            match damage {
                Some(damaged) => std::fs::write(&path, damaged)?,
                None => std::fs::remove_file(&path)?,
            }
            let error = wrong(restore(&backup, &copy)?)?;
            ensure!(error.contains(&name) && error.contains(says), "{says}: {error}");
            nothing_is_left()?;
            let verified = Command::new(BINARY).args(["backup", "--verify", "--to"]).arg(&backup).output()?;
            ensure!(wrong(verified)?.contains(&name));
        }
        std::fs::write(&path, &bytes)?;
    }

    // Interrupted: all but its end is there.
    let unfinished = folder.path().join("unfinished");
    well(back_up(&options, &unfinished, &[])?)?;
    std::fs::remove_file(unfinished.join("manifest.json"))?;
    std::fs::write(unfinished.join("unfinished"), std::fs::read(options.data.join("node-id"))?)?;
    let error = wrong(restore(&unfinished, &copy)?)?;
    ensure!(error.contains("interrupted"), "{error}");
    nothing_is_left()?;
    well(back_up(&options, &unfinished, &[])?)?;
    well(restore(&unfinished, &copy)?)?;

    // A restoring that was killed.
    std::fs::write(copy.data.join("restoring"), "")?;
    let ports = ["--hep-udp", "off", "--hep-tcp", "off", "--http", "off"];
    let refused = Command::new(BINARY).arg("serve").args(ports).arg("--data").arg(&copy.data).output()?;
    let error = String::from_utf8(refused.stderr)? + &String::from_utf8(refused.stdout)?;
    ensure!(!refused.status.success() && error.contains("being restored"), "{error}");
    Ok(())
}

#[test]
fn places_that_cannot_take_a_backup_are_told_before_anything_is_written() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(options(&folder)?)?;
    post(&server, ["call".to_owned()].into_iter())?;
    let data = server.options.data.clone();
    let error = wrong(back_up(&server.options, &data.join("backup"), &[])?)?;
    ensure!(error.contains("is inside of what is to be copied") && !data.join("backup").exists(), "{error}");
    let photos = folder.path().join("photos");
    std::fs::create_dir(&photos)?;
    std::fs::write(photos.join("summer.jpg"), "a photo")?;
    let error = wrong(back_up(&server.options, &photos, &[])?)?;
    ensure!(error.contains("holds no backup") && std::fs::read_dir(&photos)?.count() == 1, "{error}");
    let error = wrong(back_up(&server.options, &photos.join("summer.jpg"), &[])?)?;
    ensure!(error.contains("summer.jpg"), "{error}");
    let error = wrong(restore(&photos, &elsewhere(&server.options, folder.path().join("copy"))?)?)?;
    ensure!(error.contains("no manifest.json"), "{error}");
    let nobodys = elsewhere(&server.options, folder.path().join("mistyped"))?;
    let error = wrong(back_up(&nobodys, &folder.path().join("backup"), &[])?)?;
    ensure!(error.contains("holds no data") && !folder.path().join("backup").exists(), "{error}");

    // Another server's.
    let backup = folder.path().join("backup");
    well(back_up(&server.options, &backup, &[])?)?;
    let other = Server::start(elsewhere(&server.options, folder.path().join("other"))?)?;
    let error = wrong(back_up(&other.options, &backup, &[])?)?;
    ensure!(error.contains("another server"), "{error}");
    Ok(())
}

#[test]
fn a_full_disk_ends_a_backup_and_leaves_the_one_before() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(disk) = SmallDisk::mount(folder.path(), 4)? else {
        println!("SKIPPED a_full_disk_ends_a_backup_and_leaves_the_one_before: cannot mount a small disk");
        return Ok(());
    };
    let server = Server::start(options(&folder)?)?;
    post(&server, ["first".to_owned()].into_iter())?;
    let backup = disk.0.join("backup");
    well(back_up(&server.options, &backup, &[])?)?;
    for first in (0..20_000).step_by(1_000) {
        post(&server, (first..first + 1_000).map(incompressible))?;
    }
    let error = wrong(back_up(&server.options, &backup, &[])?)?;
    ensure!(error.contains("No space left on device"), "{error}");
    let copy = elsewhere(&server.options, folder.path().join("copy"))?;
    drop(server);
    well(restore(&backup, &copy)?)?;
    let restored = Server::start(copy)?;
    ensure!(messages(&restored)? == 1, "the backup before is whole");
    Ok(())
}

#[test]
fn settings_alone_are_a_server_without_traffic() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(options(&folder)?)?;
    post(&server, (0..40).map(|call| format!("call-{call}")))?;
    rhapsode(&server, &["user", "add", "ann"])?;
    let backup = folder.path().join("backup");
    let said = well(back_up(&server.options, &backup, &["--settings-only"])?)?;
    ensure!(said.starts_with("settings of node"), "{said}");
    let copy = elsewhere(&server.options, folder.path().join("copy"))?;
    well(restore(&backup, &copy)?)?;
    // Beside its original, which goes on: it is another node.
    let restored = Server::start(copy)?;
    ensure!(rhapsode(&restored, &["user", "list"])?.contains("ann"));
    ensure!(messages(&restored)? == 0 && messages(&server)? == 40);
    let id = |server: &Server| std::fs::read_to_string(server.options.data.join("node-id"));
    ensure!(id(&server)? != id(&restored)?);
    Ok(())
}

#[test]
fn a_lake_in_a_bucket_is_not_copied_and_goes_on_with_what_is_restored() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(s3) = S3::start(folder.path())? else { return Ok(()) };
    let server = Server::start(settling_often(&folder, s3.lake_of(options(&folder)?))?)?;
    post(&server, (0..40).map(|call| format!("call-{call}")))?;
    let settled = || Ok(server.get("/api/v1/status")?["store"]["lake_rows"].as_u64() >= Some(40));
    ensure!(wait(Duration::from_secs(60), settled)?, "{}", server.get("/api/v1/status")?);
    let backup = folder.path().join("backup");
    let said = well(back_up(&server.options, &backup, &[])?)?;
    ensure!(said.contains("s3://traffic/voice and was not copied"), "{said}");
    let copy = elsewhere(&server.options, folder.path().join("copy"))?;
    server.terminate()?;
    let without = Options { arguments: Vec::new(), ..copy.clone() };
    let error = wrong(restore(&backup, &without)?)?;
    ensure!(error.contains("--lake s3://traffic/voice"), "{error}");
    well(restore(&backup, &copy)?)?;
    let restored = Server::start(copy)?;
    ensure!(messages(&restored)? == 40 && restored.count("SELECT count(DISTINCT id) AS n FROM sip")? == 40);
    Ok(())
}
