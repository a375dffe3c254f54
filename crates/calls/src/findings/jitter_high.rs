use super::{Confidence, Finding, Found, Rule, Severity, media_of};
use crate::call::Call;
use crate::media::{Problem, Stream};

pub(super) static RULE: Rule = Rule { id: "JITTER_HIGH", source: "RFC 3550 6.4.1; RFC 3611 4.7.1", find };

/// A usual jitter buffer: what varies more comes too late.
const JITTER_MILLIS_MIN: f64 = 50.0;
/// Reports that a 95th percentile needs to be more than a single moment.
const REPORTS_MIN: usize = 3;
/// The jitter buffer threw away so much, and more than the network lost.
const DISCARD_PERCENT_MIN: f64 = 1.0;
const MOMENTS: usize = 4;

fn find(call: &Call<'_>, found: &mut Found) {
    for stream in call.streams {
        let discard = stream.discard_percent.filter(|discard| {
            *discard >= DISCARD_PERCENT_MIN && *discard > stream.loss_percent.unwrap_or(0.0)
        });
        let jitter =
            stream.jitter_p95_ms.filter(|jitter| *jitter >= JITTER_MILLIS_MIN && is_measured(stream));
        let (text, confidence) = match (discard, jitter) {
            (Some(discard), _) => (
                format!(
                    "of {}, {discard:.1} % came too late to be played, more than was lost",
                    media_of(stream)
                ),
                Confidence::High,
            ),
            (None, Some(jitter)) => (
                format!(
                    "{} came with a jitter of {jitter:.0} ms, above what buffers usually hold",
                    media_of(stream)
                ),
                Confidence::Medium,
            ),
            (None, None) => continue,
        };
        found.add(
            Finding::new(Severity::Warning, text)
                .proof_of_reports(
                    stream.records().into_iter().chain(stream.greatest(|point| point.jitter_ms, MOMENTS)),
                )
                .next("is there a queue on the way that voice shares with other traffic? Compare the times with other calls there")
                .confidence(confidence),
        );
    }
}

/// By more than one moment, and with the right clock.
fn is_measured(stream: &Stream) -> bool {
    let moments = stream
        .points
        .iter()
        .filter(|point| point.jitter_ms.is_some_and(|jitter| jitter >= JITTER_MILLIS_MIN));
    moments.count() >= REPORTS_MIN && !stream.problems.contains(&Problem::ClockRateAssumed)
}
