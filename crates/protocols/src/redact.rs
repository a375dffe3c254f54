//! What operators may not keep: proofs of passwords, keys of media, and what people write and dial. Overwritten byte by
//! byte, so that lengths and places stay; the rest of a message is as it came.

use std::ops::Range;

use media::rtp;
use sip::Name;

use crate::wrapped::sip_in_json;

/// What is overwritten before a packet is written to disk. Nothing, unless asked for: payloads are kept as they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redactions {
    /// Answers to challenges of digest authentication (RFC 7616 3.4.1, 3.5), from which a weak password can be guessed.
    pub digest: bool,
    /// Keys of SRTP in session descriptions: SDES (RFC 4568 9.1) and MIKEY (RFC 4567).
    pub srtp: bool,
    /// Bodies of MESSAGE (RFC 3428).
    pub message_bodies: bool,
    /// Digits dialled in a call: INFO (RFC 6086), KPML (RFC 4730), telephone-event (RFC 4733).
    pub dtmf: bool,
}

/// What is overwritten with; valid wherever the secrets stood, base64 and JSON included.
const BLANK: u8 = b'*';

/// RTP payload types that are agreed on in the call (RFC 3551 6): telephone-event has one of them.
const DYNAMIC: std::ops::RangeInclusive<u8> = 96..=127;

/// An event, its volume and its duration (RFC 4733 2.3).
const EVENT_BYTES: usize = 4;

/// Parameters whose value proves that somebody knows a password.
const PROOFS: [&[u8]; 2] = [b"response", b"rspauth"];

/// Shorter ones are no hash: a word of a text.
const PROOF_DIGITS_MIN: usize = 32;

impl Redactions {
    pub fn any(self) -> bool {
        self != Self::default()
    }

    /// Overwrites what is asked for.
    pub(crate) fn apply(self, is_rtp: bool, payload: &mut [u8]) {
        if !self.any() {
            return;
        }
        if is_rtp {
            if self.dtmf {
                blank(payload, event(payload));
            }
            return;
        }
        // Texts of any kind, as signalling is also quoted in logs and events.
        if self.digest {
            blank(payload, proofs(payload));
        }
        if self.srtp {
            blank(payload, media_keys(payload));
        }
        if self.message_bodies || self.dtmf {
            blank(payload, self.body(payload));
        }
    }

    /// Where what people write or dial stands in a SIP message.
    fn body(self, payload: &[u8]) -> Vec<Range<usize>> {
        if let Some(inner) = sip_in_json(payload) {
            return match self.in_sip(inner.as_bytes()) {
                Some(_) => json_body(payload),
                None => Vec::new(),
            };
        }
        self.in_sip(payload).into_iter().collect()
    }

    fn in_sip(self, bytes: &[u8]) -> Option<Range<usize>> {
        let message = sip::parse(bytes);
        let method = message.method().filter(|_| message.status().is_none())?;
        let kind = message.header(Name::ContentType).unwrap_or_default().to_ascii_lowercase();
        let is = |part: &[u8]| find(&kind, part).is_some();
        let is_wanted = match method {
            b"MESSAGE" => self.message_bodies,
            b"INFO" => self.dtmf && (is(b"dtmf") || is(b"digits") || is(b"telephone-event")),
            b"NOTIFY" => self.dtmf && is(b"kpml"),
            _ => false,
        };
        // To the end of what came: a Content-Length that is too short does not uncover the rest.
        let body = message.body_range().start..bytes.len();
        if !is_wanted || body.is_empty() {
            return None;
        }
        Some(signal(bytes, body.clone()).unwrap_or(body))
    }
}

/// The digit alone, where a line is there for it (application/dtmf-relay): how long it was is no secret.
fn signal(bytes: &[u8], body: Range<usize>) -> Option<Range<usize>> {
    let text = bytes.get(body.clone())?;
    if !text.get(..7)?.eq_ignore_ascii_case(b"signal=") {
        return None;
    }
    let line = text.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(text.len());
    let rest = &text[line..];
    // Whatever else there may be would be left.
    let is_plain = rest.iter().all(|byte| byte.is_ascii_alphanumeric() || b"=\r\n \0".contains(byte))
        && rest.windows(7).all(|window| !window.eq_ignore_ascii_case(b"signal="));
    is_plain.then_some(body.start + 7..body.start + line)
}

/// The body of the SIP message in a JSON text, which its member `payload` holds: behind an escaped blank line up to the end
/// of the text. Without such a line, as with escapes of another kind, all of the text.
fn json_body(payload: &[u8]) -> Vec<Range<usize>> {
    const MEMBER: &[u8] = b"\"payload\"";
    const BLANK_LINE: &[u8] = br"\r\n\r\n";
    let Some(member) = find(payload, MEMBER) else { return Vec::new() };
    let from = member + MEMBER.len();
    let Some(quote) = payload[from..].iter().position(|byte| *byte == b'"') else { return Vec::new() };
    let start = from + quote + 1;
    let mut end = start;
    while let Some(byte) = payload.get(end) {
        match byte {
            b'"' => break,
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
    let end = end.min(payload.len());
    let body = find(&payload[start..end], BLANK_LINE).map_or(start, |at| start + at + BLANK_LINE.len());
    std::iter::once(body..end).collect()
}

/// `response="..."` and the like, also with the quotes escaped.
fn proofs(payload: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for name in PROOFS {
        let mut at = 0;
        while let Some(place) = find_any_case(&payload[at..], name) {
            let before = payload[..at + place].last().copied().unwrap_or(b' ');
            at += place + name.len();
            if before.is_ascii_alphanumeric() || before == b'_' || before == b'-' {
                continue;
            }
            let start = at + payload[at..].iter().take_while(|byte| b"= \t\\\"'".contains(byte)).count();
            if !payload[at..start].contains(&b'=') {
                continue;
            }
            let digits = payload[start..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            if digits >= PROOF_DIGITS_MIN {
                found.push(start..start + digits);
            }
            at = start + digits;
        }
    }
    found
}

/// `inline:` of a crypto attribute, up to its lifetime; and all of a MIKEY message (RFC 4567).
fn media_keys(payload: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (name, blanks) in [(&b"inline:"[..], false), (b"key-mgmt:mikey", true)] {
        let mut at = 0;
        while let Some(place) = find_any_case(&payload[at..], name) {
            at += place + name.len();
            if blanks {
                at += payload[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            }
            let is_base64 = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(byte);
            let mut end = at + payload[at..].iter().take_while(is_base64).count();
            // A solidus may be escaped in JSON.
            while payload.get(end..end + 2) == Some(br"\/") {
                end += 2;
                end += payload[end..].iter().take_while(is_base64).count();
            }
            found.push(at..end);
            at = end;
        }
    }
    found
}

/// The number of a telephone event. Which payload type it is was said in another packet: what has the size of one, and a
/// number that is a digit, is taken for one.
fn event(payload: &[u8]) -> Vec<Range<usize>> {
    const LAST_DIGIT: u8 = 16;
    let Ok(packet) = rtp::Packet::parse(payload) else { return Vec::new() };
    let is_event = DYNAMIC.contains(&packet.payload_type)
        && packet.payload.len() == EVENT_BYTES
        && packet.payload.first().is_some_and(|event| *event <= LAST_DIGIT);
    if !is_event {
        return Vec::new();
    }
    let start = (packet.payload.as_ptr() as usize).saturating_sub(payload.as_ptr() as usize);
    std::iter::once(start..start + 1).collect()
}

fn blank(payload: &mut [u8], places: Vec<Range<usize>>) {
    for place in places {
        if let Some(place) = payload.get_mut(place) {
            place.fill(BLANK);
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn find_any_case(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window.eq_ignore_ascii_case(wanted))
}
