use super::{Blame, Confidence, Finding, Found, Rule, Severity, status_line};
use crate::call::Call;
use crate::message::{Message, words};
use crate::said::said;
use crate::state::is_challenge;

pub(super) static RULE: Rule = Rule { id: "CONTACT_LIMIT", source: "RFC 3261 10.3, 21.4.4, 21.5.4", find };

/// What is counted, and that there is too much of it: registrars say both.
const COUNTED: &[&str] = &["contact", "binding", "registration", "registered", "device"];
const TOO_MUCH: &[&str] = &["too many", "maximum", "max ", "limit", "exceeded"];

fn is_refusal(reply: &&Message<'_>) -> bool {
    reply.status.is_some_and(|status| status >= 400 && !is_challenge(status))
}

fn find(call: &Call<'_>, found: &mut Found) {
    let registers = call.of("REGISTER").filter(|register| register.upstream.is_none());
    for register in registers {
        let Some(reply) = call.answer(register).filter(is_refusal) else { continue };
        let Some(request) = call.request(register).filter(|_| !found.is_full()) else { continue };
        let said = said(reply);
        let says = |wanted: &[&str]| wanted.iter().any(|wanted| said.contains(wanted));
        // How many in a second is another matter.
        if !says(COUNTED) || !says(TOO_MUCH) || said.contains("rate") {
            continue;
        }
        let read = request.sip();
        let user = read.to().map(|to| words(to.uri.raw).into_owned()).unwrap_or_default();
        found.add(
            Finding::new(
                Severity::Error,
                format!("{user} has as many phones registered as {} allows: {}", register.server, status_line(reply)),
            )
            .blame(Blame::Unknown)
            .proof([request, reply])
            .ruled_out("a wrong password: the registrar says that it counts")
            .next(format!(
                "which contacts does {user} have? Old ones stay until they expire; a phone that changes its port adds one each time"
            ))
            .confidence(Confidence::High),
        );
    }
}
