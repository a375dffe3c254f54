//! What OpenSIPS traces beside SIP: management commands, REST requests, connections, and which calls belong together.
//!
//! Its `proto_hep` writes the parts of such a message as a JSON object, or, with `homer5_on`, joins the values with a
//! delimiter of the administrator's choice that may also stand inside a value. The keys are lost then, so the parts are
//! found by the words they can only be.

use hep::Packet;

use crate::event::{Event, TABLE};
use crate::json;
use crate::members::Members;
use crate::summary::Summary;
use crate::text;
use crate::{Draft, Protocol};

const MI: u16 = 87;
const REST: u16 = 88;
const NET: u16 = 89;
const CONTROL: u16 = 96;

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "opensips",
    hep_types: &[MI, REST, NET, CONTROL],
    table: &TABLE,
    doc: "OpenSIPS management commands, REST requests, connections and joined calls",
    understand,
};

const CONNECTION_PROTOCOLS: &[&str] = &["TCP", "TLS", "WSS", "WS", "BINS", "BIN", "SCTP"];
const CONNECTION_EVENTS: &[&str] = &["ACCEPTED", "CONNECT_START", "CONNECTED", "CLOSED", "STATS"];
const OUTCOMES: &[&str] = &["SUCCESS", "FAILURE"];
/// Through which a management command can come.
const BACKENDS: &[&str] = &["datagram", "fifo", "http", "xmlrpc_ng", "xmlrpc", "html", "script", "json"];

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let correlation = packet.correlation_id.map(|bytes| draft.text(bytes).trim_matches('\0').to_owned());
    let payload = text::of(packet, draft);
    let event = match packet.hep_type {
        Some(MI) => {
            // A cookie that request and reply share; it names no call.
            draft.forget_correlation();
            Event { transaction: correlation, ..command(&payload, draft) }
        }
        Some(REST) => rest(&payload, draft),
        Some(NET) => {
            // The number of the connection; SIP messages on it carry it as further correlation.
            draft.forget_correlation();
            Event { connection: correlation, ..connection(&payload, draft) }
        }
        _ => control(packet),
    };
    Event { source: "opensips", ..event }.push(draft);
}

fn is_json(payload: &str) -> bool {
    payload.trim_start().starts_with('{')
}

/// Parts `command`, `backend`, `parameters`, or `reply`.
fn command(payload: &str, draft: &mut Draft<'_>) -> Event {
    let (command, backend, mut reply) = if is_json(payload) {
        let objects = json::objects(payload, draft);
        let mut members = objects.first().map(Members::of);
        let mut take = |name: &str| members.as_mut().and_then(|members| members.text(&[name]));
        let parts = (take("command"), take("backend"), take("reply"));
        // The reply alone, its key lost: it is JSON-RPC itself.
        let is_bare = parts.0.is_none() && (take("jsonrpc").is_some() || parts.2.is_none());
        if let Some(members) = members.filter(|_| !is_bare) {
            members.leave(&mut draft.extra);
        }
        if is_bare { (None, None, Some(payload.to_owned())) } else { parts }
    } else {
        match split_command(payload) {
            Some((command, backend, parameters)) => {
                if !parameters.is_empty() {
                    draft.extra.text("parameters", parameters);
                }
                (Some(command.to_owned()), Some(backend.to_owned()), None)
            }
            None => (None, None, Some(payload.to_owned()).filter(|reply| !reply.is_empty())),
        }
    };
    if command.is_some() {
        reply = None;
    }
    let (result, reason) = reply.as_deref().map(outcome).unwrap_or_default();
    let summary = match &command {
        Some(command) => {
            Summary::of("MI").word(command).joined(" by ", backend.as_deref().unwrap_or_default())
        }
        None => Summary::of("MI reply")
            .maybe(result.as_deref())
            .joined(": ", reason.as_deref().unwrap_or_default()),
    };
    Event {
        text: summary.finish(),
        kind: Some(if reply.is_some() { "mi reply" } else { "mi" }.to_owned()),
        event: command,
        result,
        reason,
        plugin: backend,
        ..Event::default()
    }
}

/// `command:backend:parameters`: the backend is one of a few words, and what stands before it is the delimiter.
fn split_command(payload: &str) -> Option<(&str, &str, &str)> {
    let mut found: Option<(usize, &str)> = None;
    for backend in BACKENDS {
        let places = payload.match_indices(backend).filter(|(at, _)| {
            let before = payload[..*at].chars().next_back();
            let after = payload[at + backend.len()..].chars().next();
            *at > 0
                && before.is_some_and(|letter| !is_word(letter))
                && after.is_none_or(|letter| !is_word(letter))
        });
        for (at, word) in places {
            if found.is_none_or(|(first, longest)| (at, longest.len()) < (first, word.len())) {
                found = Some((at, word));
            }
        }
    }
    let (at, backend) = found?;
    let command = payload[..at].trim_end_matches(|letter: char| !is_word(letter));
    let delimiter = &payload[command.len()..at];
    let rest = &payload[at + backend.len()..];
    (!command.is_empty()).then(|| (command, backend, rest.strip_prefix(delimiter).unwrap_or(rest)))
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// JSON-RPC 2.0 5: `result`, or `error` with a message. OpenSIPS cuts long replies, so it may be incomplete.
fn outcome(reply: &str) -> (Option<String>, Option<String>) {
    let read = json::read(reply.trim_start());
    let Some(object) = read.values.first().filter(|json| json.members().is_some()) else {
        return (None, None);
    };
    if let Some(error) = object.member("error") {
        return (Some("FAILURE".to_owned()), Members::of(error).text(&["message"]));
    }
    (object.member("result").map(|_| "SUCCESS".to_owned()), None)
}

/// Parts `first_line` and `payload`; the line of a request holds colons of its own, so no delimiter is looked for.
fn rest(payload: &str, draft: &mut Draft<'_>) -> Event {
    let line = if is_json(payload) {
        let objects = json::objects(payload, draft);
        let mut members = objects.first().map(Members::of);
        let line = members.as_mut().and_then(|members| members.text(&["first_line"]));
        if let Some(members) = members {
            members.leave(&mut draft.extra);
        }
        line
    } else {
        Some(http_line(payload)).filter(|line| !line.is_empty()).map(str::to_owned)
    };
    let line = line.unwrap_or_default();
    let status = line.strip_prefix("HTTP/").and_then(|rest| rest.split_whitespace().nth(1));
    let result = status.map(|status| if status.starts_with('2') { "SUCCESS" } else { "FAILURE" }.to_owned());
    Event {
        text: Summary::of("REST").word(&line).finish(),
        kind: Some("rest".to_owned()),
        event: line.split_whitespace().next().filter(|_| status.is_none()).map(str::to_owned),
        result,
        reason: status.map(str::to_owned),
        ..Event::default()
    }
}

/// The first line, without the body that the delimiter may have put behind it.
fn http_line(payload: &str) -> &str {
    let line = payload.trim_start().lines().next().unwrap_or_default();
    match line.find(" HTTP/") {
        Some(at) => {
            let version = &line[at + 1..];
            let length = version.find(|letter: char| !matches!(letter, 'A'..='Z' | '/' | '.' | '0'..='9'));
            &line[..at + 1 + length.unwrap_or(version.len())]
        }
        None => line,
    }
}

/// Parts `Protocol`, `Event`, `Status`, `Message`; of TLS the certificates' names and a secret: `master-key`.
fn connection(payload: &str, draft: &mut Draft<'_>) -> Event {
    let (protocol, event, result, message) = if is_json(payload) {
        let objects = json::objects(payload, draft);
        let mut members = objects.first().map(Members::of);
        let mut take = |name: &str| members.as_mut().and_then(|members| members.text(&[name]));
        let parts = (take("Protocol"), take("Event"), take("Status"), take("Message"));
        if let Some(members) = members {
            members.leave(&mut draft.extra);
        }
        parts
    } else {
        split_connection(payload)
    };
    let summary = Summary::default()
        .maybe(protocol.as_deref())
        .maybe(event.as_deref())
        .maybe(result.as_deref().filter(|result| *result != "SUCCESS"))
        .joined(": ", message.as_deref().unwrap_or_default());
    Event {
        text: summary.finish(),
        kind: Some("net".to_owned()),
        event,
        result,
        reason: message,
        plugin: protocol.map(|protocol| protocol.to_ascii_lowercase()),
        ..Event::default()
    }
}

type ConnectionParts = (Option<String>, Option<String>, Option<String>, Option<String>);

/// The delimiter is what stands between the protocol and the event.
fn split_connection(payload: &str) -> ConnectionParts {
    let line = payload.trim();
    let Some(protocol) = CONNECTION_PROTOCOLS.iter().find(|word| line.starts_with(**word)) else {
        return (None, None, None, None);
    };
    let rest = &line[protocol.len()..];
    let events = CONNECTION_EVENTS.iter().filter_map(|word| rest.find(word).map(|at| (at, *word)));
    // CONNECTED is no prefix of CONNECT_START, so the earliest is the one.
    let Some((at, event)) = events.min() else {
        return (Some((*protocol).to_owned()), None, None, None);
    };
    let delimiter = &rest[..at];
    let rest = &rest[at + event.len()..];
    let rest = rest.strip_prefix(delimiter).unwrap_or(rest);
    let outcome = OUTCOMES.iter().find(|word| rest.starts_with(**word));
    let rest = outcome.map_or(rest, |word| &rest[word.len()..]);
    let rest = rest.strip_prefix(delimiter).unwrap_or(rest);
    // The names of TLS certificates and then its master key follow the message: what is behind it stays out, at the
    // price of a message that ends at the first delimiter in it.
    let message = if *protocol == "TLS" || *protocol == "WSS" {
        if delimiter.is_empty() { "" } else { rest.split(delimiter).next().unwrap_or_default() }
    } else {
        rest
    };
    (
        Some((*protocol).to_owned()),
        Some(event.to_owned()),
        outcome.map(|word| (*word).to_owned()),
        Some(message.trim()).filter(|message| !message.is_empty()).map(str::to_owned),
    )
}

/// Has no payload: everything is in chunk 0x0065, which becomes the call id and `correlations` in `extra`.
fn control(packet: &Packet<'_>) -> Event {
    let (chunk, _) = text::payload(packet.extra_correlation.unwrap_or_default());
    let read = json::read(&chunk);
    let members = read.values.first().and_then(json::Json::members).unwrap_or_default();
    let mut ids = members.iter().filter_map(|(_, value)| value.as_text());
    let summary = Summary::of("correlate").maybe(ids.next()).joined(" with ", ids.next().unwrap_or_default());
    Event {
        text: summary.finish(),
        kind: Some("control".to_owned()),
        event: Some("correlate".to_owned()),
        ..Event::default()
    }
}
