//! Bencode (BitTorrent BEP 3), as rtpengine's control protocol speaks it, read into the same values as JSON.

use std::borrow::Cow;

use crate::json::Json;

/// Deepest nesting that is read; a query's answer is six deep.
const DEPTH_MAX: usize = 16;

/// The value at the start, and whether all of it could be read. What was read before a mistake is kept.
pub(crate) fn read(bytes: &[u8]) -> (Json<'_>, bool) {
    let mut reader = Reader { rest: bytes, is_broken: false };
    let value = reader.value(0).unwrap_or(Json::Null);
    (value, reader.is_broken)
}

struct Reader<'a> {
    rest: &'a [u8],
    is_broken: bool,
}

impl<'a> Reader<'a> {
    /// Nothing if no value stands here; then reading is over.
    fn value(&mut self, depth: usize) -> Option<Json<'a>> {
        match self.rest.first() {
            Some(b'd') if depth < DEPTH_MAX => {
                self.skip(1);
                let mut members = Vec::new();
                while !self.is_end() {
                    let Some(key) = self.string() else { break };
                    let Some(value) = self.value(depth + 1) else { break };
                    members.push((key, value));
                    if self.is_broken {
                        break;
                    }
                }
                Some(Json::Object(members))
            }
            Some(b'l') if depth < DEPTH_MAX => {
                self.skip(1);
                let mut items = Vec::new();
                while !self.is_end() && !self.is_broken {
                    let Some(item) = self.value(depth + 1) else { break };
                    items.push(item);
                }
                Some(Json::List(items))
            }
            Some(b'i') => {
                let end = self.rest.iter().position(|byte| *byte == b'e');
                let digits = end.and_then(|end| std::str::from_utf8(self.rest.get(1..end)?).ok());
                match digits.filter(|digits| digits.parse::<i128>().is_ok()) {
                    Some(digits) => {
                        self.skip(digits.len() + 2);
                        Some(Json::Number(digits))
                    }
                    None => self.broken(),
                }
            }
            Some(b'0'..=b'9') => self.string().map(Json::Text),
            _ => self.broken(),
        }
    }

    /// `length:bytes`. A length beyond the end takes what is there.
    fn string(&mut self) -> Option<Cow<'a, str>> {
        let Some(colon) = self.rest.iter().position(|byte| *byte == b':') else { return self.broken() };
        let length =
            std::str::from_utf8(&self.rest[..colon]).ok().and_then(|digits| digits.parse::<usize>().ok());
        let Some(length) = length else { return self.broken() };
        self.skip(colon + 1);
        if length > self.rest.len() {
            self.is_broken = true;
        }
        let text = &self.rest[..length.min(self.rest.len())];
        self.skip(length);
        Some(String::from_utf8_lossy(text))
    }

    /// Steps over the end of a dictionary or list.
    fn is_end(&mut self) -> bool {
        match self.rest.first() {
            Some(b'e') => {
                self.skip(1);
                true
            }
            None => {
                self.is_broken = true;
                true
            }
            Some(_) => false,
        }
    }

    fn skip(&mut self, length: usize) {
        self.rest = self.rest.get(length..).unwrap_or_default();
    }

    fn broken<T>(&mut self) -> Option<T> {
        self.is_broken = true;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bytes: &[u8]) -> (String, bool) {
        let (value, is_broken) = read(bytes);
        let mut json = String::new();
        value.write(&mut json);
        (json, is_broken)
    }

    #[test]
    fn reads_dictionaries_in_any_order() {
        let (json, is_broken) = written(b"d7:command5:offer5:flagsl5:trust3:iceee");
        assert_eq!((json.as_str(), is_broken), (r#"{"command":"offer","flags":["trust","ice"]}"#, false));
        let (json, is_broken) = written(b"d7:command5:offer1:ni-3e1:ad1:b0:ee");
        assert_eq!((json.as_str(), is_broken), (r#"{"command":"offer","n":-3,"a":{"b":""}}"#, false));
    }

    #[test]
    fn keeps_what_came_before_a_mistake() {
        for (bytes, expected) in [
            (&b"d6:result2:ok1:a"[..], r#"{"result":"ok"}"#),
            (b"d6:result2:ok1:a9:xy", r#"{"result":"ok","a":"xy"}"#),
            (b"d6:result2:okx", r#"{"result":"ok"}"#),
            (b"d6:result2:ok1:aie", r#"{"result":"ok"}"#),
            (b"99999999999999999999:x", "null"),
            (b"x", "null"),
            (b"", "null"),
        ] {
            let (json, is_broken) = written(bytes);
            assert!(is_broken, "{}", bytes.escape_ascii());
            assert_eq!(json, expected, "{}", bytes.escape_ascii());
        }
        assert!(read(&b"l".repeat(100_000)).1);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(proptest::sample::select(b"dlie0123:-a\xff".to_vec()), 0..60)) {
            let _ = read(&bytes);
        }
    }
}
