use super::{Blame, Confidence, Finding, Found, Rule, Severity, host, status_line};
use crate::call::Call;
use crate::said::says_one_of;
use crate::timers::{SECOND, span};

pub(super) static RULE: Rule = Rule { id: "RATE_LIMITED", source: "RFC 3261 20.33, 21.5.4; RFC 7339", find };

/// How servers tell of a limit on calls, at once or in a second.
const WORDS: &[&str] = &[
    "rate limit",
    "rate exceeded",
    "too many calls",
    "too many requests",
    "call limit",
    "limit exceeded",
    "limit reached",
    "cps exceeded",
    "calls per second",
    "throttl",
    "max calls",
    "concurrent calls",
];

/// A request that was on its way when Retry-After ran out is not early.
const TOLERANCE: i64 = SECOND;

fn find(call: &Call<'_>, found: &mut Found) {
    if let Some(failure) = call.failure().filter(|failure| says_one_of(failure.reply, WORDS)) {
        let (origin, reply) = (failure.origin, failure.reply);
        found.add(
            Finding::new(
                Severity::Error,
                format!("{} has a limit, and it was reached: {}", origin.server, status_line(reply)),
            )
            .blame(Blame::Unknown)
            .proof(call.request(origin).into_iter().chain([reply]))
            .ruled_out("a server that is broken: it says that it counts")
            .next(format!(
                "how many calls does {} allow {}, and how many were there at this moment?",
                origin.server, origin.client
            ))
            .confidence(Confidence::Medium),
        );
        return;
    }
    let attempts = call.transactions.iter().filter(|known| known.upstream.is_none() && !known.is_in_dialog);
    for asked in attempts {
        if found.is_full() {
            return;
        }
        let Some(reply) = call.answer(asked).filter(|reply| reply.status >= Some(400)) else { continue };
        let Some(seconds) = reply.sip().retry_after().and_then(|after| after.seconds) else { continue };
        let again = call.after(reply.at, |message| {
            message.is_request()
                && message.method == Some(asked.method)
                && message.cseq > asked.cseq
                && (message.src.ip, message.dst.ip) == (asked.client.ip, asked.server.ip)
        });
        let Some(again) = again.filter(|again| again.at + TOLERANCE < reply.at + i64::from(seconds) * SECOND)
        else {
            continue;
        };
        found.add(
            Finding::new(
                Severity::Warning,
                format!(
                    "{} wants to be asked again after {seconds} s ({}), and {} asks after {}",
                    asked.server,
                    status_line(reply),
                    asked.client,
                    span(again.at - reply.at)
                ),
            )
            .blame(host(asked.client))
            .proof([reply, again])
            .ruled_out("the same request sent again: it is a new one")
            .next(format!(
                "does {} heed Retry-After? What asks too early keeps an overload going",
                asked.client
            )),
        );
    }
}
