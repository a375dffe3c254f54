//! How long work took, as counts by stretches of time: cheap to add to, and to read at any moment.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Counts of one kind of work since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    /// By stretch: up to each bound, the last beyond all.
    pub counts: [u64; BOUNDS.len() + 1],
    /// Of all together.
    pub seconds: f64,
}

impl Times {
    /// Where stretches end, in seconds.
    pub const BOUNDS: &[f64] = &BOUNDS;
}

/// From what nobody notices to the longest a question may take by default.
const BOUNDS: [f64; 11] = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

#[derive(Debug, Default)]
pub(crate) struct Clock {
    counts: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

impl Clock {
    pub(crate) fn add(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let stretch = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.counts[stretch].fetch_add(1, Relaxed);
        self.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(crate) fn read(&self) -> Times {
        let counts = std::array::from_fn(|stretch| self.counts[stretch].load(Relaxed));
        Times { counts, seconds: self.micros.load(Relaxed) as f64 / 1e6 }
    }
}

/// Adds the time from its making to its end, however that comes.
pub(crate) struct Taking<'c> {
    clock: &'c Clock,
    begun: Instant,
}

impl<'c> Taking<'c> {
    pub(crate) fn of(clock: &'c Clock) -> Self {
        Self { clock, begun: Instant::now() }
    }
}

impl Drop for Taking<'_> {
    fn drop(&mut self) {
        self.clock.add(self.begun.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_stretch_it_ends_in() {
        let clock = Clock::default();
        for millis in [5, 6, 61_000] {
            clock.add(Duration::from_millis(millis));
        }
        let times = clock.read();
        assert_eq!((times.counts[0], times.counts[1], times.counts[BOUNDS.len()]), (1, 1, 1));
        assert_eq!(times.counts.iter().sum::<u64>(), 3);
        assert!((times.seconds - 61.011).abs() < 1e-9, "{}", times.seconds);
        drop(Taking::of(&clock));
        assert_eq!(clock.read().counts.iter().sum::<u64>(), 4);
    }
}
