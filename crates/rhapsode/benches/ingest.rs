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

use anyhow::{Context, Result, ensure};
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
    let mut start = 0;
    run(
        "generator",
        messages,
        rate,
        ends.iter().map(|end| &packets[std::mem::replace(&mut start, *end)..*end]),
    )?;

    if let Some(load) = recording("kamailio-hep3-load.pcap")? {
        let pieces = load.pieces.iter().map(Vec::as_slice).cycle();
        run("kamailio-hep3-load", messages, rate, pieces)?;
    }
    Ok(())
}

fn run<'a>(name: &str, messages: u64, rate: u64, packets: impl Iterator<Item = &'a [u8]>) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(Options::new(env!("CARGO_BIN_EXE_rhapsode"), folder.path().join("data"))?)?;
    let process = Process(server.process_id());
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(&server.options.hep_udp)?;

    let cpu_before = process.cpu_seconds()?;
    let mut payload_bytes = 0u64;
    let mut delays = Vec::new();
    let started = Instant::now();
    for (number, packet) in (0..messages).zip(packets) {
        let due = Duration::from_micros(number * 1_000_000 / rate);
        if due > started.elapsed() + Duration::from_millis(1) {
            std::thread::sleep(due.saturating_sub(started.elapsed()));
        }
        payload_bytes += packet.len() as u64;
        socket.send(packet)?;
        // A few markers tell how soon a packet can be searched while the load runs; few, since asking costs the server.
        if number % (messages / 4).max(1) == messages / 8 {
            delays.push(searchable_after(&server, &socket, number)?);
        }
    }
    let markers = delays.len() as u64;
    let sent = messages + markers;
    let wall = started.elapsed().as_secs_f64();
    server.wait_for_received(sent).context("packets were lost on the way; lower BENCH_RATE")?;
    let totals = server.totals()?;
    ensure!(totals.stored == sent, "of {sent} messages {} were stored: {:?}", totals.stored, totals.causes);
    // Seldom, since answering costs the server: twenty times a second made up a twentieth of what was measured.
    let mut settled = false;
    for _ in 0..180 {
        std::thread::sleep(Duration::from_secs(1));
        settled = server.get("/api/v1/status")?["store"]["hot_rows"] == 0;
        if settled {
            break;
        }
    }
    ensure!(settled, "not settled after three minutes");
    let cpu = process.cpu_seconds()? - cpu_before;
    let store = server.get("/api/v1/status")?["store"].clone();
    let lake_bytes = store["lake_bytes"].as_f64().unwrap_or(0.0);

    println!(
        "\n{name}: {:.0} B of HEP a message, sent in {wall:.0} s",
        payload_bytes as f64 / messages as f64
    );
    println!("  CPU seconds per million messages   {:.2}", cpu * 1e6 / sent as f64);
    println!("  messages per second and core       {:.0}", sent as f64 / cpu);
    println!(
        "  lake bytes per message             {:.1} in {} files",
        lake_bytes / sent as f64,
        store["lake_files"]
    );
    println!("  largest resident memory            {} MiB", process.peak_memory_bytes()? >> 20);
    println!(
        "  searchable after                   {}",
        delays.iter().map(|delay| format!("{} ms", delay.as_millis())).collect::<Vec<_>>().join(", ")
    );
    Ok(())
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
