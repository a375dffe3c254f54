//! One message: what the single pass over its header lines remembers.

use alloc::vec::Vec;
use core::ops::Range;

use crate::bytes::{head, is_space, number, sub, tail, trim};
use crate::header::{Headers, LineName, Lines, Step, Values, value_places};
use crate::name::Name;
use crate::problem::Problem;
use crate::review;
use crate::start::Start;

/// A SIP message, or what is left of one, inside the bytes it was read from.
///
/// Made by [`parse`] or [`crate::messages`]. Holds places only; every accessor reads when asked. The accessors of
/// single headers take the first one of its name, as RFC 3261 leaves the rest undefined.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) start: Start<'a>,
    pub(crate) outline: Outline,
}

/// Where things are in a message: what reading it once has found, without its bytes.
///
/// Who asks one message often keeps it, and has the message back by [`Outline::of`] without another walk.
#[derive(Clone, Debug)]
pub struct Outline {
    /// First byte, after leading line ends and NULs.
    from: u32,
    start_line: Place,
    headers: Place,
    body: Place,
    pub(crate) cr_only: bool,
    pub(crate) index: Index,
}

/// What the one pass over the header lines finds.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    /// Where the first header of each of the first [`Name::INDEXED`] names has its value.
    slots: [Place; Name::INDEXED],
    /// The known names that stand there, by [`Name::bit`].
    seen: u64,
    /// Where the body starts.
    body: usize,
    /// Whether the empty line that ends the headers is there.
    pub(crate) blank_line: bool,
}

/// A start and an end in the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// Reads the first message in `bytes`. Never fails: see [`Message::start`] and [`Message::problems`].
///
/// A datagram holds one message; where there may be more, as on a stream, use [`crate::messages`].
#[inline]
pub fn parse(bytes: &[u8]) -> Message<'_> {
    parse_at(bytes, 0)
}

/// How far a line end is searched before a message counts as one without LF. No start line is longer.
const START_LINE_BYTES_MAX: usize = 65_536;

/// Places are 32 bits wide; no capture protocol carries more.
const INPUT_BYTES_MAX: usize = u32::MAX as usize;

pub(crate) fn parse_at(bytes: &[u8], at: usize) -> Message<'_> {
    let bytes = head(bytes, INPUT_BYTES_MAX);
    let mut from = at.min(bytes.len());
    while bytes.get(from).is_some_and(|&byte| matches!(byte, b'\r' | b'\n' | 0)) {
        from += 1;
    }
    let (mut lines, cr_only) = lines_from(bytes, from);
    let mut start_end = lines.skip_line();
    while start_end > from && bytes.get(start_end - 1) == Some(&b'\r') {
        start_end -= 1;
    }
    let start = Start::of(sub(bytes, from, start_end));
    if !start.is_known() {
        lines = Lines::new(bytes, from, cr_only);
    }

    let headers_from = lines.at;
    let index = Index::walk(lines);
    let outline = Outline {
        from: narrow(from),
        start_line: if start.is_known() { Place::new(from, start_end) } else { Place::new(from, from) },
        headers: Place::new(headers_from, index.body),
        body: Place::new(index.body, bytes.len()),
        cr_only,
        index,
    };
    let mut message = Message { bytes, start, outline };
    message.find_body();
    message
}

/// The lines from `from` on, and whether CR alone ends them.
#[inline]
fn lines_from(bytes: &[u8], from: usize) -> (Lines<'_>, bool) {
    let lines = Lines::new(bytes, from, false);
    if lines.ends_soon() {
        return (lines, false);
    }
    let window = head(tail(bytes, from), START_LINE_BYTES_MAX);
    // LF, nearly always; a message that has none but CRs is meant to end its lines by them.
    let cr_only = memchr::memchr(b'\n', window).is_none() && memchr::memchr(b'\r', window).is_some();
    (Lines::new(bytes, from, cr_only), cr_only)
}

impl<'a> Message<'a> {
    /// What the first line says.
    #[inline]
    pub fn start(&self) -> Start<'a> {
        self.start
    }

    /// The method: of the request line, else of CSeq.
    #[inline]
    pub fn method(&self) -> Option<&'a [u8]> {
        match self.start {
            Start::Request { method, .. } => Some(method),
            _ => self.cseq().map(|cseq| cseq.method).filter(|method| !method.is_empty()),
        }
    }

    /// The status code of a response.
    #[inline]
    pub fn status(&self) -> Option<u16> {
        match self.start {
            Start::Response { status, .. } => Some(status),
            _ => None,
        }
    }

    /// The reason phrase of a response, possibly empty.
    #[inline]
    pub fn reason_phrase(&self) -> Option<&'a [u8]> {
        match self.start {
            Start::Response { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// True for what has a start line or at least one known header: false for keep-alives, binary data and text
    /// that is no SIP.
    pub fn is_sip(&self) -> bool {
        self.start.is_known() || self.outline.index.seen != 0
    }

    /// Nothing but line ends, blanks and NULs (RFC 5626 3.5.1 and the habits of NAT keepers).
    pub fn is_keep_alive(&self) -> bool {
        self.bytes.iter().all(|&byte| is_space(byte) || byte == 0)
    }

    /// The value of the first header of this name, as written; folds inside stay (see [`crate::text`]).
    #[inline]
    pub fn header(&self, name: Name) -> Option<&'a [u8]> {
        if self.outline.index.seen & name.bit() == 0 {
            return None;
        }
        match self.outline.index.slots.get(name as usize) {
            Some(place) => Some(self.at(*place)),
            None => self.values(name).next(),
        }
    }

    /// The value of the first header called `name`, known or not, in any case.
    pub fn header_named(&self, name: &[u8]) -> Option<&'a [u8]> {
        match Name::of(name) {
            Some(known) => self.header(known),
            None => self
                .headers()
                .find(|header| header.name.eq_ignore_ascii_case(name))
                .map(|header| header.value),
        }
    }

    /// The values of every header of this name, in order.
    pub fn values(&self, name: Name) -> Values<'a> {
        // Most messages lack most headers: do not walk for those.
        let lines = if self.outline.index.seen & name.bit() == 0 { self.no_lines() } else { self.lines() };
        Values::new(lines, name)
    }

    /// Every header, in order.
    pub fn headers(&self) -> Headers<'a> {
        Headers::new(self.lines())
    }

    /// The body: as long as Content-Length says, or all there is if it is cut or the header is missing or wrong.
    #[inline]
    pub fn body(&self) -> &'a [u8] {
        self.at(self.outline.body)
    }

    /// Where the start line stands in the input, without its line end; empty for a fragment.
    pub fn start_line_range(&self) -> Range<usize> {
        self.outline.start_line.range()
    }

    /// Where the body stands in the input.
    pub fn body_range(&self) -> Range<usize> {
        self.outline.body.range()
    }

    /// Where the whole message stands in the input, from its first line to the end of its body.
    pub fn range(&self) -> Range<usize> {
        wide(self.outline.from)..wide(self.outline.body.end)
    }

    /// Where a part that some accessor returned stands in the input; `None` for bytes from elsewhere.
    pub fn range_of(&self, part: &[u8]) -> Option<Range<usize>> {
        let start = (part.as_ptr() as usize).checked_sub(self.bytes.as_ptr() as usize)?;
        let end = start.checked_add(part.len())?;
        (end <= self.bytes.len()).then_some(start..end)
    }

    /// Everything odd about the message, in order of place. Reads the whole message again; at most
    /// [`Message::PROBLEMS_MAX`] are listed.
    pub fn problems(&self) -> Vec<Problem> {
        review::problems(self)
    }

    /// A message of random bytes has a problem in every line; nobody reads more than these.
    pub const PROBLEMS_MAX: usize = 100;

    pub(crate) fn lines(&self) -> Lines<'a> {
        Lines::new(
            head(self.bytes, wide(self.outline.headers.end)),
            wide(self.outline.headers.start),
            self.outline.cr_only,
        )
    }

    pub(crate) fn has(&self, name: Name) -> bool {
        self.outline.index.seen & name.bit() != 0
    }

    fn no_lines(&self) -> Lines<'a> {
        Lines::new(&[], 0, self.outline.cr_only)
    }

    #[inline]
    fn at(&self, place: Place) -> &'a [u8] {
        sub(self.bytes, wide(place.start), wide(place.end))
    }

    /// Says where the body ends.
    #[inline]
    fn find_body(&mut self) {
        let body_from = self.outline.index.body;
        if !self.is_sip() {
            // Not a line of SIP: all of it is what a body would be.
            self.outline.headers.end = self.outline.headers.start;
            self.outline.body.start = self.outline.from;
            return self.close_body(self.bytes.len());
        }
        match self.content_length() {
            Some(length) => {
                let end =
                    usize::try_from(length).map_or(usize::MAX, |length| body_from.saturating_add(length));
                self.outline.body.end = narrow(end.min(self.bytes.len()));
            }
            // A request without a body may omit the length on UDP, and capture agents glue messages together.
            None if !self.has(Name::ContentType) && starts_message(tail(self.bytes, body_from)) => {
                self.outline.body.end = self.outline.body.start;
            }
            None => self.close_body(self.bytes.len()),
        }
    }

    /// Ends the body at `end`, or before the NULs that some senders pad with.
    fn close_body(&mut self, mut end: usize) {
        while end > wide(self.outline.body.start) && self.bytes.get(end - 1) == Some(&0) {
            end -= 1;
        }
        self.outline.body.end = narrow(end);
    }

    /// Content-Length (RFC 3261 20.14), if it is a number.
    pub fn content_length(&self) -> Option<u64> {
        number(trim(self.header(Name::ContentLength)?))
    }

    /// What reading it has found, to be kept.
    pub fn outline(&self) -> &Outline {
        &self.outline
    }
}

impl Outline {
    /// The message that this was found in. Of other bytes it makes no sense, and no harm.
    pub fn of<'a>(&self, bytes: &'a [u8]) -> Message<'a> {
        let bytes = head(bytes, INPUT_BYTES_MAX);
        let line = self.start_line.range();
        Message { bytes, start: Start::of(sub(bytes, line.start, line.end)), outline: self.clone() }
    }
}

impl Index {
    // Kept a function of its own, so that its loop has the processor's registers to itself.
    #[inline(never)]
    fn walk(mut lines: Lines<'_>) -> Self {
        let bytes = lines.bytes;
        let mut index =
            Self { slots: [Place::default(); Name::INDEXED], seen: 0, body: bytes.len(), blank_line: false };
        loop {
            // A copy that no call sees can live in registers.
            let mut plain = lines;
            let mut seen = index.seen;
            while let Some((start, end)) = plain.plain() {
                let line = LineName::read(bytes, start, end);
                if let (Some(name), Some(colon)) = (line.known, line.colon) {
                    seen |= index.note(seen, name, || value_places(bytes, colon + 1, end));
                }
            }
            index.seen = seen;
            lines = plain;
            match lines.rare() {
                Step::Line(line) => {
                    if let Some(name) = line.known {
                        index.seen |= index.note(seen, name, || (line.value_start, line.value_end));
                    }
                }
                Step::Blank(body) => {
                    index.body = body;
                    index.blank_line = true;
                    return index;
                }
                Step::Cut => return index,
            }
        }
    }

    /// Keeps the places of the value if it is the first of its name, and gives the name's bit.
    #[inline(always)]
    fn note(&mut self, seen: u64, name: Name, value: impl FnOnce() -> (usize, usize)) -> u64 {
        if seen & name.bit() == 0
            && let Some(slot) = self.slots.get_mut(name as usize)
        {
            let (start, end) = value();
            *slot = Place::new(start, end);
        }
        name.bit()
    }
}

impl Place {
    #[inline]
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start: narrow(start), end: narrow(end) }
    }

    pub(crate) fn range(self) -> Range<usize> {
        wide(self.start)..wide(self.end)
    }
}

/// Whether a message starts here, after at most some line ends.
fn starts_message(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let [b'\r' | b'\n' | 0, after @ ..] = rest {
        rest = after;
    }
    let window = head(rest, START_LINE_BYTES_MAX);
    let end = memchr::memchr2(b'\r', b'\n', window).unwrap_or(window.len());
    Start::of(head(window, end)).is_known()
}

/// The input is cut to [`INPUT_BYTES_MAX`], so no place is lost.
#[inline]
fn narrow(place: usize) -> u32 {
    place as u32
}

#[inline]
fn wide(place: u32) -> usize {
    place as usize
}
