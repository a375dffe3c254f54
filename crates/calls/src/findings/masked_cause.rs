use super::{Blame, Confidence, Finding, Found, Rule, Severity, host, status_line};
use crate::call::Call;
use crate::cause;
use crate::message::Message;
use crate::state::is_challenge;
use crate::transaction::Transaction;

pub(super) static RULE: Rule = Rule { id: "MASKED_CAUSE", source: "RFC 3261 16.7; RFC 6432", find };

fn find(call: &Call<'_>, found: &mut Found) {
    for told in call.transactions.iter().filter(|known| !known.downstream.is_empty()) {
        if found.is_full() {
            return;
        }
        // After a CANCEL the replies are its doing.
        if told.cancel.is_some() {
            continue;
        }
        let Some(reply) = call.answer(told).filter(|reply| is_failure(reply)) else { continue };
        let Some(behind) = masked(call, told, reply) else { continue };
        // A proxy keeps 503 for itself: what it means is that the next hop is overloaded, not that the proxy is.
        let is_rule = behind.status == Some(503) && reply.status == Some(500);
        let finding = Finding::new(
            if is_rule { Severity::Info } else { Severity::Warning },
            format!(
                "{} told {} {}, but what it was told itself is {}",
                told.server,
                told.client,
                with_cause(reply),
                with_cause(behind)
            ),
        )
        .blame(if is_rule { Blame::Nobody } else { host(told.server) })
        .proof([behind, reply])
        .ruled_out("another branch that was told so: all branches seen were told otherwise");
        found.add(if is_rule {
            finding
                .next(format!("look at {}: a proxy does not pass 503 on, as RFC 3261 16.7 wants", behind.src))
        } else {
            finding
                .next(format!("trust {}, and look at how {} translates causes", behind.src, told.server))
                .confidence(Confidence::Medium)
        });
    }
}

/// What the branches were told, if all of them were told something else.
fn masked<'a>(call: &Call<'a>, told: &Transaction<'a>, reply: &Message<'_>) -> Option<&'a Message<'a>> {
    let mut first = None;
    for place in &told.downstream {
        // A branch without an end leaves room for an answer of the proxy's own.
        let behind = call.answer(&call.transactions[*place])?;
        // What came later was not known yet.
        if behind.at > reply.at {
            return None;
        }
        if !is_failure(behind) || behind.status == reply.status && !has_other_cause(behind, reply) {
            return None;
        }
        first = first.or(Some(behind));
    }
    first
}

/// Challenges are gathered, and 487 follows a CANCEL: neither is a cause.
fn is_failure(reply: &Message<'_>) -> bool {
    reply.status.is_some_and(|status| status >= 400 && status != 487 && !is_challenge(status))
}

fn has_other_cause(behind: &Message<'_>, reply: &Message<'_>) -> bool {
    matches!((cause::q850(behind), cause::q850(reply)), (Some(behind), Some(told)) if behind != told)
}

fn with_cause(reply: &Message<'_>) -> String {
    let line = status_line(reply);
    match cause::q850(reply) {
        Some(cause) => format!("{line} (Q.850 {cause}{})", name(cause)),
        None => line,
    }
}

fn name(cause: u32) -> String {
    cause::q850_name(cause).map_or_else(String::new, |name| format!(", {name}"))
}
