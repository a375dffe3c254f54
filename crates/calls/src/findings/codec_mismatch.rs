use super::{Confidence, Finding, Found, Rule, Severity, status_line};
use crate::call::Call;
use crate::description::{self, Codec, Stream, carries_voice};

pub(super) static RULE: Rule = Rule { id: "CODEC_MISMATCH", source: "RFC 3264 6; RFC 3261 21.4.26", find };

fn find(call: &Call<'_>, found: &mut Found) {
    if let Some(failure) = call.failure().filter(|failure| matches!(failure.status, 488 | 606)) {
        let Some(request) = call.request(failure.origin) else { return };
        let offered = call.description(request).unwrap_or_default();
        let offered = description::names(voices(offered));
        let mut text = format!("{} takes none of what was offered", failure.origin.server);
        if !offered.is_empty() {
            text.push_str(&format!(" ({})", offered.join(", ")));
        }
        text.push_str(&format!(": {}", status_line(failure.reply)));
        if let Some(warning) = failure.reply.header(sip::Name::Warning) {
            text.push_str(&format!(", with the warning {warning}"));
        }
        found.add(
            Finding::new(Severity::Error, text)
                .proof([request, failure.reply])
                .next("which codecs does the far end allow? It may also want, or refuse, encryption (SRTP)")
                .confidence(Confidence::Medium),
        );
        return;
    }
    for invite in call.openings().filter(|invite| invite.upstream.is_none()) {
        let answer = call.answer(invite).filter(|reply| matches!(reply.status, Some(200..300)));
        let (Some(answer), Some(request)) = (answer, call.request(invite)) else { continue };
        let (Some(offered), Some(agreed)) = (call.description(request), call.description(answer)) else {
            continue;
        };
        // Streams answer each other by their order (RFC 3264 6).
        for (offer, answer_of) in offered.iter().zip(agreed) {
            if offer.kind != answer_of.kind || answer_of.is_refused() || offer.codecs.is_empty() {
                continue;
            }
            let common = voices(std::slice::from_ref(answer_of)).any(|codec| {
                // A name without rtpmap is a bare payload number: there is nothing to compare it with.
                codec.name.parse::<u8>().is_ok() || offer.codecs.iter().any(|known| known.name == codec.name)
            });
            let answered = description::names(voices(std::slice::from_ref(answer_of)));
            if common || answered.is_empty() {
                continue;
            }
            let names = description::names(voices(std::slice::from_ref(offer)));
            found.add(
                Finding::new(
                    Severity::Error,
                    format!(
                        "{} was offered {} for {} and answered with {}: nothing in common",
                        invite.server,
                        names.join(", "),
                        offer.kind,
                        answered.join(", ")
                    ),
                )
                .blame(super::host(call.origin(invite, answer.status.unwrap_or(200)).server))
                .proof([request, answer])
                .ruled_out("other numbers for the same codecs: names were compared")
                .next("who wrote this answer? A session border controller may have changed offer or answer"),
            );
        }
    }
}

fn voices<'b, 'a>(streams: &'b [Stream<'a>]) -> impl Iterator<Item = &'b Codec<'a>> {
    streams
        .iter()
        .filter(|stream| !stream.is_refused())
        .flat_map(|stream| &stream.codecs)
        .filter(|codec| carries_voice(codec))
}
