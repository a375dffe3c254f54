//! What became of a registration (RFC 3261 10).

use crate::call::Call;

/// Facts of a REGISTER and what came of it; `None` is "did not happen, or was not seen".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Seconds that the registrar grants (RFC 3261 10.3, step 8); 0: no binding is left.
    pub(crate) granted: Option<u32>,
    /// Registration request delay, in microseconds (RFC 6076 4.1): from the REGISTER that succeeded.
    pub(crate) delay: Option<i64>,
}

pub(crate) fn facts(call: &Call<'_>) -> Facts {
    let succeeded = call
        .of("REGISTER")
        .filter(|register| register.upstream.is_none())
        .filter(|register| matches!(call.status(register), Some(200..300)))
        .last();
    let Some((asked, reply)) =
        succeeded.and_then(|register| Some((call.request(register)?, call.answer(register)?)))
    else {
        return Facts::default();
    };
    let wanted = asked.sip();
    let answer = reply.sip();
    // The answer lists all bindings of the address (RFC 3261 10.3): the one asked for is ours.
    let ours = wanted.contact().map(|contact| contact.uri.raw);
    let binding = answer
        .addresses(sip::Name::Contact)
        .find(|contact| Some(contact.uri.raw) == ours)
        .or_else(|| answer.contact());
    let granted = binding
        .and_then(|binding| binding.expires_seconds())
        .or_else(|| answer.expires_seconds())
        .or_else(|| removes(&wanted).then_some(0));
    Facts { granted, delay: Some((reply.at - asked.at).max(0)) }
}

/// Whether the request takes its bindings away (RFC 3261 10.2.2).
fn removes(request: &sip::Message<'_>) -> bool {
    request.contact().and_then(|contact| contact.expires_seconds()).or_else(|| request.expires_seconds())
        == Some(0)
}
