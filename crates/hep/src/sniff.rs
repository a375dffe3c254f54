//! Telling SIP from other bytes where nothing else says what a payload is.

/// True if the bytes start like a SIP message (RFC 3261, section 7): `SIP/2.0 `, or a method token, a space and
/// a URI of a scheme that SIP requests use. Blank lines in front are allowed (section 7.5).
pub(crate) fn looks_like_sip(bytes: &[u8]) -> bool {
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len());
    let message = bytes.get(start..).unwrap_or_default();
    if message.starts_with(b"SIP/2.0 ") {
        return true;
    }
    // Longer method names than this exist nowhere; the bound keeps the search short on other text.
    const METHOD_BYTES_MAX: usize = 32;
    let Some(space) = message.iter().take(METHOD_BYTES_MAX).position(|&byte| byte == b' ') else {
        return false;
    };
    let (method, uri) = message.split_at_checked(space).unwrap_or_default();
    !method.is_empty()
        && method.iter().all(|&byte| is_token(byte))
        && SCHEMES.iter().any(|scheme| {
            uri.get(1..)
                .and_then(|uri| uri.get(..scheme.len()))
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        })
}

/// True if the bytes start with a status line or with a method that is registered: for places where a stray
/// byte or two in front, or a missing one, would go unnoticed in a method of any name.
pub(crate) fn is_surely_sip(bytes: &[u8]) -> bool {
    const METHODS: [&[u8]; 14] = [
        b"ACK ",
        b"BYE ",
        b"CANCEL ",
        b"INFO ",
        b"INVITE ",
        b"MESSAGE ",
        b"NOTIFY ",
        b"OPTIONS ",
        b"PRACK ",
        b"PUBLISH ",
        b"REFER ",
        b"REGISTER ",
        b"SUBSCRIBE ",
        b"UPDATE ",
    ];
    looks_like_sip(bytes)
        && (bytes.starts_with(b"SIP/2.0 ") || METHODS.iter().any(|method| bytes.starts_with(method)))
}

const SCHEMES: [&[u8]; 5] = [b"sip:", b"sips:", b"tel:", b"urn:", b"im:"];

/// RFC 3261, section 25.1, `token`.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}
