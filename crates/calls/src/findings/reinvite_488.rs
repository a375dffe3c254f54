use super::{Confidence, Finding, Found, Rule, Severity, reinvite_reject_drop, status_line};
use crate::call::Call;
use crate::description::{self, carries_voice};

pub(super) static RULE: Rule = Rule { id: "REINVITE_488", source: "RFC 3261 14.2, 21.4.26", find };

fn find(call: &Call<'_>, found: &mut Found) {
    for offer in call.in_dialog("INVITE").chain(call.in_dialog("UPDATE")) {
        let reply = call.answer(offer).filter(|reply| matches!(reply.status, Some(415 | 488 | 606)));
        let (Some(reply), Some(request)) = (reply, call.request(offer)) else { continue };
        // That the call was dropped for it is worse, and told by its own rule.
        if found.is_full() || reinvite_reject_drop::drop_after(call, reply).is_some() {
            continue;
        }
        let streams = call.description(request).unwrap_or_default();
        let codecs =
            description::names(streams.iter().flat_map(|it| &it.codecs).filter(|it| carries_voice(it)));
        let what = match streams.iter().find(|stream| !stream.is_refused()) {
            Some(fax) if fax.kind == "image" => " to fax (T.38)".to_owned(),
            _ if codecs.is_empty() => String::new(),
            _ => format!(" to {}", codecs.join(", ")),
        };
        found.add(
            Finding::new(
                Severity::Warning,
                format!(
                    "a change of the call{what} was refused with {}; it goes on as before",
                    status_line(reply)
                ),
            )
            .proof([request, reply])
            .ruled_out("a call cut for it: no BYE followed within a second")
            .next("do both sides have a codec, or fax, in common for what was asked?")
            .confidence(Confidence::High),
        );
    }
}
