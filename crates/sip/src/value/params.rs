use alloc::borrow::Cow;

use crate::bytes::{Split, percent_decoded, trim, unescaped};

/// The parameters after a value: `;name=value;flag` (RFC 3261 25.1 generic-param), or the comma-separated ones of
/// credentials. An iterator; cheap to copy.
#[derive(Clone, Debug)]
pub struct Params<'a> {
    parts: Split<'a>,
}

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// The name; compares without case.
    pub name: &'a [u8],
    /// The value without quotes, escapes kept; `None` for a flag.
    pub value: Option<&'a [u8]>,
}

impl<'a> Params<'a> {
    /// Reads `a=b;c`, with or without a semicolon before it.
    #[inline]
    pub fn parse(text: &'a [u8]) -> Self {
        Self { parts: Split::outside_quotes(text, b';') }
    }

    /// Reads `a=b, c="d"`.
    pub(crate) fn by_comma(text: &'a [u8]) -> Self {
        Self { parts: Split::outside_quotes(text, b',') }
    }

    /// Reads `;a=<x;y>;b`.
    pub(crate) fn outside_brackets(text: &'a [u8]) -> Self {
        Self { parts: Split::outside_brackets(text, b';') }
    }

    /// What was written, as far as it is not yet iterated.
    pub fn raw(&self) -> &'a [u8] {
        self.parts.rest()
    }

    /// The value of the first parameter called `name`; empty for a flag.
    #[inline]
    pub fn value(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.clone().find(|param| param.is(name)).map(|param| param.value.unwrap_or_default())
    }

    /// Whether a parameter called `name` is there.
    pub fn has(&self, name: &[u8]) -> bool {
        self.clone().any(|param| param.is(name))
    }

    /// The value of the first parameter called `name` with `\` escapes undone.
    pub fn unescaped(&self, name: &[u8]) -> Option<Cow<'a, [u8]>> {
        self.value(name).map(unescaped)
    }

    /// The value of the first parameter called `name` with `%XX` escapes undone.
    pub fn percent_decoded(&self, name: &[u8]) -> Option<Cow<'a, [u8]>> {
        self.value(name).map(percent_decoded)
    }
}

impl Param<'_> {
    /// Whether this parameter is called `name`.
    #[inline]
    pub fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

impl<'a> Iterator for Params<'a> {
    type Item = Param<'a>;

    #[inline]
    fn next(&mut self) -> Option<Param<'a>> {
        loop {
            let part = trim(self.parts.next()?);
            if !part.is_empty() {
                return Some(param(part));
            }
        }
    }
}

#[inline]
fn param(part: &[u8]) -> Param<'_> {
    let Some(equals) = part.iter().position(|&byte| byte == b'=') else {
        return Param { name: part, value: None };
    };
    let (name, value) = part.split_at(equals);
    let value = trim(value.split_first().map_or(&[][..], |(_, value)| value));
    Param { name: trim(name), value: Some(unquoted(value)) }
}

/// The inside of a quoted string; other text as it is.
#[inline]
pub(crate) fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inside @ .., b'"'] => inside,
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_case_quotes_and_flags() {
        let params = Params::parse(b";TAG = a;lr;;cause=\"x;y\\\"z\"; tag=b;empty=");
        assert_eq!(params.value(b"tag"), Some(&b"a"[..]));
        assert_eq!(params.value(b"lr"), Some(&b""[..]));
        assert!(params.has(b"LR") && !params.has(b"l"));
        assert_eq!(params.value(b"cause"), Some(&b"x;y\\\"z"[..]));
        assert_eq!(params.unescaped(b"cause").as_deref(), Some(&b"x;y\"z"[..]));
        assert_eq!(params.value(b"empty"), Some(&b""[..]));
        assert_eq!(params.count(), 5);
    }
}
