//! Real programs send to the built binary: Kamailio and SIPp, rtpengine and baresip; what they sent is found by
//! search, drawn in the terminal and opened in a browser. Fixed ports, so one after another (the `live` group).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testkit::programs::{Program, find};
use testkit::recordings::repository;
use testkit::server::{Options, PASSWORD, Server, output_folder, wait};

use crate::commands::rhapsode;
use crate::{BINARY, options};

/// Answering scenario and its port.
type Callee = (&'static str, u16);

/// A call, a busy callee, a cancelled one, an unknown number, a registration and a ping: user agent scenario,
/// dialled user, and the answering scenario with its port.
const SCENARIOS: &[(&str, &str, &str, Option<Callee>)] = &[
    ("call", "uac_call", "bob5070", Some(("uas_call", 5070))),
    ("busy", "uac_fail486", "busy", Some(("uas_fail486", 5071))),
    ("cancel", "uac_cancel", "slow", Some(("uas_slow", 5070))),
    ("notfound", "uac_fail404", "nf", None),
    ("register", "uac_register", "alice", None),
    ("options", "uac_options", "ping", None),
];

#[test]
fn live_kamailio_and_sipp_are_found_drawn_and_opened_in_a_browser() -> Result<()> {
    let (Some(kamailio), Some(sipp)) = (find("kamailio")?, find("sipp")?) else { return Ok(()) };
    let stage = Stage::new("live-kamailio")?;
    let server = stage.server()?;
    let _proxy = stage.kamailio(&kamailio, &[])?;
    for (name, caller, user, callee) in SCENARIOS {
        stage.sipp(&sipp, name, caller, user, *callee)?;
    }

    // What each scenario must have left, seen at the proxy: its final reply to the caller.
    for (name, cseq_method, status) in [
        ("call", "INVITE", 200),
        ("call", "BYE", 200),
        ("busy", "INVITE", 486),
        ("cancel", "INVITE", 487),
        ("notfound", "INVITE", 404),
        ("register", "REGISTER", 200),
        ("options", "OPTIONS", 200),
    ] {
        server.wait_for_count(
            &format!("SELECT count(*) AS n FROM sip WHERE call_id LIKE '%-{name}-%' AND cseq_method = '{cseq_method}' AND status = {status}"),
            1,
        )?;
    }
    let totals = server.totals()?;
    ensure!(totals.refused == 0 && totals.dropped == 0, "{totals:?}");

    let found = rhapsode(&server, &["search", "status = 486"])?;
    ensure!(found.contains("-busy-"), "{found}");
    let call_id = call_id(&server, "call")?;
    let ladder = rhapsode(&server, &["call", &call_id])?;
    std::fs::write(stage.output.join("call.txt"), &ladder)?;
    for label in ["INVITE", "100", "180", "200", "ACK", "BYE", "127.0.0.1:5060", "127.0.0.1:5070"] {
        ensure!(ladder.contains(label), "no {label} in\n{ladder}");
    }
    browser(&server, &stage.output, "")
}

#[test]
fn live_rtpengine_and_baresip_bring_media_reports_and_logs_into_the_call() -> Result<()> {
    let (Some(kamailio), Some(rtpengine), Some(baresip)) =
        (find("kamailio")?, find("rtpengine")?, find("baresip")?)
    else {
        return Ok(());
    };
    let stage = Stage::new("live-rtpengine")?;
    let server = stage.server()?;
    let mut relay = Command::new(rtpengine);
    relay.args(["-f", "-E", "--table=-1", "--interface=127.0.0.1", "--listen-ng=127.0.0.1:2223"]);
    relay.args([
        "--port-min=30000",
        "--port-max=30200",
        "--homer=127.0.0.1:9060",
        "--homer-protocol=udp",
        "--homer-id=2002",
    ]);
    let _relay = stage.start("rtpengine", relay)?;
    let _proxy = stage.kamailio(&kamailio, &["-A", "WITH_RTPENGINE", "-A", "WITH_HLOG"])?;

    let agent = |name: &str, seconds: &str, dial: Option<&str>| {
        let mut command = Command::new(&baresip);
        command.current_dir(stage.folder.path().join("baresip")).args(["-f", name, "-t", seconds]);
        if let Some(command_line) = dial {
            command.args(["-e", command_line]);
        }
        stage.start(&format!("baresip-{name}"), command)
    };
    let callee = agent("b", "26", None)?;
    server.wait_for_count(
        "SELECT count(*) AS n FROM sip WHERE cseq_method = 'REGISTER' AND status = 200 AND to_user = 'bob'",
        1,
    )?;
    // Long enough for two rounds of RTCP, which come every five seconds.
    let caller = agent("a", "17", Some("d sip:bob@kamailio.test"))?;
    caller.wait_for_success(Duration::from_secs(40)).ok();
    drop(callee);

    // The end of the call is the last thing that comes.
    server.wait_for_count("SELECT count(*) AS n FROM sip WHERE cseq_method = 'BYE' AND status = 200", 1)?;
    server.wait_for_count("SELECT count(*) AS n FROM rtcp", 2)?;
    server.wait_for_count("SELECT count(*) AS n FROM log", 1)?;
    let rows = server.sql(
        "SELECT s.call_id, count(*) AS n FROM rtcp r JOIN (SELECT DISTINCT call_id FROM sip WHERE method = 'INVITE') s \
         ON r.call_id = s.call_id GROUP BY 1 ORDER BY 2 DESC",
    )?;
    let call_id = rows.first().and_then(|row| row["call_id"].as_str()).context("no RTCP joins an INVITE")?;
    let found = rhapsode(&server, &["search", "-m", "exists rtcp.ssrc"])?;
    ensure!(found.contains("RTCP"), "{found}");
    let ladder = rhapsode(&server, &["call", call_id])?;
    std::fs::write(stage.output.join("call.txt"), &ladder)?;
    for label in ["INVITE", "RTCP", "BYE", "new call from"] {
        ensure!(ladder.contains(label), "no {label} in\n{ladder}");
    }
    browser(&server, &stage.output, "rtcp,log")
}

/// Chromium opens every screen, and an answered call that must also hold records of the tables `with`; screenshots
/// stay with the test's output.
fn browser(server: &Server, output: &Path, with: &str) -> Result<()> {
    if find("chromium")?.is_none() {
        return Ok(());
    }
    let run = Command::new("node")
        .arg(repository().join("web/e2e/run.mjs"))
        .current_dir(repository().join("web"))
        .env("BASE_URL", server.url(""))
        .env("USER", "admin")
        .env("PASSWORD", PASSWORD)
        .env("WITH", with)
        .env("OUT_DIR", output)
        .output()
        .context("cannot start node")?;
    let printed = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    ensure!(run.status.success(), "the browser run failed ({}):\n{printed}", run.status);
    Ok(())
}

fn call_id(server: &Server, scenario: &str) -> Result<String> {
    let rows = server.sql(&format!(
        "SELECT call_id FROM sip WHERE method = 'INVITE' AND call_id LIKE '%-{scenario}-%' LIMIT 1"
    ))?;
    let row = rows.first().with_context(|| format!("no INVITE of scenario {scenario}"))?;
    Ok(row["call_id"].as_str().context("no Call-ID")?.to_owned())
}

/// A folder with the agents' configurations, and where what they print goes.
struct Stage {
    folder: tempfile::TempDir,
    output: PathBuf,
}

impl Stage {
    fn new(name: &str) -> Result<Self> {
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
    fn server(&self) -> Result<Server> {
        Server::start(Options {
            hep_udp: "127.0.0.1:9060".into(),
            hep_tcp: "127.0.0.1:9060".into(),
            ..options(&self.folder)?
        })
        .with_context(|| format!("{BINARY} on the fixed ports"))
    }

    fn start(&self, name: &str, command: Command) -> Result<Program> {
        Program::start(name, command, &self.output)
    }

    fn kamailio(&self, program: &Path, variant: &[&str]) -> Result<Program> {
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

    /// One SIPp caller through the proxy, its callee beside it.
    fn sipp(
        &self,
        program: &Path,
        name: &str,
        caller: &str,
        user: &str,
        callee: Option<(&str, u16)>,
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
        let answering = match callee {
            Some((scenario, port)) => {
                let mut answering =
                    self.start(&format!("sipp-{name}-callee"), command(scenario, port, "20000"))?;
                // Its socket is there when no one else can have the port.
                wait(Duration::from_secs(5), || {
                    ensure!(answering.is_running(), "the callee ended:\n{}", answering.printed());
                    Ok(std::net::UdpSocket::bind(("127.0.0.1", port)).is_err())
                })?;
                Some(answering)
            }
            None => None,
        };
        let mut calling = command(caller, 5080, "21000");
        calling.args(["-s", user, "-r", "2", "-cid_str", &format!("%u-{name}-%p@%s"), "127.0.0.1:5060"]);
        self.start(&format!("sipp-{name}"), calling)?.wait_for_success(Duration::from_secs(40))?;
        drop(answering);
        Ok(())
    }
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
