//! Packets that are given another time.

use hep::{Chunk, Outgoing, chunk::kind};
use proptest::prelude::*;

fn packet(more: &[Chunk<'_>], payload: &[u8]) -> Vec<u8> {
    let outgoing = Outgoing {
        seconds: 1_592_975_786,
        micros: 669_278,
        capture_id: 2001,
        node: Some(b"edge"),
        more,
        payload,
        ..Outgoing::new("10.0.0.1:5060".parse().unwrap(), "10.0.0.2:5060".parse().unwrap())
    };
    let mut bytes = Vec::new();
    outgoing.encode_v3(&mut bytes).unwrap();
    bytes
}

proptest! {
    #[test]
    fn the_time_changes_and_nothing_else(
        seconds in any::<u32>(), micros in 0..1_000_000_u32, payload in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let before = packet(&[], &payload);
        let mut after = before.clone();
        prop_assert!(hep::set_time(&mut after, seconds, micros));
        prop_assert_eq!(before.len(), after.len());
        let (before, _) = hep::decode(&before, 0).unwrap();
        let (after, _) = hep::decode(&after, 0).unwrap();
        prop_assert_eq!((after.seconds, after.micros), (Some(seconds), Some(micros)));
        let others = |packet: &hep::Packet<'_>| -> Vec<(u16, Vec<u8>)> {
            let kept = packet.chunks().filter(|chunk| ![kind::SECONDS, kind::MICROS].contains(&chunk.kind));
            kept.map(|chunk| (chunk.kind, chunk.body.to_vec())).collect()
        };
        prop_assert_eq!(others(&before), others(&after));
    }

    #[test]
    fn garbage_is_left_alone_or_stays_a_packet(mut bytes in proptest::collection::vec(any::<u8>(), 0..80), magic in any::<bool>()) {
        if magic {
            let length = (bytes.len() as u16 + 6).to_be_bytes();
            bytes.splice(0..0, [b'H', b'E', b'P', b'3', length[0], length[1]]);
        }
        let before = bytes.clone();
        if !hep::set_time(&mut bytes, 1, 2) {
            prop_assert_eq!(before, bytes);
        }
    }
}

#[test]
fn a_packet_without_a_time_gets_one() {
    // Magic, length, and one chunk: the type.
    let mut bytes = b"HEP3\0\x0d\0\0\0\x0b\0\x07\x01".to_vec();
    assert!(hep::set_time(&mut bytes, 7, 8));
    let (packet, length) = hep::decode(&bytes, 0).unwrap();
    assert_eq!((packet.seconds, packet.micros, length), (Some(7), Some(8), bytes.len()));
}

#[test]
fn the_last_of_two_times_counts_and_is_set() {
    let twice = [Chunk { vendor: 0, kind: kind::SECONDS, body: &[0, 0, 0, 9] }];
    let mut bytes = packet(&twice, b"x");
    assert!(hep::set_time(&mut bytes, 77, 0));
    assert_eq!(hep::decode(&bytes, 0).unwrap().0.seconds, Some(77));
}

#[test]
fn what_is_no_single_packet_is_left_alone() {
    let one = packet(&[], b"x");
    for mut bytes in [b"nonsense".to_vec(), one[..one.len() - 1].to_vec(), [one.clone(), one].concat()] {
        let before = bytes.clone();
        assert!(!hep::set_time(&mut bytes, 1, 2));
        assert_eq!(before, bytes);
    }
}

/// Found by fuzzing: what was put behind a chunk that is cut off became a part of that chunk.
#[test]
fn the_time_stands_before_a_chunk_that_is_cut_off() {
    // The type, and a payload that says it is longer than the packet.
    let mut bytes = b"HEP3\0\x17\0\0\0\x0b\0\x07\x01\0\0\0\x0f\xfe\xfepay!".to_vec();
    assert!(hep::set_time(&mut bytes, 7, 8));
    let (packet, length) = hep::decode(&bytes, 0).unwrap();
    assert_eq!((packet.seconds, packet.micros, length), (Some(7), Some(8), bytes.len()));
    assert_eq!(&*packet.payload, b"pay!");
}
