use super::{Confidence, Finding, Found, Rule, Severity, host};
use crate::call::Call;
use crate::message::{Message, words};

pub(super) static RULE: Rule =
    Rule { id: "ACK_WRONG_TARGET", source: "RFC 3261 12.1.2, 12.2.1.1, 13.2.2.4", find };

/// Phones that answered one INVITE and are compared with.
const ANSWERS_MAX: usize = 8;

fn find(call: &Call<'_>, found: &mut Found) {
    for invite in call.of("INVITE").filter(|invite| invite.upstream.is_none()) {
        let answers: Vec<&Message<'_>> = call
            .replies(invite)
            .filter(|reply| matches!(reply.status, Some(200..300)))
            .take(ANSWERS_MAX)
            .collect();
        let Some(answer) = answers.first() else { continue };
        // With the branch of the INVITE it would acknowledge a failure.
        let ack = invite
            .acks
            .iter()
            .map(|place| call.at(*place))
            .find(|ack| ack.at >= answer.at && ack.via_branch != invite.branch && is_by_its_sender(ack));
        let Some(ack) = ack.filter(|_| !found.is_full()) else { continue };
        let wrong: Vec<String> = answers.iter().map_while(|answer| wrong(ack, answer)).collect();
        // Right for any of the phones is right.
        let (true, Some(what)) = (wrong.len() == answers.len(), wrong.first()) else { continue };
        found.add(
            Finding::new(Severity::Warning, format!("{} sends its ACK {what}", ack.src))
                .blame(host(ack.src))
                .proof([*answer, ack])
                .ruled_out("an ACK to another phone: no answer of this INVITE fits it")
                .next(format!(
                    "does {} take target and route of the call from Contact and Record-Route of the 200?",
                    ack.src
                ))
                .confidence(Confidence::Medium),
        );
    }
}

/// A proxy takes its own Route away (RFC 3261 16.4), and the hop before it may not have been seen.
fn is_by_its_sender(ack: &Message<'_>) -> bool {
    ack.sip().vias().take(2).count() == 1
}

/// What is wrong with the ACK as one to this answer.
fn wrong(ack: &Message<'_>, answer: &Message<'_>) -> Option<String> {
    let (read, ack) = (answer.sip(), ack.sip());
    let target = read.contact()?.uri;
    let uri = ack.request_uri()?;
    let mut routes = read.addresses(sip::Name::RecordRoute).peekable();
    // A strict router (RFC 3261 16.6) is put into the request URI.
    let is_strict = routes.peek().is_some_and(|route| !route.uri.params().has(b"lr"));
    if is_strict || !target.has_host() || !uri.has_host() {
        return None;
    }
    // The user part seldom decides where it goes.
    let is_same_host = match (target.host, uri.host) {
        (Some(target), Some(uri)) => target.eq_ignore_ascii_case(uri),
        _ => return None,
    };
    if !is_same_host || port(target.port) != port(uri.port) {
        return Some(format!(
            "to {}, not to the Contact of the answer, {}",
            words(uri.raw),
            words(target.raw)
        ));
    }
    if routes.peek().is_some() && ack.header(sip::Name::Route).is_none() {
        return Some("without the route that the answer recorded".to_owned());
    }
    None
}

/// 5060, and 5061 with TLS, need not be written (RFC 3261 19.1.2).
fn port(port: Option<u16>) -> Option<u16> {
    port.filter(|port| !matches!(port, 5060 | 5061))
}
