//! Bytes that are not what they should be, sent between two good packets: they are decoded with flags or counted by
//! cause, and both neighbours survive. Numbers are those of the must-survive list.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::Shutdown;

use ingest::Counters;

use crate::server::{Server, legacy, packet};

/// What was counted beyond the good packets.
#[derive(Debug, PartialEq, Eq)]
struct Beyond {
    stored: u64,
    refused: BTreeMap<&'static str, u64>,
    dropped: BTreeMap<&'static str, u64>,
}

impl Beyond {
    fn stored(count: u64) -> Self {
        Self { stored: count, refused: BTreeMap::new(), dropped: BTreeMap::new() }
    }

    fn refused(cause: &'static str) -> Self {
        Self { refused: BTreeMap::from([(cause, 1)]), ..Self::stored(0) }
    }

    fn and_refused(self, cause: &'static str, count: u64) -> Self {
        Self { refused: BTreeMap::from([(cause, count)]), ..self }
    }

    fn all(&self) -> u64 {
        self.stored + self.refused.values().sum::<u64>() + self.dropped.values().sum::<u64>()
    }

    /// The difference between two moments, without so many good packets.
    fn between(before: &Counters, after: &Counters, good: u64) -> Self {
        let less = |after: &BTreeMap<&'static str, u64>, before: &BTreeMap<&'static str, u64>| {
            let more =
                after.iter().map(|(cause, count)| (*cause, count - before.get(cause).copied().unwrap_or(0)));
            more.filter(|(_, count)| *count > 0).collect()
        };
        Self {
            stored: after.stored - before.stored - good,
            refused: less(&after.refused, &before.refused),
            dropped: less(&after.dropped, &before.dropped),
        }
    }
}

impl Server {
    /// Sends a good packet, the bad bytes and a good packet, as three datagrams.
    fn between_datagrams(&self, bad: &[u8]) -> Beyond {
        let before = self.ingest.counters().total;
        let (first, last) = (packet("before"), packet("after"));
        self.send(&[&first, bad, &last]);
        let after = self.wait_for(|total| total.received >= before.received + 3 && total.pending == 0);
        let after = self.quiet(after.received);
        let frames = self.frames();
        let new = &frames[before.stored as usize..];
        assert_eq!((new.first(), new.last()), (Some(&first), Some(&last)), "{bad:?}");
        Beyond::between(&before, &after, 2)
    }

    /// The bytes on a connection of their own, then a good packet on another.
    fn on_a_stream(&self, bytes: &[u8]) -> Beyond {
        let before = self.ingest.counters().total;
        let mut stream = self.connect();
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        // Until the other side closes.
        let _ = stream.read_to_end(&mut Vec::new());
        self.stream(&[&packet("another")]);
        let after = self.wait_for(|total| total.received >= before.received + 2 && total.pending == 0);
        let after = self.quiet(after.received);
        assert_eq!(self.frames().last(), Some(&packet("another")));
        Beyond::between(&before, &after, 1)
    }

    fn refuses(&self, bad: &[u8], cause: &'static str) {
        assert_eq!(self.between_datagrams(bad), Beyond::refused(cause), "{bad:?}");
    }

    fn finds_everything_stored(&self) {
        let stored = self.ingest.counters().total.stored;
        assert_eq!(self.count("SELECT count(*) FROM messages") as u64, stored);
    }
}

#[test]
fn case_1_datagrams_too_short_to_be_anything() {
    let server = Server::start();
    server.refuses(b"", "empty");
    server.refuses(b"\x01", "too_short");
    server.refuses(b"\x02\x10", "too_short");
    server.refuses(b"HEP3", "too_short");
    server.refuses(b"HEP3\0", "too_short");
}

#[test]
fn case_2_advertised_length_is_wrong() {
    let server = Server::start();
    let mut bad = packet("bad");
    for length in 0..6_u8 {
        bad[4..6].copy_from_slice(&[0, length]);
        server.refuses(&bad, "bad_length");
    }
    // Greater than received: what is there is decoded.
    for length in [u16::MAX, bad.len() as u16 + 1] {
        bad[4..6].copy_from_slice(&length.to_be_bytes());
        assert_eq!(server.between_datagrams(&bad), Beyond::stored(1));
    }
    // Less than received: the rest is garbage, or the next packet.
    let mut longer = packet("good");
    longer.extend_from_slice(b"trailing garbage");
    assert_eq!(server.between_datagrams(&longer), Beyond::stored(1).and_refused("garbage", 1));
    server.finds_everything_stored();
}

#[test]
fn case_3_several_packets_padding_and_leading_lines() {
    let server = Server::start();
    let two = [packet("x"), packet("y")].concat();
    assert_eq!(server.between_datagrams(&two), Beyond::stored(2));
    let padded = [packet("x"), vec![0; 100]].concat();
    assert_eq!(server.between_datagrams(&padded), Beyond::stored(1));
    let led = [b"\r\n\r\n".to_vec(), packet("x")].concat();
    assert_eq!(server.between_datagrams(&led), Beyond::stored(1));
    let cut_gzip = [packet("x"), vec![0x1f, 0x8b, 8, 0, 0, 0]].concat();
    assert_eq!(server.between_datagrams(&cut_gzip), Beyond::stored(1).and_refused("gzip", 1));
    let broken_first = [b"HEP3\0\x02".to_vec(), packet("x")].concat();
    assert_eq!(server.between_datagrams(&broken_first), Beyond::stored(1).and_refused("bad_length", 1));
    server.finds_everything_stored();
}

#[test]
fn case_4_signs_of_life_are_dropped_and_counted() {
    let server = Server::start();
    let kept = |bad: &[u8]| {
        let expected = Beyond { dropped: BTreeMap::from([("keepalive", 1)]), ..Beyond::stored(0) };
        assert_eq!(server.between_datagrams(bad), expected, "{bad:?}");
    };
    kept(b"\r\n\r\n");
    kept(b"HELLO HFP");
    let address = "192.0.2.1:5060".parse().expect("an address");
    let mut ping = Vec::new();
    let outgoing = hep::Outgoing { payload: b"HEP PING", ..hep::Outgoing::new(address, address) };
    outgoing.encode_v3(&mut ping).expect("a small packet");
    kept(&ping);
}

#[test]
fn case_4_garbage_before_and_between_packets_on_a_stream() {
    let server = Server::start();
    let mixed = [b"some noise".to_vec(), packet("x"), b"more of it\r\n".to_vec(), packet("y")].concat();
    assert_eq!(server.on_a_stream(&mixed), Beyond::stored(2).and_refused("garbage", 2));
}

#[test]
fn case_4_a_magic_inside_a_payload_is_no_packet() {
    let server = Server::start();
    let address = "192.0.2.1:5060".parse().expect("an address");
    let inner = packet("inner");
    let mut outer = Vec::new();
    let outgoing = hep::Outgoing { payload: &inner, ..hep::Outgoing::new(address, address) };
    outgoing.encode_v3(&mut outer).expect("it fits");
    assert_eq!(server.on_a_stream(&[outer.clone(), outer].concat()), Beyond::stored(2));
}

#[test]
fn case_4_end_in_the_middle_of_a_packet() {
    let server = Server::start();
    let cut = [packet("whole"), packet("half")[..60].to_vec()].concat();
    assert_eq!(server.on_a_stream(&cut), Beyond::stored(1).and_refused("partial", 1));
    assert_eq!(server.on_a_stream(b"HEP3\xff\xff"), Beyond::refused("partial"));
}

#[test]
fn case_4_other_protocols_on_the_port() {
    let server = Server::start();
    assert_eq!(server.on_a_stream(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), Beyond::refused("http"));
    assert_eq!(server.on_a_stream(b"POST /hep HTTP/1.1\r\n\r\n"), Beyond::refused("http"));
    assert_eq!(server.on_a_stream(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), Beyond::refused("tls"));
    for version in [1, 2] {
        assert_eq!(server.on_a_stream(&legacy("x", version)), Beyond::refused("unframeable"));
    }
}

#[test]
fn case_4_a_browser_is_told_where_to_go() {
    let server = Server::start();
    let mut stream = server.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").expect("bytes sent");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("HTTP port"), "{answer}");
}

#[test]
fn case_4_a_flood_of_garbage_on_a_stream_closes_it() {
    let server = Server::start();
    assert_eq!(server.on_a_stream(&b"garbage ".repeat(100_000)), Beyond::refused("too_much_garbage"));
}

#[test]
fn case_7_chunks_with_impossible_lengths() {
    let server = Server::start();
    let place = packet("x").len() - 8;
    for length in [0_u16, 1, 5, u16::MAX] {
        // The first chunk.
        let mut bad = packet("x");
        bad[10..12].copy_from_slice(&length.to_be_bytes());
        assert!(server.between_datagrams(&bad).all() >= 1, "{length}");
        // In the payload nothing is interpreted.
        let mut good = packet("x");
        good[place..place + 2].copy_from_slice(&length.to_be_bytes());
        assert_eq!(server.between_datagrams(&good), Beyond::stored(1));
    }
    server.finds_everything_stored();
}

#[test]
fn case_17_older_versions_cut_short() {
    let server = Server::start();
    for version in [1, 2] {
        let whole = legacy("x", version);
        for length in 0..30 {
            let beyond = server.between_datagrams(&whole[..length]);
            assert_eq!(beyond.all(), 1, "version {version}, {length} bytes");
        }
    }
    server.finds_everything_stored();
}

#[test]
fn case_18_other_protocols_over_udp() {
    let server = Server::start();
    // STUN binding request, RTP, DTLS, the old protocol buffers.
    server.refuses(b"\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl", "bad_family");
    server.refuses(&[b"\x80\x00\x12\x34".as_slice(), &[7; 168]].concat(), "not_hep");
    server.refuses(b"\x16\xfe\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10", "not_hep");
    // The protocol-buffer form of heplify, cut off before its payload.
    server.refuses(b"\x08\x02\x10\x11\x1a\x0810.0.0.1", "protobuf");
    server.refuses(b"\x01\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl", "bad_family");
}

#[test]
fn case_24_a_flood_of_garbage_over_udp_is_counted() {
    let server = Server::start();
    let garbage: Vec<&[u8]> = vec![b"HEP3\0\x0c\0\0\0\x0f\0\0"; 10_000];
    server.send(&garbage);
    server.send(&[&packet("good")]);
    let total = server.wait_for(|total| total.received >= 10_001 && total.pending == 0);
    let total = server.quiet(total.received);
    assert_eq!(server.frames().last(), Some(&packet("good")));
    assert_eq!(total.received, 10_001);
    server.ingest.shutdown();
    assert_eq!(server.ingest.senders().len(), 2, "one peer, with and without a node name");
}

#[test]
fn mutated_packets_never_take_a_neighbour_along() {
    let server = Server::start();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut draw = move |limit: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 11) as usize % limit
    };
    let good: Vec<Vec<u8>> = (0..500).map(|number| packet(&format!("good-{number}"))).collect();
    for neighbour in &good {
        let mut bad = match draw(4) {
            0 => legacy("bad", 1),
            1 => legacy("bad", 2),
            _ => packet("bad"),
        };
        for _ in 0..=draw(8) {
            let place = draw(bad.len());
            match draw(4) {
                0 => bad.truncate(place.max(1)),
                1 => bad.extend_from_within(place..),
                // Nearly all that matters stands in the first hundred bytes.
                _ => bad[place.min(100)] = draw(256) as u8,
            }
        }
        bad.truncate(60_000);
        server.send(&[&bad, neighbour]);
    }
    server.wait_for(|total| total.received >= 1_000 && total.pending == 0);
    server.ingest.shutdown();
    server.quiet(server.ingest.counters().total.received);
    let kept: Vec<Vec<u8>> = server.frames().into_iter().filter(|frame| good.contains(frame)).collect();
    assert_eq!(kept, good);
    server.finds_everything_stored();
}
