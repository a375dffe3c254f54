//! RTCP (RFC 3550, RFC 3611): the reports of both ends of a call about its media. As JSON from rtpengine, captagent,
//! RTPProxy, Asterisk, heplify, hepipe.js and Pion, each in its dialect, or as the packet itself.

mod binary;
mod json;

use hep::Packet;
use media::rtp::is_rtcp;
use model::{Field, Kind, Rows, Table, Unit};

use crate::flags::NOT_RTCP;
use crate::text::without_nuls;
use crate::{Draft, Protocol};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "rtcp",
    // 58 is "RTCP PION": reports of the Pion library, in whatever form.
    hep_types: &[5, 58],
    table: &TABLE,
    doc: "RTCP reports: what the ends of a call say about the media they send and receive",
    understand,
};

static TABLE: Table = Table {
    name: "rtcp",
    doc: "RTCP reports; the first report block in columns, further ones in extra",
    retention_days: 30,
    rows: Rows::PACKETS,
    fields: &[
        Field::new("report_type", Kind::Int16, "RTCP packet type: 200 sender report, 201 receiver report, 202 description, 203 goodbye, 207 extended (RFC 3550 12.1)").facet(),
        Field::new("ssrc", Kind::Int64, "SSRC of who reports (RFC 3550 6.4.1)"),
        Field::new("ntp_time", Kind::Time, "Wall clock of the sender report (RFC 3550 6.4.1); empty if the clock was never set"),
        Field::new("rtp_timestamp", Kind::Int64, "RTP timestamp of the sender report (RFC 3550 6.4.1)"),
        Field::new("packets", Kind::Int64, "Packets sent since the start (RFC 3550 6.4.1)"),
        Field::new("octets", Kind::Int64, "Payload octets sent since the start (RFC 3550 6.4.1)").unit(Unit::Bytes),
        Field::new("source_ssrc", Kind::Int64, "SSRC that the first report block is about (RFC 3550 6.4.1)"),
        Field::new("fraction_lost", Kind::Float, "Packets lost since the last report (RFC 3550 6.4.1)").unit(Unit::Percent),
        Field::new("packets_lost", Kind::Int64, "Packets lost since the start; negative when there were duplicates (RFC 3550 6.4.1)"),
        Field::new("highest_sequence", Kind::Int64, "Extended highest sequence number received (RFC 3550 6.4.1)"),
        Field::new("jitter", Kind::Int64, "Interarrival jitter in units of the RTP clock (RFC 3550 6.4.1)"),
        Field::new("last_sr", Kind::Int64, "Middle 32 bits of the time of the last sender report received (RFC 3550 6.4.1)"),
        Field::new("delay_since_last_sr", Kind::Int64, "Time since that report in units of 1/65536 s (RFC 3550 6.4.1)"),
        Field::new("round_trip", Kind::Int64, "Round trip delay of the extended report (RFC 3611 4.7.3)").unit(Unit::Milliseconds),
        Field::new("r_factor", Kind::Float, "R factor of the extended report, 0 to 100 (RFC 3611 4.7.5)"),
        Field::new("mos", Kind::Float, "Mean opinion score, of the extended report (RFC 3611 4.7.5), else as the agent estimates it"),
        Field::new("cname", Kind::Text, "Canonical name of the source description (RFC 3550 6.5.1)").private(),
    ],
};

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    // RTPProxy sends nothing for a packet it cannot express.
    if without_nuls(&packet.payload).is_empty() {
        return;
    }
    // The version bits of RTCP (RFC 3550 6.4.1) are no start of a text.
    let mut columns = if is_rtcp(&packet.payload) {
        binary::read(&packet.payload, draft)
    } else if json::is_json(&packet.payload) {
        json::read(&packet.payload, draft)
    } else {
        return draft.flag(NOT_RTCP);
    };
    columns.mos = columns.mos.or_else(|| packet.mos.and_then(crate::voip_metrics::mos_of_chunk));
    columns.push(draft);
}

/// What the table holds of a compound packet.
#[derive(Debug, Default)]
struct Columns {
    report_type: Option<i64>,
    ssrc: Option<i64>,
    ntp_time: Option<i64>,
    rtp_timestamp: Option<i64>,
    packets: Option<i64>,
    octets: Option<i64>,
    source_ssrc: Option<i64>,
    fraction_lost: Option<f64>,
    packets_lost: Option<i64>,
    highest_sequence: Option<i64>,
    jitter: Option<i64>,
    last_sr: Option<i64>,
    delay_since_last_sr: Option<i64>,
    round_trip: Option<i64>,
    r_factor: Option<f64>,
    mos: Option<f64>,
    cname: Option<String>,
}

impl Columns {
    /// In the order of the table.
    fn push(self, draft: &mut Draft<'_>) {
        draft.push(self.report_type);
        draft.push(self.ssrc);
        draft.push(self.ntp_time);
        draft.push(self.rtp_timestamp);
        draft.push(self.packets);
        draft.push(self.octets);
        draft.push(self.source_ssrc);
        draft.push(self.fraction_lost);
        draft.push(self.packets_lost);
        draft.push(self.highest_sequence);
        draft.push(self.jitter);
        draft.push(self.last_sr);
        draft.push(self.delay_since_last_sr);
        draft.push(self.round_trip);
        draft.push(self.r_factor);
        draft.push(self.mos);
        draft.push(self.cname);
    }
}
