use super::{Confidence, Finding, Found, Rule, host};
use crate::call::Call;
use crate::timers::{SECOND, span};

pub(super) static RULE: Rule = Rule { id: "TRYING_ONLY", source: "RFC 3261 16.6, 16.7", find };

/// Longer than any network needs to find a phone; people give up here too.
const SILENCE_MIN: i64 = 20 * SECOND;

fn find(call: &Call<'_>, found: &mut Found) {
    for invite in call.openings() {
        let Some(request) = call.request(invite) else { continue };
        // The host that went silent is the last one that said 100; its own next hop is another rule's.
        if !invite.downstream.is_empty() {
            continue;
        }
        let Some(trying) = call.replies(invite).find(|reply| reply.status == Some(100)) else { continue };
        let next = call.replies(invite).find(|reply| reply.status.is_some_and(|status| status > 100));
        let cancel = invite.cancel.and_then(|cancel| call.request(&call.transactions[cancel]));
        let end = match (cancel, next) {
            (Some(cancel), next) if next.is_none_or(|next| next.at >= cancel.at) => cancel.at,
            (_, Some(_)) => continue,
            (_, None) => call.until,
        };
        if end - trying.at < SILENCE_MIN || call.visibility.replies_unseen(invite) {
            continue;
        }
        let how = if cancel.is_some() { "until the call was given up" } else { "and nothing more was seen" };
        found.add(
            Finding::new(
                super::failed(call),
                format!(
                    "{} took the call with 100 and then said nothing for {} {how}",
                    invite.server,
                    span(end - trying.at)
                ),
            )
            .blame(host(invite.server))
            .proof([request, trying].into_iter().chain(cancel))
            .ruled_out("a lost request: 100 shows that it arrived")
            .next(format!(
                "what does {} do next: DNS, a dead gateway, a full queue? See its log",
                invite.server
            ))
            .confidence(Confidence::Medium),
        );
    }
}
