use super::{Blame, Confidence, Finding, Found, Rule, Severity, media_of};
use crate::call::Call;
use crate::media::Reporter;

pub(super) static RULE: Rule = Rule { id: "ECHO_LEVEL", source: "RFC 3611 4.7.4", find };

/// What is left of an echo is heard above this.
const ECHO_RETURN_LOSS_MIN: f64 = 30.0;
/// dBm0 of speech: fainter is hard to hear, louder is cut.
const SIGNAL_LEVELS: std::ops::RangeInclusive<f64> = -40.0..=-6.0;

fn find(call: &Call<'_>, found: &mut Found) {
    for stream in call.streams {
        let place = stream.dst.clone().unwrap_or_else(|| "the receiver".to_owned());
        if let Some(loss) = stream.echo_return_loss.filter(|loss| *loss < ECHO_RETURN_LOSS_MIN) {
            let blame = stream.dst.clone().map_or(Blame::Unknown, Blame::Host);
            found.add(
                Finding::new(
                    Severity::Warning,
                    format!("{place} sends back an echo that it damps by {loss:.0} dB only: the other side hears itself"),
                )
                .blame(blame)
                .proof_of_reports(stream.reporters.iter().flat_map(Reporter::records))
                .next(format!("the echo canceller, handset or analogue line of {place}"))
                .confidence(Confidence::Medium),
            );
        }
        if let Some(level) = stream.signal_level.filter(|level| !SIGNAL_LEVELS.contains(level)) {
            let how = if level < *SIGNAL_LEVELS.start() {
                "so faint that it is hard to hear"
            } else {
                "so loud that it is cut"
            };
            found.add(
                Finding::new(
                    Severity::Warning,
                    format!("{} is {how}: {level:.0} dBm0 as {place} measures", media_of(stream)),
                )
                .proof_of_reports(stream.reporters.iter().flat_map(Reporter::records))
                .next("microphone and gain of the sender, and gateways that set levels on the way")
                .confidence(Confidence::Medium),
            );
        }
    }
}
