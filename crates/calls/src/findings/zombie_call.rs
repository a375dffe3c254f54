use super::{Confidence, Finding, Found, Rule, Severity, hop, no_response};
use crate::call::Call;
use crate::timers::GIVE_UP;

pub(super) static RULE: Rule = Rule { id: "ZOMBIE_CALL", source: "RFC 3261 15.1.1, 17.1.2.2", find };

fn find(call: &Call<'_>, found: &mut Found) {
    for bye in call.of("BYE").filter(|bye| no_response::is_silent(bye)) {
        let Some(first) = call.request(bye) else { continue };
        // What came from there before shows that replies would have been seen.
        if call.until - first.at < GIVE_UP || !call.visibility.sees_replies(bye) {
            continue;
        }
        // Both hung up: the other BYE ended it.
        let other = call.of("BYE").any(|other| {
            call.request(other).is_some_and(|request| request.cseq_differs(first))
                && call.success(other).is_some()
        });
        if other {
            continue;
        }
        found.add(
            Finding::new(
                Severity::Warning,
                format!(
                    "{} hung up, but its BYE was sent {} times and never confirmed by {}: there the call may go on, and be charged",
                    bye.client,
                    bye.requests.len(),
                    bye.server
                ),
            )
            .blame(hop(bye.client, bye.server))
            .proof(bye.requests.iter().map(|place| call.at(*place)))
            .ruled_out("a hop seen one way only: messages from there were seen")
            .next(format!("is {} up, and does it still have the call? Does a BYE reach it?", bye.server))
            .confidence(Confidence::Medium),
        );
    }
}
