use super::{Confidence, Finding, Found, Rule, Severity, hop, host};
use crate::call::Call;
use crate::timers::GIVE_UP;

pub(super) static RULE: Rule = Rule { id: "CANCEL_LOST", source: "RFC 3261 9.1, 9.2", find };

fn find(call: &Call<'_>, found: &mut Found) {
    for invite in call.openings() {
        let Some(cancel) = invite.cancel.map(|cancel| &call.transactions[cancel]) else { continue };
        let Some(request) = call.request(cancel) else { continue };
        // A final reply before it came leaves nothing to cancel.
        if call.answer(invite).is_some() || call.until - request.at < GIVE_UP {
            continue;
        }
        if invite.replies.is_empty() || !invite.acks.is_empty() {
            continue;
        }
        let confirmed = call.answer(cancel);
        let (text, blame) = match confirmed {
            Some(reply) if matches!(reply.status, Some(200..300)) => (
                format!("{} confirmed the CANCEL but never ended the INVITE with 487", cancel.server),
                host(cancel.server),
            ),
            Some(reply) => (
                format!(
                    "{} refused the CANCEL with {} and never ended the INVITE",
                    cancel.server,
                    reply.status.unwrap_or(0)
                ),
                host(cancel.server),
            ),
            None => (
                format!(
                    "the CANCEL to {} was sent {} times and never answered: its phone may ring on",
                    cancel.server,
                    cancel.requests.len()
                ),
                hop(cancel.client, cancel.server),
            ),
        };
        found.add(
            Finding::new(Severity::Warning, text)
                .blame(blame)
                .proof(cancel.requests.iter().map(|place| call.at(*place)).chain(confirmed))
                .ruled_out("a hop seen one way only: replies to the INVITE were seen on it")
                .next(format!("did {} get the CANCEL, with the branch of the INVITE?", cancel.server))
                .confidence(Confidence::Medium),
        );
    }
}
