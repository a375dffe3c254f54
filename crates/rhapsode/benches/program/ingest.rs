//! CPU seconds per million messages: received over UDP, TCP or TLS, logged, searchable and settled into the lake.
//!
//! `cargo xtask bench ingest`. The server is the built program in its own process, so its CPU time is its own; the
//! generator's is not in it. Still, what else runs while the server does makes it slower where two processors of a
//! virtual machine are one core, so packets are made before the clock starts. They are paced below what the machine
//! drops: cost is asked here, not the maximum rate.
//! Environment: `BENCH_MESSAGES` (default 1,000,000), `BENCH_RATE` (messages a second, default 40,000).

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use testkit::recordings::recording;
use testkit::server::{Options, Server, free_tcp_port, options_packet, wait};
use traffic::{Generator, Rate, Settings};

use crate::process::Process;
use crate::rest::wait_until_at_rest;
use crate::send::{self, Certificate, Sender, Transport};
use crate::{BINARY, setting};

pub(crate) fn run() -> Result<()> {
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
    let made = starts.zip(&ends).map(|(start, end)| &packets[start..*end]);
    for over in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        measure("generator", over, messages, rate, made.clone())?;
    }

    if let Some(load) = recording("kamailio-hep3-load.pcap")? {
        let pieces = load.pieces.iter().map(Vec::as_slice).cycle();
        measure("kamailio-hep3-load", Transport::Udp, messages, rate, pieces)?;
    }
    Ok(())
}

fn measure<'a>(
    name: &str,
    over: Transport,
    messages: u64,
    rate: u64,
    packets: impl Iterator<Item = &'a [u8]> + Clone,
) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let certificate = Certificate::new(folder.path(), format!("127.0.0.1:{}", free_tcp_port()?))?;
    let options = Options::new(BINARY, folder.path().join("data"))?;
    let options = certificate.arguments().iter().fold(options, |options, word| options.argument(word));
    let server = Server::start(options)?;
    let process = Process(server.process_id());
    let own = Process(std::process::id());
    let mut sender = Sender::connect(&server, over, &certificate)?;

    let (cpu_before, own_before) = (process.cpu_seconds()?, own.cpu_seconds()?);
    let started = Instant::now();
    let payload_bytes = send::paced(&mut sender, rate, (0..messages).zip(packets.clone()), |_| Ok(()))?;
    let wall = started.elapsed().as_secs_f64();
    let own_cpu = own.cpu_seconds()? - own_before;
    server.wait_for_received(messages).context("packets were lost on the way; lower BENCH_RATE")?;
    let totals = server.totals()?;
    ensure!(totals.stored == messages, "of {messages} {} were stored: {:?}", totals.stored, totals.causes);
    wait_until_at_rest(&server)?;
    let cpu = process.cpu_seconds()? - cpu_before;
    let store = server.get("/api/v1/status")?["store"].clone();
    let lake_bytes = store["lake_bytes"].as_f64().unwrap_or(0.0);

    // Asking costs the server, so how soon a packet can be searched is measured by itself, under the same load.
    let more = (messages / 4).max(MARKERS);
    let marker = send::udp(&server.options.hep_udp)?;
    let mut delays = Vec::new();
    send::paced(&mut sender, rate, (0..more).zip(packets), |number| {
        if number % (more / MARKERS) == more / MARKERS / 2 {
            delays.push(searchable_after(&server, &marker, number)?);
        }
        Ok(())
    })?;
    server.wait_for_received(messages + more + delays.len() as u64)?;

    println!(
        "\n{name} over {}: {:.0} B of HEP a message, sent in {wall:.0} s",
        over.name(),
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
