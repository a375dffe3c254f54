//! Quality reports of phones (HEP type 35): the text of RFC 6035, alone or in the SIP message that published it. Other
//! agents send a short report as JSON under the same type.

use std::borrow::Cow;

use sip::{Message, Name, Part};

use crate::extra::write_string;
use crate::flags::{BAD_UTF8, NOT_REPORT};
use crate::json::Json;
use crate::members::Members;
use crate::report::{self, Report, Stream, endpoint, pairs, ssrc};
use crate::text;
use crate::{Draft, Protocol};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "vq_rtcpxr",
    hep_types: &[35],
    table: &report::TABLE,
    doc: "Quality of calls as phones report it",
    understand: |packet, draft| report::understand("vq_rtcpxr", packet, draft),
};

/// The first line of a report, and the occasion it stands for (RFC 6035 4.6).
const OCCASIONS: &[(&str, &str)] =
    &[("VQSessionReport", "session"), ("VQIntervalReport", "interval"), ("VQAlertReport", "alert")];

/// Lines of the session that hold one value rather than pairs.
const SESSION_LINES: &[&str] = &[
    "OrigID",
    "LocalGroup",
    "RemoteGroup",
    "LocalMAC",
    "RemoteMAC",
    "DialogID",
    "x-UserAgent",
    "x-SIPmetrics",
    "x-SIPterm",
];

/// Whether a text has lines of a report.
pub(crate) fn is_report(text: &str) -> bool {
    let names = ["LocalMetrics", "RemoteMetrics", "QualityEst", "PacketLoss"];
    text.lines().filter_map(line).any(|(name, _)| {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        names.iter().any(|known| is(known)) || OCCASIONS.iter().any(|(known, _)| is(known))
    })
}

/// The report in a message that is kept as SIP.
pub(crate) fn inside(message: &Message<'_>) -> Option<Report> {
    let (body, _) = text::payload(body(message)?);
    Some(read(&body)).filter(|_| is_report(&body))
}

fn body<'a>(message: &Message<'a>) -> Option<&'a [u8]> {
    // Nearly every body: not worth a look at its parts.
    if message.header(Name::ContentType)? == b"application/sdp" {
        return None;
    }
    let is_report =
        |part: &Part<'_>| part.content_type.is_some_and(|content| content.is(b"application/vq-rtcpxr"));
    message.parts().find(is_report).map(|part| part.body)
}

/// A PUBLISH, NOTIFY or MESSAGE whose body is a report.
pub(crate) fn published(message: &Message<'_>, draft: &mut Draft<'_>) -> Option<Report> {
    let (body, is_replaced) = text::payload(body(message).unwrap_or(message.body()));
    if is_replaced {
        draft.flag(BAD_UTF8);
    }
    if !is_report(&body) {
        draft.flag(NOT_REPORT);
    }
    let mut report = read(&body);
    let header = |value: Option<&[u8]>| value.map(|value| String::from_utf8_lossy(value).into_owned());
    report.reporter = report.reporter.or_else(|| header(message.from().map(|from| from.uri.raw)));
    // The dialog of the report itself; the call it is about is named inside.
    for (key, value) in [
        ("sip_call_id", header(message.call_id())),
        ("sip_method", header(message.method())),
        ("user_agent", header(message.header(Name::UserAgent))),
    ] {
        if let Some(value) = value {
            report.more.push((key, quoted(&value)));
        }
    }
    Some(report)
}

pub(crate) fn read(text: &str) -> Report {
    let mut report = Report::default();
    let (mut session, mut local, mut remote) = (Vec::new(), Vec::new(), Vec::new());
    let mut is_remote = false;
    let (mut local_end, mut remote_end) = (End::default(), End::default());
    for raw in text.lines() {
        let Some((name, value)) = line(raw) else {
            let section = if is_remote { &mut remote } else { &mut local };
            section.extend(members(pairs(raw)));
            continue;
        };
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if let Some((_, occasion)) = OCCASIONS.iter().find(|(known, _)| is(known)) {
            report.occasion = Some((*occasion).to_owned());
            let details = members(pairs(value));
            if details.is_empty() && !value.is_empty() {
                session.push((Cow::Borrowed("event"), Json::Text(Cow::Borrowed(value))));
            }
            session.extend(details);
        } else if is("LocalMetrics") || is("RemoteMetrics") {
            is_remote = is("RemoteMetrics");
        } else if is("CallID") {
            report.call_id = Some(value.to_owned());
        } else if is("LocalID") {
            report.reporter = Some(value.to_owned());
        } else if is("RemoteID") {
            report.peer = Some(value.to_owned());
        } else if is("LocalAddr") {
            local_end = End::read(value);
        } else if is("RemoteAddr") {
            remote_end = End::read(value);
        } else if SESSION_LINES.iter().any(|known| is(known)) || !value.contains('=') {
            session.push((Cow::Borrowed(name), Json::Text(Cow::Borrowed(value))));
        } else {
            let section = if is_remote { &mut remote } else { &mut local };
            section.extend(members(pairs(value)));
        }
    }
    let session = Json::Object(session);
    let mut session = Members::of(&session);
    if report.call_id.is_none() {
        // `call id;to-tag=...;from-tag=...`
        let dialog = session.text(&["DialogID"]);
        report.call_id = dialog.and_then(|dialog| dialog.split(';').next().map(str::to_owned));
    }
    // What an end measures is what it received.
    let received = stream("in", &Json::Object(local), &remote_end, &local_end);
    let sent = stream("out", &Json::Object(remote), &local_end, &remote_end);
    report.streams.extend([received, sent].into_iter().filter(Stream::has_figures));
    report.more.extend(session.rest().map(|rest| ("session", rest)));
    report
}

fn stream(direction: &'static str, figures: &Json<'_>, from: &End, to: &End) -> Stream {
    let mut members = Members::of(figures);
    let stream = Stream::take(&mut members);
    Stream {
        direction: Some(direction),
        src: from.address.clone(),
        dst: to.address.clone(),
        ssrc: from.ssrc,
        fields: members.rest(),
        ..stream
    }
}

/// LocalAddr and RemoteAddr: `IP=... PORT=... SSRC=...`.
#[derive(Default)]
struct End {
    address: Option<String>,
    ssrc: Option<i64>,
}

impl End {
    fn read(value: &str) -> Self {
        let pairs = pairs(value);
        let mut members = Members::of(&pairs);
        Self {
            address: endpoint(members.text(&["IP"]), members.integer(&["PORT"])),
            ssrc: members.text(&["SSRC"]).and_then(|text| ssrc(&text)),
        }
    }
}

/// `Name: value`. A colon behind an equal sign belongs to a value.
fn line(raw: &str) -> Option<(&str, &str)> {
    let raw = raw.trim();
    let (name, value) = match raw.split_once(':') {
        Some((name, value)) => (name.trim(), value.trim()),
        // Linphone leaves the colon out where nothing follows.
        None if raw.starts_with("VQ") => (raw, ""),
        None => return None,
    };
    (!name.is_empty() && !name.contains('=')).then_some((name, value))
}

fn members<'j>(object: Json<'j>) -> Vec<(Cow<'j, str>, Json<'j>)> {
    match object {
        Json::Object(members) => members,
        _ => Vec::new(),
    }
}

fn quoted(text: &str) -> String {
    let mut json = String::new();
    write_string(&mut json, text);
    json
}
