//! JSON of any kind, told apart by the transaction type of chunk 0x0024: what hep-js sends under 101.

use hep::Packet;

use crate::event::{Event, TABLE};
use crate::json;
use crate::members::Members;
use crate::summary::Summary;
use crate::text;
use crate::{Draft, Protocol};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "json",
    hep_types: &[101],
    table: &TABLE,
    doc: "JSON of any kind with a transaction type, as hep-js sends it",
    understand,
};

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    // The chunk says what the JSON is about; common to all types, it is in extra too.
    let transaction_type = packet.transaction_type.map(|bytes| draft.text(bytes).into_owned());
    let payload = text::of(packet, draft);
    let objects = json::objects(&payload, draft);
    let Some(first) = objects.first() else { return };
    let mut members = Members::of(first);
    if let Some(call_id) = members.text(&["sip_call_id", "call_id"]).filter(|text| text::is_call_id(text)) {
        draft.set_call_id(call_id.into());
    }
    let kind = transaction_type.or_else(|| members.text(&["transaction_type"]));
    let event = members.text(&["event", "event_name", "name", "action", "state", "type"]);
    let result = members.text(&["result", "status", "disposition"]);
    let reason = members.text(&["reason", "cause", "error", "message"]);
    let summary = Summary::default()
        .maybe(kind.as_deref())
        .maybe(event.as_deref())
        .maybe(result.as_deref())
        .joined(": ", reason.as_deref().unwrap_or_default());
    let event = Event {
        text: summary.finish(),
        kind,
        event,
        result,
        reason,
        emitter: members.text(&["emitter", "host", "hostname", "server"]),
        session_id: members.text(&["session_id", "session"]),
        room: members.text(&["room", "conference", "room_id"]),
        participant: members.text(&["participant", "user", "username", "display"]),
        from_user: members.text(&["from_user", "caller", "src", "from"]),
        to_user: members.text(&["to_user", "callee", "dst", "to"]),
        transaction: members.text(&["transaction", "transaction_id", "request_id"]),
        ..Event::default()
    };
    event.push(draft);
    members.leave(&mut draft.extra);
}
