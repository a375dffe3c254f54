//! Reads a file of recorded traffic as HEP packets, in the same order every time: a place in it is a count of packets.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use hep::{Framer, Outgoing, Version};
use protocols::cdr_csv::{self, Columns};
use sha2::{Digest as _, Sha256};

use crate::capture::{Capture, Captured, Seen};

/// Files of text are read whole: a year of call records of a busy switch, or a day of packets in JSON.
const TEXT_BYTES_MAX: usize = 2 << 30;

/// Bytes read at a time.
const READ_BYTES: usize = 256 * 1024;

/// How what is no HEP yet is wrapped, and what is left out.
#[derive(Clone, Debug)]
pub(in crate::commands) struct Wrapping {
    pub(in crate::commands) node: Option<String>,
    pub(in crate::commands) capture_id: u32,
    pub(in crate::commands) key: Option<String>,
    pub(in crate::commands) rtp: bool,
    /// The files hold call records in these columns.
    pub(in crate::commands) records: Option<Columns>,
}

/// A HEPv3 packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) struct Packet {
    pub(in crate::commands) bytes: Vec<u8>,
    /// When its traffic was seen, in microseconds since 1970, if it says so.
    pub(in crate::commands) micros: Option<i64>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) hep: u64,
    pub(super) sip: u64,
    pub(super) rtcp: u64,
    pub(super) rtp: u64,
    pub(super) records: u64,
    /// RTP that was left out.
    pub(super) rtp_left_out: u64,
    /// Frames of a capture with nothing of ours.
    pub(super) others: u64,
    /// Bytes that should have been HEP and are not, by packet.
    pub(super) broken: u64,
}

/// All there is to know of a file before it is sent.
pub(super) struct Survey {
    /// SHA-256, in hex.
    pub(super) hash: String,
    pub(super) bytes: u64,
    /// First and last time.
    pub(super) span: Option<(i64, i64)>,
    pub(super) counts: Counts,
    pub(super) warnings: Vec<String>,
}

pub(in crate::commands) struct Source {
    path: PathBuf,
    file: File,
    kind: Kind,
    wrapping: Wrapping,
    counts: Counts,
    warnings: Vec<String>,
    ready: VecDeque<Packet>,
    ended: bool,
    bytes_read: u64,
    hash: Sha256,
    /// Stands for the time of arrival where a stream is cut: see [`Source::feed`].
    pushes: u32,
}

enum Kind {
    /// Nothing was read yet.
    Unknown,
    Capture(Box<Capture>),
    /// HEPv3 packets one after another.
    Stream(Box<Framer>),
    /// One datagram of an older version, to the end of the file.
    Datagram(Vec<u8>),
    /// Packets in the JSON of hep-js, to the end of the file.
    Json(Vec<u8>),
    /// Call records, to the end of the file.
    Records(Vec<u8>),
}

impl Source {
    pub(in crate::commands) fn open(path: &Path, wrapping: &Wrapping) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut wrapping = wrapping.clone();
        if wrapping.node.is_none() {
            wrapping.node = path.file_stem().map(|name| name.to_string_lossy().into_owned());
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            kind: Kind::Unknown,
            wrapping,
            counts: Counts::default(),
            warnings: Vec::new(),
            ready: VecDeque::new(),
            ended: false,
            bytes_read: 0,
            hash: Sha256::new(),
            pushes: 0,
        })
    }

    /// Reads the whole file; `progress` hears the number of bytes.
    pub(super) fn survey(mut self, progress: impl Fn(u64)) -> Result<Survey> {
        let mut span: Option<(i64, i64)> = None;
        while let Some(packet) = self.next()? {
            if let Some(micros) = packet.micros {
                span = Some(
                    span.map_or((micros, micros), |(first, last)| (first.min(micros), last.max(micros))),
                );
            }
            progress(self.bytes_read);
        }
        let hash = self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Survey { hash, bytes: self.bytes_read, span, counts: self.counts, warnings: self.warnings })
    }

    /// Bytes of the file read so far.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// The next packet; `None` at the end of the file.
    pub(in crate::commands) fn next(&mut self) -> Result<Option<Packet>> {
        loop {
            if let Some(packet) = self.ready.pop_front() {
                return Ok(Some(packet));
            }
            if self.ended {
                return Ok(None);
            }
            let mut buffer = vec![0; READ_BYTES];
            let read = self.file.read(&mut buffer).with_context(|| self.path.display().to_string())?;
            buffer.truncate(read);
            self.bytes_read += read as u64;
            self.hash.update(&buffer);
            if matches!(self.kind, Kind::Unknown) {
                self.kind = self.recognised(&buffer)?;
            }
            if read == 0 {
                self.ended = true;
                self.finish()?;
            } else {
                self.feed(&buffer)?;
            }
        }
    }

    /// By content, whatever the file is called.
    fn recognised(&self, bytes: &[u8]) -> Result<Kind> {
        let path = self.path.display();
        match bytes {
            [] => bail!("{path} is empty"),
            _ if self.wrapping.records.is_some() => Ok(Kind::Records(Vec::new())),
            _ if Capture::is_one(bytes) => Ok(Kind::Capture(Box::new(Capture::new()))),
            [b'H' | b'E', b'E', b'P', b'3', ..] | [b'E', b'E', b'P', b'1', ..] => {
                Ok(Kind::Stream(Box::default()))
            }
            [0x1f, 0x8b, ..] if hep::ungzip(bytes).starts_with(b"HEP3") => Ok(Kind::Stream(Box::default())),
            [0x1f, 0x8b, ..] => bail!("{path} is compressed; unpack it with gunzip"),
            [1 | 2, ..] if hep::decode(bytes, 0).is_ok() => Ok(Kind::Datagram(Vec::new())),
            _ if matches!(bytes.trim_ascii_start(), [b'{' | b'[', ..]) => Ok(Kind::Json(Vec::new())),
            _ => bail!(
                "{path} is neither pcap nor pcapng nor HEP nor JSON: it begins with {:02x?}",
                &bytes[..bytes.len().min(8)]
            ),
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.kind {
            Kind::Capture(capture) => {
                capture.push(bytes);
                self.drain_capture()
            }
            Kind::Stream(framer) => {
                // A sender that often loses step is cut off after some times a minute; a file is read to its end, as
                // if each part came a minute after the one before.
                self.pushes = self.pushes.wrapping_add(1);
                framer.push(bytes, self.pushes.saturating_mul(2 * hep::frame::RESYNC_WINDOW_SECONDS));
                let mut frames = Vec::new();
                while let Some(frame) = framer.next_frame() {
                    match frame {
                        Ok(frame) => frames.push(frame.to_vec()),
                        Err(_) => self.counts.broken += 1,
                    }
                }
                frames.iter().for_each(|frame| self.hep(frame, None));
                Ok(())
            }
            Kind::Datagram(text) | Kind::Json(text) | Kind::Records(text) => {
                if text.len() + bytes.len() > TEXT_BYTES_MAX {
                    bail!("{} is larger than {TEXT_BYTES_MAX} bytes; cut it into parts", self.path.display());
                }
                text.extend_from_slice(bytes);
                Ok(())
            }
            Kind::Unknown => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<()> {
        match &mut self.kind {
            Kind::Capture(capture) => {
                let warnings = capture.finish();
                self.warnings.extend(warnings);
                self.drain_capture()?;
                if let Kind::Capture(capture) = &self.kind {
                    self.counts.others = capture.frames().1;
                }
            }
            Kind::Stream(framer) => {
                if let Some(refusal) = framer.finish() {
                    self.counts.broken += 1;
                    self.warnings.push(format!("at the end of the file: {refusal}"));
                }
            }
            Kind::Datagram(datagram) => {
                let datagram = std::mem::take(datagram);
                self.hep(&datagram, None);
            }
            Kind::Json(body) => {
                let body = std::mem::take(body);
                self.json(&body);
            }
            Kind::Records(text) => {
                let text = std::mem::take(text);
                self.records(&text)?;
            }
            Kind::Unknown => {}
        }
        Ok(())
    }

    fn json(&mut self, body: &[u8]) {
        for (index, item) in hep::json::items(body).enumerate() {
            let mut frame = Vec::new();
            let read = item.and_then(hep::json::decode).map_err(|error| error.to_string());
            let read =
                read.and_then(|packet| packet.encode_v3(&mut frame).map_err(|error| error.to_string()));
            match read {
                Ok(()) => self.hep(&frame, None),
                Err(error) => self.broken(index + 1, &error),
            }
        }
    }

    /// Call records as packets of their type, between addresses nobody has: such files name none.
    fn records(&mut self, text: &[u8]) -> Result<()> {
        let Some(columns) = self.wrapping.records.clone() else { return Ok(()) };
        let text = String::from_utf8_lossy(text);
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        for (index, record) in cdr_csv::records(&text).enumerate() {
            match columns.read(record) {
                Ok(line) => {
                    self.counts.records += 1;
                    let captured = Captured {
                        micros: line.time.map_or(0, |time| time.0),
                        source: nowhere,
                        destination: nowhere,
                        ip_protocol: 0,
                        bytes: line.payload.into_bytes(),
                        call_id: line.call_id.map(String::into_bytes),
                    };
                    self.wrap(&captured, "cdr")?;
                }
                Err(error) => self.broken(index + 1, &error.to_string()),
            }
        }
        Ok(())
    }

    /// The first few are told one by one; the count has all.
    fn broken(&mut self, number: usize, error: &str) {
        self.counts.broken += 1;
        if self.counts.broken <= 3 {
            self.warnings.push(format!("number {number}: {error}"));
        }
    }

    fn drain_capture(&mut self) -> Result<()> {
        let Kind::Capture(capture) = &mut self.kind else { return Ok(()) };
        let mut seen = Vec::new();
        while let Some(next) = capture.next().with_context(|| self.path.display().to_string())? {
            seen.push(next);
        }
        for seen in seen {
            match seen {
                Seen::Hep(captured) => self.hep(&captured.bytes, Some(captured.micros)),
                Seen::Sip(captured) => {
                    self.counts.sip += 1;
                    self.wrap(&captured, "sip")?;
                }
                Seen::Rtcp(captured) => {
                    self.counts.rtcp += 1;
                    self.wrap(&captured, "rtcp")?;
                }
                Seen::Rtp(_) if !self.wrapping.rtp => self.counts.rtp_left_out += 1,
                Seen::Rtp(captured) => {
                    self.counts.rtp += 1;
                    self.wrap(&captured, "rtp")?;
                }
            }
        }
        Ok(())
    }

    /// Packets that were HEP already. Version 3 goes on as it is; older versions say neither their length nor, the
    /// first, their time, so they are written as version 3 with all they said.
    fn hep(&mut self, bytes: &[u8], captured_micros: Option<i64>) {
        let unwrapped = hep::ungzip(bytes);
        let received = captured_micros.map_or(0, |micros| u32::try_from(micros / 1_000_000).unwrap_or(0));
        for found in hep::packets(&unwrapped, received) {
            let Ok((packet, frame)) = found else {
                self.counts.broken += 1;
                continue;
            };
            self.counts.hep += 1;
            let own = packet.seconds.map(|seconds| {
                i64::from(seconds) * 1_000_000 + i64::from(packet.micros.unwrap_or(0).min(999_999))
            });
            let micros = own.or(captured_micros);
            let mut bytes = Vec::new();
            if packet.version == Version::V3 {
                bytes.extend_from_slice(frame);
                end_where_it_ends(&mut bytes);
                if let (None, Some(micros)) = (own, micros) {
                    set_time(&mut bytes, micros);
                }
            } else {
                let unspecified = std::net::IpAddr::from([0, 0, 0, 0]);
                let end = |ip: Option<std::net::IpAddr>, port: Option<u16>| {
                    SocketAddr::new(ip.unwrap_or(unspecified), port.unwrap_or(0))
                };
                let micros = micros.unwrap_or(0);
                let outgoing = Outgoing {
                    ip_protocol: packet.ip_protocol.unwrap_or(0),
                    seconds: u32::try_from(micros / 1_000_000).unwrap_or(0),
                    micros: (micros % 1_000_000) as u32,
                    hep_type: packet.hep_type.unwrap_or(0),
                    capture_id: packet.capture_id.unwrap_or(0),
                    key: self.wrapping.key.as_ref().map(String::as_bytes),
                    payload: &packet.payload,
                    ..Outgoing::new(end(packet.src_ip, packet.src_port), end(packet.dst_ip, packet.dst_port))
                };
                if outgoing.encode_v3(&mut bytes).is_err() {
                    self.counts.broken += 1;
                    continue;
                }
            }
            self.ready.push_back(Packet { bytes, micros });
        }
    }

    fn wrap(&mut self, captured: &Captured, protocol: &str) -> Result<()> {
        let known = protocols::registry().iter().find(|known| known.name == protocol);
        let hep_type = known.and_then(|known| known.hep_types.first()).copied();
        let hep_type = hep_type.ok_or_else(|| anyhow!("no protocol {protocol} is known"))?;
        let mut bytes = Vec::new();
        let outgoing = Outgoing {
            ip_protocol: captured.ip_protocol,
            seconds: u32::try_from(captured.micros / 1_000_000).unwrap_or(0),
            micros: (captured.micros.rem_euclid(1_000_000)) as u32,
            hep_type,
            capture_id: self.wrapping.capture_id,
            key: self.wrapping.key.as_ref().map(String::as_bytes),
            correlation_id: captured.call_id.as_deref(),
            node: self.wrapping.node.as_ref().map(String::as_bytes),
            payload: &captured.bytes,
            ..Outgoing::new(captured.source, captured.destination)
        };
        match outgoing.encode_v3(&mut bytes) {
            Ok(()) => self.ready.push_back(Packet { bytes, micros: Some(captured.micros) }),
            // Longer than HEP can carry.
            Err(_) => self.counts.broken += 1,
        }
        Ok(())
    }
}

/// A packet cut off in the capture must not say that it is longer than it is: in a request of many the next one would
/// be taken for its end. That its last chunk is cut stays visible.
fn end_where_it_ends(packet: &mut [u8]) {
    if let (Ok(length), Some(field)) = (u16::try_from(packet.len()), packet.get_mut(4..6)) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}

/// Before 1970 and after 2106 HEP knows no time.
pub(super) fn set_time(packet: &mut Vec<u8>, micros: i64) -> bool {
    match u32::try_from(micros.div_euclid(1_000_000)) {
        Ok(seconds) => hep::set_time(packet, seconds, micros.rem_euclid(1_000_000) as u32),
        Err(_) => false,
    }
}
