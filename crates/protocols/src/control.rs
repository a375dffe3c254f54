//! Type 61 has two senders: rtpengine traces its control protocol ("NG") under it, and the registry of HEP gives it to
//! FreeSWITCH's Verto. A cookie and a dictionary are the one, JSON-RPC is the other.

use hep::Packet;

use crate::event::{Event, TABLE};
use crate::flags::BAD_BENCODE;
use crate::json::{self, Json};
use crate::members::Members;
use crate::summary::Summary;
use crate::text;
use crate::{Draft, Protocol, bencode};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "control",
    hep_types: &[61],
    table: &TABLE,
    doc: "Commands to rtpengine (NG protocol), and Verto of FreeSWITCH",
    understand,
};

/// A cookie is a random word of its sender; longer than this it is no cookie.
const COOKIE_BYTES_MAX: usize = 128;

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let payload = draft.readable(&packet.payload).trim_ascii_start();
    let event = if payload.starts_with(b"{") || payload.starts_with(b"[") {
        let text = text::of(packet, draft);
        verto(&text, draft)
    } else {
        media_proxy(payload, draft)
    };
    event.push(draft);
}

/// `<cookie> <dictionary>`; the dictionary is bencode, or JSON where the proxy was told so.
fn media_proxy(payload: &[u8], draft: &mut Draft<'_>) -> Event {
    let space = payload.iter().position(|byte| *byte == b' ').filter(|at| *at <= COOKIE_BYTES_MAX);
    let (cookie, message) = match space {
        Some(at) => (Some(&payload[..at]), &payload[at + 1..]),
        None => (None, payload),
    };
    let message = message.trim_ascii_start();
    let (text, _) = text::payload(message);
    let objects;
    let decoded;
    let dictionary = if message.starts_with(b"{") {
        objects = json::objects(&text, draft);
        objects.first()
    } else {
        let (value, is_broken) = bencode::read(message);
        if (is_broken || value.members().is_none() || cookie.is_none()) && !payload.is_empty() {
            draft.flag(BAD_BENCODE);
        }
        decoded = value;
        Some(&decoded)
    };
    let mut members = Members::of(dictionary.unwrap_or(&Json::Null));
    if let Some(call_id) = members.text(&["call-id"]).filter(|text| text::is_call_id(text)) {
        draft.set_call_id(call_id.into());
    }
    let command = members.text(&["command"]);
    let result = members.text(&["result"]);
    let reason = members.text(&["error-reason", "warning"]);
    let connection = members.text(&["received-from"]);
    // As long as the rest together, and in raw.
    members.take(&["sdp"]);
    members.leave(&mut draft.extra);
    let summary = match (&command, &result) {
        (Some(command), _) => Summary::of("NG").word(command),
        (None, Some(result)) => {
            Summary::of("NG reply").word(result).joined(": ", reason.as_deref().unwrap_or_default())
        }
        (None, None) => Summary::of("NG message"),
    };
    Event {
        text: summary.finish().filter(|_| !payload.is_empty()),
        source: "rtpengine",
        kind: match (&command, &result) {
            (Some(_), _) => Some("request".to_owned()),
            (None, Some(_)) => Some("reply".to_owned()),
            (None, None) => None,
        },
        event: command,
        result,
        reason,
        transaction: cookie.map(|cookie| String::from_utf8_lossy(cookie).into_owned()),
        connection,
        ..Event::default()
    }
}

/// JSON-RPC 2.0 with the call in `params.dialogParams`, or in `result`.
fn verto(payload: &str, draft: &mut Draft<'_>) -> Event {
    let objects = json::objects(payload, draft);
    let mut members = Members::of(objects.first().unwrap_or(&Json::Null));
    let method = members.text(&["method"]);
    let transaction = members.text(&["id"]);
    let mut params = members.take(&["params", "result"]).map(Members::of);
    let mut error = members.take(&["error"]).map(Members::of);
    let mut named = |names: &[&str]| params.as_mut().and_then(|params| params.text(names));
    if let Some(call_id) = named(&["dialogParams.callID", "callID"]).filter(|text| text::is_call_id(text)) {
        draft.set_call_id(call_id.into());
    }
    let from_user = named(&["dialogParams.caller_id_number", "caller_id_number", "dialogParams.login"]);
    let to_user = named(&["dialogParams.destination_number", "destination_number"]);
    let session_id = named(&["sessid", "dialogParams.sessid"]);
    let message = named(&["message", "cause", "action"]);
    let reason = error.as_mut().and_then(|error| error.text(&["message"])).or(message);
    let result = match (&method, &error) {
        (Some(_), _) => None,
        (None, Some(_)) => Some("error".to_owned()),
        (None, None) => Some("ok".to_owned()),
    };
    members.take(&["jsonrpc"]);
    members.leave(&mut draft.extra);
    let is_known = method.is_some() || params.is_some() || error.is_some();
    let summary = match &method {
        Some(method) => Summary::of(method).joined(": ", reason.as_deref().unwrap_or_default()),
        None => Summary::of("Verto reply").joined(": ", reason.as_deref().unwrap_or_default()),
    };
    Event {
        text: summary.finish().filter(|_| is_known),
        source: "verto",
        kind: is_known.then(|| if method.is_some() { "request" } else { "reply" }.to_owned()),
        event: method,
        result: result.filter(|_| is_known),
        reason,
        session_id,
        from_user,
        to_user,
        transaction,
        ..Event::default()
    }
}
