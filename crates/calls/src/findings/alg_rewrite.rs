use super::{Blame, Confidence, Finding, Found, Rule, Severity};
use crate::call::Call;
use crate::message::Message;

pub(super) static RULE: Rule = Rule { id: "ALG_REWRITE", source: "RFC 3261 18.3, 20.14", find };

fn find(call: &Call<'_>, found: &mut Found) {
    let changed = call.messages.iter().find_map(|message| Some((message, bytes_left_over(message)?)));
    let Some((message, left)) = changed else { return };
    let length = message.sip().content_length().unwrap_or(0);
    found.add(
        Finding::new(
            Severity::Warning,
            format!(
                "what {} sent to {} has a body {left} bytes longer than its Content-Length ({length}) says: the end of it is cut off by who reads it",
                message.src, message.dst
            ),
        )
        .blame(Blame::Unknown)
        .proof([message])
        .ruled_out("a message that was cut: it is longer, not shorter")
        .ruled_out("a second message behind it: what follows is none, and UDP carries one in a datagram")
        .next("is there a router or firewall on the way that changes SIP (ALG)? Turn it off, or use TLS")
        .confidence(Confidence::Medium),
    );
}

/// Bytes of the body of a datagram behind its Content-Length.
fn bytes_left_over(message: &Message<'_>) -> Option<usize> {
    // Nothing behind the headers, as mostly: no need to read it.
    if message.raw.ends_with(b"\r\n\r\n") {
        return None;
    }
    let read = message.sip();
    let rest = message.raw.get(read.range().end..)?;
    // Senders pad with line ends and NULs; agents glue messages together.
    let is_padding = rest.iter().all(|byte| matches!(byte, b'\r' | b'\n' | b' ' | 0));
    let is_datagram = message.is_udp() && !sip::parse(rest).is_sip();
    (read.content_length()? > 0 && !is_padding && is_datagram).then_some(rest.len())
}
