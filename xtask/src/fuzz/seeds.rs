//! Seeds from traffic of real programs: the recordings of the repository, those of the shared folder if it is there, and
//! the packets kept for each type. What is tracked in `fuzz/seeds` is what these lack.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use hep::Packet;
use packet::{Layers, Transport, pcap};
use sip::Name;

use super::{files, listed};
use crate::run::repository;

/// Datagrams of one recording: calls repeat themselves, and every seed is run before anything new is.
const PER_RECORDING_MAX: usize = 40;

/// A piece of a stream or of a capture file.
const PIECE_BYTES: usize = 4_000;

/// Link type of raw IP packets, which the recordings have.
const RAW_IP: [u8; 2] = [0, 101];

/// Any time after that of the recordings.
const ARRIVAL_SECONDS: u32 = u32::MAX;

/// Writes the seeds anew: `folder/ROOM/ENTRY/...`.
pub(super) fn gather(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        std::fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    let seeds = Seeds { folder };
    for path in recordings()? {
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".pcap") {
            seeds.capture(&bytes)?;
        } else if name.contains("http") {
            seeds.requests(&bytes)?;
        } else {
            seeds.stream(&bytes)?;
        }
    }
    for protocol in listed(&repository().join("crates/protocols/fixtures"))? {
        for path in files(&protocol)? {
            seeds.datagram(&std::fs::read(path)?)?;
        }
    }
    for path in files(&repository().join("fuzz/seeds/hep/decode"))? {
        seeds.datagram(&std::fs::read(path)?)?;
    }
    Ok(())
}

/// Every file of bytes among the recordings.
fn recordings() -> Result<Vec<PathBuf>> {
    let shared =
        std::env::var_os("RHAPSODE_SHARED").map_or_else(|| repository().join("../shared"), PathBuf::from);
    let mut paths = files(&repository().join("crates/testkit/fixtures"))?;
    let corpus = shared.join("corpus");
    if !corpus.is_dir() {
        println!("seeds: {} is not there; those of the repository only", corpus.display());
    }
    paths.extend(files(&corpus)?);
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "pcap" || ending == "bin"));
    Ok(paths)
}

struct Seeds<'a> {
    folder: &'a Path,
}

impl Seeds<'_> {
    fn capture(&self, file: &[u8]) -> Result<()> {
        self.write("packet/capture", &[&file[..file.len().min(PIECE_BYTES)]])?;
        let Ok(reader) = pcap::Reader::new(file) else { return Ok(()) };
        let frames: Vec<_> = reader.flatten().collect();
        for frame in evenly(&frames) {
            self.write("packet/layers", &[&RAW_IP, frame.bytes])?;
            let Ok(layers) = Layers::parse(frame.link, frame.bytes) else { continue };
            if let Transport::Udp(udp) = layers.transport {
                self.datagram(udp.payload)?;
            }
        }
        Ok(())
    }

    /// The bodies of requests that follow each other on one connection.
    fn requests(&self, stream: &[u8]) -> Result<()> {
        let mut bodies = Vec::new();
        let mut rest = stream;
        while let Some(at) = find(rest, b"\r\n\r\n") {
            rest = &rest[at + 4..];
            bodies.push(&rest[..find(rest, b"POST /").unwrap_or(rest.len())]);
        }
        for body in evenly(&bodies) {
            self.write("ingest/body", &[body])?;
            self.write("protocols/posted", &[body])?;
            self.write("hep/json", &[body])?;
            if body.starts_with(b"HEP3") {
                self.datagram(body)?;
            }
        }
        Ok(())
    }

    fn stream(&self, stream: &[u8]) -> Result<()> {
        let pieces: Vec<_> = stream.chunks(PIECE_BYTES).collect();
        for piece in evenly(&pieces) {
            // The first byte says in which steps they arrive.
            self.write("hep/stream", &[&[200], piece])?;
        }
        let mut framer = hep::Framer::new();
        framer.push(stream, ARRIVAL_SECONDS);
        let mut frames = Vec::new();
        while let Some(frame) = framer.next_frame() {
            frames.extend(frame.map(<[u8]>::to_vec));
        }
        evenly(&frames).try_for_each(|frame| self.datagram(frame))
    }

    fn datagram(&self, datagram: &[u8]) -> Result<()> {
        for entry in ["hep/decode", "hep/rewrite", "protocols/secrets", "ingest/body"] {
            self.write(entry, &[datagram])?;
        }
        // All rules on, and all off.
        self.write("protocols/corrections", &[&[0x0f, 0xff], datagram])?;
        self.write("protocols/corrections", &[&[0, 0], datagram])?;
        self.write("hep/stream", &[&[7], datagram])?;
        for (packet, _) in hep::packets(&hep::ungzip(datagram), ARRIVAL_SECONDS).flatten() {
            self.packet(&packet)?;
        }
        Ok(())
    }

    fn packet(&self, packet: &Packet<'_>) -> Result<()> {
        let mut json = String::new();
        hep::json::encode(packet, &mut json);
        self.write("hep/json", &[json.as_bytes()])?;
        self.write("ingest/body", &[json.as_bytes()])?;

        let hep_type = packet.hep_type.unwrap_or(0).to_be_bytes();
        let correlation_id = packet.correlation_id.filter(|id| !id.contains(&0)).unwrap_or_default();
        self.write("protocols/understand", &[&hep_type, correlation_id, &[0], &packet.payload])?;

        let message = sip::parse(&packet.payload);
        if !message.start().is_known() {
            return Ok(());
        }
        self.write("sip/message", &[&packet.payload])?;
        if message.sdp().is_some() {
            self.write("sip/sdp", &[message.body()])?;
        }
        for name in [Name::Via, Name::From, Name::Contact, Name::Authorization] {
            self.write("sip/values", &[message.header(name).unwrap_or_default()])?;
        }
        Ok(())
    }

    /// A seed is named after its bytes, so that each is there once.
    fn write(&self, entry: &str, parts: &[&[u8]]) -> Result<()> {
        let bytes = parts.concat();
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let folder = self.folder.join(entry);
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{:016x}", hasher.finish()));
        std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Some of the items, from everywhere.
fn evenly<T>(items: &[T]) -> impl Iterator<Item = &T> {
    items.iter().step_by(items.len().div_ceil(PER_RECORDING_MAX).max(1))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
