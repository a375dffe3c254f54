//! Key performance indicators over calls and registrations: those of RFC 6076, and the ratios of telephony (ITU-T E.411,
//! E.425).
//!
//! What is counted are calls, each once however often it was challenged, forked or sent again. A ratio over nothing is
//! `None`: there was no traffic, which is not a bad figure.

mod label;
mod minute;
mod pairs;
mod sketch;
mod talking;

pub use label::{family, prefix};
pub use minute::{By, GROUPS_MAX, KPI_1M, MINUTE, Minute, Over, PREFIX_DIGITS, Share};
pub use sketch::Sketch;
pub use talking::Talking;

use crate::state::State;

/// What counts of one call: the columns of [`crate::CALLS`]. Times are microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    pub state: State,
    pub status: Option<i64>,
    /// Q.850.
    pub cause: Option<i64>,
    pub pdd: Option<i64>,
    pub ring: Option<i64>,
    pub talk: Option<i64>,
    pub is_answered: bool,
    pub disconnect_delay: Option<i64>,
    pub messages: u64,
    pub retransmissions: u64,
}

impl Told {
    /// The columns that [`Told::of`] reads, in its order.
    pub const NUMBERS: [&str; 9] = [
        "status",
        "cause",
        "pdd",
        "ring",
        "talk",
        "answered",
        "disconnect_delay",
        "messages",
        "retransmissions",
    ];

    /// `state` by its name; `number` gives the value of that column of [`Told::NUMBERS`].
    pub fn of(state: Option<&str>, number: impl FnMut(usize) -> Option<i64>) -> Self {
        let [status, cause, pdd, ring, talk, answered, disconnect_delay, messages, retransmissions] =
            std::array::from_fn(number);
        let count = |number: Option<i64>| u64::try_from(number.unwrap_or(0)).unwrap_or(0);
        Self {
            state: state.and_then(State::named).unwrap_or(State::Unknown),
            status,
            cause,
            pdd,
            ring,
            talk,
            is_answered: answered.is_some(),
            disconnect_delay,
            messages: count(messages),
            retransmissions: count(retransmissions),
        }
    }
}

/// Counts of calls, which can be added up: over minutes, trunks and nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kpi {
    /// Calls that were tried, without those of which the fate is open.
    pub attempts: u64,
    /// Calls of which the fate is open.
    pub open: u64,
    pub redirected: u64,
    pub answered: u64,
    /// Answered, and ended by a BYE that was answered.
    pub completed: u64,
    /// Answered, or not for a reason that is the called user's (RFC 6076 4.7).
    pub effective: u64,
    /// Answered, or the network did its job all the same (ITU-T E.425: NER).
    pub delivered: u64,
    /// 408, 500, 503, 504 (RFC 6076 4.8).
    pub ineffective: u64,
    /// Given up by the caller.
    pub abandoned: u64,
    /// Conversations that have ended.
    pub conversations: u64,
    /// Of these, shorter than [`SHORT_CALL`].
    pub short: u64,
    /// Microseconds of them.
    pub talk: u64,
    pub messages: u64,
    pub retransmissions: u64,
    /// Session request delay of calls that were answered or rang (RFC 6076 4.3.1).
    pub pdd: Sketch,
    /// Session request delay of calls that failed (RFC 6076 4.3.2).
    pub failed_pdd: Sketch,
    /// Session disconnect delay (RFC 6076 4.4).
    pub disconnect_delay: Sketch,
}

/// A conversation shorter than this is one that hardly took place.
pub const SHORT_CALL: i64 = 10_000_000;

impl Kpi {
    /// The columns of [`KPI_1M`] that count, in the order of [`Kpi::counts`].
    pub const COUNTS: [&str; 14] = [
        "attempts",
        "open",
        "redirected",
        "answered_calls",
        "completed",
        "effective",
        "delivered",
        "ineffective",
        "abandoned",
        "conversations",
        "short",
        "talk",
        "messages",
        "retransmissions",
    ];

    pub fn counts(&self) -> [u64; 14] {
        [
            self.attempts,
            self.open,
            self.redirected,
            self.answered,
            self.completed,
            self.effective,
            self.delivered,
            self.ineffective,
            self.abandoned,
            self.conversations,
            self.short,
            self.talk,
            self.messages,
            self.retransmissions,
        ]
    }

    /// `count` gives the value of that column of [`Kpi::COUNTS`]; of delays nothing is known.
    pub fn of_counts(count: impl FnMut(usize) -> u64) -> Self {
        let [
            attempts,
            open,
            redirected,
            answered,
            completed,
            effective,
            delivered,
            ineffective,
            abandoned,
            conversations,
            short,
            talk,
            messages,
            retransmissions,
        ] = std::array::from_fn(count);
        Self {
            attempts,
            open,
            redirected,
            answered,
            completed,
            effective,
            delivered,
            ineffective,
            abandoned,
            conversations,
            short,
            talk,
            messages,
            retransmissions,
            ..Self::default()
        }
    }

    pub fn add(&mut self, call: &Told) {
        self.messages += call.messages;
        self.retransmissions += call.retransmissions;
        let status = call.status.unwrap_or(0);
        if !call.is_answered && matches!(call.state, State::Calling | State::Ringing | State::Pending) {
            self.open += 1;
            return;
        }
        self.attempts += 1;
        let has_failed = !call.is_answered && status >= 400;
        let is_users = matches!(status, 480 | 486 | 600 | 603);
        self.redirected += u64::from(call.state == State::Redirected);
        self.answered += u64::from(call.is_answered);
        self.completed += u64::from(call.is_answered && call.disconnect_delay.is_some());
        self.effective += u64::from(call.is_answered || is_users);
        self.delivered += u64::from(call.is_answered || is_delivered(call, status));
        self.ineffective += u64::from(!call.is_answered && matches!(status, 408 | 500 | 503 | 504));
        self.abandoned += u64::from(call.state == State::Cancelled);
        if let Some(talk) = call.talk.filter(|_| call.is_answered) {
            self.conversations += 1;
            self.short += u64::from(talk < SHORT_CALL);
            self.talk += talk.max(0).unsigned_abs();
        }
        match (call.pdd, has_failed && call.state != State::Cancelled) {
            (Some(pdd), true) => self.failed_pdd.add(pdd),
            (Some(pdd), false) => self.pdd.add(pdd),
            (None, _) => {}
        }
        if let Some(delay) = call.disconnect_delay {
            self.disconnect_delay.add(delay);
        }
    }

    pub fn join(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.open += other.open;
        self.redirected += other.redirected;
        self.answered += other.answered;
        self.completed += other.completed;
        self.effective += other.effective;
        self.delivered += other.delivered;
        self.ineffective += other.ineffective;
        self.abandoned += other.abandoned;
        self.conversations += other.conversations;
        self.short += other.short;
        self.talk += other.talk;
        self.messages += other.messages;
        self.retransmissions += other.retransmissions;
        self.pdd.join(&other.pdd);
        self.failed_pdd.join(&other.failed_pdd);
        self.disconnect_delay.join(&other.disconnect_delay);
    }

    /// Session establishment ratio (RFC 6076 4.6), in percent, as the others.
    pub fn ser(&self) -> Option<f64> {
        percent(self.answered, self.attempts - self.redirected)
    }

    /// Session establishment effectiveness ratio (RFC 6076 4.7).
    pub fn seer(&self) -> Option<f64> {
        percent(self.effective, self.attempts - self.redirected)
    }

    /// Ineffective session attempts (RFC 6076 4.8).
    pub fn isa(&self) -> Option<f64> {
        percent(self.ineffective, self.attempts)
    }

    /// Session completion ratio (RFC 6076 4.9).
    pub fn scr(&self) -> Option<f64> {
        percent(self.completed, self.attempts)
    }

    /// Answer-seizure ratio (ITU-T E.411).
    pub fn asr(&self) -> Option<f64> {
        percent(self.answered, self.attempts)
    }

    /// Network effectiveness ratio (ITU-T E.425).
    pub fn ner(&self) -> Option<f64> {
        percent(self.delivered, self.attempts)
    }

    /// Average call duration, in seconds.
    pub fn acd(&self) -> Option<f64> {
        (self.conversations > 0).then(|| self.talk as f64 / 1e6 / self.conversations as f64)
    }

    pub fn short_ratio(&self) -> Option<f64> {
        percent(self.short, self.conversations)
    }

    pub fn abandoned_ratio(&self) -> Option<f64> {
        percent(self.abandoned, self.attempts)
    }

    pub fn retransmission_ratio(&self) -> Option<f64> {
        percent(self.retransmissions, self.messages)
    }
}

/// The call was brought to who was called, who was busy, did not answer, or refused; or the caller did not wait. By the
/// cause where one is told, since a gateway's status is a translation (RFC 3398 8.2.6.1).
fn is_delivered(call: &Told, status: i64) -> bool {
    match call.cause {
        Some(cause) => matches!(cause, 16 | 17 | 18 | 19 | 21),
        None => {
            matches!(status, 480 | 486 | 600 | 603) || call.state == State::Cancelled && call.ring.is_some()
        }
    }
}

/// What came of registrations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RegistrationKpi {
    pub attempts: u64,
    /// Registrations of which the fate is open.
    pub open: u64,
    pub succeeded: u64,
    /// Registration request delay (RFC 6076 4.1).
    pub delay: Sketch,
}

impl RegistrationKpi {
    pub fn add(&mut self, state: State, delay: Option<i64>, is_open: bool) {
        if is_open && matches!(state, State::Pending | State::Challenged) {
            self.open += 1;
            return;
        }
        // Who was asked for credentials and never came back has not tried (RFC 6076 4.2).
        if state == State::Challenged {
            return;
        }
        self.attempts += 1;
        self.succeeded += u64::from(state == State::Done);
        if let Some(delay) = delay {
            self.delay.add(delay);
        }
    }

    pub fn join(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.open += other.open;
        self.succeeded += other.succeeded;
        self.delay.join(&other.delay);
    }

    /// Ineffective registration attempts (RFC 6076 4.2), in percent.
    pub fn ira(&self) -> Option<f64> {
        percent(self.attempts - self.succeeded, self.attempts)
    }
}

fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 * 100.0 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(talk_seconds: i64) -> Told {
        Told {
            state: State::Ended,
            status: Some(200),
            cause: None,
            pdd: Some(1_000_000),
            ring: Some(2_000_000),
            talk: Some(talk_seconds * 1_000_000),
            is_answered: true,
            disconnect_delay: Some(20_000),
            messages: 8,
            retransmissions: 0,
        }
    }

    fn failed(status: i64) -> Told {
        Told {
            state: State::Failed,
            status: Some(status),
            ring: None,
            talk: None,
            is_answered: false,
            disconnect_delay: None,
            ..answered(0)
        }
    }

    fn of(calls: &[Told]) -> Kpi {
        let mut kpi = Kpi::default();
        calls.iter().for_each(|call| kpi.add(call));
        kpi
    }

    /// Worked out by hand after RFC 6076 4: ten calls, of which one is redirected.
    #[test]
    fn ten_calls() {
        let cancelled =
            Told { state: State::Cancelled, status: Some(487), ring: Some(9_000_000), ..failed(487) };
        let redirected = Told { state: State::Redirected, status: Some(302), ..failed(302) };
        let lost = Told { disconnect_delay: None, ..answered(50) };
        let kpi = of(&[
            answered(60),
            answered(5),
            answered(85),
            lost,
            failed(486),
            failed(404),
            failed(503),
            failed(408),
            cancelled,
            redirected,
        ]);
        assert_eq!((kpi.attempts, kpi.answered, kpi.conversations), (10, 4, 4));
        assert_eq!(kpi.ser(), Some(4.0 * 100.0 / 9.0));
        assert_eq!(kpi.seer(), Some(5.0 * 100.0 / 9.0));
        assert_eq!(kpi.isa(), Some(20.0));
        assert_eq!(kpi.scr(), Some(30.0));
        assert_eq!(kpi.asr(), Some(40.0));
        // Answered, busy, and rung until the caller gave up.
        assert_eq!(kpi.ner(), Some(60.0));
        assert_eq!(kpi.acd(), Some(50.0));
        assert_eq!(kpi.short_ratio(), Some(25.0));
        assert_eq!(kpi.abandoned_ratio(), Some(10.0));
    }

    #[test]
    fn no_calls_are_no_data() {
        let kpi = Kpi::default();
        for ratio in [kpi.ser(), kpi.seer(), kpi.isa(), kpi.scr(), kpi.asr(), kpi.ner(), kpi.acd()] {
            assert_eq!(ratio, None);
        }
        assert_eq!((kpi.pdd.quantile(0.5), RegistrationKpi::default().ira()), (None, None));
        // Nothing but redirections: nobody could have answered.
        let redirected = Told { state: State::Redirected, status: Some(302), ..failed(302) };
        assert_eq!((of(&[redirected]).ser(), of(&[redirected]).asr()), (None, Some(0.0)));
    }

    #[test]
    fn a_call_that_rings_is_no_failure() {
        let ringing = Told { state: State::Ringing, status: Some(180), ..failed(180) };
        let talking = Told { state: State::Answered, talk: None, disconnect_delay: None, ..answered(0) };
        let kpi = of(&[ringing, talking]);
        assert_eq!((kpi.open, kpi.attempts, kpi.asr(), kpi.acd()), (1, 1, Some(100.0), None));
    }

    #[test]
    fn the_cause_tells_more_than_a_translated_status() {
        // No circuit, told as busy here; busy there, told as unavailable.
        let no_circuit = Told { cause: Some(34), ..failed(486) };
        let busy = Told { cause: Some(17), ..failed(503) };
        assert_eq!(of(&[no_circuit, busy]).ner(), Some(50.0));
    }

    #[test]
    fn registrations_that_were_never_tried_with_credentials_do_not_count() {
        let mut kpi = RegistrationKpi::default();
        kpi.add(State::Done, Some(50_000), false);
        kpi.add(State::Done, Some(70_000), false);
        kpi.add(State::Failed, None, false);
        kpi.add(State::Challenged, None, false);
        kpi.add(State::Pending, None, true);
        // Never answered.
        kpi.add(State::Pending, None, false);
        assert_eq!((kpi.attempts, kpi.open, kpi.ira()), (4, 1, Some(50.0)));
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let calls = [answered(5), answered(500), failed(404), failed(486), failed(503)];
        let whole = of(&calls);
        let mut joined = of(&calls[..2]);
        joined.join(&of(&calls[2..]));
        assert_eq!(joined, whole);
    }
}
