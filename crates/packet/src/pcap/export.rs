use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::write::Writer;
use crate::build;
use crate::transport::TcpFlags;

/// Writes captured messages as a capture file for other tools.
///
/// Messages were captured above the transport, so the packets around them are made up: each UDP message becomes a
/// datagram, the messages of a TCP connection a stream in which every byte is acknowledged. TLS and WebSocket
/// messages arrive decrypted and unwrapped and are written as TCP. Wireshark finds the SIP in TCP, SCTP and TLS on
/// the usual ports by itself; for WebSocket, whose ports it takes for HTTP, choose "Decode As... SIP".
///
/// ```
/// use packet::pcap::{Export, Record};
///
/// let mut export = Export::new();
/// export.push(&Record {
///     micros: 1_592_975_786_669_278,
///     src_ip: "192.0.2.1".parse().ok(),
///     src_port: Some(5060),
///     dst_ip: "192.0.2.2".parse().ok(),
///     dst_port: Some(5060),
///     transport: "udp",
///     payload: b"OPTIONS sip:192.0.2.2 SIP/2.0\r\n\r\n",
/// });
/// let file = export.into_bytes();
/// # assert_eq!(file.len(), 24 + 16 + 28 + 33);
/// ```
#[derive(Clone, Debug)]
pub struct Export {
    writer: Writer,
    identification: u32,
    /// The next sequence number, by direction: counts bytes (TCP) or chunks (SCTP).
    next: BTreeMap<(SocketAddr, SocketAddr), u32>,
    /// Where a direction not in `next` begins.
    first: u32,
}

/// One captured message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Microseconds since 1970.
    pub micros: i64,
    /// Source address; unknown becomes `0.0.0.0` or `::`, whichever suits the other end.
    pub src_ip: Option<IpAddr>,
    /// Source port; unknown becomes 0.
    pub src_port: Option<u16>,
    /// Destination address.
    pub dst_ip: Option<IpAddr>,
    /// Destination port.
    pub dst_port: Option<u16>,
    /// `udp`, `tcp`, `sctp`, `tls`, `ws` or `wss`; anything else is written as UDP.
    pub transport: &'a str,
    /// The message.
    pub payload: &'a [u8],
}

/// Directions remembered at once (about 100 bytes each). Above it all are forgotten and go on from a higher number:
/// readers see lost bytes between two messages, never a repetition.
const DIRECTIONS_MAX: usize = 65_536;

impl Export {
    /// Begins a file.
    pub fn new() -> Self {
        // The first byte of a stream has number 1, as after a handshake from initial sequence number 0.
        Self { writer: Writer::new(), identification: 0, next: BTreeMap::new(), first: 1 }
    }

    /// Adds a message. Push in time order: streams are built in the order of calls.
    pub fn push(&mut self, record: &Record<'_>) {
        let (source, destination) = ends(record);
        match record.transport {
            "tcp" | "tls" | "ws" | "wss" => self.push_tcp(record.micros, source, destination, record.payload),
            "sctp" => self.push_sctp(record.micros, source, destination, record.payload),
            _ => {
                let identification = &mut self.identification;
                for packet in build::udp_packets(source, destination, record.payload, identification) {
                    self.writer.push(record.micros, &packet);
                }
            }
        }
    }

    /// Bytes written and not yet taken.
    pub fn pending_bytes(&self) -> usize {
        self.writer.pending_bytes()
    }

    /// Takes what has been written since the last call, to send a long file in pieces.
    pub fn take(&mut self) -> Vec<u8> {
        self.writer.take()
    }

    /// The rest of the file.
    pub fn into_bytes(self) -> Vec<u8> {
        self.writer.into_bytes()
    }

    fn push_tcp(&mut self, micros: i64, source: SocketAddr, destination: SocketAddr, payload: &[u8]) {
        let flags = TcpFlags::PSH.with(TcpFlags::ACK);
        for piece in build::pieces(payload, build::TCP_PAYLOAD_MAX) {
            let acknowledgement = self.next.get(&(destination, source)).copied().unwrap_or(self.first);
            let sequence = self.advance(source, destination, piece.len() as u32);
            let packet = build::tcp_segment(source, destination, sequence, acknowledgement, flags, piece);
            self.writer.push(micros, &packet);
        }
    }

    fn push_sctp(&mut self, micros: i64, source: SocketAddr, destination: SocketAddr, payload: &[u8]) {
        let last = payload.len().div_ceil(build::SCTP_PAYLOAD_MAX).saturating_sub(1);
        for (index, piece) in build::pieces(payload, build::SCTP_PAYLOAD_MAX).enumerate() {
            let sequence = self.advance(source, destination, 1);
            let position = (index == 0, index == last);
            self.writer.push(micros, &build::sctp_data(source, destination, sequence, position, piece));
        }
    }

    /// The sequence number to send with, moved on by `count` for the next.
    fn advance(&mut self, source: SocketAddr, destination: SocketAddr, count: u32) -> u32 {
        if self.next.len() >= DIRECTIONS_MAX && !self.next.contains_key(&(source, destination)) {
            self.first = self.next.values().copied().max().unwrap_or(self.first);
            self.next.clear();
        }
        let next = self.next.entry((source, destination)).or_insert(self.first);
        let sequence = *next;
        *next = next.wrapping_add(count);
        sequence
    }
}

impl Default for Export {
    fn default() -> Self {
        Self::new()
    }
}

fn ends(record: &Record<'_>) -> (SocketAddr, SocketAddr) {
    let unknown = match record.src_ip.or(record.dst_ip) {
        Some(IpAddr::V6(_)) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        Some(IpAddr::V4(_)) | None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    (
        SocketAddr::new(record.src_ip.unwrap_or(unknown), record.src_port.unwrap_or(0)),
        SocketAddr::new(record.dst_ip.unwrap_or(unknown), record.dst_port.unwrap_or(0)),
    )
}
