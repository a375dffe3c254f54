use std::io::{IsTerminal, Read as _, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use hep::Outgoing;
use hep::chunk::Chunk;

use crate::play::{Target, now_micros, send};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Payload text; \r, \n, \0 and \xHH stand for the bytes [default: --payload-file, or standard input]
    #[arg(value_name = "PAYLOAD")]
    payload: Option<String>,
    /// File with the payload, byte for byte
    #[arg(long, value_name = "FILE", conflicts_with = "payload")]
    payload_file: Option<PathBuf>,
    /// Source of the captured traffic
    #[arg(long, default_value = "192.0.2.1:5060", value_name = "IP:PORT")]
    src: SocketAddr,
    /// Destination of the captured traffic
    #[arg(long, default_value = "192.0.2.2:5060", value_name = "IP:PORT")]
    dst: SocketAddr,
    /// IP protocol of the captured traffic: udp, tcp, sctp, tls, ws or a number
    #[arg(long, default_value = "udp", value_name = "PROTOCOL", value_parser = ip_protocol)]
    proto: u8,
    /// What the payload is: a name of the catalogue such as sip, or a number (chunk 0x000b)
    #[arg(long = "type", default_value = "sip", value_name = "TYPE", value_parser = hep_type)]
    kind: u16,
    /// When the traffic was seen: RFC 3339, or seconds since 1970 [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    time: Option<i64>,
    /// Capture agent id
    #[arg(long, default_value_t = 0, value_name = "ID")]
    capture_id: u32,
    /// Name of the capture node
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// Correlation id
    #[arg(long, value_name = "ID")]
    correlation_id: Option<String>,
    /// Authentication key
    #[arg(long, env = "RHAPSODE_HEP_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Mean opinion score times 100
    #[arg(long, value_name = "MOS")]
    mos: Option<u16>,
    /// VLAN id
    #[arg(long, value_name = "ID")]
    vlan: Option<u16>,
    /// A further chunk, as in 0:0x0029:68656c6c6f; again for more
    #[arg(long = "chunk", value_name = "VENDOR:TYPE:HEX", value_parser = chunk)]
    chunks: Vec<OwnedChunk>,
    /// Compress the payload (chunk 0x0010)
    #[arg(long)]
    compress: bool,
    /// Version of HEP
    #[arg(long, default_value_t = 3, value_name = "1|2|3", value_parser = clap::value_parser!(u8).range(1..=3))]
    hep_version: u8,
    /// Read packets in the JSON of hep-js instead, from a file or `-`; see `hep decode --json`
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["payload", "payload_file", "chunks", "compress"])]
    json: Option<String>,
    /// How to print the packet
    #[arg(long, short, value_enum, default_value_t = Format::Hex)]
    format: Format,
    /// Send it instead of printing it: udp:HOST:PORT, tcp:HOST:PORT or http://HOST:PORT
    #[arg(long, value_name = "TARGET")]
    send: Option<Target>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Hex,
    /// The bytes themselves
    Raw,
}

#[derive(Clone)]
struct OwnedChunk {
    vendor: u16,
    kind: u16,
    body: Vec<u8>,
}

const EXAMPLES: &str = "\
Examples:
  rhapsode hep encode 'OPTIONS sip:a@b SIP/2.0\\r\\nCall-ID: x\\r\\n\\r\\n' | rhapsode hep decode -
  rhapsode hep encode --payload-file invite.sip --src 10.0.0.1:5060 --dst 10.0.0.2:5060 --send udp:127.0.0.1:9060
  echo 'something happened' | rhapsode hep encode --type log --correlation-id 7f3a91@10.0.0.1 --send udp:127.0.0.1:9060
  rhapsode hep decode old.pcap --json | rhapsode hep encode --json - --send tcp:127.0.0.1:9060
  rhapsode hep encode --hep-version 2 -f raw --payload-file invite.sip > packet.bin";

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    if let Some(file) = &arguments.json {
        for packet in packets_of_json(&super::input::read_file(file)?)? {
            put(arguments, &packet)?;
        }
        return Ok(());
    }
    let payload = payload(arguments)?;
    let micros = arguments.time.unwrap_or_else(now_micros);
    let more: Vec<Chunk<'_>> = arguments
        .chunks
        .iter()
        .map(|chunk| Chunk { vendor: chunk.vendor, kind: chunk.kind, body: &chunk.body })
        .collect();
    let bytes = |text: &Option<String>| text.as_ref().map(|text| text.clone().into_bytes());
    let (key, correlation_id, node) =
        (bytes(&arguments.key), bytes(&arguments.correlation_id), bytes(&arguments.node));
    let outgoing = Outgoing {
        ip_protocol: arguments.proto,
        seconds: u32::try_from(micros.div_euclid(1_000_000)).context("HEP tells times from 1970 to 2106")?,
        micros: micros.rem_euclid(1_000_000) as u32,
        hep_type: arguments.kind,
        capture_id: arguments.capture_id,
        key: key.as_deref(),
        correlation_id: correlation_id.as_deref(),
        vlan: arguments.vlan,
        node: node.as_deref(),
        mos: arguments.mos,
        more: &more,
        payload: &payload,
        compress: arguments.compress,
        ..Outgoing::new(arguments.src, arguments.dst)
    };
    let mut packet = Vec::new();
    match arguments.hep_version {
        1 => outgoing.encode_v1(&mut packet),
        2 => outgoing.encode_v2(&mut packet),
        _ => outgoing.encode_v3(&mut packet),
    }
    .map_err(|error| anyhow!("{error}"))?;
    put(arguments, &packet)
}

/// Prints or sends.
fn put(arguments: &Arguments, packet: &[u8]) -> Result<()> {
    if let Some(target) = &arguments.send {
        if arguments.hep_version < 3 && matches!(target, Target::Tcp(_)) {
            bail!("HEP version {} has no length and cannot be sent on a stream", arguments.hep_version);
        }
        send(target, packet)?;
        eprintln!("sent {} bytes", packet.len());
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    match arguments.format {
        Format::Hex => {
            for byte in packet {
                write!(out, "{byte:02x}")?;
            }
            writeln!(out)?;
        }
        Format::Raw if std::io::stdout().is_terminal() => {
            bail!("a packet on the terminal would be unreadable; pipe it, or print hex")
        }
        Format::Raw => out.write_all(packet)?,
    }
    Ok(out.flush()?)
}

/// The packets of a body as hep-js writes it: one object, a list, or lines of objects.
fn packets_of_json(body: &[u8]) -> Result<Vec<Vec<u8>>> {
    hep::json::items(body)
        .enumerate()
        .map(|(index, item)| {
            let mut packet = Vec::new();
            let read = item.and_then(hep::json::decode);
            let read = read.map_err(|error| anyhow!("object {}: {error}", index + 1))?;
            read.encode_v3(&mut packet).map_err(|error| anyhow!("object {}: {error}", index + 1))?;
            Ok(packet)
        })
        .collect()
}

fn payload(arguments: &Arguments) -> Result<Vec<u8>> {
    if let Some(text) = &arguments.payload {
        return unescaped(text);
    }
    if let Some(path) = &arguments.payload_file {
        return std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    }
    if std::io::stdin().is_terminal() {
        bail!("no payload: write it behind the command, name --payload-file, or pipe it in");
    }
    // No packet carries more; what is longer is refused by its length.
    let mut bytes = Vec::new();
    std::io::stdin().take(1 << 20).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Backslash escapes as printf knows them: shells make line ends hard to type.
fn unescaped(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next() {
            Some(b'r') => b'\r',
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'0') => 0,
            Some(b'\\') => b'\\',
            Some(b'x') => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&digits, 16).map_err(|_| anyhow!("\\x{digits} is not a byte"))?
            }
            other => bail!("\\{} is not an escape", other.map_or(' ', char::from)),
        });
    }
    Ok(bytes)
}

fn ip_protocol(text: &str) -> Result<u8> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "udp" => 17,
        "tcp" => 6,
        "sctp" => 132,
        // What senders write for them, see `hep::Transport`.
        "tls" => 22,
        "ws" => 50,
        number => number.parse().map_err(|_| anyhow!("write udp, tcp, sctp, tls, ws or a number"))?,
    })
}

fn hep_type(text: &str) -> Result<u16> {
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let named = protocols::registry().iter().find(|protocol| protocol.name == text);
    named.and_then(|protocol| protocol.hep_types.first()).copied().ok_or_else(|| {
        let names: Vec<&str> = protocols::registry()
            .iter()
            .filter(|protocol| !protocol.hep_types.is_empty())
            .map(|protocol| protocol.name)
            .collect();
        anyhow!("write a number or one of {}", names.join(", "))
    })
}

/// Microseconds since 1970.
fn time(text: &str) -> Result<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Ok((seconds * 1e6) as i64);
    }
    let time: jiff::Timestamp = text.parse().map_err(|_| anyhow!("write RFC 3339, or seconds since 1970"))?;
    Ok(time.as_microsecond())
}

fn chunk(text: &str) -> Result<OwnedChunk> {
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(hex) => u16::from_str_radix(hex, 16),
        None => text.parse(),
    };
    let form = || anyhow!("write VENDOR:TYPE:HEX, as in 0:0x0029:68656c6c6f");
    let mut parts = text.splitn(3, ':');
    let (Some(vendor), Some(kind), Some(body)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(form());
    };
    if body.len() % 2 == 1 || !body.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        bail!("{body:?} is not hex of whole bytes");
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
    let body = body.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect();
    Ok(OwnedChunk {
        vendor: number(vendor).map_err(|_| form())?,
        kind: number(kind).map_err(|_| form())?,
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_bytes() {
        assert_eq!(unescaped("a\\r\\n\\x00\\xff\\\\").expect("read"), b"a\r\n\0\xff\\");
        assert!(unescaped("\\q").is_err() && unescaped("\\x1").is_ok() && unescaped("\\xzz").is_err());
    }

    #[test]
    fn types_and_times_are_read_by_name_and_number() {
        assert_eq!(hep_type("sip").expect("a name"), hep_type("1").expect("a number"));
        let message = hep_type("nonsense").expect_err("refused").to_string();
        assert!(message.contains("sip"), "{message}");
        assert_eq!(time("1592975786.669278").expect("seconds"), 1_592_975_786_669_278);
        assert_eq!(time("2020-06-24T05:16:26Z").expect("RFC 3339"), 1_592_975_786_000_000);
        let chunk = chunk("0:0x0029:6869").expect("a chunk");
        assert_eq!((chunk.vendor, chunk.kind, &chunk.body[..]), (0, 0x29, &b"hi"[..]));
    }
}
