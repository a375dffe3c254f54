use crate::bytes::{head, is_space, number_u32, split_once, tail, trim, trim_start};

use super::params::Params;

/// Session-Expires (RFC 4028 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpires<'a> {
    /// The interval, if it is a number.
    pub seconds: Option<u32>,
    /// Who refreshes: `uac` or `uas`.
    pub refresher: Option<&'a [u8]>,
}

impl<'a> SessionExpires<'a> {
    /// Reads a value.
    pub fn parse(value: &'a [u8]) -> Self {
        let (seconds, params) = split_once(value, b';');
        Self {
            seconds: number_u32(trim(seconds)),
            refresher: params.and_then(|params| Params::parse(params).value(b"refresher")),
        }
    }
}

/// Retry-After (RFC 3261 20.33).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter<'a> {
    /// How long to wait, if it is a number.
    pub seconds: Option<u32>,
    /// The comment, without its parentheses.
    pub comment: Option<&'a [u8]>,
    /// How long the called party will be there, in seconds.
    pub duration_seconds: Option<u32>,
}

impl<'a> RetryAfter<'a> {
    /// Reads a value.
    pub fn parse(value: &'a [u8]) -> Self {
        let value = trim(value);
        let digits = value
            .iter()
            .position(|&byte| is_space(byte) || matches!(byte, b'(' | b';'))
            .unwrap_or(value.len());
        let rest = trim_start(tail(value, digits));
        let comment = rest
            .strip_prefix(b"(")
            .and_then(|inside| memchr::memrchr(b')', inside).and_then(|end| inside.get(..end)));
        let params = comment.map_or(rest, |comment| tail(rest, comment.len() + 2));
        Self {
            seconds: number_u32(head(value, digits)),
            comment,
            duration_seconds: Params::parse(params).value(b"duration").and_then(number_u32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_comments_and_parameters() {
        assert_eq!(
            SessionExpires::parse(b"4000;refresher=uac"),
            SessionExpires { seconds: Some(4000), refresher: Some(b"uac") }
        );
        let retry = RetryAfter::parse(b"120 (I'm in a meeting (long));duration=3600");
        assert_eq!(
            (retry.seconds, retry.comment, retry.duration_seconds),
            (Some(120), Some(&b"I'm in a meeting (long)"[..]), Some(3600))
        );
        assert_eq!(RetryAfter::parse(b"18000;duration=3600").duration_seconds, Some(3600));
        assert_eq!(RetryAfter::parse(b"soon").seconds, None);
    }
}
