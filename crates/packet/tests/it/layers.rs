//! Headers read from hand-made bytes.

use packet::{Fragment, Ip, Layers, Link, Refusal, Transport, build};

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    packet.extend_from_slice(&[next, 64]);
    packet.extend_from_slice(&[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    packet.extend_from_slice(&[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    packet.extend_from_slice(payload);
    packet
}

const UDP_HI: [u8; 10] = [0x13, 0xc4, 0x13, 0xd8, 0, 10, 0, 0, b'h', b'i'];

#[test]
fn walks_ipv6_extension_headers() {
    let hop_by_hop = [60, 0, 5, 2, 0, 0, 1, 0];
    let destination_options = [51, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let authentication = [17, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9];
    let chain = [&hop_by_hop[..], &destination_options, &authentication, &UDP_HI].concat();
    let packet = ipv6(0, &chain);
    let layers = Layers::parse(Link::Raw, &packet).unwrap();
    assert_eq!(layers.source().to_string(), "[2001:db8::1]:5060");
    let Transport::Udp(udp) = layers.transport else { panic!("UDP behind the chain") };
    assert_eq!(udp.payload, b"hi");
}

#[test]
fn tells_fragments_apart_from_atomic_fragments() {
    let first = ipv6(44, &[&[17, 0, 0, 1, 0, 0, 0, 7][..], &UDP_HI].concat());
    let ip = Ip::parse(&first).unwrap();
    assert_eq!(ip.fragment, Some(Fragment { identification: 7, offset: 0, more: true }));
    assert!(matches!(Transport::parse(&ip), Transport::Udp(_)));

    let later = ipv6(44, &[&[17, 0, 0, 16, 0, 0, 0, 7][..], b"the rest"].concat());
    let ip = Ip::parse(&later).unwrap();
    assert_eq!(ip.fragment, Some(Fragment { identification: 7, offset: 16, more: false }));
    assert_eq!((ip.protocol, ip.payload), (17, &b"the rest"[..]));
    assert_eq!(Transport::parse(&ip), Transport::Other);

    let atomic = ipv6(44, &[&[17, 0, 0, 0, 0, 0, 0, 7][..], &UDP_HI].concat());
    assert_eq!(Ip::parse(&atomic).unwrap().fragment, None);
}

#[test]
fn gives_up_on_endless_extension_headers() {
    let chain = [0, 0, 1, 4, 0, 0, 0, 0].repeat(1000);
    let packet = ipv6(0, &chain);
    assert_eq!(Layers::parse(Link::Raw, &packet).unwrap().transport, Transport::Other);
}

#[test]
fn skips_ipv4_options_and_reads_offloaded_lengths() {
    let mut packet = vec![0x46, 0, 0, 0, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 1, 1, 1, 0];
    packet.extend_from_slice(&UDP_HI);
    let Transport::Udp(udp) = Layers::parse(Link::Raw, &packet).unwrap().transport else { panic!("UDP") };
    assert_eq!((udp.source_port, udp.payload), (5060, &b"hi"[..]));
}

#[test]
fn says_when_the_snap_length_cut_a_packet() {
    let packet = build::udp("10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap(), &[b'x'; 100]);
    let layers = Layers::parse(Link::Raw, &packet[..64]).unwrap();
    assert!(layers.ip.truncated);
    let Transport::Udp(udp) = layers.transport else { panic!("UDP") };
    assert!(udp.truncated);
    assert_eq!(udp.payload.len(), 64 - 28);
}

#[test]
fn refuses_with_the_reason() {
    let arp = [&[0; 12][..], &[0x08, 0x06, 0, 1]].concat();
    assert_eq!(Layers::parse(Link::Ethernet, &arp).unwrap_err(), Refusal::NotIp(0x0806));
    assert_eq!(Layers::parse(Link::Other(147), b"E...").unwrap_err(), Refusal::UnknownLink(147));
    assert_eq!(Layers::parse(Link::Raw, b"").unwrap_err(), Refusal::TooShort);
    assert_eq!(Layers::parse(Link::Raw, b"HEP3").unwrap_err(), Refusal::TooShort, "H begins like IPv4");
    assert_eq!(Layers::parse(Link::Raw, &[0x50; 40]).unwrap_err(), Refusal::IpVersion(5));
    assert_eq!(Layers::parse(Link::Raw, &[0x41; 40]).unwrap_err(), Refusal::HeaderLength(4));
}

#[test]
fn reads_sctp_data_chunks_among_others() {
    let head = [0x13, 0xc4, 0x13, 0xc5, 0, 0, 0, 9, 0, 0, 0, 0];
    let sack = [3, 0, 0, 16, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0];
    let first = [0, 2, 0, 19, 0, 0, 0, 5, 0, 1, 0, 0, 0, 0, 0, 0, b'a', b'b', b'c', 0];
    let second = [0, 1, 0, 17, 0, 0, 0, 6, 0, 1, 0, 0, 0, 0, 0, 0, b'd', 0, 0, 0];
    let payload = [&head[..], &sack, &first, &second].concat();
    let packet = ipv6(132, &payload);
    let Transport::Sctp(sctp) = Layers::parse(Link::Raw, &packet).unwrap().transport else { panic!("SCTP") };
    assert_eq!((sctp.source_port, sctp.destination_port, sctp.verification_tag), (5060, 5061, 9));
    let data: Vec<_> =
        sctp.data().map(|data| (data.sequence, data.begins, data.ends, data.payload)).collect();
    assert_eq!(data, [(5, true, false, &b"abc"[..]), (6, false, true, &b"d"[..])]);
}
