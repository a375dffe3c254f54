//! The first line: request, response, or neither.

use crate::bytes::{head, is_blank, number, tail, trim};

/// What the first line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start<'a> {
    /// A request line (RFC 3261 7.1).
    Request {
        /// The method as written; methods are case-sensitive.
        method: &'a [u8],
        /// The Request-URI as written, also when it holds spaces it must not hold.
        uri: &'a [u8],
    },
    /// A status line (RFC 3261 7.2).
    Response {
        /// The status code, 0 to 999; 0 when it is not a number.
        status: u16,
        /// The reason phrase, often empty or not UTF-8.
        reason: &'a [u8],
    },
    /// No start line: the middle of a message, a keep-alive, or no SIP at all.
    Fragment,
}

impl<'a> Start<'a> {
    /// Reads one line, without its line end.
    #[inline]
    pub(crate) fn of(line: &'a [u8]) -> Self {
        if let Some(rest) = after_version(line) {
            return Self::response(rest);
        }
        Self::request(line)
    }

    /// True unless the line was a fragment.
    pub fn is_known(&self) -> bool {
        !matches!(self, Self::Fragment)
    }

    #[inline]
    fn response(rest: &'a [u8]) -> Self {
        let rest = trim(rest);
        let end = rest.iter().position(|&byte| is_blank(byte)).unwrap_or(rest.len());
        let status = match number(head(rest, end)) {
            Some(status @ 0..=999) => u16::try_from(status).unwrap_or(0),
            _ => 0,
        };
        Self::Response { status, reason: trim(tail(rest, end)) }
    }

    #[inline]
    fn request(line: &'a [u8]) -> Self {
        let Some(end) = line.iter().position(|&byte| is_blank(byte)) else { return Self::Fragment };
        let (method, rest) = (head(line, end), trim(tail(line, end)));
        if method.is_empty() || !method.iter().all(|&byte| byte.is_ascii_uppercase() || is_token(byte)) {
            return Self::Fragment;
        }
        // The version is the last word, nearly always after one space.
        if let Some((uri, b" SIP/2.0")) = rest.split_last_chunk::<8>()
            && uri.last().is_some_and(|&last| !is_blank(last))
        {
            return Self::Request { method, uri };
        }
        // The URI is all between: RFC 3261 forbids spaces in it, senders do not.
        if let Some(gap) = memchr::memrchr2(b' ', b'\t', rest)
            && after_version(tail(rest, gap + 1)).is_some()
        {
            return Self::Request { method, uri: trim(head(rest, gap)) };
        }
        // A line cut short by a small capture length still names a method everybody knows and a URI scheme.
        // Anything less would take `GET / HTTP/1.1` or a header line for a request.
        if METHODS.contains(&method) && is_uri(rest) {
            return Self::Request { method, uri: rest };
        }
        Self::Fragment
    }
}

/// The methods of RFC 3261 and its registered extensions.
const METHODS: &[&[u8]] = &[
    b"ACK",
    b"BYE",
    b"CANCEL",
    b"INFO",
    b"INVITE",
    b"MESSAGE",
    b"NOTIFY",
    b"OPTIONS",
    b"PRACK",
    b"PUBLISH",
    b"REFER",
    b"REGISTER",
    b"SUBSCRIBE",
    b"UPDATE",
];

/// What follows `SIP/x.y`, if the line starts so. The version is compared without case (RFC 3261 7.1).
#[inline]
pub(crate) fn after_version(line: &[u8]) -> Option<&[u8]> {
    match line {
        [s, i, p, b'/', major, b'.', minor, rest @ ..]
            if s | 0x20 == b's'
                && i | 0x20 == b'i'
                && p | 0x20 == b'p'
                && major.is_ascii_digit()
                && minor.is_ascii_digit()
                && rest.first().is_none_or(|&byte| is_blank(byte)) =>
        {
            Some(rest)
        }
        _ => None,
    }
}

fn is_uri(text: &[u8]) -> bool {
    ["sip:", "sips:", "tel:", "urn:"].iter().any(|scheme| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
    })
}

/// A byte of a token (RFC 3261 25.1).
#[inline]
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_lines() {
        let request = |method, uri| Start::Request { method, uri };
        assert_eq!(
            Start::of(b"INVITE sip:bob@biloxi.example SIP/2.0"),
            request(b"INVITE", b"sip:bob@biloxi.example")
        );
        assert_eq!(Start::of(b"OPTIONS  sip:a b@c  sip/2.0 "), request(b"OPTIONS", b"sip:a b@c"));
        assert_eq!(
            Start::of(b"INVITE sip:bob"),
            request(b"INVITE", b"sip:bob"),
            "a cut line of a known method"
        );
        assert_eq!(Start::of(b"FOO x SIP/3.1"), request(b"FOO", b"x"));
    }

    #[test]
    fn status_lines() {
        let response = |status, reason| Start::Response { status, reason };
        assert_eq!(Start::of(b"SIP/2.0 180 Ringing"), response(180, b"Ringing"));
        assert_eq!(Start::of(b"sip/2.0 200"), response(200, b""));
        assert_eq!(Start::of(b"SIP/2.0 4294967301 \xff"), response(0, b"\xff"));
        assert_eq!(Start::of(b"SIP/2.0"), response(0, b""));
    }

    #[test]
    fn everything_else_is_a_fragment() {
        for line in [
            &b""[..],
            b"Via: SIP/2.0/UDP a",
            b"GET / HTTP/1.1",
            b"HEP PING",
            b"INVITE",
            b"\x16\x03\x01",
            b" INVITE sip:a SIP/2.0",
        ] {
            assert_eq!(Start::of(line), Start::Fragment, "{line:?}");
        }
    }
}
