//! Foreign programs: real senders and judges, installed by `cargo xtask test` from the packages of Debian, npm and PyPI.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// The path of a program, or `None` with a loud line. Under `cargo xtask test` (which installs them all and sets
/// `RHAPSODE_TEST_PROGRAMS=required`) a missing program is a failure, not a skip.
pub fn find(name: &str) -> Result<Option<PathBuf>> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let extra = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
    let found = std::env::split_paths(&folders)
        .chain(extra)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found_or_skipped(name, found)
}

/// The folder whose scripts let the real hep-js encode, decode and send, or `None` with a loud line, as [`find`].
pub fn find_hepjs() -> Result<Option<PathBuf>> {
    let folder = crate::recordings::repository().join("crates/testkit/hepjs");
    let is_there = folder.join("node_modules/hep-js").is_dir();
    found_or_skipped("hep-js", is_there.then_some(folder))
}

/// The command that runs the WebRTC client, or `None` with a loud line, as [`find`].
pub fn find_webrtc_client() -> Result<Option<Command>> {
    find_script("webrtc", "client.py", "aiortc")
}

/// The command by which other programs read a lake, or `None` with a loud line, as [`find`].
pub fn find_lake_readers() -> Result<Option<Command>> {
    find_script("lake", "read.py", "deltalake and DuckDB")
}

/// The command that runs a server of S3, or `None` with a loud line, as [`find`].
pub fn find_s3_server() -> Result<Option<Command>> {
    find_script("s3", "serve.py", "moto")
}

/// A script of the test kit in the Python environment of its folder.
fn find_script(folder: &str, script: &str, packages: &str) -> Result<Option<Command>> {
    let folder = crate::recordings::repository().join("crates/testkit").join(folder);
    // It is copied there when all else is.
    let is_there = folder.join(".venv/requirements.txt").is_file();
    let command = is_there.then(|| {
        let mut command = Command::new(folder.join(".venv/bin/python"));
        command.arg(folder.join(script));
        command
    });
    found_or_skipped(packages, command)
}

fn found_or_skipped<T>(name: &str, found: Option<T>) -> Result<Option<T>> {
    if found.is_none() {
        if std::env::var("RHAPSODE_TEST_PROGRAMS").is_ok_and(|value| value == "required") {
            bail!("{name} is not installed, though `cargo xtask test` installs it");
        }
        eprintln!("SKIPPED: {name} is not installed (cargo xtask test installs it)");
    }
    Ok(found)
}

/// A program running beside the test, ended when dropped.
pub struct Program {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Program {
    /// Starts it with its output in `log_folder/NAME.log`.
    pub fn start(name: &str, mut command: Command, log_folder: &Path) -> Result<Self> {
        let log = log_folder.join(format!("{name}.log"));
        let file = std::fs::File::create(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self { child, name: name.to_owned(), log })
    }

    /// What it printed so far.
    pub fn printed(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Waits for its end; an error names the program and shows its last lines.
    pub fn wait_for_success(mut self, limit: Duration) -> Result<String> {
        let ended = crate::server::wait(limit, || Ok(self.child.try_wait()?.is_some()))?;
        let printed = self.printed();
        let tail: String = printed
            .lines()
            .rev()
            .take(25)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
            .join("\n");
        if !ended {
            bail!("{} did not end within {limit:?}; its last lines:\n{tail}", self.name);
        }
        let status = self.child.wait()?;
        if !status.success() {
            bail!("{} ended with {status}; its last lines:\n{tail}", self.name);
        }
        Ok(printed)
    }

    /// Asks it to end in order, and waits for that as [`Self::wait_for_success`] does.
    pub fn end(self, limit: Duration) -> Result<String> {
        terminate(&self.child)?;
        self.wait_for_success(limit)
    }

    /// Stops its every thread where it is, as a machine that stands still does.
    pub fn pause(&self) -> Result<()> {
        signal(&self.child, "STOP")
    }

    pub fn resume(&self) -> Result<()> {
        signal(&self.child, "CONT")
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.is_running() {
            // TERM first: Kamailio's and rtpengine's children go with their parent only when it ends in order.
            terminate(&self.child).ok();
            crate::server::wait(Duration::from_millis(750), || Ok(self.child.try_wait()?.is_some())).ok();
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn terminate(child: &Child) -> Result<()> {
    signal(child, "TERM")
}

fn signal(child: &Child, name: &str) -> Result<()> {
    let status = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    let status = status.context("cannot start kill")?;
    ensure!(status.success(), "kill -{name} failed");
    Ok(())
}
