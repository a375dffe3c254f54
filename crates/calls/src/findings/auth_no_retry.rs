use super::{Confidence, Finding, Found, Rule, Severity, host, status_line};
use crate::call::Call;
use crate::message::words;
use crate::state::is_challenge;
use crate::timers::GIVE_UP;

pub(super) static RULE: Rule = Rule { id: "AUTH_NO_RETRY", source: "RFC 3261 22.2; RFC 8760 2.4", find };

fn find(call: &Call<'_>, found: &mut Found) {
    let Some(challenged) = call
        .transactions
        .iter()
        .rfind(|asked| asked.upstream.is_none() && call.status(asked).is_some_and(is_challenge))
    else {
        return;
    };
    let (Some(request), Some(reply)) = (call.request(challenged), call.answer(challenged)) else { return };
    // Credentials were sent and refused: AUTH_LOOP, or a client that rightly stops.
    if request.sip().credentials().next().is_some() || request.raw.is_empty() {
        return;
    }
    let again = call.after(reply.at, |message| {
        message.is_request() && message.method == request.method && message.cseq > request.cseq
    });
    // In a dialog anything may still follow; a call that went on is its own proof that it was asked again.
    if again.is_some() || call.until - reply.at < GIVE_UP || challenged.is_in_dialog {
        return;
    }
    let read = reply.sip();
    let mut offered: Vec<String> = read
        .challenges()
        .take(8)
        .map(|it| it.algorithm().map_or_else(|| "MD5".to_owned(), |name| words(name).into_owned()))
        .collect();
    offered.dedup();
    let is_old = offered.iter().any(|name| name.eq_ignore_ascii_case("MD5"));
    let finding = Finding::new(
        Severity::Error,
        format!(
            "{} was asked for credentials ({}) and did not come back with any",
            challenged.client,
            status_line(reply)
        ),
    )
    .blame(host(challenged.client))
    .proof([request, reply])
    .confidence(Confidence::Medium);
    found.add(if is_old {
        finding
            .ruled_out("an algorithm it cannot do: MD5 was offered")
            .next(format!("has {} credentials for this realm?", challenged.client))
    } else {
        finding.next(format!(
            "can {} do {}? No other algorithm was offered",
            challenged.client,
            offered.join(", ")
        ))
    });
}
