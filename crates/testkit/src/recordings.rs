//! Recorded HEP of real programs, and what independent readers found in it.
//!
//! The recordings that may travel live in `fixtures/` and are never skipped. The whole corpus is read from
//! `RHAPSODE_SHARED` (default: `../shared` beside the repository); tests over it skip loudly when it is missing.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The recordings that travel with the repository.
pub const FIXTURES: &[&str] = &[
    "kamailio-hep3-udp.pcap",
    "kamailio-hep3-ipv6.pcap",
    "kamailio-hep1-udp.pcap",
    "kamailio-hep2-udp.pcap",
    "kamailio-rtpengine-hep3-udp.pcap",
    "kamailio-b2bua-rtpengine-hep3-udp.pcap",
    "kamailio-hep3-tcp.tcp-1.bin",
    "kamailio-hep3-tls.tls-1.bin",
    "hepjs-udp.pcap",
    "sngrep-hep3-udp.pcap",
];

/// One recording: the HEP messages in order and what they must be read as.
pub struct Recording {
    pub name: String,
    /// The datagrams of a `.pcap`; of a `.bin` one entry, the whole stream.
    pub pieces: Vec<Vec<u8>>,
    pub expected: Expected,
}

impl Recording {
    pub fn is_stream(&self) -> bool {
        self.name.ends_with(".bin")
    }

    /// Every HEP byte in order, as a stream transport would carry it.
    pub fn stream(&self) -> Vec<u8> {
        self.pieces.concat()
    }
}

#[derive(Debug, Deserialize)]
pub struct Expected {
    pub count: usize,
    pub packets: Vec<ExpectedPacket>,
}

/// What the independent reader found in one HEP message.
#[derive(Debug, Deserialize)]
pub struct ExpectedPacket {
    pub version: i64,
    pub ip_proto: Option<i64>,
    pub src: Option<String>,
    pub sport: Option<i64>,
    pub dst: Option<String>,
    pub dport: Option<i64>,
    pub sec: Option<i64>,
    pub usec: Option<i64>,
    pub proto_type: Option<i64>,
    pub capture_id: Option<i64>,
    pub correlation_id: Option<String>,
    pub node: Option<String>,
    pub payload_len: Option<usize>,
    pub payload_sha256: Option<String>,
    pub sip: Option<ExpectedSip>,
}

#[derive(Debug, Deserialize)]
pub struct ExpectedSip {
    pub method: Option<String>,
    pub status: Option<i64>,
    pub call_id: Option<String>,
    pub cseq: Option<String>,
}

/// A recording by its file name: from the fixtures, else from the shared corpus; `None` when it is in neither
/// (said aloud, so that a skipped comparison never looks like a passed one).
pub fn recording(name: &str) -> Result<Option<Recording>> {
    let fixture = fixtures_folder().join(name);
    if fixture.exists() {
        return load(&fixture).map(Some);
    }
    let Some(shared) = shared_folder() else {
        eprintln!("SKIPPED: {name}: no shared recordings (set RHAPSODE_SHARED)");
        return Ok(None);
    };
    let path = shared.join("corpus").join(name);
    if !path.exists() {
        eprintln!("SKIPPED: {name}: not in {}", path.display());
        return Ok(None);
    }
    load(&path).map(Some)
}

/// The folder of shared recordings and agent configurations, where there is one.
pub fn shared_folder() -> Option<PathBuf> {
    let folder =
        std::env::var_os("RHAPSODE_SHARED").map_or_else(|| repository().join("../shared"), PathBuf::from);
    folder.join("corpus").is_dir().then_some(folder)
}

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub fn fixtures_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// SHA-256 in lower-case hex, as the expectations carry it.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn load(path: &Path) -> Result<Recording> {
    let name = path.file_name().and_then(|name| name.to_str()).context("recording has no name")?.to_owned();
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let expected_path = path.with_file_name(format!("{name}.expected.json"));
    let expected = serde_json::from_slice(&std::fs::read(&expected_path)?)
        .with_context(|| format!("cannot read {}", expected_path.display()))?;
    let pieces = if name.ends_with(".pcap") { datagrams(&bytes)? } else { vec![bytes] };
    Ok(Recording { name, pieces, expected })
}

/// The UDP payloads of a classic pcap file.
fn datagrams(pcap: &[u8]) -> Result<Vec<Vec<u8>>> {
    let mut payloads = Vec::new();
    for frame in packet::pcap::Reader::new(pcap).map_err(|error| anyhow!("not a pcap file: {error:?}"))? {
        let frame = frame.map_err(|error| anyhow!("broken pcap record: {error:?}"))?;
        let layers =
            packet::Layers::parse(frame.link, frame.bytes).map_err(|refusal| anyhow!("{refusal:?}"))?;
        let packet::Transport::Udp(udp) = layers.transport else { bail!("a recording holds UDP only") };
        payloads.push(udp.payload.to_vec());
    }
    Ok(payloads)
}
