//! Bytes that should be text.

use std::borrow::Cow;

use hep::Packet;

use crate::Draft;
use crate::flags::BAD_UTF8;

/// The bytes as text, line folds undone (RFC 3261 7.3.1), and whether some of them were no UTF-8 and are replaced by
/// U+FFFD. Borrows in the usual case of one line of valid UTF-8. `known` are the bytes as text, if that is known.
#[inline]
pub(crate) fn read<'a>(bytes: &'a [u8], known: Option<&'a str>) -> (Cow<'a, str>, bool) {
    // No early exit: one pass over whole vectors.
    let has_line_end = bytes.iter().fold(false, |found, byte| found | matches!(byte, b'\r' | b'\n'));
    match known.map_or_else(|| std::str::from_utf8(bytes), Ok) {
        Ok(text) if !has_line_end => (Cow::Borrowed(text), false),
        Ok(_) => (sip::text(bytes), false),
        Err(_) => (Cow::Owned(sip::text(bytes).into_owned()), true),
    }
}

/// A whole payload as text, as it stands, and whether some of it had to be replaced.
pub(crate) fn payload(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), false),
        Err(_) => (String::from_utf8_lossy(bytes), true),
    }
}

/// The whole payload of a packet as text, padding taken off; invalid UTF-8 is replaced and flagged.
pub(crate) fn of<'a>(packet: &'a Packet<'_>, draft: &mut Draft<'_>) -> Cow<'a, str> {
    let (text, is_replaced) = payload(draft.readable(&packet.payload));
    if is_replaced {
        draft.flag(BAD_UTF8);
    }
    text
}

/// Without the NULs that some senders pad with.
pub(crate) fn without_nuls(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &bytes[..end]
}

/// Whether a correlation id can be the id of a call: OpenSIPS writes `<null>` when its script has none.
pub(crate) fn is_call_id(text: &str) -> bool {
    !text.is_empty() && text != "<null>"
}

/// Asterisk may be told to send the name of the channel (`PJSIP/alice-00000012`) instead of the Call-ID.
pub(crate) fn is_channel_name(text: &str) -> bool {
    let Some((technology, name)) = text.split_once('/') else { return false };
    let Some((_, number)) = name.rsplit_once('-') else { return false };
    !name.contains('@')
        && technology.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && number.len() == 8
        && number.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_calls_from_other_correlations() {
        for text in ["a@b", "3848276298220188511", "06ee04d9-5010-4dbe-8a71-e69725fcce47", "a/b@c-00000012"] {
            assert!(is_call_id(text) && !is_channel_name(text), "{text}");
        }
        assert!(!is_call_id("") && !is_call_id("<null>"));
        assert!(is_channel_name("PJSIP/alice-00000012"));
    }

    #[test]
    fn takes_padding_off() {
        assert_eq!(without_nuls(b"ab\0\0"), b"ab");
        assert_eq!(without_nuls(b"a\0b"), b"a\0b");
        assert_eq!(without_nuls(b"\0"), b"");
    }
}
