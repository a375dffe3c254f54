use alloc::borrow::Cow;

use crate::bytes::{Split, head, number_u32, tail, trim, trim_start, unescaped};
use crate::marks::{AddressMarks, Marks};

use super::params::Params;
use super::uri::Uri;

/// A name and an address with parameters: From, To, Contact, Route, P-Asserted-Identity and their kin
/// (RFC 3261 20.10, 25.1 name-addr and addr-spec).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameAddr<'a> {
    /// The display name without quotes, escapes kept; `None` when there is none.
    pub display: Option<&'a [u8]>,
    /// The address.
    pub uri: Uri<'a>,
    /// The header parameters, without the first semicolon.
    pub params: &'a [u8],
}

impl<'a> NameAddr<'a> {
    /// Reads one element.
    #[inline]
    pub fn parse(element: &'a [u8]) -> Self {
        let element = trim(element);
        let mut display = None;
        let mut marks = Marks::<AddressMarks>::new(element);
        while let Some((at, mark)) = marks.next_byte() {
            match mark {
                b'<' => {
                    let display =
                        display.or_else(|| Some(trim(head(element, at))).filter(|name| !name.is_empty()));
                    let (uri, close) = Uri::parse_bracketed(element, at + 1, &mut marks);
                    let after = element.get(close + 1..).unwrap_or_default();
                    return Self { display, uri, params: after_semicolon(after) };
                }
                b'"' if at == 0 => {
                    // Not closed, it is plain text, so that the address is still found.
                    let mut inside = marks;
                    if let Some(close) = inside.quote_end() {
                        display = element.get(1..close);
                        marks = inside;
                    }
                }
                _ => {}
            }
        }
        Self::without_brackets(element, display)
    }

    /// Reads the first element of a list value.
    #[inline]
    pub fn first(value: &'a [u8]) -> Option<Self> {
        if memchr::memchr(b',', value).is_none() {
            return Some(Self::parse(value));
        }
        Split::outside_brackets(value, b',').map(trim).find(|element| !element.is_empty()).map(Self::parse)
    }

    /// RFC 3261 20.10: without brackets, parameters belong to the header and not to the URI. A user that should have
    /// been bracketed for its semicolons is kept whole where the `@` shows it.
    fn without_brackets(element: &'a [u8], display: Option<&'a [u8]>) -> Self {
        let spec = display.map_or(element, |display| trim_start(tail(element, display.len() + 2)));
        let user = memchr::memchr(b'@', spec).unwrap_or(0);
        let user = if is_param_after_semicolon(head(spec, user)) { 0 } else { user };
        let end = memchr::memchr(b';', tail(spec, user)).map_or(spec.len(), |step| user + step);
        Self { display, uri: Uri::parse(head(spec, end)), params: tail(spec, end + 1) }
    }

    /// The display name with its escapes undone.
    pub fn display_name(&self) -> Option<Cow<'a, [u8]>> {
        self.display.map(unescaped)
    }

    /// The header parameters.
    #[inline]
    pub fn params(&self) -> Params<'a> {
        Params::parse(self.params)
    }

    /// The tag parameter of From and To (RFC 3261 19.3).
    #[inline]
    pub fn tag(&self) -> Option<&'a [u8]> {
        if self.params.is_empty() {
            return None;
        }
        // Nearly always the first parameter, and the only one.
        if let Some(tag) = self.params.strip_prefix(b"tag=")
            && !tag.is_empty()
            && !tag.iter().any(|&byte| byte <= b' ' || matches!(byte, b';' | b'"'))
        {
            return Some(tag);
        }
        self.params().value(b"tag").filter(|tag| !tag.is_empty())
    }

    /// The expires parameter of a Contact, in seconds (RFC 3261 10.2.1.1).
    pub fn expires_seconds(&self) -> Option<u32> {
        self.params().value(b"expires").and_then(number_u32)
    }
}

/// What follows the semicolon that starts the parameters.
#[inline]
fn after_semicolon(after: &[u8]) -> &[u8] {
    match after {
        [b';', params @ ..] => params,
        [] => after,
        _ => {
            let after = trim_start(after);
            after.strip_prefix(b";").unwrap_or(after)
        }
    }
}

/// `sip:host;tag=a@b`: the `@` belongs to a parameter value, which RFC 3261 forbids but senders write. The user of a
/// bare `sip:+1;phone-context=x@host` looks the same, except that its parameter is no header parameter.
fn is_param_after_semicolon(before_at: &[u8]) -> bool {
    Params::parse(before_at).skip(1).any(|param| param.is(b"tag"))
}

/// The addresses of a list header, in order, over all its lines.
#[derive(Clone, Debug)]
pub struct Addresses<'a> {
    values: crate::Values<'a>,
    elements: Option<Split<'a>>,
}

impl<'a> Addresses<'a> {
    pub(crate) fn new(values: crate::Values<'a>) -> Self {
        Self { values, elements: None }
    }
}

impl<'a> Iterator for Addresses<'a> {
    type Item = NameAddr<'a>;

    fn next(&mut self) -> Option<NameAddr<'a>> {
        loop {
            if let Some(elements) = &mut self.elements {
                if let Some(element) = elements.map(trim).find(|element| !element.is_empty()) {
                    return Some(NameAddr::parse(element));
                }
                self.elements = None;
            }
            self.elements = Some(Split::outside_brackets(self.values.next()?, b','));
        }
    }
}

/// The Contact header field.
#[derive(Clone, Debug)]
pub enum Contact<'a> {
    /// `*`: all bindings, in a REGISTER that removes them (RFC 3261 10.2.2).
    Wildcard,
    /// One or more addresses.
    Addresses(Addresses<'a>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_quoted_plain_and_none() {
        let quoted = NameAddr::parse(b"\"Al \\\"x\\\" <y>, z\" <sip:a@h>;tag=1");
        assert_eq!(quoted.display_name().as_deref(), Some(&b"Al \"x\" <y>, z"[..]));
        assert_eq!(quoted.uri.user, Some(&b"a"[..]));
        assert_eq!(quoted.tag(), Some(&b"1"[..]));
        let plain = NameAddr::parse(b"Anonymous Coward <sip:c8oqz84zk7z@privacy.org>; tag=hyh8");
        assert_eq!(plain.display, Some(&b"Anonymous Coward"[..]));
        assert_eq!(plain.tag(), Some(&b"hyh8"[..]));
        let bare = NameAddr::parse(b"sip:+12125551212@server.phone2net.com;tag=887s");
        assert_eq!((bare.display, bare.uri.params, bare.tag()), (None, &b""[..], Some(&b"887s"[..])));
        assert_eq!(NameAddr::parse(b"\"\" <sip:a@h>").display, Some(&b""[..]));
    }

    #[test]
    fn bracketless_addresses_with_semicolons() {
        let user = NameAddr::parse(b"sip:+1;phone-context=x@h;tag=7");
        assert_eq!((user.uri.user, user.tag()), (Some(&b"+1;phone-context=x"[..]), Some(&b"7"[..])));
        let tag = NameAddr::parse(b"sip:h;tag=a@b");
        assert_eq!((tag.uri.host, tag.tag()), (Some(&b"h"[..]), Some(&b"a@b"[..])));
        let tel = NameAddr::parse(b"tel:+4930;tag=7");
        assert_eq!((tel.uri.user, tel.tag()), (Some(&b"+4930"[..]), Some(&b"7"[..])));
    }

    #[test]
    fn broken_brackets_and_quotes_still_show_the_address() {
        assert_eq!(NameAddr::parse(b"<sip:a@h;tag=1").uri.user, Some(&b"a"[..]));
        assert_eq!(NameAddr::parse(b"\"Al <sip:a@h>;tag=1").uri.user, Some(&b"a"[..]));
        assert_eq!(NameAddr::parse(b"").uri.raw, b"");
        assert_eq!(NameAddr::parse(b"<>").uri.raw, b"");
    }
}
