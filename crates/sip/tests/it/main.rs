//! Reading what real wires carry, through the public doors of the room.

mod broken;
mod headers;
mod properties;
mod recordings;
mod sdp;

/// The kinds of problem of a message, in order of place.
fn kinds(message: &sip::Message<'_>) -> Vec<sip::ProblemKind> {
    message.problems().into_iter().map(|problem| problem.kind).collect()
}

/// The bytes of a string literal with CRLF line ends.
fn crlf(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}
