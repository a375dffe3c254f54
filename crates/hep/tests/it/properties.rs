//! What holds for every input.

use std::net::{IpAddr, SocketAddr};

use hep::{Chunk, EncodeError, Framer, Outgoing, Packet, Refusal};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::support::{ARRIVAL, outgoing};

/// An [`Outgoing`] with bytes of its own.
#[derive(Clone, Debug)]
struct Owned {
    src: SocketAddr,
    dst: SocketAddr,
    ip_protocol: u8,
    seconds: u32,
    micros: u32,
    hep_type: u16,
    capture_id: u32,
    key: Option<Vec<u8>>,
    correlation_id: Option<Vec<u8>>,
    vlan: Option<u16>,
    node: Option<Vec<u8>>,
    mos: Option<u16>,
    more: Vec<(u16, u16, Vec<u8>)>,
    payload: Vec<u8>,
    compress: bool,
}

impl Owned {
    fn with<T>(&self, then: impl FnOnce(Outgoing<'_>) -> T) -> T {
        let more: Vec<_> = self
            .more
            .iter()
            .map(|(vendor, kind, body)| Chunk { vendor: *vendor, kind: *kind, body })
            .collect();
        then(Outgoing {
            ip_protocol: self.ip_protocol,
            seconds: self.seconds,
            micros: self.micros,
            hep_type: self.hep_type,
            capture_id: self.capture_id,
            key: self.key.as_deref(),
            correlation_id: self.correlation_id.as_deref(),
            vlan: self.vlan,
            node: self.node.as_deref(),
            mos: self.mos,
            more: &more,
            payload: &self.payload,
            compress: self.compress,
            ..Outgoing::new(self.src, self.dst)
        })
    }

    fn v3(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.with(|outgoing| outgoing.encode_v3(&mut bytes)).expect("small enough");
        bytes
    }
}

fn owned() -> impl Strategy<Value = Owned> {
    let text = || option::of(vec(any::<u8>(), 0..40));
    let ends = (any::<SocketAddr>(), any::<SocketAddr>());
    let numbers = (any::<u8>(), any::<u32>(), 0..1_000_000_u32, any::<u16>(), any::<u32>());
    let options = (text(), text(), option::of(any::<u16>()), text(), option::of(any::<u16>()));
    let more = vec((1..=u16::MAX, any::<u16>(), vec(any::<u8>(), 0..20)), 0..4);
    // Vendor numbers that start like a packet id could spell one and be taken for the next packet.
    let more = more.prop_filter("no packet id", |more| {
        more.iter().all(|(vendor, ..)| vendor >> 8 != 0x48 && vendor >> 8 != 0x45)
    });
    let payload = (vec(any::<u8>(), 0..300), any::<bool>());
    (ends, numbers, options, more, payload).prop_map(|(ends, numbers, options, more, payload)| Owned {
        src: ends.0,
        dst: ends.1,
        ip_protocol: numbers.0,
        seconds: numbers.1,
        micros: numbers.2,
        hep_type: numbers.3,
        capture_id: numbers.4,
        key: options.0,
        correlation_id: options.1,
        vlan: options.2,
        node: options.3,
        mos: options.4,
        more,
        payload: payload.0,
        compress: payload.1,
    })
}

fn assert_same_ends(packet: &Packet<'_>, sent: &Owned) {
    assert_eq!((packet.src_ip, packet.src_port), (Some(sent.src.ip()), Some(sent.src.port())));
    assert_eq!((packet.dst_ip, packet.dst_port), (Some(sent.dst.ip()), Some(sent.dst.port())));
    assert_eq!(packet.ip_protocol, Some(sent.ip_protocol));
    assert_eq!(&*packet.payload, sent.payload);
}

proptest! {
    #[test]
    fn version_3_comes_back_as_it_was_sent(sent in owned()) {
        let bytes = sent.v3();
        let (packet, consumed) = hep::decode(&bytes, ARRIVAL).unwrap();
        prop_assert_eq!(consumed, bytes.len());
        assert_same_ends(&packet, &sent);
        prop_assert_eq!((packet.seconds, packet.micros), (Some(sent.seconds), Some(sent.micros)));
        prop_assert_eq!((packet.hep_type, packet.capture_id), (Some(sent.hep_type), Some(sent.capture_id)));
        prop_assert_eq!(packet.key, sent.key.as_deref());
        prop_assert_eq!(packet.correlation_id, sent.correlation_id.as_deref());
        prop_assert_eq!(packet.node, sent.node.as_deref());
        prop_assert_eq!((packet.vlan, packet.mos), (sent.vlan, sent.mos));
        let more: Vec<_> =
            packet.chunks().filter(|chunk| chunk.vendor != 0).map(|chunk| (chunk.vendor, chunk.kind, chunk.body.to_vec())).collect();
        prop_assert_eq!(more, sent.more.clone());
        let mixed = sent.src.is_ipv4() != sent.dst.is_ipv4();
        prop_assert_eq!(packet.flags.names().collect::<Vec<_>>(), if mixed { vec!["mixed_families"] } else { vec![] });
    }

    #[test]
    fn version_2_comes_back_as_it_was_sent(sent in owned(), seconds in ARRIVAL - 100_000_000..=ARRIVAL) {
        let sent = Owned { seconds, capture_id: sent.capture_id & 0xffff, ip_protocol: 17, ..sent };
        let mut bytes = Vec::new();
        let encoded = sent.with(|outgoing| outgoing.encode_v2(&mut bytes));
        if sent.src.is_ipv4() != sent.dst.is_ipv4() {
            prop_assert_eq!(encoded, Err(EncodeError::MixedFamilies));
            prop_assert!(bytes.is_empty());
            return Ok(());
        }
        encoded.unwrap();
        let (packet, consumed) = hep::decode(&bytes, ARRIVAL).unwrap();
        prop_assert_eq!(consumed, bytes.len());
        assert_same_ends(&packet, &sent);
        prop_assert_eq!((packet.seconds, packet.micros), (Some(sent.seconds), Some(sent.micros)));
        prop_assert_eq!(packet.capture_id, Some(sent.capture_id));
        prop_assert!(packet.flags.is_empty());
    }

    #[test]
    fn version_1_comes_back_as_it_was_sent(sent in owned()) {
        let sent = Owned { ip_protocol: 6, ..sent };
        let mut bytes = Vec::new();
        prop_assume!(sent.with(|outgoing| outgoing.encode_v1(&mut bytes)).is_ok());
        // Ports that spell the STUN cookie need a payload that vouches for them.
        prop_assume!((sent.src.port(), sent.dst.port()) != (0x2112, 0xa442));
        let (packet, _) = hep::decode(&bytes, ARRIVAL).unwrap();
        assert_same_ends(&packet, &sent);
        prop_assert_eq!(packet.flags.names().collect::<Vec<_>>(), ["no_time"]);
    }

    #[test]
    fn any_bytes_give_items_and_never_a_panic(bytes in hostile()) {
        let unwrapped = hep::ungzip(&bytes);
        let mut framed = 0;
        let mut count = 0;
        for item in hep::packets(&unwrapped, ARRIVAL) {
            count += 1;
            if let Ok((packet, frame)) = item {
                framed += frame.len();
                let (again, consumed) = hep::decode(frame, ARRIVAL).expect("a frame decodes by itself");
                prop_assert_eq!(consumed, frame.len());
                prop_assert_eq!(&again, &packet, "and to the same packet");
                for chunk in packet.chunks() {
                    let _ = (chunk.value(), format!("{chunk:?}"));
                }
            }
        }
        prop_assert!(count >= 1);
        prop_assert!(framed <= unwrapped.len());
    }

    #[test]
    fn every_packet_comes_back_from_its_json(bytes in hostile()) {
        let unwrapped = hep::ungzip(&bytes);
        for (packet, _) in hep::packets(&unwrapped, ARRIVAL).flatten() {
            let mut text = String::new();
            hep::json::encode(&packet, &mut text);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
            let items: Vec<_> = hep::json::items(text.as_bytes()).collect();
            prop_assert_eq!(items, [Ok(text.as_str())]);
            let mut frame = Vec::new();
            let read = hep::json::decode(&text).expect("what was written can be read");
            prop_assert!(read.unknown_keys.is_empty());
            read.encode_v3(&mut frame).expect("small enough");
            let (again, _) = hep::decode(&frame, ARRIVAL).expect("a packet");
            // What was blanked is not written.
            if packet.key.is_none_or(|key| key.is_empty() || key.iter().any(|&byte| byte != 0)) {
                crate::json::assert_same(&packet, &again);
            }
        }
    }

    #[test]
    fn any_text_gives_items_that_a_strict_reader_takes(text in "[\\[\\]{}:,\"\\\\un0-2.eE \n-]{0,24}") {
        for item in hep::json::items(text.as_bytes()).flatten() {
            prop_assert!(text.contains(item));
            let _ = hep::json::decode(item).map(|packet| packet.encode_v3(&mut Vec::new()));
        }
        if serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|value| !value.is_array()) {
            prop_assert_eq!(hep::json::items(text.as_bytes()).collect::<Vec<_>>(), [Ok(text.trim())]);
        }
    }

    #[test]
    fn no_key_survives_blanking(bytes in hostile()) {
        let mut blanked = bytes.clone();
        hep::blank_key(&mut blanked);
        prop_assert_eq!(blanked.len(), bytes.len());
        if let Ok((packet, consumed)) = hep::decode(&bytes, ARRIVAL) {
            let changed = blanked[..consumed] != bytes[..consumed];
            prop_assert!(packet.may_hold_keys() || !changed);
            prop_assert_eq!(packet.has_other_chunks(), packet.chunks().any(|chunk| !chunk.has_field()));
        }
        if let (Ok((before, one)), Ok((after, other))) = (hep::decode(&bytes, ARRIVAL), hep::decode(&blanked, ARRIVAL)) {
            prop_assert_eq!(one, other);
            prop_assert!(after.key.is_none_or(|key| key.iter().all(|&byte| byte == 0)));
            prop_assert_eq!(before.key.map(<[u8]>::len), after.key.map(<[u8]>::len));
            prop_assert_eq!(before.payload, after.payload);
        }
    }

    #[test]
    fn frames_do_not_depend_on_how_bytes_arrive(
        pieces in vec(prop_oneof![4 => owned().prop_map(|sent| sent.v3()), 1 => hostile()], 0..6),
        cuts in vec(1..200_usize, 1..20),
    ) {
        let stream = pieces.concat();
        let whole = cut(&stream, &[usize::MAX]);
        prop_assert_eq!(cut(&stream, &cuts), whole);
    }

    #[test]
    fn clean_streams_give_every_packet(packets in vec(owned().prop_map(|sent| sent.v3()), 0..8), cuts in vec(1..200_usize, 1..20)) {
        let expected: Vec<_> = packets.iter().cloned().map(Ok).collect();
        prop_assert_eq!(cut(&packets.concat(), &cuts), expected);
    }
}

/// Random bytes, and packets with random damage, which get further into the decoder.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let damaged =
        (owned(), vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), any::<prop::sample::Index>())
            .prop_map(|(sent, damage, cut)| {
                let mut bytes = sent.v3();
                for (at, byte) in damage {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
                bytes.truncate(bytes.len() - cut.index(bytes.len()) / 8);
                bytes
            })
            .boxed();
    let with_id = (
        prop::sample::select(vec![
            &b"HEP3"[..],
            b"EEP1",
            b"\x01\x10\x02\x11",
            b"\x02\x10\x0a\x06",
            b"\x1f\x8b\x08\0",
            b"\x08\x02\x10\x11",
            b"\x08\x02\x10\x11\x5a\x03key\x62\x10",
        ]),
        vec(any::<u8>(), 0..200),
    )
        .prop_map(|(id, bytes)| [id, &bytes].concat());
    prop_oneof![
        1 => vec(any::<u8>(), 0..200),
        1 => with_id,
        3 => damaged.clone(),
        1 => (damaged.clone(), damaged.clone()).prop_map(|(one, other)| [one, other].concat()),
        1 => damaged.prop_map(|bytes| crate::compression::gzip(&bytes)),
    ]
}

fn cut(stream: &[u8], sizes: &[usize]) -> Vec<Result<Vec<u8>, Refusal>> {
    let mut framer = Framer::new();
    let mut items = Vec::new();
    let mut rest = stream;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at((*size).min(rest.len()));
        framer.push(piece, ARRIVAL);
        while let Some(item) = framer.next_frame() {
            items.push(item.map(<[u8]>::to_vec));
        }
        rest = after;
    }
    items.extend(framer.finish().map(Err));
    items
}

#[test]
fn what_does_not_fit_is_not_written() {
    let payload = vec![b'x'; 65_536];
    let mut bytes = b"before".to_vec();
    let long = Outgoing { payload: &payload, ..outgoing() };
    assert_eq!(long.encode_v3(&mut bytes), Err(EncodeError::TooLong { bytes: 65_542 }));
    let long = Outgoing { payload: &payload[..65_500], ..outgoing() };
    assert!(matches!(long.encode_v3(&mut bytes), Err(EncodeError::TooLong { .. })));
    let large_id = Outgoing { capture_id: 70_000, ..outgoing() };
    assert_eq!(large_id.encode_v2(&mut bytes), Err(EncodeError::CaptureId { id: 70_000 }));
    assert_eq!(bytes, b"before");
}

#[test]
fn the_order_of_chunks_is_the_specifications() {
    let mut bytes = Vec::new();
    let full = Outgoing {
        dst: SocketAddr::new(IpAddr::from([0; 16]), 1),
        node: Some(b"n"),
        key: Some(b"k"),
        correlation_id: Some(b"c"),
        vlan: Some(1),
        mos: Some(1),
        payload: b"p",
        ..outgoing()
    };
    full.encode_v3(&mut bytes).unwrap();
    let (packet, _) = hep::decode(&bytes, ARRIVAL).unwrap();
    let kinds: Vec<_> = packet.chunks().map(|chunk| chunk.kind).collect();
    assert_eq!(kinds, [1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 19, 14, 17, 18, 32, 15]);
}
