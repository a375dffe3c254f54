use alloc::borrow::Cow;

use crate::bytes::{percent_decoded, split_word, unescaped};

use super::params::Params;

/// Authorization, Proxy-Authorization, WWW-Authenticate or Proxy-Authenticate (RFC 3261 20.7, 20.27; RFC 7616).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// `Digest`, as a rule.
    pub scheme: &'a [u8],
    /// The parameters as written.
    pub params: &'a [u8],
}

impl<'a> Credentials<'a> {
    /// Reads a value.
    #[inline]
    pub fn parse(value: &'a [u8]) -> Self {
        let (scheme, params) = split_word(value);
        Self { scheme, params }
    }

    /// The parameters.
    #[inline]
    pub fn params(&self) -> Params<'a> {
        Params::by_comma(self.params)
    }

    /// The parameter called `name`, without quotes, escapes kept.
    pub fn value(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.params().value(name)
    }

    /// The user name as people know it: escapes undone, and taken from `username*` (RFC 7616 3.4) where it stands
    /// there.
    pub fn username(&self) -> Option<Cow<'a, [u8]>> {
        if let Some(username) = self.value(b"username") {
            return Some(unescaped(username));
        }
        // RFC 8187 ext-value: charset'language'percent-encoded.
        let extended = self.value(b"username*")?;
        Some(percent_decoded(extended.splitn(3, |&byte| byte == b'\'').nth(2).unwrap_or(extended)))
    }

    /// The realm, escapes undone.
    pub fn realm(&self) -> Option<Cow<'a, [u8]>> {
        self.value(b"realm").map(unescaped)
    }

    /// The nonce.
    pub fn nonce(&self) -> Option<&'a [u8]> {
        self.value(b"nonce")
    }

    /// The digest algorithm; `None` means MD5 (RFC 7616 3.3).
    pub fn algorithm(&self) -> Option<&'a [u8]> {
        self.value(b"algorithm")
    }

    /// Whether a challenge says that only the nonce was too old.
    pub fn is_stale(&self) -> bool {
        self.value(b"stale").is_some_and(|stale| stale.eq_ignore_ascii_case(b"true"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_answers_and_challenges() {
        let answer = Credentials::parse(b"Digest username=\"bob, \\\"b\\\"\",realm=\"biloxi.example\", nonce=\"84a4\", uri=\"sip:b\", response=\"7587\"");
        assert_eq!(answer.scheme, b"Digest");
        assert_eq!(answer.username().as_deref(), Some(&b"bob, \"b\""[..]));
        assert_eq!(answer.realm().as_deref(), Some(&b"biloxi.example"[..]));
        assert_eq!(answer.nonce(), Some(&b"84a4"[..]));
        let challenge = Credentials::parse(b"Digest realm=\"a\", algorithm=SHA-256, stale=TRUE");
        assert!(challenge.is_stale());
        assert_eq!(challenge.algorithm(), Some(&b"SHA-256"[..]));
        assert_eq!(challenge.username(), None);
    }

    #[test]
    fn extended_user_names() {
        let answer = Credentials::parse(b"Digest username*=UTF-8''J%C3%A4s%C3%B8n, realm=\"x\"");
        assert_eq!(answer.username().as_deref(), Some("J\u{e4}s\u{f8}n".as_bytes()));
    }
}
