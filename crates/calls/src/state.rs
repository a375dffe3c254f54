//! What became of a call, read from its SIP messages. Pure.
//!
//! One Call-ID may be seen on several hops, forked to several phones and tried again after a challenge: the answer
//! is the best that happened, as the caller would tell it.

use crate::message::Message;

/// What became of a call or another exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// INVITE sent, nothing back but perhaps 100.
    Calling,
    /// 101 to 199 came back.
    Ringing,
    /// 2xx to the INVITE; no BYE seen.
    Answered,
    /// Answered, then BYE.
    Ended,
    /// The caller gave up: CANCEL or 487.
    Cancelled,
    /// 4xx, 5xx, 6xx to the last attempt.
    Failed,
    /// 3xx, not followed.
    Redirected,
    /// 401 or 407 without another attempt.
    Challenged,
    /// Not a call (REGISTER, OPTIONS, ...): no final answer seen.
    Pending,
    /// Not a call: 2xx.
    Done,
    /// No SIP message among its records.
    Unknown,
}

impl State {
    pub const ALL: &[Self] = &[
        Self::Calling,
        Self::Ringing,
        Self::Answered,
        Self::Ended,
        Self::Cancelled,
        Self::Failed,
        Self::Redirected,
        Self::Challenged,
        Self::Pending,
        Self::Done,
        Self::Unknown,
    ];

    /// The state that [`State::as_str`] gives this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|state| state.as_str() == name).copied()
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Calling => "calling",
            Self::Ringing => "ringing",
            Self::Answered => "answered",
            Self::Ended => "ended",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Redirected => "redirected",
            Self::Challenged => "challenged",
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Unknown => "unknown",
        }
    }
}

/// What became of it, with the numbers that say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub state: State,
    /// The status that decided it.
    pub status: Option<i64>,
    /// When the first 2xx to the INVITE was seen.
    pub answered: Option<i64>,
    /// When the first BYE was seen.
    pub ended: Option<i64>,
}

const UNKNOWN: Outcome = Outcome { state: State::Unknown, status: None, answered: None, ended: None };

/// The messages are in time order.
pub fn outcome(messages: &[Message<'_>]) -> Outcome {
    let is_call = messages.iter().any(|message| message.is("INVITE"));
    let method = if is_call {
        "INVITE"
    } else if let Some(method) = messages.iter().find_map(|message| message.method) {
        method
    } else {
        return UNKNOWN;
    };
    // Requests that open the exchange. A re-INVITE (RFC 3261 14) carries a To tag: what is answered to it is not
    // the fate of the call. If recording began inside the dialog, there is nothing better than all of them.
    let opening: Vec<i64> = messages
        .iter()
        .filter(|message| message.status.is_none() && message.is(method) && message.to_tag.is_none())
        .filter_map(|message| message.cseq)
        .collect();
    let answers = messages.iter().filter(|message| {
        message.status.is_some()
            && message.is(method)
            && (opening.is_empty() || message.cseq.is_none_or(|cseq| opening.contains(&cseq)))
    });

    // Who was asked for credentials and tried again (RFC 3261 22.2: next CSeq) is past the challenge.
    let last_attempt = opening.iter().max().copied();
    let is_past = |message: &Message<'_>| message.cseq < last_attempt && message.cseq.is_some();

    let mut status: Option<i64> = None;
    let mut answered = None;
    for message in answers {
        let Some(told) = message.status else { continue };
        if (200..300).contains(&told) && answered.is_none() {
            answered = Some(message.at);
        }
        if is_challenge(told) && is_past(message) {
            continue;
        }
        if status.is_none_or(|kept| outranks(told, kept)) {
            status = Some(told);
        }
    }
    if !is_call {
        let state = match status {
            Some(200..300) => State::Done,
            Some(300..400) => State::Redirected,
            Some(status) if is_challenge(status) => State::Challenged,
            Some(400..) => State::Failed,
            _ => State::Pending,
        };
        return Outcome { state, status, answered: None, ended: None };
    }
    let ended =
        messages.iter().find(|message| message.status.is_none() && message.is("BYE")).map(|bye| bye.at);
    let cancelled = messages.iter().any(|message| message.status.is_none() && message.is("CANCEL"));
    let state = match status {
        // Only a dialog has a BYE: the answer was missed.
        None | Some(..200) if ended.is_some() => State::Ended,
        Some(200..300) if ended.is_some() => State::Ended,
        Some(200..300) => State::Answered,
        // RFC 3261 9.2: a cancelled INVITE is answered with 487. With CANCEL on the way any failure is its doing.
        Some(487) => State::Cancelled,
        Some(300..) | None if cancelled => State::Cancelled,
        Some(..200) if cancelled => State::Cancelled,
        Some(300..400) => State::Redirected,
        Some(status) if is_challenge(status) => State::Challenged,
        Some(400..) => State::Failed,
        Some(101..200) => State::Ringing,
        _ => State::Calling,
    };
    Outcome { state, status, answered, ended }
}

/// Whether a later status says more about the fate than the one kept: success beats all, a final one beats a
/// provisional one, the later of two of a kind beats the earlier.
fn outranks(later: i64, kept: i64) -> bool {
    rank(later) >= rank(kept)
}

fn rank(status: i64) -> u8 {
    match status {
        ..=100 => 0,
        101..=199 => 1,
        200..=299 => 3,
        _ => 2,
    }
}

pub(crate) fn is_challenge(status: i64) -> bool {
    matches!(status, 401 | 407)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `INVITE 1`, `INVITE 2 tag`, `180 INVITE 1`: one message each, a millisecond apart.
    fn read(script: &str) -> Outcome {
        let messages: Vec<Message<'_>> = script
            .split(',')
            .enumerate()
            .map(|(at, line)| {
                let mut words = line.split_whitespace().peekable();
                let status = words.peek().and_then(|word| word.parse().ok());
                if status.is_some() {
                    words.next();
                }
                let method = words.next();
                let cseq = words.next().map(|word| word.parse().expect("a CSeq number"));
                let to_tag = words.next();
                Message { at: at as i64 * 1_000, method, status, cseq, to_tag, ..Message::default() }
            })
            .collect();
        outcome(&messages)
    }

    #[track_caller]
    fn check(script: &str, state: State, status: Option<i64>) {
        let outcome = read(script);
        assert_eq!((outcome.state, outcome.status), (state, status), "{script}");
    }

    #[test]
    fn a_call_goes_its_way() {
        check("INVITE 1", State::Calling, None);
        check("INVITE 1, 100 INVITE 1", State::Calling, Some(100));
        check("INVITE 1, 100 INVITE 1, 180 INVITE 1", State::Ringing, Some(180));
        check("INVITE 1, 180 INVITE 1, 100 INVITE 1", State::Ringing, Some(180));
        check("INVITE 1, 180 INVITE 1, 200 INVITE 1, ACK 1 tag", State::Answered, Some(200));
        check("INVITE 1, 200 INVITE 1, ACK 1 tag, BYE 2 tag, 200 BYE 2 tag", State::Ended, Some(200));
        check("INVITE 1, 486 INVITE 1, ACK 1 tag", State::Failed, Some(486));
        check("INVITE 1, 302 INVITE 1", State::Redirected, Some(302));
        check("INVITE 1, 180 INVITE 1, CANCEL 1, 200 CANCEL 1, 487 INVITE 1", State::Cancelled, Some(487));
        check("INVITE 1, 180 INVITE 1, CANCEL 1", State::Cancelled, Some(180));
    }

    #[test]
    fn answer_and_end_have_times() {
        let outcome = read("INVITE 1, 200 INVITE 1, 200 INVITE 1, ACK 1 tag, BYE 2 tag, BYE 2 tag");
        assert_eq!((outcome.answered, outcome.ended), (Some(1_000), Some(4_000)));
    }

    #[test]
    fn an_answer_that_crossed_the_cancel_wins() {
        check("INVITE 1, 180 INVITE 1, CANCEL 1, 200 INVITE 1, 200 CANCEL 1", State::Answered, Some(200));
    }

    #[test]
    fn challenges_are_a_step_unless_nobody_took_it() {
        check("INVITE 1, 407 INVITE 1, ACK 1 tag", State::Challenged, Some(407));
        check("INVITE 1, 407 INVITE 1, ACK 1 tag, INVITE 2", State::Calling, None);
        check("INVITE 1, 407 INVITE 1, ACK 1 tag, INVITE 2, 180 INVITE 2", State::Ringing, Some(180));
        check("INVITE 1, 407 INVITE 1, ACK 1 tag, INVITE 2, 200 INVITE 2", State::Answered, Some(200));
        check("INVITE 1, 407 INVITE 1, ACK 1 tag, INVITE 2, 403 INVITE 2", State::Failed, Some(403));
        check("REGISTER 1, 401 REGISTER 1, REGISTER 2", State::Pending, None);
        check("REGISTER 1, 401 REGISTER 1, REGISTER 2, 200 REGISTER 2", State::Done, Some(200));
        check("REGISTER 1, 401 REGISTER 1", State::Challenged, Some(401));
    }

    #[test]
    fn one_branch_that_answers_is_an_answer() {
        check("INVITE 1, 486 INVITE 1, 200 INVITE 1", State::Answered, Some(200));
        check("INVITE 1, 200 INVITE 1, 487 INVITE 1", State::Answered, Some(200));
    }

    #[test]
    fn what_happens_to_a_reinvite_is_not_the_fate_of_the_call() {
        check(
            "INVITE 1, 200 INVITE 1, ACK 1 tag, INVITE 2 tag, 488 INVITE 2 tag",
            State::Answered,
            Some(200),
        );
        check("INVITE 1, 180 INVITE 1, INVITE 7 tag, 491 INVITE 7 tag", State::Ringing, Some(180));
    }

    #[test]
    fn a_recording_that_began_late_is_read_as_far_as_it_goes() {
        check("INVITE 5 tag, 200 INVITE 5 tag", State::Answered, Some(200));
        check("BYE 9 tag, 200 BYE 9 tag", State::Done, Some(200));
        check("INVITE 1, BYE 2 tag", State::Ended, None);
    }

    #[test]
    fn other_exchanges_are_not_calls() {
        check("OPTIONS 1", State::Pending, None);
        check("OPTIONS 1, 200 OPTIONS 1", State::Done, Some(200));
        check("MESSAGE 1, 503 MESSAGE 1", State::Failed, Some(503));
        assert_eq!(outcome(&[]), UNKNOWN);
        assert_eq!(outcome(&[Message::default()]), UNKNOWN);
    }

    fn messages() -> impl Strategy<Value = Vec<Message<'static>>> {
        let method =
            prop::sample::select(vec![Some("INVITE"), Some("BYE"), Some("CANCEL"), Some("REGISTER"), None]);
        let status = prop::option::of(100_i64..700);
        let message = (0_i64..100, method, status, prop::option::of(1_i64..4), any::<bool>());
        let message = message.prop_map(|(at, method, status, cseq, to_tag)| Message {
            at,
            method,
            status,
            cseq,
            to_tag: to_tag.then_some("tag"),
            ..Message::default()
        });
        prop::collection::vec(message, 0..12)
    }

    proptest! {
        #[test]
        fn state_and_numbers_agree(messages in messages()) {
            let Outcome { state, status, answered, ended } = outcome(&messages);
            let class = status.map(|status| status / 100);
            match state {
                State::Answered => prop_assert!(class == Some(2) && answered.is_some() && ended.is_none()),
                State::Ended => prop_assert!(ended.is_some()),
                State::Ringing => prop_assert_eq!(class, Some(1)),
                State::Redirected => prop_assert_eq!(class, Some(3)),
                State::Challenged => prop_assert!(status.is_some_and(is_challenge)),
                State::Failed => prop_assert!(class >= Some(4)),
                State::Done => prop_assert_eq!(class, Some(2)),
                State::Unknown => prop_assert!(messages.iter().all(|message| message.method.is_none())),
                State::Calling | State::Cancelled | State::Pending => {}
            }
            let was_answered = messages.iter().any(|message| message.is("INVITE") && matches!(message.status, Some(200..300)));
            prop_assert!(answered.is_none() || was_answered);
        }
    }
}
