use super::{Blame, Confidence, Finding, Found, Rule, Severity};
use crate::call::Call;
use crate::description::{self, carries_voice};
use crate::message::Message;

pub(super) static RULE: Rule = Rule { id: "TRANSCODE_CHAIN", source: "ITU-T G.107 B.4; ITU-T G.113 8", find };

fn find(call: &Call<'_>, found: &mut Found) {
    for told in call.openings().filter(|invite| !invite.downstream.is_empty()) {
        let Some(answer) = call.success(told) else { continue };
        let behind = told.downstream.iter().map(|place| &call.transactions[*place]);
        let Some(behind) =
            behind.filter_map(|next| call.success(next)).find(|next| next.to_tag == answer.to_tag)
        else {
            continue;
        };
        let (here, there) = (voices(call, answer), voices(call, behind));
        if here.is_empty() || there.is_empty() || here.iter().any(|codec| there.contains(codec)) {
            continue;
        }
        found.add(
            Finding::new(
                Severity::Info,
                format!(
                    "{} translates between {} and {}: each step of it costs quality and time",
                    told.server,
                    here.join(", "),
                    there.join(", ")
                ),
            )
            .blame(Blame::Nobody)
            .proof([behind, answer])
            .ruled_out("a choice among several codecs: the two answers have none in common")
            .next("could both sides agree on one codec? Look at the order of codecs in offer and answer")
            .confidence(Confidence::High),
        );
    }
}

fn voices(call: &Call<'_>, answer: &Message<'_>) -> Vec<String> {
    let streams = call.description(answer).unwrap_or_default();
    let spoken = streams.iter().filter(|stream| stream.kind == "audio" && !stream.is_refused());
    description::names(spoken.flat_map(|stream| &stream.codecs).filter(|codec| carries_voice(codec)))
}
