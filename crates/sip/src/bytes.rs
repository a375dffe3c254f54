//! Byte-string tools of this room: all total, none allocates unless it says so.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::marks::{ListMarks, Marks};

/// Text for people and columns: folding undone (RFC 3261 7.3.1), invalid UTF-8 replaced. Borrowed in the
/// usual case of one line of valid UTF-8.
pub fn text(value: &[u8]) -> Cow<'_, str> {
    match unfold(value) {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// Replaces each line fold (line end and the white space around it) by one space, as RFC 3261 7.3.1 says.
pub fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'\r', b'\n', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut out: Vec<u8> = Vec::with_capacity(value.len());
    let mut fold = false;
    for &byte in value {
        match byte {
            b'\r' | b'\n' => {
                while out.last().is_some_and(|&last| is_blank(last)) {
                    out.pop();
                }
                fold = true;
            }
            b' ' | b'\t' if fold => {}
            _ => {
                if fold {
                    out.push(b' ');
                    fold = false;
                }
                out.push(byte);
            }
        }
    }
    Cow::Owned(out)
}

/// `bytes[from..to]`, empty when that is not inside.
#[inline(always)]
pub(crate) fn sub(bytes: &[u8], from: usize, to: usize) -> &[u8] {
    bytes.get(from..to).unwrap_or_else(outside)
}

/// `bytes[from..]`, empty when that is not inside.
#[inline(always)]
pub(crate) fn tail(bytes: &[u8], from: usize) -> &[u8] {
    bytes.get(from..).unwrap_or_else(outside)
}

/// `bytes[..to]`, everything when `to` is beyond the end.
#[inline(always)]
pub(crate) fn head(bytes: &[u8], to: usize) -> &[u8] {
    match bytes.get(..to) {
        Some(head) => head,
        None => bytes,
    }
}

/// Nothing. A call, so that the compiler checks bounds by branches, which cost nothing when they are never taken.
#[cold]
#[inline(never)]
fn outside<'a>() -> &'a [u8] {
    &[]
}

#[inline]
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// White space inside a header value: blanks and the line ends of folds.
#[inline]
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[inline]
pub(crate) fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes {
        if *first > b' ' || !is_space(*first) {
            break;
        }
        bytes = rest;
    }
    bytes
}

#[inline]
pub(crate) fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., last] = bytes {
        if *last > b' ' || !is_space(*last) {
            break;
        }
        bytes = rest;
    }
    bytes
}

#[inline]
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    trim_end(trim_start(bytes))
}

/// Splits at the first `separator`; the second half is `None` without one.
#[inline]
pub(crate) fn split_once(bytes: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(separator, bytes) {
        Some(at) => (head(bytes, at), Some(tail(bytes, at + 1))),
        None => (bytes, None),
    }
}

/// Splits at the first white space; both halves trimmed, the second empty without one.
#[inline]
pub(crate) fn split_word(bytes: &[u8]) -> (&[u8], &[u8]) {
    let bytes = trim_start(bytes);
    match bytes.iter().position(|&byte| byte <= b' ' && is_space(byte)) {
        Some(end) => (head(bytes, end), trim(tail(bytes, end))),
        None => (bytes, &[]),
    }
}

/// The decimal number that is all of `digits`; `None` when empty, not digits, or too big.
#[inline]
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// [`number`] that fits 32 bits.
#[inline]
pub(crate) fn number_u32(digits: &[u8]) -> Option<u32> {
    number(digits).and_then(|number| u32::try_from(number).ok())
}

/// End of the quoted string (RFC 3261 25.1) whose opening quote is at `open`: the place of the closing quote.
/// `None` when it is not closed.
#[inline]
pub(crate) fn quote_end(bytes: &[u8], open: usize) -> Option<usize> {
    Marks::<ListMarks>::starting_at(bytes, open + 1).quote_end()
}

/// The parts of a list: cut at a separator outside quotes and, if asked, outside `<...>`.
///
/// An unclosed quote or bracket hides nothing: from there on such bytes are plain text. That also keeps the
/// walk linear, as no closing byte is searched twice in vain.
#[derive(Clone, Debug)]
pub(crate) struct Split<'a> {
    list: &'a [u8],
    /// Where the next part starts; beyond the end when there is none.
    start: usize,
    marks: Marks<'a, ListMarks>,
    /// `,` or `;`.
    separator: u8,
    quotes: bool,
    angles: bool,
}

impl<'a> Split<'a> {
    /// Separators inside quotes do not count.
    #[inline]
    pub(crate) fn outside_quotes(list: &'a [u8], separator: u8) -> Self {
        Self { list, start: 0, marks: Marks::new(list), separator, quotes: true, angles: false }
    }

    /// Separators inside quotes or angle brackets do not count.
    #[inline]
    pub(crate) fn outside_brackets(list: &'a [u8], separator: u8) -> Self {
        Self { list, start: 0, marks: Marks::new(list), separator, quotes: true, angles: true }
    }

    /// What is not yet split.
    pub(crate) fn rest(&self) -> &'a [u8] {
        tail(self.list, self.start)
    }
}

impl<'a> Iterator for Split<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.start > self.list.len() {
            return None;
        }
        let start = self.start;
        while let Some(at) = self.marks.next() {
            match self.list.get(at) {
                Some(&byte) if byte == self.separator => {
                    self.start = at + 1;
                    return Some(sub(self.list, start, at));
                }
                Some(b'"') if self.quotes => {
                    let mut inside = self.marks;
                    match inside.quote_end() {
                        Some(_) => self.marks = inside,
                        None => self.quotes = false,
                    }
                }
                Some(b'<') if self.angles => match memchr::memchr(b'>', tail(self.list, at)) {
                    Some(step) => self.marks.skip_to(at + step + 1),
                    None => self.angles = false,
                },
                _ => {}
            }
        }
        self.start = self.list.len() + 1;
        Some(tail(self.list, start))
    }
}

/// Undoes `%XX` escapes (RFC 3261 25.1); broken escapes stay as they are.
pub(crate) fn percent_decoded(bytes: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', bytes).is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        rest = after;
        if let (b'%', [high, low, beyond @ ..]) = (*first, after)
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            out.push(high << 4 | low);
            rest = beyond;
        } else {
            out.push(*first);
        }
    }
    Cow::Owned(out)
}

/// Undoes the backslash escapes of a quoted string's inside.
pub(crate) fn unescaped(inside: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', inside).is_none() {
        return Cow::Borrowed(inside);
    }
    let mut out = Vec::with_capacity(inside.len());
    let mut escaped = false;
    for &byte in inside {
        if byte == b'\\' && !escaped {
            escaped = true;
        } else {
            out.push(byte);
            escaped = false;
        }
    }
    Cow::Owned(out)
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_become_one_space() {
        assert_eq!(text(b"I know you're there,\r\n \t pick up"), "I know you're there, pick up");
        assert_eq!(text(b"a \n b\r\n\r\n c"), "a b c");
        assert_eq!(text(b"caf\xe9"), "caf\u{fffd}");
    }

    #[test]
    fn separators_inside_quotes_and_brackets_do_not_count() {
        let parts = |list: &'static [u8]| Split::outside_brackets(list, b',').collect::<Vec<_>>();
        assert_eq!(parts(b"\"a,b\" <sip:c,d>,e"), [&b"\"a,b\" <sip:c,d>"[..], b"e"]);
        assert_eq!(parts(b"\"a\\\",b\";c,d"), [&b"\"a\\\",b\";c"[..], b"d"]);
        assert_eq!(parts(b"\"open,b"), [&b"\"open"[..], b"b"], "an unclosed quote hides nothing");
        assert_eq!(
            parts(b"<open,b,\"c,d\""),
            [&b"<open"[..], b"b", b"\"c,d\""],
            "an unclosed bracket hides nothing"
        );
        assert_eq!(parts(b""), [&b""[..]]);
    }

    #[test]
    fn numbers_are_whole_or_none() {
        assert_eq!(number(b"0042"), Some(42));
        assert_eq!(number(b""), None);
        assert_eq!(number(b"+1"), None);
        assert_eq!(number(b"18446744073709551616"), None);
        assert_eq!(number_u32(b"4294967296"), None);
    }

    #[test]
    fn escapes_are_undone_and_broken_ones_kept() {
        assert_eq!(&*percent_decoded(b"SIP%3Bcause%3D302%zz%4"), b"SIP;cause=302%zz%4");
        assert_eq!(&*unescaped(b"a\\\"b\\\\c\\"), b"a\"b\\c");
    }
}
