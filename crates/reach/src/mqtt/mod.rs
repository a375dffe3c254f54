//! MQTT 5 (OASIS standard of 7 March 2019), as far as a client needs it that publishes and subscribes at QoS 0 and 1.

mod connection;
mod reason;
mod wire;

pub use connection::{Connection, Login, Options};
pub use wire::{Packet, Parser, Publish, Quality};

/// What no level of a topic may hold that is made of somebody's words: levels are separated by slashes, and `+` and `#`
/// stand for others.
pub fn is_level_sign(sign: char) -> bool {
    !sign.is_control() && !matches!(sign, '/' | '+' | '#')
}

/// Whether this is a topic (section 4.7); with `wildcards`, one to subscribe to.
pub fn is_topic(text: &str, wildcards: bool) -> bool {
    /// More than anybody types; the standard has 65,535.
    const BYTES_MAX: usize = 1_024;
    let mut levels = text.split('/').peekable();
    let mut all_are = (1..=BYTES_MAX).contains(&text.len());
    while let Some(level) = levels.next() {
        let is_wild = wildcards && (level == "+" || level == "#" && levels.peek().is_none());
        all_are &= is_wild || level.chars().all(is_level_sign);
    }
    all_are
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_told_from_others() {
        for text in ["hep", "hep/sip/edge 1", "/hep", "hep/"] {
            assert!(is_topic(text, false) && is_topic(text, true), "{text}");
        }
        for text in ["hep/+", "hep/#", "#", "$share/group/hep/#"] {
            assert!(!is_topic(text, false) && is_topic(text, true), "{text}");
        }
        for text in ["", "a\0", "hep/#/sip", "a+", "hep/x#", "a\n"] {
            assert!(!is_topic(text, true), "{text:?}");
        }
    }
}
