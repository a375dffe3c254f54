use super::{Confidence, Finding, Found, Rule, Severity, host};
use crate::call::Call;
use crate::message::{Message, hop_between, words};
use crate::timers::span;

pub(super) static RULE: Rule = Rule { id: "ACK_MISSING", source: "RFC 3261 13.3.1.4", find };

/// One repeated 200 may have crossed its ACK. Two further ones say that none arrived.
const SENDINGS_MIN: usize = 3;

fn find(call: &Call<'_>, found: &mut Found) {
    // Furthest upstream first: where ACK is missing on one hop it is missing on all behind it.
    for invite in call.of("INVITE").filter(|invite| !invite.requests.is_empty()) {
        let answers: Vec<&Message<'_>> =
            call.replies(invite).filter(|reply| matches!(reply.status, Some(200..300))).collect();
        let Some(first) = answers.first() else { continue };
        let same: Vec<&Message<'_>> =
            answers.iter().filter(|reply| reply.to_tag == first.to_tag).copied().collect();
        if same.len() < SENDINGS_MIN || !invite.acks.is_empty() {
            continue;
        }
        let upstream = invite.upstream.map(|upstream| &call.transactions[upstream]);
        let seen_before = upstream.and_then(|upstream| upstream.acks.first()).map(|place| call.at(*place));
        // The hop before has none either: it is told there.
        if seen_before.is_none() && upstream.is_some_and(|upstream| call.answer(upstream).is_some()) {
            continue;
        }
        let last = same[same.len() - 1];
        let bye = call.after(last.at, |message| message.is_request() && message.is("BYE"));
        let mut text = format!(
            "{} sent its answer {} times in {} because no ACK reached it",
            invite.server,
            same.len(),
            span(last.at - first.at)
        );
        if let Some(bye) = bye.filter(|bye| hop_between(bye.src, bye.dst).0 == invite.hop().1) {
            text.push_str(&format!(", and hung up {} after the answer", span(bye.at - first.at)));
        }
        let finding =
            Finding::new(Severity::Error, text).proof(same.iter().copied().chain(seen_before).chain(bye));
        let elsewhere = call
            .messages
            .iter()
            .find(|ack| ack.is_request() && ack.is("ACK") && ack.cseq == invite.cseq && ack.at >= first.at);
        let target = target(first);
        found.add(match (seen_before, elsewhere, target) {
            (Some(_), _, _) => finding
                .blame(host(invite.client))
                .ruled_out("a caller that sends no ACK: it was seen on the hop before")
                .next(format!(
                    "why does {} not pass the ACK on (Route, Record-Route, Contact)?",
                    invite.client
                )),
            (None, Some(ack), _) => {
                let to = ack.dst.to_string();
                let proof: Vec<_> = same.iter().copied().chain([ack]).chain(bye).collect();
                finding.proof(proof).ruled_out("a caller that sends no ACK: one was seen").next(format!(
                    "why does the ACK go to {to}: look at Record-Route and Contact of the answer"
                ))
            }
            (None, None, Some(target)) if Some(target.as_str()) == invite.server.ip => finding
                .blame(host(invite.client))
                .ruled_out("a wrong target: Record-Route or Contact of the answer leads to who sent it")
                .ruled_out("a hop seen one way only: the INVITE was seen on it")
                .next(format!("did {} get the answer, and does it send ACK?", invite.client))
                .confidence(Confidence::Medium),
            (None, None, target) => {
                let target =
                    target.map_or_else(String::new, |target| format!(", which is to go to {target}"));
                finding
                    .next(format!(
                        "where does the ACK of {} go{target}? Can it be reached from there?",
                        invite.client
                    ))
                    .confidence(Confidence::Medium)
            }
        });
    }
}

/// Where the ACK is to be sent: the nearest proxy that wants to see it, else the phone itself (RFC 3261 12.2.1.1).
fn target(answer: &Message<'_>) -> Option<String> {
    let read = answer.sip();
    let proxy = read.addresses(sip::Name::RecordRoute).last();
    let uri = proxy.or_else(|| read.contact())?.uri;
    uri.host.map(|host| words(host).trim_matches(['[', ']']).to_owned())
}
