//! Wrong settings and a hostile machine: one clear line and a non-zero exit.

use std::net::TcpListener;
use std::process::{Command, Output};

use anyhow::{Result, ensure};

use crate::BINARY;

pub(crate) fn serve(arguments: &[&str]) -> Result<Output> {
    Ok(Command::new(BINARY).arg("serve").args(arguments).env("RHAPSODE_ADMIN_PASSWORD", "x").output()?)
}

/// The last line a failed start printed.
pub(crate) fn refusal(output: &Output) -> Result<String> {
    ensure!(!output.status.success(), "it started");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(!text.contains("panicked"), "{text}");
    Ok(text.lines().rfind(|line| line.starts_with("rhapsode:")).unwrap_or(&text).to_owned())
}

#[test]
fn an_unknown_key_names_file_line_and_the_nearest_key() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("rhapsode.toml");
    std::fs::write(&config, "[listen]\nhep_udp = \"off\"\nhtpp = \"off\"\n")?;
    let line = refusal(&serve(&["--config", &config.to_string_lossy()])?)?;
    ensure!(line.contains("rhapsode.toml:3") && line.contains("htpp") && line.contains("http"), "{line}");
    Ok(())
}

#[test]
fn a_port_in_use_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let data = folder.path().join("data");
    for option in ["--hep-tcp", "--http"] {
        let mut arguments = vec!["--data", data.to_str().unwrap_or_default()];
        for name in ["--hep-udp", "--hep-tcp", "--http"] {
            arguments.extend([name, if name == option { &address } else { "off" }]);
        }
        let line = refusal(&serve(&arguments)?)?;
        ensure!(line.contains(&address) && line.contains("in use"), "{option}: {line}");
    }
    Ok(())
}

#[test]
fn a_folder_that_cannot_be_written_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder")?;
    let data = file.join("data");
    let line = refusal(&serve(&[
        "--data",
        &data.to_string_lossy(),
        "--hep-udp",
        "off",
        "--hep-tcp",
        "off",
        "--http",
        "127.0.0.1:0",
    ])?)?;
    ensure!(line.contains(&*data.to_string_lossy()), "{line}");
    Ok(())
}

#[test]
fn two_servers_never_share_a_data_folder() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let first = testkit::server::Server::start(crate::options(&folder)?)?;
    let data = first.options.data.to_string_lossy().into_owned();
    let line = refusal(&serve(&[
        "--data",
        &data,
        "--hep-udp",
        "off",
        "--hep-tcp",
        "off",
        "--http",
        "127.0.0.1:0",
    ])?)?;
    ensure!(line.contains(&data) && line.contains("use"), "{line}");
    Ok(())
}

#[test]
fn a_listener_that_cannot_be_is_named_before_anything_is_written() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let refused = |toml: &str| -> Result<String> {
        let config = folder.path().join("rhapsode.toml");
        std::fs::write(
            &config,
            format!("[listen]\nhep_udp = \"off\"\nhep_tcp = \"off\"\nhttp = \"off\"\n{toml}"),
        )?;
        let line =
            refusal(&serve(&["--data", &data.to_string_lossy(), "--config", &config.to_string_lossy()])?)?;
        ensure!(!data.exists(), "the data folder was made: {line}");
        Ok(line)
    };
    let line = refused("hep_tls = \"127.0.0.1:0\"\n")?;
    ensure!(line.contains("listen.hep_tls needs a certificate"), "{line}");
    let line = refused(
        "https = \"127.0.0.1:0\"\n[tls]\ncertificate = \"/nowhere/c.pem\"\nkey = \"/nowhere/k.pem\"\n",
    )?;
    ensure!(line.contains("cannot read /nowhere/c.pem"), "{line}");
    let line = refused("[[listener]]\nkind = \"tpc\"\naddress = \":1\"\n")?;
    ensure!(line.contains("rhapsode.toml:6") && line.contains("did you mean tcp?"), "{line}");
    let taken = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let held = TcpListener::bind(taken)?;
    let line = refused(&format!("[[listener]]\nkind = \"ws\"\naddress = \"{taken}\"\n"))?;
    ensure!(line.contains(&format!("{taken} (ws)")) && line.contains("in use"), "{line}");
    drop(held);
    if std::fs::read_to_string("/proc/net/protocols")?.lines().any(|line| line.starts_with("SCTP")) {
        eprintln!("SKIPPED: this kernel has SCTP");
        return Ok(());
    }
    let line = refused("hep_sctp = \"127.0.0.1:0\"\n")?;
    ensure!(line.contains("this kernel offers no SCTP") && line.contains("modprobe sctp"), "{line}");
    Ok(())
}

#[test]
fn check_tells_where_settings_come_from_and_everything_that_is_wrong() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("rhapsode.toml");
    std::fs::write(&config, "[storage]\nsettle_seconds = 30\n[hep]\nkeys = [\"quietly\"]\n")?;
    let data = folder.path().join("data");
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let check = |http: &str, data: &str| {
        let arguments =
            ["check", "--data", data, "--hep-udp", "127.0.0.1:0", "--hep-tcp", "off", "--http", http];
        let mut command = Command::new(BINARY);
        command.args(arguments).args(["--config", &config.to_string_lossy()]).output()
    };

    let good = check("127.0.0.1:0", &data.to_string_lossy())?;
    let shown = String::from_utf8(good.stdout)?;
    ensure!(good.status.success(), "{shown}");
    let line = |key: &str| shown.lines().find(|line| line.starts_with(key)).unwrap_or_default().to_owned();
    ensure!(line("storage.settle_seconds").ends_with("rhapsode.toml:2"), "{shown}");
    ensure!(line("storage.settle_seconds").contains(" 30 "), "{shown}");
    ensure!(line("listen.http ").ends_with("command line"), "{shown}");
    ensure!(line("query.seconds_max").ends_with("default"), "{shown}");
    ensure!(line("hep.keys").contains("1, not shown") && !shown.contains("quietly"), "{shown}");
    ensure!(!data.exists(), "it changes nothing");

    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder")?;
    // Of a notifier all is understood, and its certificate cannot be read.
    std::fs::write(
        &config,
        "[[notifier]]\nname = \"ops\"\nkind = \"webhook\"\nurl = \"https://192.0.2.1/hook\"\ntls_ca = \"/nowhere/ca.pem\"\n",
    )?;
    let wrong = check(&address, &file.join("data").to_string_lossy())?;
    ensure!(!wrong.status.success());
    let shown = String::from_utf8(wrong.stdout)?;
    let found: Vec<&str> = shown.lines().filter(|line| line.starts_with("wrong")).collect();
    ensure!(found.len() == 3, "all at once: {shown}");
    ensure!(found.iter().any(|line| line.contains(&address) && line.contains("in use")), "{shown}");
    ensure!(found.iter().any(|line| line.contains("not a folder")), "{shown}");
    let notifier = found.iter().find(|line| line.contains("notifier \"ops\""));
    ensure!(notifier.is_some_and(|line| line.contains("/nowhere/ca.pem")), "{shown}");
    let end = String::from_utf8(wrong.stderr)?;
    ensure!(end.contains("3 of these keep a server from starting"), "{end}");
    Ok(())
}
