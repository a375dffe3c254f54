use super::{Blame, Confidence, Finding, Found, Rule, Severity};
use crate::call::Call;

pub(super) static RULE: Rule = Rule { id: "PT_REMAP", source: "RFC 3264 5.1, 6.1", find };

/// Numbers that a description gives a meaning (RFC 3551 3).
const DYNAMIC: std::ops::RangeInclusive<u8> = 96..=127;

fn find(call: &Call<'_>, found: &mut Found) {
    for (request, answer) in call.agreements() {
        if found.is_full() {
            return;
        }
        let mut changes: Vec<String> = Vec::new();
        for (offer, answer) in call.pairs(request, answer) {
            for codec in answer.codecs.iter().filter(|codec| is_dynamic(&codec.format)) {
                let mut offered = offer.codecs.iter().filter(|known| {
                    (&known.name, known.clock_rate) == (&codec.name, codec.clock_rate)
                        && is_dynamic(&known.format)
                });
                let Some(first) = offered.next() else { continue };
                // The same name may be offered several times, with different parameters.
                if first.format != codec.format && offered.all(|known| known.format != codec.format) {
                    changes
                        .push(format!("{} is {} there and {} here", codec.name, first.format, codec.format));
                }
            }
        }
        if changes.is_empty() {
            continue;
        }
        found.add(
            Finding::new(
                Severity::Info,
                format!("the answer gives codecs other numbers than the offer: {}", changes.join(", ")),
            )
            // It is allowed: each side sends with the numbers of the other.
            .blame(Blame::Nobody)
            .proof([request, answer])
            .ruled_out("another codec under the name: clock rates were compared too")
            .next("does each side send with the numbers that the other asked for? Where it does not, there is no sound or no tones")
            .confidence(Confidence::Medium),
        );
    }
}

fn is_dynamic(format: &str) -> bool {
    format.parse().is_ok_and(|number| DYNAMIC.contains(&number))
}
