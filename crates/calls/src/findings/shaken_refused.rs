use super::{Blame, Confidence, Finding, Found, Rule, Severity, status_line};
use crate::call::Call;
use crate::message::Message;
use crate::passport::passports;
use crate::said::says_one_of;

pub(super) static RULE: Rule = Rule { id: "SHAKEN_REFUSED", source: "RFC 8224 6.2.2; RFC 8946 6", find };

fn find(call: &Call<'_>, found: &mut Found) {
    let Some(failure) = call.failure() else { return };
    let (origin, reply) = (failure.origin, failure.reply);
    let why = match failure.status {
        428 => "it wants the caller's identity signed",
        436 => "it cannot get the certificate that the identity names",
        437 => "it does not trust the certificate of the identity",
        438 => "the signature of the identity is not right",
        403 if is_stale(reply) => "the identity is too old for it",
        _ => return,
    };
    let known = passports(call);
    let has_identity = !known.is_empty();
    let carrier = known.first().and_then(|known| call.messages.iter().find(|it| it.id == known.message));
    let finding = Finding::new(
        Severity::Error,
        format!("{} refused the call because {why}: {}", origin.server, status_line(reply)),
    )
    .blame(Blame::Unknown)
    .proof(call.request(origin).into_iter().chain(carrier).chain([reply]))
    .confidence(Confidence::High);
    found.add(match has_identity {
        true => finding
            .ruled_out("a call without identity: it has one")
            .next("fetch the certificate that info names: is it there, valid, and of who signs?"),
        false => finding.ruled_out("an identity that is wrong: the INVITE seen has none").next(
            "which network is to sign this call, and does something on the way drop the Identity header?",
        ),
    });
}

/// 403 has many reasons; this one is in its words (RFC 8224 6.2.2).
fn is_stale(reply: &Message<'_>) -> bool {
    says_one_of(reply, &["stale date"])
}
