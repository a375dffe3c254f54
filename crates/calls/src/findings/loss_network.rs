use super::{Blame, Confidence, Finding, Found, Rule, Severity, media_of};
use crate::call::Call;
use crate::media::Reporter;

pub(super) static RULE: Rule = Rule { id: "LOSS_NETWORK", source: "RFC 3550 6.4.1", find };

/// Percent more that the one further down lost.
const MORE_PERCENT_MIN: f64 = 1.0;
/// Packets more that it lost.
const MORE_PACKETS_MIN: i64 = 20;

/// A relay and who hears the stream from it both count: what one has and the other has not was lost between them.
fn find(call: &Call<'_>, found: &mut Found) {
    for stream in call.streams {
        let pairs =
            stream.reporters.iter().flat_map(|near| stream.reporters.iter().map(move |far| (near, far)));
        let Some((near, far)) = pairs.filter(|(near, far)| is_between(near, far)).max_by(|one, other| {
            let lost = |far: &Reporter| far.loss_percent.unwrap_or(0.0);
            lost(one.1).total_cmp(&lost(other.1))
        }) else {
            continue;
        };
        let (Some(before), Some(behind)) = (near.loss_percent, far.loss_percent) else { continue };
        let (from, to) = (near.place.clone().unwrap_or_default(), far.place.clone().unwrap_or_default());
        found.add(
            Finding::new(
                Severity::Warning,
                format!(
                    "{}: {to} lost {behind:.1} %, {from} before it {before:.1} %: the loss is between them",
                    media_of(stream)
                ),
            )
            .blame(Blame::Hop(from.clone(), to.clone()))
            .proof_of_reports([near, far].into_iter().flat_map(Reporter::records))
            .ruled_out("loss before the relay: by its own counters it got the packets")
            .next(format!("queues, links and radio between {from} and {to}"))
            .confidence(Confidence::High),
        );
    }
}

/// The second hears the stream from the first, both counted about the same packets, and the second has clearly lost more.
fn is_between(near: &Reporter, far: &Reporter) -> bool {
    let is_behind = far.heard_from.is_some() && far.heard_from == near.host && far.host != near.host;
    let packets = |reporter: &Reporter| reporter.packets_expected.filter(|packets| *packets > 0);
    let Some((one, other)) = packets(near).zip(packets(far)) else { return false };
    let is_same_span = one.abs_diff(other) <= one.max(other).unsigned_abs() / 5;
    let more_percent = far.loss_percent.zip(near.loss_percent).map(|(far, near)| far - near);
    let more_packets = far.packets_lost.zip(near.packets_lost).map(|(far, near)| far.saturating_sub(near));
    is_behind
        && is_same_span
        && more_percent.is_some_and(|more| more >= MORE_PERCENT_MIN)
        && more_packets.is_some_and(|more| more >= MORE_PACKETS_MIN)
}
