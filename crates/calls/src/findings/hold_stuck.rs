use sip::sdp::Direction;

use super::{Blame, Confidence, Finding, Found, Rule, Severity};
use crate::call::Call;
use crate::message::Message;
use crate::timers::{SECOND, span};

pub(super) static RULE: Rule = Rule { id: "HOLD_STUCK", source: "RFC 3264 8.4; RFC 6337 5.3", find };

/// Shorter holds end with the call because somebody hangs up while asking back.
const HOLD_MIN: i64 = 10 * SECOND;

fn find(call: &Call<'_>, found: &mut Found) {
    // Who transfers the call holds it first, and leaves it so.
    if call.of("REFER").next().is_some() {
        return;
    }
    let Some(bye) = call.messages.iter().find(|message| message.is_request() && message.is("BYE")) else {
        return;
    };
    let mut hold: Option<&Message<'_>> = None;
    let mut refused: Option<(&Message<'_>, &Message<'_>)> = None;
    let mut offers: Vec<_> = call.in_dialog("INVITE").chain(call.in_dialog("UPDATE")).collect();
    offers.sort_by_key(|offer| offer.requests.first());
    for offer in offers {
        let (Some(request), Some(reply)) = (call.request(offer), call.answer(offer)) else { continue };
        if request.at > bye.at {
            break;
        }
        match (holds(call, request), matches!(reply.status, Some(200..300))) {
            (Some(true), true) => hold = hold.or(Some(request)),
            (Some(false), true) => (hold, refused) = (None, None),
            (Some(false), false) => refused = Some((request, reply)),
            _ => {}
        }
    }
    let Some(hold) = hold.filter(|hold| bye.at - hold.at >= HOLD_MIN) else { return };
    let held = span(bye.at - hold.at);
    found.add(match refused {
        Some((request, reply)) => Finding::new(
            Severity::Warning,
            format!(
                "the call was on hold for {held} until it ended: taking it back was refused with {}",
                super::status_line(reply)
            ),
        )
        .blame(super::host(reply.src))
        .proof([hold, request, reply, bye])
        .ruled_out("somebody who left it on hold: there was a try to take it back")
        .next("why was the re-INVITE that takes the call back refused?"),
        None => Finding::new(
            Severity::Info,
            format!("the call was put on hold by {} and stayed so for {held}, until it ended", hold.src),
        )
        .blame(Blame::Unknown)
        .proof([hold, bye])
        .ruled_out("a transfer: no REFER was seen")
        .next("did somebody forget the call, or did the re-INVITE that takes it back never leave the phone?")
        .confidence(Confidence::Medium),
    });
}

/// Whether an offer holds the call, or takes it back. Before RFC 3264 the address 0.0.0.0 was the sign.
fn holds(call: &Call<'_>, offer: &Message<'_>) -> Option<bool> {
    let streams = call.description(offer)?;
    let voice = streams.iter().find(|stream| stream.kind == "audio" && !stream.is_refused())?;
    let is_held = matches!(voice.direction, Direction::SendOnly | Direction::Inactive);
    Some(is_held || voice.address.as_deref() == Some("0.0.0.0"))
}
