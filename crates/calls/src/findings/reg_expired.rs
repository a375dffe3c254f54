use super::{Finding, Found, Rule, Severity, host};
use crate::call::Call;
use crate::registration::{expires_granted, granted};
use crate::state::is_challenge;
use crate::timers::{SECOND, span};

pub(super) static RULE: Rule = Rule { id: "REG_EXPIRED", source: "RFC 3261 10.2.4, 10.3", find };

/// A renewal that is on its way when the registration ends is no gap that anybody notices.
const TOLERANCE: i64 = SECOND;

fn find(call: &Call<'_>, found: &mut Found) {
    for (register, request, reply) in granted(call) {
        if found.is_full() {
            return;
        }
        // Each REGISTER counts one up (RFC 3261 10.2): with the next number, none between was missed by the capture.
        let next = call.of("REGISTER").find(|next| {
            next.upstream.is_none()
                && next.client.ip == register.client.ip
                && next.cseq == register.cseq.map(|cseq| cseq.saturating_add(1))
        });
        let Some(renewal) = next.and_then(|next| call.request(next)) else { continue };
        let Some(seconds) = expires_granted(request, reply).filter(|seconds| *seconds > 0) else { continue };
        let due = reply.at + i64::from(seconds) * SECOND;
        if renewal.at <= due + TOLERANCE || next.and_then(|next| call.status(next)).is_some_and(fails) {
            continue;
        }
        found.add(
            Finding::new(
                Severity::Warning,
                format!(
                    "{} renewed its registration of {seconds} s after {}: for {} nobody could call it",
                    register.client,
                    span(renewal.at - reply.at),
                    span(renewal.at - due)
                ),
            )
            .blame(host(register.client))
            .proof([request, reply, renewal])
            .ruled_out("a renewal that was not captured: the CSeq numbers follow each other")
            .next(format!(
                "was {} off or without network, or does it renew later than it was allowed to? Half of the time is usual",
                register.client
            )),
        );
    }
}

/// What is refused for good renews nothing: another rule tells why.
fn fails(status: i64) -> bool {
    status >= 300 && !is_challenge(status)
}
