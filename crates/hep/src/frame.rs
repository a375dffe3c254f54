//! Cutting HEPv3 packets out of a byte stream (TCP, TLS).
//!
//! A stream is the bare concatenation of packets; each says its own length. When the bytes where a packet should
//! start are none, the framer searches for the next place where one plausibly does: the id, a possible length,
//! and a first chunk that could exist. An id inside a payload is never looked at while the lengths are right.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use crate::datagram::filling;
use crate::inflate::{
    self, Format, GZIP_TRAILER_BYTES, GzipHeader, INFLATED_BYTES_MAX, Inflater, Input, Progress, RATIO_MAX,
};
use crate::resync::{self, Candidate};
use crate::{Refusal, legacy};

/// Most bytes skipped in search of one packet. A packet whose 16-bit length wrapped loses exactly this many.
pub const SKIPPED_BYTES_MAX: usize = 64 * 1024;

/// Most searches within [`RESYNC_WINDOW_SECONDS`]; a sender that needs more is broken for good.
pub const RESYNCS_PER_MINUTE_MAX: usize = 3;

/// See [`RESYNCS_PER_MINUTE_MAX`].
pub const RESYNC_WINDOW_SECONDS: u32 = 60;

/// Cuts one stream into frames.
///
/// After each [`Framer::push`], call [`Framer::next_frame`] until it gives `None`; then the framer holds at most
/// one unfinished packet (64 KiB) or gzip member (1 MiB inflated).
///
/// ```
/// let mut framer = hep::Framer::new();
/// framer.push(b"HEP3\0\x0d\0\0\0\x0b\0\x07", 0);
/// assert!(framer.next_frame().is_none());
/// framer.push(b"\x01", 0);
/// assert_eq!(framer.next_frame().unwrap().unwrap().len(), 13);
/// assert!(framer.next_frame().is_none());
/// assert_eq!(framer.finish(), None);
/// ```
#[derive(Default)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Where in `buffer` the unread bytes start.
    start: usize,
    /// Bytes of `buffer` before this came out of a gzip member; a member among them is not inflated again.
    inflated_until: usize,
    member: Option<Box<Member>>,
    /// Bytes skipped in the search that is going on; `None` while in step with the sender.
    searching: Option<usize>,
    now_seconds: u32,
    /// When the latest searches began.
    searches: [Option<u32>; RESYNCS_PER_MINUTE_MAX],
    closed: bool,
    /// True once anything but filling was seen.
    begun: bool,
    skipped_bytes: u64,
    resyncs: u64,
}

/// A gzip member on its way in.
struct Member {
    inflater: Inflater,
    deflated_bytes: usize,
    /// Inflated to the end; only the trailer is missing.
    ended: bool,
}

enum Step {
    Frame(Range<usize>),
    Refused(Refusal),
    Again,
    Wait,
}

impl Framer {
    /// A framer at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends bytes as they arrived, with the time of arrival in seconds since 1970. Ignored once closed.
    pub fn push(&mut self, bytes: &[u8], received_seconds: u32) {
        if self.closed {
            return;
        }
        self.now_seconds = received_seconds;
        self.buffer.drain(..self.start);
        self.inflated_until = self.inflated_until.saturating_sub(self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame: one packet as the sender framed it, to be given to [`crate::packets`]; or why bytes were
    /// passed over. `None` means more bytes are needed, or that the stream is closed.
    #[must_use]
    pub fn next_frame(&mut self) -> Option<Result<&[u8], Refusal>> {
        loop {
            match self.step() {
                Step::Again => {}
                Step::Wait => return None,
                Step::Refused(refusal) => return Some(Err(refusal)),
                Step::Frame(range) => return self.buffer.get(range).map(Ok),
            }
        }
    }

    /// True once the stream cannot be read any further and the connection should be dropped. The refusal that
    /// says why was the last item of [`Framer::next_frame`].
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// To be called when the peer has closed the stream: what became of the bytes that are left. An unfinished
    /// packet is normal there; agents drop connections in the middle of one.
    #[must_use]
    pub fn finish(&self) -> Option<Refusal> {
        let rest = self.rest();
        let rest = rest.get(filling(rest)..).unwrap_or_default();
        if self.closed {
            None
        } else if self.searching.is_some() {
            Some(Refusal::Garbage)
        } else if self.member.is_some() || inflate::is_gzip_prefix(rest) {
            Some(Refusal::Gzip)
        } else {
            (!rest.is_empty()).then_some(Refusal::Partial)
        }
    }

    /// Bytes held of a packet or gzip member that is not complete. A connection that stays at more than zero is
    /// stuck.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        let inflating = self.member.as_ref().map_or(0, |member| member.inflater.output().len().max(1));
        self.rest().len().saturating_add(inflating)
    }

    /// Bytes passed over in search of a packet since the stream began.
    #[must_use]
    pub const fn skipped_bytes(&self) -> u64 {
        self.skipped_bytes
    }

    /// How often the stream was out of step since it began.
    #[must_use]
    pub const fn resyncs(&self) -> u64 {
        self.resyncs
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    fn step(&mut self) -> Step {
        if self.closed {
            return Step::Wait;
        }
        if self.member.is_some() {
            return self.member_step();
        }
        if self.searching.is_some() {
            return self.search();
        }
        self.start = self.start.saturating_add(filling(self.rest()));
        let front = classify(self.rest(), self.begun, self.start >= self.inflated_until);
        match front {
            Front::Packet(length) => {
                self.begun = true;
                let end = self.start.saturating_add(length);
                let frame = self.start..end;
                self.start = end;
                Step::Frame(frame)
            }
            Front::GzipMember => self.begin_member(),
            Front::Foreign(refusal) => self.close(refusal),
            Front::Garbage => self.begin_search(),
            Front::NeedsInput => Step::Wait,
        }
    }

    /// Leaves step with the sender at the current byte, unless that has happened too often.
    fn begin_search(&mut self) -> Step {
        self.begun = true;
        let now = self.now_seconds;
        let free = self
            .searches
            .iter_mut()
            .find(|began| began.is_none_or(|began| now.saturating_sub(began) >= RESYNC_WINDOW_SECONDS));
        let Some(free) = free else {
            return self.close(Refusal::TooManyResyncs);
        };
        *free = Some(now);
        self.resyncs = self.resyncs.saturating_add(1);
        self.searching = Some(0);
        self.skip(1)
    }

    /// Looks for the next packet in what is there.
    fn search(&mut self) -> Step {
        match resync::find(self.rest(), 0) {
            Some((at, candidate)) => match self.skip(at) {
                Step::Again if candidate == Candidate::Yes => {
                    self.searching = None;
                    Step::Refused(Refusal::Garbage)
                }
                Step::Again => Step::Wait,
                closed => closed,
            },
            None => match self.skip(self.rest().len()) {
                Step::Again => Step::Wait,
                closed => closed,
            },
        }
    }

    fn skip(&mut self, bytes: usize) -> Step {
        self.start = self.start.saturating_add(bytes);
        self.skipped_bytes = self.skipped_bytes.saturating_add(bytes as u64);
        let skipped = self.searching.unwrap_or(0).saturating_add(bytes);
        self.searching = Some(skipped);
        if skipped > SKIPPED_BYTES_MAX { self.close(Refusal::TooMuchGarbage) } else { Step::Again }
    }

    fn close(&mut self, refusal: Refusal) -> Step {
        self.closed = true;
        self.buffer = Vec::new();
        self.start = 0;
        self.member = None;
        Step::Refused(refusal)
    }

    fn begin_member(&mut self) -> Step {
        match inflate::gzip_header(self.rest()) {
            GzipHeader::Whole(bytes) => {
                self.begun = true;
                self.start = self.start.saturating_add(bytes);
                let inflater = Inflater::new(Format::Gzip, INFLATED_BYTES_MAX, self.rest().len());
                self.member = Some(Box::new(Member { inflater, deflated_bytes: 0, ended: false }));
                Step::Again
            }
            GzipHeader::NeedsInput => Step::Wait,
            GzipHeader::Not => self.begin_search(),
        }
    }

    /// Inflates what has arrived of a member. Once whole, its content takes its place in the buffer.
    fn member_step(&mut self) -> Step {
        let Some(mut member) = self.member.take() else {
            return Step::Again;
        };
        if !member.ended {
            let (consumed, progress) = member.inflater.feed(self.rest(), Input::MayContinue);
            self.start = self.start.saturating_add(consumed);
            member.deflated_bytes = member.deflated_bytes.saturating_add(consumed);
            match progress {
                Progress::Done => member.ended = true,
                Progress::NeedsInput => {
                    self.member = Some(member);
                    return Step::Wait;
                }
                // Where a broken member ends, nobody knows; where a bomb ends, only who inflates it.
                Progress::Corrupt | Progress::Limit => return self.close(Refusal::Gzip),
            }
        }
        let Some((trailer, after)) = self.rest().split_first_chunk::<GZIP_TRAILER_BYTES>() else {
            self.member = Some(member);
            return Step::Wait;
        };
        let output = member.inflater.output();
        if output.len() > member.deflated_bytes.saturating_mul(RATIO_MAX) {
            return self.close(Refusal::Gzip);
        }
        if !inflate::gzip_trailer_fits(*trailer, output) {
            self.start = self.start.saturating_add(GZIP_TRAILER_BYTES);
            return Step::Refused(Refusal::Gzip);
        }
        let mut buffer = Vec::with_capacity(output.len().saturating_add(after.len()));
        buffer.extend_from_slice(output);
        buffer.extend_from_slice(after);
        self.inflated_until = output.len();
        self.buffer = buffer;
        self.start = 0;
        Step::Again
    }
}

/// What stands where a packet should start.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Front {
    /// A whole packet of this many bytes.
    Packet(usize),
    GzipMember,
    /// Another protocol, of which no part can be framed.
    Foreign(Refusal),
    Garbage,
    NeedsInput,
}

fn classify(rest: &[u8], begun: bool, gzip_allowed: bool) -> Front {
    if resync::has_magic(rest) {
        let &[_, _, _, _, l0, l1, ..] = rest else {
            return Front::NeedsInput;
        };
        return match usize::from(u16::from_be_bytes([l0, l1])) {
            length if length < resync::HEADER_BYTES => Front::Garbage,
            length if length > rest.len() => Front::NeedsInput,
            length => Front::Packet(length),
        };
    }
    if rest.len() < 4 && resync::may_become_magic(rest) {
        return Front::NeedsInput;
    }
    if gzip_allowed && inflate::is_gzip_prefix(rest) {
        return Front::GzipMember;
    }
    // The other protocols that turn up on this port are told by four bytes.
    if rest.len() < 4 && (!begun || matches!(rest, [1 | 2, ..])) {
        return Front::NeedsInput;
    }
    match rest {
        _ if legacy::looks_like_header(rest) => Front::Foreign(Refusal::Unframeable),
        // RFC 8446, section 5.1: a handshake record.
        [0x16, 3, ..] if !begun => Front::Foreign(Refusal::Tls),
        [b'G', b'E', b'T', b' ', ..] | [b'P', b'O', b'S', b'T', ..] | [b'H', b'E', b'A', b'D', ..]
            if !begun =>
        {
            Front::Foreign(Refusal::Http)
        }
        _ => Front::Garbage,
    }
}

impl core::fmt::Debug for Framer {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter
            .debug_struct("Framer")
            .field("pending_bytes", &self.pending_bytes())
            .field("skipped_bytes", &self.skipped_bytes)
            .field("resyncs", &self.resyncs)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
