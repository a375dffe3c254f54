//! Streams: the framer.

use hep::frame::SKIPPED_BYTES_MAX;
use hep::{Framer, Refusal};

use crate::compression::gzip;
use crate::support::{ARRIVAL, OPTIONS, packet};

/// Everything the framer gives for bytes pushed in pieces of `size`.
fn cut(bytes: &[u8], size: usize) -> Vec<Result<Vec<u8>, Refusal>> {
    let mut framer = Framer::new();
    let mut items = Vec::new();
    for piece in bytes.chunks(size) {
        framer.push(piece, ARRIVAL);
        while let Some(item) = framer.next_frame() {
            items.push(item.map(<[u8]>::to_vec));
        }
    }
    items.extend(framer.finish().map(Err));
    items
}

/// The same, required to be independent of how the bytes arrive.
fn cut_anyhow(bytes: &[u8]) -> Vec<Result<Vec<u8>, Refusal>> {
    let whole = cut(bytes, bytes.len().max(1));
    for size in [1, 2, 3, 5, 7, 64, 1000] {
        assert_eq!(cut(bytes, size), whole, "in pieces of {size}");
    }
    whole
}

#[test]
fn one_byte_at_a_time_and_split_headers() {
    let packets = [packet(b"one"), packet(OPTIONS), packet(b"")];
    assert_eq!(cut_anyhow(&packets.concat()), packets.map(Ok));
}

#[test]
fn nothing_at_all() {
    assert_eq!(cut_anyhow(b""), []);
}

#[test]
fn blank_lines_and_padding_between_packets() {
    let one = packet(b"one");
    let bytes = [b"\r\n".to_vec(), one.clone(), vec![0; 20], b"\r\n\r\n".to_vec(), one.clone()].concat();
    assert_eq!(cut_anyhow(&bytes), [Ok(one.clone()), Ok(one)]);
}

#[test]
fn a_garbage_prefix_is_skipped() {
    let one = packet(b"one");
    let bytes = [b"garbage HEP HEP3 HEP3\0\0 E".to_vec(), one.clone(), one.clone()].concat();
    assert_eq!(cut_anyhow(&bytes), [Err(Refusal::Garbage), Ok(one.clone()), Ok(one)]);
}

#[test]
fn a_candidate_needs_a_first_chunk_that_could_exist() {
    let one = packet(b"one");
    for fake in [
        &b"HEP3\x00\x20\x01\x00\x00\x01\x00\x07"[..], // vendor above 0x00ff
        b"HEP3\x00\x20\x00\x00\x01\x01\x00\x07",      // type above 0x0100
        b"HEP3\x00\x20\x00\x00\x00\x01\x00\x05",      // chunk shorter than its header
        b"HEP3\x00\x20\x00\x00\x00\x01\x00\x1b",      // chunk longer than the packet
        b"EEP3\x00\x05\x00\x00\x00\x01\x00\x07",      // packet shorter than its header
    ] {
        let bytes = [b"?".to_vec(), fake.to_vec(), one.clone()].concat();
        assert_eq!(cut_anyhow(&bytes), [Err(Refusal::Garbage), Ok(one.clone())], "{fake:?}");
    }
}

#[test]
fn an_id_inside_a_payload_triggers_nothing() {
    let inner = packet(b"inner");
    let outer = packet(&inner);
    assert_eq!(cut_anyhow(&[outer.clone(), outer.clone()].concat()), [Ok(outer.clone()), Ok(outer)]);
}

#[test]
fn a_wrapped_length_is_survived() {
    // A sender that casts the length of a 65,536 + n byte packet to 16 bits announces n bytes.
    let mut long = packet(&[b'x'; 300]);
    let announced = long.len();
    long.extend_from_slice(&vec![b'x'; 65_536]);
    let one = packet(b"one");
    let bytes = [one.clone(), long.clone(), one.clone()].concat();
    let items = cut_anyhow(&bytes);
    assert_eq!(items, [Ok(one.clone()), Ok(long[..announced].to_vec()), Err(Refusal::Garbage), Ok(one)]);
}

#[test]
fn a_stream_may_end_inside_a_packet() {
    let one = packet(b"one");
    for cut_off in [1, 4, 5, 6, 50, one.len() - 1] {
        let bytes = [&one, &one[..cut_off]].concat();
        assert_eq!(cut_anyhow(&bytes), [Ok(one.clone()), Err(Refusal::Partial)]);
    }
}

#[test]
fn a_stream_may_end_in_garbage() {
    let one = packet(b"one");
    let bytes = [&one[..], b"goodbye, world"].concat();
    assert_eq!(cut_anyhow(&bytes), [Ok(one), Err(Refusal::Garbage)]);
}

#[test]
fn a_length_below_the_header_is_garbage() {
    let one = packet(b"one");
    for length in 0..6 {
        let mut broken = one.clone();
        broken[4..6].copy_from_slice(&[0, length]);
        assert_eq!(cut_anyhow(&[&broken[..], &one].concat()), [Err(Refusal::Garbage), Ok(one.clone())]);
    }
}

#[test]
fn http_on_the_hep_port_is_named() {
    for request in ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST /hep HTTP/1.1\r\n\r\n"] {
        assert_eq!(cut_anyhow(request.as_bytes()), [Err(Refusal::Http)]);
    }
}

#[test]
fn a_tls_hello_on_the_plain_port_is_named() {
    let hello = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[0xaa; 506]].concat();
    assert_eq!(cut_anyhow(&hello), [Err(Refusal::Tls)]);
}

#[test]
fn hepv1_and_hepv2_are_unframeable() {
    assert_eq!(cut_anyhow(&crate::legacy::hepv1(OPTIONS)), [Err(Refusal::Unframeable)]);
    assert_eq!(cut_anyhow(&crate::legacy::hepv2(OPTIONS)), [Err(Refusal::Unframeable)]);
    let one = packet(b"one");
    let bytes = [one.clone(), crate::legacy::hepv2(OPTIONS), one.clone()].concat();
    assert_eq!(cut_anyhow(&bytes), [Ok(one), Err(Refusal::Unframeable)]);
}

#[test]
fn protobuf_on_a_stream_is_garbage() {
    assert_eq!(cut_anyhow(b"\x08\x02\x10\x11\x1a\x0810.0.0.1"), [Err(Refusal::Garbage)]);
}

#[test]
fn sixty_four_kibibytes_of_garbage_are_enough() {
    let one = packet(b"one");
    let bytes = [vec![b'x'; SKIPPED_BYTES_MAX], one.clone()].concat();
    assert_eq!(cut_anyhow(&bytes), [Err(Refusal::Garbage), Ok(one.clone())]);
    let bytes = [vec![b'x'; SKIPPED_BYTES_MAX + 1], one].concat();
    assert_eq!(cut_anyhow(&bytes), [Err(Refusal::TooMuchGarbage)]);
}

#[test]
fn three_searches_a_minute_are_enough() {
    let one = packet(b"one");
    let damaged = [b"garbage".to_vec(), one.clone()].concat();
    let mut framer = Framer::new();
    let mut give = |seconds: u32| {
        framer.push(&damaged, seconds);
        let mut items = Vec::new();
        while let Some(item) = framer.next_frame() {
            items.push(item.map(<[u8]>::to_vec));
        }
        items
    };
    let survived = vec![Err(Refusal::Garbage), Ok(one)];
    for seconds in [1000, 1010, 1020, 1060, 1070] {
        assert_eq!(give(seconds), survived, "at {seconds}");
    }
    assert_eq!(give(1079), [Err(Refusal::TooManyResyncs)]);
    assert_eq!(give(5000), [], "closed for good");
    assert!(framer.is_closed());
    assert_eq!((framer.resyncs(), framer.pending_bytes()), (5, 0));
    assert_eq!(framer.skipped_bytes(), 5 * 7);
}

#[test]
fn gzip_members_and_plain_packets_mix() {
    let [one, two, three] = [packet(b"one"), packet(OPTIONS), packet(b"three")];
    let bytes =
        [gzip(&one), gzip(&[&two[..], &three].concat()), two.clone(), gzip(&three), one.clone()].concat();
    let frames = [one.clone(), two.clone(), three.clone(), two, three, one].map(Ok);
    assert_eq!(cut_anyhow(&bytes), frames);
}

#[test]
fn gzip_with_every_optional_header_field() {
    let one = packet(OPTIONS);
    let member = flate2::GzBuilder::new().filename("a.hep").comment("replayed").extra(vec![1, 2, 3]);
    let mut member = member.write(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut member, &one).unwrap();
    assert_eq!(cut_anyhow(&member.finish().unwrap()), [Ok(one)]);
}

#[test]
fn a_gzip_bomb_closes_the_stream() {
    assert_eq!(cut_anyhow(&gzip(&vec![0; 2 << 20])), [Err(Refusal::Gzip)]);
    assert_eq!(cut_anyhow(&gzip(&vec![0; 500_000])), [Err(Refusal::Gzip)], "by its ratio");
}

#[test]
fn truncated_and_corrupt_gzip_are_refused() {
    let one = packet(OPTIONS);
    let whole = gzip(&one);
    for cut_off in [1, 3, 9, 20, whole.len() - 1] {
        assert_eq!(cut_anyhow(&whole[..cut_off]), [Err(Refusal::Gzip)], "{cut_off} bytes");
    }
    let mut corrupt = whole.clone();
    let checksum = corrupt.len() - 8;
    corrupt[checksum] ^= 1;
    assert_eq!(cut_anyhow(&[&corrupt[..], &one].concat()), [Err(Refusal::Gzip), Ok(one.clone())]);
    let mut corrupt = whole;
    corrupt[10] = 0xff;
    assert_eq!(cut_anyhow(&[&corrupt[..], &one].concat()), [Err(Refusal::Gzip)], "where it ends is unknown");
}

#[test]
fn gzip_inside_gzip_is_not_followed() {
    let one = packet(b"one");
    let bytes = [gzip(&gzip(&one)), one.clone()].concat();
    assert_eq!(cut_anyhow(&bytes), [Err(Refusal::Garbage), Ok(one)]);
}

/// Found by fuzzing: the first byte of a gzip member, followed by something else.
#[test]
fn half_a_gzip_id_says_nothing_yet() {
    assert_eq!(cut_anyhow(b"\0\0\0\x1f\0\x8b"), [Err(Refusal::Partial)]);
    assert_eq!(cut_anyhow(b"\x1f\0\x8b\0"), [Err(Refusal::Garbage)]);
}

#[test]
fn what_is_pending_is_seen() {
    let one = packet(b"one");
    let member = gzip(&one);
    let mut framer = Framer::new();
    for (bytes, pending) in [(&one[..10], 10), (&one[10..], 0), (&member[..12], 1), (&member[12..], 0)] {
        framer.push(bytes, ARRIVAL);
        while framer.next_frame().is_some() {}
        assert_eq!(framer.pending_bytes().min(10), pending);
    }
}
