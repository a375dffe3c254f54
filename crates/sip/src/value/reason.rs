use alloc::borrow::Cow;

use crate::bytes::{number, number_u32, quote_end, split_word, tail, trim, unescaped};

use super::params::{Params, unquoted};

/// One Reason element (RFC 3326): why a request or, by RFC 6432, a response was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason<'a> {
    /// `SIP`, `Q.850`, `STIR` (RFC 8588 and kin), `Preemption`, as written.
    pub protocol: &'a [u8],
    /// The cause, if it is a number.
    pub cause: Option<u32>,
    /// The text without quotes, escapes kept.
    pub text: Option<&'a [u8]>,
    /// All parameters, without the first semicolon.
    pub params: &'a [u8],
}

impl<'a> Reason<'a> {
    /// Reads one element.
    pub fn parse(element: &'a [u8]) -> Self {
        let (protocol, params) = crate::bytes::split_once(element, b';');
        let params = params.unwrap_or_default();
        let all = Params::parse(params);
        Self {
            protocol: trim(protocol),
            cause: all.value(b"cause").and_then(number_u32),
            text: all.value(b"text"),
            params,
        }
    }

    /// The text with its escapes undone.
    pub fn text_unescaped(&self) -> Option<Cow<'a, [u8]>> {
        self.text.map(unescaped)
    }
}

/// One Warning element (RFC 3261 20.43).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning<'a> {
    /// The three-digit code, if it is one.
    pub code: Option<u16>,
    /// Who warns.
    pub agent: &'a [u8],
    /// The text without quotes, escapes kept.
    pub text: &'a [u8],
}

impl<'a> Warning<'a> {
    /// Reads one element.
    pub fn parse(element: &'a [u8]) -> Self {
        let (code, rest) = split_word(element);
        let (agent, text) = split_word(rest);
        let text = match quote_end(text, 0).filter(|_| text.first() == Some(&b'"')) {
            Some(close) => text.get(1..close).unwrap_or_default(),
            None => unquoted(trim(tail(text, 0))),
        };
        Self { code: number(code).and_then(|code| u16::try_from(code).ok()), agent, text }
    }

    /// The text with its escapes undone.
    pub fn text_unescaped(&self) -> Cow<'a, [u8]> {
        unescaped(self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_both_worlds() {
        let reason = Reason::parse(b"Q.850 ;cause=16 ;text=\"Normal \\\"call\\\" clearing; bye\"");
        assert_eq!((reason.protocol, reason.cause), (&b"Q.850"[..], Some(16)));
        assert_eq!(reason.text_unescaped().as_deref(), Some(&b"Normal \"call\" clearing; bye"[..]));
        assert_eq!(Reason::parse(b"SIP;cause=abc").cause, None);
        assert_eq!(Reason::parse(b"").protocol, b"");
    }

    #[test]
    fn warnings() {
        let warning = Warning::parse(b"307 isi.edu \"Session parameter 'foo', \\\"x\\\" not understood\"");
        assert_eq!((warning.code, warning.agent), (Some(307), &b"isi.edu"[..]));
        assert_eq!(&*warning.text_unescaped(), b"Session parameter 'foo', \"x\" not understood");
        assert_eq!(Warning::parse(b"399 h Noisy feedback").text, b"Noisy feedback");
    }
}
