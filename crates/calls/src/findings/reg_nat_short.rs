use std::net::IpAddr;

use super::{Confidence, Finding, Found, Rule, Severity, hop};
use crate::call::Call;
use crate::message::{Message, words};
use crate::registration::granted;
use crate::timers::{SECOND, span};

pub(super) static RULE: Rule =
    Rule { id: "REG_NAT_SHORT", source: "RFC 3581 4; RFC 5626 4.4.2; RFC 4787 4.3", find };

/// No NAT forgets sooner; two ports at once are two sockets.
const IDLE_MIN: i64 = 20 * SECOND;

fn find(call: &Call<'_>, found: &mut Found) {
    let mut before: Option<(&Message<'_>, &Message<'_>)> = None;
    for (register, request, reply) in granted(call) {
        if let Some((old, _)) =
            before.filter(|(old, old_reply)| is_moved(old, request) && request.at - old_reply.at >= IDLE_MIN)
        {
            let (was, is) = (old.src.port.unwrap_or(0), request.src.port.unwrap_or(0));
            found.add(
                Finding::new(
                    Severity::Warning,
                    format!(
                        "the NAT before {} forgot its phone within {}: the registration came from port {was}, and then from port {is}",
                        words(request.src.ip.unwrap_or_default().as_bytes()),
                        span(request.at - old.at)
                    ),
                )
                .blame(hop(register.server, register.client))
                .proof([old, request])
                .ruled_out("a phone with another port of its own: its Via is the same")
                .next("let the phone, or the registrar, send something every 20 to 30 s (RFC 5626), or register over TCP or TLS")
                .confidence(Confidence::Medium),
            );
            return;
        }
        before = Some((request, reply));
    }
}

/// The same socket by its own words, seen under another port of the same address.
fn is_moved(old: &Message<'_>, new: &Message<'_>) -> bool {
    let (before, now) = (old.sip(), new.sip());
    let (Some(before), Some(now)) = (before.via(), now.via()) else { return false };
    // Who names the address it is seen from is behind no NAT; a name may stand for any.
    let seen: Option<IpAddr> = new.src.ip.and_then(|ip| ip.parse().ok());
    let said: Option<IpAddr> = std::str::from_utf8(now.host).ok().and_then(|host| host.parse().ok());
    let is_natted = seen.is_some() && said.is_some() && seen != said;
    is_natted
        && old.is_udp()
        && new.is_udp()
        && (before.host, before.port) == (now.host, now.port)
        && old.src.ip == new.src.ip
        && old.src.port != new.src.port
}
