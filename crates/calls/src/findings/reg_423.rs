use super::{Finding, Found, Rule, Severity, host};
use crate::call::Call;
use crate::message::Message;
use crate::registration::expires_asked;
use crate::timers::GIVE_UP;

pub(super) static RULE: Rule = Rule { id: "REG_423", source: "RFC 3261 10.2.8, 10.3", find };

fn find(call: &Call<'_>, found: &mut Found) {
    for register in call.of("REGISTER").filter(|register| register.upstream.is_none()) {
        let Some(reply) = call.answer(register).filter(|reply| reply.status == Some(423)) else { continue };
        let Some(request) = call.request(register).filter(|_| !found.is_full()) else { continue };
        let Some(min) = min_expires(reply) else { continue };
        let next = call.after(reply.at, |message| {
            message.is_request() && message.is("REGISTER") && message.cseq > request.cseq
        });
        let text = match next {
            // Without a time of its own it takes what the registrar gives.
            Some(next) => match expires_asked(next) {
                Some(asked) if asked != 0 && asked < min => format!(
                    "{} wants registrations of {min} s at least, but {} asks for {asked} s again",
                    register.server, register.client
                ),
                _ => continue,
            },
            None if call.until - reply.at >= GIVE_UP => format!(
                "{} wants registrations of {min} s at least, and {} does not try again",
                register.server, register.client
            ),
            None => continue,
        };
        found.add(
            Finding::new(Severity::Error, text)
                .blame(host(register.client))
                .proof([request, reply].into_iter().chain(next))
                .next(format!("set the registration time of {} to {min} s or more", register.client)),
        );
    }
}

fn min_expires(reply: &Message<'_>) -> Option<u32> {
    reply.header(sip::Name::MinExpires)?.trim().parse().ok()
}
