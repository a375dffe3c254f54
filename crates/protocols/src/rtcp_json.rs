//! RTCP (RFC 3550) as JSON: rtpengine, captagent, RTPProxy, Asterisk, heplify and hepipe.js, each in its dialect.

use hep::Packet;
use model::{Field, Kind, Micros, Table, Unit, Value};

use crate::flags::{BAD_JSON, BAD_UTF8, NOT_JSON, WRONG_SSRC};
use crate::json::{self, Json};
use crate::text::{self, without_nuls};
use crate::{Draft, Protocol};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "rtcp",
    hep_types: &[5],
    table: &TABLE,
    doc: "RTCP reports: what the ends of a call say about the media they send and receive",
    understand,
};

static TABLE: Table = Table {
    name: "rtcp",
    doc: "RTCP reports; the first report block in columns, further ones in extra",
    retention_days: 30,
    fields: &[
        Field::new("report_type", Kind::Int16, "RTCP packet type: 200 sender report, 201 receiver report, 202 description, 207 extended (RFC 3550 12.1)").facet(),
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
        Field::new("mos", Kind::Float, "Mean opinion score, of the extended report (RFC 3611 4.7.5), else as the agent estimates it"),
        Field::new("cname", Kind::Text, "Canonical name of the source description (RFC 3550 6.5.1)").private(),
    ],
};

/// Seconds from 1900, where NTP counts from, to 1970.
const NTP_TO_UNIX_SECONDS: i64 = 2_208_988_800;
/// Item type of the canonical name (RFC 3550 12.2).
const SDES_CNAME: i64 = 1;

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let payload = without_nuls(&packet.payload);
    if payload.is_empty() {
        // RTPProxy reports a packet it cannot express so.
        return;
    }
    // Binary RTCP starts with version 2 (RFC 3550 6.4.1), which is no UTF-8.
    let (text, is_replaced) = text::payload(payload);
    if !text.trim_start().starts_with(['{', '[']) {
        return draft.flag(NOT_JSON);
    }
    if is_replaced {
        draft.flag(BAD_UTF8);
    }
    let read = json::read(&text);
    if read.is_broken {
        draft.flag(BAD_JSON);
    }
    let reports = reports(&read.values);
    let cname = cname(&read.values);
    columns(packet, &reports, cname, draft);
    further(&reports, &read.values, draft);
}

/// One RTCP packet of the compound: what stood between one repetition of a key and the next.
#[derive(Debug, Default)]
struct Report<'j> {
    members: Vec<(&'j str, &'j Json<'j>)>,
}

impl<'j> Report<'j> {
    fn get(&self, name: &str) -> Option<&'j Json<'j>> {
        self.members.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    fn integer(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(Json::as_integer)
    }

    /// Agents write `null`, an empty list or one bare object as well as a list.
    fn blocks(&self) -> &'j [Json<'j>] {
        match self.get("report_blocks") {
            Some(Json::List(blocks)) => blocks,
            Some(block @ Json::Object(_)) => std::slice::from_ref(block),
            _ => &[],
        }
    }

    fn ssrc(&self) -> Option<i64> {
        self.integer("ssrc")
    }

    /// Asterisk writes the seconds of the sender's NTP clock where the SSRC of a received report belongs.
    fn has_wrong_ssrc(&self) -> bool {
        let seconds = self.get("sender_information").and_then(|sender| sender.member("ntp_timestamp_sec"));
        match seconds {
            Some(Json::Text(_)) => seconds
                .and_then(Json::as_integer)
                .is_some_and(|seconds| self.ssrc() == seconds.checked_add(NTP_TO_UNIX_SECONDS)),
            _ => false,
        }
    }
}

/// rtpengine prints a compound packet into one object and repeats the keys; RTPProxy prints one object after the
/// other. Both become one report per RTCP packet.
fn reports<'j>(documents: &'j [Json<'j>]) -> Vec<Report<'j>> {
    let mut reports: Vec<Report<'j>> = Vec::new();
    let objects = documents.iter().flat_map(|json| json.items().unwrap_or(std::slice::from_ref(json)));
    for members in objects.filter_map(Json::members) {
        reports.push(Report::default());
        for (key, value) in members {
            let last = reports.last().expect("a report was pushed above");
            if last.get(key).is_some() && !key.starts_with("sdes_") {
                reports.push(Report::default());
            }
            let last = reports.last_mut().expect("a report was pushed above");
            last.members.push((key, value));
        }
    }
    reports
}

fn columns<'a>(packet: &Packet<'_>, reports: &[Report<'_>], cname: Option<String>, draft: &mut Draft<'a>) {
    let empty = Report::default();
    // A sender or receiver report says more than a description in front of it.
    let report =
        reports.iter().find(|report| report.get("type").is_some()).or(reports.first()).unwrap_or(&empty);
    let sender = report.get("sender_information");
    let sent = |name: &str| sender.and_then(|sender| sender.member(name)).and_then(Json::as_integer);
    let block = report.blocks().first();
    let received = |name: &str| block.and_then(|block| block.member(name)).and_then(Json::as_integer);
    let has_wrong_ssrc = report.has_wrong_ssrc();
    if has_wrong_ssrc {
        draft.flag(WRONG_SSRC);
    }
    let report_type = report.integer("type").or_else(|| cname.is_some().then_some(202));
    draft.push(report_type.filter(|number| i16::try_from(*number).is_ok()));
    draft.push(report.ssrc().filter(|_| !has_wrong_ssrc));
    draft.push(sender.and_then(ntp_time).map(|time| time.0));
    draft.push(sent("rtp_timestamp"));
    draft.push(sent("packets"));
    draft.push(sent("octets"));
    draft.push(received("source_ssrc"));
    draft.push(match received("fraction_lost") {
        Some(fraction) => Value::Float(fraction as f64 * 100.0 / 256.0),
        None => Value::Null,
    });
    draft.push(received("packets_lost").map(signed_loss));
    draft.push(received("highest_seq_no"));
    draft.push(received("ia_jitter"));
    draft.push(received("lsr"));
    draft.push(received("dlsr"));
    let extended = extended(report);
    draft.push(extended.and_then(|xr| xr.member("round_trip_delay")).and_then(Json::as_integer));
    let mos = extended.and_then(mos).or_else(|| packet.mos.map(|mos| f64::from(mos) / 100.0));
    draft.push(mos.map_or(Value::Null, Value::Float));
    draft.push(cname);
}

/// The wall clock: NTP seconds and fraction, or, from Asterisk, Unix seconds and microseconds as texts.
fn ntp_time(sender: &Json<'_>) -> Option<Micros> {
    let written = sender.member("ntp_timestamp_sec")?;
    let seconds = written.as_integer()?;
    let part = sender.member("ntp_timestamp_usec").and_then(Json::as_integer).unwrap_or(0);
    let (unix_seconds, micros) = match written {
        Json::Text(_) => (seconds, part),
        // RFC 3550 6.4.1 allows the time since start instead of a wall clock: such a one is before 1970.
        _ => (seconds.checked_sub(NTP_TO_UNIX_SECONDS)?, part.checked_mul(Micros::SECOND)? >> 32),
    };
    let is_plausible = unix_seconds > 0 && unix_seconds <= i64::from(u32::MAX);
    is_plausible.then(|| Micros(unix_seconds * Micros::SECOND + micros.clamp(0, Micros::SECOND - 1)))
}

/// The field is signed and 24 bits wide (RFC 3550 6.4.1); rtpengine prints it unsigned, others as 32 bits.
fn signed_loss(lost: i64) -> i64 {
    match lost {
        0x80_0000..=0xff_ffff => lost - 0x100_0000,
        0x8000_0000..=0xffff_ffff => lost - 0x1_0000_0000,
        _ => lost,
    }
}

/// The VoIP metrics of an extended report, under the names of heplify 2, heplify 1 and captagent. heplify always
/// writes them, all zero when there were none.
fn extended<'j>(report: &Report<'j>) -> Option<&'j Json<'j>> {
    ["voip_metrics", "report_blocks_xr", "Extended_report_information"]
        .into_iter()
        .filter_map(|name| report.get(name))
        .find(|metrics| has_content(metrics))
}

fn has_content(metrics: &Json<'_>) -> bool {
    let members = metrics.members().unwrap_or_default();
    members.iter().any(|(_, value)| match value {
        Json::Null => false,
        Json::Number(_) | Json::Text(_) => value.as_integer() != Some(0),
        _ => true,
    })
}

/// Tenths of a point (RFC 3611 4.7.5); 127 means that it is not known.
fn mos(metrics: &Json<'_>) -> Option<f64> {
    let names = ["mos_cq", "MOS_CQ", "mos_lq", "MOS_LQ"];
    let tenths =
        names.into_iter().find_map(|name| metrics.member(name)?.as_number().filter(|mos| *mos > 0.0))?;
    // Some write the score itself.
    let score = if tenths <= 5.0 { tenths } else { tenths / 10.0 };
    (score <= 5.0).then_some(score)
}

fn cname(documents: &[Json<'_>]) -> Option<String> {
    let items = documents.iter().filter_map(|json| json.member("sdes_information")?.items()).flatten();
    let named = items.filter(|item| item.member("type").and_then(Json::as_integer) == Some(SDES_CNAME));
    named.filter_map(|item| item.member("text")?.as_text()).next().map(str::to_owned)
}

/// Everything once more as clean JSON, if the columns do not hold it all.
fn further(reports: &[Report<'_>], documents: &[Json<'_>], draft: &mut Draft<'_>) {
    let blocks: usize = reports.iter().map(|report| report.blocks().len()).sum();
    let items = documents.iter().filter_map(|json| json.member("sdes_information")?.items()).flatten();
    let is_more = reports.len() > 1 || blocks > 1 || reports.iter().any(|report| extended(report).is_some());
    if is_more {
        let mut json = String::from("[");
        for (place, report) in reports.iter().enumerate() {
            if place > 0 {
                json.push(',');
            }
            let kept = report.members.iter().filter(|(key, _)| !key.starts_with("sdes_"));
            json::write_members(&mut json, kept.map(|(key, value)| (*key, *value)));
        }
        json.push(']');
        draft.extra.json("reports", &json);
    }
    if items.count() > 1 {
        let mut json = String::new();
        let list = documents.iter().filter_map(|json| json.member("sdes_information"));
        for value in list {
            json.push_str(if json.is_empty() { "[" } else { "," });
            value.write(&mut json);
        }
        json.push(']');
        draft.extra.json("sdes", &json);
    }
}
