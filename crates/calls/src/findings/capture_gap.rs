use super::{Blame, Confidence, Finding, Found, Rule, Severity};
use crate::call::{Call, MESSAGES_MAX};
use crate::message::Message;

pub(super) static RULE: Rule = Rule { id: "CAPTURE_GAP", source: "RFC 3261 17.1.1.3, 12.1", find };

/// Says what was not seen, so that nobody is blamed for it.
fn find(call: &Call<'_>, found: &mut Found) {
    let gap = |text: String, proof: Vec<&Message<'_>>, next: &str| {
        Finding::new(Severity::Info, text)
            .blame(Blame::Unknown)
            .proof(proof)
            .next(next)
            .confidence(Confidence::High)
    };
    if call.messages.len() >= MESSAGES_MAX {
        found.add(gap(
            format!("the call has more messages than are read: findings are of the first {MESSAGES_MAX}"),
            Vec::new(),
            "what repeats itself without end in it?",
        ));
    }
    let one_way = call.transactions.iter().find(|known| call.visibility.replies_unseen(known));
    if let Some(known) = one_way {
        let acks = known.acks.iter().map(|place| call.at(*place));
        found.add(gap(
            format!(
                "replies from {} to {} were not captured, though some must have come",
                known.server, known.client
            ),
            call.request(known).into_iter().chain(acks).collect(),
            "does the capture see both directions of this hop? What is missing there is not judged",
        ));
    }
    // One reply alone may be a late one of an earlier call.
    let unasked = call
        .transactions
        .iter()
        .find(|known| call.visibility.requests_unseen(known) && !known.replies.is_empty());
    if let Some(known) = unasked.filter(|_| one_way.is_none()) {
        found.add(gap(
            format!(
                "the {} from {} to {} was not captured, only what was answered",
                known.method, known.client, known.server
            ),
            call.replies(known).collect(),
            "does the capture see both directions of this hop? What is missing there is not judged",
        ));
    }
    let inside = call.messages.first().filter(|first| {
        first.is_request() && first.to_tag.is_some() && !first.is("NOTIFY") && !first.is("ACK")
    });
    if let Some(first) = inside.filter(|_| call.first_opening().is_none() && one_way.is_none()) {
        found.add(gap(
            "the call began before the recording, or where nothing is captured".to_owned(),
            vec![first],
            "search further back, or ask another capture point",
        ));
    }
}
