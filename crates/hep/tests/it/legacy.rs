//! HEPv1 and HEPv2.

use std::net::IpAddr;

use hep::{Refusal, Version};

use crate::support::{ARRIVAL, OPTIONS, flags, items, only, outgoing};

pub(crate) fn hepv1(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    hep::Outgoing { payload, ..outgoing() }.encode_v1(&mut bytes).expect("fits");
    bytes
}

pub(crate) fn hepv2(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    hep::Outgoing { payload, ..outgoing() }.encode_v2(&mut bytes).expect("fits");
    bytes
}

fn hepv2_ipv6(payload: &[u8]) -> Vec<u8> {
    let (src, dst) = ("[2001:db8::1]:5060".parse().unwrap(), "[2001:db8::2]:5061".parse().unwrap());
    let mut bytes = Vec::new();
    hep::Outgoing { src, dst, payload, ..outgoing() }.encode_v2(&mut bytes).expect("fits");
    bytes
}

#[test]
fn the_length_octet_is_not_believed() {
    for length in [0, 2, 5, 16, 28, 40, 52, 255] {
        for mut bytes in [hepv1(OPTIONS), hepv2(OPTIONS), hepv2_ipv6(OPTIONS)] {
            bytes[1] = length;
            let packet = only(&bytes);
            assert_eq!(&*packet.payload, OPTIONS, "length octet {length}");
            assert_eq!(packet.src_port, Some(5060));
        }
    }
}

#[test]
fn an_unheard_of_length_octet_is_flagged() {
    let mut bytes = hepv2(OPTIONS);
    bytes[1] = 255;
    assert_eq!(flags(&only(&bytes)), ["odd_header_length"]);
    // sngrep writes the high byte of the datagram's length.
    let mut bytes = hepv2(&[OPTIONS, &[b'x'; 700]].concat());
    bytes[1] = 2;
    assert_eq!(flags(&only(&bytes)), [""; 0]);
}

#[test]
fn every_number_of_ipv6_is_known() {
    for family in [10, 23, 24, 26, 28, 30] {
        let mut bytes = hepv2_ipv6(OPTIONS);
        bytes[2] = family;
        let packet = only(&bytes);
        assert_eq!(packet.src_ip, Some("2001:db8::1".parse::<IpAddr>().unwrap()));
        assert_eq!((packet.family, flags(&packet).len()), (Some(family), 0));
    }
}

#[test]
fn an_unknown_family_is_told_by_where_sip_starts() {
    for (mut bytes, src) in [(hepv2(OPTIONS), "10.0.0.1"), (hepv2_ipv6(OPTIONS), "2001:db8::1")] {
        bytes[2] = 77;
        let packet = only(&bytes);
        assert_eq!(packet.src_ip, Some(src.parse::<IpAddr>().unwrap()));
        assert_eq!(&*packet.payload, OPTIONS);
        assert_eq!(flags(&packet), ["family_mismatch"]);
    }
    let mut bytes = hepv1(b"no SIP at all");
    bytes[2] = 0;
    assert_eq!(items(&bytes), [Err(Refusal::BadFamily)]);
}

#[test]
fn a_datagram_shorter_than_its_addresses_or_clock_is_refused() {
    for whole in [hepv1(b""), hepv2(b""), hepv2_ipv6(b"")] {
        assert_eq!(only(&whole).payload.len(), 0);
        for length in 1..whole.len() {
            assert_eq!(items(&whole[..length]), [Err(Refusal::TooShort)], "{length} bytes");
        }
    }
}

#[test]
fn the_clock_is_read_in_the_plausible_byte_order() {
    let little = hepv2(OPTIONS);
    let mut big = little.clone();
    big[16..20].reverse();
    big[20..24].reverse();
    big[24..26].reverse();
    for (bytes, flagged) in [(little, &[][..]), (big, &["big_endian_clock"])] {
        let packet = only(&bytes);
        assert_eq!((packet.seconds, packet.micros), (Some(1_592_975_786), Some(669_278)));
        assert_eq!(packet.capture_id, Some(2001));
        assert_eq!(flags(&packet), flagged);
    }
}

#[test]
fn a_clock_plausible_both_ways_is_little_endian() {
    let mut bytes = hepv2(OPTIONS);
    bytes[16..20].copy_from_slice(&[0x5e, 0xf2, 0xf2, 0x5e]);
    bytes[20..24].copy_from_slice(&[0, 0, 0, 0]);
    bytes[24..26].copy_from_slice(&[1, 0]);
    assert_eq!(only(&bytes).capture_id, Some(1));
}

#[test]
fn an_old_recording_is_still_read_in_the_right_order() {
    let bytes = hepv2(OPTIONS);
    let (packet, _) = hep::decode(&bytes, ARRIVAL + 15 * 365 * 86_400).unwrap();
    assert_eq!((packet.seconds, packet.flags.is_empty()), (Some(1_592_975_786), true));
}

#[test]
fn an_impossible_clock_is_flagged() {
    let mut bytes = hepv2(OPTIONS);
    bytes[16..24].fill(0xff);
    assert_eq!(flags(&only(&bytes)), ["bad_time"]);
    bytes[16..24].fill(0);
    assert_eq!(flags(&only(&bytes)), ["bad_time"]);
    assert_eq!(only(&bytes).seconds, Some(0), "what was sent stays visible");
}

#[test]
fn garbage_in_the_padding_is_ignored() {
    let mut bytes = hepv2(OPTIONS);
    bytes[26..28].copy_from_slice(b"AB");
    assert_eq!(&*only(&bytes).payload, OPTIONS);
}

#[test]
fn a_clock_without_padding() {
    let mut bytes = hepv2(OPTIONS);
    bytes.drain(26..28);
    assert_eq!(&*only(&bytes).payload, OPTIONS);
}

#[test]
fn trailing_nuls_stay_in_the_payload() {
    for nuls in [8, 32] {
        let payload = [OPTIONS, &vec![0; nuls]].concat();
        assert_eq!(&*only(&hepv1(&payload)).payload, payload);
        assert_eq!(&*only(&hepv2(&payload)).payload, payload);
        assert_eq!(&*only(&hepv2(&vec![0; nuls])).payload, vec![0; nuls]);
    }
}

#[test]
fn an_empty_payload() {
    assert_eq!(only(&hepv1(b"")).version, Version::V1);
    assert_eq!(&*only(&hepv2(b"")).payload, b"");
}

#[test]
fn stun_and_other_traffic_that_starts_with_1_or_2_is_refused() {
    // Binding success response: type, length, cookie, transaction, XOR-MAPPED-ADDRESS.
    let mut stun = vec![0x01, 0x01, 0x00, 0x0c, 0x21, 0x12, 0xa4, 0x42];
    stun.extend_from_slice(&[7; 12]);
    stun.extend_from_slice(&[0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
    assert_eq!(items(&stun), [Err(Refusal::BadFamily)]);
    // The same with lengths that read as address families.
    for family in [2, 10, 30] {
        stun[2] = family;
        stun.resize(600, 0);
        assert_eq!(items(&stun), [Err(Refusal::NotHep)], "family {family}");
    }
    // Before the cookie was invented, and with a length octet that HEP uses.
    stun[..8].copy_from_slice(&[1, 0x11, 2, 0x58, 1, 2, 3, 4]);
    assert_eq!(items(&stun), [Err(Refusal::NotHep)]);
    // RADIUS Access-Accept.
    let radius = [&[2, 200, 0, 44][..], &[0x5a; 40]].concat();
    assert_eq!(items(&radius), [Err(Refusal::BadFamily)]);
}

#[test]
fn sip_from_the_ports_that_spell_the_stun_cookie_is_still_sip() {
    let mut bytes = hepv1(OPTIONS);
    bytes[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
    assert_eq!(&*only(&bytes).payload, OPTIONS);
}
