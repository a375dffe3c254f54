//! Diameter (RFC 6733) as JSON, as captagent decodes the header: class, type, command and application.

use hep::Packet;
use model::{Field, Kind, Rows, Table};

use crate::json::{self, Json};
use crate::members::Members;
use crate::summary::Summary;
use crate::text;
use crate::{Draft, Protocol};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "diameter",
    hep_types: &[56],
    table: &TABLE,
    doc: "Diameter requests and answers of subscriber, charging and policy servers",
    understand,
};

static TABLE: Table = Table {
    name: "diameter",
    doc: "Diameter requests and answers",
    retention_days: 30,
    rows: Rows::PACKETS,
    fields: &[
        Field::new("text", Kind::Text, "The message on one line, without names of people"),
        Field::new("kind", Kind::Text, "request or answer (bit R, RFC 6733 3)").facet(),
        Field::new(
            "method",
            Kind::Text,
            "Command by its letters: CE, DW, CC, UA, MA, LI (RFC 6733 3.1, RFC 4006 3, TS 29.229 6.1)",
        )
        .facet(),
        Field::new("application_id", Kind::Int64, "Application by number (RFC 6733 2.4)"),
        Field::new(
            "application",
            Kind::Text,
            "Application by name: Base, Credit Control, Cx, Sh, Gx, Rx, S6a (IANA, \"AAA Parameters\")",
        )
        .facet(),
        Field::new("result_code", Kind::Int64, "Result-Code, 2001 is success (RFC 6733 7.1)").facet(),
        Field::new("session_id", Kind::Text, "Session-Id (RFC 6733 8.8)").indexed(),
        Field::new("origin_host", Kind::Text, "Origin-Host (RFC 6733 6.3)").facet(),
        Field::new("origin_realm", Kind::Text, "Origin-Realm (RFC 6733 6.4)").facet(),
        Field::new("destination_host", Kind::Text, "Destination-Host (RFC 6733 6.5)").facet(),
        Field::new("destination_realm", Kind::Text, "Destination-Realm (RFC 6733 6.6)").facet(),
        Field::new("user_name", Kind::Text, "User-Name (RFC 6733 8.14)").indexed().private(),
        Field::new(
            "hop_by_hop_id",
            Kind::Int64,
            "What joins an answer to its request on one connection (RFC 6733 3)",
        ),
        Field::new("end_to_end_id", Kind::Int64, "What tells a repeated request (RFC 6733 3)"),
    ],
};

/// Applications by number (IANA, "AAA Parameters").
const APPLICATIONS: &[(i64, &str)] = &[
    (0, "Base"),
    (1, "NASREQ"),
    (3, "Accounting"),
    (4, "Credit Control"),
    (5, "EAP"),
    (6, "SIP"),
    (16_777_216, "Cx"),
    (16_777_217, "Sh"),
    (16_777_222, "Gq"),
    (16_777_224, "Gx"),
    (16_777_236, "Rx"),
    (16_777_238, "Gx"),
    (16_777_250, "STa"),
    (16_777_251, "S6a"),
    (16_777_252, "S13"),
    (16_777_255, "SLg"),
    (16_777_345, "S6t"),
];

/// Command codes by letters (RFC 6733 3.1, RFC 4006 3, TS 29.229 6.1, TS 29.272 7.2).
const COMMANDS: &[(i64, &str)] = &[
    (257, "CE"),
    (258, "RA"),
    (271, "AC"),
    (272, "CC"),
    (274, "AS"),
    (275, "ST"),
    (280, "DW"),
    (282, "DP"),
    (300, "UA"),
    (301, "SA"),
    (302, "LI"),
    (303, "MA"),
    (304, "RT"),
    (305, "PP"),
    (306, "UD"),
    (307, "PU"),
    (308, "SN"),
    (309, "PN"),
    (316, "UL"),
    (317, "CL"),
    (318, "AI"),
    (319, "ID"),
    (320, "DS"),
    (321, "PU"),
    (323, "NO"),
];

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let payload = text::of(packet, draft);
    let objects = json::objects(&payload, draft);
    let Some(first) = objects.first() else { return };
    // Some writers put the whole message into one member.
    let inner =
        Members::of(first).take(&["diameter_info", "diameter"]).filter(|inner| inner.members().is_some());
    let mut members = Members::of(inner.unwrap_or(first));
    let kind = kind(&mut members);
    let method = members.named(&["command", "command_code", "cmd_code", "code"], COMMANDS);
    let application_id = members.integer(&["app-ID", "application_id"]);
    let application = application_id.and_then(|id| APPLICATIONS.iter().find(|(known, _)| *known == id));
    let application = application.map(|(_, name)| (*name).to_owned());
    let application = application.or_else(|| members.text(&["application", "class"]));
    let result_code = members.integer(&["result_code", "Result-Code"]);
    let summary = Summary::of("Diameter")
        .maybe(method.as_deref())
        .maybe(kind.as_deref())
        .maybe(application.as_deref())
        .maybe(result_code.map(|code| code.to_string()).as_deref());
    draft.push(summary.finish());
    draft.push(kind);
    draft.push(method);
    draft.push(application_id);
    draft.push(application);
    draft.push(result_code);
    for names in [
        &["session_id"][..],
        &["origin_host"],
        &["origin_realm"],
        &["destination_host"],
        &["destination_realm"],
        &["user_name"],
    ] {
        draft.push(members.text(names));
    }
    draft.push(members.integer(&["hop_by_hop_id", "hop_by_hop", "hopbyhop_identifier", "hop_id"]));
    draft.push(members.integer(&["end_to_end_id", "end_to_end", "endtoend_identifier", "end_id"]));
    members.leave(&mut draft.extra);
}

/// As a word, or as the bit.
fn kind(members: &mut Members<'_>) -> Option<String> {
    if let Some(word) = members.text(&["type", "message_type"]) {
        return Some(word.to_ascii_lowercase());
    }
    let is_request = match members.take(&["request", "is_request"])? {
        Json::Bool(truth) => *truth,
        value => value.as_integer()? != 0,
    };
    Some(if is_request { "request" } else { "answer" }.to_owned())
}
