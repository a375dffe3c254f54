use super::{Blame, Confidence, Finding, Found, Rule, Severity};
use crate::call::Call;
use crate::passport::{DEST, ORIG, passports};

pub(super) static RULE: Rule =
    Rule { id: "SHAKEN_MISMATCH", source: "RFC 8224 4.1, 8.1, 8.3; RFC 8946 4", find };

fn find(call: &Call<'_>, found: &mut Found) {
    for known in passports(call) {
        let wrong = [(ORIG, "calling"), (DEST, "called")];
        for (name, which) in wrong {
            let Some(check) = known.failed(name) else { continue };
            let carrier = call.messages.iter().find(|message| message.id == known.message);
            found.add(
                Finding::new(
                    Severity::Warning,
                    format!(
                        "the {which} number that was signed is not the one of the call: {}",
                        check.detail
                    ),
                )
                .blame(Blame::Unknown)
                .proof(carrier)
                .ruled_out("the same number in another form: digits were compared from their end")
                .ruled_out("a diversion: no div PASSporT says so")
                .next("was the number changed after signing, or is the header that of another call?")
                .confidence(Confidence::Medium),
            );
        }
    }
}
