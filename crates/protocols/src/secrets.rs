//! Secrets inside payloads, which must not reach the disk: the master keys of TLS that OpenSIPS puts into its
//! connection events, and HEP keys of packets inside packets. And what an operator does not want kept ([`Redactions`]).

use std::borrow::Cow;
use std::ops::Range;

use hep::{Packet, Payload};

use crate::redact::Redactions;

/// OpenSIPS connection events.
const CONNECTION_EVENT: u16 = 89;

/// RTP, the one kind that is no text.
const RTP: u16 = 4;

/// Name of the member that holds the key in the JSON form (`homer5_on=0`).
const MEMBER: &[u8] = b"\"master-key\"";

/// What a key is overwritten with: a letter that JSON may hold as it is.
const BLANK: u8 = b'*';

/// The transports with keys; the CSV form (`homer5_on=1`) begins with one.
const PROTOCOLS: [&[u8]; 2] = [b"TLS", b"WSS"];
const EVENTS: [&[u8]; 5] = [b"ACCEPTED", b"CONNECT_START", b"CONNECTED", b"CLOSED", b"STATS"];
const STATUSES: [&[u8]; 2] = [b"SUCCESS", b"FAILURE"];

/// The separator of the CSV form unless configured otherwise, and the longest that is looked for.
const SEPARATOR: &[u8] = b":";
const SEPARATOR_BYTES_MAX: usize = 8;

/// Packets inside payloads are looked into this deep; [`hep::blank_key`] zeroes what is deeper.
const DEPTH_MAX: usize = 4;

/// The frame with its secrets overwritten would no longer fit into a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

/// Whether [`blank_secrets`] may hand out another frame for this packet.
pub fn may_need_another_frame(packet: &Packet<'_>, redactions: Redactions) -> bool {
    matches!(packet.payload, Cow::Owned(_)) && (redactions.any() || may_hold_secrets(packet))
}

fn may_hold_secrets(packet: &Packet<'_>) -> bool {
    packet.hep_type == Some(CONNECTION_EVENT) || is_hep(&packet.payload)
}

/// Overwrites the secrets in `logged`, a copy of `frame` that is about to be written to disk: HEP keys, also of packets
/// inside the payload, and TLS master keys. `packet` is the frame decoded. Lengths stay.
///
/// `Some` frame takes the place of `logged` where a secret was in a compressed payload: that cannot be changed in
/// place, and is plain in the new frame.
pub fn blank_secrets(
    packet: &Packet<'_>,
    frame: &[u8],
    logged: &mut [u8],
    redactions: Redactions,
) -> Result<Option<Vec<u8>>, TooLarge> {
    if packet.may_hold_keys() {
        hep::blank_key(logged);
    }
    if !redactions.any() && !may_hold_secrets(packet) {
        return Ok(None);
    }
    match &packet.payload {
        Cow::Borrowed(payload) if !is_hep(frame) => {
            // Older versions have no chunks; their payload stands somewhere in the frame all the same.
            let start = (payload.as_ptr() as usize).saturating_sub(frame.as_ptr() as usize);
            if let Some(payload) = logged.get_mut(start..start.saturating_add(payload.len())) {
                blank_payload(packet.hep_type, payload, 0, redactions);
            }
            Ok(None)
        }
        Cow::Borrowed(_) => {
            blank_chunks(packet.hep_type, logged, 0, redactions);
            Ok(None)
        }
        Cow::Owned(payload) => {
            let mut clean = payload.clone();
            blank_payload(packet.hep_type, &mut clean, 0, redactions);
            if clean == *payload {
                return Ok(None);
            }
            let mut plain = hep::with_payload(logged, &clean).ok_or(TooLarge)?;
            // The payload is one packet deeper than it was by itself, which counts where packets are nested too deep.
            hep::blank_key(&mut plain);
            Ok(Some(plain))
        }
    }
}

fn is_hep(bytes: &[u8]) -> bool {
    [&b"HEP3"[..], b"EEP3", b"EEP1"].iter().any(|magic| bytes.starts_with(magic))
}

fn blank_chunks(hep_type: Option<u16>, frame: &mut [u8], depth: usize, redactions: Redactions) {
    hep::edit_payloads(frame, |form, body| match form {
        Payload::Plain => blank_payload(hep_type, body, depth, redactions),
        // Not the one that counts, or inside another packet: nobody needs it enough to keep a secret for it.
        Payload::Compressed if redactions.any() || hep_type == Some(CONNECTION_EVENT) => body.fill(0),
        Payload::Compressed => {}
    });
}

fn blank_payload(hep_type: Option<u16>, payload: &mut [u8], depth: usize, redactions: Redactions) {
    if hep_type == Some(CONNECTION_EVENT) {
        let keys =
            if payload.trim_ascii_start().starts_with(b"{") { json_keys(payload) } else { csv_keys(payload) };
        for key in keys {
            payload[key].fill(BLANK);
        }
    }
    if !is_hep(payload) {
        redactions.apply(hep_type == Some(RTP), payload);
        return;
    }
    if depth == DEPTH_MAX {
        if redactions.any() {
            // Nobody looks so deep, so that nothing there is shown to be clean.
            payload.fill(0);
        }
        return;
    }
    hep::blank_key(payload);
    let mut at = 0;
    let inner: Vec<(Range<usize>, Option<u16>)> = hep::packets(payload, 0)
        .filter_map(|found| {
            let (packet, frame) = found.ok()?;
            let start = at + find(&payload[at..], frame)?;
            at = start + frame.len();
            Some((start..at, packet.hep_type))
        })
        .collect();
    for (place, hep_type) in inner {
        blank_chunks(hep_type, &mut payload[place], depth + 1, redactions);
    }
}

/// The values of all members of that name, without their quotes.
fn json_keys(payload: &[u8]) -> Vec<Range<usize>> {
    let mut keys = Vec::new();
    let mut at = 0;
    while let Some(found) = find(&payload[at..], MEMBER) {
        at += found + MEMBER.len();
        let blanks =
            payload[at..].iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b':').count();
        at += blanks;
        let is_text = payload.get(at) == Some(&b'"');
        at += usize::from(is_text);
        let start = at;
        while let Some(byte) = payload.get(at) {
            match byte {
                b'"' if is_text => break,
                b',' | b'}' if !is_text => break,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        at = at.min(payload.len());
        keys.push(start..at);
    }
    keys
}

/// `TLS:client name:its issuer:server name:its issuer:KEY:EVENT:STATUS:text`, perhaps with more from the second name
/// on. The key is raw bytes and may hold the separator, so whatever stands before an event and is no name of a
/// certificate is taken for it.
fn csv_keys(payload: &[u8]) -> Vec<Range<usize>> {
    let Some(protocol) = PROTOCOLS.iter().find(|protocol| payload.starts_with(protocol)) else {
        return Vec::new();
    };
    let mut keys = Vec::new();
    let mut at = protocol.len();
    while at < payload.len() {
        let is_first = at == protocol.len();
        let event = event(payload, at);
        if event.is_none() && !is_first {
            // The text of the last event.
            break;
        }
        let separator = event.as_ref().map_or(SEPARATOR, |event| event.separator);
        let end = event.as_ref().map_or(payload.len(), |event| event.start.saturating_sub(separator.len()));
        if let Some(key) = after_names(payload, at..end, separator, is_first) {
            keys.push(key);
        }
        at = event.map_or(payload.len(), |event| event.end);
    }
    keys
}

struct Event<'a> {
    start: usize,
    /// Behind the status.
    end: usize,
    separator: &'a [u8],
}

/// The next place where the name of an event is followed by a separator and a status.
fn event(payload: &[u8], from: usize) -> Option<Event<'_>> {
    (from..payload.len()).find_map(|start| {
        let name = EVENTS.iter().find(|name| payload[start..].starts_with(name))?;
        let after = start + name.len();
        (1..=SEPARATOR_BYTES_MAX).find_map(|length| {
            let rest = payload.get(after + length..)?;
            let status = STATUSES.iter().find(|status| rest.starts_with(status))?;
            let separator = &payload[after..after + length];
            Some(Event { start, end: after + length + status.len(), separator })
        })
    })
}

/// What is left of a part of the payload without the names of certificates in front, and without the text of the event
/// before.
fn after_names(payload: &[u8], part: Range<usize>, separator: &[u8], is_first: bool) -> Option<Range<usize>> {
    let mut start = part.start + separator.len();
    let mut may_be_text = !is_first;
    while start < part.end {
        let rest = &payload[start..part.end];
        let field = &rest[..find(rest, separator).unwrap_or(rest.len())];
        if !is_name(field) && !may_be_text {
            return Some(start..part.end);
        }
        may_be_text = false;
        start += field.len() + separator.len();
    }
    None
}

/// As OpenSSL writes the name of a certificate in one line: `/C=US/O=Example`, all of it printable.
fn is_name(field: &[u8]) -> bool {
    field.starts_with(b"/") && field.contains(&b'=') && field.iter().all(|byte| (b' '..=b'~').contains(byte))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len().max(1)).position(|window| window == wanted)
}
