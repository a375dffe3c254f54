use super::{Confidence, Finding, Found, Rule, Severity, host};
use crate::call::Call;
use crate::description::Stream;

pub(super) static RULE: Rule = Rule { id: "PTIME_MISMATCH", source: "RFC 8866 6.4, 6.5; RFC 3264 6.1", find };

fn find(call: &Call<'_>, found: &mut Found) {
    for (request, answer) in call.agreements() {
        if found.is_full() {
            return;
        }
        for (offer, answered) in call.pairs(request, answer) {
            let (who, asked, taken) = match (too_long(offer, answered), too_long(answered, offer)) {
                (Some((asked, taken)), _) => (request.src, asked, taken),
                (None, Some((asked, taken))) => (answer.src, asked, taken),
                (None, None) => continue,
            };
            found.add(
                Finding::new(
                    Severity::Warning,
                    format!(
                        "{who} wants {} packets of {asked} ms, but the other side takes {taken} ms at most: what is longer may be dropped",
                        offer.kind
                    ),
                )
                .blame(host(who))
                .proof([request, answer])
                .ruled_out("a wish that may be ignored: maxptime is a limit, ptime is the wish")
                .next("set the packet time of both sides to 20 ms")
                .confidence(Confidence::Low),
            );
        }
    }
}

/// What one asks to be sent, where the other says that it can neither take nor make so long a packet.
fn too_long(asking: &Stream<'_>, limiting: &Stream<'_>) -> Option<(u32, u32)> {
    let (asked, taken) = (asking.ptime?, limiting.ptime_max?);
    (asked > taken).then_some((asked, taken))
}
