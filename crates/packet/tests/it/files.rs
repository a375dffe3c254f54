//! Capture files: every flavour of the header, and files cut short.

use packet::pcap::{FileError, Reader, Writer};
use packet::{Layers, Link, Transport, build};

struct Flavour {
    big_endian: bool,
    nanoseconds: bool,
    link: u32,
}

fn file(flavour: &Flavour, seconds: u32, fraction: u32, frame: &[u8]) -> Vec<u8> {
    let magic: u32 = if flavour.nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
    let length = frame.len() as u32;
    let words = [magic, 0x0002_0004, 0, 0, 65_535, flavour.link, seconds, fraction, length, length];
    let mut bytes = Vec::new();
    for (index, word) in words.into_iter().enumerate() {
        let word = if index == 1 && !flavour.big_endian { 0x0004_0002 } else { word };
        bytes.extend_from_slice(&if flavour.big_endian { word.to_be_bytes() } else { word.to_le_bytes() });
    }
    bytes.extend_from_slice(frame);
    bytes
}

#[test]
fn reads_both_byte_orders_and_both_clocks() {
    for big_endian in [false, true] {
        for nanoseconds in [false, true] {
            let fraction = if nanoseconds { 669_278_999 } else { 669_278 };
            let bytes =
                file(&Flavour { big_endian, nanoseconds, link: 101 }, 1_592_975_786, fraction, b"frame");
            let mut reader = Reader::new(&bytes).unwrap();
            let frame = reader.next().unwrap().unwrap();
            assert_eq!(frame.micros, 1_592_975_786_669_278);
            assert_eq!((frame.link, frame.bytes, frame.original_length), (Link::Raw, &b"frame"[..], 5));
            assert_eq!(reader.next(), None);
        }
    }
}

#[test]
fn ignores_the_frame_check_bits_of_the_link_type() {
    let flavour = Flavour { big_endian: false, nanoseconds: false, link: 0x5400_0001 };
    let bytes = file(&flavour, 0, 0, b"");
    let frame = Reader::new(&bytes).unwrap().next().unwrap().unwrap();
    assert_eq!(frame.link, Link::Ethernet);
}

#[test]
fn takes_apart_every_supported_link_type() {
    let packet = build::udp("10.0.0.1:5060".parse().unwrap(), "10.0.0.2:5061".parse().unwrap(), b"hello");
    let cases: [(u32, &[u8]); 9] = [
        (0, &[2, 0, 0, 0]),
        (108, &[0, 0, 0, 2]),
        (1, &[1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 0x08, 0x00]),
        (1, &[1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 0x88, 0xa8, 0, 7, 0x81, 0x00, 0, 9, 0x08, 0x00]),
        (101, &[]),
        (228, &[]),
        (12, &[]),
        (113, &[0, 0, 0, 1, 0, 6, 1, 1, 1, 1, 1, 1, 0, 0, 0x08, 0x00]),
        (276, &[0x08, 0x00, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 1, 1, 1, 1, 1, 1, 0, 0]),
    ];
    for (link, head) in cases {
        // Ethernet pads short frames: the padding must not end up in the payload.
        let frame = [head, &packet, &[0; 8]].concat();
        let bytes = file(&Flavour { big_endian: true, nanoseconds: false, link }, 1, 2, &frame);
        let frame = Reader::new(&bytes).unwrap().next().unwrap().unwrap();
        let layers = Layers::parse(frame.link, frame.bytes).unwrap();
        assert_eq!(layers.source().to_string(), "10.0.0.1:5060", "link type {link}");
        let Transport::Udp(udp) = layers.transport else { panic!("link type {link}") };
        assert_eq!(udp.payload, b"hello", "link type {link}");
    }
}

#[test]
fn names_what_is_not_a_capture_file() {
    assert_eq!(Reader::new(b"").unwrap_err(), FileError::Truncated { offset: 0 });
    assert_eq!(Reader::new(b"HEP3....").unwrap_err(), FileError::Magic(*b"HEP3"));
    assert_eq!(
        FileError::Magic(*b"HEP3").to_string(),
        "not a capture file: begins with [48, 45, 50, 33]",
        "errors carry the value that was wrong"
    );
}

#[test]
fn keeps_whole_frames_of_a_file_cut_short() {
    let mut writer = Writer::new();
    writer.push(1_000_001, b"first");
    writer.push(2_000_002, b"second");
    let whole = writer.into_bytes();
    for cut in 24..whole.len() {
        let frames: Vec<_> = Reader::new(&whole[..cut]).unwrap().collect();
        let first_end = 24 + 16 + 5;
        let complete = usize::from(cut >= first_end);
        let partial = usize::from(cut != 24 && cut != first_end);
        assert_eq!(frames.len(), complete + partial, "cut at {cut}");
        assert_eq!(frames.iter().filter(|frame| frame.is_ok()).count(), complete, "cut at {cut}");
    }
}

#[test]
fn clamps_times_the_format_cannot_hold() {
    let mut writer = Writer::new();
    writer.push(-5, b"");
    writer.push(i64::MAX, b"");
    let bytes = writer.into_bytes();
    let times: Vec<_> = Reader::new(&bytes).unwrap().map(|frame| frame.unwrap().micros).collect();
    assert_eq!(times, [0, 4_294_967_295_999_999]);
}

#[test]
fn hands_over_a_file_in_pieces() {
    let mut writer = Writer::new();
    let mut pieces = writer.take();
    writer.push(1, b"one");
    pieces.extend(writer.take());
    assert_eq!(writer.pending_bytes(), 0);
    writer.push(2, b"two");
    pieces.extend(writer.into_bytes());
    assert_eq!(Reader::new(&pieces).unwrap().count(), 2);
}
