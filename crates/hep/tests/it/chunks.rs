//! HEPv3 chunks: sizes, order, duplicates, vendors, and what is missing.

use std::net::IpAddr;

use hep::chunk::{self, Value, kind};
use hep::{Flags, Outgoing};

use crate::support::{OPTIONS, chunk, core_chunks, flags, only, raw, replaced, with, without};

/// A chunk header that lies about its length.
fn lying(kind: u16, length: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = chunk(0, kind, body);
    bytes[4..6].copy_from_slice(&length.to_be_bytes());
    bytes
}

#[test]
fn chunk_lengths_below_their_header_are_stepped_over() {
    for length in 0..6 {
        let mut chunks = core_chunks();
        chunks.insert(4, lying(kind::VLAN, length, b""));
        let bytes = raw(&chunks);
        let packet = only(&bytes);
        assert_eq!(&*packet.payload, OPTIONS, "length {length}");
        assert_eq!(packet.src_port, Some(5060));
        assert!(flags(&packet).contains(&"bad_chunk"));
    }
}

#[test]
fn a_chunk_length_that_hides_what_follows_keeps_what_came_before() {
    let mut chunks = core_chunks();
    chunks.insert(4, [&[0, 0, 0, 1, 0, 0][..], b"not a chunk header"].concat());
    let bytes = raw(&chunks);
    let packet = only(&bytes);
    assert_eq!(packet.dst_ip, Some([10, 0, 0, 2].into()));
    assert_eq!(packet.src_port, None);
    assert_eq!(flags(&packet), ["bad_chunk", "no_type", "no_time"]);
}

#[test]
fn a_chunk_past_the_end_gives_what_is_there() {
    for length in [200, 65_535] {
        let mut chunks = without(&[kind::PAYLOAD]);
        chunks.push(lying(kind::PAYLOAD, length, OPTIONS));
        let bytes = raw(&chunks);
        let packet = only(&bytes);
        assert_eq!(&*packet.payload, OPTIONS);
        assert_eq!(flags(&packet), ["truncated"]);
    }
}

#[test]
fn a_number_past_the_end_is_no_number() {
    let bytes = with(&[lying(kind::VLAN, 8, &[1])]);
    let packet = only(&bytes);
    assert_eq!(packet.vlan, None);
    assert_eq!(flags(&packet), ["truncated"]);
}

#[test]
fn empty_bodies_of_fixed_types() {
    for kind in 1..=0x000d {
        let bytes = replaced(kind, b"");
        let packet = only(&bytes);
        assert_eq!(&*packet.payload, OPTIONS, "type {kind:#06x}");
        assert!(flags(&packet).contains(&"odd_chunk"), "type {kind:#06x}");
    }
    assert_eq!(only(&replaced(kind::SRC_PORT, b"")).src_port, None);
}

#[test]
fn empty_bodies_of_text_types() {
    let bytes =
        with(&[chunk(0, kind::KEY, b""), chunk(0, kind::NODE, b""), chunk(0, kind::CORRELATION_ID, b"")]);
    let packet = only(&bytes);
    assert_eq!(
        (packet.key, packet.node, packet.correlation_id),
        (Some(&b""[..]), Some(&b""[..]), Some(&b""[..]))
    );
    assert_eq!(flags(&packet), [""; 0]);
}

#[test]
fn unknown_chunks_are_kept_and_skipped() {
    let unknown = [
        chunk(0, 0, b"zero"),
        chunk(0, 0x7777, b"type"),
        chunk(0xffff, 0xffff, b"vendor"),
        chunk(44, 1, b"\x07"),
    ];
    let bytes = raw(&[unknown.to_vec(), core_chunks()].concat());
    let packet = only(&bytes);
    assert_eq!(&*packet.payload, OPTIONS);
    assert_eq!(packet.family, Some(2));
    assert_eq!(flags(&packet), [""; 0]);
    let kept: Vec<_> = packet.chunks().take(4).map(|chunk| (chunk.vendor, chunk.kind, chunk.body)).collect();
    assert_eq!(
        kept,
        [(0, 0, &b"zero"[..]), (0, 0x7777, b"type"), (0xffff, 0xffff, b"vendor"), (44, 1, b"\x07")]
    );
    assert_eq!(packet.chunks().count(), 4 + core_chunks().len());
}

#[test]
fn vendor_chunks_never_overwrite_core_fields() {
    for vendor in [1, 2, chunk::OPENSIPS, 7, chunk::GENESYS, chunk::EEP_UM, 0x0100] {
        let fakes: Vec<_> = (1..=0x29).map(|kind| chunk(vendor, kind, &[9; 4])).collect();
        let bytes = with(&fakes);
        let plain = with(&[]);
        let (packet, expected) = (only(&bytes), only(&plain));
        assert_eq!(packet.src_ip, expected.src_ip, "vendor {vendor}");
        assert_eq!((packet.capture_id, packet.key, packet.node), (Some(2001), None, None));
        assert_eq!(packet.payload, expected.payload);
        assert_eq!(flags(&packet), [""; 0]);
    }
}

#[test]
fn vendor_chunks_are_named_by_vendor_and_type() {
    let name = |vendor, kind| chunk::describe(vendor, kind).map(|known| known.name);
    assert_eq!(name(0, 0x000c), Some("capture_id"));
    assert_eq!(name(9, 0x000c), Some("network_element_id"));
    assert_eq!(name(8, 0x0082), Some("site_id"));
    assert_eq!(name(3, 0x000c), None);
    assert_eq!(name(0, 0x0065), Some("extra_correlation"));
    assert_eq!(chunk::vendor_name(7), Some("yeti"));
    assert_eq!(chunk::vendor_name(77), None);
    let read = |vendor, kind, body| chunk::Chunk { vendor, kind, body }.value();
    assert_eq!(read(9, 0x000c, &[0, 0, 1, 0]), Value::Unsigned(256));
    assert_eq!(read(9, 0x0003, &[10, 0, 0, 1]), Value::Address(IpAddr::from([10, 0, 0, 1])));
    assert_eq!(read(9, 0x0003, &[10, 0, 0]), Value::Octets(&[10, 0, 0]));
    assert_eq!(read(8, 0x0080, b"\xff"), Value::Octets(b"\xff"));
    assert_eq!(read(3, 0x0001, b"\x01"), Value::Octets(b"\x01"));
}

#[test]
fn names_are_unique_within_a_vendor() {
    let mut seen = std::collections::BTreeSet::new();
    for known in chunk::KNOWN {
        assert!(seen.insert((known.vendor, known.name)), "{known:?}");
        assert_eq!(chunk::describe(known.vendor, known.kind), Some(known));
    }
}

#[test]
fn of_duplicates_the_last_counts() {
    let bytes = with(&[
        chunk(0, kind::CAPTURE_ID, &7_u32.to_be_bytes()),
        chunk(0, kind::SRC_IPV4, &[10, 9, 9, 9]),
        chunk(0, kind::CORRELATION_ID, b"first"),
        chunk(0, kind::CORRELATION_ID, b"second"),
    ]);
    let packet = only(&bytes);
    assert_eq!(packet.capture_id, Some(7));
    assert_eq!(packet.src_ip, Some([10, 9, 9, 9].into()));
    assert_eq!(packet.correlation_id, Some(&b"second"[..]));
    assert_eq!(flags(&packet), ["duplicate_chunk"]);
}

#[test]
fn an_unusable_duplicate_does_not_erase_a_good_one() {
    let bytes = with(&[chunk(0, kind::CAPTURE_ID, b""), chunk(0, kind::SRC_PORT, &[1, 0, 0])]);
    let packet = only(&bytes);
    assert_eq!((packet.capture_id, packet.src_port), (Some(2001), Some(5060)));
    assert_eq!(flags(&packet), ["odd_chunk", "duplicate_chunk"]);
}

#[test]
fn of_two_payloads_the_last_with_content_counts() {
    let bytes = with(&[chunk(0, kind::PAYLOAD, b"second"), chunk(0, kind::PAYLOAD, b"")]);
    let packet = only(&bytes);
    assert_eq!(&*packet.payload, b"second");
    assert_eq!(flags(&packet), ["duplicate_chunk"]);
}

#[test]
fn chunks_in_any_order() {
    let mut chunks = core_chunks();
    let forward = raw(&chunks);
    chunks.reverse();
    let backward = raw(&chunks);
    let (one, other) = (only(&forward), only(&backward));
    assert_eq!(one.src_ip, other.src_ip);
    assert_eq!((one.seconds, one.micros, one.dst_port), (other.seconds, other.micros, other.dst_port));
    assert_eq!(one.payload, other.payload);
    assert_eq!(flags(&other), [""; 0]);
}

#[test]
fn numbers_of_the_wrong_size_are_read_if_they_fit() {
    let odd = |kind, body: &[u8]| {
        let bytes = replaced(kind, body);
        let packet = only(&bytes);
        assert!(flags(&packet).contains(&"odd_chunk"), "type {kind:#06x}");
        (packet.family, packet.src_port, packet.capture_id, packet.vlan, packet.mos)
    };
    assert_eq!(odd(kind::FAMILY, &[0, 2]).0, Some(2));
    assert_eq!(odd(kind::FAMILY, &[1, 2]).0, None, "does not fit into one octet");
    assert_eq!(odd(kind::SRC_PORT, &[0, 0, 0x13, 0xc4]).1, Some(5060));
    assert_eq!(odd(kind::SRC_PORT, &[0, 1, 0x13, 0xc4]).1, None);
    assert_eq!(odd(kind::CAPTURE_ID, &[7, 0xd1]).2, Some(2001));
    assert_eq!(odd(kind::CAPTURE_ID, &[0, 0, 0, 0, 0, 0, 7, 0xd1]).2, Some(2001));
    assert_eq!(odd(kind::CAPTURE_ID, &[0; 9]).2, None);
    assert_eq!(odd(kind::VLAN, &[42]).3, Some(42), "one octet in old revisions");
    assert_eq!(odd(kind::MOS, &[0, 0, 1, 0xa4]).4, Some(420));
}

#[test]
fn mac_addresses_of_six_and_eight_octets() {
    let bytes = with(&[
        chunk(0, kind::SRC_MAC, &[2, 0, 0, 0, 0, 1]),
        chunk(0, kind::DST_MAC, &[0, 0, 2, 0, 0, 0, 0, 2]),
    ]);
    let packet = only(&bytes);
    assert_eq!((packet.src_mac, packet.dst_mac), (Some(0x0200_0000_0001), Some(0x0200_0000_0002)));
    assert_eq!(flags(&packet), [""; 0]);
}

#[test]
fn every_other_generic_chunk() {
    let bytes = with(&[
        chunk(0, kind::KEEP_ALIVE, &[0, 30]),
        chunk(0, kind::VLAN, &[0, 42]),
        chunk(0, kind::ETHERTYPE, &[0x08, 0]),
        chunk(0, kind::TCP_FLAGS, &[0x18]),
        chunk(0, kind::TOS, &[0xb8]),
        chunk(0, kind::MOS, &[1, 0xa4]),
        chunk(0, kind::R_FACTOR, &[0, 93]),
        chunk(0, kind::GEO_LOCATION, b"52.5,13.4"),
        chunk(0, kind::JITTER, &[0, 0, 0, 12]),
        chunk(0, kind::TRANSACTION_TYPE, b"call"),
        chunk(0, kind::PAYLOAD_JSON_KEYS, b"a,b"),
        chunk(0, kind::TAG_VALUES, b"tag"),
        chunk(0, kind::TAG_TYPE, &[0, 3]),
        chunk(0, kind::EVENT_TYPE, &[0, 1]),
        chunk(0, kind::GROUP_ID, b"group"),
        chunk(0, kind::EXTRA_CORRELATION, b"{}"),
    ]);
    let packet = only(&bytes);
    assert_eq!(
        (packet.keep_alive_seconds, packet.vlan, packet.ethertype),
        (Some(30), Some(42), Some(0x0800))
    );
    assert_eq!((packet.tcp_flags, packet.tos), (Some(0x18), Some(0xb8)));
    assert_eq!((packet.mos, packet.r_factor, packet.jitter), (Some(420), Some(93), Some(12)));
    assert_eq!(packet.geo_location, Some(&b"52.5,13.4"[..]));
    assert_eq!(packet.transaction_type, Some(&b"call"[..]));
    assert_eq!(packet.payload_json_keys, Some(&b"a,b"[..]));
    assert_eq!((packet.tag_values, packet.tag_type), (Some(&b"tag"[..]), Some(3)));
    assert_eq!((packet.event_type, packet.group_id), (Some(1), Some(&b"group"[..])));
    assert_eq!(packet.extra_correlation, Some(&b"{}"[..]));
    assert_eq!(flags(&packet), [""; 0]);
}

fn addresses(chunks: &[Vec<u8>]) -> (Option<IpAddr>, Option<IpAddr>, Vec<&'static str>) {
    const ADDRESSES: [u16; 4] = [kind::SRC_IPV4, kind::DST_IPV4, kind::SRC_IPV6, kind::DST_IPV6];
    let bytes = raw(&[chunks.to_vec(), without(&ADDRESSES)].concat());
    let packet = only(&bytes);
    (packet.src_ip, packet.dst_ip, flags(&packet))
}

const MAPPED: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1];
const LOOPBACK6: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

#[test]
fn addresses_of_the_wrong_size() {
    let four = IpAddr::from([10, 0, 0, 1]);
    let mapped = [chunk(0, kind::SRC_IPV4, &MAPPED), chunk(0, kind::DST_IPV4, &[10, 0, 0, 1])];
    assert_eq!(addresses(&mapped), (Some(four), Some(four), vec!["odd_chunk"]));
    let not_mapped = [chunk(0, kind::SRC_IPV4, &LOOPBACK6), chunk(0, kind::DST_IPV4, &[10, 0, 0])];
    assert_eq!(addresses(&not_mapped), (None, None, vec!["odd_chunk", "no_address"]));
    let four_in_six = [chunk(0, kind::SRC_IPV6, &[10, 0, 0, 1]), chunk(0, kind::DST_IPV6, &[10, 0, 0, 1])];
    assert_eq!(addresses(&four_in_six), (Some(four), Some(four), vec!["odd_chunk"]));
}

#[test]
fn ports_in_the_ipv6_chunks_are_salvaged_if_there_are_no_others() {
    let odd = [chunk(0, kind::SRC_IPV6, &[0x13, 0xc4]), chunk(0, kind::DST_IPV6, &[0x13, 0xc5])];
    let bytes = raw(&[without(&[kind::SRC_PORT, kind::DST_PORT]), odd.to_vec()].concat());
    let packet = only(&bytes);
    assert_eq!((packet.src_port, packet.dst_port), (Some(5060), Some(5061)));
    assert_eq!(packet.src_ip, Some([10, 0, 0, 1].into()));
    assert_eq!(flags(&packet), ["odd_chunk", "ports_in_addresses"]);
    let bytes = with(&[chunk(0, kind::SRC_IPV6, &[0, 1])]);
    assert_eq!(only(&bytes).src_port, Some(5060));
}

#[test]
fn families_of_every_system_and_those_that_contradict() {
    let src = chunk(0, kind::SRC_IPV6, &LOOPBACK6);
    let dst = chunk(0, kind::DST_IPV6, &LOOPBACK6);
    for (family, fits) in [
        (0, false),
        (1, false),
        (2, false),
        (10, true),
        (23, true),
        (24, true),
        (26, true),
        (28, true),
        (30, true),
    ] {
        let chunks = [
            without(&[kind::FAMILY, kind::SRC_IPV4, kind::DST_IPV4]),
            vec![chunk(0, kind::FAMILY, &[family]), src.clone(), dst.clone()],
        ];
        let bytes = raw(&chunks.concat());
        let packet = only(&bytes);
        assert_eq!(packet.src_ip, Some("::1".parse().unwrap()), "the addresses are believed");
        assert_eq!(flags(&packet).is_empty(), fits, "family {family}");
    }
    assert_eq!(flags(&only(&replaced(kind::FAMILY, &[10]))), ["family_mismatch"]);
}

#[test]
fn mixed_missing_and_zero_addresses() {
    let v4 = chunk(0, kind::SRC_IPV4, &[10, 0, 0, 1]);
    let v6 = chunk(0, kind::DST_IPV6, &LOOPBACK6);
    let (four, six) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from(LOOPBACK6));
    assert_eq!(addresses(&[v4.clone(), v6]), (Some(four), Some(six), vec!["mixed_families"]));
    assert_eq!(addresses(&[v4]), (Some(four), None, vec!["no_address"]));
    assert_eq!(addresses(&[]), (None, None, vec!["no_address"]));
    let zeros = [chunk(0, kind::SRC_IPV4, &[0; 4]), chunk(0, kind::DST_IPV4, &[0; 4])];
    let zero = IpAddr::from([0; 4]);
    assert_eq!(addresses(&zeros), (Some(zero), Some(zero), vec![]), "zero addresses are kept");
    let (src, dst, _) = addresses(&[chunk(0, kind::SRC_IPV6, &[0; 16]), chunk(0, kind::DST_IPV6, &[0; 16])]);
    assert_eq!((src, dst), (Some(IpAddr::from([0; 16])), Some(IpAddr::from([0; 16]))));
}

#[test]
fn of_both_kinds_of_address_the_one_filled_in_counts() {
    let zero = chunk(0, kind::SRC_IPV4, &[0; 4]);
    let real = chunk(0, kind::SRC_IPV6, &LOOPBACK6);
    for chunks in [[zero.clone(), real.clone()], [real, zero]] {
        assert_eq!(addresses(&chunks).0, Some(IpAddr::from(LOOPBACK6)));
    }
}

#[test]
fn missing_ports() {
    let bytes = raw(&without(&[kind::SRC_PORT, kind::DST_PORT]));
    let packet = only(&bytes);
    assert_eq!((packet.src_port, packet.dst_port), (None, None));
    assert_eq!(flags(&packet), [""; 0]);
}

#[test]
fn missing_and_empty_payloads() {
    assert_eq!(&*only(&raw(&without(&[kind::PAYLOAD]))).payload, b"");
    assert_eq!(&*only(&replaced(kind::PAYLOAD, b"")).payload, b"");
}

#[test]
fn a_missing_type_is_guessed_from_the_payload() {
    let guess = |payload: &[u8]| {
        let chunks = [without(&[kind::TYPE, kind::PAYLOAD]), vec![chunk(0, kind::PAYLOAD, payload)]];
        let bytes = raw(&chunks.concat());
        let packet = only(&bytes);
        assert_eq!(flags(&packet), ["no_type"]);
        packet.hep_type
    };
    assert_eq!(guess(b"SIP/2.0 180 Ringing\r\n"), Some(1));
    assert_eq!(guess(OPTIONS), Some(1));
    assert_eq!(guess(b"\r\n\r\nINVITE sips:a@b SIP/2.0"), Some(1));
    assert_eq!(guess(b"X-PING tel:+44 SIP/2.0"), Some(1));
    assert_eq!(guess(b"{\"a\":1}"), None);
    assert_eq!(guess(b"hello sip world"), None);
    assert_eq!(guess(b"INVITE"), None);
    assert_eq!(guess(b" sip:a@b"), None);
    assert_eq!(guess(b""), None);
}

#[test]
fn types_0_and_255() {
    assert_eq!(only(&replaced(kind::TYPE, &[0])).hep_type, Some(0));
    assert_eq!(only(&replaced(kind::TYPE, &[255])).hep_type, Some(255));
}

#[test]
fn odd_times_are_kept_and_flagged() {
    let zero = with(&[]);
    assert_eq!(flags(&only(&zero)), [""; 0]);
    let bytes = replaced(kind::SECONDS, &[0; 4]);
    assert_eq!((only(&bytes).seconds, flags(&only(&bytes))), (Some(0), vec![]));
    let bytes = replaced(kind::SECONDS, &[0xff; 4]);
    assert_eq!(only(&bytes).seconds, Some(u32::MAX));
    let bytes = replaced(kind::MICROS, &1_000_000_u32.to_be_bytes());
    assert_eq!((only(&bytes).micros, flags(&only(&bytes))), (Some(1_000_000), vec!["bad_time"]));
    let bytes = replaced(kind::MICROS, &999_u32.to_be_bytes());
    assert_eq!(
        (only(&bytes).micros, flags(&only(&bytes))),
        (Some(999), vec![]),
        "milliseconds cannot be told"
    );
    let bytes = raw(&without(&[kind::MICROS]));
    assert_eq!((only(&bytes).seconds, only(&bytes).micros), (Some(1_592_975_786), None));
    assert_eq!(flags(&only(&bytes)), [""; 0]);
    let bytes = raw(&without(&[kind::SECONDS]));
    assert_eq!(flags(&only(&bytes)), ["no_time"]);
}

#[test]
fn capture_ids_and_texts_of_every_kind() {
    assert_eq!(only(&raw(&without(&[kind::CAPTURE_ID]))).capture_id, None);
    let long = vec![b'n'; 60_000];
    for text in [&b"a \"quoted\" name"[..], b"\x01\x02\x7f", b"\xff\xfe", b"<null>", b"with\0nul", b"", &long]
    {
        for kind in [kind::NODE, kind::CORRELATION_ID, kind::KEY] {
            let bytes = with(&[chunk(0, kind, text)]);
            let packet = only(&bytes);
            let read = match kind {
                kind::NODE => packet.node,
                kind::KEY => packet.key,
                _ => packet.correlation_id,
            };
            assert_eq!(read, Some(text));
            assert_eq!(flags(&packet), [""; 0]);
        }
    }
}

#[test]
fn blanking_the_key_changes_nothing_else() {
    let secret = chunk(0, kind::KEY, b"topsecret");
    let mut bytes = raw(&[
        vec![secret.clone(), chunk(9, kind::KEY, b"topsecret"), chunk(3, kind::KEY, b"unrelated")],
        core_chunks(),
        vec![chunk(0, kind::KEY, b""), secret],
    ]
    .concat());
    let original = bytes.clone();
    hep::blank_key(&mut bytes);
    assert_eq!(only(&bytes).key, Some(&[0; 9][..]));
    assert!(!bytes.windows(9).any(|window| window == b"topsecret"));
    assert_eq!(bytes.len(), original.len());
    let changed = bytes.iter().zip(&original).filter(|(one, other)| one != other).count();
    assert_eq!(changed, 3 * 9);
    let (before, after) = (only(&original), only(&bytes));
    for (one, other) in before.chunks().zip(after.chunks()) {
        assert!(one == other || one.is_key());
    }
}

#[test]
fn blanking_reaches_every_packet_and_every_stump() {
    let one = with(&[chunk(0, kind::KEY, b"topsecret")]);
    let mut greedy = one.clone();
    greedy[4..6].copy_from_slice(&[0xff, 0xff]);
    let mut odd = core_chunks();
    odd.insert(0, lying(kind::VLAN, 2, b""));
    odd.push(chunk(0, kind::KEY, b"topsecret"));
    let cut = [raw(&[core_chunks(), vec![lying(kind::KEY, 4000, b"topsecret")]].concat())].concat();
    let mut bytes = [one, greedy, raw(&odd), cut].concat();
    hep::blank_key(&mut bytes);
    assert!(!bytes.windows(9).any(|window| window == b"topsecret"));
}

#[test]
fn blanking_leaves_other_bytes_alone() {
    for bytes in [&b""[..], b"HEP3", b"HEP3\0\x03", b"\x01\x10\x02\x11", &crate::legacy::hepv2(OPTIONS)] {
        let mut blanked = bytes.to_vec();
        hep::blank_key(&mut blanked);
        assert_eq!(blanked, bytes);
    }
}

/// A packet that a relay wrapped, whole, as the payload of its own.
fn wrapped(inner: &[u8]) -> Vec<u8> {
    with(&[chunk(0, kind::KEY, b"outer"), chunk(0, kind::PAYLOAD, inner)])
}

#[test]
fn blanking_reaches_packets_inside_payloads() {
    let inner = with(&[chunk(0, kind::KEY, b"topsecret"), chunk(0, kind::PAYLOAD, b"INVITE topsecret")]);
    let mut bytes = wrapped(&wrapped(&[inner.clone(), inner].concat()));
    let length = bytes.len();
    hep::blank_key(&mut bytes);
    assert_eq!(bytes.len(), length);
    assert!(!bytes.windows(5).any(|window| window == b"outer"));
    let left = bytes.windows(9).filter(|window| window == b"topsecret").count();
    assert_eq!(left, 2, "what is no key stays");
}

#[test]
fn what_is_wrapped_too_deep_is_zeroed() {
    let mut bytes = with(&[chunk(0, kind::KEY, b"topsecret")]);
    for _ in 0..100 {
        bytes = wrapped(&bytes);
    }
    hep::blank_key(&mut bytes);
    assert!(!bytes.windows(9).any(|window| window == b"topsecret"));
    assert!(only(&bytes).payload.starts_with(b"HEP3"), "the outer ones stay");
}

#[test]
fn payloads_can_be_edited_in_place() {
    let mut bytes = [
        with(&[chunk(0, kind::PAYLOAD, b"one"), chunk(3, kind::PAYLOAD, b"not of vendor 0")]),
        with(&[chunk(0, kind::COMPRESSED, b"two")]),
    ]
    .concat();
    let mut seen = Vec::new();
    hep::edit_payloads(&mut bytes, |how, body| {
        seen.push((how, body.to_vec()));
        body.fill(b'*');
    });
    // Each of the packets has a plain payload before the one added here.
    let added: Vec<_> = seen.into_iter().skip(1).step_by(2).collect();
    assert_eq!(added, [(hep::Payload::Plain, b"one".to_vec()), (hep::Payload::Compressed, b"two".to_vec())]);
    assert!(!bytes.windows(3).any(|window| window == b"one" || window == b"two"));
}

#[test]
fn a_payload_can_take_the_place_of_a_compressed_one() {
    let bytes = with(&[chunk(0, kind::COMPRESSED, b"whatever"), chunk(8, 0x80, b"kept")]);
    let replaced = hep::with_payload(&bytes, b"plain").expect("a small packet");
    let (before, after) = (only(&bytes), only(&replaced));
    assert_eq!(&*after.payload, b"plain");
    assert!(after.chunks().all(|chunk| chunk.kind != kind::COMPRESSED));
    assert_eq!(
        (after.src_ip, after.capture_id, after.seconds),
        (before.src_ip, before.capture_id, before.seconds)
    );
    assert!(after.chunks().any(|chunk| chunk.vendor == 8 && chunk.body == b"kept"));
    assert_eq!(hep::with_payload(&bytes, &vec![0; 65_536]), None);
    assert_eq!(hep::with_payload(b"\x02\x10", b"plain"), None);
}

/// Found by fuzzing: an address that was cut off, and therefore none, became one by being written with its real length.
#[test]
fn a_chunk_that_is_cut_off_stays_so_beside_another_payload() {
    let mut bytes = with(&[chunk(0, kind::COMPRESSED, b"whatever"), chunk(0, kind::SRC_IPV6, &[1, 2, 3, 4])]);
    let length_at = bytes.len() - 4 - 2;
    bytes[length_at..length_at + 2].copy_from_slice(&22_u16.to_be_bytes());
    let replaced = hep::with_payload(&bytes, b"plain").expect("a small packet");
    let (before, after) = (only(&bytes), only(&replaced));
    assert_eq!((before.src_ip, &*after.payload), (after.src_ip, &b"plain"[..]));
    assert!(replaced.ends_with(&[0, 22, 1, 2, 3, 4]));
}

/// Types above 255 exist only for senders of JSON; in the log they need two bytes.
#[test]
fn a_type_above_255_takes_two_bytes() {
    for hep_type in [0, 1, 100, 255, 256, 1000, 65_535] {
        let mut bytes = Vec::new();
        let (src, dst) = ("10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap());
        Outgoing { hep_type, ..Outgoing::new(src, dst) }.encode_v3(&mut bytes).expect("a short packet");
        let (packet, _) = hep::decode(&bytes, 0).expect("a packet");
        assert_eq!((packet.hep_type, packet.flags), (Some(hep_type), Flags::NONE));
    }
}
