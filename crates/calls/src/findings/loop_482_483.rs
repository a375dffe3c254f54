use std::collections::HashMap;

use super::{Blame, Confidence, Finding, Found, Rule, Severity, status_line};
use crate::call::Call;
use crate::message::Message;

pub(super) static RULE: Rule = Rule { id: "LOOP_482_483", source: "RFC 3261 16.3, 21.4.20, 21.4.21", find };

/// Max-Forwards that no call ends by without a loop: 70 is what requests begin with (RFC 3261 8.1.1.6).
const HOPS_MIN: u32 = 10;

fn find(call: &Call<'_>, found: &mut Found) {
    let Some(failure) = call.failure().filter(|failure| matches!(failure.status, 482 | 483)) else { return };
    // Who allows few hops from the beginning measures the way, as traceroute does (RFC 3261 11).
    let allowed = call.first_opening().and_then(|opening| call.request(opening)?.sip().max_forwards());
    if failure.status == 483 && allowed.is_some_and(|hops| hops < HOPS_MIN) {
        return;
    }
    // The same request over the same hop under another branch, to the same target: a loop. With another target it is a
    // spiral, which is legal.
    let mut passes: HashMap<_, Vec<&Message<'_>>> = HashMap::new();
    for invite in call.openings().filter(|invite| invite.cseq == failure.told.cseq) {
        let Some(request) = call.request(invite).filter(|request| !request.raw.is_empty()) else { continue };
        let target = request.sip().request_uri().map(|uri| uri.raw);
        passes.entry((invite.client, invite.server, target)).or_default().push(request);
    }
    let most =
        passes.into_iter().max_by_key(|(_, passes)| passes.len()).filter(|(_, passes)| passes.len() > 1);
    let status = status_line(failure.reply);
    let finding = match most {
        Some(((from, to, _), passes)) => Finding::new(
            Severity::Error,
            format!(
                "the call went round in circles until {status}: {} times from {from} to {to}",
                passes.len()
            ),
        )
        .blame(Blame::Hop(from.to_string(), to.to_string()))
        .proof(passes.into_iter().chain([failure.reply]))
        .ruled_out("a spiral: the request URI was the same each time"),
        None => Finding::new(
            Severity::Error,
            format!("{} says that the call goes round in circles: {status}", failure.origin.server),
        )
        .proof(call.request(failure.origin).into_iter().chain([failure.reply]))
        .confidence(Confidence::Medium),
    };
    found.add(finding.next("which two servers each send this number to the other?"));
}
