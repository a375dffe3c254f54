//! Walking header lines.

use core::ops::Range;

use crate::bytes::{is_blank, is_space, sub, tail};
use crate::marks::{Marks, One};
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
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines<'a> {
    pub(crate) bytes: &'a [u8],
    /// Where the next line starts.
    pub(crate) at: usize,
    /// The line ends from there on.
    ends: Marks<'a, One<b'\n'>>,
    /// Not a single LF: CR ends the lines.
    cr_only: bool,
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
    /// Where its line end stands.
    pub(crate) end: usize,
    pub(crate) known: Option<Name>,
    pub(crate) colon: bool,
    pub(crate) folded: bool,
}

impl<'a> Lines<'a> {
    /// The lines of `bytes` from `at` on.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], at: usize, cr_only: bool) -> Self {
        Self { bytes, at, ends: Marks::starting_at(bytes, at), cr_only }
    }

    /// Whether an LF is near, so that no search for one is needed.
    #[inline]
    pub(crate) fn ends_soon(&self) -> bool {
        self.ends.is_near()
    }

    /// Steps over the first line and gives its end.
    #[inline]
    pub(crate) fn skip_line(&mut self) -> usize {
        let end = self.line_end().unwrap_or(self.bytes.len());
        self.at = (end + 1).min(self.bytes.len());
        end
    }

    /// The next line end at or behind `at`.
    #[inline(always)]
    fn line_end(&mut self) -> Option<usize> {
        if self.cr_only {
            return memchr::memchr(b'\r', tail(self.bytes, self.at)).map(|step| self.at + step);
        }
        self.ends.next()
    }

    /// The next line, whatever it is.
    #[inline]
    pub(crate) fn step(&mut self) -> Step {
        match self.plain() {
            Some((start, end)) => Step::Line(Line::read(self.bytes, start, end)),
            None => self.rare(),
        }
    }

    /// Start and end of the next line, if it is one like nearly all: it starts with a letter, and so does the next,
    /// or that is empty. Otherwise [`Lines::rare`] has the next line.
    // Forced, as this is in the hottest loop of the crate, with `LineName::read` and `value_places`.
    #[inline(always)]
    pub(crate) fn plain(&mut self) -> Option<(usize, usize)> {
        if self.cr_only {
            return None;
        }
        let start = self.at;
        let end = self.ends.peek()?;
        let first = *self.bytes.get(start)?;
        let after = *self.bytes.get(end + 1)?;
        if first <= b' ' || (after <= b' ' && is_blank(after)) {
            return None;
        }
        self.ends.drop_peeked();
        self.at = end + 1;
        Some((start, end))
    }

    /// The empty line, folded lines, and those the input ends in.
    #[cold]
    pub(crate) fn rare(&mut self) -> Step {
        let start = self.at;
        let first_end = self.line_end();
        let bytes = self.bytes;
        let mut end = first_end.unwrap_or(bytes.len());
        self.at = (end + 1).min(bytes.len());
        if start >= bytes.len() {
            return Step::Cut;
        }
        // A line of nothing but CRs is as empty as one CRLF: some senders double the CR.
        if first_end.is_some() && sub(bytes, start, end).iter().all(|&byte| byte == b'\r') {
            return Step::Blank(self.at);
        }
        // RFC 3261 7.3.1: a line that starts with white space continues the one before.
        let mut folded = false;
        while bytes.get(self.at).is_some_and(|&byte| is_blank(byte)) {
            folded = true;
            end = self.line_end().unwrap_or(bytes.len());
            self.at = (end + 1).min(bytes.len());
        }
        Step::Line(Line { folded, ..Line::read(bytes, start, end) })
    }
}

impl Line {
    /// Reads the line from `start` to its line end.
    pub(crate) fn read(bytes: &[u8], start: usize, end: usize) -> Self {
        let name = LineName::read(bytes, start, end);
        let (value_start, value_end) = value_places(bytes, name.colon.map_or(start, |colon| colon + 1), end);
        Self {
            start,
            name_end: name.end,
            value_start,
            value_end,
            end,
            known: name.known,
            colon: name.colon.is_some(),
            folded: false,
        }
    }
}

/// The name of a header line.
#[derive(Clone, Copy)]
pub(crate) struct LineName {
    pub(crate) colon: Option<usize>,
    /// Where the name ends; where it starts, without a colon.
    end: usize,
    pub(crate) known: Option<Name>,
}

impl LineName {
    #[inline(always)]
    pub(crate) fn read(bytes: &[u8], start: usize, end: usize) -> Self {
        let rest = tail(bytes, start);
        let loaded = rest.first_chunk().map_or_else(|| short_word(rest), |chunk| u64::from_le_bytes(*chunk));
        let found = zero_byte(loaded ^ COLONS);
        let colon = if found < 8 { start + found } else { far_colon(bytes, start + 8, end) };
        if colon >= end {
            return Self { colon: None, end: start, known: None };
        }
        let known = Name::of_loaded(bytes, start, colon, loaded);
        // RFC 3261 25.1 HCOLON: white space may stand before the colon.
        if known.is_none() && colon > start && bytes.get(colon - 1).is_some_and(|&byte| is_blank(byte)) {
            return Self::spaced(bytes, start, colon);
        }
        Self { colon: Some(colon), end: colon, known }
    }

    #[cold]
    fn spaced(bytes: &[u8], start: usize, colon: usize) -> Self {
        let mut name = sub(bytes, start, colon);
        while let [before @ .., b' ' | b'\t'] = name {
            name = before;
        }
        Self { colon: Some(colon), end: start + name.len(), known: Name::of(name) }
    }
}

/// Where the value between `start` and the line end `end` starts and ends without the white space around it.
#[inline(always)]
pub(crate) fn value_places(bytes: &[u8], mut start: usize, mut end: usize) -> (usize, usize) {
    // One space before the value and one CR behind it, nearly always.
    if bytes.get(start) == Some(&b' ') {
        start += 1;
    }
    if end > start && bytes.get(end - 1) == Some(&b'\r') {
        end -= 1;
    }
    match sub(bytes, start, end) {
        value @ [first, .., last] if *first <= b' ' || *last <= b' ' => trimmed(value, start),
        [_, _, ..] => (start, end),
        value => trimmed(value, start),
    }
}

/// The places without white space, and without the NULs that end the text of senders that think in C strings.
#[cold]
fn trimmed(value: &[u8], start: usize) -> (usize, usize) {
    let front = value.iter().position(|&byte| !is_space(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|&byte| !is_space(byte) && byte != 0).map_or(0, |at| at + 1);
    (start + front, start + end.max(front))
}

const COLONS: u64 = u64::from_le_bytes([b':'; 8]);

/// Place of the first colon from `at` on; anywhere behind `end` if there is none before. Names are short, so words of
/// eight bytes beat a general search.
#[inline(always)]
fn far_colon(bytes: &[u8], mut at: usize, end: usize) -> usize {
    while at < end {
        let found = match bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            Some(chunk) => zero_byte(u64::from_le_bytes(*chunk) ^ COLONS),
            None => tail(bytes, at).iter().position(|&byte| byte == b':').unwrap_or(8),
        };
        if found < 8 {
            return at + found;
        }
        at += 8;
    }
    usize::MAX
}

/// Index of the lowest zero byte of `word`; 8 without one.
#[inline]
fn zero_byte(word: u64) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = u64::from_le_bytes([0x80; 8]);
    let zeros = word.wrapping_sub(ONES) & !word & TOPS;
    zeros.trailing_zeros() as usize / 8
}
