//! `rhapsode check` on what a server has kept: what it prints, what it exits with, what it leaves.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use testkit::server::{Options, Server, options_packet, post_hep};

use crate::{BINARY, options};

/// Three files of 40 packets each, and 40 that are only in the log.
fn kept(folder: &tempfile::TempDir) -> Result<Options> {
    let mut options = options(folder)?;
    for life in 0..4 {
        let server = Server::start(options)?;
        let body: Vec<u8> = (0..40).flat_map(|n| options_packet(&format!("call-{life}-{n}"))).collect();
        let (status, answer) = post_hep(&server, &body)?;
        ensure!(status == 200, "{status}: {answer}");
        if life == 3 {
            return server.kill();
        }
        options = server.options.clone();
        let (code, _, printed) = server.terminate()?;
        ensure!(code == Some(0), "{code:?}: {printed}");
    }
    unreachable!("the last life is ended by a kill")
}

fn check(data: &Path, more: &[&str]) -> Result<Output> {
    let ports = ["--hep-udp", "127.0.0.1:0", "--hep-tcp", "off", "--http", "off"];
    Ok(Command::new(BINARY).arg("check").arg("--data").arg(data).args(ports).args(more).output()?)
}

/// What it says of what is kept, and whether that is all right.
fn said(data: &Path, more: &[&str]) -> Result<(String, bool)> {
    let output = check(data, more)?;
    let text = String::from_utf8(output.stdout)?;
    ensure!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{text}");
    Ok((text, output.status.success()))
}

fn files(data: &Path, below: &str) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(data.join(below))
        .with_context(|| below.to_owned())?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()?;
    files.retain(|path| path.is_file());
    files.sort();
    Ok(files)
}

#[test]
fn what_a_server_kept_is_whole_then_damaged_then_mended() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let options = kept(&folder)?;
    let data = options.data.clone();
    for more in [&[][..], &["--deep"], &["--deep", "--repair"]] {
        let (text, is_well) = said(&data, more)?;
        ensure!(is_well && !text.contains("wrong"), "{text}");
        ensure!(text.contains("ok     table sip: 120 rows in 3 files"), "{text}");
        ensure!(text.contains("1 of the blocks are not in the lake yet"), "{text}");
    }

    let sip = files(&data, "lake/sip")?;
    std::fs::remove_file(&files(&data, "lake/sip/_keys")?[0])?;
    let mut bytes = std::fs::read(&sip[1])?;
    bytes.truncate(1000);
    std::fs::write(&sip[1], bytes)?;
    let (text, is_well) = said(&data, &["--repair"])?;
    ensure!(!is_well, "{text}");
    ensure!(text.lines().any(|line| line.starts_with("note   mended: lake/sip/_keys/")), "{text}");
    let wrong: Vec<&str> = text.lines().filter(|line| line.starts_with("wrong")).collect();
    ensure!(wrong.len() == 1 && wrong[0].contains("has 1000 bytes instead of"), "{text}");
    ensure!(wrong[0].contains("40 rows that arrived from"), "{text}");
    ensure!(text.contains("--give-up-broken"), "it says what to do: {text}");

    let (text, is_well) = said(&data, &["--give-up-broken"])?;
    ensure!(is_well && text.contains("note   given up: lake/sip/"), "{text}");
    let (text, is_well) = said(&data, &["--deep"])?;
    ensure!(is_well && text.contains("ok     table sip: 80 rows in 2 files"), "{text}");
    ensure!(files(&data, "lake/sip/_broken")?.len() == 1);

    let server = Server::start(options)?;
    ensure!(server.count("SELECT count(*) AS n FROM sip")? == 120, "80 in the lake, 40 in the log");
    ensure!(server.count("SELECT count(raw) AS n FROM sip WHERE call_id = 'call-0-7'")? == 1);
    Ok(())
}

#[test]
fn a_running_server_keeps_its_folder_to_itself() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(options(&folder)?)?;
    let (text, is_well) = said(&server.options.data, &[])?;
    ensure!(is_well && text.contains("was not checked"), "{text}");
    let refused = check(&server.options.data, &["--repair"])?;
    let end = String::from_utf8(refused.stderr)?;
    ensure!(!refused.status.success() && end.contains("stop it first"), "{end}");
    Ok(())
}

#[test]
fn a_mistyped_folder_is_told_and_not_made() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("mistyped");
    let refused = check(&data, &["--deep"])?;
    let end = String::from_utf8(refused.stderr)?;
    ensure!(!refused.status.success() && end.contains("holds no data"), "{end}");
    ensure!(!data.exists());
    Ok(())
}
