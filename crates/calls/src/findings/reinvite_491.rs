use super::{Blame, Finding, Found, Rule, Severity};
use crate::call::Call;
use crate::timers::SECOND;

pub(super) static RULE: Rule = Rule { id: "REINVITE_491", source: "RFC 3261 14.1", find };

/// Who owns the Call-ID tries again within 4 s, the other within 2 s.
const RETRY_MAX: i64 = 4 * SECOND;
const SLACK: i64 = SECOND;

fn find(call: &Call<'_>, found: &mut Found) {
    let accepted = call
        .in_dialog("INVITE")
        .chain(call.in_dialog("UPDATE"))
        .filter(|offer| matches!(call.status(offer), Some(200..300)));
    let accepted_last = accepted.filter_map(|offer| call.request(offer)).map(|request| request.at).max();
    for offer in call.in_dialog("INVITE").chain(call.in_dialog("UPDATE")) {
        let Some(reply) = call.answer(offer).filter(|reply| reply.status == Some(491)) else { continue };
        if found.is_full() {
            return;
        }
        let is_settled = accepted_last.is_some_and(|at| at > reply.at);
        let ended = call.after(reply.at, |message| message.is_request() && message.is("BYE"));
        let waited = ended.map_or(call.until, |bye| bye.at) - reply.at;
        if is_settled || waited < RETRY_MAX + SLACK {
            continue;
        }
        found.add(
            Finding::new(
                Severity::Warning,
                "both sides changed the call at once (491), and no later try went through".to_owned(),
            )
            .blame(Blame::Unknown)
            .proof(call.request(offer).into_iter().chain([reply]))
            .ruled_out("a try still to come: the time for it (4 s) is over")
            .next("does each side try again after 491, after different times?"),
        );
    }
}
