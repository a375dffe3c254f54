//! SIP as JSON: the message as text in a member, else its headers as members, under the names that HOMER and captagent
//! give them.

use ::sip::value::NameAddr;
use hep::Packet;
use model::{Kind, Value};

use crate::json;
use crate::members::Members;
use crate::sip::{self, TABLE};
use crate::text;
use crate::{Draft, Protocol};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "sip_json",
    hep_types: &[50],
    table: &TABLE,
    doc: "SIP messages in JSON, read into the table of SIP",
    understand,
};

/// Members that hold the whole message.
const WHOLE: &[&str] = &["payload", "raw", "message", "sip", "data", "sip_message", "msg"];

/// Other names of columns.
const NAMES: &[(&str, &[&str])] = &[
    ("method", &["sip_method", "first_method"]),
    ("status", &["status_code", "sip_response", "response", "code"]),
    ("reason_phrase", &["first_resp_text", "response_text"]),
    ("cseq", &["sip_cseq"]),
    ("ruri_host", &["ruri_domain"]),
    ("from_host", &["from_domain"]),
    ("to_host", &["to_domain"]),
    ("contact", &["contact_user"]),
    ("user_agent", &["server"]),
    ("pai_user", &["pid_user", "sip_pai_user"]),
];

/// Columns that are the user and the host of a URI in one member.
const URIS: &[(&str, &str, &[&str])] = &[
    ("ruri_user", "ruri_host", &["sip_request_uri", "request_uri", "ruri"]),
    ("from_user", "from_host", &["sip_from_uri", "from_uri", "from"]),
    ("to_user", "to_host", &["sip_to_uri", "to_uri", "to"]),
];

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let payload = text::of(packet, draft);
    let objects = json::objects(&payload, draft);
    let Some(first) = objects.first() else { return };
    let mut members = Members::of(first);
    let whole = members.text(WHOLE).filter(|text| ::sip::parse(text.as_bytes()).start().is_known());
    if let Some(message) = whole {
        let mut inner = Draft::new(&TABLE, draft.corrections);
        sip::read(message.as_bytes(), &mut inner);
        return draft.adopt(inner);
    }
    fields(&mut members, draft);
    members.leave(&mut draft.extra);
}

fn fields(members: &mut Members<'_>, draft: &mut Draft<'_>) {
    if let Some(call_id) = members.text(&["call_id", "sip_callid"]).filter(|text| text::is_call_id(text)) {
        draft.set_call_id(call_id.into());
    }
    let cseq = members.text(&["cseq", "sip_cseq"]);
    let mut cseq = cseq.as_deref().unwrap_or_default().split_whitespace();
    let (cseq_number, cseq_method) = (cseq.next(), cseq.next());
    for field in TABLE.fields {
        let others =
            NAMES.iter().find(|(column, _)| *column == field.name).map_or(&[][..], |(_, names)| names);
        let names: Vec<&str> = std::iter::once(field.name).chain(others.iter().copied()).collect();
        let text = match field.name {
            // HOMER has the header whole: `1 INVITE`.
            "cseq" => cseq_number.map(str::to_owned),
            "cseq_method" => cseq_method.map(str::to_owned),
            _ => members.text(&names).or_else(|| uri_part(members, field.name)),
        };
        draft.push(match field.kind {
            Kind::Int16 => Value::from(number(text).filter(|status| (100..=699).contains(status))),
            Kind::Int64 => Value::from(number(text)),
            _ => Value::from(text),
        });
    }
}

fn number(text: Option<String>) -> Option<i64> {
    text?.parse().ok()
}

/// The user or the host of a URI that is one member.
fn uri_part(members: &mut Members<'_>, column: &str) -> Option<String> {
    let (user, _, names) = URIS.iter().find(|(user, host, _)| column == *user || column == *host)?;
    let written = members.text(names)?;
    let uri = NameAddr::parse(written.as_bytes()).uri;
    let part = if column == *user { uri.user } else { uri.host };
    part.map(|part| String::from_utf8_lossy(part).into_owned())
}
