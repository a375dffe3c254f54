use alloc::borrow::Cow;

use crate::bytes::{head, is_space, number, percent_decoded, split_once, sub, tail, trim};
use crate::marks::{AddressMarks, Marks};

use super::params::Params;

/// A URI (RFC 3261 19.1, RFC 3966 for `tel:`), in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uri<'a> {
    /// All of it, as written.
    pub raw: &'a [u8],
    /// Before the colon, as written; empty when there is none.
    pub scheme: &'a [u8],
    /// The user part as written, with user parameters and escapes, without password. For `tel:` the number with
    /// its visual separators; for other schemes without `@` all after the colon.
    pub user: Option<&'a [u8]>,
    subscriber: Option<&'a [u8]>,
    /// The password: deprecated by RFC 3261 19.1.1, and still seen.
    pub password: Option<&'a [u8]>,
    /// The host, an IPv6 reference without its brackets. `None` for `tel:`, `urn:` and the like.
    pub host: Option<&'a [u8]>,
    /// The port, if it is one.
    pub port: Option<u16>,
    /// Parameters, without the first semicolon.
    pub params: &'a [u8],
    /// Embedded headers (RFC 3261 19.1.1), without the question mark.
    pub headers: &'a [u8],
}

impl<'a> Uri<'a> {
    /// Reads a URI, however odd.
    #[inline]
    pub fn parse(raw: &'a [u8]) -> Self {
        let raw = trim(raw);
        if let Some((uri, end)) = Self::usual(raw, 0, &mut Marks::new(raw), None)
            && end == raw.len()
        {
            return uri;
        }
        match scheme_end(raw) {
            Some(end) if is_sip(head(raw, end)) => Self::scan(raw, end + 1),
            Some(end) => Self::opaque(raw, end),
            // `alice@example.com`, `10.0.0.1:5060`: read it as the SIP URI it was meant to be.
            None => Self::scan(raw, 0),
        }
    }

    /// Reads the URI that starts at `from` in `text` and ends before the first `>`, and gives the place of that.
    /// `marks` stand before the URI, and behind it afterwards.
    #[inline(always)]
    pub(super) fn parse_bracketed(
        text: &'a [u8],
        from: usize,
        marks: &mut Marks<'a, AddressMarks>,
    ) -> (Self, usize) {
        if let Some(found) = Self::usual(text, from, marks, Some(b'>')) {
            return found;
        }
        let close = memchr::memchr(b'>', tail(text, from)).map_or(text.len(), |step| from + step);
        (Self::parse(sub(text, from, close)), close)
    }

    /// Nearly every URI: `sip:user@host[:port][;params]`, up to `stop`, in one scan. Gives the place of the stop too;
    /// nothing for all other URIs.
    #[inline(always)]
    fn usual(
        text: &'a [u8],
        from: usize,
        marks: &mut Marks<'a, AddressMarks>,
        stop: Option<u8>,
    ) -> Option<(Self, usize)> {
        let secure = match tail(text, from) {
            [b's', b'i', b'p', b':', ..] => 0,
            [b's', b'i', b'p', b's', b':', ..] => 1,
            _ => return None,
        };
        // The stop stands at the end if there is none.
        let last = if stop.is_none() { Some((text.len(), b'>')) } else { None };
        let (colon, _) = marks.next_byte()?;
        let start = from + secure + 4;
        let (at, b'@') = marks.next_byte()? else { return None };
        let (host_end, mut mark) = marks.next_byte().or(last)?;
        let mut port_end = host_end;
        if mark == b':' {
            (port_end, mark) = marks.next_byte().or(last)?;
        }
        let mut end = port_end;
        if mark == b';' {
            while !matches!(mark, b'>' | b'?' | b'@') {
                (end, mark) = marks.next_byte().or(last)?;
            }
        }
        if mark != b'>' || colon + 1 != start || text.get(end - 1).is_none_or(|&last| is_space(last)) {
            return None;
        }
        let user = Some(sub(text, start, at));
        let uri = Self {
            raw: sub(text, from, end),
            scheme: sub(text, from, colon),
            user,
            subscriber: user,
            password: None,
            host: Some(sub(text, at + 1, host_end)).filter(|host| !host.is_empty()),
            port: if port_end > host_end { port(sub(text, host_end + 1, port_end)) } else { None },
            params: if end > port_end { sub(text, port_end + 1, end) } else { &[] },
            headers: &[],
        };
        Some((uri, end))
    }

    /// Reads `[user[:password]@]host[:port][;params][?headers]` from `start` on. The scheme is what stands
    /// before `start` and its colon.
    fn scan(text: &'a [u8], start: usize) -> Self {
        // First `:`, `;` and `?` of the user part, then, after the `@`, of the host part.
        let (mut colon, mut semicolon, mut question) = (None, None, None);
        let (mut user_colon, mut user_semicolon, mut at) = (None, None, None);
        let mut host = start;
        // Closing bracket of an IPv6 reference; the colons inside part nothing.
        let (mut open, mut close) = (false, None);
        for place in Marks::<AddressMarks>::starting_at(text, start) {
            match text.get(place) {
                Some(b':') if colon.is_none() && semicolon.is_none() && question.is_none() && !open => {
                    colon = Some(place);
                }
                Some(b';') if semicolon.is_none() && question.is_none() => semicolon = Some(place),
                Some(b'?') if question.is_none() => question = Some(place),
                // RFC 3261 25.1 allows one `@` only, and no `;` or `?` of the user part ends it. With several, the
                // user was written unescaped (`alice@example.com@proxy`): the last before the parameters counts.
                Some(b'@') if at.is_none() || (semicolon.is_none() && question.is_none()) => {
                    if at.is_none() {
                        (user_colon, user_semicolon) = (colon, semicolon);
                    }
                    (colon, semicolon, question) = (None, None, None);
                    (open, close) = (false, None);
                    at = Some(place);
                    host = place + 1;
                }
                Some(b'[') if place == host => open = true,
                Some(b']') if open => (open, close) = (false, Some(place)),
                _ => {}
            }
        }
        let end = text.len();
        let host_end = semicolon.or(question).unwrap_or(end);
        let host = match close {
            _ if open => sub(text, host + 1, host_end),
            Some(close) => sub(text, host + 1, close),
            None => sub(text, host, colon.unwrap_or(host_end)),
        };
        Self {
            raw: text,
            scheme: head(text, start.saturating_sub(1)),
            user: at.map(|at| sub(text, start, user_colon.unwrap_or(at))),
            subscriber: at.map(|at| sub(text, start, user_semicolon.or(user_colon).unwrap_or(at))),
            password: at.and_then(|at| user_colon.map(|colon| sub(text, colon + 1, at))),
            host: Some(host).filter(|host| !host.is_empty()),
            port: colon.and_then(|colon| port(sub(text, colon + 1, host_end))),
            params: semicolon.map_or(&[], |semicolon| sub(text, semicolon + 1, question.unwrap_or(end))),
            headers: question.map_or(&[], |question| sub(text, question + 1, end)),
        }
    }

    /// `number;params` of `tel:`, and whatever other schemes hold.
    fn opaque(raw: &'a [u8], scheme_end: usize) -> Self {
        let rest = tail(raw, scheme_end + 1);
        let end = rest.iter().position(|byte| matches!(byte, b';' | b'?')).unwrap_or(rest.len());
        let (params, headers) = split_once(tail(rest, end), b'?');
        let user = Some(head(rest, end)).filter(|user| !user.is_empty());
        Self {
            raw,
            scheme: head(raw, scheme_end),
            user,
            subscriber: user,
            password: None,
            host: None,
            port: None,
            params: params.strip_prefix(b";").unwrap_or(params),
            headers: headers.unwrap_or_default(),
        }
    }

    /// `sip`, `sips`, or nothing before the colon: the URI names a host.
    pub fn has_host(&self) -> bool {
        self.scheme.is_empty() || is_sip(self.scheme)
    }

    /// The user without its parameters (`;npdi;rn=...`, RFC 3966 in RFC 3261 19.1.1): the number or name alone.
    #[inline]
    pub fn subscriber(&self) -> Option<&'a [u8]> {
        self.subscriber
    }

    /// [`Uri::subscriber`] with `%XX` escapes undone.
    pub fn subscriber_decoded(&self) -> Option<Cow<'a, [u8]>> {
        self.subscriber().map(percent_decoded)
    }

    /// The parameters of the user part, such as `rn` and `npdi` (RFC 4694).
    pub fn user_params(&self) -> Params<'a> {
        Params::parse(self.user.and_then(|user| split_once(user, b';').1).unwrap_or_default())
    }

    /// The parameters of the URI.
    #[inline]
    pub fn params(&self) -> Params<'a> {
        Params::parse(self.params)
    }

    /// The value of the embedded header called `name`, escapes undone: `Replaces` in Refer-To, `Reason` in
    /// History-Info.
    pub fn header(&self, name: &[u8]) -> Option<Cow<'a, [u8]>> {
        self.headers.split(|&byte| byte == b'&').find_map(|header| {
            let (key, value) = split_once(header, b'=');
            key.eq_ignore_ascii_case(name).then(|| percent_decoded(value.unwrap_or_default()))
        })
    }
}

fn is_sip(scheme: &[u8]) -> bool {
    scheme.eq_ignore_ascii_case(b"sip") || scheme.eq_ignore_ascii_case(b"sips")
}

/// End of the scheme (RFC 3986 3.1). `host:5060` and `user:secret@host` have none: what comes before their
/// colon could be one, so only digits after it, or an `@` with no known scheme, tell.
#[inline]
fn scheme_end(raw: &[u8]) -> Option<usize> {
    match raw {
        [s, i, p, b':', ..] if s | 0x20 == b's' && i | 0x20 == b'i' && p | 0x20 == b'p' => return Some(3),
        [s, i, p, t, b':', ..]
            if s | 0x20 == b's' && i | 0x20 == b'i' && p | 0x20 == b'p' && t | 0x20 == b's' =>
        {
            return Some(4);
        }
        _ => {}
    }
    let end =
        raw.iter().position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')))?;
    let scheme = head(raw, end);
    if raw.get(end) != Some(&b':') || !scheme.first().is_some_and(u8::is_ascii_alphabetic) {
        return None;
    }
    let after = tail(raw, end + 1);
    let known = [&b"tel"[..], b"urn", b"http", b"https", b"im", b"pres", b"mailto", b"cid", b"service"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known));
    let names_host = after.first().is_some_and(u8::is_ascii_digit) || memchr::memchr(b'@', after).is_some();
    (known || !names_host).then_some(end)
}

#[inline]
fn port(digits: &[u8]) -> Option<u16> {
    number(digits).and_then(|number| u16::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(raw: &str) -> (Option<&str>, Option<&str>, Option<u16>, &str, &str) {
        let uri = Uri::parse(raw.as_bytes());
        let text = |bytes| core::str::from_utf8(bytes).unwrap();
        (uri.user.map(text), uri.host.map(text), uri.port, text(uri.params), text(uri.headers))
    }

    #[test]
    fn plain_uris() {
        assert_eq!(
            parts("sip:alice@atlanta.example"),
            (Some("alice"), Some("atlanta.example"), None, "", "")
        );
        assert_eq!(
            parts("SIPS:a:pw@h:5061;transport=tcp?Subject=x"),
            (Some("a"), Some("h"), Some(5061), "transport=tcp", "Subject=x")
        );
        assert_eq!(parts("sip:10.0.0.1"), (None, Some("10.0.0.1"), None, "", ""));
        assert_eq!(parts("sip:h?a=b"), (None, Some("h"), None, "", "a=b"));
        assert_eq!(Uri::parse(b"sip:a:pw@h").password, Some(&b"pw"[..]));
    }

    #[test]
    fn ipv6_references_lose_their_brackets() {
        assert_eq!(
            parts("sip:bob@[2001:db8::1]:5070;lr"),
            (Some("bob"), Some("2001:db8::1"), Some(5070), "lr", "")
        );
        assert_eq!(parts("sip:[::1]"), (None, Some("::1"), None, "", ""));
        assert_eq!(parts("sip:[::1"), (None, Some("::1"), None, "", ""), "an unclosed bracket");
        assert_eq!(parts("sip:["), (None, None, None, "", ""));
    }

    #[test]
    fn tel_uris_have_a_number_and_no_host() {
        assert_eq!(
            parts("tel:+1-201-555-0123;phone-context=example.com"),
            (Some("+1-201-555-0123"), None, None, "phone-context=example.com", "")
        );
        assert_eq!(
            parts("tel:911"),
            (Some("911"), None, None, "", ""),
            "digits after a known scheme are no port"
        );
        assert_eq!(parts("urn:service:sos"), (Some("service:sos"), None, None, "", ""));
    }

    #[test]
    fn user_parameters_stay_with_the_user() {
        let uri = Uri::parse(b"sip:+12015550123;npdi;rn=+12015550000@gw.example;user=phone");
        assert_eq!(uri.user, Some(&b"+12015550123;npdi;rn=+12015550000"[..]));
        assert_eq!(uri.subscriber(), Some(&b"+12015550123"[..]));
        assert_eq!(uri.user_params().value(b"rn"), Some(&b"+12015550000"[..]));
        assert_eq!(uri.params().value(b"user"), Some(&b"phone"[..]));
        assert_eq!(Uri::parse(b"sip:%2B49@h").subscriber_decoded().as_deref(), Some(&b"+49"[..]));
    }

    #[test]
    fn odd_uris() {
        assert_eq!(
            parts("sip:alice@example.com@proxy:5080;lr"),
            (Some("alice@example.com"), Some("proxy"), Some(5080), "lr", "")
        );
        assert_eq!(parts("sip:bob@h?Replaces=a@b"), (Some("bob"), Some("h"), None, "", "Replaces=a@b"));
        assert_eq!(parts("alice@h"), (Some("alice"), Some("h"), None, "", ""));
        assert_eq!(parts("alice:pw@h"), (Some("alice"), Some("h"), None, "", ""));
        assert_eq!(parts("host.example:5060"), (None, Some("host.example"), Some(5060), "", ""));
        assert_eq!(parts("sip:@h:99999"), (Some(""), Some("h"), None, "", ""));
        assert_eq!(parts("sip:"), (None, None, None, "", ""));
        assert_eq!(parts(""), (None, None, None, "", ""));
        assert_eq!(parts("*"), (None, Some("*"), None, "", ""));
    }

    #[test]
    fn embedded_headers_are_unescaped() {
        let uri = Uri::parse(b"sip:b@h?Reason=SIP%3Bcause%3D302&Replaces=1%40h%3Bto-tag%3D7");
        assert_eq!(uri.header(b"reason").as_deref(), Some(&b"SIP;cause=302"[..]));
        assert_eq!(uri.header(b"Replaces").as_deref(), Some(&b"1@h;to-tag=7"[..]));
        assert_eq!(uri.header(b"Join"), None);
    }
}
