use super::{Confidence, Finding, Found, Rule, Severity, dialled, status_line};
use crate::call::Call;
use crate::cause;

pub(super) static RULE: Rule =
    Rule { id: "BAD_FORMAT_484", source: "RFC 3261 21.4.22; RFC 3398 7.2.4.1", find };

/// Invalid number format.
const CAUSE: u32 = 28;

fn find(call: &Call<'_>, found: &mut Found) {
    let Some(failure) = call.failure() else { return };
    if failure.status != 484 && cause::q850(failure.reply) != Some(CAUSE) {
        return;
    }
    // Overlap dialling: more digits follow in further attempts (RFC 3578), and this is the last of them.
    let attempts = call.openings().filter(|invite| invite.upstream.is_none()).count();
    let request = call.request(failure.origin);
    let number = dialled(request);
    let finding = Finding::new(
        Severity::Error,
        format!("{} cannot use the number {number}: {}", failure.origin.server, status_line(failure.reply)),
    )
    .proof(request.into_iter().chain([failure.reply]))
    .next(format!("are digits missing in {number}, or is it in another form than the far end wants?"));
    found.add(if attempts > 1 { finding.confidence(Confidence::Medium) } else { finding });
}
