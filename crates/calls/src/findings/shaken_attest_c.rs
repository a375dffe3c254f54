use super::{Blame, Finding, Found, Rule, Severity};
use crate::call::Call;
use crate::passport::passports;

pub(super) static RULE: Rule =
    Rule { id: "SHAKEN_ATTEST_C", source: "RFC 8588 5.1; ATIS-1000074 5.2.3", find };

fn find(call: &Call<'_>, found: &mut Found) {
    let all = passports(call);
    let Some(known) = all.iter().find(|known| known.attest.as_deref() == Some("C")) else { return };
    // A better word for the same call counts more.
    if all.iter().any(|other| matches!(other.attest.as_deref(), Some("A" | "B"))) {
        return;
    }
    let carrier = call.messages.iter().find(|message| message.id == known.message);
    let origid = known.origid.as_ref().map_or_else(String::new, |id| format!(" (origid {id})"));
    found.add(
        Finding::new(
            Severity::Info,
            format!(
                "the network that signed the call knows neither caller nor right to the number: attest C, as a gateway says{origid}"
            ),
        )
        .blame(Blame::Nobody)
        .proof(carrier)
        .ruled_out("a better attestation beside it: none is A or B")
        .next("where did the call enter that network? Phones may show it as spam"),
    );
}
