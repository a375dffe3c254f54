use std::fmt::Write as _;
use std::io::Write;

use anyhow::{Result, bail};
use clap::Args;
use hep::chunk::{self, Chunk, Value, kind};
use hep::{Packet, Version};
use protocols::Protocols;

use super::input;
use crate::capture::{Capture, Seen};
use crate::play::now_micros;

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A file (bytes, pcap, pcapng, hex), `-` for standard input, or the hex itself
    #[arg(value_name = "FILE|-|HEX")]
    input: String,
    /// Print the JSON of hep-js, one packet on a line, which `hep encode --json` reads back
    #[arg(long)]
    json: bool,
    /// Show authentication keys (chunk 0x000e) instead of their length
    #[arg(long)]
    show_key: bool,
}

const EXAMPLES: &str = "\
Examples:
  rhapsode hep decode capture.pcap
  rhapsode hep decode 48455033000d0000000b000701
  tcpdump -w - udp port 9060 -c 5 | rhapsode hep decode -
  xxd packet.bin | rhapsode hep decode - --json";

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let bytes = input::read(&arguments.input)?;
    let mut out = std::io::stdout().lock();
    let mut show = Show { arguments, number: 0, refused: 0 };
    if Capture::is_one(&bytes) {
        let mut capture = Capture::new();
        capture.push(&bytes);
        while let Some(seen) = capture.next()? {
            if let Seen::Hep(seen) = seen {
                let from = format!(", from {} to {}", seen.source, seen.destination);
                show.packets(&mut out, &seen.bytes, seconds(seen.micros), &from)?;
            }
        }
        for warning in capture.finish() {
            eprintln!("{warning}");
        }
    } else {
        show.packets(&mut out, &bytes, seconds(now_micros()), "")?;
    }
    out.flush()?;
    match (show.number, show.refused) {
        (0, 0) => bail!("there is no HEP in it"),
        (_, 0) => Ok(()),
        (number, refused) => bail!("{refused} of {} could not be decoded", number + refused),
    }
}

struct Show<'a> {
    arguments: &'a Arguments,
    number: u64,
    refused: u64,
}

impl Show<'_> {
    /// A datagram, or packets one after another.
    fn packets(&mut self, out: &mut impl Write, bytes: &[u8], received: u32, from: &str) -> Result<()> {
        let unwrapped = hep::ungzip(bytes);
        let gzip = if unwrapped.len() == bytes.len() { "" } else { ", was wrapped in gzip" };
        for found in hep::packets(&unwrapped, received) {
            match found {
                Ok((packet, frame)) => {
                    self.number += 1;
                    let text = if self.arguments.json {
                        format!("{}\n", self.json(&packet, frame, received))
                    } else {
                        self.text(&packet, frame, &format!("{from}{gzip}"))
                    };
                    out.write_all(text.as_bytes())?;
                }
                Err(refusal) => {
                    self.refused += 1;
                    eprintln!("not decoded: {} ({}){from}", refusal, refusal.cause());
                }
            }
        }
        Ok(())
    }

    fn text(&self, packet: &Packet<'_>, frame: &[u8], from: &str) -> String {
        let mut text = String::new();
        if self.number > 1 {
            text.push('\n');
        }
        let version = packet.version.number();
        line(
            &mut text,
            &format!("packet {}: HEP version {version}, {} bytes{from}", self.number, frame.len()),
        );
        for (name, doc) in flags(packet) {
            line(&mut text, &format!("  odd: {doc} ({name})"));
        }
        if packet.version == Version::V3 {
            let mut at = 6;
            for chunk in packet.chunks() {
                let vendor = chunk::vendor_name(chunk.vendor)
                    .map_or_else(|| format!("{:#06x}", chunk.vendor), str::to_owned);
                let name = chunk::describe(chunk.vendor, chunk.kind).map_or("unknown", |known| known.name);
                let (body, note) = (self.body(&chunk), note(&chunk, packet));
                line(
                    &mut text,
                    &format!("  {at:>5}  {vendor:<8} {:#06x}  {name:<18}  {body}{note}", chunk.kind),
                );
                at += chunk::HEADER_BYTES + chunk.body.len();
            }
        } else {
            // The fixed header of the old versions, in the words of the chunks.
            let end = |ip: Option<std::net::IpAddr>, port: Option<u16>| {
                format!("{} port {}", shown(ip.as_ref()), shown(port.as_ref()))
            };
            line(&mut text, &format!("  from        {}", end(packet.src_ip, packet.src_port)));
            line(&mut text, &format!("  to          {}", end(packet.dst_ip, packet.dst_port)));
            line(&mut text, &format!("  transport   {}", transport(packet)));
            if let Some(seconds) = packet.seconds {
                line(&mut text, &format!("  time        {}", time(seconds, packet.micros.unwrap_or(0))));
                line(&mut text, &format!("  capture id  {}", shown(packet.capture_id.as_ref())));
            }
        }
        let protocol = protocol(packet);
        line(&mut text, &format!("  payload: {protocol}, {} bytes", packet.payload.len()));
        match readable(&packet.payload) {
            Some(payload) => payload.lines().for_each(|row| line(&mut text, &format!("    {row}"))),
            None => text.push_str(&dump(&packet.payload)),
        }
        text
    }

    /// The form of hep-js, which `hep encode --json` reads back.
    fn json(&self, packet: &Packet<'_>, frame: &[u8], received: u32) -> String {
        let mut text = String::new();
        let mut blanked = frame.to_vec();
        if !self.arguments.show_key {
            hep::blank_key(&mut blanked);
        }
        match hep::decode(&blanked, received) {
            Ok((packet, _)) => hep::json::encode(&packet, &mut text),
            Err(_) => hep::json::encode(packet, &mut text),
        }
        text
    }

    fn body(&self, chunk: &Chunk<'_>) -> String {
        if self.is_hidden(chunk) {
            return format!("{} bytes, hidden (--show-key shows them)", chunk.body.len());
        }
        if chunk.vendor == chunk::GENERIC && matches!(chunk.kind, kind::PAYLOAD | kind::COMPRESSED) {
            return format!("{} bytes", chunk.body.len());
        }
        match chunk.value() {
            Value::Unsigned(number) => number.to_string(),
            Value::Address(address) => address.to_string(),
            Value::Text(text) => format!("{text:?}"),
            Value::Octets(octets) => match readable(octets) {
                Some(text) if !text.is_empty() => format!("{text:?}"),
                _ => format!("{} bytes: {}", octets.len(), hex(octets.get(..32).unwrap_or(octets))),
            },
        }
    }

    fn is_hidden(&self, chunk: &Chunk<'_>) -> bool {
        chunk.is_key() && !self.arguments.show_key
    }
}

/// What a number means, where that is known.
fn note(chunk: &Chunk<'_>, packet: &Packet<'_>) -> String {
    let meaning = match (chunk.vendor, chunk.kind, chunk.value()) {
        (chunk::GENERIC, kind::IP_PROTOCOL, _) => transport(packet),
        (chunk::GENERIC, kind::TYPE, _) => protocol(packet),
        (chunk::GENERIC, kind::SECONDS, Value::Unsigned(seconds)) => {
            time(u32::try_from(seconds).unwrap_or(u32::MAX), 0)
        }
        (chunk::GENERIC, kind::MOS, Value::Unsigned(mos)) => format!("{:.2}", mos as f64 / 100.0),
        (chunk::GENERIC, kind::COMPRESSED, _) => format!("{} inflated", packet.payload.len()),
        _ => return String::new(),
    };
    format!("  ({meaning})")
}

fn flags<'a>(packet: &'a Packet<'_>) -> impl Iterator<Item = (&'static str, &'static str)> + use<'a> {
    let all = hep::Flags::ALL.iter().filter(|(flag, ..)| packet.flags.contains(*flag));
    all.map(|(_, name, doc)| (*name, *doc))
}

fn transport(packet: &Packet<'_>) -> String {
    packet.transport().name().to_owned()
}

fn protocol(packet: &Packet<'_>) -> String {
    packet
        .hep_type
        .map_or_else(|| "no type".to_owned(), |number| Protocols::built_in().name(number).to_owned())
}

fn time(seconds: u32, micros: u32) -> String {
    let micros = i64::from(seconds) * 1_000_000 + i64::from(micros);
    jiff::Timestamp::from_microsecond(micros).map_or_else(|_| "no time".to_owned(), |time| time.to_string())
}

fn shown(value: Option<&impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), ToString::to_string)
}

/// Bytes a terminal can show as they are.
fn readable(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.chars().all(|c| !c.is_control() || matches!(c, '\r' | '\n' | '\t')).then_some(text)
}

/// Sixteen bytes a line, as hexdump -C shows them.
fn dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (row, bytes) in bytes.chunks(16).enumerate() {
        let shown: String = bytes
            .iter()
            .map(|&byte| if (0x20..0x7f).contains(&byte) { char::from(byte) } else { '.' })
            .collect();
        let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        line(&mut text, &format!("    {:08x}  {:<47}  |{shown}|", row * 16, digits.join(" ")));
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("memory takes what is written");
        text
    })
}

fn line(text: &mut String, line: &str) {
    text.push_str(line.trim_end());
    text.push('\n');
}

fn seconds(micros: i64) -> u32 {
    u32::try_from(micros / 1_000_000).unwrap_or(0)
}
