//! What comes in pieces: fragments, segments, and capture files read as they come.

use std::net::SocketAddr;

use packet::pcap::{FileError, Frame, Reader, Stream, Writer};
use packet::{Defragmenter, Ends, Ip, Link, Piece, Reassembler, Tcp, TcpFlags, build};
use proptest::prelude::*;

fn ends() -> Ends {
    let address = |text: &str| text.parse::<SocketAddr>().unwrap();
    (address("192.0.2.1:5060"), address("[2001:db8::2]:5080"))
}

/// Offset, whether more follow, bytes.
type Fragment = (usize, bool, Vec<u8>);

/// A datagram of 60,000 bytes in pieces of a small link.
fn fragments(identification: u32) -> (Vec<u8>, Vec<Fragment>) {
    let whole: Vec<u8> = (0..60_000_u32).map(|n| (n ^ identification) as u8).collect();
    let last = whole.len().div_ceil(1480) - 1;
    let pieces =
        whole.chunks(1480).enumerate().map(|(n, bytes)| (n * 1480, n < last, bytes.to_vec())).collect();
    (whole, pieces)
}

fn fragment(identification: u32, offset: usize, more: bool, payload: &[u8]) -> Ip<'_> {
    let (source, destination) = ends();
    Ip {
        source: source.ip(),
        destination: destination.ip(),
        protocol: 17,
        hops: 64,
        fragment: Some(packet::Fragment { identification, offset, more }),
        payload,
        truncated: false,
    }
}

proptest! {
    #[test]
    fn fragments_in_any_order_become_the_packet(
        order in Just((0..41).collect::<Vec<usize>>()).prop_shuffle(),
        twice in proptest::collection::vec(0..41_usize, 0..5),
    ) {
        let (whole, pieces) = fragments(7);
        let mut defragmenter = Defragmenter::new();
        let mut found = Vec::new();
        for n in twice.iter().chain(&order) {
            let (offset, more, bytes) = &pieces[*n];
            found.extend(defragmenter.add(0, &fragment(7, *offset, *more, bytes)));
        }
        prop_assert_eq!(found, vec![whole]);
    }

    /// Any order within a window, repeats and overlaps: the bytes come out once and in order.
    #[test]
    fn segments_become_the_stream(
        sizes in proptest::collection::vec(1..400_usize, 1..40),
        swaps in proptest::collection::vec((0..40_usize, 1..6_usize), 0..30),
        start in any::<u32>(),
        overlap in 0..50_usize,
    ) {
        let total: usize = sizes.iter().sum();
        let stream: Vec<u8> = (0..total).map(|n| (n * 31 % 251) as u8).collect();
        let mut segments = Vec::new();
        let mut at = 0;
        for size in sizes {
            let from = at - overlap.min(at);
            segments.push((start.wrapping_add(1).wrapping_add(from as u32), stream[from..at + size].to_vec()));
            at += size;
        }
        for (place, far) in swaps {
            if place + far < segments.len() {
                segments.swap(place, place + far);
            }
        }
        segments.extend(segments.first().cloned());
        let mut reassembler = Reassembler::new();
        let mut out = Vec::new();
        reassembler.add(0, ends(), &segment(start, TcpFlags::SYN, &[]));
        for (sequence, payload) in &segments {
            let (pieces, _) = reassembler.add(0, ends(), &segment(*sequence, TcpFlags::ACK, payload));
            prop_assert!(pieces.iter().all(|piece| !piece.after_gap));
            out.extend(pieces.into_iter().flat_map(|piece| piece.bytes));
        }
        prop_assert_eq!(out, stream);
        prop_assert!(reassembler.finish().is_empty());
    }

    #[test]
    fn a_stream_reads_what_the_reader_reads(
        frames in proptest::collection::vec((0..4_000_000_000_000_i64, proptest::collection::vec(any::<u8>(), 0..60)), 0..20),
        cut in 1..200_usize,
        ng in any::<bool>(),
    ) {
        let file = if ng { pcapng(&frames, 9, true) } else {
            let mut writer = Writer::new();
            frames.iter().for_each(|(micros, bytes)| writer.push(*micros, bytes));
            writer.into_bytes()
        };
        let read: Vec<_> = Reader::new(&file).unwrap().map(Result::unwrap).map(owned).collect();
        prop_assert_eq!(&read, &frames);
        let mut stream = Stream::new();
        let mut streamed = Vec::new();
        for bytes in file.chunks(cut) {
            stream.push(bytes);
            while let Some(frame) = stream.next_frame() {
                streamed.push(owned(frame.unwrap()));
            }
        }
        prop_assert_eq!(stream.finish(), None);
        prop_assert_eq!(streamed, frames);
    }

    #[test]
    fn damaged_files_end_with_an_error_at_most(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ng in any::<bool>(),
    ) {
        let frames: Vec<_> = (0..10).map(|n| (n, vec![n as u8; 20])).collect();
        let mut file = if ng { pcapng(&frames, 6, false) } else {
            let mut writer = Writer::new();
            frames.iter().for_each(|(micros, bytes)| writer.push(*micros, bytes));
            writer.into_bytes()
        };
        for (place, byte) in damage {
            let place = place.index(file.len());
            file[place] = byte;
        }
        if let Ok(reader) = Reader::new(&file) {
            let frames: Vec<_> = reader.collect();
            let errors = frames.iter().filter(|frame| frame.is_err()).count();
            prop_assert!(errors == 0 || (errors == 1 && frames.last().is_some_and(Result::is_err)));
        }
    }
}

fn owned(frame: Frame<'_>) -> (i64, Vec<u8>) {
    (frame.micros, frame.bytes.to_vec())
}

fn segment<'a>(sequence: u32, flags: TcpFlags, payload: &'a [u8]) -> Tcp<'a> {
    let (source, destination) = ends();
    Tcp {
        source_port: source.port(),
        destination_port: destination.port(),
        sequence,
        acknowledgement: 0,
        flags,
        window: 0,
        options: &[],
        payload,
    }
}

/// A file with one interface whose clock counts in units of `10^-resolution` seconds.
fn pcapng(frames: &[(i64, Vec<u8>)], resolution: u8, little: bool) -> Vec<u8> {
    let word = |value: u32| if little { value.to_le_bytes() } else { value.to_be_bytes() };
    let half = |value: u16| if little { value.to_le_bytes() } else { value.to_be_bytes() };
    let block = |kind: u32, body: &[u8]| {
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        let length = word(body.len() as u32 + 12);
        [&word(kind)[..], &length, &body, &length].concat()
    };
    let mut file = block(0x0a0d_0d0a, &[&word(0x1a2b_3c4d)[..], &half(1), &half(0), &[0xff; 8]].concat());
    // A block of a kind nobody knows must be passed over.
    file.extend(block(0x4000_0bad, b"whatever"));
    let options = [&half(9)[..], &half(1), &[resolution, 0, 0, 0], &half(0), &half(0)].concat();
    file.extend(block(1, &[&half(101)[..], &half(0), &word(0), &options].concat()));
    for (micros, bytes) in frames {
        let ticks = *micros as u64 * 10_u64.pow(u32::from(resolution) - 6);
        let length = word(bytes.len() as u32);
        let head = [word(0), word((ticks >> 32) as u32), word(ticks as u32), length, length].concat();
        file.extend(block(6, &[head, bytes.clone()].concat()));
    }
    file
}

#[test]
fn pcapng_has_sections_interfaces_and_clocks() {
    let time = 1_592_975_786_669_278;
    let mut file = pcapng(&[(time, b"nano".to_vec())], 9, true);
    file.extend(pcapng(&[(time, b"micro".to_vec())], 6, false));
    let frames: Vec<_> = Reader::new(&file).unwrap().map(Result::unwrap).collect();
    assert_eq!(frames.len(), 2);
    assert!(frames.iter().all(|frame| frame.micros == time && frame.link == Link::Raw));
    assert_eq!((frames[0].bytes, frames[1].bytes), (&b"nano"[..], &b"micro"[..]));
}

#[test]
fn lengths_that_cannot_be_are_refused_at_once() {
    let mut writer = Writer::new();
    writer.push(1, b"frame");
    let mut file = writer.into_bytes();
    file[24 + 8..24 + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut stream = Stream::new();
    stream.push(&file);
    let error = stream.next_frame().unwrap().unwrap_err();
    assert_eq!(error, FileError::Length { offset: 24, length: u32::MAX as usize });
    assert!(stream.next_frame().is_none());
    assert_eq!(stream.finish(), None);
}

#[test]
fn overlapping_and_cut_fragments_make_no_packet() {
    let mut defragmenter = Defragmenter::new();
    assert_eq!(defragmenter.add(0, &fragment(1, 0, true, &[0; 16])), None);
    assert_eq!(defragmenter.add(0, &fragment(1, 8, false, &[1; 16])), None);
    assert_eq!(defragmenter.given_up(), 1);
    let cut = Ip { truncated: true, ..fragment(2, 0, true, &[0; 16]) };
    assert_eq!(defragmenter.add(0, &cut), None);
    // The same number, a minute later, is another packet.
    assert_eq!(defragmenter.add(0, &fragment(3, 0, true, &[0; 16])), None);
    assert_eq!(defragmenter.add(61_000_000, &fragment(3, 16, false, b"end")), None);
    assert_eq!(defragmenter.given_up(), 4, "overlap, cut, first half, second half");
}

#[test]
fn a_hole_is_jumped_and_told() {
    let mut reassembler = Reassembler::new();
    let piece = |after_gap, bytes: &[u8]| Piece { after_gap, bytes: bytes.to_vec() };
    // From the middle of a connection on.
    let (pieces, _) = reassembler.add(0, ends(), &segment(1000, TcpFlags::ACK, b"first"));
    assert_eq!(pieces, [piece(false, b"first")]);
    assert_eq!(reassembler.add(0, ends(), &segment(1010, TcpFlags::ACK, b"third")).0, []);
    // Long after: the missing bytes will not come.
    let (pieces, _) = reassembler.add(11_000_000, ends(), &segment(1015, TcpFlags::ACK, b"fourth"));
    assert_eq!(pieces, [piece(true, b"thirdfourth")]);
    assert_eq!(reassembler.add(11_000_000, ends(), &segment(1030, TcpFlags::ACK, b"sixth")).0, []);
    let (pieces, ended) = reassembler.add(11_000_000, ends(), &segment(1035, TcpFlags::FIN, b""));
    assert_eq!((pieces, ended), (vec![piece(true, b"sixth")], true));
}

#[test]
fn built_fragments_are_put_together() {
    let payload: Vec<u8> = (0..65_520_u32).map(|n| n as u8).collect();
    let (source, destination) = ("10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap());
    let packets = build::udp_packets(source, destination, &payload, &mut 0);
    let mut defragmenter = Defragmenter::new();
    let whole: Vec<_> =
        packets.iter().filter_map(|bytes| defragmenter.add(0, &Ip::parse(bytes).unwrap())).collect();
    assert_eq!(whole.len(), 1);
    assert_eq!(whole[0][8..], payload);
}
