use super::{Blame, Confidence, Finding, Found, Rule, Severity};
use crate::call::Call;
use crate::passport::{FRESH_SECONDS, TIME, passports};

pub(super) static RULE: Rule = Rule { id: "SHAKEN_STALE", source: "RFC 8224 4.1, 6.2.1", find };

fn find(call: &Call<'_>, found: &mut Found) {
    for known in passports(call) {
        let Some(check) = known.failed(TIME) else { continue };
        let carrier = call.messages.iter().find(|message| message.id == known.message);
        let has_date = carrier.is_some_and(|message| message.header(sip::Name::Date).is_some());
        found.add(
            Finding::new(
                Severity::Warning,
                format!(
                    "the caller's identity was {}: more than {FRESH_SECONDS} s, so who checks it may refuse the call",
                    check.detail
                ),
            )
            .blame(Blame::Unknown)
            .proof(carrier)
            .ruled_out("a slow network: no INVITE is on its way for a minute")
            .next("is the clock of who signs right, and is the header used for one call only? An old one may be replayed")
            // The clock of who captured may be the one that is wrong.
            .confidence(if has_date { Confidence::High } else { Confidence::Medium }),
        );
    }
}
