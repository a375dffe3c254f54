//! What other tools will open: addresses, times and payloads survive, streams stay in sequence.

use std::collections::BTreeSet;

use packet::pcap::{Export, Reader, Record};
use packet::{Layers, Transport, build};

use crate::support::{datagrams, streams};

fn record<'a>(src: &str, dst: &str, transport: &'a str, payload: &'a [u8]) -> Record<'a> {
    let ends = [src, dst].map(|end| end.parse::<std::net::SocketAddr>().ok());
    Record {
        micros: 1_592_975_786_669_278,
        src_ip: ends[0].map(|end| end.ip()),
        src_port: ends[0].map(|end| end.port()),
        dst_ip: ends[1].map(|end| end.ip()),
        dst_port: ends[1].map(|end| end.port()),
        transport,
        payload,
    }
}

fn exported(records: &[Record<'_>]) -> Vec<u8> {
    let mut export = Export::new();
    records.iter().for_each(|record| export.push(record));
    export.into_bytes()
}

#[test]
fn writes_udp_of_both_families() {
    let file = exported(&[
        record("192.0.2.1:5060", "192.0.2.2:5080", "udp", b"OPTIONS sip:a SIP/2.0\r\n\r\n"),
        record("[2001:db8::1]:5060", "[2001:db8::2]:5080", "udp", b""),
    ]);
    let found = datagrams(&file);
    assert_eq!(found[0].micros, 1_592_975_786_669_278);
    assert_eq!(found[0].source.to_string(), "192.0.2.1:5060");
    assert_eq!(found[0].destination.to_string(), "192.0.2.2:5080");
    assert_eq!(found[0].payload, b"OPTIONS sip:a SIP/2.0\r\n\r\n");
    assert_eq!(found[1].source.to_string(), "[2001:db8::1]:5060");
    assert_eq!(found[1].payload, b"");
}

#[test]
fn fills_in_what_is_not_known() {
    let file = exported(&[
        record("?", "192.0.2.2:5080", "udp", b"1"),
        record("[2001:db8::1]:5060", "?", "udp", b"2"),
        record("?", "?", "unknown", b"3"),
        record("192.0.2.1:5060", "[2001:db8::2]:5080", "udp", b"4"),
    ]);
    let ends: Vec<_> =
        datagrams(&file).iter().map(|found| format!("{} {}", found.source, found.destination)).collect();
    assert_eq!(
        ends,
        [
            "0.0.0.0:0 192.0.2.2:5080",
            "[2001:db8::1]:5060 [::]:0",
            "0.0.0.0:0 0.0.0.0:0",
            "[::ffff:192.0.2.1]:5060 [2001:db8::2]:5080",
        ]
    );
}

#[test]
fn fragments_udp_that_no_single_packet_holds() {
    let longest: Vec<u8> = (0..build::UDP_PAYLOAD_MAX).map(|index| index as u8).collect();
    for (src, dst) in [("192.0.2.1:1", "192.0.2.2:2"), ("[2001:db8::1]:1", "[2001:db8::2]:2")] {
        for length in [build::UDP_PAYLOAD_MAX_IPV4, build::UDP_PAYLOAD_MAX_IPV4 + 1, build::UDP_PAYLOAD_MAX] {
            let file = exported(&[record(src, dst, "udp", &longest[..length])]);
            let found = datagrams(&file);
            assert_eq!(found.len(), 1);
            assert!(found[0].payload == longest[..length], "{length} bytes between {src} and {dst}");
        }
    }
}

#[test]
fn splits_udp_that_no_datagram_holds() {
    let payload: Vec<u8> = (0..200_000_u32).map(|index| (index / 7) as u8).collect();
    let found = datagrams(&exported(&[record("192.0.2.1:1", "192.0.2.2:2", "udp", &payload)]));
    assert_eq!(found.len(), 4);
    let joined: Vec<u8> = found.into_iter().flat_map(|found| found.payload).collect();
    assert!(joined == payload);
}

#[test]
fn keeps_streams_in_sequence() {
    let long = vec![b'x'; 150_000];
    let (alice, proxy) = ("192.0.2.1:40000", "192.0.2.2:5061");
    let file = exported(&[
        record(alice, proxy, "tls", b"REGISTER "),
        record(proxy, alice, "tls", b"401 "),
        record("192.0.2.9:40000", proxy, "tcp", b"other flow"),
        record(alice, proxy, "tls", b""),
        record(alice, proxy, "tls", &long),
        record(proxy, alice, "tls", b"200"),
    ]);
    let streams = streams(&file);
    let key = |src: &str, dst: &str| (src.parse().unwrap(), dst.parse().unwrap());
    assert_eq!(streams[&key(alice, proxy)], [b"REGISTER ", &long[..]].concat());
    assert_eq!(streams[&key(proxy, alice)], b"401 200");
    assert_eq!(streams[&key("192.0.2.9:40000", proxy)], b"other flow");
}

#[test]
fn treats_unwrapped_transports_as_tcp() {
    for (transport, tcp) in
        [("tcp", true), ("tls", true), ("ws", true), ("wss", true), ("udp", false), ("unknown", false)]
    {
        let file = exported(&[record("192.0.2.1:1", "192.0.2.2:2", transport, b"x")]);
        let frame = Reader::new(&file).unwrap().next().unwrap().unwrap();
        let layers = Layers::parse(frame.link, frame.bytes).unwrap();
        assert_eq!(matches!(layers.transport, Transport::Tcp(_)), tcp, "{transport}");
    }
}

#[test]
fn writes_sctp_messages_as_data_chunks() {
    let long = vec![b'y'; 70_000];
    let file = exported(&[
        record("192.0.2.1:5060", "192.0.2.2:5060", "sctp", b"abc"),
        record("192.0.2.1:5060", "192.0.2.2:5060", "sctp", &long),
        record("192.0.2.2:5060", "192.0.2.1:5060", "sctp", b"back"),
    ]);
    let mut seen = Vec::new();
    let mut tags = BTreeSet::new();
    for frame in Reader::new(&file).unwrap() {
        let frame = frame.unwrap();
        let Transport::Sctp(sctp) = Layers::parse(frame.link, frame.bytes).unwrap().transport else {
            panic!("only SCTP expected")
        };
        tags.insert(sctp.verification_tag);
        seen.extend(sctp.data().map(|data| (data.sequence, data.begins, data.ends, data.payload.len())));
    }
    assert_eq!(
        seen,
        [(1, true, true, 3), (2, true, false, 65_484), (3, false, true, 70_000 - 65_484), (1, true, true, 4)]
    );
    assert_eq!(tags.len(), 2, "one tag for each direction");
}

#[test]
fn never_repeats_a_sequence_number_when_there_are_too_many_streams() {
    let mut export = Export::new();
    let first = record("192.0.2.1:1", "192.0.2.2:2", "tcp", b"first");
    export.push(&first);
    for port in 0..=u16::MAX {
        export.push(&Record { src_port: Some(port), payload: b"0123456789", ..first });
    }
    export.push(&first);
    let file = export.into_bytes();
    let last = Reader::new(&file).unwrap().last().unwrap().unwrap();
    let Transport::Tcp(tcp) = Layers::parse(last.link, last.bytes).unwrap().transport else { panic!("TCP") };
    assert!(tcp.sequence >= 6, "sequence {} was used before", tcp.sequence);
}
