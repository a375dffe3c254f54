//! One session on its way: who takes part, where in the script it is, and every identifier out of one number.

use std::net::SocketAddr;

use crate::identity::{derived, purpose};
use crate::scenario::Scenario;
use crate::world::{Proxy, ProxyEnd, User, World};

/// RTCP is sent about this often per direction while people talk.
pub(crate) const REPORT_EVERY_MICROS: i64 = 15_000_000;
/// Mean length of a talk; lengths are exponential, as in real traffic.
pub(crate) const TALK_MEAN_SECONDS: f64 = 83.0;
/// A forgotten call ends some day.
const TALK_SECONDS_MAX: f64 = 3_600.0;

/// Kept small: a busy network has a hundred thousand of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    pub(crate) identity: u64,
    pub(crate) scenario: Scenario,
    pub(crate) caller: u32,
    pub(crate) callee: u32,
    /// Place in the script.
    pub(crate) beat: u16,
    /// RTCP reports sent so far, both directions together.
    pub(crate) reports: u16,
    pub(crate) talk_micros: i64,
    pub(crate) answered_micros: i64,
}

impl Session {
    /// An exponential length out of a number between 0 and 1.
    pub(crate) fn talk_micros(chance: f64) -> i64 {
        let seconds = -(1.0 - chance).max(f64::MIN_POSITIVE).ln() * TALK_MEAN_SECONDS;
        (seconds.clamp(1.0, TALK_SECONDS_MAX) * 1e6) as i64
    }

    /// When a report is sent, counted from the answer; both directions take turns.
    pub(crate) fn report_due_micros(&self, report: u16) -> i64 {
        // Each stream has its own phase, so the expected number of reports is the talk over the interval.
        let phase = |purpose| (derived(self.identity, purpose) % REPORT_EVERY_MICROS as u64) as i64;
        let (caller, callee) = (phase(purpose::STREAM_CALLER), phase(purpose::STREAM_CALLEE));
        let round = i64::from(report / 2) * REPORT_EVERY_MICROS;
        let (first, second) = (caller.min(callee), caller.max(callee));
        round + if report.is_multiple_of(2) { first } else { second }
    }

    /// Whether a report is the caller's.
    pub(crate) fn report_is_callers(&self, report: u16) -> bool {
        let phase = |purpose| derived(self.identity, purpose) % REPORT_EVERY_MICROS as u64;
        report.is_multiple_of(2) == (phase(purpose::STREAM_CALLER) <= phase(purpose::STREAM_CALLEE))
    }

    pub(crate) fn parties<'a>(&self, world: &'a World) -> Parties<'a> {
        let caller = &world.users[self.caller as usize];
        let callee = &world.users[self.callee as usize];
        let proxy = &world.proxies[caller.proxy];
        Parties { caller, callee, proxy, near: proxy.end(caller), far: proxy.end(callee) }
    }
}

/// Who takes part, borrowed from the world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parties<'a> {
    pub(crate) caller: &'a User,
    pub(crate) callee: &'a User,
    pub(crate) proxy: &'a Proxy,
    /// The proxy's address towards the caller.
    pub(crate) near: &'a ProxyEnd,
    /// The proxy's address towards the callee.
    pub(crate) far: &'a ProxyEnd,
}

impl Parties<'_> {
    /// With the callee in the caller's place.
    pub(crate) fn swapped(self) -> Self {
        Self { caller: self.callee, callee: self.caller, near: self.far, far: self.near, ..self }
    }
}

impl ProxyEnd {
    pub(crate) fn sip(&self) -> SocketAddr {
        SocketAddr::new(self.ip, crate::world::SIP_PORT)
    }
}
