use super::{Blame, Confidence, Finding, Found, Rule, Severity};
use crate::call::Call;
use crate::cause;
use crate::state::State;
use crate::timers::{SECOND, span};

pub(super) static RULE: Rule = Rule { id: "ABANDONED", source: "RFC 3261 9.1, 15", find };

fn find(call: &Call<'_>, found: &mut Found) {
    if call.outcome.state != State::Cancelled {
        return;
    }
    let Some(first) = call.first_opening() else { return };
    let invite = call
        .openings()
        .filter(|invite| invite.upstream.is_none() && invite.client.ip == first.client.ip)
        .last();
    let Some(invite) = invite else { return };
    let Some(cancel) = invite.cancel.and_then(|cancel| call.request(&call.transactions[cancel])) else {
        return;
    };
    let Some(asked) = call.request(invite) else { return };
    let ringing = call.replies(invite).find(|reply| matches!(reply.status, Some(180..200)));
    let ringing = ringing.filter(|ringing| ringing.at <= cancel.at);
    let waited = cancel.at - ringing.map_or(asked.at, |ringing| ringing.at);
    let mut text = match ringing {
        Some(_) => format!("the caller gave up after {} of ringing", span(waited)),
        None => format!("the caller gave up after {}, before it rang", span(waited)),
    };
    if let Some(reason) = cause::reason(cancel) {
        text.push_str(&format!("; it says {reason}"));
    }
    let finding = Finding::new(Severity::Info, text)
        .blame(Blame::Caller)
        .proof([asked].into_iter().chain(ringing).chain([cancel]))
        .ruled_out("a CANCEL of a proxy: it came from where the INVITE came from");
    // People do not count seconds; timers do.
    let finding = if super::ring_timeout::is_round(waited) && waited > 10 * SECOND {
        finding
            .next("is it a timer of the caller's system? The time is a round one")
            .confidence(Confidence::Medium)
    } else if ringing.is_none() {
        finding.next("why did it not ring sooner?")
    } else {
        finding.next("nothing, unless many callers give up so")
    };
    found.add(finding);
}
