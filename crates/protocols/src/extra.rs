//! The JSON object of what has no column, written as it grows.

use std::fmt::Write;

/// Nothing is allocated until something is put in.
#[derive(Clone, Debug, Default)]
pub struct Extra {
    json: String,
}

impl Extra {
    pub fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        write_string(&mut self.json, value);
    }

    pub fn integer(&mut self, key: &str, value: i64) {
        self.key(key);
        write!(self.json, "{value}").expect("writing to a String cannot fail");
    }

    /// JSON has no NaN and no infinity: those are left out.
    pub fn number(&mut self, key: &str, value: f64) {
        if value.is_finite() {
            self.key(key);
            write!(self.json, "{value}").expect("writing to a String cannot fail");
        }
    }

    /// A value that is JSON already.
    pub fn json(&mut self, key: &str, value: &str) {
        self.key(key);
        self.json.push_str(value);
    }

    pub fn is_empty(&self) -> bool {
        self.json.is_empty()
    }

    /// The finished object; `None` when nothing was put in.
    pub fn finish(mut self) -> Option<String> {
        if self.json.is_empty() {
            return None;
        }
        self.json.push('}');
        Some(self.json)
    }

    fn key(&mut self, key: &str) {
        self.json.push(if self.json.is_empty() { '{' } else { ',' });
        write_string(&mut self.json, key);
        self.json.push(':');
    }
}

/// A JSON string (RFC 8259 7): quotes, backslashes and control characters escaped.
pub(crate) fn write_string(json: &mut String, text: &str) {
    json.push('"');
    let mut plain_from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        json.push_str(&text[plain_from..at]);
        plain_from = at + 1;
        if escape.is_empty() {
            write!(json, "\\u{byte:04x}").expect("writing to a String cannot fail");
        } else {
            json.push_str(escape);
        }
    }
    json.push_str(&text[plain_from..]);
    json.push('"');
}
