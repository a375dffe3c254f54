//! Walking header lines.

use core::ops::Range;

use crate::bytes::{is_blank, is_space, sub};
use crate::name::{Name, short_word};

/// One header line, with its continuation lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The name as written, compact or long.
    pub name: &'a [u8],
    /// The value as written, white space around it removed. Line folds inside stay: see [`crate::text`].
    pub value: &'a [u8],
    /// Which header it is, if it is one this crate knows.
    pub known: Option<Name>,
    name_start: usize,
    value_start: usize,
}

impl Header<'_> {
    /// Where the name stands in the input.
    pub fn name_range(&self) -> Range<usize> {
        self.name_start..self.name_start + self.name.len()
    }

    /// Where the value stands in the input.
    pub fn value_range(&self) -> Range<usize> {
        self.value_start..self.value_start + self.value.len()
    }

    /// Whether this is the header called `name`, whatever the case or compact form it is written in.
    pub fn is(&self, name: &[u8]) -> bool {
        match self.known {
            Some(known) => Name::of(name) == Some(known),
            None => self.name.eq_ignore_ascii_case(name),
        }
    }
}

/// The headers of a message, in order. Lines without a colon are skipped: [`crate::Message::problems`] has them.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    lines: Lines<'a>,
}

impl<'a> Headers<'a> {
    pub(crate) fn new(lines: Lines<'a>) -> Self {
        Self { lines }
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        loop {
            let Step::Line(line) = self.lines.step() else { return None };
            if line.colon {
                return Some(Header {
                    name: sub(self.lines.bytes, line.start, line.name_end),
                    value: sub(self.lines.bytes, line.value_start, line.value_end),
                    known: line.known,
                    name_start: line.start,
                    value_start: line.value_start,
                });
            }
        }
    }
}

/// The values of one header, one per line that carries it. List headers may hold several elements in each.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    headers: Headers<'a>,
    name: Name,
}

impl<'a> Values<'a> {
    pub(crate) fn new(lines: Lines<'a>, name: Name) -> Self {
        Self { headers: Headers::new(lines), name }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let name = self.name;
        self.headers.find(|header| header.known == Some(name)).map(|header| header.value)
    }
}

/// Steps over header lines; the one place that knows what a line, a fold and the end of the headers is.
#[derive(Clone, Debug)]
pub(crate) struct Lines<'a> {
    pub(crate) bytes: &'a [u8],
    /// Where the next line starts.
    pub(crate) at: usize,
    /// Where the headers end at the latest.
    pub(crate) end: usize,
    /// LF, or CR in a message without a single LF.
    pub(crate) line_end: u8,
}

/// One line, or why there is none.
pub(crate) enum Step {
    Line(Line),
    /// The empty line: the body starts here.
    Blank(usize),
    /// The input ended first.
    Cut,
}

/// Places of one header line in the input.
#[derive(Clone, Copy)]
pub(crate) struct Line {
    pub(crate) start: usize,
    pub(crate) name_end: usize,
    pub(crate) value_start: usize,
    pub(crate) value_end: usize,
    /// Where the next line starts.
    pub(crate) next: usize,
    pub(crate) known: Option<Name>,
    pub(crate) colon: bool,
    pub(crate) folded: bool,
}

impl Lines<'_> {
    #[inline]
    pub(crate) fn step(&mut self) -> Step {
        let bytes = self.bytes.get(..self.end).unwrap_or(self.bytes);
        let start = self.at;
        let Some(rest) = bytes.get(start..).filter(|rest| !rest.is_empty()) else { return Step::Cut };
        let mut line_end = memchr::memchr(self.line_end, rest).map_or(bytes.len(), |step| start + step);
        // A line of nothing but CRs is as empty as one CRLF: some senders double the CR.
        let mut value_end = line_end;
        while value_end > start && bytes.get(value_end - 1) == Some(&b'\r') {
            value_end -= 1;
        }
        if value_end == start && line_end < bytes.len() {
            self.at = line_end + 1;
            return Step::Blank(self.at);
        }
        // RFC 3261 7.3.1: a line that starts with white space continues the one before.
        let mut folded = false;
        while bytes.get(line_end + 1).is_some_and(|&byte| is_blank(byte)) {
            folded = true;
            let from = line_end + 1;
            line_end = memchr::memchr(self.line_end, sub(bytes, from, bytes.len()))
                .map_or(bytes.len(), |step| from + step);
            value_end = line_end;
        }
        self.at = (line_end + 1).min(bytes.len());

        let mut line = Line {
            start,
            name_end: start,
            value_start: start,
            value_end,
            next: self.at,
            known: None,
            colon: false,
            folded,
        };
        let loaded = rest.first_chunk().map_or_else(|| short_word(rest), |chunk| u64::from_le_bytes(*chunk));
        let mut value_start = start;
        if let Some(colon) = colon(sub(bytes, start, value_end), loaded) {
            line.colon = true;
            let mut name_end = start + colon;
            value_start = name_end + 1;
            // RFC 3261 25.1 HCOLON: white space may stand before the colon.
            while name_end > start && bytes.get(name_end - 1).is_some_and(|&byte| is_blank(byte)) {
                name_end -= 1;
            }
            line.name_end = name_end;
            line.known = Name::of_loaded(sub(bytes, start, name_end), loaded);
        }
        while value_start < value_end && bytes.get(value_start).is_some_and(|&byte| is_space(byte)) {
            value_start += 1;
        }
        // NULs end the text of senders that think in C strings.
        while value_end > value_start
            && bytes.get(value_end - 1).is_some_and(|&byte| is_space(byte) || byte == 0)
        {
            value_end -= 1;
        }
        line.value_start = value_start;
        line.value_end = value_end;
        Step::Line(line)
    }
}

/// Place of the first colon in `line`, whose first eight bytes are `loaded`. Names are short, so words of
/// eight bytes beat a general search.
#[inline]
fn colon(line: &[u8], loaded: u64) -> Option<usize> {
    const COLONS: u64 = u64::from_le_bytes([b':'; 8]);
    let found = zero_byte(loaded ^ COLONS);
    if found < 8 {
        return (found < line.len()).then_some(found);
    }
    let mut at = 8;
    while let Some(chunk) = line.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let found = zero_byte(u64::from_le_bytes(*chunk) ^ COLONS);
        if found < 8 {
            return Some(at + found);
        }
        at += 8;
    }
    line.get(at..)?.iter().position(|&byte| byte == b':').map(|step| at + step)
}

/// Index of the lowest zero byte of `word`; 8 without one.
#[inline]
fn zero_byte(word: u64) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = u64::from_le_bytes([0x80; 8]);
    let zeros = word.wrapping_sub(ONES) & !word & TOPS;
    zeros.trailing_zeros() as usize / 8
}
