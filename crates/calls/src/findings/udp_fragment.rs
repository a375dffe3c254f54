use std::collections::HashMap;

use super::{Confidence, Finding, Found, Rule, hop, no_response};
use crate::call::Call;
use crate::message::Message;
use crate::timers::GIVE_UP;

pub(super) static RULE: Rule = Rule { id: "UDP_FRAGMENT", source: "RFC 3261 18.1.1", find };

/// What a request may measure over UDP where the path's MTU is not known; beyond it a stream is to be used.
const DATAGRAM_BYTES_MAX: usize = 1_300;

fn find(call: &Call<'_>, found: &mut Found) {
    let is_big = |request: &Message<'_>| request.raw.len() > DATAGRAM_BYTES_MAX;
    if !call.messages.iter().any(|message| message.is_request() && is_big(message)) {
        return;
    }
    // By hop: a small request that was answered.
    let mut answered = HashMap::new();
    for known in call.transactions.iter().filter(|known| !known.replies.is_empty()) {
        if let Some(request) = call.request(known).filter(|request| is_small(&request.raw)) {
            answered.entry(known.hop()).or_insert((request, call.at(known.replies[0])));
        }
    }
    for big in call.transactions.iter().filter(|known| no_response::is_silent(known)) {
        let Some(request) = call.request(big).filter(|request| is_big(request)) else {
            continue;
        };
        let Some((small, reply)) = answered.get(&big.hop()) else { continue };
        if call.until - request.at < GIVE_UP || call.visibility.replies_unseen(big) || !request.is_udp() {
            continue;
        }
        let sendings = big.requests.iter().map(|place| call.at(*place));
        found.add(
            Finding::new(
                super::failed(call),
                format!(
                    "{} of {} bytes over UDP was sent {} times and never answered by {}, which answers one of {} bytes: it is cut into fragments, and they do not arrive",
                    big.method,
                    request.raw.len(),
                    big.requests.len(),
                    big.server,
                    small.raw.len()
                ),
            )
            .blame(hop(big.client, big.server))
            .proof([*small, *reply].into_iter().chain(sendings))
            .ruled_out("a server that is gone: it answered the small request")
            .ruled_out("replies that are not captured: one was seen on this hop")
            .next("send it over TCP or TLS, or make it smaller (fewer codecs, compact names); is a firewall dropping IP fragments?")
            .confidence(Confidence::Medium),
        );
    }
}

fn is_small(raw: &[u8]) -> bool {
    (1..=DATAGRAM_BYTES_MAX).contains(&raw.len())
}
