//! Users as one manages them in a terminal.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use testkit::server::Server;

use crate::commands::rhapsode;
use crate::{BINARY, options};

/// As [`rhapsode`], with something on standard input.
fn rhapsode_with(server: &Server, words: &[&str], input: &str) -> Result<()> {
    let mut child = Command::new(BINARY)
        .args(words)
        .arg("--data")
        .arg(&server.options.data)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("a pipe")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

#[test]
fn users_are_made_changed_and_removed_in_a_terminal() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(options(&folder)?)?;
    let made = rhapsode(&server, &["user", "add", "ann", "--scope", "capture_id = 2001"])?;
    let password = made.lines().find_map(|line| line.strip_prefix("password")).context("a password")?;
    let password = password.split_whitespace().next().context("a password")?;
    server.login("ann", password)?;
    let list = rhapsode(&server, &["user", "list"])?;
    ensure!(list.contains("ann") && list.contains("viewer") && list.contains("capture_id = 2001"), "{list}");

    rhapsode_with(&server, &["user", "passwd", "ann"], "a password from a pipe\n")?;
    ensure!(server.login("ann", password).is_err());
    server.login("ann", "a password from a pipe")?;
    // An admin has no scope.
    ensure!(rhapsode(&server, &["user", "role", "ann", "admin"]).is_err());
    rhapsode(&server, &["user", "scope", "ann"])?;
    rhapsode(&server, &["user", "role", "ann", "admin"])?;
    rhapsode(&server, &["user", "remove", "admin"])?;
    let list = rhapsode(&server, &["user", "list"])?;
    ensure!(list.lines().count() == 2 && list.contains("admin"), "{list}");
    let last = rhapsode(&server, &["user", "remove", "ann"]);
    ensure!(last.is_err_and(|error| error.to_string().contains("last admin")), "the last admin stays");
    Ok(())
}
