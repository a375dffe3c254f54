//! The Media Gateway Control Protocol (RFC 3435): what a call agent tells its gateways.

use hep::Packet;

use crate::flags::UNREADABLE;
use crate::signalling::{Message, TABLE};
use crate::summary::Summary;
use crate::text;
use crate::{Draft, Protocol};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "mgcp",
    hep_types: &[6],
    table: &TABLE,
    doc: "MGCP commands and their replies",
    understand,
};

/// A message has a dozen parameters; a body may follow.
const PARAMETERS_MAX: usize = 64;

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let payload = text::of(packet, draft);
    let mut lines = payload.trim_start().lines();
    let mut message = start(lines.next().unwrap_or_default()).unwrap_or_else(|| {
        if !packet.payload.is_empty() {
            draft.flag(UNREADABLE);
        }
        Message::default()
    });
    // Parameters end at the blank line before a session description (RFC 3435 3.1).
    let parameters = lines.take(PARAMETERS_MAX).take_while(|line| !line.trim().is_empty());
    for (name, value) in parameters.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match name.trim().to_ascii_uppercase().as_str() {
            // "CallId", the same on all connections of a call (RFC 3435 3.2.2.1).
            "C" if text::is_call_id(value) => draft.set_call_id(value.to_owned().into()),
            "I" => message.context = Some(value.to_owned()),
            "E" => draft.extra.text("reason_code", value),
            "O" => draft.extra.text("observed_events", value),
            "R" => draft.extra.text("requested_events", value),
            "S" => draft.extra.text("signal_requests", value),
            "M" => draft.extra.text("connection_mode", value),
            "P" => draft.extra.text("connection_parameters", value),
            _ => {}
        }
    }
    Message { protocol: "mgcp", ..message }.push(draft);
}

/// `CRCX 1204 aaln/1@rgw.example MGCP 1.0` (RFC 3435 3.2.1), or `200 1204 OK` (RFC 3435 3.3).
fn start(line: &str) -> Option<Message> {
    let mut words = line.split_ascii_whitespace();
    let first = words.next()?;
    let transaction = words.next()?;
    let is_code = first.len() == 3 && first.bytes().all(|byte| byte.is_ascii_digit());
    if is_code {
        let phrase = words.collect::<Vec<_>>().join(" ");
        return Some(Message {
            text: Summary::of("MGCP").word(first).word(&phrase).finish(),
            kind: Some("reply".to_owned()),
            status: first.parse().ok(),
            reason_phrase: Some(phrase).filter(|phrase| !phrase.is_empty()),
            transaction: Some(transaction.to_owned()),
            ..Message::default()
        });
    }
    let endpoint = words.next()?;
    let is_verb = first.len() == 4 && first.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_mgcp = words.next().is_some_and(|word| word.eq_ignore_ascii_case("MGCP"));
    (is_verb && is_mgcp).then(|| {
        let verb = first.to_ascii_uppercase();
        Message {
            text: Summary::of("MGCP").word(&verb).word(endpoint).finish(),
            kind: Some("request".to_owned()),
            method: Some(verb),
            transaction: Some(transaction.to_owned()),
            endpoint: Some(endpoint.to_owned()),
            ..Message::default()
        }
    })
}
