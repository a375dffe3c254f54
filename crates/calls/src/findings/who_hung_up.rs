use super::{Blame, Confidence, Finding, Found, Rule, Severity};
use crate::call::Call;
use crate::cause;
use crate::session::Side;
use crate::timers::span;

pub(super) static RULE: Rule = Rule { id: "WHO_HUNG_UP", source: "RFC 3261 15.1; RFC 3326", find };

fn find(call: &Call<'_>, found: &mut Found) {
    let Some(bye) = call.messages.iter().find(|message| message.is_request() && message.is("BYE")) else {
        return;
    };
    let side = call.side_of(bye);
    let who = match side {
        Side::Caller => "the caller".to_owned(),
        Side::Callee => "the callee".to_owned(),
        Side::Unknown => bye.src.to_string(),
    };
    let mut text = format!("{who} hung up");
    if let Some(answered) = call.outcome.answered.filter(|answered| *answered <= bye.at) {
        text.push_str(&format!(" after {}", span(bye.at - answered)));
    }
    if let Some(reason) = cause::reason(bye) {
        text.push_str(&format!(" and says {reason}"));
    }
    let (blame, confidence) = match side {
        Side::Caller => (Blame::Caller, Confidence::High),
        Side::Callee => (Blame::Callee, Confidence::High),
        Side::Unknown => (Blame::Unknown, Confidence::Low),
    };
    // A box in the middle can end a call in both directions.
    let both = call.messages.iter().find(|other| {
        other.is_request() && other.is("BYE") && other.from_tag.is_some() && other.from_tag == bye.to_tag
    });
    let finding = Finding::new(Severity::Info, text)
        .blame(blame)
        .proof([bye].into_iter().chain(both))
        .next("nothing, unless they say that they did not");
    found.add(match both {
        Some(_) => finding
            .next("BYE went to both sides: did both hang up at once, or did a box in the middle end it?")
            .confidence(Confidence::Medium),
        None => finding.confidence(confidence),
    });
}
