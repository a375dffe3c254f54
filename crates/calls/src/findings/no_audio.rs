use super::one_way_audio::records;
use super::{Confidence, Finding, Found, Rule, Severity, media_of};
use crate::call::Call;
use crate::media::Stream;
use crate::timers::SECOND;

pub(super) static RULE: Rule = Rule { id: "NO_AUDIO", source: "RFC 3264 5.1, 6.1; RFC 3550 6.4.1", find };

/// A call that is over sooner may end before anybody speaks.
const TALK_MIN: i64 = 3 * SECOND;

/// Both sides count nothing received, of a call that was up for a while.
fn find(call: &Call<'_>, found: &mut Found) {
    let talk = call.outcome.answered.zip(call.outcome.ended).map(|(answered, ended)| ended - answered);
    if call.streams.is_empty() || is_on_hold(call) || talk.is_none_or(|talk| talk < TALK_MIN) {
        return;
    }
    for (place, stream) in call.streams.iter().enumerate().filter(|(_, stream)| heard_nothing(stream)) {
        let Some(back) = opposite(call, stream).filter(|back| heard_nothing(back)) else { continue };
        // Each pair once.
        if call.streams.iter().take(place).any(|earlier| std::ptr::eq(earlier, back)) {
            continue;
        }
        found.add(
            Finding::new(
                Severity::Error,
                format!("neither {} nor that in the other direction arrived, as both sides count", media_of(stream)),
            )
            .proof_of_reports(records(stream).chain(records(back)))
            .ruled_out("hold: no description asks for one direction only")
            .next("compare the addresses in both session descriptions, and what firewalls let pass between them")
            .confidence(Confidence::High),
        );
    }
}

/// By the receiver's own count, which is more than that nobody reported any.
pub(super) fn heard_nothing(stream: &Stream) -> bool {
    stream.packets_received == Some(0) && stream.packets_expected.unwrap_or(0) == 0
}

/// The other direction between the same two ends.
pub(super) fn opposite<'c>(call: &Call<'c>, stream: &Stream) -> Option<&'c Stream> {
    let is_known = stream.src.is_some() && stream.dst.is_some() && stream.src != stream.dst;
    call.streams.iter().find(|other| is_known && other.src == stream.dst && other.dst == stream.src)
}

/// Somebody asked for one direction only, or for none: silence is as wanted.
pub(super) fn is_on_hold(call: &Call<'_>) -> bool {
    let descriptions = call
        .messages
        .iter()
        .filter(|message| matches!(message.method, Some("INVITE" | "ACK" | "UPDATE" | "PRACK")));
    descriptions.filter_map(|message| call.description(message)).flatten().any(|stream| {
        !stream.is_refused() && stream.kind == "audio" && stream.direction != sip::sdp::Direction::SendReceive
    })
}
