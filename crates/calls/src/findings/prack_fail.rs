use super::{Confidence, Finding, Found, Rule, Severity, host};
use crate::call::Call;
use crate::message::{Message, words};

pub(super) static RULE: Rule = Rule { id: "PRACK_FAIL", source: "RFC 3262 3, 4", find };

/// Sent again once, a reliable reply may have crossed its PRACK.
const SENDINGS_MIN: usize = 3;

fn find(call: &Call<'_>, found: &mut Found) {
    for invite in call.openings() {
        let reliable: Vec<&Message<'_>> = call
            .replies(invite)
            .filter(|reply| matches!(reply.status, Some(101..200)) && reply.header(sip::Name::RSeq).is_some())
            .take(SENDINGS_MIN * 4)
            .collect();
        let Some(first) = reliable.first() else { continue };
        let rseq = first.header(sip::Name::RSeq);
        let same: Vec<_> = reliable
            .iter()
            .filter(|reply| reply.header(sip::Name::RSeq) == rseq && reply.to_tag == first.to_tag)
            .copied()
            .collect();
        let number: Option<u32> = rseq.as_deref().and_then(|rseq| words(rseq.as_bytes()).trim().parse().ok());
        let prack = call.of("PRACK").find(|prack| {
            let request = call.request(prack);
            request
                .is_some_and(|request| request.sip().rack().and_then(|rack| rack.response_number) == number)
                && prack.client.ip == invite.client.ip
        });
        let finding = match prack {
            Some(prack) => {
                let Some(reply) = call.answer(prack).filter(|reply| reply.status >= Some(400)) else {
                    continue;
                };
                Finding::new(
                    Severity::Error,
                    format!(
                        "{} refused the PRACK to its reply with {}",
                        prack.server,
                        super::status_line(reply)
                    ),
                )
                .blame(host(call.origin(prack, reply.status.unwrap_or(0)).server))
                .proof([*first].into_iter().chain(call.request(prack)).chain([reply]))
                .next("does the PRACK carry the RAck and the tags of the reply?")
            }
            None if same.len() >= SENDINGS_MIN => Finding::new(
                Severity::Error,
                format!(
                    "{} sent {} {} times because no PRACK for it came from {}",
                    invite.server,
                    first.status.unwrap_or(0),
                    same.len(),
                    invite.client
                ),
            )
            .blame(host(invite.client))
            .proof(same)
            .ruled_out("a hop seen one way only: the INVITE was seen on it")
            .next(format!("can {} do 100rel, and does a PRACK reach {}?", invite.client, invite.server))
            .confidence(Confidence::Medium),
            None => continue,
        };
        // What a proxy passed on is told where it began.
        if invite.upstream.is_none() {
            found.add(finding);
        }
    }
}
