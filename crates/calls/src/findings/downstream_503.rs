use super::{Confidence, Finding, Found, Rule, Severity, host, status_line};
use crate::call::Call;

pub(super) static RULE: Rule = Rule { id: "DOWNSTREAM_503", source: "RFC 3261 21.5.4", find };

fn find(call: &Call<'_>, found: &mut Found) {
    let Some(failure) = call.failure().filter(|failure| failure.status == 503) else { return };
    let (origin, reply) = (failure.origin, failure.reply);
    // It forwarded the call and heard nothing: then its next hop is to blame, which NO_RESPONSE says.
    if !origin.downstream.is_empty() {
        return;
    }
    let mut text = format!("{} refused the call with {}", origin.server, status_line(reply));
    if let Some(seconds) = reply.sip().retry_after().and_then(|after| after.seconds) {
        text.push_str(&format!(", to be asked again after {seconds} s"));
    }
    found.add(
        Finding::new(Severity::Error, text)
            .blame(host(origin.server))
            .proof(call.request(origin).into_iter().chain([reply]))
            .ruled_out("a 503 that was only passed on: no hop behind it was seen to say it")
            .next(format!("is {} overloaded, out of lines, or without a route of its own?", origin.server))
            .confidence(Confidence::Medium),
    );
}
