//! The protocol-buffer form of heplify's first versions: whole, cut off, hostile, with a password.

use hep::{Refusal, Version};

use crate::support::{flags, items, only, packet};

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn text(field: u64, value: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

/// A log line over IPv6 with everything that can be said.
fn message(key: &[u8], payload: &[u8]) -> Vec<u8> {
    [
        number(1, 10),
        number(2, 6),
        text(3, b"2001:db8::1"),
        text(4, b"2001:db8::2"),
        number(5, 5060),
        number(6, 5061),
        number(7, 1_592_975_786),
        number(8, 669_278),
        number(9, 100),
        number(10, 2002),
        text(11, key),
        text(12, payload),
        text(13, b"call@1"),
        number(14, 7),
    ]
    .concat()
}

#[test]
fn every_field_is_read() {
    let bytes = message(b"myHep", b"a log line");
    let packet = only(&bytes);
    assert_eq!(packet.version, Version::Protobuf);
    assert_eq!(packet.src_ip, "2001:db8::1".parse().ok());
    assert_eq!(packet.dst_ip, "2001:db8::2".parse().ok());
    assert_eq!((packet.hep_type, packet.vlan), (Some(100), Some(7)));
    assert_eq!((packet.key, packet.correlation_id), (Some(&b"myHep"[..]), Some(&b"call@1"[..])));
    assert_eq!(&*packet.payload, b"a log line");
    assert_eq!(flags(&packet), [""; 0]);
}

#[test]
fn the_payload_need_not_be_text() {
    assert_eq!(&*only(&message(b"", b"\x80\xc8\0\xff")).payload, b"\x80\xc8\0\xff");
}

#[test]
fn a_blanked_message_keeps_everything_but_its_password() {
    let mut bytes = message(b"myHep", b"myHep in the payload stays");
    let before = bytes.len();
    hep::blank_key(&mut bytes);
    assert_eq!(bytes.len(), before);
    let packet = only(&bytes);
    assert_eq!(packet.key, Some(&[0; 5][..]));
    assert_eq!(&*packet.payload, b"myHep in the payload stays");
}

#[test]
fn a_message_cut_inside_the_payload_gives_what_is_there() {
    let bytes = message(b"", b"a long line");
    let at = bytes.windows(6).position(|window| window == b"a long").unwrap();
    let packet = only(&bytes[..at + 6]);
    assert_eq!(&*packet.payload, b"a long");
    assert_eq!(flags(&packet), ["truncated"]);
    for length in 3..at - 2 {
        assert_eq!(items(&bytes[..length]), [Err(Refusal::Protobuf)], "{length} bytes");
    }
}

#[test]
fn numbers_that_do_not_fit_and_addresses_that_are_none_are_flagged() {
    let bytes =
        [number(1, 2), number(2, 17), text(3, b"localhost"), number(5, 70_000), text(12, b"x")].concat();
    let packet = only(&bytes);
    assert_eq!((packet.src_ip, packet.src_port), (None, None));
    assert_eq!(flags(&packet), ["odd_chunk", "no_type", "no_address", "no_time"]);
}

#[test]
fn unknown_fields_are_passed_over() {
    let unknown =
        [number(99, 1), text(100, b"?"), vec![0x79, 1, 2, 3, 4, 5, 6, 7, 8], vec![0x7d, 1, 2, 3, 4]];
    let bytes = [message(b"", b"x"), unknown.concat()].concat();
    assert_eq!(&*only(&bytes).payload, b"x");
}

#[test]
fn what_is_no_message_is_refused_and_costs_no_neighbour() {
    // A group, a field of number zero, a number without an end, and nothing to tell.
    for tail in [&[0x1b][..], &[0x02, 0x00], &[0x28, 0xff, 0xff], &[]] {
        let bytes = [b"\x08\x02\x10\x11", tail].concat();
        assert_eq!(items(&bytes), [Err(Refusal::Protobuf)], "{tail:?}");
        let followed = [bytes, packet(b"next")].concat();
        assert_eq!(items(&followed), [Err(Refusal::Protobuf), Ok(b"next".to_vec())]);
    }
}
