use std::net::{IpAddr, SocketAddr};

use packet::pcap::{Export, Reader, Record, Writer};
use packet::{Layers, Link, Transport};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{datagrams, streams};

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), any::<[u8; 16]>().prop_map(IpAddr::from)]
}

fn ends() -> impl Strategy<Value = (SocketAddr, SocketAddr)> {
    (address(), address(), any::<u16>(), any::<u16>()).prop_map(|(source, destination, from, to)| {
        // The obvious checker in `support` does not know mixed families; one test of its own covers them.
        let destination = if source.is_ipv4() == destination.is_ipv4() { destination } else { source };
        (SocketAddr::new(source, from), SocketAddr::new(destination, to))
    })
}

fn record<'a>(ends: (SocketAddr, SocketAddr), transport: &'a str, payload: &'a [u8]) -> Record<'a> {
    Record {
        micros: 1,
        src_ip: Some(ends.0.ip()),
        src_port: Some(ends.0.port()),
        dst_ip: Some(ends.1.ip()),
        dst_port: Some(ends.1.port()),
        transport,
        payload,
    }
}

proptest! {
    #[test]
    fn udp_comes_back_as_it_went_in(messages in vec((ends(), vec(any::<u8>(), 0..300)), 0..8)) {
        let mut export = Export::new();
        for (ends, payload) in &messages {
            export.push(&record(*ends, "udp", payload));
        }
        let found: Vec<_> = datagrams(&export.into_bytes())
            .into_iter()
            .map(|found| ((found.source, found.destination), found.payload))
            .collect();
        prop_assert_eq!(found, messages);
    }

    #[test]
    fn tcp_comes_back_as_a_stream(ends in ends(), messages in vec((any::<bool>(), vec(any::<u8>(), 0..300)), 0..8)) {
        prop_assume!(ends.0 != ends.1);
        let mut export = Export::new();
        let mut sent = [Vec::new(), Vec::new()];
        for (back, payload) in &messages {
            let ends = if *back { (ends.1, ends.0) } else { ends };
            export.push(&record(ends, "tcp", payload));
            sent[usize::from(*back)].extend_from_slice(payload);
        }
        let streams = streams(&export.into_bytes());
        prop_assert_eq!(streams.get(&ends).cloned().unwrap_or_default(), sent[0].clone());
        prop_assert_eq!(streams.get(&(ends.1, ends.0)).cloned().unwrap_or_default(), sent[1].clone());
    }

    #[test]
    fn frames_come_back_from_a_file(frames in vec((0..=i64::from(u32::MAX) * 1_000_000, vec(any::<u8>(), 0..64)), 0..8)) {
        let mut writer = Writer::new();
        frames.iter().for_each(|(micros, bytes)| writer.push(*micros, bytes));
        let file = writer.into_bytes();
        let read: Vec<_> = Reader::new(&file)
            .unwrap()
            .map(|frame| frame.map(|frame| (frame.micros, frame.bytes.to_vec())).unwrap())
            .collect();
        prop_assert_eq!(read, frames);
    }

    #[test]
    fn no_bytes_make_the_readers_panic(link in 0..300_u16, head in 0..6_usize, bytes in vec(any::<u8>(), 0..200)) {
        let heads: [&[u8]; 6] = [
            &[],
            &[0x45, 0, 0, 60, 0, 0, 0, 0, 64, 6],
            &[0x45, 0, 0, 60, 0, 0, 0, 0, 64, 17],
            &[0x45, 0, 0, 60, 0, 0, 0, 0, 64, 132],
            &[0x60, 0, 0, 0, 0, 60, 0, 64],
            &[0x60, 0, 0, 0, 0, 60, 44, 64],
        ];
        let frame = [heads[head], &bytes].concat();
        for link in [Link::from_number(link), Link::Raw] {
            if let Ok(layers) = Layers::parse(link, &frame) {
                prop_assert!(layers.ip.payload.len() < frame.len());
                if let Transport::Sctp(sctp) = layers.transport {
                    prop_assert!(sctp.data().count() <= frame.len());
                }
            }
        }
        let file = [&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0][..], &bytes].concat();
        if let Ok(reader) = Reader::new(&file) {
            prop_assert!(reader.count() <= file.len());
        }
    }
}
