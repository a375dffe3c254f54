//! Calls and registrations by what became of them: the counts behind the ratios of RFC 6076 and ITU-T E.411, E.425.
//!
//! A call that is answered counts as soon as its row says so, any other when nothing can follow; its times and findings
//! count at its end. Each once, also if its row is told again.

use std::collections::HashSet;

use arrow::array::RecordBatch;
use arrow::datatypes::{Int16Type, Int32Type, Int64Type, TimestampMicrosecondType};
use calls::kpi::{Kpi, RegistrationKpi, Told};
use calls::{CALLS, State};
use store::Derived;

use super::bounded::Bounded;
use super::columns::{Flags, Lists, Numbers, Texts};
use super::histogram::Histogram;
use super::metric::Metric;
use super::page::Page;
use super::recent::Recent;

static ATTEMPTS: Metric = Metric::counter(
    "rhapsode_calls_attempted_total",
    &[],
    "Calls whose fate is known: answered, or over without an answer. What ASR, NER and SEER are parts of",
);
static ANSWERED: Metric = Metric::counter(
    "rhapsode_calls_answered_total",
    &[],
    "Of these, answered: for ASR (ITU-T E.411) and SER (RFC 6076 4.6)",
);
static REDIRECTED: Metric = Metric::counter(
    "rhapsode_calls_redirected_total",
    &[],
    "Of these, redirected (3xx) and not followed: not counted by SER and SEER (RFC 6076 4.6)",
);
static EFFECTIVE: Metric = Metric::counter(
    "rhapsode_calls_effective_total",
    &[],
    "Of these, answered or refused by the called user (480, 486, 600, 603): for SEER (RFC 6076 4.7)",
);
static DELIVERED: Metric = Metric::counter(
    "rhapsode_calls_delivered_total",
    &[],
    "Of these, answered or brought to who was called: for NER (ITU-T E.425)",
);
static INEFFECTIVE: Metric = Metric::counter(
    "rhapsode_calls_ineffective_total",
    &[],
    "Of these, ended by 408, 500, 503 or 504: for ISA (RFC 6076 4.8)",
);
static ABANDONED: Metric = Metric::counter(
    "rhapsode_calls_abandoned_total",
    &[],
    "Of these, given up by the caller before an answer",
);
static FAILED: Metric = Metric::counter(
    "rhapsode_calls_failed_total",
    &["status"],
    "Of these, neither answered nor redirected, by the status code that decided it; empty if there was none",
);
static RELEASED: Metric = Metric::counter(
    "rhapsode_calls_released_total",
    &["cause"],
    "Calls that ended with a Reason header (RFC 3326), by its cause (Q.850)",
);
static COMPLETED: Metric = Metric::counter(
    "rhapsode_calls_completed_total",
    &[],
    "Answered calls whose BYE was answered: for SCR (RFC 6076 4.9)",
);
static REQUEST_DELAY: Metric = Metric::histogram(
    "rhapsode_call_request_delay_seconds",
    &["outcome"],
    "Session request delay, also post-dial delay, of calls that were established or failed (RFC 6076 4.3)",
);
static DURATION: Metric = Metric::histogram(
    "rhapsode_call_duration_seconds",
    &[],
    "Session duration: from the answer to BYE (RFC 6076 4.5)",
);
static DISCONNECT_DELAY: Metric = Metric::histogram(
    "rhapsode_call_disconnect_delay_seconds",
    &[],
    "Session disconnect delay: from BYE to its 2xx (RFC 6076 4.4)",
);
static MESSAGES: Metric = Metric::counter(
    "rhapsode_call_messages_total",
    &[],
    "SIP messages of calls that ended, each hop's message once",
);
static RETRANSMISSIONS: Metric = Metric::counter(
    "rhapsode_call_retransmissions_total",
    &[],
    "Of these, requests and final replies that were sent again (RFC 3261 17)",
);
static FINDINGS: Metric = Metric::counter(
    "rhapsode_call_findings_total",
    &["finding"],
    "Calls and registrations in which a rule found something, by rule",
);
static OPEN: Metric = Metric::gauge(
    "rhapsode_calls_open",
    &["state"],
    "Calls that go on: calling, ringing or answered (concurrent calls)",
);
static REGISTRATIONS: Metric = Metric::counter(
    "rhapsode_registrations_total",
    &["outcome"],
    "Registrations that succeeded, or failed; who was challenged and never came back has not tried (RFC 6076 4.2)",
);
static REGISTRATION_FAILED: Metric = Metric::counter(
    "rhapsode_registrations_failed_total",
    &["status"],
    "Registrations that failed, by the status code that decided it; empty if there was none",
);
static REGISTRATION_DELAY: Metric = Metric::histogram(
    "rhapsode_registration_request_delay_seconds",
    &[],
    "Registration request delay: from the REGISTER that succeeded to its 2xx (RFC 6076 4.1)",
);

pub(super) static METRICS: [&Metric; 20] = [
    &ATTEMPTS,
    &ANSWERED,
    &REDIRECTED,
    &EFFECTIVE,
    &DELIVERED,
    &INEFFECTIVE,
    &ABANDONED,
    &FAILED,
    &RELEASED,
    &COMPLETED,
    &REQUEST_DELAY,
    &DURATION,
    &DISCONNECT_DELAY,
    &MESSAGES,
    &RETRANSMISSIONS,
    &FINDINGS,
    &OPEN,
    &REGISTRATIONS,
    &REGISTRATION_FAILED,
    &REGISTRATION_DELAY,
];

/// From what no one notices to where callers give up; 0.5 s is T1 (RFC 3261 17.1.1.1), 32 s its 64-fold.
const DELAY_BOUNDS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 11.0, 16.0, 32.0];
/// 10 s is the mark of a short call.
const DURATION_BOUNDS: &[f64] = &[2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 7_200.0];

/// Status codes that are registered for SIP are some eighty.
const STATUSES_MAX: usize = 128;
/// Q.850 numbers causes with seven bits.
const CAUSES_MAX: usize = 128;
/// Rules are some sixty.
const FINDINGS_MAX: usize = 256;
/// Calls told to their end that are remembered: as many as the tracker recognises late messages of.
const TOLD_MAX: usize = 200_000;

const OPEN_STATES: [State; 3] = [State::Calling, State::Ringing, State::Answered];

#[derive(Debug)]
pub(super) struct Calls {
    /// Calls that go on and have been counted as answered.
    answered: HashSet<i64>,
    told: Recent<i64>,
    open: [u64; OPEN_STATES.len()],
    outcomes: Kpi,
    ends: Kpi,
    failed: Bounded<u64>,
    released: Bounded<u64>,
    established_delay: Histogram,
    failed_delay: Histogram,
    duration: Histogram,
    disconnect_delay: Histogram,
    findings: Bounded<u64>,
    registrations: RegistrationKpi,
    registrations_failed: Bounded<u64>,
    registration_delay: Histogram,
}

impl Calls {
    pub(super) fn new() -> Self {
        Self {
            answered: HashSet::new(),
            told: Recent::new(TOLD_MAX),
            open: [0; OPEN_STATES.len()],
            outcomes: Kpi::default(),
            ends: Kpi::default(),
            failed: Bounded::new(STATUSES_MAX),
            released: Bounded::new(CAUSES_MAX),
            established_delay: Histogram::new(DELAY_BOUNDS),
            failed_delay: Histogram::new(DELAY_BOUNDS),
            duration: Histogram::new(DURATION_BOUNDS),
            disconnect_delay: Histogram::new(DELAY_BOUNDS),
            findings: Bounded::new(FINDINGS_MAX),
            registrations: RegistrationKpi::default(),
            registrations_failed: Bounded::new(STATUSES_MAX),
            registration_delay: Histogram::new(DELAY_BOUNDS),
        }
    }

    pub(super) fn count(&mut self, told: &Derived) {
        if std::ptr::eq(told.table, &CALLS) {
            if let Some(rows) = &told.ended {
                self.count_ended(rows);
            }
            self.count_open(&told.open);
        } else if let Some(rows) = &told.ended {
            self.count_registrations(rows);
        }
    }

    fn count_ended(&mut self, batch: &RecordBatch) {
        let rows = Rows::of(batch);
        for row in 0..batch.num_rows() {
            let id = rows.ids.get(row).unwrap_or_default();
            if !self.told.is_new(id) {
                continue;
            }
            let call = rows.told(row);
            let seen = rows.seen(row);
            if !self.answered.remove(&id) {
                self.count_outcome(&call, seen);
            }
            self.ends.add(&call);
            if let Some(cause) = call.cause {
                self.released.add(&[&cause.to_string()], 1);
            }
            if call.is_answered {
                observe(&mut self.duration, call.talk, seen);
            }
            observe(&mut self.disconnect_delay, call.disconnect_delay, seen);
            rows.findings.each(row, |finding| self.findings.add(&[finding], 1));
        }
    }

    /// Rows of all that goes on. A call that is answered stays so.
    fn count_open(&mut self, batches: &[RecordBatch]) {
        let mut answered = HashSet::with_capacity(self.answered.len());
        self.open = [0; OPEN_STATES.len()];
        for batch in batches {
            let rows = Rows::of(batch);
            for row in 0..batch.num_rows() {
                let state = rows.states.get(row).unwrap_or_default();
                if let Some(place) = OPEN_STATES.iter().position(|open| open.as_str() == state) {
                    self.open[place] += 1;
                }
                if rows.answered.get(row).is_none() {
                    continue;
                }
                let id = rows.ids.get(row).unwrap_or_default();
                // What was told to its end for want of room, and goes on, was counted then.
                if answered.insert(id) && !self.answered.contains(&id) && !self.told.contains(&id) {
                    self.count_outcome(&rows.told(row), rows.seen(row));
                }
            }
        }
        self.answered = answered;
    }

    fn count_outcome(&mut self, call: &Told, seen: Option<(&str, i64)>) {
        let before = (self.outcomes.attempts, self.outcomes.pdd.count(), self.outcomes.failed_pdd.count());
        self.outcomes.add(call);
        // Of a call whose INVITE was missed, nothing says that it failed.
        let has_failed = !call.is_answered && !matches!(call.state, State::Redirected | State::Done);
        if self.outcomes.attempts > before.0 && has_failed {
            self.failed.add(&[&call.status.map(|status| status.to_string()).unwrap_or_default()], 1);
        }
        if self.outcomes.pdd.count() > before.1 {
            observe(&mut self.established_delay, call.pdd, seen);
        } else if self.outcomes.failed_pdd.count() > before.2 {
            observe(&mut self.failed_delay, call.pdd, seen);
        }
    }

    fn count_registrations(&mut self, batch: &RecordBatch) {
        let rows = Rows::of(batch);
        let delays = Numbers::<Int64Type>::of(batch, "register_delay");
        for row in 0..batch.num_rows() {
            if !self.told.is_new(rows.ids.get(row).unwrap_or_default()) {
                continue;
            }
            let state = rows.state(row);
            let before = (self.registrations.attempts, self.registrations.succeeded);
            self.registrations.add(state, delays.get(row), rows.is_open.get(row));
            if self.registrations.attempts > before.0 && self.registrations.succeeded == before.1 {
                let status = rows.statuses.get(row).map(|status| status.to_string()).unwrap_or_default();
                self.registrations_failed.add(&[&status], 1);
            }
            observe(&mut self.registration_delay, delays.get(row), rows.seen(row));
            rows.findings.each(row, |finding| self.findings.add(&[finding], 1));
        }
    }

    pub(super) fn write(&self, page: &mut Page) {
        let Self { outcomes, ends, registrations, .. } = self;
        for (metric, count) in [
            (&ATTEMPTS, outcomes.attempts),
            (&ANSWERED, outcomes.answered),
            (&REDIRECTED, outcomes.redirected),
            (&EFFECTIVE, outcomes.effective),
            (&DELIVERED, outcomes.delivered),
            (&INEFFECTIVE, outcomes.ineffective),
            (&ABANDONED, outcomes.abandoned),
            (&COMPLETED, ends.completed),
            (&MESSAGES, ends.messages),
            (&RETRANSMISSIONS, ends.retransmissions),
        ] {
            page.family(metric).series(&[], count);
        }
        self.failed.write(page.family(&FAILED));
        self.released.write(page.family(&RELEASED));
        page.family(&REQUEST_DELAY)
            .histogram(&["established"], &self.established_delay)
            .histogram(&["failed"], &self.failed_delay);
        page.family(&DURATION).histogram(&[], &self.duration);
        page.family(&DISCONNECT_DELAY).histogram(&[], &self.disconnect_delay);
        self.findings.write(page.family(&FINDINGS));
        let mut open = page.family(&OPEN);
        for (state, count) in OPEN_STATES.iter().zip(self.open) {
            open.series(&[state.as_str()], count);
        }
        page.family(&REGISTRATIONS)
            .series(&["succeeded"], registrations.succeeded)
            .series(&["failed"], registrations.attempts - registrations.succeeded);
        self.registrations_failed.write(page.family(&REGISTRATION_FAILED));
        page.family(&REGISTRATION_DELAY).histogram(&[], &self.registration_delay);
    }
}

fn observe(histogram: &mut Histogram, micros: Option<i64>, seen: Option<(&str, i64)>) {
    if let Some(micros) = micros {
        histogram.observe(micros as f64 / 1e6, seen);
    }
}

/// The columns that are read.
struct Rows<'b> {
    ids: Numbers<'b, Int64Type>,
    times: Numbers<'b, TimestampMicrosecondType>,
    call_ids: Texts<'b>,
    states: Texts<'b>,
    is_open: Flags<'b>,
    statuses: Numbers<'b, Int16Type>,
    causes: Numbers<'b, Int16Type>,
    answered: Numbers<'b, TimestampMicrosecondType>,
    delays: [Numbers<'b, Int64Type>; 4],
    messages: Numbers<'b, Int32Type>,
    retransmissions: Numbers<'b, Int32Type>,
    findings: Lists<'b>,
}

impl<'b> Rows<'b> {
    fn of(batch: &'b RecordBatch) -> Self {
        Self {
            ids: Numbers::of(batch, "id"),
            times: Numbers::of(batch, "ts"),
            call_ids: Texts::of(batch, "call_id"),
            states: Texts::of(batch, "state"),
            is_open: Flags::of(batch, "is_open"),
            statuses: Numbers::of(batch, "status"),
            causes: Numbers::of(batch, "cause"),
            answered: Numbers::of(batch, "answered"),
            delays: ["pdd", "ring", "talk", "disconnect_delay"].map(|name| Numbers::of(batch, name)),
            messages: Numbers::of(batch, "messages"),
            retransmissions: Numbers::of(batch, "retransmissions"),
            findings: Lists::of(batch, "finding"),
        }
    }

    fn state(&self, row: usize) -> State {
        self.states.get(row).and_then(State::named).unwrap_or(State::Unknown)
    }

    /// The call and when it began, for exemplars.
    fn seen(&self, row: usize) -> Option<(&'b str, i64)> {
        self.call_ids.get(row).zip(self.times.get(row))
    }

    fn told(&self, row: usize) -> Told {
        let count = |count: Option<i32>| u64::try_from(count.unwrap_or_default()).unwrap_or_default();
        let [pdd, ring, talk, disconnect_delay] = &self.delays;
        Told {
            state: self.state(row),
            status: self.statuses.get(row).map(i64::from),
            cause: self.causes.get(row).map(i64::from),
            pdd: pdd.get(row),
            ring: ring.get(row),
            talk: talk.get(row),
            is_answered: self.answered.get(row).is_some(),
            disconnect_delay: disconnect_delay.get(row),
            messages: count(self.messages.get(row)),
            retransmissions: count(self.retransmissions.get(row)),
        }
    }
}
