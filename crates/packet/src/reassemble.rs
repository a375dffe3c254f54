use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::transport::{Tcp, TcpFlags};

/// Directions of connections followed at the same time; the one that was silent longest goes.
const STREAMS_MAX: usize = 8192;

/// Bytes held of one stream behind a hole. A sender stops at its window, seldom more than this; then the missing
/// bytes were never captured.
const AHEAD_BYTES_MAX: usize = 256 * 1024;

/// Segments held of one stream behind a hole: bounds the work for many small ones.
const AHEAD_SEGMENTS_MAX: usize = 1024;

/// A hole is not waited for longer than this: a retransmission comes after one second at first (RFC 6298), and what
/// the capture missed never.
const PATIENCE_MICROS: i64 = 10 * 1_000_000;

/// Puts the segments of TCP connections (RFC 9293) in order.
///
/// Streams whose beginning was not captured are followed from their first segment on. Every byte is given out once,
/// in order; where the capture has a hole, the next piece says so.
#[derive(Debug, Default)]
pub struct Reassembler {
    streams: BTreeMap<Ends, Stream>,
}

/// Who sends to whom.
pub type Ends = (SocketAddr, SocketAddr);

/// The next bytes of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Bytes before these are missing.
    pub after_gap: bool,
    /// Never empty.
    pub bytes: Vec<u8>,
}

#[derive(Debug)]
struct Stream {
    /// Sequence number of the next byte to give out.
    next: u32,
    /// What came early, in order.
    ahead: Vec<(u32, Vec<u8>)>,
    ahead_bytes: usize,
    /// Since when the first byte has been missing.
    hole_since: i64,
    touched: i64,
}

impl Reassembler {
    /// Follows no stream yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a segment captured at `micros`; what can be given out now. `true` beside it: the stream ends here.
    pub fn add(&mut self, micros: i64, ends: Ends, tcp: &Tcp<'_>) -> (Vec<Piece>, bool) {
        let is_syn = tcp.flags.contains(TcpFlags::SYN);
        let is_end = tcp.flags.contains(TcpFlags::FIN) || tcp.flags.contains(TcpFlags::RST);
        // A SYN takes a sequence number of its own (section 3.4).
        let first = tcp.sequence.wrapping_add(u32::from(is_syn));
        let mut pieces = Vec::new();
        if is_syn && self.streams.get(&ends).is_some_and(|stream| stream.next != first) {
            // The ports are used again.
            pieces.extend(self.end(ends));
        }
        if !self.streams.contains_key(&ends) {
            if tcp.payload.is_empty() && !is_syn {
                return (pieces, is_end);
            }
            self.make_room();
            self.streams.insert(ends, Stream::new(first, micros));
        }
        if let Some(stream) = self.streams.get_mut(&ends) {
            stream.touched = micros;
            stream.take(micros, first, tcp.payload, &mut pieces);
        }
        if is_end {
            pieces.extend(self.end(ends));
        }
        (pieces, is_end)
    }

    /// What is still held behind holes, once the capture has ended.
    pub fn finish(&mut self) -> Vec<(Ends, Vec<Piece>)> {
        let ends: Vec<Ends> = self.streams.keys().copied().collect();
        ends.into_iter().map(|ends| (ends, self.end(ends))).filter(|(_, pieces)| !pieces.is_empty()).collect()
    }

    fn end(&mut self, ends: Ends) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if let Some(mut stream) = self.streams.remove(&ends) {
            while !stream.ahead.is_empty() {
                stream.jump(&mut pieces);
            }
        }
        pieces
    }

    fn make_room(&mut self) {
        if self.streams.len() >= STREAMS_MAX {
            let silent = self.streams.iter().min_by_key(|(_, stream)| stream.touched).map(|(ends, _)| *ends);
            silent.into_iter().for_each(|ends| drop(self.streams.remove(&ends)));
        }
    }
}

impl Stream {
    fn new(next: u32, micros: i64) -> Self {
        Self { next, ahead: Vec::new(), ahead_bytes: 0, hole_since: micros, touched: micros }
    }

    fn take(&mut self, micros: i64, sequence: u32, payload: &[u8], pieces: &mut Vec<Piece>) {
        if !payload.is_empty() {
            match distance(self.next, sequence) {
                ..=0 => self.deliver(sequence, payload, false, pieces),
                _ => self.hold(micros, sequence, payload),
            }
        }
        self.drain(pieces);
        while self.is_full()
            || !self.ahead.is_empty() && micros.saturating_sub(self.hole_since) > PATIENCE_MICROS
        {
            self.jump(pieces);
            self.hole_since = micros;
        }
    }

    /// Gives out what is new of a segment that begins at or before the next byte.
    fn deliver(&mut self, sequence: u32, payload: &[u8], after_gap: bool, pieces: &mut Vec<Piece>) {
        // A retransmission, or a keep-alive probe one byte back, brings nothing new.
        let known = distance(sequence, self.next).unsigned_abs() as usize;
        let Some(bytes) = payload.get(known..).filter(|bytes| !bytes.is_empty()) else { return };
        self.next = self.next.wrapping_add(bytes.len() as u32);
        match pieces.last_mut() {
            Some(last) if !after_gap => last.bytes.extend_from_slice(bytes),
            _ => pieces.push(Piece { after_gap, bytes: bytes.to_vec() }),
        }
    }

    fn hold(&mut self, micros: i64, sequence: u32, payload: &[u8]) {
        if self.ahead.is_empty() {
            self.hole_since = micros;
        }
        let next = self.next;
        let place = self.ahead.partition_point(|(held, _)| distance(next, *held) <= distance(next, sequence));
        self.ahead.insert(place, (sequence, payload.to_vec()));
        self.ahead_bytes += payload.len();
    }

    /// Gives out what was held and is next now.
    fn drain(&mut self, pieces: &mut Vec<Piece>) {
        while self.ahead.first().is_some_and(|(sequence, _)| distance(self.next, *sequence) <= 0) {
            let (sequence, payload) = self.ahead.remove(0);
            self.ahead_bytes -= payload.len();
            self.deliver(sequence, &payload, false, pieces);
        }
    }

    /// Goes on behind the hole.
    fn jump(&mut self, pieces: &mut Vec<Piece>) {
        if !self.ahead.is_empty() {
            let (sequence, payload) = self.ahead.remove(0);
            self.ahead_bytes -= payload.len();
            self.next = sequence;
            self.deliver(sequence, &payload, true, pieces);
            self.drain(pieces);
        }
    }

    fn is_full(&self) -> bool {
        self.ahead_bytes > AHEAD_BYTES_MAX || self.ahead.len() > AHEAD_SEGMENTS_MAX
    }
}

/// How far `to` is ahead of `from`; sequence numbers go round (section 3.4).
fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}
