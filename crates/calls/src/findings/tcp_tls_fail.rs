use super::{Blame, Confidence, Finding, Found, Rule, Severity, status_line};
use crate::call::Call;
use crate::said::says_one_of;

pub(super) static RULE: Rule =
    Rule { id: "TCP_TLS_FAIL", source: "RFC 3261 18.4, 8.1.3.1; RFC 5626 11.5", find };

/// 430 Flow Failed (RFC 5626); 477 is what the SER family says where sending failed.
const CODES: &[i64] = &[430, 477];

/// How servers tell of a connection that failed.
const WORDS: &[&str] = &[
    "connection refused",
    "connection reset",
    "connection closed",
    "connection failed",
    "connection error",
    "connect failed",
    "failed to connect",
    "transport error",
    "transport failure",
    "tls",
    "ssl ",
    "handshake",
    "send failed",
];

fn find(call: &Call<'_>, found: &mut Found) {
    let Some(failure) = call.failure() else { return };
    let (origin, reply) = (failure.origin, failure.reply);
    let is_code = CODES.contains(&failure.status);
    let is_said = failure.status >= 500 && says_one_of(reply, WORDS);
    if !is_code && !is_said {
        return;
    }
    found.add(
        Finding::new(
            Severity::Error,
            format!("{} has no connection to the next hop: {}", origin.server, status_line(reply)),
        )
        // The next hop was not reached, so that no message names it.
        .blame(Blame::Unknown)
        .proof(call.request(origin).into_iter().chain([reply]))
        .ruled_out("a next hop that answers and refuses: the words are about the connection to it")
        .next(format!(
            "which server does {} connect to for this, does that one listen, and do certificates and TLS versions fit?",
            origin.server
        ))
        .confidence(if is_code { Confidence::High } else { Confidence::Medium }),
    );
}
