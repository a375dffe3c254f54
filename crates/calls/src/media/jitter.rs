//! Jitter in milliseconds, whatever it was written in.

use super::problem::{Problem, Problems};
use super::report::{Figures, Jitter};

/// A minute: beyond any buffer. What is above was a negative number once, or another unit.
const JITTER_MILLIS_MAX: f64 = 60_000.0;

/// `clock_rate` is of the codec, in Hz.
pub(super) fn millis(figures: &Figures<'_>, clock_rate: f64, problems: &mut Problems) -> Option<f64> {
    let millis = match figures.jitter? {
        Jitter::Units(units) => units as f64 * 1_000.0 / clock_rate.max(1.0),
        Jitter::Millis(millis) => millis,
    };
    possible(millis, problems)
}

pub(super) fn possible(millis: f64, problems: &mut Problems) -> Option<f64> {
    if (0.0..=JITTER_MILLIS_MAX).contains(&millis) {
        return Some(millis);
    }
    problems.add(Problem::JitterImpossible);
    None
}
