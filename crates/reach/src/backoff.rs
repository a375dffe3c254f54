//! How long to wait after a failure.

use std::time::Duration;

/// Growing pauses: doubled by every failure in a row, from the first to the longest.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest: longest.max(first), next: first }
    }

    pub fn succeeded(&mut self) {
        self.next = self.first;
    }

    /// The pause after one more failure. What the other side asks for counts, if it is longer, but not beyond the
    /// longest: nobody may keep an output silent for ever. `chance` in 0 to 1 takes up to a fifth of its own, so that many who
    /// failed together do not come back together.
    pub fn failed(&mut self, asked: Option<Duration>, chance: f64) -> Duration {
        let own = self.next.mul_f64(1.0 - 0.2 * chance.clamp(0.0, 1.0));
        self.next = (self.next * 2).min(self.longest);
        own.max(asked.unwrap_or_default()).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
        let pauses: Vec<u64> = (0..5).map(|_| backoff.failed(None, 0.0).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 5, 5]);
        backoff.succeeded();
        assert_eq!(backoff.failed(Some(Duration::from_secs(3)), 0.0), Duration::from_secs(3), "as asked");
        backoff.succeeded();
        assert_eq!(
            backoff.failed(Some(Duration::from_secs(3_600)), 0.0),
            Duration::from_secs(5),
            "not for ever"
        );
    }

    proptest! {
        #[test]
        fn a_pause_is_never_longer_than_the_longest(asked in 0..100_000_u64, chance in 0.0..1.0_f64, before in 0..40) {
            let longest = Duration::from_secs(60);
            let mut backoff = Backoff::new(Duration::from_millis(500), longest);
            for _ in 0..before {
                backoff.failed(None, chance);
            }
            let pause = backoff.failed(Some(Duration::from_secs(asked)), chance);
            prop_assert!(pause <= longest && pause >= Duration::from_millis(400));
        }
    }
}
