use super::{Confidence, Finding, Found, Rule, Severity, media_of};
use crate::call::Call;

pub(super) static RULE: Rule = Rule { id: "QUALITY_LOW", source: "ITU-T G.107 annex B", find };

/// R of 70: below, many users are dissatisfied (ITU-T G.107 annex B).
const MOS_MIN: f64 = 3.6;
const MOMENTS: usize = 4;

/// How it sounded; why is for other rules to say.
fn find(call: &Call<'_>, found: &mut Found) {
    for stream in call.streams {
        let Some(score) = stream.score().filter(|score| score.mos_mean < MOS_MIN) else { continue };
        let mut because = Vec::new();
        if let Some(loss) = stream.loss_percent.filter(|loss| *loss >= 1.0) {
            because.push(format!("{loss:.1} % lost"));
        }
        if let Some(discard) = stream.discard_percent.filter(|discard| *discard >= 1.0) {
            because.push(format!("{discard:.1} % too late"));
        }
        if let Some(codec) = stream.codec.as_ref() {
            because.push(format!("with {}", codec.name));
        }
        let because = if because.is_empty() { String::new() } else { format!(", {}", because.join(", ")) };
        let worst = stream.greatest(|point| point.mos.map(|mos| -mos), MOMENTS);
        found.add(
            Finding::new(
                Severity::Warning,
                format!(
                    "{} had a MOS of {:.2} ({}){because}",
                    media_of(stream),
                    score.mos_mean,
                    score.label()
                ),
            )
            .proof_of_reports(stream.records().into_iter().chain(worst))
            .next("do other calls of this route at this time sound the same? Compare both directions")
            .confidence(if score.is_estimated { Confidence::Low } else { Confidence::Medium }),
        );
    }
}
