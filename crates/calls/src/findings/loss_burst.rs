use super::{Confidence, Finding, Found, Rule, Severity, media_of};
use crate::call::Call;

pub(super) static RULE: Rule = Rule { id: "LOSS_BURST", source: "ITU-T G.107 3.5; RFC 3611 4.7.2", find };

/// Runs of lost packets that are twice as long as chance would make them.
const BURST_RATIO_MIN: f64 = 2.0;
/// Below, a burst is a few packets of a whole call.
const LOSS_PERCENT_MIN: f64 = 0.5;
/// Moments that are shown as proof.
const MOMENTS: usize = 4;

fn find(call: &Call<'_>, found: &mut Found) {
    for stream in call.streams {
        let Some(ratio) = stream.burst_ratio.filter(|ratio| *ratio > BURST_RATIO_MIN) else { continue };
        let missed = stream.loss_percent.unwrap_or(0.0) + stream.discard_percent.unwrap_or(0.0);
        if missed < LOSS_PERCENT_MIN {
            continue;
        }
        let moments = stream.greatest(|point| point.loss_percent.filter(|loss| *loss > 0.0), MOMENTS);
        found.add(
            Finding::new(
                Severity::Warning,
                format!(
                    "{} lost {missed:.1} % in bursts, {ratio:.1} times as long as by chance: words went missing, not clicks",
                    media_of(stream)
                ),
            )
            .proof_of_reports(stream.records().into_iter().chain(moments))
            .ruled_out("random loss: its runs would be as short as chance makes them")
            .next("a queue that overflows, a radio that roams, a link that flaps: look at the times of the worst reports")
            .confidence(Confidence::Medium),
        );
    }
}
