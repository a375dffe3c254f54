//! Where real programs play: a folder with their configurations, a server on the ports these name, and what they
//! print.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testkit::programs::Program;
use testkit::server::{Options, Server, output_folder, wait};

use crate::{BINARY, options};

/// A folder with the agents' configurations, and where what they print goes.
pub(crate) struct Stage {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) output: PathBuf,
}

impl Stage {
    pub(crate) fn new(name: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let agents = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agents");
        copy(&agents, folder.path())?;
        let stage = Self { folder, output: output_folder(name)? };
        let tls = stage.folder.path().join("tls");
        std::fs::create_dir_all(&tls)?;
        let certificate = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=localhost"])
            .current_dir(&tls)
            .output()?;
        ensure!(certificate.status.success(), "openssl: {}", String::from_utf8_lossy(&certificate.stderr));
        tone(&stage.folder.path().join("baresip/tone.wav"))?;
        Ok(stage)
    }

    /// On the ports the agents are configured for.
    pub(crate) fn server(&self) -> Result<Server> {
        self.server_with("")
    }

    /// The same with more in its configuration file.
    pub(crate) fn server_with(&self, toml: &str) -> Result<Server> {
        let config = self.folder.path().join("rhapsode.toml");
        std::fs::write(&config, toml)?;
        Server::start(Options {
            hep_udp: "127.0.0.1:9060".into(),
            hep_tcp: "127.0.0.1:9060".into(),
            ..options(&self.folder)?.argument("--config").argument(&config.to_string_lossy())
        })
        .with_context(|| format!("{BINARY} on the fixed ports"))
    }

    pub(crate) fn start(&self, name: &str, command: Command) -> Result<Program> {
        Program::start(name, command, &self.output)
    }

    pub(crate) fn kamailio(&self, program: &Path, variant: &[&str]) -> Result<Program> {
        let run = self.folder.path().join("run");
        std::fs::create_dir_all(&run)?;
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).args([
            "-DD",
            "-E",
            "-f",
            "kamailio.cfg",
            "-P",
            "run/kamailio.pid",
            "-Y",
        ]);
        command.arg(&run).args(["-m", "64", "-M", "8"]).args(variant);
        let mut proxy = self.start("kamailio", command)?;
        let listening = wait(Duration::from_secs(15), || {
            ensure!(proxy.is_running(), "Kamailio ended:\n{}", proxy.printed());
            Ok(std::net::TcpStream::connect("127.0.0.1:5060").is_ok())
        })?;
        ensure!(listening, "Kamailio does not listen on 5060:\n{}", proxy.printed());
        Ok(proxy)
    }

    /// A media relay that tells of RTCP over `protocol`. It listens when this returns: a proxy that asks it too early
    /// sends its calls past it for a minute.
    pub(crate) fn rtpengine(&self, program: &Path, protocol: &str) -> Result<Program> {
        let mut command = Command::new(program);
        command.args(["-f", "-E", "--table=-1", "--interface=127.0.0.1", "--listen-ng=127.0.0.1:2223"]);
        command.args(["--port-min=30000", "--port-max=30200", "--homer=127.0.0.1:9060", "--homer-id=2002"]);
        command.arg(match protocol {
            "tcp" => "--homer-protocol=tcp",
            _ => "--homer-protocol=udp",
        });
        let mut relay = self.start(&format!("rtpengine-{protocol}"), command)?;
        let pong = ng("d7:command4:pinge");
        ensure!(relay.is_running(), "rtpengine ended:\n{}", relay.printed());
        let pong = pong?;
        ensure!(pong.contains("4:pong"), "rtpengine answered {pong:?} to a ping");
        Ok(relay)
    }

    /// One SIPp caller through the proxy, its callees beside it: scenario and port of each.
    pub(crate) fn sipp(
        &self,
        program: &Path,
        name: &str,
        caller: &str,
        user: &str,
        callees: &[(&str, u16)],
    ) -> Result<()> {
        let command = |scenario: &str, port: u16, media_port: &str| {
            let mut command = Command::new(program);
            command
                .current_dir(&self.output)
                .arg("-sf")
                .arg(self.folder.path().join(format!("sipp/{scenario}.xml")));
            command.args([
                "-i",
                "127.0.0.1",
                "-p",
                &port.to_string(),
                "-t",
                "u1",
                "-m",
                "1",
                "-nostdin",
                "-nd",
            ]);
            command.args(["-mp", media_port, "-timeout", "30s", "-timeout_error"]);
            command
        };
        let mut answering = Vec::new();
        for (place, (scenario, port)) in callees.iter().enumerate() {
            let media_port = (20_000 + 100 * place).to_string();
            let mut callee =
                self.start(&format!("sipp-{name}-{scenario}"), command(scenario, *port, &media_port))?;
            // Its socket is there when no one else can have the port.
            wait(Duration::from_secs(5), || {
                ensure!(callee.is_running(), "the callee ended:\n{}", callee.printed());
                Ok(UdpSocket::bind(("127.0.0.1", *port)).is_err())
            })?;
            answering.push(callee);
        }
        let mut calling = command(caller, 5080, "21000");
        calling.args(["-s", user, "-r", "2", "-cid_str", &format!("%u-{name}-%p@%s"), "127.0.0.1:5060"]);
        self.start(&format!("sipp-{name}"), calling)?.wait_for_success(Duration::from_secs(40))?;
        drop(answering);
        Ok(())
    }
}

/// Asks rtpengine over its control protocol, once it listens; what it answers.
pub(crate) fn ng(request: &str) -> Result<String> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect("127.0.0.1:2223")?;
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    let mut buffer = [0; 4_096];
    let mut answer = String::new();
    let answered = wait(Duration::from_secs(15), || {
        // Refused until it listens; the same cookie asks for the same answer.
        let sent = socket.send(format!("cookie-{} {request}", request.len()).as_bytes());
        if let (Ok(_), Ok(count)) = (sent, socket.recv(&mut buffer)) {
            answer = String::from_utf8_lossy(&buffer[..count]).into_owned();
        }
        Ok(!answer.is_empty())
    })?;
    ensure!(answered, "rtpengine does not answer on its control port");
    Ok(answer)
}

/// Of the INVITE that a scenario of SIPp has sent.
pub(crate) fn call_id(server: &Server, scenario: &str) -> Result<String> {
    let rows = server.sql(&format!(
        "SELECT call_id FROM sip WHERE method = 'INVITE' AND call_id LIKE '%-{scenario}-%' LIMIT 1"
    ))?;
    let row = rows.first().with_context(|| format!("no INVITE of scenario {scenario}"))?;
    Ok(row["call_id"].as_str().context("no Call-ID")?.to_owned())
}

/// Forty seconds of a 440 Hz tone, 8 kHz mono: what the phones say to each other.
fn tone(path: &Path) -> Result<()> {
    const RATE: u32 = 8000;
    const SECONDS: u32 = 40;
    let samples = (0..RATE * SECONDS).map(|index| {
        let phase = f64::from(index) * 440.0 * std::f64::consts::TAU / f64::from(RATE);
        (phase.sin() * 9_000.0) as i16
    });
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + data.len() as u32).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16u32.to_le_bytes());
    for value in [1u16, 1] {
        wav.extend(value.to_le_bytes());
    }
    wav.extend(RATE.to_le_bytes());
    wav.extend((RATE * 2).to_le_bytes());
    for value in [2u16, 16] {
        wav.extend(value.to_le_bytes());
    }
    wav.extend(b"data");
    wav.extend((data.len() as u32).to_le_bytes());
    wav.extend(data);
    std::fs::write(path, wav)?;
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
