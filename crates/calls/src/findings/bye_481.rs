use super::{Finding, Found, Rule, Severity, host};
use crate::call::Call;

pub(super) static RULE: Rule = Rule { id: "BYE_481", source: "RFC 3261 12.2.2, 15.1.2", find };

const METHODS: &[&str] = &["BYE", "INVITE", "UPDATE", "INFO", "REFER", "MESSAGE"];

fn find(call: &Call<'_>, found: &mut Found) {
    for request in call.transactions.iter().filter(|known| known.upstream.is_none() && known.is_in_dialog) {
        if found.is_full() || !METHODS.contains(&request.method) || call.status(request) != Some(481) {
            continue;
        }
        let Some(asked) = call.request(request) else { continue };
        let origin = call.origin(request, 481);
        let Some(reply) = call.answer(origin) else { continue };
        // Whose dialog was ended before, by itself or by the other side, has none any more.
        let ended = call.messages.iter().find(|message| {
            message.is_request()
                && message.is("BYE")
                && message.at <= reply.at
                && message.id != asked.id
                && message.cseq_differs(asked)
        });
        if ended.is_some() {
            continue;
        }
        found.add(
            Finding::new(
                Severity::Error,
                format!("{} no longer knows the call: it answers {} with 481", origin.server, request.method),
            )
            .blame(host(origin.server))
            .proof([asked, reply])
            .ruled_out("a call that had ended: no BYE came before")
            .next(format!("was {} restarted, or did the call move to another node?", origin.server)),
        );
    }
}
