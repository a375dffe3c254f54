use super::{Finding, Found, Rule, Severity};
use crate::call::Call;
use crate::state::is_challenge;

pub(super) static RULE: Rule = Rule { id: "STALE_NONCE", source: "RFC 7616 3.3", find };

/// Challenges for age that are followed up: more say no more.
const CHALLENGES_MAX: usize = 64;

fn find(call: &Call<'_>, found: &mut Found) {
    let stale = call.transactions.iter().filter(|asked| asked.upstream.is_none()).filter_map(|asked| {
        let challenge = call.answer(asked).filter(|reply| reply.status.is_some_and(is_challenge))?;
        challenge.sip().challenges().any(|it| it.is_stale()).then_some((asked, challenge))
    });
    for (asked, challenge) in stale.take(CHALLENGES_MAX) {
        let next = call.of(asked.method).find(|next| {
            next.cseq > asked.cseq
                && next.client.ip == asked.client.ip
                && matches!(call.status(next), Some(200..300))
        });
        let Some(success) = next.and_then(|next| call.answer(next)) else { continue };
        found.add(
            Finding::new(
                Severity::Info,
                format!("the nonce of {} had run out; the next try went through", asked.client),
            )
            .blame(super::Blame::Nobody)
            .proof([challenge, success])
            .ruled_out("a wrong password: the server says stale=true, and the next try succeeded")
            .next("nothing, unless it happens at every call: then nonces of the server live too short"),
        );
    }
}
