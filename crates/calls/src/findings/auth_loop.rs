use std::collections::HashMap;

use super::{Blame, Confidence, Finding, Found, Rule, Severity};
use crate::call::Call;
use crate::message::{Message, words};
use crate::state::is_challenge;
use crate::transaction::Transaction;

pub(super) static RULE: Rule = Rule { id: "AUTH_LOOP", source: "RFC 3261 22.2; RFC 7616 3.3", find };

/// The first challenge asks for credentials, a second may say that the nonce was old. The third says no.
const CHALLENGES_MIN: usize = 3;

fn find(call: &Call<'_>, found: &mut Found) {
    let challenges = call.transactions.iter().filter(|asked| call.status(asked).is_some_and(is_challenge));
    if challenges.count() < CHALLENGES_MIN {
        return;
    }
    let mut by_client: HashMap<_, Vec<&Transaction<'_>>> = HashMap::new();
    for asked in call.transactions.iter().filter(|asked| asked.upstream.is_none()) {
        by_client.entry((asked.method, asked.client.ip)).or_default().push(asked);
    }
    let mut loops: Vec<_> = by_client.into_iter().collect();
    loops.sort_by_key(|(_, asked)| asked[0].requests.first().copied());
    for ((method, _), asked) in loops {
        let mut challenged: Vec<_> =
            asked.iter().filter(|asked| call.status(asked).is_some_and(is_challenge)).copied().collect();
        if challenged.len() < CHALLENGES_MIN {
            continue;
        }
        // A chain of servers may each ask once, in its own realm.
        let realm_of = |asked: &Transaction<'_>| call.answer(asked).and_then(realm);
        let last_realm = challenged.last().and_then(|asked| realm_of(asked));
        challenged.retain(|asked| realm_of(asked) == last_realm);
        let succeeded = asked.iter().any(|asked| matches!(call.status(asked), Some(200..300)));
        if challenged.len() < CHALLENGES_MIN || succeeded {
            continue;
        }
        let replies: Vec<_> = challenged.iter().filter_map(|asked| call.answer(asked)).collect();
        let is_stale = |reply: &&&Message<'_>| reply.sip().challenges().any(|it| it.is_stale());
        if replies.iter().skip(1).filter(is_stale).count() > 1 {
            // Credentials are right, nonces run out too fast: STALE_NONCE.
            continue;
        }
        let with_credentials = challenged.iter().filter_map(|asked| call.request(asked));
        let with_credentials =
            with_credentials.filter(|request| request.sip().credentials().next().is_some()).count();
        let (first, last) = (challenged[0], challenged[challenged.len() - 1]);
        let realm = last_realm.map_or_else(String::new, |realm| format!(" of realm {realm:?}"));
        let count = challenged.len();
        let finding = if with_credentials == 0 {
            Finding::new(
                Severity::Error,
                format!(
                    "{} asked {count} times for credentials{realm}, and {} sends {method} without any",
                    first.server, first.client
                ),
            )
            .blame(Blame::Host(first.client.to_string()))
            .next(format!("has {} a user name and password for this server?", first.client))
        } else {
            Finding::new(
                Severity::Error,
                format!(
                    "{} refused the credentials{realm} of {} {count} times: wrong password, user name or realm",
                    last.server, last.client
                ),
            )
            // Which side has the wrong one cannot be seen.
            .ruled_out("nonces that ran out: the challenges do not say stale=true")
            .next("compare user name, realm and password on both sides")
            .confidence(Confidence::Medium)
        };
        found.add(finding.proof(replies));
    }
}

fn realm(challenge: &Message<'_>) -> Option<String> {
    challenge.sip().challenges().find_map(|it| it.realm().map(|realm| words(&realm).into_owned()))
}
