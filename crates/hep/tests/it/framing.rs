//! Datagrams: what is a packet, where it ends, and what becomes of the rest.

use std::borrow::Cow;

use hep::Refusal;

use crate::compression::gzip;
use crate::support::{ARRIVAL, OPTIONS, core_chunks, flags, items, only, packet, raw};

#[test]
fn an_empty_datagram_is_refused() {
    assert_eq!(items(b""), [Err(Refusal::Empty)]);
    assert_eq!(hep::decode(b"", ARRIVAL).unwrap_err(), Refusal::Empty);
}

#[test]
fn a_blank_datagram_is_a_keepalive() {
    assert_eq!(items(b"\r\n\r\n"), [Err(Refusal::Keepalive)]);
    assert_eq!(items(&[0; 4]), [Err(Refusal::Keepalive)]);
}

#[test]
fn the_text_probe_is_a_keepalive() {
    assert_eq!(items(b"HELLO HFP\r\n"), [Err(Refusal::Keepalive)]);
    assert_eq!(items(b"HELLO HFP"), [Err(Refusal::Keepalive)]);
    assert_eq!(items(b"HELLO YOU"), [Err(Refusal::NotHep)]);
}

#[test]
fn a_header_cut_short_is_refused() {
    for bytes in [&b"\x01"[..], b"\x02\x10", b"H", b"HE", b"HEP", b"EEP", b"HEP3", b"EEP1", b"HEP3\x00"] {
        assert_eq!(items(bytes), [Err(Refusal::TooShort)], "{bytes:?}");
    }
}

#[test]
fn a_length_below_the_header_is_refused() {
    for length in 0..6 {
        let mut bytes = packet(OPTIONS);
        bytes[5] = length;
        bytes[4] = 0;
        assert_eq!(items(&bytes), [Err(Refusal::BadLength)]);
    }
}

#[test]
fn a_packet_without_chunks_is_refused() {
    assert_eq!(items(b"HEP3\x00\x06"), [Err(Refusal::NoChunks)]);
}

#[test]
fn all_three_ids_are_accepted() {
    for id in [b"HEP3", b"EEP3", b"EEP1"] {
        let mut bytes = packet(OPTIONS);
        bytes[..4].copy_from_slice(id);
        assert_eq!(&*only(&bytes).payload, OPTIONS);
    }
    let mut bytes = packet(OPTIONS);
    bytes[..4].copy_from_slice(b"HEP1");
    assert_eq!(items(&bytes), [Err(Refusal::NotHep)]);
}

#[test]
fn an_advertised_length_below_the_received_leaves_garbage() {
    let mut bytes = packet(OPTIONS);
    bytes.extend_from_slice(b"what is this?");
    assert_eq!(items(&bytes), [Ok(OPTIONS.to_vec()), Err(Refusal::Garbage)]);
}

#[test]
fn an_advertised_length_above_the_received_is_truncated() {
    let mut bytes = packet(OPTIONS);
    bytes.truncate(bytes.len() - 4);
    let packet = only(&bytes);
    assert_eq!(&*packet.payload, &OPTIONS[..OPTIONS.len() - 4]);
    assert_eq!(packet.capture_id, Some(2001));
    assert_eq!(flags(&packet), ["truncated"]);
}

#[test]
fn an_advertised_length_of_65535_with_60_bytes() {
    let mut bytes = packet(OPTIONS);
    bytes[4..6].copy_from_slice(&[0xff, 0xff]);
    bytes.truncate(60);
    let packet = only(&bytes);
    assert_eq!((packet.src_port, packet.dst_port), (Some(5060), Some(5061)));
    assert_eq!(packet.micros, None, "half of a number is no number");
    assert_eq!(flags(&packet), ["truncated", "no_type", "no_time"]);
}

#[test]
fn several_packets_in_one_datagram() {
    let bytes = [packet(b"one"), packet(b"two"), packet(b"three")].concat();
    assert_eq!(items(&bytes), [Ok(b"one".to_vec()), Ok(b"two".to_vec()), Ok(b"three".to_vec())]);
    let frames: Vec<_> = hep::packets(&bytes, ARRIVAL).map(|item| item.unwrap().1).collect();
    assert_eq!(frames.concat(), bytes, "each frame is the packet's exact bytes");
}

#[test]
fn padding_after_and_between_packets_is_no_refusal() {
    let bytes = [packet(b"one"), vec![0; 8], packet(b"two"), b"\r\n\0\0".to_vec()].concat();
    assert_eq!(items(&bytes), [Ok(b"one".to_vec()), Ok(b"two".to_vec())]);
}

#[test]
fn blank_lines_before_a_packet() {
    let bytes = [b"\r\n".to_vec(), packet(b"one")].concat();
    assert_eq!(items(&bytes), [Ok(b"one".to_vec())]);
}

#[test]
fn garbage_between_packets_costs_no_neighbour() {
    let bytes = [packet(b"one"), b"xxxxHEP3xxxx".to_vec(), packet(b"two")].concat();
    assert_eq!(items(&bytes), [Ok(b"one".to_vec()), Err(Refusal::Garbage), Ok(b"two".to_vec())]);
}

#[test]
fn a_broken_packet_costs_no_neighbour() {
    let mut broken = packet(b"broken");
    broken[4..6].copy_from_slice(&[0, 3]);
    let bytes = [packet(b"one"), broken, packet(b"two")].concat();
    assert_eq!(items(&bytes), [Ok(b"one".to_vec()), Err(Refusal::BadLength), Ok(b"two".to_vec())]);
    let bytes = [b"nonsense".to_vec(), packet(b"one")].concat();
    assert_eq!(items(&bytes), [Err(Refusal::NotHep), Ok(b"one".to_vec())]);
}

#[test]
fn a_packet_that_claims_its_neighbour_gives_it_back() {
    let mut greedy = packet(b"greedy");
    greedy[4..6].copy_from_slice(&[0xff, 0xff]);
    let bytes = [greedy.clone(), packet(b"two")].concat();
    assert_eq!(items(&bytes), [Ok(b"greedy".to_vec()), Ok(b"two".to_vec())]);
    let (first, frame) = hep::packets(&bytes, ARRIVAL).next().unwrap().unwrap();
    assert_eq!(frame, greedy);
    assert_eq!(flags(&first), ["truncated"]);
}

#[test]
fn legacy_bytes_behind_a_packet_are_garbage() {
    let mut bytes = packet(b"one");
    bytes.extend_from_slice(&crate::legacy::hepv1(OPTIONS));
    assert_eq!(items(&bytes), [Ok(b"one".to_vec()), Err(Refusal::Garbage)]);
}

#[test]
fn gzip_around_packets_is_unwrapped() {
    let plain = [packet(b"one"), packet(b"two")].concat();
    let bytes = gzip(&plain);
    assert_eq!(hep::ungzip(&bytes), plain);
    let bytes = [packet(b"zero"), gzip(&plain), packet(b"three"), gzip(&packet(b"four"))].concat();
    let unwrapped = hep::ungzip(&bytes);
    let payloads: Vec<_> = items(&unwrapped).into_iter().map(Result::unwrap).collect();
    assert_eq!(payloads, [&b"zero"[..], b"one", b"two", b"three", b"four"]);
}

#[test]
fn without_gzip_nothing_is_copied() {
    let bytes = [packet(b"one"), packet(b"\x1f\x8b\x08")].concat();
    assert!(matches!(hep::ungzip(&bytes), Cow::Borrowed(_)));
    assert!(matches!(hep::ungzip(b""), Cow::Borrowed(b"")));
}

#[test]
fn gzip_that_cannot_be_unwrapped_is_refused_and_costs_no_neighbour() {
    let whole = gzip(&packet(b"inside"));
    let mut corrupt = whole.clone();
    let middle = corrupt.len() - 6;
    corrupt[middle] ^= 0xff;
    let bomb = gzip(&vec![0; 2 << 20]);
    let ratio = gzip(&vec![0; 100_000]);
    let nested = gzip(&whole);
    for bad in [&whole[..whole.len() - 1], &whole[..12], &whole[..3], &corrupt, &bomb, &ratio, &nested] {
        let bytes = [packet(b"one"), bad.to_vec(), packet(b"two")].concat();
        let unwrapped = hep::ungzip(&bytes);
        let found = items(&unwrapped);
        assert_eq!(found.first(), Some(&Ok(b"one".to_vec())));
        assert_eq!(found.get(1), Some(&Err(Refusal::Gzip)));
        assert_eq!(found.last(), Some(&Ok(b"two".to_vec())));
    }
    assert_eq!(items(&whole), [Err(Refusal::Gzip)], "not unwrapped at all");
}

#[test]
fn text_inside_a_payload_is_not_looked_at() {
    let inner = packet(b"inner");
    let bytes = packet(&inner);
    assert_eq!(&*only(&bytes).payload, inner);
}

#[test]
fn nuls_inside_the_packet_after_the_last_chunk_are_padding() {
    let bytes = raw(&[core_chunks(), vec![vec![0; 11]]].concat());
    assert_eq!(flags(&only(&bytes)), [""; 0]);
    let bytes = raw(&[core_chunks(), vec![vec![0, 0, 7]]].concat());
    assert_eq!(flags(&only(&bytes)), ["bad_chunk"]);
}

#[test]
fn the_largest_packet() {
    let head: usize = core_chunks().iter().map(Vec::len).sum::<usize>() + 6 - OPTIONS.len();
    let payload = vec![b'x'; 65_535 - head];
    let bytes = packet(&payload);
    assert_eq!(bytes.len(), 65_535);
    assert_eq!(only(&bytes).payload.len(), payload.len());
}
