use super::{Confidence, Finding, Found, Rule, Severity};
use crate::call::Call;

pub(super) static RULE: Rule = Rule { id: "FORK_RACE", source: "RFC 3261 13.2.2.4, 9.1", find };

fn find(call: &Call<'_>, found: &mut Found) {
    for invite in call.openings().filter(|invite| invite.upstream.is_none()) {
        let answers = || call.replies(invite).filter(|reply| matches!(reply.status, Some(200..300)));
        let Some(first) = answers().next() else { continue };
        if let Some(second) = answers().find(|reply| reply.to_tag.is_some() && reply.to_tag != first.to_tag) {
            // Who called ends all answers but one.
            let ended = call.messages.iter().filter(|message| message.is_request() && message.is("BYE"));
            let bye = ended.clone().find(|bye| {
                bye.src.ip == invite.client.ip && (bye.to_tag == second.to_tag || bye.to_tag == first.to_tag)
            });
            let (severity, what) = match bye {
                Some(_) => (Severity::Info, "the caller ended one of them"),
                None => {
                    (Severity::Warning, "no BYE to either of them was seen, so one phone may be left hanging")
                }
            };
            found.add(
                Finding::new(severity, format!("two phones answered the same call; {what}"))
                    .proof([first, second].into_iter().chain(bye))
                    .ruled_out("one answer sent again: the To tags differ")
                    .next("does the caller send ACK and BYE to the answer it does not take?"),
            );
            continue;
        }
        let cancel = invite.cancel.and_then(|cancel| call.request(&call.transactions[cancel]));
        if let Some(cancel) = cancel.filter(|cancel| cancel.at <= first.at) {
            let bye = call.after(first.at, |message| message.is_request() && message.is("BYE"));
            let (severity, what) = match bye {
                Some(_) => (Severity::Info, "and was ended by BYE"),
                None => (Severity::Warning, "and no BYE was seen, so the callee may be left hanging"),
            };
            found.add(
                Finding::new(severity, format!("the answer crossed the caller's CANCEL {what}"))
                    .proof([cancel, first].into_iter().chain(bye))
                    .next("does the caller send ACK and BYE when 200 comes after its CANCEL?")
                    .confidence(Confidence::High),
            );
        }
    }
}
