//! Where the values of a JSON text are. Nothing is built: a value is the piece of text it stands in.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::iter::FusedIterator;

use super::{DEPTH_MAX, JsonError, KEYS_MAX};

/// Finds the values of a body: one, several one after the other or line by line, the elements of lists, or any mixture.
///
/// Each comes as its exact text, checked to be JSON. What is no JSON is one error, and the search goes on at the next
/// line that starts with `{` or `[`: a broken line of NDJSON never takes its neighbours along. Offsets in errors count
/// from the start of the body. An empty body has no items.
#[must_use]
pub fn items(body: &[u8]) -> Items<'_> {
    /// U+FEFF, which RFC 8259 8.1 forbids to write and allows to ignore.
    const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];
    let at = if body.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    Items { scanner: Scanner { bytes: body, at }, in_list: false }
}

/// Iterator over the values of a body; see [`items`].
#[derive(Clone, Debug)]
pub struct Items<'a> {
    scanner: Scanner<'a>,
    in_list: bool,
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<&'a str, JsonError>;

    fn next(&mut self) -> Option<Self::Item> {
        let scanner = &mut self.scanner;
        loop {
            scanner.skip_blanks();
            match scanner.peek() {
                None if self.in_list => {
                    self.in_list = false;
                    return Some(Err(scanner.expected("`]`")));
                }
                None => return None,
                Some(b',') => scanner.step(),
                Some(b'[') if !self.in_list => {
                    self.in_list = true;
                    scanner.step();
                }
                Some(b']') if self.in_list => {
                    self.in_list = false;
                    scanner.step();
                }
                Some(_) => break,
            }
        }
        let from = scanner.at;
        let item = scanner.value(0).and_then(|()| {
            let item = scanner.bytes.get(from..scanner.at).unwrap_or_default();
            core::str::from_utf8(item)
                .map_err(|error| JsonError::NotUtf8 { at: from.saturating_add(error.valid_up_to()) })
        });
        if matches!(item, Err(JsonError::Syntax { .. } | JsonError::TooDeep { .. })) {
            self.in_list = false;
            scanner.skip_to_line();
        }
        Some(item)
    }
}

impl FusedIterator for Items<'_> {}

/// A value, by its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// What stands between the quotes, escapes as written.
    Text(&'a str),
    Number(&'a str),
    Bool(&'a str),
    Object(&'a str),
    List(&'a str),
    Null,
}

impl<'a> Value<'a> {
    /// The value of a text that was scanned.
    fn of(text: &'a str) -> Self {
        match text.as_bytes() {
            [b'"', ..] => Self::Text(text.get(1..text.len().saturating_sub(1)).unwrap_or_default()),
            [b'{', ..] => Self::Object(text),
            [b'[', ..] => Self::List(text),
            [b't' | b'f', ..] => Self::Bool(text),
            [b'n', ..] => Self::Null,
            _ => Self::Number(text),
        }
    }

    /// What a reader of texts wants: a text itself, and of anything else its JSON.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(body) => Some(unescaped(body)),
            Self::Number(text) | Self::Bool(text) | Self::Object(text) | Self::List(text) => {
                Some(Cow::Borrowed(text))
            }
            Self::Null => None,
        }
    }
}

/// Checks that the text is one JSON value.
pub(super) fn value(text: &str) -> Result<Value<'_>, JsonError> {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0 };
    scanner.skip_blanks();
    let from = scanner.at;
    scanner.value(0)?;
    let value = Value::of(text.get(from..scanner.at).unwrap_or_default());
    scanner.skip_blanks();
    match scanner.peek() {
        None => Ok(value),
        Some(_) => Err(scanner.expected("the end")),
    }
}

/// The members of an object, in order; keys may repeat.
pub(super) fn members(object: &str) -> Result<Vec<(Cow<'_, str>, Value<'_>)>, JsonError> {
    let mut members = Vec::new();
    let mut scanner = Scanner { bytes: object.as_bytes(), at: 1 };
    while scanner.skip_to_element(b'}') {
        let key = scanner.element(object)?;
        scanner.skip_blanks();
        scanner.step();
        scanner.skip_blanks();
        let value = scanner.element(object)?;
        if members.len() == KEYS_MAX {
            return Err(JsonError::TooManyKeys);
        }
        members.push((key.text().unwrap_or_default(), value));
    }
    Ok(members)
}

/// The elements of a list.
pub(super) fn elements(list: &str) -> impl Iterator<Item = Value<'_>> {
    let mut scanner = Scanner { bytes: list.as_bytes(), at: 1 };
    core::iter::from_fn(move || if scanner.skip_to_element(b']') { scanner.element(list).ok() } else { None })
}

#[derive(Clone, Debug)]
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    /// Steps over one value (RFC 8259, section 3) that starts here.
    fn value(&mut self, depth: usize) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'{' | b'[') if depth == DEPTH_MAX => Err(JsonError::TooDeep { at: self.at }),
            Some(b'{') => self.object(depth.saturating_add(1)),
            Some(b'[') => self.list(depth.saturating_add(1)),
            Some(b'"') => self.string(),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.expected("a value")),
        }
    }

    /// Section 4; a comma may stand before the closing brace.
    fn object(&mut self, depth: usize) -> Result<(), JsonError> {
        self.step();
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(b'}') => {
                    self.step();
                    return Ok(());
                }
                Some(b'"') => self.string()?,
                _ => return Err(self.expected("a key or `}`")),
            }
            self.skip_blanks();
            if self.peek() != Some(b':') {
                return Err(self.expected("`:`"));
            }
            self.step();
            self.skip_blanks();
            self.value(depth)?;
            self.separator(b'}', "`,` or `}`")?;
        }
    }

    /// Section 5; a comma may stand before the closing bracket.
    fn list(&mut self, depth: usize) -> Result<(), JsonError> {
        self.step();
        loop {
            self.skip_blanks();
            if self.peek() == Some(b']') {
                self.step();
                return Ok(());
            }
            self.value(depth)?;
            self.separator(b']', "`,` or `]`")?;
        }
    }

    fn separator(&mut self, end: u8, expected: &'static str) -> Result<(), JsonError> {
        self.skip_blanks();
        match self.peek() {
            Some(b',') => self.step(),
            Some(byte) if byte == end => {}
            _ => return Err(self.expected(expected)),
        }
        Ok(())
    }

    /// Section 7. Line ends and other control characters are forgiven: they are unmistakable.
    fn string(&mut self) -> Result<(), JsonError> {
        self.step();
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let Some(next) = memchr::memchr2(b'"', b'\\', rest) else {
                self.at = self.bytes.len();
                return Err(self.expected("`\"`"));
            };
            self.at = self.at.saturating_add(next);
            if self.peek() == Some(b'"') {
                self.step();
                return Ok(());
            }
            self.step();
            match self.peek() {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.step(),
                Some(b'u') if self.hexadecimal() => self.at = self.at.saturating_add(5),
                _ => return Err(self.expected("an escape sequence")),
            }
        }
    }

    /// Whether four digits follow the `u` here.
    fn hexadecimal(&self) -> bool {
        let digits = self.bytes.get(self.at.saturating_add(1)..self.at.saturating_add(5));
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    }

    /// Section 6.
    fn number(&mut self) -> Result<(), JsonError> {
        if self.peek() == Some(b'-') {
            self.step();
        }
        self.digits()?;
        if self.peek() == Some(b'.') {
            self.step();
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.step();
            if let Some(b'+' | b'-') = self.peek() {
                self.step();
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if length == 0 {
            return Err(self.expected("a digit"));
        }
        self.at = self.at.saturating_add(length);
        Ok(())
    }

    fn word(&mut self, word: &'static [u8]) -> Result<(), JsonError> {
        if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at = self.at.saturating_add(word.len());
            return Ok(());
        }
        Err(self.expected("a value"))
    }

    /// In an object or list that was scanned: steps over blanks and commas; true unless its end is reached.
    fn skip_to_element(&mut self, end: u8) -> bool {
        self.skip_blanks();
        while self.peek() == Some(b',') {
            self.step();
            self.skip_blanks();
        }
        self.peek().is_some_and(|byte| byte != end)
    }

    fn element<'a>(&mut self, text: &'a str) -> Result<Value<'a>, JsonError> {
        let from = self.at;
        self.value(1)?;
        Ok(Value::of(text.get(from..self.at).unwrap_or_default()))
    }

    /// Behind a mistake: to the next line that may start something.
    fn skip_to_line(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let start = memchr::memchr_iter(b'\n', rest)
            .map(|end| self.at.saturating_add(end).saturating_add(1))
            .find(|&start| matches!(self.bytes.get(start), Some(b'{' | b'[')));
        self.at = start.unwrap_or(self.bytes.len());
    }

    fn skip_blanks(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let blanks = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
        self.at = self.at.saturating_add(blanks.unwrap_or(rest.len()));
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn expected(&self, expected: &'static str) -> JsonError {
        JsonError::Syntax { at: self.at, expected }
    }
}

/// A string's body without its escapes. Half a surrogate pair becomes U+FFFD, as in JavaScript's own UTF-8.
fn unescaped(body: &str) -> Cow<'_, str> {
    if !body.contains('\\') {
        return Cow::Borrowed(body);
    }
    let mut text = String::with_capacity(body.len());
    let mut rest = body;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let mut letters = after.chars();
        let letter = match letters.next() {
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let (letter, used) = unicode(letters.as_str());
                letters = letters.as_str().get(used..).unwrap_or_default().chars();
                letter.unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            Some(other) => other,
            None => break,
        };
        text.push(letter);
        rest = letters.as_str();
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The letter that stands in four hexadecimal digits after `\u`, surrogate pairs joined, and how many bytes of the text
/// that took. No letter if there are no such digits, or half a pair.
#[must_use]
pub fn unicode(rest: &str) -> (Option<char>, usize) {
    let unit = |at: usize| {
        let digits = rest.get(at..at.saturating_add(4))?;
        // Alone, `from_str_radix` would take a sign.
        let is_plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_plain.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
    };
    let Some(first) = unit(0) else { return (None, 0) };
    if let Some(letter) = char::from_u32(first.into()) {
        return (Some(letter), 4);
    }
    if rest.get(4..6) == Some("\\u")
        && let Some(second) = unit(6)
        && let Some(Ok(letter)) = char::decode_utf16([first, second]).next()
    {
        return (Some(letter), 10);
    }
    (None, 4)
}
