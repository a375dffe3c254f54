//! Events and statistics of mediasoup servers as JSON, in the members that HEPop reads: room, peer, producer, transport.
//! HEP packets cannot carry the number; gateways for JSON give it, beside that of Janus.

use hep::Packet;
use model::Micros;

use crate::event::{Event, TABLE};
use crate::json::{self, Json};
use crate::members::Members;
use crate::posted::{Posted, member};
use crate::summary::Summary;
use crate::text;
use crate::{Draft, Protocol};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "mediasoup",
    hep_types: &[1001],
    table: &TABLE,
    doc: "mediasoup events and statistics of rooms, peers, producers and transports",
    understand,
};

/// What applications post, whose format nobody names: a room, and something or somebody in it.
pub(crate) fn posted(object: &Json<'_>) -> Option<Posted> {
    const INHABITANTS: [&str; 8] = [
        "peerName",
        "peerId",
        "producerId",
        "consumerId",
        "transportId",
        "routerId",
        "dataProducerId",
        "dataConsumerId",
    ];
    let room = member(object, "roomId")?;
    INHABITANTS.iter().find_map(|name| object.member(name))?;
    let time = ["timestamp", "time", "ts"].iter().find_map(|name| object.member(name)?.as_integer());
    Some(Posted {
        hep_type: PROTOCOL.hep_types[0],
        time: time.and_then(instant),
        node: ["emitter", "workerId", "host", "server"].iter().find_map(|name| member(object, name)),
        correlation_id: Some(room),
    })
}

/// A time in seconds, milliseconds or microseconds since 1970, told apart by its size: all three are of this century.
fn instant(number: i64) -> Option<Micros> {
    const CENTURY_SECONDS: i64 = 100 * 366 * 86_400;
    [1_000_000, 1_000, 1]
        .iter()
        .find(|factor| number > 0 && number / (1_000_000 / **factor) < CENTURY_SECONDS)
        .map(|factor| Micros(number.saturating_mul(*factor)))
}

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let payload = text::of(packet, draft);
    let objects = json::objects(&payload, draft);
    let Some(first) = objects.first() else { return };
    let mut members = Members::of(first);
    let event = members.text(&["event", "type", "name"]);
    let room = members.text(&["roomId", "routerId", "room"]);
    let summary = Summary::of("mediasoup")
        .maybe(event.as_deref())
        .joined(" room ", room.as_deref().unwrap_or_default());
    let event = Event {
        text: summary.finish(),
        source: "mediasoup",
        // `producer.stats`: what it is about, and what of it.
        kind: event.as_deref().and_then(|event| event.split_once('.')).map(|(about, _)| about.to_owned()),
        event,
        result: members.text(&["state", "dtlsState", "iceState"]),
        reason: members.text(&["reason", "error"]),
        emitter: members.text(&["emitter", "workerId", "host", "server"]),
        session_id: members.text(&["sessionId", "peerId"]),
        handle_id: members.text(&["producerId", "consumerId"]),
        plugin: members.text(&["mediaType", "kind"]),
        room,
        participant: members.text(&["peerName", "displayName", "user"]),
        connection: members.text(&["transportId"]),
        ..Event::default()
    };
    event.push(draft);
    members.leave(&mut draft.extra);
}
