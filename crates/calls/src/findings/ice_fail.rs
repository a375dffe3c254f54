use super::{Blame, Confidence, Finding, Found, Rule, Severity, host};
use crate::call::Call;

pub(super) static RULE: Rule = Rule { id: "ICE_FAIL", source: "RFC 8839 4.2.5, 5.1, 5.3", find };

fn find(call: &Call<'_>, found: &mut Found) {
    for (request, answer) in call.agreements() {
        if found.is_full() {
            return;
        }
        for (offer, answered) in call.pairs(request, answer) {
            if answered.has_ice_mismatch {
                found.add(
                    Finding::new(
                        Severity::Warning,
                        format!(
                            "{} gave up ICE: the address of the offer's {} is none of its candidates",
                            answer.src, offer.kind
                        ),
                    )
                    .blame(Blame::Unknown)
                    .proof([request, answer])
                    .ruled_out("a phone without ICE: it says ice-mismatch")
                    .next("who changes the connection line on the way: a router (ALG), or a relay that leaves the candidates alone?"),
                );
                continue;
            }
            if !offer.has_ice || !answered.has_ice {
                continue;
            }
            let empty = [(&offer, request), (&answered, answer)];
            let Some((_, message)) = empty.into_iter().find(|(stream, _)| !stream.has_candidates) else {
                continue;
            };
            found.add(
                Finding::new(
                    Severity::Warning,
                    format!("{} agrees to ICE for {} but names no candidate", message.src, offer.kind),
                )
                .blame(host(message.src))
                .proof([request, answer])
                .ruled_out("candidates that follow later: it does not say trickle")
                .next("did it send before its candidates were gathered, or did a server on the way take them out?")
                .confidence(Confidence::Medium),
            );
        }
    }
}
