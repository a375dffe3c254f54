use super::{Blame, Finding, Found, Rule, Severity};
use crate::call::Call;
use crate::passport::{FORM, passports};

pub(super) static RULE: Rule = Rule { id: "SHAKEN_INVALID", source: "RFC 8225 4, 5; RFC 8588 4, 5", find };

fn find(call: &Call<'_>, found: &mut Found) {
    for known in passports(call) {
        let Some(check) = known.failed(FORM) else { continue };
        let carrier = call.messages.iter().find(|message| message.id == known.message);
        found.add(
            Finding::new(
                Severity::Warning,
                format!("the signed identity of the caller cannot be used: {}", check.detail),
            )
            .blame(Blame::Unknown)
            .proof(carrier)
            .ruled_out("the compact form, which has no header and claims of its own")
            .next("who signs calls here (its x5u or info names the certificate), and did something on the way change the header?"),
        );
    }
}
