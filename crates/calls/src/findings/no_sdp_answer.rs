use super::{Finding, Found, Rule, Severity, host};
use crate::call::Call;
use crate::message::Message;

pub(super) static RULE: Rule = Rule { id: "NO_SDP_ANSWER", source: "RFC 3261 13.2.1; RFC 3264 5", find };

fn find(call: &Call<'_>, found: &mut Found) {
    for invite in call.openings().filter(|invite| invite.upstream.is_none()) {
        let answer = call.answer(invite).filter(|reply| matches!(reply.status, Some(200..300)));
        let (Some(answer), Some(request)) = (answer, call.request(invite)) else { continue };
        if request.raw.is_empty() || found.is_full() {
            continue;
        }
        if has_description(request) {
            // An earlier reply may have answered; some phones take that for enough though it was not reliable.
            let answered = call.replies(invite).any(has_description);
            if answered || !is_empty(answer) {
                continue;
            }
            let origin = call.origin(invite, answer.status.unwrap_or(200));
            found.add(
                Finding::new(
                    Severity::Error,
                    format!("{} answered the call without saying where it wants the media", origin.server),
                )
                .blame(host(origin.server))
                .proof([request, answer])
                .ruled_out("an answer in an earlier reply: none has a session description")
                .next("why does its 200 carry no session description?"),
            );
            continue;
        }
        // The offer came with the answer: ACK must bring the answer to it.
        if !has_description(answer) || !is_empty(request) {
            continue;
        }
        let Some(ack) = invite.acks.iter().map(|place| call.at(*place)).find(|ack| ack.at >= answer.at)
        else {
            continue;
        };
        if !is_empty(ack) || call.of("PRACK").any(|prack| call.request(prack).is_some_and(has_description)) {
            continue;
        }
        found.add(
            Finding::new(
                Severity::Error,
                format!(
                    "{} left the offer in the 200 unanswered: its ACK has no session description",
                    invite.client
                ),
            )
            .blame(host(invite.client))
            .proof([request, answer, ack])
            .ruled_out("an answer in a PRACK: none has a session description")
            .next("why does its ACK carry none, when its INVITE had none either?"),
        );
    }
}

fn has_description(message: &Message<'_>) -> bool {
    message.sip().sdp().is_some()
}

/// Without body because none was sent, not because it was cut off.
fn is_empty(message: &Message<'_>) -> bool {
    let read = message.sip();
    !message.raw.is_empty()
        && read.body().is_empty()
        && read.content_length().is_none_or(|length| length == 0)
}
