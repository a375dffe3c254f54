use super::{Blame, Finding, Found, Rule, Severity};
use crate::call::Call;
use crate::timers::SECOND;

pub(super) static RULE: Rule = Rule { id: "REINVITE_491", source: "RFC 3261 14.1", find };

/// Who owns the Call-ID tries again within 4 s, the other within 2 s.
const RETRY_MAX: i64 = 4 * SECOND;
const SLACK: i64 = SECOND;

fn find(call: &Call<'_>, found: &mut Found) {
    for offer in call.in_dialog("INVITE").chain(call.in_dialog("UPDATE")) {
        let Some(reply) = call.answer(offer).filter(|reply| reply.status == Some(491)) else { continue };
        if found.is_full() {
            return;
        }
        let retried = call.in_dialog("INVITE").chain(call.in_dialog("UPDATE")).find(|next| {
            let begun = call.request(next).is_some_and(|request| request.at > reply.at);
            begun && matches!(call.status(next), Some(200..300))
        });
        let ended = call.after(reply.at, |message| message.is_request() && message.is("BYE"));
        let waited = ended.map_or(call.until, |bye| bye.at) - reply.at;
        if retried.is_some() || waited < RETRY_MAX + SLACK {
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
