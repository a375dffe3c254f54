//! DNS (RFC 1035) as JSON, as heplify decodes it.

use hep::Packet;
use model::{Field, Kind, Rows, Table, Unit, Value};

use crate::json::{self, Json};
use crate::members::Members;
use crate::summary::Summary;
use crate::text;
use crate::{Draft, Protocol};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "dns",
    hep_types: &[53],
    table: &TABLE,
    doc: "DNS questions and answers: how names of calls became addresses",
    understand,
};

static TABLE: Table = Table {
    name: "dns",
    doc: "DNS questions and answers",
    retention_days: 14,
    rows: Rows::PACKETS,
    fields: &[
        Field::new("text", Kind::Text, "What is asked or answered, on one line"),
        Field::new("kind", Kind::Text, "query or answer (bit QR, RFC 1035 4.1.1)").facet(),
        Field::new("query_id", Kind::Int32, "ID that joins an answer to its question (RFC 1035 4.1.1)"),
        Field::new("query_name", Kind::Text, "Name that is asked for (RFC 1035 4.1.2)").indexed(),
        Field::new(
            "query_type",
            Kind::Text,
            "Record type that is asked for: A, AAAA, SRV, NAPTR (RFC 1035 3.2.2)",
        )
        .facet(),
        Field::new(
            "response_code",
            Kind::Text,
            "Outcome: NOERROR, NXDOMAIN, SERVFAIL (RFC 6895 2.3); answers only",
        )
        .facet(),
        Field::new(
            "is_authoritative",
            Kind::Bool,
            "The answering server owns the name (bit AA, RFC 1035 4.1.1)",
        ),
        Field::new("is_truncated", Kind::Bool, "The answer did not fit (bit TC, RFC 1035 4.1.1)"),
        Field::new(
            "answers",
            Kind::TextList,
            "Data of the answers: addresses, names, texts (RFC 1035 4.1.3)",
        ),
        Field::new("ttl", Kind::Int64, "Shortest time to live of the answers (RFC 1035 4.1.3)")
            .unit(Unit::Seconds),
    ],
};

/// Record types by number (IANA, "DNS Resource Record Types"), as far as signalling asks for them.
const TYPES: &[(i64, &str)] = &[
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (12, "PTR"),
    (15, "MX"),
    (16, "TXT"),
    (28, "AAAA"),
    (33, "SRV"),
    (35, "NAPTR"),
    (41, "OPT"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (255, "ANY"),
];

/// Response codes by number (RFC 6895 2.3).
const RESPONSE_CODES: &[(i64, &str)] = &[
    (0, "NOERROR"),
    (1, "FORMERR"),
    (2, "SERVFAIL"),
    (3, "NXDOMAIN"),
    (4, "NOTIMP"),
    (5, "REFUSED"),
    (6, "YXDOMAIN"),
    (7, "YXRRSET"),
    (8, "NXRRSET"),
    (9, "NOTAUTH"),
    (10, "NOTZONE"),
];

/// The names that Go's packet library prints for response codes, as heplify sends them.
const LONG_CODES: &[(&str, &str)] = &[
    ("No Error", "NOERROR"),
    ("Format Error", "FORMERR"),
    ("Server Failure", "SERVFAIL"),
    ("Non-Existent Domain", "NXDOMAIN"),
    ("Not Implemented", "NOTIMP"),
    ("Query Refused", "REFUSED"),
];

/// An answer of a few hundred records is one of a load balancer; a list shows the first.
const ANSWERS_MAX: usize = 64;

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let payload = text::of(packet, draft);
    let objects = json::objects(&payload, draft);
    let Some(message) = objects.first() else { return };
    let mut members = Members::of(message);
    let is_answer = members.take(&["qr"]).is_some_and(is_set);
    let questions = members.take(&["questions", "question"]).map_or(&[][..], items);
    let answers = members.take(&["answers", "answer"]).map_or(&[][..], items);
    let mut question = questions.first().map(Members::of);
    let name = question.as_mut().and_then(|question| question.text(&["name", "qname"]));
    let name = name.map(|name| name.trim_end_matches('.').to_owned());
    let query_type = question.as_mut().and_then(|question| question.named(&["type", "qtype"], TYPES));
    let code = members.named(&["rcode", "response_code"], RESPONSE_CODES).map(|name| short_code(&name));
    let code = code.filter(|_| is_answer);
    let data: Vec<String> = answers.iter().take(ANSWERS_MAX).filter_map(data).collect();
    let ttl = answers.iter().filter_map(|answer| answer.member("ttl")?.as_integer()).min();

    let outcome = code.as_deref().filter(|code| *code != "NOERROR" || data.is_empty());
    let summary = Summary::of(if is_answer { "DNS answer" } else { "DNS query" })
        .maybe(query_type.as_deref())
        .maybe(name.as_deref())
        .joined(": ", outcome.unwrap_or_default())
        .joined(": ", &data.join(", "));
    draft.push(summary.finish());
    draft.push(if is_answer { "answer" } else { "query" });
    draft.push(members.integer(&["id"]).filter(|id| u16::try_from(*id).is_ok()));
    draft.push(name);
    draft.push(query_type);
    draft.push(code);
    for bit in ["aa", "tc"] {
        draft.push(members.take(&[bit]).map_or(Value::Null, |value| Value::Bool(is_set(value))));
    }
    draft.push(if data.is_empty() {
        Value::Null
    } else {
        Value::TextList(data.into_iter().map(Into::into).collect())
    });
    draft.push(ttl);
    if questions.len() > 1 || answers.len() > ANSWERS_MAX {
        draft.extra.integer("questions", questions.len() as i64);
        draft.extra.integer("answers", answers.len() as i64);
    }
    members.leave(&mut draft.extra);
}

/// A bit, as truth, number or text.
fn is_set(value: &Json<'_>) -> bool {
    match value {
        Json::Bool(truth) => *truth,
        _ => value.as_integer().is_some_and(|number| number != 0) || value.as_text() == Some("true"),
    }
}

/// Lists of one are sometimes the bare object.
fn items<'j>(value: &'j Json<'j>) -> &'j [Json<'j>] {
    value.items().unwrap_or(std::slice::from_ref(value))
}

fn short_code(name: &str) -> String {
    let short = LONG_CODES.iter().find(|(long, _)| long.eq_ignore_ascii_case(name));
    short.map_or_else(|| name.to_ascii_uppercase(), |(_, short)| (*short).to_owned())
}

/// What an answer says, under the names that heplify gives each type.
fn data(answer: &Json<'_>) -> Option<String> {
    let value = Members::of(answer)
        .take(&["ip", "cname", "ns", "ptr", "txt", "txts", "srv", "naptr", "mx", "data", "rdata"])?;
    let parts: Vec<&str> = match value {
        Json::List(items) => items.iter().filter_map(Json::as_text).collect(),
        Json::Object(parts) => parts.iter().filter_map(|(_, part)| part.as_text()).collect(),
        _ => value.as_text().into_iter().collect(),
    };
    Some(parts.join(" ")).filter(|text| !text.is_empty())
}
