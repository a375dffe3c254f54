use super::no_audio::{heard_nothing, is_on_hold, opposite};
use super::{Blame, Confidence, Finding, Found, Rule, Severity, media_of};
use crate::call::Call;
use crate::media::{Reporter, Stream};

pub(super) static RULE: Rule =
    Rule { id: "ONE_WAY_AUDIO", source: "RFC 3264 5.1, 6.1; RFC 3550 6.4.1", find };

/// Three seconds of packets of 20 ms.
const PACKETS_MIN: i64 = 150;

/// One side counts nothing received, the other counts plenty. Never by what was not reported.
fn find(call: &Call<'_>, found: &mut Found) {
    if call.streams.is_empty() || is_on_hold(call) {
        return;
    }
    for stream in call.streams.iter().filter(|stream| heard_nothing(stream)) {
        let Some(back) = opposite(call, stream).filter(|back| got(back) >= PACKETS_MIN) else { continue };
        let (from, to) = (stream.src.clone().unwrap_or_default(), stream.dst.clone().unwrap_or_default());
        let sent = stream.packets_sent.unwrap_or(0);
        let (told, blame, next, confidence) = if sent >= PACKETS_MIN {
            (
                format!("{from} sent {sent} packets"),
                Blame::Hop(from.clone(), to.clone()),
                format!(
                    "what is between {from} and {to}: a firewall, NAT, or a relay that was not told the right address"
                ),
                Confidence::High,
            )
        } else {
            (
                "what was sent is not known".to_owned(),
                Blame::Unknown,
                format!("did {from} send at all? Compare the addresses in both session descriptions"),
                Confidence::Medium,
            )
        };
        found.add(
            Finding::new(
                Severity::Error,
                format!(
                    "of {}, {to} received nothing by its own count; {told}. The other way {} packets came",
                    media_of(stream),
                    got(back)
                ),
            )
            .blame(blame)
            .proof_of_reports(records(stream).chain(records(back)))
            .ruled_out("hold: no description asks for one direction only")
            .next(next)
            .confidence(confidence),
        );
    }
}

fn got(stream: &Stream) -> i64 {
    stream.packets_received.unwrap_or(0)
}

pub(super) fn records(stream: &Stream) -> impl Iterator<Item = (i64, i64)> {
    stream.reporters.iter().flat_map(Reporter::records)
}
