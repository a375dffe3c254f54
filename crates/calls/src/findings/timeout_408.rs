use super::{Blame, Confidence, Finding, Found, Rule, Severity, hop, no_response, status_line};
use crate::call::Call;
use crate::timers::span;

pub(super) static RULE: Rule = Rule { id: "TIMEOUT_408", source: "RFC 3261 16.7, 16.8, 21.4.9", find };

fn find(call: &Call<'_>, found: &mut Found) {
    let Some(failure) = call.failure().filter(|failure| failure.status == 408) else { return };
    let (origin, reply) = (failure.origin, failure.reply);
    let Some(request) = call.request(origin) else { return };
    // Where it rang, somebody was there: how long is a matter of RING_TIMEOUT.
    if call.replies(origin).any(|reply| matches!(reply.status, Some(180..200))) {
        return;
    }
    let behind: Vec<_> = origin.downstream.iter().map(|place| &call.transactions[*place]).collect();
    let waited = span(reply.at - request.at);
    if behind.is_empty() {
        found.add(
            Finding::new(
                Severity::Error,
                format!(
                    "{} waited {waited} for what is behind it, which was not seen, and gave up: {}",
                    origin.server,
                    status_line(reply)
                ),
            )
            .blame(Blame::Unknown)
            .proof([request, reply])
            .ruled_out("a 408 that was only passed on: no hop behind it was seen to say it")
            .next(format!("where does {} send this, and is that server up? Capture there too", origin.server))
            .confidence(Confidence::Medium),
        );
        return;
    }
    // A hop whose replies are not captured proves nothing, and one that says nothing at all has a rule of its own.
    let silent = behind.iter().find(|next| {
        call.answer(next).is_none()
            && !call.visibility.replies_unseen(next)
            && !call.visibility.requests_unseen(next)
            && !no_response::is_silent(next)
    });
    let Some(next) = silent else { return };
    found.add(
        Finding::new(
            Severity::Error,
            format!(
                "{} gave up after {waited}, because no final reply came from {}: {}",
                origin.server,
                next.server,
                status_line(reply)
            ),
        )
        .blame(hop(next.client, next.server))
        .proof(call.request(next).into_iter().chain(call.replies(next)).chain([reply]))
        .ruled_out("a final reply that was not captured: its other replies, or none, were seen on this hop")
        .next(format!("what did {} do with the request?", next.server))
        .confidence(Confidence::Medium),
    );
}
