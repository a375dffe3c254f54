//! NATS, and JetStream over it: the text protocol of clients (docs.nats.io/reference/reference-protocols/nats-protocol).

mod connection;
pub mod jetstream;
mod login;
mod nkey;
mod wire;

pub use connection::{Connection, Options};
pub use login::Login;
pub use nkey::Nkey;
pub use wire::{Event, Message, Parser, Status};

/// What no token of a subject may hold: they are separated by dots, and `*` and `>` stand for others.
pub fn is_token_sign(sign: char) -> bool {
    !sign.is_whitespace() && !sign.is_control() && !matches!(sign, '.' | '*' | '>' | '"' | '\\')
}

/// Whether this is a subject; with `wildcards`, one to listen on.
pub fn is_subject(text: &str, wildcards: bool) -> bool {
    /// A line of the protocol holds 4 KiB by default, and a message has another subject to answer to.
    const BYTES_MAX: usize = 1_024;
    let mut tokens = text.split('.').peekable();
    let mut all_are = text.len() <= BYTES_MAX;
    while let Some(token) = tokens.next() {
        let is_wild = wildcards && (token == "*" || token == ">" && tokens.peek().is_none());
        all_are &= is_wild || !token.is_empty() && token.chars().all(is_token_sign);
    }
    all_are
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_told_from_others() {
        for text in ["hep", "hep.sip.edge-1", "$JS.API.INFO"] {
            assert!(is_subject(text, false) && is_subject(text, true), "{text}");
        }
        for text in ["hep.*", "hep.>", "*.sip"] {
            assert!(!is_subject(text, false) && is_subject(text, true), "{text}");
        }
        for text in ["", ".", "hep.", ".hep", "hep..sip", "a b", "hep.>.sip", "a\r\nPING", "a*", "x>"] {
            assert!(!is_subject(text, true), "{text:?}");
        }
    }
}
