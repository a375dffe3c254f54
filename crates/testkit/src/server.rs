//! The built program as a process, driven only through its public doors.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

/// The password every test server gives its first user.
pub const PASSWORD: &str = "correct horse battery staple";

/// How a test server is started. Ports are free ones unless a test needs fixed ones.
#[derive(Clone)]
pub struct Options {
    pub binary: PathBuf,
    pub data: PathBuf,
    pub hep_udp: String,
    pub hep_tcp: String,
    pub http: String,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
}

impl Options {
    pub fn new(binary: impl Into<PathBuf>, data: impl Into<PathBuf>) -> Result<Self> {
        Ok(Self {
            binary: binary.into(),
            data: data.into(),
            hep_udp: format!("127.0.0.1:{}", free_udp_port()?),
            hep_tcp: format!("127.0.0.1:{}", free_tcp_port()?),
            http: format!("127.0.0.1:{}", free_tcp_port()?),
            arguments: Vec::new(),
            environment: Vec::new(),
        })
    }

    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A running server. Killed when dropped.
pub struct Server {
    child: Child,
    pub options: Options,
    token: String,
    printed: Arc<Mutex<String>>,
}

impl Server {
    /// Starts the program and waits until `/health` answers 200.
    pub fn start(options: Options) -> Result<Self> {
        let mut child = Command::new(&options.binary)
            .arg("serve")
            .arg("--data")
            .arg(&options.data)
            .args(["--hep-udp", &options.hep_udp, "--hep-tcp", &options.hep_tcp, "--http", &options.http])
            .args(&options.arguments)
            .env("RHAPSODE_ADMIN_PASSWORD", PASSWORD)
            .envs(options.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", options.binary.display()))?;
        let printed = Arc::new(Mutex::new(String::new()));
        collect(child.stdout.take(), &printed);
        collect(child.stderr.take(), &printed);
        let mut server = Self { child, options, token: String::new(), printed };
        server.wait_until_healthy()?;
        server.token = server.login("admin", PASSWORD)?;
        Ok(server)
    }

    /// Everything the program printed so far.
    pub fn printed(&self) -> String {
        self.printed.lock().map(|text| text.clone()).unwrap_or_default()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.options.http)
    }

    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    pub fn login(&self, user: &str, password: &str) -> Result<String> {
        let answer: Value = agent()
            .post(self.url("/api/v1/login"))
            .send_json(json!({"user": user, "password": password}))?
            .body_mut()
            .read_json()?;
        Ok(answer["token"].as_str().context("login answered no token")?.to_owned())
    }

    /// GET of an API path, JSON in return.
    pub fn get(&self, path: &str) -> Result<Value> {
        let bytes = self.get_bytes(path)?;
        serde_json::from_slice(&bytes).with_context(|| format!("{path} is not JSON"))
    }

    pub fn get_bytes(&self, path: &str) -> Result<Vec<u8>> {
        let mut answer = agent()
            .get(self.url(path))
            .header("Authorization", &format!("Bearer {}", self.token))
            .call()
            .with_context(|| format!("GET {path}"))?;
        let mut bytes = Vec::new();
        answer.body_mut().as_reader().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The first line of a list that comes as it is found. The rest is not waited for.
    pub fn first_line(&self, path: &str) -> Result<Value> {
        let mut answer = agent()
            .get(self.url(path))
            .header("Authorization", &format!("Bearer {}", self.token))
            .header("Accept", "application/x-ndjson")
            .call()
            .with_context(|| format!("GET {path}"))?;
        let line = BufReader::new(answer.body_mut().as_reader()).lines().next();
        let line = line.with_context(|| format!("{path} gave no line"))??;
        serde_json::from_str(&line).with_context(|| format!("{path} gave {line}"))
    }

    /// Rows of a SELECT, through the NDJSON form scripts rely on.
    pub fn sql(&self, sql: &str) -> Result<Vec<Value>> {
        let mut answer = agent()
            .post(self.url("/api/v1/sql"))
            .header("Authorization", &format!("Bearer {}", self.token))
            .header("Accept", "application/x-ndjson")
            .send_json(json!({"sql": sql}))
            .with_context(|| format!("sql: {sql}"))?;
        BufReader::new(answer.body_mut().as_reader())
            .lines()
            .map(|line| Ok(serde_json::from_str(&line?)?))
            .collect()
    }

    pub fn count(&self, sql: &str) -> Result<u64> {
        let rows = self.sql(sql)?;
        let row = rows.first().and_then(Value::as_object).context("count gave no row")?;
        row.values().next().and_then(Value::as_u64).with_context(|| format!("{sql} gave {row:?}"))
    }

    /// The conservation counters over all listeners.
    pub fn totals(&self) -> Result<Totals> {
        let status = self.get("/api/v1/status")?;
        let total = &status["total"];
        let number = |name: &str| total[name].as_u64().with_context(|| format!("status has no total.{name}"));
        let sum = |name: &str| -> u64 {
            total[name].as_object().map_or(0, |causes| causes.values().filter_map(Value::as_u64).sum())
        };
        Ok(Totals {
            received: number("received")?,
            stored: number("stored")?,
            refused: sum("refused"),
            dropped: sum("dropped"),
            duplicates: number("duplicates")?,
            causes: total.clone(),
        })
    }

    /// Waits until everything received has been stored, refused or dropped, and at least `count` was received.
    pub fn wait_for_received(&self, count: u64) -> Result<Totals> {
        let mut last = None;
        let done = wait(Duration::from_secs(60), || {
            let totals = self.totals()?;
            let settled = totals.received >= count && totals.is_conserved();
            last = Some(totals);
            Ok(settled)
        })?;
        let totals = last.context("no totals")?;
        ensure!(done, "expected {count} received and all accounted for, but have {totals:?}");
        Ok(totals)
    }

    /// Waits until a counting SELECT gives at least `count`.
    pub fn wait_for_count(&self, sql: &str, count: u64) -> Result<u64> {
        let mut last = 0;
        wait(Duration::from_secs(30), || {
            last = self.count(sql)?;
            Ok(last >= count)
        })?;
        ensure!(last >= count, "{sql} gives {last}, expected at least {count}");
        Ok(last)
    }

    /// SIGKILL: what a power cut or the kernel's out-of-memory killer does to the process.
    pub fn kill(mut self) -> Result<Options> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(self.options.clone())
    }

    /// SIGTERM, then the exit code.
    pub fn terminate(mut self) -> Result<(Option<i32>, Duration, String)> {
        let started = Instant::now();
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        ensure!(status.success(), "kill -TERM failed");
        let ended = wait(Duration::from_secs(40), || Ok(self.child.try_wait()?.is_some()))?;
        ensure!(ended, "the server did not end in time after SIGTERM; it printed:\n{}", self.printed());
        let code = self.child.wait()?.code();
        Ok((code, started.elapsed(), self.printed()))
    }

    fn wait_until_healthy(&mut self) -> Result<()> {
        let healthy = wait(Duration::from_secs(60), || {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}; it printed:\n{}", self.printed());
            }
            Ok(agent().get(self.url("/health")).call().is_ok_and(|answer| answer.status() == 200))
        })?;
        ensure!(healthy, "/health did not answer in time; the server printed:\n{}", self.printed());
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone in the tests that kill or terminate it themselves.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[derive(Debug, Clone)]
pub struct Totals {
    pub received: u64,
    pub stored: u64,
    pub refused: u64,
    pub dropped: u64,
    pub duplicates: u64,
    pub causes: Value,
}

impl Totals {
    pub fn is_conserved(&self) -> bool {
        self.received == self.stored + self.refused + self.dropped + self.duplicates
    }

    pub fn refused_by(&self, cause: &str) -> u64 {
        self.causes["refused"][cause].as_u64().unwrap_or(0)
    }
}

/// Sends datagrams from one socket, a little apart so that a default receive buffer of the test machine holds them.
pub fn send_udp(to: &str, datagrams: &[Vec<u8>]) -> Result<()> {
    let socket = UdpSocket::bind(if to.starts_with('[') { "[::1]:0" } else { "127.0.0.1:0" })?;
    for (index, datagram) in datagrams.iter().enumerate() {
        socket.send_to(datagram, to)?;
        if index % 64 == 63 {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    Ok(())
}

/// Sends a stream cut at the given places, each piece its own write.
pub fn send_tcp(to: &str, stream: &[u8], cuts: &[usize]) -> Result<()> {
    let mut connection = std::net::TcpStream::connect(to)?;
    connection.set_nodelay(true)?;
    let mut start = 0;
    for &cut in cuts.iter().chain([&stream.len()]) {
        connection.write_all(&stream[start..cut])?;
        start = cut;
    }
    connection.shutdown(std::net::Shutdown::Write)?;
    // The server closes once it has read all: only then is everything out of this process's hands.
    let mut rest = Vec::new();
    connection.set_read_timeout(Some(Duration::from_secs(20)))?;
    connection.read_to_end(&mut rest).ok();
    Ok(())
}

/// One `POST /hep`; status and body.
pub fn post_hep(server: &Server, body: &[u8]) -> Result<(u16, String)> {
    let mut answer =
        agent().post(server.url("/hep")).header("Content-Type", "application/octet-stream").send(body)?;
    let status = answer.status().as_u16();
    Ok((status, answer.body_mut().read_to_string()?))
}

/// One `POST /api/v1/ingest`: what it answers, whatever the status.
pub fn post_ingest(server: &Server, body: &str) -> Result<Value> {
    post_ingest_with(server, &[("Content-Type", "application/x-ndjson")], body)
}

/// The same with these headers.
pub fn post_ingest_with(server: &Server, headers: &[(&str, &str)], body: &str) -> Result<Value> {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = agent.post(server.url("/api/v1/ingest"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    Ok(request.send(body)?.body_mut().read_json()?)
}

/// A HEPv3 packet holding a SIP OPTIONS whose Call-ID is also its correlation id.
pub fn options_packet(call_id: &str) -> Vec<u8> {
    let sip = format!(
        "OPTIONS sip:test@10.0.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK{call_id}\r\n\
         From: <sip:probe@10.0.0.1>;tag=1\r\nTo: <sip:test@10.0.0.2>\r\nCall-ID: {call_id}\r\nCSeq: 1 OPTIONS\r\n\
         Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as u32);
    let mut chunks = Vec::new();
    let mut chunk = |kind: u16, body: &[u8]| {
        chunks.extend_from_slice(&[0, 0]);
        chunks.extend_from_slice(&kind.to_be_bytes());
        chunks.extend_from_slice(&(body.len() as u16 + 6).to_be_bytes());
        chunks.extend_from_slice(body);
    };
    chunk(0x01, &[2]);
    chunk(0x02, &[17]);
    chunk(0x03, &[10, 0, 0, 1]);
    chunk(0x04, &[10, 0, 0, 2]);
    chunk(0x07, &5060u16.to_be_bytes());
    chunk(0x08, &5060u16.to_be_bytes());
    chunk(0x09, &now.to_be_bytes());
    chunk(0x0a, &0u32.to_be_bytes());
    chunk(0x0b, &[1]);
    chunk(0x0c, &7u32.to_be_bytes());
    chunk(0x11, call_id.as_bytes());
    chunk(0x0f, sip.as_bytes());
    let mut packet = b"HEP3".to_vec();
    packet.extend_from_slice(&(chunks.len() as u16 + 6).to_be_bytes());
    packet.extend(chunks);
    packet
}

/// The bytes of a base64 text, as the API gives binary.
pub fn base64(text: &str) -> Result<Vec<u8>> {
    use base64::Engine as _;
    Ok(base64::engine::general_purpose::STANDARD.decode(text)?)
}

/// The same the other way.
pub fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// How many times longer than on a machine of one's own things may take on a busy one. Waiting longer costs nothing where
/// what is waited for comes.
const SLOWEST: u32 = 4;

/// So that what fails is told before the runner ends the test: .config/nextest.toml.
const WAIT_MAX: Duration = Duration::from_secs(240);

/// Polls until the condition holds or `limit` is over, on a machine of one's own; says which.
pub fn wait(limit: Duration, mut condition: impl FnMut() -> Result<bool>) -> Result<bool> {
    let end = Instant::now() + (limit * SLOWEST).min(limit.max(WAIT_MAX));
    loop {
        if condition()? {
            return Ok(true);
        }
        if Instant::now() > end {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A folder for what a test leaves to look at (screenshots, printed ladders): under `test-output/` of the
/// repository, or where `RHAPSODE_TEST_OUTPUT` says.
pub fn output_folder(name: &str) -> Result<PathBuf> {
    let root = std::env::var_os("RHAPSODE_TEST_OUTPUT")
        .map_or_else(|| crate::recordings::repository().join("test-output"), PathBuf::from);
    let folder = root.join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(Path::new(&folder).canonicalize()?)
}

pub fn free_udp_port() -> Result<u16> {
    Ok(UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?.local_addr()?.port())
}

pub fn free_tcp_port() -> Result<u16> {
    Ok(TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?.local_addr()?.port())
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(120)))
        .http_status_as_error(true)
        .build()
        .into()
}

fn collect(stream: Option<impl Read + Send + 'static>, into: &Arc<Mutex<String>>) {
    let Some(stream) = stream else { return };
    let into = Arc::clone(into);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if let Ok(mut text) = into.lock() {
                text.push_str(&line);
                text.push('\n');
            }
        }
    });
}
