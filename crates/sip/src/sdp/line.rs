use crate::bytes::{is_space, sub, tail};
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
        let ends = Marks::new(bytes);
        let mut probe = ends;
        Self { bytes, at: 0, ends, cr_only: probe.next().is_none() }
    }

    /// Gives no more lines.
    pub(crate) fn finish(&mut self) {
        self.at = self.bytes.len();
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    #[inline]
    fn next(&mut self) -> Option<Line<'a>> {
        while self.at < self.bytes.len() {
            let end = if self.cr_only {
                memchr::memchr(b'\r', tail(self.bytes, self.at)).map(|step| self.at + step)
            } else {
                self.ends.next()
            };
            let end = end.unwrap_or(self.bytes.len());
            let raw = trim_line(sub(self.bytes, self.at, end));
            self.at = end + 1;
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
            line
        }
        _ => line,
    }
}
