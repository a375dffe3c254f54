//! Fragments and segments of contents that are known everywhere, in any order, twice or never: what is put together has
//! the right bytes in the right order, and no byte twice.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use packet::{Defragmenter, Fragment, Ip, Reassembler, Tcp, TcpFlags};

/// A piece as the fuzzer describes it: two bytes of offset, one of length, one of flags, one of time.
const STEP_BYTES: usize = 5;

pub(crate) fn fuzz(input: &[u8]) {
    let Some((&[mode, high, low], steps)) = input.split_first_chunk() else { return };
    // Close to where sequence numbers go round.
    let start = u32::from(u16::from_be_bytes([high, low])).wrapping_sub(0x8000);
    let steps = steps.as_chunks::<STEP_BYTES>().0;
    if mode & 1 == 0 { segments(start, steps) } else { fragments(steps) }
}

/// The byte at a place of the stream: all short runs of bytes differ.
fn content(place: usize) -> u8 {
    let mixed = (place as u32 ^ 0x9e37).wrapping_mul(0x85eb_ca6b);
    ((mixed ^ mixed >> 13).wrapping_mul(0xc2b2_ae35) >> 16) as u8
}

fn bytes(from: usize, length: u8) -> Vec<u8> {
    (from..from + usize::from(length)).map(content).collect()
}

/// Behind the last byte that a step can send.
const STREAM_BYTES: usize = 0xffff + 0xff + 1;

fn segments(start: u32, steps: &[[u8; STEP_BYTES]]) {
    let ends = (address(1), address(2));
    let mut reassembler = Reassembler::new();
    let (mut micros, mut sent_bytes, mut given_bytes) = (0, 0, 0);
    // Where the next piece may begin, by the bytes of those before; empty before the first.
    let (mut places, mut anywhere) = (Vec::<usize>::new(), false);
    for &[high, low, length, flags, tenths] in steps {
        micros += i64::from(tenths) * 100_000;
        let flags = TcpFlags(flags & 0x07);
        let is_syn = flags.contains(TcpFlags::SYN);
        let place = usize::from(u16::from_be_bytes([high, low]));
        let payload = bytes(place, length);
        let tcp = Tcp {
            source_port: 1,
            destination_port: 2,
            sequence: start.wrapping_add(place as u32).wrapping_sub(is_syn.into()),
            acknowledgement: 0,
            flags,
            window: 0,
            options: &[],
            payload: &payload,
        };
        sent_bytes += payload.len();
        let (pieces, is_end) = reassembler.add(micros, ends, &tcp);
        given_bytes += pieces.iter().map(|piece| piece.bytes.len()).sum::<usize>();
        // An end ends this connection; a SYN begins another, or repeats that of this one: from there on, anywhere.
        if is_syn || is_end {
            places.clear();
            anywhere = !is_end;
            continue;
        }
        for piece in pieces {
            assert!(!piece.bytes.is_empty());
            let fits = |from: &usize| piece.bytes.iter().zip(*from..).all(|(byte, at)| *byte == content(at));
            places = match places.iter().min() {
                None if !anywhere => [place].into_iter().filter(fits).collect(),
                Some(_) if !piece.after_gap => places.into_iter().filter(fits).collect(),
                first => (first.map_or(0, |first| first + 1)..STREAM_BYTES).filter(fits).collect(),
            };
            anywhere = false;
            assert!(!places.is_empty(), "the bytes of the stream, in order");
            places.iter_mut().for_each(|place| *place += piece.bytes.len());
        }
    }
    for (_, pieces) in reassembler.finish() {
        given_bytes += pieces.iter().map(|piece| piece.bytes.len()).sum::<usize>();
    }
    assert!(given_bytes <= sent_bytes, "no byte twice");
}

fn fragments(steps: &[[u8; STEP_BYTES]]) {
    let mut defragmenter = Defragmenter::new();
    let mut micros = 0;
    for &[high, low, length, flags, seconds] in steps {
        micros += i64::from(seconds) * 1_000_000;
        let offset = usize::from(u16::from_be_bytes([high, low])) & 0x1fff;
        let payload = bytes(offset, length);
        let ip = Ip {
            source: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
            destination: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)),
            protocol: 17,
            hops: 64,
            fragment: Some(Fragment { identification: u32::from(flags >> 4), offset, more: flags & 1 != 0 }),
            payload: &payload,
            truncated: flags & 2 != 0,
        };
        if let Some(whole) = defragmenter.add(micros, &ip) {
            assert!(
                whole.iter().zip(0..).all(|(byte, place)| *byte == content(place)),
                "the bytes of the packet"
            );
        }
    }
    assert!(defragmenter.given_up() <= steps.len() as u64);
}

fn address(last: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], 5060))
}
