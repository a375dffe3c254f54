//! The VoIP metrics of an extended report (RFC 3611 4.7), from its bytes or from the JSON of heplify, captagent or
//! Pion, who print the bytes as numbers under names of their own.

use media::rtcp::extended;

use crate::json::Json;

/// What is not available stays empty.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct VoipMetrics {
    /// The source reported on.
    pub(crate) ssrc: Option<i64>,
    pub(crate) loss_percent: Option<f64>,
    pub(crate) discard_percent: Option<f64>,
    pub(crate) round_trip_milliseconds: Option<i64>,
    pub(crate) r_factor: Option<f64>,
    pub(crate) mos_lq: Option<f64>,
    pub(crate) mos_cq: Option<f64>,
}

/// Stands for "not available" in R factors and MOS.
const UNAVAILABLE: f64 = 127.0;
/// No scale of mean opinion scores goes further.
const MOS_MAX: f64 = 5.0;

impl VoipMetrics {
    /// `None` for an object without metrics, or with nothing but zeros: heplify writes those for every packet.
    pub(crate) fn from_json(json: &Json<'_>) -> Option<Self> {
        let members = json.members()?;
        let number = |names: &[&str]| {
            let (_, value) =
                members.iter().find(|(key, _)| names.iter().any(|name| key.eq_ignore_ascii_case(name)))?;
            value.as_number()
        };
        let has_content = members.iter().any(|(key, value)| {
            !matches!(&**key, "type" | "id" | "identifier" | "ssrc")
                && value.as_number().is_some_and(|number| number != 0.0)
        });
        let round_trip = number(&["round_trip_delay", "RoundTripDelay"]);
        if round_trip.is_none() || !has_content {
            return None;
        }
        let mos = |names: &[&str]| number(names).filter(|mos| *mos > 0.0).and_then(mos_of_tenths);
        let r_factor = number(&["r_factor", "R_fact", "RFactor"]);
        let metrics = Self {
            ssrc: number(&["ssrc", "identifier", "id"]).map(|number| number as i64),
            loss_percent: number(&["loss_rate", "LossRate", "fraction_lost"]).and_then(percent_of_256ths),
            discard_percent: number(&["discard_rate", "DiscardRate", "fraction_discard"])
                .and_then(percent_of_256ths),
            round_trip_milliseconds: round_trip.map(|number| number as i64),
            r_factor: r_factor.filter(|factor| (0.0..=120.0).contains(factor)),
            mos_lq: mos(&["mos_lq", "MOSLQ"]),
            mos_cq: mos(&["mos_cq", "MOSCQ"]),
        };
        // Without a score, a factor of zero was not measured: a real one comes with a MOS of 1.
        let r_factor = metrics.r_factor.filter(|factor| *factor > 0.0 || metrics.mos().is_some());
        Some(Self { r_factor, ..metrics })
    }

    /// Of a conversation if delay was considered, else of listening.
    pub(crate) fn mos(&self) -> Option<f64> {
        self.mos_cq.or(self.mos_lq)
    }
}

impl From<&extended::VoipMetrics> for VoipMetrics {
    fn from(metrics: &extended::VoipMetrics) -> Self {
        Self {
            ssrc: Some(metrics.ssrc.into()),
            loss_percent: Some(metrics.loss_percent()),
            discard_percent: Some(metrics.discard_percent()),
            round_trip_milliseconds: Some(metrics.round_trip_delay_ms.into()),
            r_factor: metrics.r_factor().map(f64::from),
            mos_lq: metrics.mos_lq(),
            mos_cq: metrics.mos_cq(),
        }
    }
}

/// Chunk 0x0020: the score times 100. hepipe.js sends -1 for none, which comes as 65535.
pub(crate) fn mos_of_chunk(hundredths: u16) -> Option<f64> {
    Some(f64::from(hundredths) / 100.0).filter(|mos| (1.0..=MOS_MAX).contains(mos))
}

/// Tenths of a point (RFC 3611 4.7.5); some write the score itself.
fn mos_of_tenths(tenths: f64) -> Option<f64> {
    let score = if tenths <= MOS_MAX { tenths } else { tenths / 10.0 };
    (tenths != UNAVAILABLE && score <= MOS_MAX).then_some(score)
}

fn percent_of_256ths(rate: f64) -> Option<f64> {
    (0.0..=255.0).contains(&rate).then(|| rate * 100.0 / 256.0)
}
