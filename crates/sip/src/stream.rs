//! Several messages in one run of bytes.

use crate::message::{Message, parse_at};

/// The messages that stand back to back in `bytes`, as on a stream or in a capture that cut it anywhere. Where
/// one ends is told by Content-Length (RFC 3261 18.3), or by a start line after a message without a body. Keep-alives
/// and padding between messages are skipped. All ranges are places in `bytes`.
///
/// ```
/// let bytes = b"\r\n\r\nSIP/2.0 200 OK\r\nl: 2\r\n\r\nhiSIP/2.0 100 Trying\r\n\r\n\0\0";
/// let statuses: Vec<_> = sip::messages(bytes).map(|message| message.status()).collect();
/// assert_eq!(statuses, [Some(200), Some(100)]);
/// ```
pub fn messages(bytes: &[u8]) -> Messages<'_> {
    Messages { bytes, at: 0 }
}

/// See [`messages`].
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let message = parse_at(self.bytes, self.at);
        let range = message.range();
        // Nothing left but line ends and NULs; a message takes at least one byte, so this comes.
        if range.is_empty() {
            self.at = self.bytes.len();
            return None;
        }
        self.at = range.end;
        Some(message)
    }
}
