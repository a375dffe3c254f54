use crate::bytes::{split_once, trim};

use super::params::Params;

/// Content-Type (RFC 3261 20.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentType<'a> {
    /// `type/subtype`, as written.
    pub media_type: &'a [u8],
    /// The parameters, without the first semicolon.
    pub params: &'a [u8],
}

impl<'a> ContentType<'a> {
    /// Reads a value.
    #[inline]
    pub fn parse(value: &'a [u8]) -> Self {
        let (media_type, params) = split_once(value, b';');
        Self { media_type: trim(media_type), params: params.unwrap_or_default() }
    }

    /// Whether this is `media_type`, in any case.
    #[inline]
    pub fn is(&self, media_type: &[u8]) -> bool {
        self.media_type.eq_ignore_ascii_case(media_type)
    }

    /// Whether the body has parts (RFC 2046 5.1).
    pub fn is_multipart(&self) -> bool {
        self.media_type.get(..10).is_some_and(|start| start.eq_ignore_ascii_case(b"multipart/"))
    }

    /// What stands between the parts of a multipart body.
    pub fn boundary(&self) -> Option<&'a [u8]> {
        Params::parse(self.params).value(b"boundary").filter(|boundary| !boundary.is_empty())
    }
}
