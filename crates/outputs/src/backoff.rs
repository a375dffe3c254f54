//! How long to wait after a failure, and how much to try next.

use std::time::Duration;

/// Growing pauses: doubled by every failure in a row, from the first to the longest.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest: longest.max(first), next: first }
    }

    pub(crate) fn succeeded(&mut self) {
        self.next = self.first;
    }

    /// The pause after one more failure. What the other side asks for counts, if it is longer, but not beyond the
    /// longest: nobody may keep an output silent for ever. `chance` in 0 to 1 takes up to a fifth of its own, so that many who
    /// failed together do not come back together.
    pub(crate) fn failed(&mut self, asked: Option<Duration>, chance: f64) -> Duration {
        let own = self.next.mul_f64(1.0 - 0.2 * chance.clamp(0.0, 1.0));
        self.next = (self.next * 2).min(self.longest);
        own.max(asked.unwrap_or_default()).min(self.longest)
    }
}

/// How many at a time: halved when the other side refuses a batch as a whole, to find the one that it refuses, and
/// doubled again by what it takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portion {
    rows: usize,
    rows_max: usize,
}

impl Portion {
    pub(crate) fn new(rows_max: usize) -> Self {
        let rows_max = rows_max.max(1);
        Self { rows: rows_max, rows_max }
    }

    pub(crate) fn rows(self) -> usize {
        self.rows
    }

    /// So many were refused as a whole. False if it was a single one: it will never be taken.
    pub(crate) fn refused(&mut self, rows: usize) -> bool {
        self.rows = (rows / 2).max(1);
        rows > 1
    }

    pub(crate) fn taken(&mut self) {
        self.rows = (self.rows * 2).min(self.rows_max);
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
        /// One item that is never taken costs no other one its place.
        #[test]
        fn a_refused_item_is_found_and_all_others_are_taken(rows in 1..200_usize, bad in 0..200_usize, most in 1..64_usize) {
            let mut waiting: Vec<usize> = (0..rows).collect();
            let mut portion = Portion::new(most);
            let (mut taken, mut dropped, mut tries) = (Vec::new(), Vec::new(), 0);
            while !waiting.is_empty() {
                tries += 1;
                prop_assert!(tries < 50 + 2 * rows, "it ends");
                let batch: Vec<usize> = waiting.iter().copied().take(portion.rows()).collect();
                prop_assert!(batch.len() <= most);
                if batch.contains(&bad) {
                    if !portion.refused(batch.len()) {
                        dropped.push(waiting.remove(0));
                    }
                } else {
                    portion.taken();
                    taken.extend(waiting.drain(..batch.len()));
                }
            }
            prop_assert_eq!(taken, (0..rows).filter(|row| *row != bad).collect::<Vec<_>>());
            prop_assert_eq!(dropped, (0..rows).filter(|row| *row == bad).collect::<Vec<_>>());
        }

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
