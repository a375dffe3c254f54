use super::{Blame, Confidence, Finding, Found, Rule, Severity};
use crate::call::Call;
use crate::timers::{SECOND, span};

pub(super) static RULE: Rule = Rule { id: "SESSION_TIMER_DROP", source: "RFC 4028 9, 10", find };

/// How near a BYE must be to the moment the standard sets for it.
const TOLERANCE: i64 = 2 * SECOND;

fn find(call: &Call<'_>, found: &mut Found) {
    let Some(bye) = call.messages.iter().find(|message| message.is_request() && message.is("BYE")) else {
        return;
    };
    let refreshes = call.transactions.iter().filter(|known| matches!(known.method, "INVITE" | "UPDATE"));
    let accepted = refreshes.clone().filter(|known| known.upstream.is_none()).filter_map(|known| {
        let reply = call.answer(known).filter(|reply| matches!(reply.status, Some(200..300)))?;
        (reply.at <= bye.at).then_some(reply)
    });
    let Some(last) = accepted.max_by_key(|reply| reply.at) else { return };
    let read = last.sip();
    let Some(expires) = read.session_expires() else { return };
    let Some(seconds) = expires.seconds.filter(|seconds| *seconds > 0) else { return };
    let interval = i64::from(seconds) * SECOND;
    // RFC 4028 10: BYE is sent a third of the interval before its end, 32 s before at the earliest.
    let early = interval - (interval / 3).min(32 * SECOND);
    let after = bye.at - last.at;
    if ![early, interval].iter().any(|due| (after - due).abs() <= TOLERANCE) {
        return;
    }
    let failed = refreshes.clone().find(|known| {
        known.is_in_dialog
            && call.request(known).is_some_and(|request| request.at > last.at && request.at < bye.at)
            && !matches!(call.status(known), Some(200..300))
    });
    let refused = failed.and_then(|failed| call.answer(failed));
    let what = match (failed, refused) {
        (Some(_), Some(reply)) => format!("its refresh was refused with {}", super::status_line(reply)),
        (Some(_), None) => "its refresh was not answered".to_owned(),
        (None, _) => "it was not refreshed".to_owned(),
    };
    // `refresher` says who had to: the side that sent the request, or the one that answered.
    let blame = match (failed.is_some(), expires.refresher) {
        (false, Some(who)) if last.cseq == call.first_opening().and_then(|opening| opening.cseq) => {
            if who.eq_ignore_ascii_case(b"uac") { Blame::Caller } else { Blame::Callee }
        }
        _ => Blame::Unknown,
    };
    let request = failed.and_then(|failed| call.request(failed));
    found.add(
        Finding::new(
            Severity::Error,
            format!("the call was cut {} after it was last confirmed: its session timer is {seconds} s and {what}", span(after)),
        )
        .blame(blame)
        .proof([last, bye].into_iter().chain(request).chain(refused))
        .ruled_out("a hang-up at any time: the BYE comes when the timer says so")
        .next("does the side that is to refresh send UPDATE or re-INVITE at half of the time?")
        .confidence(if failed.is_some() { Confidence::High } else { Confidence::Medium }),
    );
}
