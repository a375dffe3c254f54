//! Why a call ended, as the Reason header says it (RFC 3326).

use crate::message::{Message, words};

/// The Q.850 cause in the message's Reason.
pub(crate) fn q850(message: &Message<'_>) -> Option<u32> {
    let read = message.sip();
    read.reasons().find(|reason| reason.protocol.eq_ignore_ascii_case(b"Q.850"))?.cause
}

/// The Reason header in words: `Q.850 16 (normal clearing) "text"`.
pub(crate) fn reason(message: &Message<'_>) -> Option<String> {
    let read = message.sip();
    let reason = read.reasons().next()?;
    let mut said = words(reason.protocol).into_owned();
    if let Some(cause) = reason.cause {
        said.push_str(&format!(" {cause}"));
        if reason.protocol.eq_ignore_ascii_case(b"Q.850")
            && let Some(name) = q850_name(cause)
        {
            said.push_str(&format!(" ({name})"));
        }
    }
    if let Some(text) = reason.text.filter(|text| !text.is_empty()) {
        said.push_str(&format!(" \"{}\"", words(text)));
    }
    Some(said)
}

/// ITU-T Q.850 2.2.7.
pub(crate) fn q850_name(cause: u32) -> Option<&'static str> {
    Some(match cause {
        1 => "unallocated number",
        2 => "no route to transit network",
        3 => "no route to destination",
        16 => "normal clearing",
        17 => "user busy",
        18 => "no user responding",
        19 => "no answer from user",
        20 => "subscriber absent",
        21 => "call rejected",
        22 => "number changed",
        27 => "destination out of order",
        28 => "invalid number format",
        31 => "normal, unspecified",
        34 => "no circuit available",
        38 => "network out of order",
        41 => "temporary failure",
        42 => "switching equipment congestion",
        44 => "requested channel not available",
        47 => "resource unavailable",
        50 => "facility not subscribed",
        57 => "bearer capability not authorised",
        58 => "bearer capability not available",
        63 => "service not available",
        65 => "bearer capability not implemented",
        79 => "service not implemented",
        87 => "not member of the closed user group",
        88 => "incompatible destination",
        102 => "recovery on timer expiry",
        111 => "protocol error",
        127 => "interworking",
        _ => return None,
    })
}
