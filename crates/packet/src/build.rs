//! Packets from scratch: addresses and payload in, an IP packet with right lengths and checksums out.
//!
//! Where the two addresses are of different families, both are written as IPv6 (IPv4-mapped).

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use crate::checksum::{Internet, as_ipv6, crc32c};
use crate::transport::TcpFlags;

/// Longest UDP payload in one IPv4 packet: 65,535 less the IPv4 and UDP headers.
pub const UDP_PAYLOAD_MAX_IPV4: usize = 65_507;

/// Longest UDP payload at all: its length field counts the header and has 16 bits.
pub const UDP_PAYLOAD_MAX: usize = 65_527;

/// Longest TCP payload in one packet that fits both IP versions.
pub const TCP_PAYLOAD_MAX: usize = 65_495;

/// Longest SCTP user data in one packet with one DATA chunk that fits both IP versions.
pub const SCTP_PAYLOAD_MAX: usize = 65_484;

const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;
const IPV6_FRAGMENT: u8 = 44;

const HOPS: u8 = 64;

/// Payload of one fragment: a multiple of 8 that leaves room for any header.
const FRAGMENT_PAYLOAD: usize = 32_768;

/// One UDP packet. A payload above [`UDP_PAYLOAD_MAX_IPV4`] is cut there: see [`udp_packets`].
pub fn udp(source: SocketAddr, destination: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let payload = payload.get(..UDP_PAYLOAD_MAX_IPV4).unwrap_or(payload);
    ip(source.ip(), destination.ip(), UDP, 0, &udp_datagram(source, destination, payload))
}

/// A UDP payload of any length as IP packets: one packet where it fits, IP fragments up to [`UDP_PAYLOAD_MAX`], and
/// beyond that several datagrams, since none can be longer.
///
/// `identification` marks the fragments of one datagram and is moved on.
pub fn udp_packets(
    source: SocketAddr,
    destination: SocketAddr,
    payload: &[u8],
    identification: &mut u32,
) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    for payload in pieces(payload, UDP_PAYLOAD_MAX) {
        *identification = identification.wrapping_add(1);
        let datagram = udp_datagram(source, destination, payload);
        if payload.len() <= UDP_PAYLOAD_MAX_IPV4 {
            packets.push(ip(source.ip(), destination.ip(), UDP, *identification, &datagram));
        } else {
            packets.extend(fragments(source.ip(), destination.ip(), UDP, *identification, &datagram));
        }
    }
    packets
}

/// One TCP segment, flags as given. A payload above [`TCP_PAYLOAD_MAX`] is cut there.
pub fn tcp_segment(
    source: SocketAddr,
    destination: SocketAddr,
    sequence: u32,
    acknowledgement: u32,
    flags: TcpFlags,
    payload: &[u8],
) -> Vec<u8> {
    let payload = payload.get(..TCP_PAYLOAD_MAX).unwrap_or(payload);
    let mut head = [0; 20];
    put(&mut head, 0, &source.port().to_be_bytes());
    put(&mut head, 2, &destination.port().to_be_bytes());
    put(&mut head, 4, &sequence.to_be_bytes());
    put(&mut head, 8, &acknowledgement.to_be_bytes());
    put(&mut head, 12, &[5 << 4, flags.0]);
    put(&mut head, 14, &u16::MAX.to_be_bytes());
    let sum = pseudo_header(source, destination, TCP, head.len() + payload.len()).add(&head).add(payload);
    put(&mut head, 16, &sum.finish().to_be_bytes());
    ip(source.ip(), destination.ip(), TCP, 0, &joined(&head, payload))
}

/// One SCTP packet with one DATA chunk. `begins` and `ends` mark the first and last piece of a user message.
/// A payload above [`SCTP_PAYLOAD_MAX`] is cut there.
pub fn sctp_data(
    source: SocketAddr,
    destination: SocketAddr,
    sequence: u32,
    (begins, ends): (bool, bool),
    payload: &[u8],
) -> Vec<u8> {
    let payload = payload.get(..SCTP_PAYLOAD_MAX).unwrap_or(payload);
    let mut head = [0; 28];
    put(&mut head, 0, &source.port().to_be_bytes());
    put(&mut head, 2, &destination.port().to_be_bytes());
    put(&mut head, 4, &verification_tag(source, destination).to_be_bytes());
    // U: delivered without regard to stream order, as stream sequence numbers stay 0.
    put(&mut head, 13, &[0b100 | (u8::from(begins) << 1) | u8::from(ends)]);
    put(&mut head, 14, &((payload.len() + 16) as u16).to_be_bytes());
    put(&mut head, 16, &sequence.to_be_bytes());
    let mut packet = joined(&head, payload);
    packet.resize(packet.len().next_multiple_of(4), 0);
    // The checksum is computed over a zero field and stored least significant byte first (RFC 9260 appendix A).
    let checksum = crc32c(&packet).to_le_bytes();
    put(&mut packet, 8, &checksum);
    ip(source.ip(), destination.ip(), SCTP, 0, &packet)
}

/// Random in a live association; here the same for all packets of a direction and, as readers use it to tell
/// associations apart, another for any other direction. Never 0, which only opens an association.
fn verification_tag(source: SocketAddr, destination: SocketAddr) -> u32 {
    let mut direction = Vec::with_capacity(36);
    for end in [source, destination] {
        direction.extend_from_slice(&as_ipv6(end.ip()).octets());
        direction.extend_from_slice(&end.port().to_be_bytes());
    }
    crc32c(&direction).max(1)
}

/// An IP packet around a transport payload, which must fit: 65,515 bytes over IPv4, 65,535 over IPv6.
fn ip(source: IpAddr, destination: IpAddr, protocol: u8, identification: u32, payload: &[u8]) -> Vec<u8> {
    joined(&header(source, destination, protocol, identification, 0, payload.len()), payload)
}

/// The pieces of a transport payload too long for one packet.
fn fragments(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    identification: u32,
    payload: &[u8],
) -> impl Iterator<Item = Vec<u8>> {
    let count = payload.len().div_ceil(FRAGMENT_PAYLOAD);
    payload.chunks(FRAGMENT_PAYLOAD).enumerate().map(move |(index, piece)| {
        let offset = (index * FRAGMENT_PAYLOAD) as u16;
        let more = index + 1 < count;
        if source.is_ipv4() && destination.is_ipv4() {
            let field = (u16::from(more) << 13) | (offset / 8);
            return joined(&header(source, destination, protocol, identification, field, piece.len()), piece);
        }
        let mut extension = [protocol, 0, 0, 0, 0, 0, 0, 0];
        put(&mut extension, 2, &(offset | u16::from(more)).to_be_bytes());
        put(&mut extension, 4, &identification.to_be_bytes());
        let mut packet = header(source, destination, IPV6_FRAGMENT, 0, 0, extension.len() + piece.len());
        packet.extend_from_slice(&extension);
        packet.extend_from_slice(piece);
        packet
    })
}

fn header(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    identification: u32,
    fragment_field: u16,
    payload_length: usize,
) -> Vec<u8> {
    if let (IpAddr::V4(source), IpAddr::V4(destination)) = (source, destination) {
        let mut header = [0; 20];
        put(&mut header, 0, &[0x45]);
        put(&mut header, 2, &((payload_length + 20) as u16).to_be_bytes());
        put(&mut header, 4, &(identification as u16).to_be_bytes());
        put(&mut header, 6, &fragment_field.to_be_bytes());
        put(&mut header, 8, &[HOPS, protocol]);
        put(&mut header, 12, &source.octets());
        put(&mut header, 16, &destination.octets());
        let checksum = Internet::default().add(&header).finish();
        put(&mut header, 10, &checksum.to_be_bytes());
        return header.to_vec();
    }
    let mut header = [0; 40];
    put(&mut header, 0, &[0x60]);
    put(&mut header, 4, &(payload_length as u16).to_be_bytes());
    put(&mut header, 6, &[protocol, HOPS]);
    put(&mut header, 8, &as_ipv6(source).octets());
    put(&mut header, 24, &as_ipv6(destination).octets());
    header.to_vec()
}

fn udp_datagram(source: SocketAddr, destination: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() + 8;
    let mut head = [0; 8];
    put(&mut head, 0, &source.port().to_be_bytes());
    put(&mut head, 2, &destination.port().to_be_bytes());
    put(&mut head, 4, &(length as u16).to_be_bytes());
    // Zero means "no checksum" (RFC 768), so a computed zero is sent as all ones.
    let checksum = match pseudo_header(source, destination, UDP, length).add(&head).add(payload).finish() {
        0 => u16::MAX,
        checksum => checksum,
    };
    put(&mut head, 6, &checksum.to_be_bytes());
    joined(&head, payload)
}

fn pseudo_header(source: SocketAddr, destination: SocketAddr, protocol: u8, length: usize) -> Internet {
    Internet::pseudo_header(source.ip(), destination.ip(), protocol, length)
}

/// `bytes` cut into pieces; an empty slice is one empty piece, since an empty message is a message too.
pub(crate) fn pieces(bytes: &[u8], length_max: usize) -> impl Iterator<Item = &[u8]> {
    let empty = bytes.is_empty().then_some(bytes);
    empty.into_iter().chain(bytes.chunks(length_max))
}

fn joined(head: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(head.len() + payload.len());
    bytes.extend_from_slice(head);
    bytes.extend_from_slice(payload);
    bytes
}

/// Writes into a header of fixed length.
fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    let field = bytes.get_mut(offset..offset + value.len());
    field.expect("header fields lie inside their header").copy_from_slice(value);
}
