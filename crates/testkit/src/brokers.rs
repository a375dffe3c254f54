//! Real brokers of messages: nats-server and mosquitto, each on a port of its own, with what they keep in a folder of the
//! test. They can be stopped and started again there.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::programs::{Program, find};
use crate::server::{free_tcp_port, wait};

/// One of them. Ended when dropped.
pub struct Broker {
    name: &'static str,
    path: PathBuf,
    arguments: Vec<String>,
    folder: PathBuf,
    scheme: &'static str,
    pub port: u16,
    program: Option<Program>,
}

impl Broker {
    /// A nats-server with JetStream and these lines in its configuration.
    pub fn nats(folder: &Path, lines: &str) -> Result<Option<Self>> {
        let Some(path) = find("nats-server")? else { return Ok(None) };
        let port = free_tcp_port()?;
        let (config, kept) = (folder.join("nats.conf"), folder.join("jetstream"));
        let text = format!("listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: {kept:?} }}\n{lines}\n");
        std::fs::write(&config, text)?;
        let arguments = vec!["--config".to_owned(), config.display().to_string()];
        Self::new("nats-server", path, arguments, folder, "nats", port).map(Some)
    }

    /// A mosquitto that keeps what is for those who are away, with these lines in its configuration.
    pub fn mosquitto(folder: &Path, lines: &str) -> Result<Option<Self>> {
        let Some(path) = find("mosquitto")? else { return Ok(None) };
        let port = free_tcp_port()?;
        let config = folder.join("mosquitto.conf");
        // Started as root it would become a user to whom the folder is closed.
        let text = format!(
            "user root\nlistener {port} 127.0.0.1\npersistence true\npersistence_location {}/\n\
             max_queued_messages 100000\n{lines}\n",
            folder.display()
        );
        std::fs::write(&config, text)?;
        let arguments = vec!["-c".to_owned(), config.display().to_string()];
        Self::new("mosquitto", path, arguments, folder, "mqtt", port).map(Some)
    }

    /// A file of passwords for mosquitto.
    pub fn mosquitto_passwords(folder: &Path, user: &str, password: &str) -> Result<PathBuf> {
        let tool = find("mosquitto_passwd")?.context("mosquitto brings mosquitto_passwd along")?;
        let path = folder.join("passwords");
        let status = Command::new(tool).args(["-b", "-c"]).arg(&path).args([user, password]).status()?;
        ensure!(status.success(), "mosquitto_passwd ended with {status}");
        Ok(path)
    }

    fn new(
        name: &'static str,
        path: PathBuf,
        arguments: Vec<String>,
        folder: &Path,
        scheme: &'static str,
        port: u16,
    ) -> Result<Self> {
        let folder = folder.to_path_buf();
        let mut broker = Self { name, path, arguments, folder, scheme, port, program: None };
        broker.start()?;
        Ok(broker)
    }

    /// Returns once it takes connections.
    pub fn start(&mut self) -> Result<()> {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments);
        let program = self.program.insert(Program::start(self.name, command, &self.folder)?);
        let is_there =
            wait(Duration::from_secs(30), || Ok(TcpStream::connect(("127.0.0.1", self.port)).is_ok()))?;
        ensure!(is_there, "{} takes no connections: {}", self.name, program.printed());
        Ok(())
    }

    /// It ends in order, and keeps what it has promised to keep.
    pub fn stop(&mut self) -> Result<()> {
        let program = self.program.take().context("it runs")?;
        // nats-server ends with 1 when it is asked to.
        drop(program);
        let is_gone =
            wait(Duration::from_secs(30), || Ok(TcpStream::connect(("127.0.0.1", self.port)).is_err()))?;
        ensure!(is_gone, "{} still takes connections", self.name);
        Ok(())
    }

    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    /// What it printed so far.
    pub fn printed(&self) -> String {
        self.program.as_ref().map(Program::printed).unwrap_or_default()
    }
}
