use crate::bytes::{sub, tail};
use crate::marks::{Marks, One};

/// One line of a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The letter before `=`; 0 where the line has another form.
    pub kind: u8,
    /// What follows `=`, or the whole line where it has another form.
    pub value: &'a [u8],
    /// The line without its line end.
    pub raw: &'a [u8],
}

/// The lines of a description; empty ones are skipped. Lines end in CRLF, in LF, or, where there is no LF at all,
/// in CR.
#[derive(Clone, Copy, Debug)]
pub struct Lines<'a> {
    bytes: &'a [u8],
    /// Where the next line starts.
    at: usize,
    ends: Marks<'a, One<b'\n'>>,
    /// No LF at all: CR ends the lines.
    cr_only: bool,
}

impl<'a> Lines<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let mut ends = Marks::new(bytes);
        let cr_only = ends.peek().is_none();
        Self { bytes, at: 0, ends, cr_only }
    }

    /// The lines of a part of `whole`, ended by what ends them there: a last part may be without the LF that the
    /// parts before it had.
    #[inline]
    pub(crate) fn of_part(part: &'a [u8], whole: &[u8]) -> Self {
        let mut lines = Self::new(part);
        lines.cr_only = lines.cr_only && memchr::memchr(b'\n', whole).is_none();
        lines
    }

    /// Where the next line starts.
    #[inline(always)]
    pub(crate) fn at(&self) -> usize {
        self.at.min(self.bytes.len())
    }

    /// Steps to the next line that starts with `letter=` and gives it; stops before the next media otherwise. Looks at
    /// the first two bytes of a line only, as most questions concern few lines.
    #[inline]
    pub(crate) fn find_in_block(&mut self, letter: u8) -> Option<Line<'a>> {
        // A copy that no call sees can live in registers.
        let mut lines = *self;
        let found = loop {
            let before = lines;
            match lines.step() {
                Some((kind, start, end)) if kind == letter => break Some(line(sub(lines.bytes, start, end))),
                Some((b'm', ..)) => {
                    lines = before;
                    break None;
                }
                Some(_) => {}
                None => break None,
            }
        };
        *self = lines;
        found
    }

    /// The letter of the next line and where it starts and ends. Looks at its first two bytes only; 0 where they are
    /// not `letter=`.
    #[inline(always)]
    pub(crate) fn step(&mut self) -> Option<(u8, usize, usize)> {
        let start = self.at;
        let kind = match self.bytes.get(start..)? {
            [kind, b'=', ..] => *kind,
            [] => return None,
            _ => 0,
        };
        let end = self.line_end();
        self.at = end + 1;
        Some((kind, start, end))
    }

    /// The line that [`Lines::step`] found, with a CR at its end.
    #[inline(always)]
    pub(crate) fn text(&self, start: usize, end: usize) -> &'a [u8] {
        sub(self.bytes, start, end)
    }

    /// The value of the line that [`Lines::step`] found.
    #[inline]
    pub(crate) fn value(&self, start: usize, end: usize) -> &'a [u8] {
        line(sub(self.bytes, start, end)).value
    }

    #[inline(always)]
    fn line_end(&mut self) -> usize {
        let end = if self.cr_only {
            memchr::memchr(b'\r', tail(self.bytes, self.at)).map(|step| self.at + step)
        } else {
            self.ends.next()
        };
        end.unwrap_or(self.bytes.len())
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    #[inline]
    fn next(&mut self) -> Option<Line<'a>> {
        while let Some((_, start, end)) = self.step() {
            let line = line(sub(self.bytes, start, end));
            if !line.raw.is_empty() {
                return Some(line);
            }
        }
        None
    }
}

/// Reads a line, without its line end and the blanks and NULs some senders leave before it.
#[inline]
fn line(text: &[u8]) -> Line<'_> {
    let mut raw = text;
    while let [rest @ .., b' ' | b'\t' | b'\r' | b'\n' | 0] = raw {
        raw = rest;
    }
    match raw {
        [kind, b'=', value @ ..] if kind.is_ascii_alphabetic() => Line { kind: *kind, value, raw },
        _ => Line { kind: 0, value: raw, raw },
    }
}
