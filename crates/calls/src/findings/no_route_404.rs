use super::{Finding, Found, Rule, Severity, dialled, status_line};
use crate::call::Call;
use crate::cause;

pub(super) static RULE: Rule =
    Rule { id: "NO_ROUTE_404", source: "RFC 3261 21.4.5, 21.6.3; RFC 3398 7.2.4.1", find };

fn find(call: &Call<'_>, found: &mut Found) {
    let Some(failure) = call.failure() else { return };
    // Unallocated number, no route to network or destination.
    let cause = cause::q850(failure.reply).filter(|cause| matches!(cause, 1..=3));
    if !matches!(failure.status, 404 | 604) && cause.is_none() || failure.origin.method != "INVITE" {
        return;
    }
    let request = call.request(failure.origin);
    let number = dialled(request);
    let mut text =
        format!("{} does not know {number}: {}", failure.origin.server, status_line(failure.reply));
    if let Some(name) = cause.and_then(cause::q850_name) {
        text.push_str(&format!(" ({name})"));
    }
    found.add(
        Finding::new(Severity::Error, text)
            .proof(request.into_iter().chain([failure.reply]))
            .next(format!(
                "is {number} right as {} was asked for it (prefix, +, leading zeros), and is it provisioned there?",
                failure.origin.server
            )),
    );
}
