//! Reports on the quality of media: what a phone, a media server or a session border controller says a stream was
//! like. Several HEP types carry them, each in forms of its own; all end in one table.

mod pairs;
mod stream;

pub(crate) use pairs::pairs;
pub(crate) use stream::{Stream, ssrc};

use hep::Packet;
use model::{Field, Kind, Micros, Rows, Table, Unit};

use crate::Draft;
use crate::extra::Extra;
use crate::flags::NOT_REPORT;
use crate::json::{self, Json};
use crate::summary::Summary;
use crate::text::{self, is_call_id};
use crate::voip_metrics::mos_of_chunk;
use crate::{horaclifix, rtcp_xr, rtp_report, vq_rtcpxr};

pub(crate) static TABLE: Table = Table {
    name: "report",
    doc: "Reports on the quality of media. Where one speaks of both directions, the columns hold the worse and extra.streams both",
    retention_days: 30,
    rows: Rows::PACKETS,
    fields: &[
        Field::new("text", Kind::Text, "The report in a line"),
        Field::new("kind", Kind::Text, "What reports: rtp_report, vq_rtcpxr (RFC 6035), qos, horaclifix, rtcp_xr (RFC 3611)").facet(),
        Field::new("occasion", Kind::Text, "Why it was sent: session, interval or alert (RFC 6035 4.6), else in the words of the agent").facet(),
        Field::new("direction", Kind::Text, "in: what who reports received, or the incoming leg of an SBC; out: what the other side received, or the outgoing leg; empty where the report does not say").facet(),
        Field::new("reporter", Kind::Text, "Who reports: LocalID (RFC 6035 4.6), the name of the SBC, or the agent's name of the report").private(),
        Field::new("peer", Kind::Text, "The other side: RemoteID (RFC 6035 4.6)").private(),
        Field::new("realm", Kind::Text, "Realm of the SBC that the stream belongs to").facet(),
        Field::new("stream_src", Kind::Text, "Address and port that the stream comes from"),
        Field::new("stream_dst", Kind::Text, "Address and port that the stream goes to"),
        Field::new("ssrc", Kind::Int64, "SSRC of the stream (RFC 3550 8)"),
        Field::new("codecs", Kind::Text, "Codec of the stream: PD, else PT (RFC 6035 4.6)").facet(),
        Field::new("start_time", Kind::Time, "Start of what is reported on (RFC 6035 4.6)"),
        Field::new("end_time", Kind::Time, "End of what is reported on (RFC 6035 4.6)"),
        Field::new("packets", Kind::Int64, "Packets received"),
        Field::new("packets_lost", Kind::Int64, "Packets lost in the network"),
        Field::new("loss", Kind::Float, "Packets lost in the network: NLR (RFC 6035 4.6), or computed from the packets").unit(Unit::Percent),
        Field::new("discard", Kind::Float, "Packets too late for the jitter buffer: JDR (RFC 6035 4.6)").unit(Unit::Percent),
        Field::new("jitter_mean", Kind::Float, "Interarrival jitter: IAJ (RFC 6035 4.6), or the mean of the agent").unit(Unit::Milliseconds),
        Field::new("jitter_max", Kind::Float, "Greatest jitter").unit(Unit::Milliseconds),
        Field::new("round_trip", Kind::Int64, "Round trip delay: RTD (RFC 6035 4.6; RFC 3611 4.7.3)").unit(Unit::Milliseconds),
        Field::new("latency", Kind::Float, "Delay of one direction: OWD, else SOWD (RFC 6035 4.6), or the mean of the SBC").unit(Unit::Milliseconds),
        Field::new("latency_max", Kind::Float, "Greatest delay of one direction").unit(Unit::Milliseconds),
        Field::new("r_factor", Kind::Float, "R factor: RCQ, else RLQ (RFC 6035 4.6; ITU-T G.107)"),
        Field::new("mos", Kind::Float, "Mean opinion score: of a conversation, else of listening, else as reported without a word on that"),
        Field::new("mos_lq", Kind::Float, "Mean opinion score for listening: MOSLQ (RFC 6035 4.6; ITU-T P.800.1)"),
        Field::new("mos_cq", Kind::Float, "Mean opinion score for conversation, delay considered: MOSCQ (RFC 6035 4.6; ITU-T P.800.1)"),
    ],
};

/// What a payload reports.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) occasion: Option<String>,
    pub(crate) reporter: Option<String>,
    pub(crate) peer: Option<String>,
    /// Of the call whose media this is.
    pub(crate) call_id: Option<String>,
    /// One for each direction that is spoken of.
    pub(crate) streams: Vec<Stream>,
    /// What has no column, as JSON under its name.
    pub(crate) more: Vec<(&'static str, String)>,
}

impl Report {
    /// All of it, for a record of another table.
    pub(crate) fn to_json(&self) -> Option<String> {
        let mut object = Extra::default();
        for (name, value) in [
            ("occasion", &self.occasion),
            ("reporter", &self.reporter),
            ("peer", &self.peer),
            ("call_id", &self.call_id),
        ] {
            if let Some(value) = value {
                object.text(name, value);
            }
        }
        if !self.streams.is_empty() {
            object.json("streams", &listed(&self.streams));
        }
        for (key, json) in &self.more {
            object.json(key, json);
        }
        object.finish()
    }
}

fn listed(streams: &[Stream]) -> String {
    let streams: Vec<String> = streams.iter().filter_map(Stream::to_json).collect();
    format!("[{}]", streams.join(","))
}

/// Reads a report by its form: senders disagree on which type carries which.
pub(crate) fn understand<'a>(kind: &'static str, packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let payload = draft.readable(&packet.payload);
    if payload.is_empty() {
        return;
    }
    let message = sip::parse(payload);
    let report = if message.is_sip() {
        vq_rtcpxr::published(&message, draft)
    } else {
        let text = text::of(packet, draft);
        match text.trim_start().as_bytes().first() {
            Some(b'{' | b'[') => json::objects(&text, draft).first().map(of_object),
            _ if vq_rtcpxr::is_report(&text) => Some(vq_rtcpxr::read(&text)),
            _ => Some(pairs(&text)).filter(|pairs| has_members(pairs)).map(|pairs| rtp_report::read(&pairs)),
        }
    };
    match report {
        Some(report) => fill(kind, packet, report, draft),
        None => draft.flag(NOT_REPORT),
    }
}

fn of_object(object: &Json<'_>) -> Report {
    if horaclifix::is_report(object) {
        horaclifix::read(object)
    } else if let Some(metrics) = rtcp_xr::metrics(object) {
        rtcp_xr::read(object, metrics)
    } else {
        rtp_report::read(object)
    }
}

fn has_members(object: &Json<'_>) -> bool {
    object.members().is_some_and(|members| !members.is_empty())
}

/// In the order of the table.
fn fill(kind: &'static str, packet: &Packet<'_>, mut report: Report, draft: &mut Draft<'_>) {
    // The agent's own score, for a report that has none.
    if let [stream] = report.streams.as_mut_slice() {
        stream.mos = stream.mos.or_else(|| packet.mos.and_then(mos_of_chunk));
    }
    if let Some(call_id) = report.call_id.take().filter(|call_id| is_call_id(call_id)) {
        draft.set_call_id(call_id.into());
    }
    let worst = report.streams.iter().min_by(|one, other| one.compare_quality(other));
    let default = Stream::default();
    let stream = worst.unwrap_or(&default);
    draft.push(summary(kind, &report, stream));
    draft.push(kind);
    draft.push(report.occasion.clone());
    draft.push(stream.direction);
    draft.push(report.reporter.clone());
    draft.push(report.peer.clone());
    stream.push(draft);
    if let [_, _, ..] = report.streams.as_slice() {
        draft.extra.json("streams", &listed(&report.streams));
    } else if let Some(fields) = &stream.fields {
        draft.extra.json("fields", fields);
    }
    for (key, json) in &report.more {
        draft.extra.json(key, json);
    }
}

fn summary(kind: &str, report: &Report, stream: &Stream) -> Option<String> {
    let head = Summary::of(kind).maybe(report.occasion.as_deref()).maybe(stream.direction);
    let head = head.maybe(stream.realm.as_deref()).finish().unwrap_or_default();
    let number = |name: &str, value: Option<f64>, unit: &str| {
        // Two digits say all that such a number can.
        value.map(|value| format!("{name} {}{unit}", (value * 100.0).round() / 100.0)).unwrap_or_default()
    };
    let figures = Summary::default()
        .joined(", ", &number("MOS", stream.mos, ""))
        .joined(", ", &number("R", stream.r_factor, ""))
        .joined(", ", &number("loss", stream.loss, " %"))
        .joined(", ", &number("jitter", stream.jitter_mean, " ms"))
        .joined(", ", &number("round trip", stream.round_trip.map(|millis| millis as f64), " ms"))
        .joined(", ", stream.codecs.as_deref().unwrap_or_default());
    Summary::of(&head).joined(": ", &figures.finish().unwrap_or_default()).finish()
}

/// `address:port`, with brackets for IPv6.
pub(crate) fn endpoint(address: Option<String>, port: Option<i64>) -> Option<String> {
    let address = address.filter(|address| !address.is_empty())?;
    Some(match port {
        None => address,
        Some(port) if address.contains(':') => format!("[{address}]:{port}"),
        Some(port) => format!("{address}:{port}"),
    })
}

/// RFC 3339, as RFC 6035 has times.
pub(crate) fn time(text: &str) -> Option<i64> {
    Micros::parse(text.trim()).filter(|time| time.0 > 0).map(|time| time.0)
}
