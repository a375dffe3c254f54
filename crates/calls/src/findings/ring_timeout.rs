use super::{Confidence, Finding, Found, Rule, Severity, host, status_line};
use crate::call::Call;
use crate::timers::{MILLISECOND, SECOND, span};

pub(super) static RULE: Rule = Rule { id: "RING_TIMEOUT", source: "RFC 3261 21.4.18, 16.6 (timer C)", find };

/// Shorter is no ringing that anybody would wait out.
const RING_MIN: i64 = 10 * SECOND;

/// What timers of networks and phones are set to, in seconds.
const ROUND: &[i64] = &[15, 20, 25, 30, 40, 45, 50, 60, 90, 120, 180];

/// How far from it the end may be seen: the way there and back, and a slow machine.
const ROUND_TOLERANCE: i64 = 300 * MILLISECOND;

pub(super) fn is_round(span: i64) -> bool {
    ROUND.iter().any(|seconds| (seconds * SECOND - span).abs() <= ROUND_TOLERANCE)
}

fn find(call: &Call<'_>, found: &mut Found) {
    let Some(failure) = call.failure().filter(|failure| matches!(failure.status, 408 | 480)) else { return };
    let (origin, reply) = (failure.origin, failure.reply);
    let Some(request) = call.request(origin) else { return };
    let ringing = call.replies(origin).find(|reply| matches!(reply.status, Some(180..200)));
    let Some(ringing) = ringing.filter(|ringing| reply.at - ringing.at >= RING_MIN) else { return };
    let rang = reply.at - ringing.at;
    let is_timer = is_round(rang) || is_round(reply.at - request.at);
    let text = format!(
        "nobody answered: {} ended {} of ringing with {}",
        origin.server,
        span(rang),
        status_line(reply)
    );
    let finding = Finding::new(Severity::Info, text)
        .proof([request, ringing, reply])
        .ruled_out("a caller who gave up: no CANCEL came from there");
    found.add(if is_timer {
        finding
            .blame(host(origin.server))
            .next("the time is a round one: which timer of the network or the phone is set to it?")
            .confidence(Confidence::Medium)
    } else {
        finding.next("nothing, unless the callee says that it did not ring").confidence(Confidence::Medium)
    });
}
