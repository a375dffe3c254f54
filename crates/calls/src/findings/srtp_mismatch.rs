use super::{Confidence, Finding, Found, Rule, Severity, host};
use crate::call::Call;
use crate::description::Stream;

pub(super) static RULE: Rule =
    Rule { id: "SRTP_MISMATCH", source: "RFC 4568 5.1, 7.1; RFC 5763 5; RFC 4145 4.1; RFC 3264 6", find };

fn find(call: &Call<'_>, found: &mut Found) {
    for (request, answer) in call.agreements() {
        for (offer, answered) in call.pairs(request, answer) {
            if found.is_full() {
                return;
            }
            let Some((of_offer, what)) = conflict(offer, answered) else { continue };
            let who = if of_offer { request.src } else { answer.src };
            found.add(
                Finding::new(
                    Severity::Error,
                    format!("the {} of this call cannot be decrypted: {what}", offer.kind),
                )
                .blame(host(who))
                .proof([request, answer])
                .ruled_out("keys that differ in use only: the descriptions themselves do not fit each other")
                .next("do both sides have the same kind of encryption (none, SDES, DTLS) switched on?")
                .confidence(Confidence::High),
            );
        }
    }
    let Some(failure) = call.failure().filter(|failure| matches!(failure.status, 488 | 606)) else { return };
    let Some(request) = call.request(failure.origin) else { return };
    let streams = call.description(request).unwrap_or_default();
    let secured = streams.iter().find(|stream| stream.kind == "audio" && is_secure(stream));
    // With a second line for plain media the choice was the far end's.
    let is_only = streams.iter().filter(|stream| stream.kind == "audio").count() == 1;
    if let Some(secured) = secured.filter(|_| is_only) {
        found.add(
            Finding::new(
                Severity::Error,
                format!(
                    "{} refused an offer that has encrypted voice only ({}): {}",
                    failure.origin.server,
                    secured.protocol,
                    super::status_line(failure.reply)
                ),
            )
            .proof([request, failure.reply])
            .ruled_out("an offer with plain media beside: there is one audio line")
            .next(format!("can {} do this kind of SRTP, and is it allowed there?", failure.origin.server))
            .confidence(Confidence::Low),
        );
    }
}

/// What does not fit, and whether it is the offer's fault.
fn conflict(offer: &Stream<'_>, answer: &Stream<'_>) -> Option<(bool, String)> {
    if is_secure(offer) != is_secure(answer) {
        return Some((false, format!("{} was offered and {} answered", offer.protocol, answer.protocol)));
    }
    if !is_secure(offer) {
        return None;
    }
    for (stream, is_offer, which) in [(offer, true, "offer"), (answer, false, "answer")] {
        if stream.cryptos.is_empty() && !stream.has_fingerprint {
            return Some((is_offer, format!("the {which} has neither a key nor a fingerprint")));
        }
    }
    if answer.cryptos.is_empty() != offer.cryptos.is_empty()
        && answer.has_fingerprint != offer.has_fingerprint
    {
        return Some((false, "one side wants SDES keys, the other DTLS".to_owned()));
    }
    if let Some((tag, suite)) = answer.cryptos.first().filter(|chosen| !offer.cryptos.contains(chosen)) {
        let tag = tag.map_or_else(|| "without tag".to_owned(), |tag| format!("under tag {tag}"));
        return Some((false, format!("the answer takes {suite} {tag}, which was not offered so")));
    }
    // One side opens the DTLS connection, the other waits for it.
    match (offer.setup.as_deref(), answer.setup.as_deref()) {
        (Some(offer @ ("active" | "passive")), Some(answer)) if offer == answer => {
            Some((false, format!("both sides are {answer} in a=setup")))
        }
        (Some(_), Some("actpass")) => {
            Some((false, "the answer says actpass and leaves open who begins".to_owned()))
        }
        _ => None,
    }
}

/// SAVP and SAVPF (RFC 3711, RFC 5124), keyed either way.
fn is_secure(stream: &Stream<'_>) -> bool {
    stream.protocol.contains("SAVP")
}
