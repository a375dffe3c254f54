use super::{Blame, Confidence, Finding, Found, Rule, Severity};
use crate::call::Call;
use crate::description::Stream;
use crate::message::Message;

pub(super) static RULE: Rule = Rule { id: "DTMF_MISMATCH", source: "RFC 4733 2; RFC 6086 4.2", find };

fn find(call: &Call<'_>, found: &mut Found) {
    let tone = call.in_dialog("INFO").find_map(|info| {
        let request = call.request(info).filter(|request| is_tone(request))?;
        Some((request, call.answer(info)))
    });
    let Some((tone, reply)) = tone else { return };
    let agreed = call.agreements().filter(|(request, _)| request.at <= tone.at).last();
    let Some((request, answer)) = agreed else { return };
    let pairs: Vec<_> = call.pairs(request, answer).collect();
    let Some((offer, answered)) = pairs.iter().find(|(offer, _)| offer.kind == "audio") else { return };
    if has_tones(offer) && has_tones(answered) {
        return;
    }
    let without = match (has_tones(offer), has_tones(answered)) {
        (false, true) => "the offer has no telephone-event",
        (true, false) => "the answer has no telephone-event",
        _ => "neither offer nor answer has telephone-event",
    };
    let refused = reply.filter(|reply| reply.status >= Some(400));
    let (severity, what) = match refused {
        Some(reply) => {
            (Severity::Warning, format!("and the other side refused it with {}", super::status_line(reply)))
        }
        None => (Severity::Info, "so they reach only what understands INFO".to_owned()),
    };
    found.add(
        Finding::new(
            severity,
            format!("{} sends its key presses by INFO, since {without}, {what}", tone.src),
        )
        .blame(Blame::Unknown)
        .proof([request, answer, tone].into_iter().chain(refused))
        .ruled_out("tones in the media as events: they were not agreed")
        .next("switch telephone-event (RFC 4733) on at both sides; who took it out of offer or answer?")
        .confidence(Confidence::Medium),
    );
}

fn is_tone(info: &Message<'_>) -> bool {
    let read = info.sip();
    read.content_type().is_some_and(|body| body.is(b"application/dtmf-relay") || body.is(b"application/dtmf"))
}

fn has_tones(stream: &Stream<'_>) -> bool {
    stream.codecs.iter().any(|codec| codec.name == "TELEPHONE-EVENT")
}
