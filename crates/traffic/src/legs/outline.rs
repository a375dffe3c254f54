//! What becomes of a leg, and when, as seen where it goes to.

use super::network::{MILLISECOND, Network, SECOND};

#[derive(Clone, Copy, Debug)]
pub(super) struct Outline {
    pub(super) start: i64,
    pub(super) ringing: Option<i64>,
    pub(super) end: End,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Answered {
        at: i64,
        bye: i64,
        by_caller: bool,
    },
    Refused {
        at: i64,
        status: u16,
    },
    /// By who called, or since another phone took it.
    Cancelled {
        at: i64,
    },
}

const TALK_MEAN_SECONDS: f64 = 83.0;

impl Network {
    /// As calls go.
    pub(super) fn outline(&mut self, start: i64) -> Outline {
        let ringing = start + self.between(300 * MILLISECOND, 4 * SECOND);
        match self.random.f64() {
            ..0.04 => self.refused(start, 404),
            ..0.06 => self.refused(start, 503),
            ..0.13 => self.refused(start, 486),
            ..0.25 => {
                let at = ringing + SECOND + self.exponential(12.0);
                Outline { start, ringing: Some(ringing), end: End::Cancelled { at } }
            }
            _ => self.answered(start),
        }
    }

    pub(super) fn answered(&mut self, start: i64) -> Outline {
        let ringing = start + self.between(300 * MILLISECOND, 4 * SECOND);
        let at = ringing + SECOND / 2 + self.exponential(7.0);
        let bye = at + SECOND + self.exponential(TALK_MEAN_SECONDS).min(900 * SECOND);
        Outline { start, ringing: Some(ringing), end: End::Answered { at, bye, by_caller: self.chance(0.5) } }
    }

    pub(super) fn refused(&mut self, start: i64, status: u16) -> Outline {
        let at = start + self.between(40 * MILLISECOND, 600 * MILLISECOND);
        Outline { start, ringing: None, end: End::Refused { at, status } }
    }

    /// What who called sees of it on the leg before, which began at `start`.
    pub(super) fn upstream(&mut self, after: &Outline, start: i64) -> Outline {
        // The hops of the leg behind are on the way.
        let mut back = || 10 * MILLISECOND + self.relay();
        let ringing = after.ringing.map(|at| at + back());
        let end = match after.end {
            End::Answered { at, bye, by_caller } => {
                let bye = if by_caller { bye - back() } else { bye + back() };
                End::Answered { at: at + back(), bye, by_caller }
            }
            End::Refused { at, status } => {
                let at = at + back();
                let status = if self.chance(0.15) { 480 } else { status };
                End::Refused { at, status }
            }
            End::Cancelled { at } => End::Cancelled { at: at - back() },
        };
        Outline { start, ringing, end }
    }
}
