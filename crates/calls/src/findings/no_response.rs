use super::{Confidence, Finding, Found, Rule, hop};
use crate::call::Call;
use crate::timers::{GIVE_UP, span};
use crate::transaction::Transaction;

pub(super) static RULE: Rule = Rule { id: "NO_RESPONSE", source: "RFC 3261 17.1.1.2", find };

/// An INVITE sent so often with no reply was meant to be heard: one lost packet is no finding.
const SENDINGS_MIN: usize = 3;

pub(super) fn is_silent(request: &Transaction<'_>) -> bool {
    request.requests.len() >= SENDINGS_MIN && request.replies.is_empty()
}

fn find(call: &Call<'_>, found: &mut Found) {
    for invite in call.openings() {
        if !is_silent(invite) || call.visibility.replies_unseen(invite) {
            continue;
        }
        let Some(first) = call.request(invite) else { continue };
        let last = call.at(invite.requests[invite.requests.len() - 1]);
        // Over once timer B has run out, or once who asked has told its own caller so.
        let told = invite.upstream.map(|upstream| &call.transactions[upstream]);
        let told = told.and_then(|told| call.answer(told));
        let told = told.filter(|reply| reply.at >= last.at && reply.status >= Some(300));
        if call.until - first.at < GIVE_UP && told.is_none() {
            continue;
        }
        let sendings = invite.requests.len();
        let mut text = format!(
            "{} sent the INVITE {sendings} times in {} and nothing came back from {}",
            invite.client,
            span(last.at - first.at),
            invite.server
        );
        if let Some(status) = told.and_then(|reply| reply.status) {
            text.push_str(&format!("; it then told the caller {status}"));
        }
        found.add(
            Finding::new(super::failed(call), text)
                .blame(hop(invite.client, invite.server))
                .proof(invite.requests.iter().map(|place| call.at(*place)).chain(told))
                .ruled_out("replies that came but were not captured: who asked kept asking")
                .next(format!(
                    "is {} up, and does a packet from {} reach it (address, firewall, route)?",
                    invite.server, invite.client
                ))
                .confidence(Confidence::High),
        );
    }
}
