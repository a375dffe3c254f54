//! CPU seconds per million messages: received over UDP, logged, searchable and settled into the lake.
//!
//! `cargo xtask bench ingest`. The server is the built program in its own process, so its CPU time is its own; the
//! generator's is not in it. Still, what else runs while the server does makes it slower where two processors of a
//! virtual machine are one core, so packets are made before the clock starts. They are paced below what the machine
//! drops: cost is asked here, not the maximum rate.
//! Environment: `BENCH_MESSAGES` (default 1,000,000), `BENCH_RATE` (messages a second, default 40,000).

use std::net::UdpSocket;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use testkit::recordings::recording;
use testkit::server::{Options, Server, options_packet, wait};
use traffic::{Generator, Rate, Settings};

fn main() -> Result<()> {
    let messages = setting("BENCH_MESSAGES", 1_000_000)?;
    let rate = setting("BENCH_RATE", 40_000)?;
    println!("{messages} messages at {rate}/s each; times are of the server's process alone");

    let start = 1_790_000_000_000_000;
    let mut generator = Generator::new(&Settings::new(1, start, Rate::Messages(rate as f64)));
    let mut packets = Vec::new();
    let mut ends = Vec::new();
    for _ in 0..messages {
        generator.append(&mut packets);
        ends.push(packets.len());
    }
    let starts = std::iter::once(0).chain(ends.iter().copied());
    run("generator", messages, rate, starts.zip(&ends).map(|(start, end)| &packets[start..*end]))?;

    if let Some(load) = recording("kamailio-hep3-load.pcap")? {
        let pieces = load.pieces.iter().map(Vec::as_slice).cycle();
        run("kamailio-hep3-load", messages, rate, pieces)?;
    }
    Ok(())
}

fn run<'a>(
    name: &str,
    messages: u64,
    rate: u64,
    packets: impl Iterator<Item = &'a [u8]> + Clone,
) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(Options::new(env!("CARGO_BIN_EXE_rhapsode"), folder.path().join("data"))?)?;
    let process = Process(server.process_id());
    let own = Process(std::process::id());
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(&server.options.hep_udp)?;

    let (cpu_before, own_before) = (process.cpu_seconds()?, own.cpu_seconds()?);
    let started = Instant::now();
    let payload_bytes = send(&socket, rate, (0..messages).zip(packets.clone()), |_| Ok(()))?;
    let wall = started.elapsed().as_secs_f64();
    let own_cpu = own.cpu_seconds()? - own_before;
    server.wait_for_received(messages).context("packets were lost on the way; lower BENCH_RATE")?;
    let totals = server.totals()?;
    ensure!(totals.stored == messages, "of {messages} {} were stored: {:?}", totals.stored, totals.causes);
    wait_until_settled(&server)?;
    let cpu = process.cpu_seconds()? - cpu_before;
    let store = server.get("/api/v1/status")?["store"].clone();
    let lake_bytes = store["lake_bytes"].as_f64().unwrap_or(0.0);

    // Asking costs the server, so how soon a packet can be searched is measured by itself, under the same load.
    let more = (messages / 4).max(MARKERS);
    let mut delays = Vec::new();
    send(&socket, rate, (0..more).zip(packets), |number| {
        if number % (more / MARKERS) == more / MARKERS / 2 {
            delays.push(searchable_after(&server, &socket, number)?);
        }
        Ok(())
    })?;
    server.wait_for_received(messages + more + delays.len() as u64)?;

    println!(
        "\n{name}: {:.0} B of HEP a message, sent in {wall:.0} s",
        payload_bytes as f64 / messages as f64
    );
    println!("  CPU seconds per million messages   {:.2}", cpu * 1e6 / messages as f64);
    println!("  messages per second and core       {:.0}", messages as f64 / cpu);
    println!("  the sender's CPU seconds           {:.2}, not in these", own_cpu * 1e6 / messages as f64);
    println!(
        "  lake bytes per message             {:.1} in {} files",
        lake_bytes / messages as f64,
        store["lake_files"]
    );
    println!("  largest resident memory            {} MiB", process.peak_memory_bytes()? >> 20);
    println!(
        "  searchable after                   {}",
        delays.iter().map(|delay| format!("{} ms", delay.as_millis())).collect::<Vec<_>>().join(", ")
    );
    Ok(())
}

/// Packets by which it is measured how soon one can be searched.
const MARKERS: u64 = 4;

/// Sends at this rate, calling back after each; how many bytes that were.
fn send<'a>(
    socket: &UdpSocket,
    rate: u64,
    packets: impl Iterator<Item = (u64, &'a [u8])>,
    mut after: impl FnMut(u64) -> Result<()>,
) -> Result<u64> {
    let started = Instant::now();
    let mut bytes = 0;
    for (number, packet) in packets {
        let due = Duration::from_micros(number * 1_000_000 / rate);
        if due > started.elapsed() + Duration::from_millis(1) {
            std::thread::sleep(due.saturating_sub(started.elapsed()));
        }
        bytes += packet.len() as u64;
        socket.send(packet)?;
        after(number)?;
    }
    Ok(bytes)
}

/// Asks seldom: twenty times a second made up a twentieth of what was measured.
fn wait_until_settled(server: &Server) -> Result<()> {
    for _ in 0..180 {
        std::thread::sleep(Duration::from_secs(1));
        if server.get("/api/v1/status")?["store"]["hot_rows"] == 0 {
            return Ok(());
        }
    }
    bail!("not settled after three minutes")
}

/// How long one packet takes from the socket to an answer of SQL.
fn searchable_after(server: &Server, socket: &UdpSocket, number: u64) -> Result<Duration> {
    let id = format!("marker-{number}");
    let sent = Instant::now();
    socket.send(&options_packet(&id))?;
    let sql = format!("SELECT count(*) AS n FROM sip WHERE call_id = '{id}'");
    let found = wait(Duration::from_secs(20), || Ok(server.count(&sql)? == 1))?;
    ensure!(found, "{id} was not searchable after 20 s");
    Ok(sent.elapsed())
}

struct Process(u32);

impl Process {
    /// User and system time, from the kernel's clock ticks.
    fn cpu_seconds(&self) -> Result<f64> {
        /// USER_HZ is 100 on every Linux architecture Rust runs on.
        const TICKS_PER_SECOND: f64 = 100.0;
        let stat = std::fs::read_to_string(self.file("stat"))?;
        // The name in parentheses may hold blanks; what follows it does not.
        let fields: Vec<&str> =
            stat.rsplit(')').next().context("no process name")?.split_whitespace().collect();
        let ticks = |index: usize| {
            fields.get(index).and_then(|field| field.parse::<f64>().ok()).context("no such field")
        };
        Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
    }

    fn peak_memory_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(self.file("status"))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no VmHWM")?;
        let kilobytes: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kilobytes * 1024)
    }

    fn file(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.0))
    }
}

fn setting(name: &str, default: u64) -> Result<u64> {
    std::env::var(name).map_or(Ok(default), |text| text.parse().with_context(|| format!("{name}={text}")))
}
