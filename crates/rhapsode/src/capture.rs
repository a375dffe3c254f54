//! What a network capture holds that is ours: HEP on its way to a collector, SIP, RTCP and RTP. Pure: bytes of a
//! capture file in, messages out.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;

use anyhow::{Result, anyhow};
use packet::{Data, Defragmenter, Ends, Ip, Layers, Piece, Reassembler, Transport, pcap};

/// Directions of TCP connections whose messages are being cut out; as many as are followed.
const FLOWS_MAX: usize = 8192;

/// The longest SIP message waited for on a stream: HEP carries no longer one.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Media addresses remembered from session descriptions. A busy trunk has some thousand calls at a time.
const MEDIA_MAX: usize = 200_000;

/// Reads a capture file as its bytes come; see [`pcap::Stream`].
pub(crate) struct Capture {
    file: pcap::Stream,
    defragmenter: Defragmenter,
    reassembler: Reassembler,
    flows: BTreeMap<Ends, Flow>,
    /// Address that a session description named for media, and the Call-ID it came with.
    media: HashMap<SocketAddr, Vec<u8>>,
    ready: VecDeque<Seen>,
    frames: u64,
    gaps: u64,
    cut: u64,
    other: u64,
}

/// Something of ours.
#[derive(Debug)]
pub(crate) enum Seen {
    /// A HEP datagram, or a packet of a HEP stream.
    Hep(Captured),
    Sip(Captured),
    Rtcp(Captured),
    Rtp(Captured),
}

#[derive(Debug)]
pub(crate) struct Captured {
    pub(crate) micros: i64,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) ip_protocol: u8,
    pub(crate) bytes: Vec<u8>,
    /// Of the call whose session description named one of the addresses.
    pub(crate) call_id: Option<Vec<u8>>,
}

#[cfg(test)]
impl Seen {
    fn captured(&self) -> &Captured {
        match self {
            Self::Hep(captured) | Self::Sip(captured) | Self::Rtcp(captured) | Self::Rtp(captured) => {
                captured
            }
        }
    }
}

impl Capture {
    pub(crate) fn new() -> Self {
        Self {
            file: pcap::Stream::new(),
            defragmenter: Defragmenter::new(),
            reassembler: Reassembler::new(),
            flows: BTreeMap::new(),
            media: HashMap::new(),
            ready: VecDeque::new(),
            frames: 0,
            gaps: 0,
            cut: 0,
            other: 0,
        }
    }

    /// Whether the bytes begin like a capture file.
    pub(crate) fn is_one(bytes: &[u8]) -> bool {
        let mut file = pcap::Stream::new();
        file.push(bytes.get(..64).unwrap_or(bytes));
        bytes.len() >= 24 && !matches!(file.next_frame(), Some(Err(pcap::FileError::Magic(_))))
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.file.push(bytes);
    }

    /// The next message; `None` if more of the file is needed.
    pub(crate) fn next(&mut self) -> Result<Option<Seen>> {
        loop {
            if let Some(seen) = self.ready.pop_front() {
                return Ok(Some(seen));
            }
            let Some(frame) = self.file.next_frame() else { return Ok(None) };
            let frame = frame.map_err(|error| anyhow!("{error}"))?;
            let (micros, link, bytes) = (frame.micros, frame.link, frame.bytes.to_vec());
            self.frames += 1;
            match Layers::parse(link, &bytes) {
                Ok(layers) => self.layers(micros, &layers),
                Err(_) => self.other += 1,
            }
        }
    }

    /// To be called at the end of the file, followed by [`Capture::next`]: what is still held. Says what of the
    /// capture could not be used, in words.
    pub(crate) fn finish(&mut self) -> Vec<String> {
        for (ends, pieces) in self.reassembler.finish() {
            self.stream(0, ends, pieces);
        }
        let mut warnings: Vec<String> = self.file.finish().iter().map(ToString::to_string).collect();
        let mut warn = |count: u64, what: &str| {
            if count > 0 {
                warnings.push(format!("{count} {what}"));
            }
        };
        warn(self.defragmenter.given_up(), "fragmented packets whose pieces are not all in the capture");
        warn(self.gaps, "holes in TCP connections, where messages may be missing");
        warn(self.cut, "packets cut short by the capture's snap length");
        warnings
    }

    /// Frames read so far, and how many of them held nothing of ours.
    pub(crate) fn frames(&self) -> (u64, u64) {
        (self.frames, self.other)
    }

    fn layers(&mut self, micros: i64, layers: &Layers<'_>) {
        if layers.ip.fragment.is_some() {
            let Some(payload) = self.defragmenter.add(micros, &layers.ip) else { return };
            let ip = Ip { fragment: None, payload: &payload, ..layers.ip };
            self.transport(micros, &Layers { ip, transport: Transport::parse(&ip) });
        } else {
            self.transport(micros, layers);
        }
    }

    fn transport(&mut self, micros: i64, layers: &Layers<'_>) {
        let captured = |bytes: &[u8]| Captured {
            micros,
            source: layers.source(),
            destination: layers.destination(),
            ip_protocol: layers.ip.protocol,
            bytes: bytes.to_vec(),
            call_id: None,
        };
        match layers.transport {
            Transport::Udp(udp) => {
                self.cut += u64::from(udp.truncated);
                self.datagram(captured(udp.payload));
            }
            Transport::Tcp(tcp) => {
                let ends = (layers.source(), layers.destination());
                let (pieces, ended) = self.reassembler.add(micros, ends, &tcp);
                self.stream(micros, ends, pieces);
                if ended {
                    self.flows.remove(&ends);
                }
            }
            Transport::Sctp(sctp) => {
                // Signalling fits one chunk nearly always; pieces of larger messages are not put together.
                for Data { payload, .. } in sctp.data().filter(|data| data.begins && data.ends) {
                    self.datagram(captured(payload));
                }
            }
            Transport::Other => self.other += 1,
        }
    }

    fn datagram(&mut self, mut captured: Captured) {
        if is_hep(&captured.bytes) {
            self.ready.push_back(Seen::Hep(captured));
        } else if is_sip(&captured.bytes) {
            self.learn_media(&captured.bytes);
            self.ready.push_back(Seen::Sip(captured));
        } else if is_rtcp(&captured.bytes) {
            captured.call_id = self.call_of(&captured);
            self.ready.push_back(Seen::Rtcp(captured));
        } else if let Some(call_id) = self.call_of(&captured)
            && media::rtp::Packet::parse(&captured.bytes).is_ok()
        {
            captured.call_id = Some(call_id);
            self.ready.push_back(Seen::Rtp(captured));
        } else {
            self.other += 1;
        }
    }

    fn stream(&mut self, micros: i64, ends: Ends, pieces: Vec<Piece>) {
        for piece in pieces {
            self.gaps += u64::from(piece.after_gap);
            if self.flows.len() >= FLOWS_MAX && !self.flows.contains_key(&ends) {
                self.flows.pop_first();
            }
            let flow = self.flows.entry(ends).or_default();
            if piece.after_gap {
                *flow = Flow::default();
            }
            if micros != 0 {
                flow.micros = micros;
            }
            let found = flow.take(&piece.bytes);
            if found.is_empty() {
                continue;
            }
            let micros = flow.micros;
            for (is_hep, bytes) in found {
                let (source, destination) = ends;
                let captured =
                    Captured { micros, source, destination, ip_protocol: TCP, bytes, call_id: None };
                if is_hep {
                    self.ready.push_back(Seen::Hep(captured));
                } else {
                    self.learn_media(&captured.bytes);
                    self.ready.push_back(Seen::Sip(captured));
                }
            }
        }
    }

    /// Which call the media of these addresses belong to, so that reports join it.
    fn call_of(&self, captured: &Captured) -> Option<Vec<u8>> {
        self.media.get(&captured.destination).or_else(|| self.media.get(&captured.source)).cloned()
    }

    fn learn_media(&mut self, bytes: &[u8]) {
        let message = sip::parse(bytes);
        let (Some(call_id), Some(sdp)) = (message.call_id(), message.sdp()) else { return };
        for media in sdp.media() {
            let address = media.connection().and_then(|connection| {
                std::str::from_utf8(connection.address).ok()?.parse::<std::net::IpAddr>().ok()
            });
            let (Some(address), Some(port)) = (address, media.port.filter(|port| *port != 0)) else {
                continue;
            };
            if self.media.len() >= MEDIA_MAX {
                self.media.clear();
            }
            // RFC 3550 section 11: reports go to the next port unless RFC 3605's attribute says otherwise.
            let reports = media.rtcp_port().unwrap_or(port.wrapping_add(1));
            for port in [port, reports] {
                self.media.insert(SocketAddr::new(address, port), call_id.to_vec());
            }
        }
    }
}

const TCP: u8 = 6;

/// One direction of a TCP connection.
#[derive(Default)]
struct Flow {
    kind: Kind,
    micros: i64,
}

#[derive(Default)]
enum Kind {
    /// Too few bytes to tell.
    #[default]
    Unknown,
    Hep(Box<hep::Framer>),
    Sip(Vec<u8>),
    /// Nothing of ours.
    Foreign,
}

impl Flow {
    /// Messages that are whole now; `true` beside them: HEP.
    fn take(&mut self, bytes: &[u8]) -> Vec<(bool, Vec<u8>)> {
        if matches!(self.kind, Kind::Unknown) {
            self.kind = if is_hep(bytes) {
                Kind::Hep(Box::default())
            } else if is_sip(bytes.trim_ascii_start()) {
                Kind::Sip(Vec::new())
            } else if bytes.trim_ascii().is_empty() {
                // Keep-alives (RFC 5626 section 3.5.1) tell nothing.
                return Vec::new();
            } else {
                Kind::Foreign
            };
        }
        let mut found = Vec::new();
        match &mut self.kind {
            Kind::Hep(framer) => {
                framer.push(bytes, u32::try_from(self.micros / 1_000_000).unwrap_or(0));
                while let Some(frame) = framer.next_frame() {
                    found.extend(frame.ok().map(|frame| (true, frame.to_vec())));
                }
            }
            Kind::Sip(buffer) => {
                buffer.extend_from_slice(bytes);
                while let Some(message) = cut_message(buffer) {
                    found.push((false, message));
                }
                if buffer.len() > MESSAGE_BYTES_MAX {
                    // Out of step: the next piece that begins like SIP is the next chance.
                    self.kind = Kind::Unknown;
                }
            }
            Kind::Foreign if is_sip(bytes.trim_ascii_start()) => {
                // Begun in the middle of a message, or after a WebSocket handshake that was none of ours.
                self.kind = Kind::Sip(Vec::new());
                return self.take(bytes);
            }
            Kind::Foreign | Kind::Unknown => {}
        }
        found
    }
}

/// The message at the front of a stream, where Content-Length says that it is whole (RFC 3261 section 18.3).
fn cut_message(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let blank = buffer.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(buffer.len());
    buffer.drain(..blank);
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let length = sip::parse(&buffer[..head]).content_length().unwrap_or(0);
    let end = head.checked_add(usize::try_from(length).ok()?)?;
    (end <= buffer.len()).then(|| buffer.drain(..end).collect())
}

/// By its own words, whatever the port: a version 3 id, the header of an older version with SIP behind it, or either
/// in gzip.
fn is_hep(bytes: &[u8]) -> bool {
    match bytes {
        [b'H' | b'E', b'E', b'P', b'3', ..] | [b'E', b'E', b'P', b'1', ..] => true,
        [1 | 2, ..] => hep::decode(bytes, 0).is_ok_and(|(packet, _)| is_sip(&packet.payload)),
        [0x1f, 0x8b, ..] => match hep::ungzip(bytes) {
            std::borrow::Cow::Owned(unwrapped) => is_hep(&unwrapped),
            std::borrow::Cow::Borrowed(_) => false,
        },
        _ => false,
    }
}

fn is_sip(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(u8::is_ascii_alphabetic) && sip::parse(bytes).start().is_known()
}

fn is_rtcp(bytes: &[u8]) -> bool {
    media::rtp::is_rtcp(bytes) && media::rtcp::Compound::read(bytes).problems.is_empty()
}

#[cfg(test)]
mod tests {
    use packet::{TcpFlags, build, pcap::Writer};

    use super::*;

    fn all(file: &[u8], step: usize) -> (Vec<Seen>, Vec<String>) {
        let mut capture = Capture::new();
        let mut seen = Vec::new();
        for bytes in file.chunks(step) {
            capture.push(bytes);
            while let Some(next) = capture.next().expect("a capture file") {
                seen.push(next);
            }
        }
        let warnings = capture.finish();
        while let Some(next) = capture.next().expect("a capture file") {
            seen.push(next);
        }
        (seen, warnings)
    }

    fn kinds(seen: &[Seen]) -> Vec<&'static str> {
        seen.iter()
            .map(|seen| match seen {
                Seen::Hep(_) => "hep",
                Seen::Sip(_) => "sip",
                Seen::Rtcp(_) => "rtcp",
                Seen::Rtp(_) => "rtp",
            })
            .collect()
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    fn invite(body: &str) -> Vec<u8> {
        format!(
            "INVITE sip:b@192.0.2.2 SIP/2.0\r\nCall-ID: call-1\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n";
    /// An empty receiver report and a source description.
    const RTCP: &[u8] = &[0x80, 201, 0, 1, 0, 0, 0, 7, 0x81, 202, 0, 2, 0, 0, 0, 7, 1, 1, b'x', 0];
    const RTP: &[u8] = &[0x80, 8, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 0xd5, 0xd5];

    #[test]
    fn finds_signalling_and_media_and_which_call_they_are_of() {
        let (phone, proxy) = (address("192.0.2.1:5060"), address("192.0.2.2:5060"));
        let (media, reports, far) =
            (address("192.0.2.1:40000"), address("192.0.2.1:40001"), address("192.0.2.9:6000"));
        let mut file = Writer::new();
        // Before the description nothing says that this is RTP.
        file.push(1, &build::udp(far, media, RTP));
        file.push(2, &build::udp(phone, proxy, &invite(SDP)));
        file.push(3, &build::udp(far, media, RTP));
        file.push(4, &build::udp(far, reports, RTCP));
        file.push(5, &build::udp(far, address("192.0.2.8:53"), b"\x80\x01\x02"));
        file.push(6, &build::udp(phone, proxy, b"\r\n\r\n"));
        let (seen, warnings) = all(&file.into_bytes(), 17);
        assert_eq!(kinds(&seen), ["sip", "rtp", "rtcp"]);
        assert_eq!(warnings, Vec::<String>::new());
        let calls: Vec<_> = seen.iter().map(|seen| seen.captured().call_id.as_deref()).collect();
        assert_eq!(calls, [None, Some(&b"call-1"[..]), Some(&b"call-1"[..])]);
        let sip = seen[0].captured();
        assert_eq!((sip.micros, sip.source, sip.destination, sip.ip_protocol), (2, phone, proxy, 17));
        assert_eq!(sip.bytes, invite(SDP));
    }

    #[test]
    fn cuts_messages_out_of_tcp_however_it_was_segmented() {
        let ends = (address("192.0.2.1:5060"), address("192.0.2.2:5060"));
        let messages = [invite(SDP), invite(""), invite(&"x".repeat(5_000))];
        let stream = [b"\r\n\r\n".to_vec(), messages.concat()].concat();
        for size in [1, 7, 100, 1460] {
            let mut file = Writer::new();
            let mut sequence = 1_000_u32;
            for payload in stream.chunks(size) {
                file.push(9, &build::tcp_segment(ends.0, ends.1, sequence, 0, TcpFlags::ACK, payload));
                sequence += payload.len() as u32;
            }
            let (seen, _) = all(&file.into_bytes(), 4096);
            let found: Vec<&[u8]> = seen.iter().map(|seen| &seen.captured().bytes[..]).collect();
            // Bytes one at a time never begin like SIP for sure, so nothing can be told from the first.
            let wanted: Vec<&[u8]> = messages.iter().map(|message| &message[..]).collect();
            if size >= 100 {
                assert_eq!(found, wanted, "segments of {size}");
            } else {
                assert!(found.len() <= wanted.len(), "segments of {size}");
            }
        }
    }

    #[test]
    fn hep_is_known_by_its_content_on_any_port_and_transport() {
        let mut packet = Vec::new();
        let outgoing = hep::Outgoing {
            seconds: 1_592_975_786,
            payload: b"OPTIONS sip:a@b SIP/2.0\r\n\r\n",
            ..hep::Outgoing::new(address("10.0.0.1:5060"), address("10.0.0.2:5060"))
        };
        outgoing.encode_v3(&mut packet).expect("short enough");
        let mut old = Vec::new();
        outgoing.encode_v2(&mut old).expect("short enough");
        let (from, to) = (address("192.0.2.7:4000"), address("192.0.2.8:19999"));
        let mut file = Writer::new();
        file.push(1, &build::udp(from, to, &packet));
        file.push(2, &build::udp(from, to, &old));
        let stream = [packet.clone(), packet.clone()].concat();
        let (first, second) = stream.split_at(packet.len() + 9);
        file.push(3, &build::tcp_segment(from, to, 1, 0, TcpFlags::ACK, first));
        file.push(4, &build::tcp_segment(from, to, 1 + first.len() as u32, 0, TcpFlags::ACK, second));
        let (seen, _) = all(&file.into_bytes(), 1000);
        assert_eq!(kinds(&seen), ["hep"; 4]);
        let bytes: Vec<&[u8]> = seen.iter().map(|seen| &seen.captured().bytes[..]).collect();
        assert_eq!(bytes, [&packet[..], &old, &packet, &packet]);
    }
}
