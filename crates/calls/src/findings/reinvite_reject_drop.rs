use super::{Finding, Found, Rule, Severity, host, status_line};
use crate::call::Call;
use crate::message::Message;
use crate::state::is_challenge;
use crate::timers::{SECOND, span};

pub(super) static RULE: Rule = Rule { id: "REINVITE_REJECT_DROP", source: "RFC 3261 14.1", find };

/// A BYE this soon after is the answer to the refusal, not of somebody who hangs up.
const DROP_MAX: i64 = SECOND;

pub(super) fn drop_after<'a>(call: &Call<'a>, refusal: &Message<'_>) -> Option<&'a Message<'a>> {
    call.after(refusal.at, |message| message.is_request() && message.is("BYE"))
        .filter(|bye| bye.at - refusal.at <= DROP_MAX)
}

fn find(call: &Call<'_>, found: &mut Found) {
    for offer in call.in_dialog("INVITE").chain(call.in_dialog("UPDATE")) {
        let Some(reply) = call.answer(offer) else { continue };
        let Some(status) = reply.status.filter(|status| *status >= 400) else { continue };
        // 408 and 481 do end the dialog (RFC 3261 12.2.1.2), and 491 is a matter of another try.
        if found.is_full() || is_challenge(status) || matches!(status, 408 | 481 | 487 | 491) {
            continue;
        }
        let (Some(request), Some(bye)) = (call.request(offer), drop_after(call, reply)) else { continue };
        found.add(
            Finding::new(
                Severity::Error,
                format!(
                    "a change of the call was refused with {}, and {} cut the call {} later instead of keeping it as it was",
                    status_line(reply),
                    bye.src,
                    span(bye.at - reply.at)
                ),
            )
            .blame(host(bye.src))
            .proof([request, reply, bye])
            .ruled_out("a dialog that is gone: only 408 and 481 end it")
            .next("why does it hang up on a refused change, and why was the change refused?"),
        );
    }
}
