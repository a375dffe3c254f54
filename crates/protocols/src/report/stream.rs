//! The figures of one stream in one direction.

use std::cmp::Ordering;

use model::Value;

use super::{endpoint, time};
use crate::Draft;
use crate::extra::Extra;
use crate::json::Json;
use crate::members::Members;

/// No scale of mean opinion scores goes further.
const MOS_MAX: f64 = 5.0;
/// R of a fullband codec without any impairment (ITU-T G.107.2).
const R_MAX: f64 = 148.0;
/// Stands for "not available" in scores (RFC 3611 4.7.5).
const UNAVAILABLE: f64 = 127.0;

#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    pub(crate) direction: Option<&'static str>,
    /// The leg that the stream belongs to, where a report joins two.
    pub(crate) call_id: Option<String>,
    pub(crate) realm: Option<String>,
    pub(crate) src: Option<String>,
    pub(crate) dst: Option<String>,
    pub(crate) ssrc: Option<i64>,
    pub(crate) codecs: Option<String>,
    pub(crate) start_time: Option<i64>,
    pub(crate) end_time: Option<i64>,
    pub(crate) packets: Option<i64>,
    pub(crate) packets_lost: Option<i64>,
    pub(crate) loss: Option<f64>,
    pub(crate) discard: Option<f64>,
    pub(crate) jitter_mean: Option<f64>,
    pub(crate) jitter_max: Option<f64>,
    pub(crate) round_trip: Option<i64>,
    pub(crate) latency: Option<f64>,
    pub(crate) latency_max: Option<f64>,
    pub(crate) r_factor: Option<f64>,
    pub(crate) mos: Option<f64>,
    pub(crate) mos_lq: Option<f64>,
    pub(crate) mos_cq: Option<f64>,
    /// What has no column, as JSON.
    pub(crate) fields: Option<String>,
}

impl Stream {
    /// Takes the figures under the names of RFC 6035 4.6, of the RTP agents and of horaclifix.
    pub(crate) fn take(members: &mut Members<'_>) -> Self {
        let mut number = |names: &[&str]| members.take(names).and_then(Json::as_number);
        let mos_lq = number(&["MOSLQ"]).and_then(score);
        let mos_cq = number(&["MOSCQ"]).and_then(score);
        let mos = number(&["MOS", "MEAN_MOS"]).and_then(score);
        let r_factor =
            number(&["RCQ", "RLQ", "RFACTOR", "R_FACTOR", "MEAN_RFACTOR", "RVAL"]).and_then(factor);
        let percent = |value: Option<f64>| value.filter(|percent| (0.0..=100.0).contains(percent));
        let written_loss = percent(number(&["NLR"]));
        let discard = percent(number(&["JDR"]));
        let jitter_mean = number(&["MEAN_JITTER", "JITTER", "IAJ", "RTP_AVG_JITTER"]).and_then(positive);
        let jitter_max = number(&["MAX_JITTER", "RTP_MAX_JITTER"]).and_then(positive);
        let latency = number(&["OWD", "SOWD", "RTCP_AVG_LAT"]).and_then(positive);
        let latency_max = number(&["RTCP_MAX_LAT"]).and_then(positive);
        let mut whole = |names: &[&str]| members.integer(names).filter(|number| *number >= 0);
        let round_trip = whole(&["RTD"]);
        let packets = whole(&["TOTAL_PK", "RTP_PK"]);
        let packets_lost = whole(&["PACKET_LOSS", "RTP_PK_LOSS"]);
        let expected = whole(&["EXPECTED_PK"]).filter(|expected| *expected > 0);
        let computed_loss = || {
            let lost = packets_lost?;
            let expected =
                expected.or_else(|| packets?.checked_add(lost)).filter(|expected| *expected > 0)?;
            Some(lost as f64 * 100.0 / expected as f64)
        };
        Self {
            ssrc: members.text(&["SSRC"]).and_then(|text| ssrc(&text)),
            src: endpoint(members.text(&["SRC_IP"]), members.integer(&["SRC_PORT"])),
            dst: endpoint(members.text(&["DST_IP"]), members.integer(&["DST_PORT"])),
            codecs: codec(members),
            start_time: members.text(&["START"]).and_then(|text| time(&text)),
            end_time: members.text(&["STOP"]).and_then(|text| time(&text)),
            realm: members.text(&["REALM"]),
            packets,
            packets_lost,
            loss: percent(written_loss.or_else(computed_loss)),
            discard,
            jitter_mean,
            jitter_max,
            round_trip,
            latency,
            latency_max,
            r_factor,
            mos: mos_cq.or(mos_lq).or(mos),
            mos_lq,
            mos_cq,
            ..Self::default()
        }
    }

    /// Whether anything is known of how good the stream was.
    pub(crate) fn has_figures(&self) -> bool {
        let Self { packets, loss, discard, jitter_mean, jitter_max, latency, r_factor, mos, .. } = self;
        packets.is_some()
            || [loss, discard, jitter_mean, jitter_max, latency, r_factor, mos]
                .iter()
                .any(|figure| figure.is_some())
            || self.round_trip.is_some()
    }

    /// The worse stream is less: by score, then by loss, then by jitter.
    pub(crate) fn compare_quality(&self, other: &Self) -> Ordering {
        let ascending = |one: Option<f64>, other: Option<f64>| {
            one.unwrap_or(f64::INFINITY).total_cmp(&other.unwrap_or(f64::INFINITY))
        };
        let descending =
            |one: Option<f64>, other: Option<f64>| other.unwrap_or(-1.0).total_cmp(&one.unwrap_or(-1.0));
        ascending(self.mos, other.mos)
            .then(ascending(self.r_factor, other.r_factor))
            .then(descending(self.loss, other.loss))
            .then(descending(self.jitter_mean, other.jitter_mean))
    }

    /// The columns from `realm` on.
    pub(super) fn push(&self, draft: &mut Draft<'_>) {
        for (_, value) in self.columns() {
            draft.values.push(value);
        }
    }

    /// All of it, as one of the streams of a report.
    pub(super) fn to_json(&self) -> Option<String> {
        let mut object = Extra::default();
        if let Some(direction) = self.direction {
            object.text("direction", direction);
        }
        if let Some(call_id) = &self.call_id {
            object.text("call_id", call_id);
        }
        for (name, value) in self.columns() {
            match value {
                Value::Text(text) => object.text(name, &text),
                Value::Int(number) => object.integer(name, number),
                Value::Float(number) => object.number(name, number),
                _ => {}
            }
        }
        if let Some(fields) = &self.fields {
            object.json("fields", fields);
        }
        object.finish()
    }

    /// By name, in the order of the table.
    fn columns(&self) -> [(&'static str, Value<'static>); 20] {
        [
            ("realm", self.realm.clone().into()),
            ("stream_src", self.src.clone().into()),
            ("stream_dst", self.dst.clone().into()),
            ("ssrc", self.ssrc.into()),
            ("codecs", self.codecs.clone().into()),
            ("start_time", self.start_time.into()),
            ("end_time", self.end_time.into()),
            ("packets", self.packets.into()),
            ("packets_lost", self.packets_lost.into()),
            ("loss", self.loss.into()),
            ("discard", self.discard.into()),
            ("jitter_mean", self.jitter_mean.into()),
            ("jitter_max", self.jitter_max.into()),
            ("round_trip", self.round_trip.into()),
            ("latency", self.latency.into()),
            ("latency_max", self.latency_max.into()),
            ("r_factor", self.r_factor.into()),
            ("mos", self.mos.into()),
            ("mos_lq", self.mos_lq.into()),
            ("mos_cq", self.mos_cq.into()),
        ]
    }
}

/// A MOS of 1 to 5, or that times ten or a hundred, as RFC 3611 and SBCs have it.
fn score(written: f64) -> Option<f64> {
    let scales = [1.0, 10.0, 100.0];
    let scale = scales.into_iter().find(|scale| written <= MOS_MAX * scale)?;
    Some(written / scale).filter(|mos| *mos >= 1.0 && written != UNAVAILABLE)
}

/// An R factor, or that times a hundred, as SBCs have it.
fn factor(written: f64) -> Option<f64> {
    let scales = [1.0, 100.0];
    let scale = scales.into_iter().find(|scale| written <= R_MAX * scale)?;
    Some(written / scale).filter(|factor| *factor >= 0.0 && written != UNAVAILABLE)
}

fn positive(number: f64) -> Option<f64> {
    Some(number).filter(|number| *number >= 0.0)
}

/// `0x1a2a9c52`, or decimal; Linphone prints it with a sign.
pub(crate) fn ssrc(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u32::from_str_radix(digits, 16).ok().map(i64::from);
    }
    let number: i64 = text.parse().ok()?;
    if number < 0 {
        return i32::try_from(number).ok().map(|number| i64::from(number.cast_unsigned()));
    }
    u32::try_from(number).ok().map(i64::from)
}

/// The name, or what the payload type stands for. horaclifix has the number under both names.
fn codec(members: &mut Members<'_>) -> Option<String> {
    let name = members.text(&["PD", "CODEC_NAME"]);
    let named = name.filter(|name| name.parse::<u8>().is_err());
    if named.is_some() {
        return named;
    }
    let number = members.integer(&["PT", "CODEC_PT"])?;
    let name = sip::sdp::encoding_name(u8::try_from(number).ok()?);
    name.and_then(|name| std::str::from_utf8(name).ok()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_come_in_three_scales() {
        for (written, mos) in [(4.37, Some(4.37)), (43.0, Some(4.3)), (437.0, Some(4.37)), (1.0, Some(1.0))] {
            assert_eq!(score(written), mos);
        }
        for written in [0.0, -1.0, 127.0, 65_535.0, 655.35, 0.5] {
            assert_eq!(score(written), None, "{written}");
        }
        assert_eq!((factor(92.1), factor(8_500.0), factor(127.0)), (Some(92.1), Some(85.0), None));
        assert_eq!((factor(-1.0), factor(20_000.0)), (None, None));
    }

    #[test]
    fn sources_are_written_in_three_ways() {
        assert_eq!(ssrc("0x1a2a9c52"), Some(0x1a2a_9c52));
        assert_eq!(ssrc("3459143378"), Some(3_459_143_378));
        assert_eq!(ssrc("-835823918"), Some(3_459_143_378));
        assert_eq!(ssrc("99999999999"), None);
        assert_eq!(ssrc("x"), None);
    }
}
