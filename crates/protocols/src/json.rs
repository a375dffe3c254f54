//! JSON as capture agents write it: RFC 8259, read on after every mistake.
//!
//! Strict readers lose the whole report over one stray sign, and keep only the last of two equal keys. This one
//! keeps every member in order, reads several documents one after the other, and says whether anything was wrong.

use std::borrow::Cow;
use std::fmt::Write;

use crate::Draft;
use crate::extra::write_string;
use crate::flags::{BAD_JSON, NOT_JSON};

/// Deepest nesting that is read; reports are four deep.
const DEPTH_MAX: usize = 16;

/// Members that most objects of reports do not exceed: room for them is made at once.
const MEMBERS_USUAL: usize = 12;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'a> {
    /// `null`, and what agents print for no value: `NaN`, `undefined`, `Infinity`.
    Null,
    Bool(bool),
    /// As written.
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    /// In order; keys may repeat.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

#[derive(Debug)]
pub(crate) struct Read<'a> {
    /// The documents, one after the other.
    pub(crate) values: Vec<Json<'a>>,
    pub(crate) is_broken: bool,
}

pub(crate) fn read(text: &str) -> Read<'_> {
    let mut reader = Reader { text, at: 0, depth: 0, is_broken: false };
    let mut values = Vec::new();
    loop {
        reader.skip_blanks();
        if reader.peek().is_none() {
            return Read { values, is_broken: reader.is_broken };
        }
        let before = reader.at;
        values.push(reader.value());
        if reader.at == before {
            // A closing sign that closes nothing.
            reader.is_broken = true;
            values.pop();
            reader.at += 1;
        }
    }
}

/// The objects of a payload that should be JSON: one document after the other, lists opened. Raises a flag if it is
/// broken, and another if there is no object in it.
pub(crate) fn objects<'t>(text: &'t str, draft: &mut Draft<'_>) -> Vec<Json<'t>> {
    // captagent writes `"diameter_info": {...}` without the braces around it.
    let read = match text.trim_start().as_bytes().first() {
        None => return Vec::new(),
        Some(b'{' | b'[' | b'"') => read(text),
        Some(_) => Read { values: Vec::new(), is_broken: true },
    };
    let mut objects = Vec::new();
    for value in read.values {
        match value {
            Json::List(items) => objects.extend(items.into_iter().filter(|item| item.members().is_some())),
            Json::Object(_) => objects.push(value),
            _ => {}
        }
    }
    if objects.is_empty() {
        draft.flag(NOT_JSON);
    } else if read.is_broken {
        draft.flag(BAD_JSON);
    }
    objects
}

impl<'a> Json<'a> {
    pub(crate) fn members(&self) -> Option<&[(Cow<'a, str>, Json<'a>)]> {
        match self {
            Json::Object(members) => Some(members),
            _ => None,
        }
    }

    pub(crate) fn items(&self) -> Option<&[Json<'a>]> {
        match self {
            Json::List(items) => Some(items),
            _ => None,
        }
    }

    /// The last member of this name, as other readers have it.
    pub(crate) fn member(&self, name: &str) -> Option<&Json<'a>> {
        self.members()?.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            Json::Number(number) => Some(number),
            _ => None,
        }
    }

    /// A whole number, also one written as text or with a fraction of zero.
    pub(crate) fn as_integer(&self) -> Option<i64> {
        let text = self.as_text()?.trim();
        if let Ok(number) = text.parse() {
            return Some(number);
        }
        let number = self.as_number()?;
        // 2^53: beyond it a float no longer tells whole numbers apart.
        (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
    }

    /// A finite number, also one written as text.
    pub(crate) fn as_number(&self) -> Option<f64> {
        self.as_text()?.trim().parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// Appends JSON that strict readers accept, whatever this was read from.
    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(truth) => write!(out, "{truth}").expect("writing to a String cannot fail"),
            Json::Number(word) => match (self.as_integer(), word.parse::<u64>(), self.as_number()) {
                (Some(number), ..) => write!(out, "{number}").expect("writing to a String cannot fail"),
                (None, Ok(number), _) => write!(out, "{number}").expect("writing to a String cannot fail"),
                (None, Err(_), Some(number)) => {
                    write!(out, "{number}").expect("writing to a String cannot fail");
                }
                (None, Err(_), None) => out.push_str("null"),
            },
            Json::Text(text) => write_string(out, text),
            Json::List(items) => {
                out.push('[');
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Json::Object(members) => write_members(out, members.iter().map(|(key, value)| (&**key, value))),
        }
    }
}

/// Appends an object of these members.
pub(crate) fn write_members<'m, 'j: 'm>(
    out: &mut String,
    members: impl Iterator<Item = (&'m str, &'m Json<'j>)>,
) {
    out.push('{');
    for (place, (key, value)) in members.enumerate() {
        if place > 0 {
            out.push(',');
        }
        write_string(out, key);
        out.push(':');
        value.write(out);
    }
    out.push('}');
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    is_broken: bool,
}

impl<'a> Reader<'a> {
    /// Always moves on, unless a closing sign or a comma stands here.
    fn value(&mut self) -> Json<'a> {
        self.skip_blanks();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::list),
            Some(b'"') => {
                self.at += 1;
                Json::Text(self.string())
            }
            _ => self.word(),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Json<'a>) -> Json<'a> {
        self.at += 1;
        if self.depth == DEPTH_MAX {
            self.is_broken = true;
            self.at = self.text.len();
            return Json::Null;
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Json<'a> {
        let mut members = Vec::with_capacity(MEMBERS_USUAL);
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return Json::Object(members);
                }
                Some(b',') if !members.is_empty() => self.at += 1,
                Some(b'"') => {
                    self.at += 1;
                    let key = self.string();
                    self.skip_blanks();
                    if self.peek() == Some(b':') {
                        self.at += 1;
                    } else {
                        self.is_broken = true;
                    }
                    members.push((key, self.value()));
                }
                Some(_) => {
                    self.is_broken = true;
                    self.at += 1;
                    self.skip_to_boundary();
                }
                None => {
                    self.is_broken = true;
                    return Json::Object(members);
                }
            }
        }
    }

    fn list(&mut self) -> Json<'a> {
        let mut items = Vec::new();
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    return Json::List(items);
                }
                Some(b',') if !items.is_empty() => self.at += 1,
                Some(b'}' | b',' | b':') => {
                    // Left open: whoever opened the object wants its end. A stray sign is stepped over.
                    self.is_broken = true;
                    if self.peek() == Some(b'}') {
                        return Json::List(items);
                    }
                    self.at += 1;
                }
                Some(_) => items.push(self.value()),
                None => {
                    self.is_broken = true;
                    return Json::List(items);
                }
            }
        }
    }

    /// After the opening quote, to behind the closing one. A quote that nothing of JSON follows is part of the text:
    /// names inside reports are not always escaped.
    fn string(&mut self) -> Cow<'a, str> {
        let from = self.at;
        let bytes = self.text.as_bytes();
        let mut has_escapes = false;
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b'\\' => {
                    has_escapes = true;
                    self.at += 2;
                    continue;
                }
                b'"' if self.closes() => {
                    let body = &self.text[from..self.at];
                    self.at += 1;
                    return if has_escapes { self.unescaped(body) } else { Cow::Borrowed(body) };
                }
                b'"' => self.is_broken = true,
                _ => {}
            }
            self.at += 1;
        }
        self.is_broken = true;
        self.at = self.text.len();
        let body = &self.text[from.min(self.text.len())..];
        if has_escapes { self.unescaped(body) } else { Cow::Borrowed(body) }
    }

    /// Whether the quote here ends its string, judged by what follows.
    fn closes(&self) -> bool {
        let rest = self.text.as_bytes().get(self.at + 1..).unwrap_or_default();
        let next = rest.iter().find(|byte| !byte.is_ascii_whitespace());
        matches!(next, None | Some(b',' | b'}' | b']' | b':' | b'{'))
    }

    fn unescaped(&mut self, body: &str) -> Cow<'a, str> {
        let mut text = String::with_capacity(body.len());
        let mut rest = body;
        while let Some((before, after)) = rest.split_once('\\') {
            text.push_str(before);
            let mut letters = after.chars();
            match letters.next() {
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some('t') => text.push('\t'),
                Some('b') => text.push('\u{8}'),
                Some('f') => text.push('\u{c}'),
                Some('u') => {
                    let (letter, used) = hep::json::unicode(letters.as_str());
                    self.is_broken |= letter.is_none();
                    text.push(letter.unwrap_or(char::REPLACEMENT_CHARACTER));
                    letters = letters.as_str()[used..].chars();
                }
                Some(other) => {
                    self.is_broken |= !matches!(other, '"' | '\\' | '/');
                    text.push(other);
                }
                None => self.is_broken = true,
            }
            rest = letters.as_str();
        }
        text.push_str(rest);
        Cow::Owned(text)
    }

    /// A number, `true`, `false`, `null`, or something that should not be there.
    fn word(&mut self) -> Json<'a> {
        let from = self.at;
        self.skip_to_boundary();
        let word = self.text[from..self.at].trim();
        match word {
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            "null" => Json::Null,
            _ if is_number(word) => Json::Number(word),
            _ => {
                self.is_broken = true;
                // Not strictly a number, but one other languages print: +1, .5, 1., 0x is none.
                if word
                    .starts_with(|letter: char| letter.is_ascii_digit() || matches!(letter, '+' | '-' | '.'))
                    && word.parse::<f64>().is_ok_and(f64::is_finite)
                {
                    Json::Number(word)
                } else if is_bare(word) {
                    Json::Text(Cow::Borrowed(word))
                } else {
                    Json::Null
                }
            }
        }
    }

    fn skip_to_boundary(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b',' | b'}' | b']' | b'{' | b'[' | b'"' | b':' | b'\n'));
        self.at += length.unwrap_or(rest.len());
    }

    fn skip_blanks(&mut self) {
        let rest = &self.text.as_bytes()[self.at.min(self.text.len())..];
        let blanks = rest.iter().position(|byte| !(byte.is_ascii_whitespace() || *byte == 0));
        self.at = self.text.len() - rest.len() + blanks.unwrap_or(rest.len());
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

/// A value whose quotes were forgotten; hepgen.js writes point codes so.
fn is_bare(word: &str) -> bool {
    const NOTHING: &[&str] = &["nan", "-nan", "inf", "-inf", "infinity", "undefined", "none", "nil"];
    word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'@'))
        && word.starts_with(|letter: char| letter.is_ascii_alphanumeric())
        && !NOTHING.iter().any(|nothing| nothing.eq_ignore_ascii_case(word))
}

/// RFC 8259 6.
fn is_number(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let body = word.strip_prefix('-').unwrap_or(word);
    // Nearly all of them are counters.
    if digits(body) {
        return body.len() == 1 || !body.starts_with('0');
    }
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (body, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> (Json<'_>, bool) {
        let mut read = read(text);
        assert_eq!(read.values.len(), 1, "{text}: {:?}", read.values);
        (read.values.remove(0), read.is_broken)
    }

    #[test]
    fn reads_json() {
        let (json, is_broken) =
            one(r#" {"a": [1, -2.5e3, "x\n\u00e9\ud83d\ude00\/"], "b": {"c": null, "d": true}} "#);
        assert!(!is_broken);
        let items = json.member("a").unwrap().items().unwrap();
        assert_eq!(items[0].as_integer(), Some(1));
        assert_eq!(items[1].as_number(), Some(-2500.0));
        assert_eq!(items[2].as_text(), Some("x\né😀/"));
        assert_eq!(json.member("b").unwrap().member("c"), Some(&Json::Null));
        assert_eq!(json.member("b").unwrap().member("d"), Some(&Json::Bool(true)));
    }

    #[test]
    fn keeps_equal_keys_and_reads_on_after_a_document() {
        let (json, is_broken) = one(r#"{"a":1,"a":2}"#);
        assert!(!is_broken);
        assert_eq!(json.members().unwrap().len(), 2);
        assert_eq!(json.member("a").unwrap().as_integer(), Some(2));
        assert_eq!(read("{\"a\":1}\n{\"b\":2}").values.len(), 2);
    }

    #[test]
    fn reads_on_after_mistakes() {
        for (text, path, expected) in [
            (r#"{"a":NaN,"b":1}"#, "b", "1"),
            (r#"{"a":undefined,"b":1}"#, "b", "1"),
            (r#"{"a":,"b":1}"#, "b", "1"),
            (r#"{"a","b":1}"#, "b", "1"),
            (r#"{"a":"say "hi" now","b":1}"#, "a", "say \"hi\" now"),
            (r#"{"b":1,"a":[1,2}"#, "b", "1"),
            (r#"{"b":1"#, "b", "1"),
            (r#"{"b":"open"#, "b", "open"),
            (r#"{"b":+1}"#, "b", "+1"),
            (r#"{garbage,"b":1}"#, "b", "1"),
            (r#"{"a":k3.x@1,"b":1}"#, "a", "k3.x@1"),
            (r#"{"a":k3,"b":1}"#, "b", "1"),
            (r#"{"a":"\q\ud800x","b":1}"#, "b", "1"),
            (r#"{"a":"\u+041"}"#, "a", "\u{fffd}+041"),
        ] {
            let read = read(text);
            assert!(read.is_broken, "{text}");
            let found = read.values.iter().find_map(|json| json.member(path)).and_then(Json::as_text);
            assert_eq!(found, Some(expected), "{text}: {:?}", read.values);
        }
    }

    #[test]
    fn writes_what_strict_readers_accept() {
        let text =
            r#"{"a":NaN,"a":18446744073709551615,"b":[1.50,+2,1e400,true,null],"c":"\u0001\"é","d":x}"#;
        let mut written = String::new();
        read(text).values[0].write(&mut written);
        assert_eq!(
            written,
            r#"{"a":null,"a":18446744073709551615,"b":[1.5,2,null,true,null],"c":"\u0001\"é","d":"x"}"#
        );
        assert!(serde_json::from_str::<serde_json::Value>(&written).is_ok());
    }

    #[test]
    fn nesting_is_limited() {
        assert!(read(&"[".repeat(100_000)).is_broken);
        assert!(read(&"{\"a\":".repeat(100_000)).is_broken);
        assert!(read("}}]],,").is_broken);
    }

    #[test]
    fn numbers_as_texts() {
        let (json, _) = one(r#"{"a":"1795216815","b":1.0,"c":"x","d":1e400}"#);
        assert_eq!(json.member("a").unwrap().as_integer(), Some(1_795_216_815));
        assert_eq!(json.member("b").unwrap().as_integer(), Some(1));
        assert_eq!(json.member("c").unwrap().as_integer(), None);
        assert_eq!(json.member("d").unwrap().as_number(), None);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[\\[\\]{}:,\"\\\\a-c0-2 \\.é\\n]{0,40}") {
            let _ = read(&text);
        }

        #[test]
        fn agrees_with_a_strict_reader(text in "[\\[\\]{}:,\"\\\\un0-2\\. ]{0,12}") {
            if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
                let read = read(&text);
                proptest::prop_assert!(!read.is_broken && read.values.len() == 1, "{}: {:?}", text, read);
            }
        }
    }
}
