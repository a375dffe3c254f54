//! What the tests share: captured frames put back together the slow and obvious way.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use packet::pcap::Reader;
use packet::{Ip, Layers, Transport};

/// A message found in a capture file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) micros: i64,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) payload: Vec<u8>,
}

/// All UDP datagrams of a file, fragments joined. Checks every checksum on the way.
pub(crate) fn datagrams(file: &[u8]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut pieces: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    for frame in Reader::new(file).expect("a capture file") {
        let frame = frame.expect("a whole frame");
        let ip = Ip::parse(frame.bytes).expect("an IP packet");
        assert_eq!(ip.protocol, 17, "only UDP expected");
        check_ipv4_header(frame.bytes);
        let mut datagram = ip.payload.to_vec();
        if let Some(fragment) = ip.fragment {
            let whole = pieces.entry(fragment.identification).or_default();
            assert_eq!(whole.len(), fragment.offset, "fragments are in order and leave no hole");
            whole.extend_from_slice(&datagram);
            if fragment.more {
                continue;
            }
            datagram = pieces.remove(&fragment.identification).expect("the entry just filled");
        }
        assert_eq!(transport_sum(ip.source, ip.destination, 17, &datagram), 0xffff, "UDP checksum");
        let whole = Ip { fragment: None, payload: &datagram, ..ip };
        let Transport::Udp(udp) = Transport::parse(&whole) else { panic!("a UDP header") };
        assert!(!udp.truncated);
        found.push(Found {
            micros: frame.micros,
            source: SocketAddr::new(ip.source, udp.source_port),
            destination: SocketAddr::new(ip.destination, udp.destination_port),
            payload: udp.payload.to_vec(),
        });
    }
    assert!(pieces.is_empty(), "fragments without an end");
    found
}

/// The streams of a file by direction; panics where a byte is missing, repeated or acknowledged before it was sent.
pub(crate) fn streams(file: &[u8]) -> BTreeMap<(SocketAddr, SocketAddr), Vec<u8>> {
    let mut streams: BTreeMap<(SocketAddr, SocketAddr), Vec<u8>> = BTreeMap::new();
    for frame in Reader::new(file).expect("a capture file") {
        let frame = frame.expect("a whole frame");
        let layers = Layers::parse(frame.link, frame.bytes).expect("an IP packet");
        let Transport::Tcp(tcp) = layers.transport else { panic!("only TCP expected") };
        check_ipv4_header(frame.bytes);
        let sum = transport_sum(layers.ip.source, layers.ip.destination, 6, layers.ip.payload);
        assert_eq!(sum, 0xffff, "TCP checksum");
        let (source, destination) = (layers.source(), layers.destination());
        let heard = streams.get(&(destination, source)).map_or(0, Vec::len);
        assert_eq!(tcp.acknowledgement as usize, heard + 1);
        let stream = streams.entry((source, destination)).or_default();
        assert_eq!(tcp.sequence as usize, stream.len() + 1);
        stream.extend_from_slice(tcp.payload);
    }
    streams
}

/// Sum over pseudo-header and transport bytes, checksum included: all ones when it is right.
pub(crate) fn transport_sum(source: IpAddr, destination: IpAddr, protocol: u8, bytes: &[u8]) -> u16 {
    let mut words = Vec::new();
    for address in [source, destination] {
        match address {
            IpAddr::V4(address) => words.extend_from_slice(&address.octets()),
            IpAddr::V6(address) => words.extend_from_slice(&address.octets()),
        }
    }
    words.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    words.extend_from_slice(&[0, protocol]);
    words.extend_from_slice(bytes);
    ones_complement_sum(&words)
}

fn check_ipv4_header(packet: &[u8]) {
    if packet[0] >> 4 == 4 {
        assert_eq!(ones_complement_sum(&packet[..20]), 0xffff, "IPv4 header checksum");
    }
}

fn ones_complement_sum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
