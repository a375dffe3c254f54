//! Takes out of a call what outsiders should not see: numbers, names, addresses, credentials, what people wrote or dialled.
//! One value becomes the same word everywhere, so that the call can still be followed; nothing leads back from the word to
//! the value. The web part does the same to what it exports (`web/src/lib/export/redact.ts`).

mod addresses;
mod record;
mod words;

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

use crate::row::{Cell, Row};
use addresses::Addresses;
use words::Words;

/// Users of fewer letters are words that stand everywhere (`a`, `to`).
const USER_LETTERS_MIN: usize = 3;

/// A longer value is a text, not a name.
const NAME_BYTES_MAX: usize = 128;

/// Words of one call: beyond it somebody sends them to fill memory, and the call is not shown redacted.
pub(crate) const WORDS_MAX: usize = 20_000;

/// What proxies and specifications write where a user could be.
const NOT_USERS: [&str; 20] = [
    "sip",
    "sips",
    "tel",
    "anonymous",
    "invalid",
    "unknown",
    "invite",
    "ack",
    "bye",
    "cancel",
    "options",
    "register",
    "info",
    "message",
    "notify",
    "udp",
    "tcp",
    "tls",
    "audio",
    "video",
];

const GONE: &str = "redacted";

/// Members of an answer whose values are words of ours, times, or ids of records.
const OUR_WORDS: [&str; 21] = [
    "id",
    "severity",
    "kind",
    "side",
    "state",
    "method",
    "confidence",
    "rule",
    "standing",
    "band",
    "by",
    "proof",
    "evidence",
    "message",
    "first",
    "last",
    "at",
    "started",
    "answered",
    "ended",
    "media",
];

/// Members that hold users as rules of legs write them, which may be in no message.
const USERS: [&str; 2] = ["callers", "callees"];

/// What stands for what, of one call.
#[derive(Debug, Default)]
pub(crate) struct Redactor {
    users: Words,
    hosts: Words,
    addresses: Addresses,
    count: usize,
}

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Regex> =
            LazyLock::new(|| Regex::new($text).expect("a pattern that was tried"));
    };
}

pattern!(URI, r#"(?i)\b(?:(sips?)|tel):(?:([^\s@<>",?\\]+)@)?(\[[^\]\s]*\]|[\w.+()-]+)"#);
pattern!(USERNAME, r#"(?i)\busername\s*=\s*\\?"([^"\\]*)"#);
pattern!(REALM, r#"(?i)\brealm\s*=\s*\\?"([\w.-]+\.[a-z]+)\\?""#);
pattern!(SENT_BY, r"(?i)\bSIP\s*/\s*2\.0\s*/\s*\w+\s+([\w.-]*[a-z][\w.-]*)");
pattern!(BEHIND_AT, r"@([\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,})\b");
pattern!(CONNECTION, r"\bIN IP[46] ([\w.-]*[A-Za-z][\w.-]*)");
pattern!(SHOWN_NAME, r#"\\?"([^"\\\r\n<>]+)\\?"(?:\s*<(?i:sips?|tel):)"#);

pattern!(
    PROOFS,
    r#"(?i)\b((?:response|nonce|cnonce|opaque|nextnonce|rspauth|auts|ik|ck)\s*=\s*)(?:\\?"[^"\\]*\\?"|[^\s,;"\\]+)"#
);
pattern!(CREDENTIALS, r#"(?i)\b((?:Proxy-)?Authorization:\s*(?:Basic|Bearer)\s+)[^\s"',\\]+"#);
pattern!(INLINE, r"\binline:[^\s|;]+");
// Lines of a message, and of one that is written in a text of JSON.
pattern!(ICE, r"(?m)((?:^|\\n)a=(?:ice-pwd|ice-ufrag|key-mgmt):)[^\r\n\\]*");
pattern!(KEY, r"(?m)((?:^|\\n)k=\w+:)[^\r\n\\]*");
pattern!(PASSWORD, r#"(?i)((?:password|passwd|pwd|secret)\\?["']?\s*[=:]\s*\\?["']?)[^\s"'&,;\\]+"#);
pattern!(DIGITS, r#"(?i)(\bdigits\s*=\s*\\?")[^"\\]*"#);

pattern!(IDENTITY, r"(?im)((?:^|\\n)(?:Identity|y)\s*:\s*)[^\r\n\\]*(?:\r?\n[ \t]+[^\r\n]*)*");
pattern!(QUOTED, r#""(?:[^"\\\r\n]|\\.)*"(\s*<(?i:sips?|tel):)"#);
pattern!(QUOTED_IN_JSON, r#"\\"[^"\\\r\n]*\\"(\s*<(?i:sips?|tel):)"#);
// Without quotes, where a header, a member of JSON, or the next of a list begins.
pattern!(
    PLAIN_NAME,
    r#"(?im)((?:^[\w-]{1,40}\s*:|":\s*\\?"|,)\s*)[^"<>\r\n:,\\]*[^"<>\r\n:,\\\s][^"<>\r\n:,\\]*(<(?:sips?|tel):)"#
);
pattern!(SUBJECT, r"(?im)((?:^|\\n)(?:Subject|s)\s*:\s*)[^\r\n\\]*");
pattern!(LENGTH, r"(?im)^((?:Content-Length|l)\s*:\s*)(\d+)");

impl Redactor {
    /// Of all records of a call. `None`: they name more than anybody could follow.
    pub(crate) fn of(rows: &[Row]) -> Option<Self> {
        let mut redactor = Self::default();
        // Row by row, so that what comes later changes no word.
        for row in rows {
            redactor.learn_cells(row);
            let shown = row.shown();
            let payload = shown.as_deref().unwrap_or(&row.raw);
            if let Ok(text) = std::str::from_utf8(payload) {
                redactor.learn(text);
            }
            if let Some(extra) = &row.extra {
                redactor.learn(extra);
            }
            if redactor.users.len() + redactor.hosts.len() > WORDS_MAX {
                return None;
            }
        }
        Some(redactor)
    }

    /// Any text: a label, a line of a log.
    pub(crate) fn text(&mut self, plain: &str) -> String {
        let out = without_secrets(plain);
        let out = without_names(&out);
        let out = self.users.replace(&out);
        let out = self.hosts.replace(&out);
        self.addresses.replace(&out)
    }

    /// A whole message: its length of body stays right.
    pub(crate) fn message(&mut self, plain: &str, body_goes: bool) -> String {
        let Some(at) =
            plain.find("\r\n\r\n").map(|at| at + 4).or_else(|| plain.find("\n\n").map(|at| at + 2))
        else {
            return self.text(plain);
        };
        let (head, body) = plain.split_at(at);
        let head = self.text(head);
        let changed = match body_goes && !body.is_empty() {
            true => GONE.to_owned(),
            false => self.text(body),
        };
        let length = body.len().to_string();
        let head = LENGTH.replace(&head, |found: &Captures<'_>| match found[2] == length {
            true => format!("{}{}", &found[1], changed.len()),
            false => found[0].to_owned(),
        });
        format!("{head}{changed}")
    }

    /// All texts of an answer.
    pub(crate) fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.value(value)),
            Value::Object(members) => {
                for (name, value) in
                    members.iter_mut().filter(|(name, _)| !OUR_WORDS.contains(&name.as_str()))
                {
                    match value {
                        Value::Array(users) if USERS.contains(&name.as_str()) => {
                            users.iter_mut().for_each(|user| self.user(user));
                        }
                        other => self.value(other),
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A user in a form of ours: what is not known by it is not told.
    fn user(&mut self, value: &mut Value) {
        if let Value::String(user) = value {
            let changed = self.text(user);
            *user = if changed == *user { GONE.to_owned() } else { changed };
        }
    }

    /// Columns tell more than the payload does, where that is gone or no text.
    fn learn_cells(&mut self, row: &Row) {
        for (name, cell) in &row.cells {
            let Cell::Text(text) = cell else { continue };
            self.learn(text);
            match text.split_once('@') {
                _ if name.ends_with("_host") => self.learn_host(text),
                _ if !is_private(row, name) || text.contains([':', '<']) => {}
                Some((user, host)) => {
                    self.learn_user(user);
                    self.learn_host(host);
                }
                None => self.learn_user(text),
            }
        }
    }

    fn learn(&mut self, text: &str) {
        if text.contains("%40") {
            // A URI in the headers of a URI (RFC 3261 19.1.1).
            self.learn(&text.replace("%40", "@").replace("%2B", "+").replace("%3B", ";"));
        }
        for found in URI.captures_iter(text) {
            let host = found.get(3).map_or("", |host| host.as_str());
            match found.get(2) {
                Some(user) => self.learn_user_part(user.as_str()),
                None if found.get(1).is_none() => self.learn_user(host),
                None => {}
            }
            if found.get(1).is_some() {
                self.learn_host(host);
            }
        }
        for found in USERNAME.captures_iter(text) {
            self.learn_user(found[1].split('@').next().unwrap_or_default());
        }
        // A name of one word may be any word.
        for found in SHOWN_NAME.captures_iter(text).filter(|found| found[1].trim().contains(' ')) {
            self.learn_user(found[1].trim());
        }
        for pattern in [&REALM, &SENT_BY, &BEHIND_AT, &CONNECTION] {
            for found in pattern.captures_iter(text) {
                self.learn_host(&found[1]);
            }
        }
    }

    /// What stands before `@`: a user, or a number with parameters (RFC 3966 3), some of which are numbers.
    fn learn_user_part(&mut self, part: &str) {
        let mut parts = part.split(';');
        self.learn_user(parts.next().and_then(|user| user.split(':').next()).unwrap_or_default());
        for (_, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            if value.starts_with('+') || number(value).is_some() {
                self.learn_user(value);
            }
        }
    }

    fn learn_user(&mut self, user: &str) {
        let letters = user.chars().count();
        let is_one = letters >= USER_LETTERS_MIN
            && user.len() <= NAME_BYTES_MAX
            && !is_nobody(user)
            && !addresses::is_address(user);
        if !is_one || self.users.has(user) {
            return;
        }
        self.count += 1;
        let index = self.count;
        if let Some(digits) = number(user) {
            // One number has three forms, and gets the digits of one word.
            let instead = format!("{index:0width$}", width = digits.len());
            self.users.put(&format!("+{digits}"), format!("+{instead}"));
            self.users.put(&format!("00{digits}"), format!("00{instead}"));
            self.users.put(digits, instead);
        } else if user.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            self.users.put(user, format!("{index:0width$}", width = user.len()));
        } else {
            self.users.put(user, format!("user-{index}"));
        }
    }

    fn learn_host(&mut self, host: &str) {
        let host = host.trim_end_matches('.');
        let is_name = host.bytes().any(|byte| byte.is_ascii_alphabetic()) && !host.starts_with('[');
        if is_name && (host.contains('.') || host.len() > USER_LETTERS_MIN) && !self.hosts.has(host) {
            let word = format!("host-{}.example", self.hosts.len() + 1);
            self.hosts.put(host, word);
        }
    }
}

/// The text with other words where `found` finds some: it is asked at each letter, with what stands before, and says how long
/// the word is and what to write instead.
fn replaced<W: AsRef<str>>(
    text: &str,
    mut found: impl FnMut(usize, Option<char>) -> Option<(usize, W)>,
) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = None;
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let seen = before.filter(|_| !ends_in_code(&text[..at]));
        if let Some((length, instead)) = found(at, seen) {
            out.push_str(instead.as_ref());
            at += length;
            before = text[..at].chars().next_back();
        } else {
            out.push(letter);
            at += letter.len_utf8();
            before = Some(letter);
        }
    }
    out
}

/// The digits of a number that may be written in other forms: `+4930...`, `004930...`, `4930...`.
fn number(user: &str) -> Option<&str> {
    /// Shorter ones are extensions.
    const DIGITS_MIN: usize = 5;
    let digits = user.strip_prefix('+').or_else(|| user.strip_prefix("00")).unwrap_or(user);
    (digits.len() >= DIGITS_MIN && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

fn is_nobody(user: &str) -> bool {
    NOT_USERS.contains(&user.to_ascii_lowercase().as_str())
}

/// Whether a column holds what is of a person.
fn is_private(row: &Row, name: &str) -> bool {
    row.table.columns().any(|field| field.name == name && field.private)
}

/// Whether a code stands here that means one sign (RFC 3986 2.1): what is behind it is not behind its digits.
fn ends_in_code(text: &str) -> bool {
    matches!(text.as_bytes(), [.., b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
}

fn without_secrets(text: &str) -> String {
    let out = PROOFS.replace_all(text, format!("${{1}}\"{GONE}\"").as_str());
    let out = INLINE.replace_all(&out, format!("inline:{GONE}").as_str());
    let behind = format!("${{1}}{GONE}");
    let mut out = out.into_owned();
    for pattern in [&CREDENTIALS, &ICE, &KEY, &PASSWORD, &DIGITS] {
        out = pattern.replace_all(&out, behind.as_str()).into_owned();
    }
    out
}

/// Names before an address, and identities signed over numbers (RFC 8224).
fn without_names(text: &str) -> String {
    let out = IDENTITY.replace_all(text, format!("${{1}}{GONE}").as_str());
    let out = SUBJECT.replace_all(&out, format!("${{1}}{GONE}").as_str());
    let out = QUOTED_IN_JSON.replace_all(&out, format!("\\\"{GONE}\\\"${{1}}").as_str());
    let out = QUOTED.replace_all(&out, format!("\"{GONE}\"${{1}}").as_str());
    PLAIN_NAME.replace_all(&out, format!("${{1}}{GONE} ${{2}}").as_str()).into_owned()
}

#[cfg(test)]
mod tests;
