//! How long a call is waited for.

use crate::message::Message;
use crate::state::State;

const SECOND: i64 = 1_000_000;

/// From the first message that no row tells of to the row. Most of what belongs to one step of a call comes within it,
/// and a list is never further behind.
pub(super) const HOLD: i64 = SECOND;

/// The same for a REGISTER: by then it is mostly over, and is looked at once.
const HOLD_REGISTER: i64 = DONE + SECOND / 2;

/// 64*T1 and a little more: all that belongs to a call that has ended has come by then (RFC 3261 17, timers B, D, F, H,
/// J), and all that has not may be missed.
pub(super) const LATE: i64 = 35 * SECOND;

/// Timer C (RFC 3261 16.6), and a little more: a call that rings longer is given up by any proxy.
const RINGING_MAX: i64 = 200 * SECOND;

/// A conversation without any message for so long is over, and its end was missed.
const SILENCE_MAX: i64 = 24 * 3_600 * SECOND;

/// What was answered at once and with success is over, but for what other capture points have still on their way.
const DONE: i64 = 2 * SECOND;

/// Something new has no row for so long at most: what never falls quiet is told as well.
const UNTOLD_MAX: i64 = 5 * SECOND;

/// After less a call is likely to go on at once: compressing it would be work for nothing.
const QUIET: i64 = 5 * SECOND;

/// What a look at a call leads to.
#[derive(Debug)]
pub(crate) struct Patience {
    /// When to look again, from now on; `None`: it is over.
    pub(crate) look_again_in: Option<i64>,
    /// What is missing now is missing: rules may speak.
    pub(crate) is_settled: bool,
    /// Worth a row now.
    pub(super) is_told: bool,
    /// It may be hours.
    pub(super) is_long: bool,
}

/// How long to wait for more after this message, the first of which no row tells.
pub(super) fn hold(message: &Message<'_>) -> i64 {
    if message.is("REGISTER") { HOLD_REGISTER } else { HOLD }
}

/// When to look again at a call of which nothing new is known and that has been told to be in this state, if looking closer
/// now would find nothing: it is only to be put by.
pub(super) fn only_to_wait(told: State, is_quiet: bool, quiet: i64) -> Option<i64> {
    let until = if is_quiet { SILENCE_MAX } else { LATE };
    (told == State::Answered && quiet < until).then(|| until - quiet)
}

impl Patience {
    /// There is no room to wait; that its end is missing says nothing about the call.
    pub(super) const NONE: Self =
        Self { look_again_in: None, is_settled: false, is_told: true, is_long: false };

    /// For a call in this state, after so long without a message, with something new for so long.
    pub(super) fn with(state: State, quiet: i64, untold: i64) -> Self {
        let last = match state {
            State::Answered => SILENCE_MAX,
            State::Calling | State::Ringing => RINGING_MAX,
            State::Done => DONE,
            _ => LATE,
        };
        let has_failed = matches!(
            state,
            State::Failed | State::Cancelled | State::Redirected | State::Challenged | State::Unknown
        );
        let steps = match state {
            State::Answered => [QUIET, LATE, last],
            State::Done => [DONE; 3],
            _ => [LATE, LATE, last],
        };
        let next = steps.into_iter().find(|end| quiet < *end);
        Self {
            // Its row follows in a moment.
            is_told: state != State::Done || next.is_none() || untold >= UNTOLD_MAX,
            look_again_in: next.map(|end| end - quiet),
            is_settled: has_failed || quiet >= LATE || next.is_none(),
            is_long: state == State::Answered && quiet >= QUIET,
        }
    }
}
