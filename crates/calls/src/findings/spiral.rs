use super::{Blame, Finding, Found, Rule, Severity};
use crate::call::Call;
use crate::message::words;
use crate::transaction::Transaction;

pub(super) static RULE: Rule = Rule { id: "SPIRAL", source: "RFC 3261 6, 16.3", find };

/// Hops that are followed back: the greatest Max-Forwards that is recommended (RFC 3261 8.1.1.6).
const HOPS_MAX: usize = 70;

fn find(call: &Call<'_>, found: &mut Found) {
    for again in call.openings() {
        let Some(before) = visit_before(call, again) else { continue };
        let (Some(first), Some(second)) = (call.request(before), call.request(again)) else { continue };
        let (read, read_again) = (first.sip(), second.sip());
        let (Some(uri), Some(uri_again)) = (read.request_uri(), read_again.request_uri()) else { continue };
        // With the same target it is a loop, which ends with 482 or 483. Servers write one host in several ways.
        let whom = |uri: &sip::value::Uri<'_>| uri.subscriber().or(uri.host).map(<[u8]>::to_ascii_lowercase);
        if whom(&uri) == whom(&uri_again) {
            continue;
        }
        found.add(
            Finding::new(
                Severity::Info,
                format!(
                    "the call came to {} twice: first for {}, then for {}, as forwarding does",
                    again.server,
                    words(uri.raw),
                    words(uri_again.raw)
                ),
            )
            .blame(Blame::Nobody)
            .proof([first, second])
            .ruled_out("a loop: somebody else is asked for the second time")
            .next("nothing, unless the call was not meant to be forwarded there"),
        );
        return;
    }
}

/// The last time that this request came to the same server, by what proxies put above each other's Via.
fn visit_before<'b, 'a>(call: &'b Call<'a>, again: &'b Transaction<'a>) -> Option<&'b Transaction<'a>> {
    let mut at = again;
    for _ in 0..HOPS_MAX {
        at = &call.transactions[at.upstream?];
        if at.server == again.server && at.server.ip.is_some() {
            return Some(at);
        }
    }
    None
}
