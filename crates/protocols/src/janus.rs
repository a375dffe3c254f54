//! Events of the Janus media server, as its event handlers send them over HTTP and other ways. HEP packets cannot carry
//! the number; gateways for JSON give it.

use hep::Packet;
use model::Micros;

use crate::event::{Event, TABLE};
use crate::json::{self, Json};
use crate::members::{Members, without_secrets};
use crate::posted::{Posted, member};
use crate::summary::Summary;
use crate::text;
use crate::{Draft, Protocol};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "janus",
    hep_types: &[1000],
    table: &TABLE,
    doc: "Janus events: sessions, handles, plugins and what their media does",
    understand,
};

/// Types of events (Janus, "Event handlers").
const KINDS: &[(i64, &str)] = &[
    (1, "session"),
    (2, "handle"),
    (4, "external"),
    (8, "jsep"),
    (16, "webrtc"),
    (32, "media"),
    (64, "plugin"),
    (128, "transport"),
    (256, "core"),
];

/// What an event handler posts: `type` is a number, `timestamp` has microseconds, what happened is in `event`: an object,
/// or a list of them (media statistics).
pub(crate) fn posted(object: &Json<'_>) -> Option<Posted> {
    let kind = object.member("type")?.as_integer()?;
    let time = object.member("timestamp")?.as_integer()?;
    let event =
        object.member("event").filter(|event| event.members().is_some() || event.items().is_some())?;
    if kind <= 0 {
        return None;
    }
    // The application's own name for the handle; without one, what the SIP plugin tells of its call.
    let call_id = || member(event.member("data")?, "call-id");
    Some(Posted {
        hep_type: PROTOCOL.hep_types[0],
        time: Some(Micros(time)),
        node: member(object, "emitter"),
        correlation_id: member(object, "opaque_id").or_else(call_id),
    })
}

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let payload = text::of(packet, draft);
    let objects = json::objects(&payload, draft);
    let Some(first) = objects.first() else { return };
    if objects.len() > 1 {
        // Whoever sends batches sends them apart; one that comes as it is has its first event in the columns.
        draft.extra.integer("events", objects.len() as i64);
    }
    let mut members = Members::of(first);
    // The opaque id is the application's name for a call, which several handles share; it is not the call's id.
    let number = members.integer(&["type"]);
    let kind = number.and_then(|number| KINDS.iter().find(|(known, _)| *known == number));
    let kind =
        kind.map_or_else(|| number.map(|number| number.to_string()), |(_, name)| Some((*name).to_owned()));
    let body = members.take(&["event"]);
    // Statistics of media come as a list of one a stream.
    let body = body.map_or(&Json::Null, |body| body.items().and_then(<[_]>::first).unwrap_or(body));
    let mut inner = Members::of(body);
    let call_id = inner.text(&["data.call-id", "call-id"]).filter(|text| text::is_call_id(text));
    if let Some(call_id) = call_id {
        draft.set_call_id(call_id.into());
    }
    let plugin = inner.text(&["plugin"]);
    let name = event_name(&mut inner);
    let (result, reason) =
        (inner.text(&["data.result", "data.code"]), inner.text(&["reason", "data.reason"]));
    let opaque_id = members.text(&["opaque_id"]).or_else(|| inner.text(&["opaque_id"]));
    let room = inner.text(&["data.room"]);
    let connection = inner.text(&["transport.id", "id", "data.transport"]);
    let short = plugin.as_deref().map(|plugin| plugin.rsplit('.').next().unwrap_or(plugin));
    let summary = Summary::of("Janus")
        .maybe(short.or(kind.as_deref()))
        .maybe(name.as_deref())
        .joined(" room ", room.as_deref().unwrap_or_default())
        .joined(": ", reason.as_deref().unwrap_or_default());
    let event = Event {
        text: summary.finish(),
        source: "janus",
        kind,
        event: name,
        result,
        reason,
        emitter: members.text(&["emitter"]),
        session_id: members.text(&["session_id"]),
        handle_id: members.text(&["handle_id"]),
        opaque_id,
        plugin,
        room,
        participant: inner.text(&["data.display", "data.username", "data.id", "data.user"]),
        from_user: inner.text(&["data.caller", "data.from"]).map(|address| user(&address)),
        to_user: inner.text(&["data.callee", "data.uri", "data.to"]).map(|address| user(&address)),
        connection,
        ..Event::default()
    };
    event.push(draft);
    if let Some(details) = details(body) {
        draft.extra.json("event", &details);
    }
    members.leave(&mut draft.extra);
}

/// What happened: each type of event says it under another name.
fn event_name(inner: &mut Members<'_>) -> Option<String> {
    if let Some(name) =
        inner.text(&["name", "data.event", "connection", "ice", "dtls", "status", "data.status"])
    {
        return Some(name);
    }
    if inner.take(&["jsep"]).is_some() {
        let owner = inner.text(&["owner"]);
        return Summary::default()
            .maybe(owner.as_deref())
            .maybe(inner.text(&["jsep.type"]).as_deref())
            .finish();
    }
    for (member, name) in [
        ("selected-pair", "selected-pair"),
        ("candidates", "selected-pair"),
        ("local-candidate", "local-candidate"),
        ("remote-candidate", "remote-candidate"),
    ] {
        if inner.take(&[member]).is_some() {
            return Some(name.to_owned());
        }
    }
    let media = inner.text(&["media"])?;
    let state = match inner.take(&["receiving"]) {
        Some(Json::Bool(true)) => "receiving",
        Some(_) => "silent",
        None => "statistics",
    };
    Some(format!("{media} {state}"))
}

/// `sip:alice@example.com` is alice.
fn user(address: &str) -> String {
    let bare = address.split_once(':').filter(|(scheme, _)| matches!(*scheme, "sip" | "sips" | "tel"));
    let rest = bare.map_or(address, |(_, rest)| rest);
    rest.split(['@', ';']).next().unwrap_or(rest).to_owned()
}

/// The body of the event without session descriptions: as long as the rest together, and in raw.
fn details(body: &Json<'_>) -> Option<String> {
    /// A start-up event lists every plugin; the columns and raw have the rest.
    const DETAILS_BYTES_MAX: usize = 4 * 1024;
    let body = without_secrets(body);
    let members = body.members()?.iter().filter(|(key, _)| key != "jsep");
    let mut json = String::new();
    json::write_members(&mut json, members.map(|(key, value)| (key.as_ref(), value)));
    (json.len() > 2 && json.len() <= DETAILS_BYTES_MAX).then_some(json)
}
