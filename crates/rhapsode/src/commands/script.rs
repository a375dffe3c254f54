use std::io::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use model::Micros;
use protocols::Protocols;
use scripts::{Outcome, Report, Scripts};

use super::import::source::{Source, Wrapping};
use crate::config;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Run a script over packets, and show what it would change, print and get wrong
    Test(Test),
}

#[derive(Args)]
#[command(after_help = EXAMPLES)]
struct Test {
    /// The script, a file of Lua
    #[arg(value_name = "FILE")]
    script: PathBuf,
    /// Packets: one SIP message as text, or what `rhapsode import` reads (pcap, pcapng, HEP, JSON)
    /// [default: an INVITE]
    #[arg(long, value_name = "FILE")]
    with: Option<PathBuf>,
    /// How many packets at most
    #[arg(long, short = 'n', default_value_t = 100, value_name = "COUNT")]
    limit: u64,
    /// Say nothing of packets that the script leaves as they are
    #[arg(long)]
    changed: bool,
}

const EXAMPLES: &str = "\
Examples:
  rhapsode script test tag.lua                             over an INVITE that is built in
  rhapsode script test tag.lua --with message.txt          over one SIP message
  rhapsode script test tag.lua --with trace.pcap -n 1000   over the packets of a capture
  rhapsode script test tag.lua --with trace.pcap --changed

The script has the limits of a server without settings of its own; it sees packets of all types,
and what it keeps with HashTable is there for the next packet. Nothing is stored or sent.
Exits with 1 if the script cannot be loaded or fails for a packet. See docs/scripts.md.";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let What::Test(test) = &arguments.what;
    let settings = config::script(&test.script)?;
    let scripts = Scripts::load(&settings, 1, None)?;
    let mut packets = Packets::open(test.with.as_deref())?;
    let mut out = std::io::stdout().lock();
    let mut totals = Totals::default();
    while totals.packets < test.limit
        && let Some((frame, seconds)) = packets.next()?
    {
        let Ok((packet, _)) = hep::decode(&frame, seconds) else { continue };
        let report = scripts.report(&packet, &frame, &scripts::arrival(seconds), Protocols::built_in());
        totals.add(&report);
        if !(test.changed && report.outcome == Outcome::Unchanged && report.errors.is_empty()) {
            writeln!(out, "packet {}  {}", totals.packets, title(&packet))?;
            show(&mut out, &report)?;
        }
    }
    totals.show(&mut out)?;
    out.flush()?;
    if totals.errors > 0 {
        bail!("the script failed for {} of {} packets", totals.errors, totals.packets);
    }
    Ok(())
}

/// Where packets come from.
enum Packets {
    One(Option<(Vec<u8>, u32)>),
    File(Box<Source>),
}

impl Packets {
    fn open(path: Option<&Path>) -> Result<Self> {
        let (sample, seconds) = scripts::sample();
        let Some(path) = path else { return Ok(Self::One(Some((sample, seconds)))) };
        if let Some(message) = sip_message(path)? {
            return Ok(Self::One(Some((scripts::wrapped(&message), seconds))));
        }
        let wrapping = Wrapping { node: None, capture_id: 0, key: None, rtp: false, records: None };
        Ok(Self::File(Box::new(Source::open(path, &wrapping)?)))
    }

    fn next(&mut self) -> Result<Option<(Vec<u8>, u32)>> {
        match self {
            Self::One(packet) => Ok(packet.take()),
            Self::File(source) => Ok(source.next()?.map(|packet| {
                let seconds = packet.micros.map_or(0, |micros| micros / Micros::SECOND);
                (packet.bytes, u32::try_from(seconds).unwrap_or(0))
            })),
        }
    }
}

/// All of a file that is one SIP message; a message has 64 KiB at most.
fn sip_message(path: &Path) -> Result<Option<Vec<u8>>> {
    let wrong = || format!("cannot read {}", path.display());
    if std::fs::metadata(path).with_context(wrong)?.len() > u64::from(u16::MAX) {
        return Ok(None);
    }
    let bytes = std::fs::read(path).with_context(wrong)?;
    Ok(sip::parse(&bytes).start().is_known().then_some(bytes))
}

fn title(packet: &hep::Packet<'_>) -> String {
    let end = |ip: Option<IpAddr>, port: Option<u16>| {
        let ip = ip.map_or_else(|| "unknown".to_owned(), |ip| ip.to_string());
        format!("{ip} port {}", port.unwrap_or(0))
    };
    let hep_type = packet.hep_type.unwrap_or(0);
    let message = sip::parse(&packet.payload);
    let what = match (message.method(), message.status()) {
        (Some(method), _) => format!("  {}", String::from_utf8_lossy(method)),
        (None, Some(status)) => format!("  {status}"),
        (None, None) => String::new(),
    };
    let (src, dst) = (end(packet.src_ip, packet.src_port), end(packet.dst_ip, packet.dst_port));
    format!("{src} -> {dst}  type {hep_type}, {} bytes{what}", packet.payload.len())
}

fn show(out: &mut impl std::io::Write, report: &Report) -> Result<()> {
    for line in &report.prints {
        writeln!(out, "  print    {line}")?;
    }
    for change in &report.changes {
        writeln!(out, "  change   {change}")?;
    }
    for error in &report.errors {
        writeln!(out, "  error    {error}")?;
    }
    match (&report.outcome, report.dropped.as_deref()) {
        (Outcome::Dropped, None | Some("")) => writeln!(out, "  dropped")?,
        (Outcome::Dropped, Some(reason)) => writeln!(out, "  dropped  {reason}")?,
        (Outcome::Unchanged, _) => writeln!(out, "  unchanged")?,
        (Outcome::Changed(_), _) => {}
    }
    Ok(())
}

#[derive(Default)]
struct Totals {
    packets: u64,
    changed: u64,
    dropped: u64,
    errors: u64,
    took: Duration,
}

impl Totals {
    fn add(&mut self, report: &Report) {
        self.packets += 1;
        self.changed += u64::from(matches!(report.outcome, Outcome::Changed(_)));
        self.dropped += u64::from(report.outcome == Outcome::Dropped);
        self.errors += u64::from(!report.errors.is_empty());
        self.took += report.took;
    }

    fn show(&self, out: &mut impl std::io::Write) -> Result<()> {
        let Self { packets, changed, dropped, errors, took } = self;
        let each = took.as_secs_f64() * 1e6 / (*packets).max(1) as f64;
        writeln!(
            out,
            "{packets} packets: {changed} changed, {dropped} dropped, {errors} failed; {each:.0} us a packet"
        )?;
        Ok(())
    }
}
