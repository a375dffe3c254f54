//! VoIP metrics of extended reports as captagent sends them (HEP type 99): the block of RFC 3611 4.7 as JSON. Its
//! collector sends SIP PUBLISH with a report of RFC 6035 under the same type.

use crate::Protocol;
use crate::json::Json;
use crate::members::Members;
use crate::report::{self, Report, Stream};
use crate::voip_metrics::VoipMetrics;

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "rtcp_xr",
    hep_types: &[99],
    table: &report::TABLE,
    doc: "VoIP metrics of RTCP extended reports, and quality reports that phones publish",
    understand: |packet, draft| report::understand("rtcp_xr", packet, draft),
};

pub(crate) fn metrics(object: &Json<'_>) -> Option<VoipMetrics> {
    let members = object.members()?;
    let is_report = |key: &str| {
        ["extended_report_information", "voip_metrics"].iter().any(|name| key.eq_ignore_ascii_case(name))
    };
    members.iter().filter(|(key, _)| is_report(key)).find_map(|(_, value)| VoipMetrics::from_json(value))
}

pub(crate) fn read(object: &Json<'_>, metrics: VoipMetrics) -> Report {
    let stream = Stream {
        // An extended report is about a stream that its sender received.
        direction: Some("in"),
        ssrc: metrics.ssrc,
        loss: metrics.loss_percent,
        discard: metrics.discard_percent,
        round_trip: metrics.round_trip_milliseconds,
        r_factor: metrics.r_factor,
        mos: metrics.mos(),
        mos_lq: metrics.mos_lq,
        mos_cq: metrics.mos_cq,
        fields: Members::of(object).rest(),
        ..Stream::default()
    };
    Report { streams: vec![stream], ..Report::default() }
}
