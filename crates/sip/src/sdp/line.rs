use crate::bytes::{head, is_space, tail, trim_end};

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
    pub(crate) rest: &'a [u8],
    line_end: u8,
}

impl<'a> Lines<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let line_end = if memchr::memchr(b'\n', bytes).is_some() { b'\n' } else { b'\r' };
        Self { rest: bytes, line_end }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    #[inline]
    fn next(&mut self) -> Option<Line<'a>> {
        while !self.rest.is_empty() {
            let end = memchr::memchr(self.line_end, self.rest).unwrap_or(self.rest.len());
            let raw = trim_line(head(self.rest, end));
            self.rest = tail(self.rest, end + 1);
            match raw {
                [] => {}
                [kind, b'=', value @ ..] if kind.is_ascii_alphabetic() => {
                    return Some(Line { kind: *kind, value, raw });
                }
                _ => return Some(Line { kind: 0, value: raw, raw }),
            }
        }
        None
    }
}

/// Line ends, and the blanks and NULs some senders leave at the end.
#[inline]
fn trim_line(line: &[u8]) -> &[u8] {
    match line {
        [.., last] if is_space(*last) || *last == 0 => {
            let mut line = line;
            while let [rest @ .., b' ' | b'\t' | b'\r' | b'\n' | 0] = line {
                line = rest;
            }
            trim_end(line)
        }
        _ => line,
    }
}
