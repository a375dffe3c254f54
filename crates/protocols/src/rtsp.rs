//! RTSP (RFC 7826) as JSON, or as its text.

use hep::Packet;
use model::{Field, Kind, Rows, Table};

use crate::flags::UNREADABLE;
use crate::json::{self, Json};
use crate::members::Members;
use crate::summary::Summary;
use crate::text;
use crate::{Draft, Protocol};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "rtsp",
    hep_types: &[55],
    table: &TABLE,
    doc: "RTSP requests and replies: who plays which stream",
    understand,
};

static TABLE: Table = Table {
    name: "rtsp",
    doc: "RTSP requests and replies",
    retention_days: 30,
    rows: Rows::PACKETS,
    fields: &[
        Field::new("text", Kind::Text, "The start line of the message"),
        Field::new("method", Kind::Text, "Method of the request (RFC 7826 13)").facet(),
        Field::new("status", Kind::Int16, "Status code of a reply (RFC 7826 8.1.1); empty for requests")
            .facet(),
        Field::new("reason_phrase", Kind::Text, "Text beside the status code (RFC 7826 8.1)"),
        Field::new("cseq", Kind::Int64, "CSeq, what joins a reply to its request (RFC 7826 18.20)"),
        Field::new("url", Kind::Text, "Which stream (RFC 7826 4.2)").indexed(),
        Field::new("session_id", Kind::Text, "Session (RFC 7826 18.49)").indexed(),
        Field::new("stream_transport", Kind::Text, "Where the media is wanted (RFC 7826 18.54)"),
        Field::new("user_agent", Kind::Text, "User-Agent, else Server (RFC 7826 18.59, 18.48)").facet(),
    ],
};

/// A message has a dozen headers; a description may follow.
const HEADERS_MAX: usize = 64;

#[derive(Default)]
struct Message {
    method: Option<String>,
    status: Option<i64>,
    reason_phrase: Option<String>,
    cseq: Option<i64>,
    url: Option<String>,
    session: Option<String>,
    transport: Option<String>,
    agent: Option<String>,
}

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let payload = text::of(packet, draft);
    let start = payload.trim_start();
    let message = if start.starts_with(['{', '[', '"']) {
        let objects = json::objects(&payload, draft);
        of_json(objects.first().unwrap_or(&Json::Null), draft)
    } else {
        of_text(start).unwrap_or_else(|| {
            if !packet.payload.is_empty() {
                draft.flag(UNREADABLE);
            }
            Message::default()
        })
    };
    let status = message.status.filter(|status| (100..=999).contains(status));
    let summary = match (&message.method, status) {
        (_, Some(status)) => {
            Summary::of("RTSP").word(&status.to_string()).maybe(message.reason_phrase.as_deref())
        }
        (Some(method), None) => Summary::of("RTSP").word(method).maybe(message.url.as_deref()),
        (None, None) => Summary::default(),
    };
    draft.push(summary.finish());
    draft.push(message.method);
    draft.push(status);
    draft.push(message.reason_phrase);
    draft.push(message.cseq);
    for text in [message.url, message.session, message.transport, message.agent] {
        draft.push(text);
    }
}

fn of_json(object: &Json<'_>, draft: &mut Draft<'_>) -> Message {
    let mut members = Members::of(object);
    let message = Message {
        method: members.text(&["method", "request", "command"]),
        status: members.integer(&["status", "status_code", "code", "response_code"]),
        reason_phrase: members.text(&["reason_phrase", "reason", "status_text"]),
        cseq: members.integer(&["cseq", "headers.cseq"]),
        url: members.text(&["url", "uri", "request_uri"]),
        session: members.text(&["session", "session_id", "headers.session"]).map(|session| bare(&session)),
        transport: members.text(&["transport", "headers.transport"]),
        agent: members.text(&["user_agent", "server", "headers.user_agent", "headers.server"]),
    };
    members.leave(&mut draft.extra);
    message
}

/// `SETUP rtsp://example.com/a RTSP/2.0` (RFC 7826 7.1), or `RTSP/2.0 200 OK` (RFC 7826 8.1), then headers.
fn of_text(text: &str) -> Option<Message> {
    let mut lines = text.lines();
    let line = lines.next()?;
    let mut message = Message::default();
    if let Some(rest) = line.strip_prefix("RTSP/") {
        let mut words = rest.splitn(3, ' ');
        message.status = words.nth(1)?.parse().ok();
        message.reason_phrase =
            words.next().map(|phrase| phrase.trim().to_owned()).filter(|text| !text.is_empty());
    } else {
        let mut words = line.split_ascii_whitespace();
        let (method, url) = (words.next()?, words.next()?);
        words.next().filter(|version| version.starts_with("RTSP/"))?;
        message.method = Some(method.to_owned());
        message.url = Some(url.to_owned());
    }
    let headers = lines.take(HEADERS_MAX).take_while(|line| !line.trim().is_empty());
    for (name, value) in headers.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "cseq" => message.cseq = value.parse().ok(),
            "session" => message.session = Some(bare(value)),
            "transport" => message.transport = Some(value.to_owned()),
            "user-agent" => message.agent = Some(value.to_owned()),
            "server" if message.agent.is_none() => message.agent = Some(value.to_owned()),
            _ => {}
        }
    }
    Some(message)
}

/// Without parameters such as `;timeout=60` (RFC 7826 18.49).
fn bare(session: &str) -> String {
    session.split(';').next().unwrap_or(session).trim().to_owned()
}
