use super::{Blame, Confidence, Finding, Found, Rule, Severity, status_line};
use crate::call::Call;
use crate::message::words;
use crate::said::says_one_of;

pub(super) static RULE: Rule = Rule { id: "DNS_FAIL", source: "RFC 3263 4", find };

/// Unresolvable destination, as the SER family says it.
const CODES: &[i64] = &[476, 478];

/// How servers tell that a name has no address.
const WORDS: &[&str] = &[
    "unresolv",
    "name resolution",
    "resolve host",
    "nxdomain",
    "servfail",
    "dns ",
    "no such host",
    "unknown host",
];

fn find(call: &Call<'_>, found: &mut Found) {
    let Some(failure) = call.failure() else { return };
    let (origin, reply) = (failure.origin, failure.reply);
    let is_code = CODES.contains(&failure.status);
    if !is_code && !says_one_of(reply, WORDS) {
        return;
    }
    let request = call.request(origin);
    let read = request.map(crate::message::Message::sip);
    let domain = read.as_ref().and_then(sip::Message::request_uri).and_then(|uri| uri.host);
    let asked = domain.map_or_else(String::new, |domain| format!(" (the request is for {})", words(domain)));
    found.add(
        Finding::new(
            Severity::Error,
            format!("{} found no address for the next hop{asked}: {}", origin.server, status_line(reply)),
        )
        .blame(Blame::Unknown)
        .proof(request.into_iter().chain([reply]))
        .ruled_out("a number that is not known: it is the name of a server that is not")
        .next(format!("ask the name server of {} for NAPTR, SRV and A or AAAA of the domain", origin.server))
        .confidence(if is_code { Confidence::High } else { Confidence::Medium }),
    );
}
