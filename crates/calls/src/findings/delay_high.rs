use super::{Confidence, Finding, Found, Rule, Severity, media_of};
use crate::call::Call;
use crate::media::Problem;

pub(super) static RULE: Rule = Rule { id: "DELAY_HIGH", source: "ITU-T G.114; RFC 3550 6.4.1", find };

/// Twice the 150 ms of one way that talk bears without harm (ITU-T G.114).
const ROUND_TRIP_MILLIS_MIN: f64 = 300.0;
const MOMENTS: usize = 4;

fn find(call: &Call<'_>, found: &mut Found) {
    for stream in call.streams {
        // Two clocks that disagree make a delay where there is none.
        if stream.problems.contains(&Problem::RoundTripByClocks) {
            continue;
        }
        let Some(middle) = stream.round_trip_p50_ms.filter(|middle| *middle > ROUND_TRIP_MILLIS_MIN) else {
            continue;
        };
        let moments = stream.greatest(|point| point.round_trip_ms, MOMENTS);
        found.add(
            Finding::new(
                Severity::Warning,
                format!(
                    "{} takes {middle:.0} ms there and back: people begin to talk into each other's words",
                    media_of(stream)
                ),
            )
            .proof_of_reports(stream.records().into_iter().chain(moments))
            .ruled_out("clocks: the time is from one clock alone, or by the endpoint's own measure")
            .next("which way does the media go? A relay far from both, a satellite, or a queue that is always full")
            .confidence(Confidence::High),
        );
    }
}
