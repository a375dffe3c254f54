//! Which messages of a call are another one sent again. Pure.
//!
//! A retransmission is the same bytes on the same way (RFC 3261 17.1.1.2, 13.3.1.4). The same message seen by two
//! capture agents is not one, nor is a second 183 with other contents: both stay messages of their own.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use model::Micros;

/// How long a message may be sent again: 64*T1, with room for slow clocks (RFC 3261 17, timers B, F, H).
/// Beyond it the same bytes are a new try of a client that never changes anything, as some keepalives do.
const RETRANSMISSION_TIME_MAX: i64 = 40 * Micros::SECOND;

/// What makes two messages the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sent<'a> {
    pub(crate) method: Option<&'a str>,
    pub(crate) status: Option<i64>,
    pub(crate) cseq: Option<i64>,
    pub(crate) cseq_method: Option<&'a str>,
    pub(crate) via_branch: Option<&'a str>,
    pub(crate) source: (Option<&'a str>, Option<i32>),
    pub(crate) destination: (Option<&'a str>, Option<i32>),
    /// Who saw it: address and capture id of the agent.
    pub(crate) seen_by: (Option<&'a str>, Option<i64>),
    pub(crate) fingerprint: u64,
}

/// Of some bytes; equal bytes have equal ones.
pub(crate) fn fingerprint(raw: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    raw.hash(&mut hasher);
    hasher.finish()
}

/// For each message, in time order, the index of the first one it repeats.
pub(crate) fn repeats<'a>(messages: impl Iterator<Item = (Micros, Option<Sent<'a>>)>) -> Vec<Option<usize>> {
    let mut first_seen: HashMap<Sent<'a>, (usize, Micros)> = HashMap::new();
    messages
        .enumerate()
        .map(|(index, (at, sent))| {
            let first = first_seen.entry(sent?).or_insert((index, at));
            if at.0 - first.1.0 > RETRANSMISSION_TIME_MAX {
                *first = (index, at);
            }
            (first.0 != index).then_some(first.0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: Sent<'_> = Sent {
        method: Some("INVITE"),
        status: None,
        cseq: Some(1),
        cseq_method: Some("INVITE"),
        via_branch: Some("z9hG4bK1"),
        source: (Some("192.0.2.1"), Some(5060)),
        destination: (Some("192.0.2.2"), Some(5060)),
        seen_by: (Some("192.0.2.9"), Some(2001)),
        fingerprint: 7,
    };

    fn repeats_of(messages: &[(i64, Option<Sent<'_>>)]) -> Vec<Option<usize>> {
        repeats(messages.iter().map(|(seconds, sent)| (Micros(seconds * Micros::SECOND), *sent)))
    }

    #[test]
    fn the_same_message_again_points_to_the_first() {
        let all = repeats_of(&[(0, Some(INVITE)), (1, Some(INVITE)), (3, Some(INVITE))]);
        assert_eq!(all, [None, Some(0), Some(0)]);
    }

    #[test]
    fn any_difference_makes_it_another_message() {
        let others = [
            Sent { cseq: Some(2), ..INVITE },
            Sent { via_branch: Some("z9hG4bK2"), ..INVITE },
            Sent { source: (Some("192.0.2.1"), Some(5062)), ..INVITE },
            Sent { fingerprint: 8, ..INVITE },
            Sent { status: Some(200), ..INVITE },
            Sent { seen_by: (Some("192.0.2.8"), Some(2001)), ..INVITE },
        ];
        for other in others {
            assert_eq!(repeats_of(&[(0, Some(INVITE)), (1, Some(other))]), [None, None], "{other:?}");
        }
    }

    #[test]
    fn what_is_no_sip_repeats_nothing() {
        assert_eq!(repeats_of(&[(0, None), (0, None)]), [None, None]);
    }

    #[test]
    fn the_same_bytes_much_later_are_a_new_try() {
        let all = repeats_of(&[(0, Some(INVITE)), (60, Some(INVITE)), (61, Some(INVITE))]);
        assert_eq!(all, [None, None, Some(1)]);
    }
}
