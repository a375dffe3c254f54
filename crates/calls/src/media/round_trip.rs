//! Round trips from the times of sender reports (RFC 3550 6.4.1).

use std::collections::HashMap;

use media::{NtpTime, round_trip_micros};

use super::problem::{Problem, Problems};
use super::report::{Kind, Report};
use super::twice::Told;

/// Ten seconds: nobody talks over that. Clocks that disagree by hours give such times.
const ROUND_TRIP_MICROS_MAX: i64 = 10_000_000;

/// What capturing and the words of RTCP cannot tell apart: on one machine a round trip is nothing.
const RESOLUTION_MICROS: i64 = 1_000;

/// When the sender reports of a call were seen, by source and the middle word of their time.
///
/// A receiver answers with this word and with how long it held it, so that from sighting to sighting no clock but that of
/// the capture point counts. What is measured is then the way from the capture point to the receiver and back.
pub(super) struct SenderReports(HashMap<(u32, u32), i64>);

impl SenderReports {
    pub(super) fn of(told: &[Told<'_, '_>]) -> Self {
        let mut seen = HashMap::new();
        for report in told.iter().map(|told| told.report).filter(|report| report.kind == Kind::SenderReport) {
            if let Some((ssrc, time)) = report.ssrc.zip(report.figures.ntp_time) {
                seen.entry((ssrc, NtpTime::from_unix_micros(time).middle())).or_insert(report.at);
            }
        }
        Self(seen)
    }

    /// From who sends the stream to who received it and back, in milliseconds.
    pub(super) fn round_trip_ms(&self, report: &Report<'_>, problems: &mut Problems) -> Option<f64> {
        let word = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok());
        let (last_sr, delay) = word(report.figures.last_sr).zip(word(report.figures.delay_since_last_sr))?;
        if last_sr == 0 {
            problems.add(Problem::NoLastSenderReport);
            return None;
        }
        let micros = match self.seen(report.ssrc, last_sr) {
            Some(seen) => Some(report.at - seen - held_micros(delay))
                .filter(|micros| *micros >= -RESOLUTION_MICROS)
                .map(|micros| micros.max(0)),
            None => {
                let micros = round_trip_micros(NtpTime::from_unix_micros(report.at), last_sr, delay);
                if micros.is_some_and(|micros| micros <= ROUND_TRIP_MICROS_MAX) {
                    problems.add(Problem::RoundTripByClocks);
                }
                micros
            }
        };
        let Some(micros) = micros else {
            problems.add(Problem::RoundTripNegative);
            return None;
        };
        if micros > ROUND_TRIP_MICROS_MAX {
            problems.add(Problem::RoundTripImpossible);
            return None;
        }
        Some(micros as f64 / 1_000.0)
    }

    /// The time was cut to microseconds on its way into the record, so the word may be one less.
    fn seen(&self, ssrc: Option<u32>, last_sr: u32) -> Option<i64> {
        let ssrc = ssrc?;
        let words = [last_sr, last_sr.wrapping_sub(1), last_sr.wrapping_add(1)];
        words.iter().find_map(|word| self.0.get(&(ssrc, *word)).copied())
    }
}

fn held_micros(delay: u32) -> i64 {
    (i64::from(delay) * 1_000_000) >> 16
}
