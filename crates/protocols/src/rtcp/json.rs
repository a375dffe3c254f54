//! RTCP as JSON. rtpengine's names are the common ones; what others write differently stands beside them.

use media::NtpTime;
use model::Micros;

use super::Columns;
use crate::Draft;
use crate::flags::{BAD_JSON, BAD_UTF8, WRONG_SSRC};
use crate::json::{self, Json};
use crate::text;
use crate::voip_metrics::VoipMetrics;

/// Packet types (RFC 3550 12.1).
const SENDER_REPORT: i64 = 200;
const RECEIVER_REPORT: i64 = 201;
const SOURCE_DESCRIPTION: i64 = 202;
const GOODBYE: i64 = 203;
/// RFC 3611 8.
const EXTENDED_REPORT: i64 = 207;
/// Item type of the canonical name (RFC 3550 12.2).
const SDES_CNAME: i64 = 1;

pub(super) fn is_json(payload: &[u8]) -> bool {
    payload.trim_ascii_start().starts_with(b"{") || payload.trim_ascii_start().starts_with(b"[")
}

pub(super) fn read(payload: &[u8], draft: &mut Draft<'_>) -> Columns {
    let (text, is_replaced) = text::payload(draft.readable(payload));
    if is_replaced {
        draft.flag(BAD_UTF8);
    }
    let read = json::read(&text);
    if read.is_broken {
        draft.flag(BAD_JSON);
    }
    let reports = reports(&read.values);
    let descriptions = Descriptions::of(&reports);
    let metrics = reports.iter().find_map(Report::voip_metrics);
    further(&reports, &descriptions, metrics.is_some(), draft);
    columns(&reports, &descriptions, metrics.unwrap_or_default(), draft)
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

    /// Agents write `null`, an empty list or one bare object as well as a list.
    fn blocks(&self) -> &'j [Json<'j>] {
        match self.get("report_blocks").or_else(|| self.get("Reports")) {
            Some(Json::List(blocks)) => blocks,
            Some(block @ Json::Object(_)) => std::slice::from_ref(block),
            _ => &[],
        }
    }

    fn sender(&self) -> Option<&'j Json<'j>> {
        self.get("sender_information")
    }

    /// A number of the sender information. Pion has it beside the SSRC; heplify has one of zeros where there was none.
    fn sent(&self, name: &str, pion_name: &str) -> Option<i64> {
        if self.report_type() != Some(SENDER_REPORT) {
            return None;
        }
        self.sender().and_then(|sender| sender.member(name)).or_else(|| self.get(pion_name)).and_then(whole)
    }

    fn ssrc(&self) -> Option<i64> {
        self.get("ssrc").or_else(|| self.get("SSRC")).or_else(|| self.get("SenderSSRC")).and_then(ssrc)
    }

    /// RTCP packet type (RFC 3550 12.1). Pion leaves it to the kind of the structure.
    fn report_type(&self) -> Option<i64> {
        if let Some(written) = self.get("type").and_then(Json::as_integer) {
            return Some(written).filter(|number| i16::try_from(*number).is_ok());
        }
        let has = |name: &str| self.get(name).is_some();
        if has("NTPTime") || self.sender().is_some_and(|sender| sender.members().is_some()) {
            Some(SENDER_REPORT)
        } else if has("SenderSSRC") && has("Reports") {
            Some(EXTENDED_REPORT)
        } else if has("report_blocks") || has("Reports") {
            Some(RECEIVER_REPORT)
        } else if has("sdes_information") || has("Chunks") {
            Some(SOURCE_DESCRIPTION)
        } else {
            has("Sources").then_some(GOODBYE)
        }
    }

    /// Asterisk writes the seconds of the sender's NTP clock where the SSRC of a received report belongs.
    fn has_wrong_ssrc(&self) -> bool {
        let seconds = self.sender().and_then(|sender| sender.member("ntp_timestamp_sec"));
        let Some(Json::Text(_)) = seconds else { return false };
        let micros =
            seconds.and_then(Json::as_integer).and_then(|seconds| seconds.checked_mul(Micros::SECOND));
        micros
            .is_some_and(|micros| self.ssrc() == Some(i64::from(NtpTime::from_unix_micros(micros).seconds())))
    }

    /// The wall clock: NTP seconds and fraction, or, from Asterisk, Unix seconds and microseconds as texts, or, from
    /// Pion, all 64 bits as one number.
    fn ntp_time(&self) -> Option<i64> {
        if let Some(written) = self.get("NTPTime").and_then(Json::as_text) {
            return unix_micros(NtpTime(written.parse().ok()?));
        }
        let sender = self.sender()?;
        let seconds = sender.member("ntp_timestamp_sec")?;
        let part = sender.member("ntp_timestamp_usec").and_then(Json::as_integer).unwrap_or(0);
        match seconds {
            Json::Text(_) => {
                let seconds =
                    seconds.as_integer().filter(|seconds| (1..=i64::from(u32::MAX)).contains(seconds))?;
                Some(seconds * Micros::SECOND + part.clamp(0, Micros::SECOND - 1))
            }
            _ => {
                let seconds = u32::try_from(seconds.as_integer()?).ok()?;
                unix_micros(NtpTime::from_parts(seconds, u32::try_from(part).unwrap_or(0)))
            }
        }
    }

    /// Of this extended report. heplify always writes the metrics, all zero when there were none.
    fn voip_metrics(&self) -> Option<VoipMetrics> {
        let names = [
            "voip_metrics",
            "report_blocks_xr",
            "Extended_report_information",
            "extended_report_information",
        ];
        names
            .into_iter()
            .filter_map(|name| self.get(name))
            .chain(self.blocks())
            .find_map(VoipMetrics::from_json)
    }
}

/// rtpengine prints a compound packet into one object and repeats the keys; RTPProxy prints one object after the
/// other; Pion has a list. All become one report per RTCP packet.
fn reports<'j>(documents: &'j [Json<'j>]) -> Vec<Report<'j>> {
    let mut reports: Vec<Report<'j>> = Vec::new();
    let objects = documents.iter().flat_map(|json| json.items().unwrap_or(std::slice::from_ref(json)));
    for members in objects.filter_map(Json::members) {
        let mut report = Report { members: Vec::with_capacity(members.len()) };
        for (place, (key, value)) in members.iter().enumerate() {
            // What a sender sent stands before the rest of its report, unless there is but one.
            let is_next = key == "sender_information"
                && report.get("type").is_some()
                && members[place..].iter().any(|(later, _)| later == "type");
            if is_next || (report.get(key).is_some() && !key.starts_with("sdes_")) {
                reports.push(std::mem::take(&mut report));
            }
            report.members.push((key, value));
        }
        reports.push(report);
    }
    reports
}

/// The source descriptions: lists of items with a type and a text.
struct Descriptions<'j> {
    lists: Vec<&'j Json<'j>>,
}

impl<'j> Descriptions<'j> {
    fn of(reports: &[Report<'j>]) -> Self {
        let mut lists = Vec::new();
        for (key, value) in reports.iter().flat_map(|report| &report.members) {
            match *key {
                "sdes_information" => lists.push(*value),
                // Pion: a list of chunks, each with its items.
                "Chunks" => lists.extend(
                    value.items().unwrap_or_default().iter().filter_map(|chunk| chunk.member("Items")),
                ),
                _ => {}
            }
        }
        Self { lists }
    }

    fn items(&self) -> impl Iterator<Item = &'j Json<'j>> {
        self.lists.iter().flat_map(|list| list.items().unwrap_or_default())
    }

    fn cname(&self) -> Option<String> {
        let member = |item: &'j Json<'j>, name: &str, pion_name: &str| {
            item.member(name).or_else(|| item.member(pion_name))
        };
        let mut named = self
            .items()
            .filter(|item| member(item, "type", "Type").and_then(Json::as_integer) == Some(SDES_CNAME));
        named.find_map(|item| member(item, "text", "Text")?.as_text()).map(str::to_owned)
    }
}

fn columns(
    reports: &[Report<'_>],
    descriptions: &Descriptions<'_>,
    metrics: VoipMetrics,
    draft: &mut Draft<'_>,
) -> Columns {
    let empty = Report::default();
    // A sender or receiver report says more than a description in front of it.
    let is_report = |report: &&Report<'_>| report.get("type").is_some() || !report.blocks().is_empty();
    let report = reports.iter().find(is_report).or(reports.first()).unwrap_or(&empty);
    let block = report.blocks().first();
    let received = |name: &str, pion_name: &str| {
        block.and_then(|block| block.member(name).or_else(|| block.member(pion_name)))
    };
    let has_wrong_ssrc = report.has_wrong_ssrc();
    if has_wrong_ssrc {
        draft.flag(WRONG_SSRC);
    }
    let cname = descriptions.cname();
    Columns {
        report_type: report.report_type(),
        ssrc: report.ssrc().filter(|_| !has_wrong_ssrc),
        ntp_time: report.ntp_time(),
        rtp_timestamp: report.sent("rtp_timestamp", "RTPTime"),
        packets: report.sent("packets", "PacketCount"),
        octets: report.sent("octets", "OctetCount"),
        source_ssrc: received("source_ssrc", "SSRC").and_then(ssrc),
        fraction_lost: received("fraction_lost", "FractionLost").and_then(fraction),
        packets_lost: received("packets_lost", "TotalLost").and_then(whole).map(signed_loss),
        highest_sequence: received("highest_seq_no", "LastSequenceNumber").and_then(whole),
        jitter: received("ia_jitter", "Jitter").and_then(whole),
        last_sr: received("lsr", "LastSenderReport").and_then(whole),
        delay_since_last_sr: received("dlsr", "Delay").and_then(whole),
        round_trip: metrics.round_trip_milliseconds,
        r_factor: metrics.r_factor,
        mos: metrics.mos(),
        cname,
    }
}

/// Everything once more as clean JSON, if the columns do not hold it all.
fn further(
    reports: &[Report<'_>],
    descriptions: &Descriptions<'_>,
    has_metrics: bool,
    draft: &mut Draft<'_>,
) {
    let blocks: usize = reports.iter().map(|report| report.blocks().len()).sum();
    let is_elsewhere = |key: &str| key.starts_with("sdes_") || key == "Chunks";
    if reports.len() > 1 || blocks > 1 || has_metrics {
        let mut json = String::from("[");
        for report in reports {
            let mut kept = report.members.iter().filter(|(key, _)| !is_elsewhere(key)).peekable();
            if kept.peek().is_none() {
                continue;
            }
            if json.len() > 1 {
                json.push(',');
            }
            json::write_members(&mut json, kept.map(|(key, value)| (*key, *value)));
        }
        json.push(']');
        draft.extra.json("reports", &json);
    }
    if descriptions.items().count() > 1 {
        let mut json = String::new();
        for list in &descriptions.lists {
            json.push(if json.is_empty() { '[' } else { ',' });
            list.write(&mut json);
        }
        json.push(']');
        draft.extra.json("sdes", &json);
    }
}

/// RFC 3550 6.4.1 allows the time since start instead of a wall clock: such a one is before 1970.
fn unix_micros(time: NtpTime) -> Option<i64> {
    time.unix_micros().filter(|micros| *micros > 0)
}

/// Counters of JavaScript may have a fraction.
fn whole(value: &Json<'_>) -> Option<i64> {
    let rounded = || value.as_number().map(f64::round).filter(|number| number.abs() < 9e15);
    value.as_integer().or_else(|| rounded().map(|number| number as i64))
}

/// FreeSWITCH names sources by eight hexadecimal digits, which hepipe.js passes on as text. If there is no letter
/// among them it is taken for a number, as others write texts too.
fn ssrc(value: &Json<'_>) -> Option<i64> {
    let is_hexadecimal = |text: &&str| text.len() == 8 && text.bytes().any(|byte| byte.is_ascii_alphabetic());
    let hexadecimal = value.as_text().filter(is_hexadecimal);
    hexadecimal.and_then(|text| i64::from_str_radix(text, 16).ok()).or_else(|| value.as_integer())
}

/// In percent. The field has eight bits (RFC 3550 6.4.1): anything outside is no fraction.
fn fraction(value: &Json<'_>) -> Option<f64> {
    let fraction = u8::try_from(value.as_integer()?).ok()?;
    Some(f64::from(fraction) * 100.0 / 256.0)
}

/// The field is signed and 24 bits wide (RFC 3550 6.4.1); rtpengine prints it unsigned, others as 32 bits.
fn signed_loss(lost: i64) -> i64 {
    match lost {
        0x80_0000..=0xff_ffff => lost - 0x100_0000,
        0x8000_0000..=0xffff_ffff => lost - 0x1_0000_0000,
        _ => lost,
    }
}
