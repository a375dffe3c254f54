use std::net::{IpAddr, Ipv4Addr};

use super::{Confidence, Finding, Found, Rule, Severity};
use crate::call::Call;
use crate::message::Message;
use crate::session::Side;

pub(super) static RULE: Rule = Rule { id: "SDP_PRIVATE_IP", source: "RFC 1918; RFC 6598; RFC 3264 5", find };

fn find(call: &Call<'_>, found: &mut Found) {
    // What the far end is told is what counts: a proxy may have put it right on the way. So offers are judged where
    // they were seen last, and answers where they arrive.
    for invite in call.openings().filter(|invite| invite.downstream.is_empty()) {
        if let Some(request) = call.request(invite) {
            judge(call, request, Side::Caller, found);
        }
    }
    for invite in call.openings().filter(|invite| invite.upstream.is_none()) {
        if let Some(answer) = call.answer(invite).filter(|reply| matches!(reply.status, Some(200..300))) {
            judge(call, answer, Side::Callee, found);
        }
    }
}

fn judge(call: &Call<'_>, message: &Message<'_>, side: Side, found: &mut Found) {
    if !is_public(message.src.ip) || !is_public(message.dst.ip) {
        return;
    }
    let streams = call.description(message).unwrap_or_default();
    let private = streams.iter().find(|stream| {
        !stream.is_refused() && !stream.has_ice && stream.address.as_deref().is_some_and(is_private)
    });
    let Some(private) = private else { return };
    let address = private.address.as_deref().unwrap_or_default();
    found.add(
        Finding::new(
            Severity::Warning,
            format!(
                "{} asks for its {} at {address}, which {} cannot reach: one side may hear nothing",
                message.src, private.kind, message.dst
            ),
        )
        .proof([message])
        .ruled_out("ICE: the description has no candidates")
        .next(format!(
            "is there NAT before the {}? Unless {} sends media back to where it comes from, use STUN, a relay or a session border controller",
            side.as_str(),
            message.dst
        ))
        .confidence(Confidence::Low),
    );
}

fn is_public(ip: Option<&str>) -> bool {
    match ip.and_then(|ip| ip.parse().ok()) {
        Some(IpAddr::V4(ip)) => {
            !(is_shared(ip)
                || ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified())
        }
        _ => false,
    }
}

fn is_private(ip: &str) -> bool {
    ip.parse().is_ok_and(|ip: Ipv4Addr| ip.is_private() || is_shared(ip))
}

/// Of carriers (RFC 6598).
fn is_shared(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    first == 100 && second & 0xC0 == 64
}
