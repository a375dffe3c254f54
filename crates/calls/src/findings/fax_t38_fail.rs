use super::{Blame, Confidence, Finding, Found, Rule, Severity, status_line};
use crate::call::Call;
use crate::description::Stream;
use crate::message::Message;
use crate::state::is_challenge;
use crate::timers::SECOND;

pub(super) static RULE: Rule =
    Rule { id: "FAX_T38_FAIL", source: "ITU-T T.38 D.2.2; RFC 3261 14.2, 21.4.26", find };

/// A page takes longer: a call that ends sooner had no fax.
const FAX_MIN: i64 = 30 * SECOND;

fn find(call: &Call<'_>, found: &mut Found) {
    let offers = call.of("INVITE").filter(|offer| offer.upstream.is_none());
    for offer in offers {
        let (Some(request), Some(reply)) = (call.request(offer), call.answer(offer)) else { continue };
        let is_fax = call.description(request).is_some_and(|streams| streams.iter().any(is_fax));
        if !is_fax || found.is_full() || reply.status.is_some_and(is_challenge) {
            continue;
        }
        let refused = match reply.status {
            Some(400..) if !matches!(reply.status, Some(481 | 487 | 491)) => status_line(reply),
            Some(200..300) if refuses_fax(call, reply) => "a refused media line".to_owned(),
            _ => continue,
        };
        let voice = call.agreements().filter(|(_, answer)| answer.at >= reply.at).find(|(_, answer)| {
            call.description(answer).is_some_and(|streams| streams.iter().any(carries_fax_as_voice))
        });
        let bye = call.after(reply.at, |message| message.is_request() && message.is("BYE"));
        let is_short = bye.is_some_and(|bye| bye.at - reply.at < FAX_MIN);
        let (severity, what) = match (voice, is_short) {
            (Some(_), _) => (Severity::Info, "; it goes on in G.711"),
            (None, true) => (Severity::Error, ", nothing else was agreed, and the call ended at once"),
            (None, false) => (Severity::Warning, ", and no change to G.711 followed"),
        };
        found.add(
            Finding::new(
                severity,
                format!("the change to fax (T.38) asked for by {} was answered with {refused}{what}", request.src),
            )
            .blame(Blame::Unknown)
            .proof([request, reply].into_iter().chain(voice.map(|(_, answer)| answer)).chain(bye.filter(|_| is_short)))
            .ruled_out("two changes that crossed (491), and a call that was gone (481)")
            .next("does the far end, and each gateway on the way, do T.38? If not, does it take G.711 without echo cancelling?")
            .confidence(Confidence::Medium),
        );
    }
}

fn is_fax(stream: &Stream<'_>) -> bool {
    stream.kind == "image" && stream.protocol.contains("UDPTL") && !stream.is_refused()
}

fn refuses_fax(call: &Call<'_>, answer: &Message<'_>) -> bool {
    let streams = call.description(answer).unwrap_or_default();
    let is_image = |stream: &&Stream<'_>| stream.kind == "image";
    streams.iter().any(|stream| is_image(&stream) && stream.is_refused()) && !streams.iter().any(is_fax)
}

fn carries_fax_as_voice(stream: &Stream<'_>) -> bool {
    !stream.is_refused() && stream.codecs.iter().any(|codec| matches!(&*codec.name, "PCMA" | "PCMU"))
}
