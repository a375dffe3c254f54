//! RTP statistics of one stream (HEP type 34): an object in capitals, as RTP agents, hepipe.js for FreeSWITCH and
//! early horaclifix write it. Others send the same members as `NAME=value`.

use crate::Protocol;
use crate::json::Json;
use crate::members::Members;
use crate::report::{self, Report, Stream};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "rtp_report",
    hep_types: &[34],
    table: &report::TABLE,
    doc: "RTP statistics that agents measure: loss, jitter and scores of a stream",
    understand: |packet, draft| report::understand("rtp_report", packet, draft),
};

pub(crate) fn read(object: &Json<'_>) -> Report {
    let mut members = Members::of(object);
    let stream = Stream::take(&mut members);
    Report {
        occasion: members.text(&["TYPE"]).map(|occasion| occasion.to_ascii_lowercase()),
        reporter: members.text(&["REPORT_NAME"]),
        // The Call-ID of the leg, then what joins legs.
        call_id: members.text(&["RTP_SIP_CALL_ID", "CALL_ID", "CORRELATION_ID"]),
        streams: vec![Stream { fields: members.rest(), ..stream }],
        ..Report::default()
    }
}
