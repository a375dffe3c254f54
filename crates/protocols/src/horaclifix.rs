//! Quality of both legs of a call through an Oracle session border controller (HEP type 38): horaclifix turns its
//! IPFIX records into one object, whose members say by `INC_` and `OUT_` of which leg they speak.

use std::borrow::Cow;

use crate::Protocol;
use crate::json::Json;
use crate::members::Members;
use crate::report::{self, Report, Stream, endpoint};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "horaclifix",
    hep_types: &[38],
    table: &report::TABLE,
    doc: "Quality of both legs of a call, as a session border controller of Oracle measures it",
    understand: |packet, draft| report::understand("horaclifix", packet, draft),
};

const INCOMING: &str = "INC_";
const OUTGOING: &str = "OUT_";

pub(crate) fn is_report(object: &Json<'_>) -> bool {
    let members = object.members().unwrap_or_default();
    [INCOMING, OUTGOING].iter().all(|leg| members.iter().any(|(key, _)| key.starts_with(leg)))
}

pub(crate) fn read(object: &Json<'_>) -> Report {
    let (incoming, outgoing) = (leg(object, INCOMING), leg(object, OUTGOING));
    let common = rest_of(object);
    let mut members = Members::of(&common);
    let mut end = |ip: &str, port: &str| endpoint(members.text(&[ip]), members.integer(&[port]));
    // The SBC receives from the caller on the incoming leg, and from the callee on the other.
    let ends = [
        (end("CALLER_SRC_IP", "CALLER_SRC_PORT"), end("CALLER_DST_IP", "CALLER_DST_PORT")),
        (end("CALLEE_SRC_IP", "CALLEE_SRC_PORT"), end("CALLEE_DST_IP", "CALLEE_DST_PORT")),
    ];
    let mut streams: Vec<Stream> = [(&incoming, "in"), (&outgoing, "out")]
        .into_iter()
        .zip(ends)
        .map(|((leg, direction), (src, dst))| {
            let mut members = Members::of(leg);
            let stream = Stream::take(&mut members);
            let call_id = members.text(&["ID"]);
            let fields = members.rest();
            Stream { direction: Some(direction), call_id, src, dst, fields, ..stream }
        })
        .collect();
    let call_id = streams.iter().find_map(|stream| stream.call_id.clone());
    streams.retain(Stream::has_figures);
    Report {
        reporter: members.text(&["NAME"]),
        call_id,
        streams,
        more: members.rest().map(|rest| ("call", rest)).into_iter().collect(),
        ..Report::default()
    }
}

/// The members of one leg without its prefix. Scores are hundredths.
fn leg<'j>(object: &'j Json<'j>, prefix: &str) -> Json<'j> {
    let members = object.members().unwrap_or_default().iter().filter_map(|(key, value)| {
        let key = key.strip_prefix(prefix)?;
        let value = match (key, value.as_number()) {
            ("MOS" | "RVAL", Some(hundredths)) => Json::Text(Cow::Owned((hundredths / 100.0).to_string())),
            _ => value.clone(),
        };
        Some((Cow::Borrowed(key), value))
    });
    Json::Object(members.collect())
}

/// The members of neither leg.
fn rest_of<'j>(object: &'j Json<'j>) -> Json<'j> {
    let members = object.members().unwrap_or_default();
    let is_common = |key: &str| !key.starts_with(INCOMING) && !key.starts_with(OUTGOING);
    Json::Object(members.iter().filter(|(key, _)| is_common(key)).cloned().collect())
}
