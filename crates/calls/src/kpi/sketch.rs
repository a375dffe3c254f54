//! Percentiles that can be added up.

use std::collections::BTreeMap;

/// A histogram of spans in microseconds whose buckets grow by 2 %: a quantile is told to within 1 % of its value, and two
/// histograms of different minutes or trunks make one of both (the idea of DDSketch, Masson et al. 2019).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// By the exponent of the bucket. A hundred thousand million microseconds, more than a day, are bucket 1,280.
    buckets: BTreeMap<u16, u64>,
    count: u64,
}

/// How much larger a bucket ends than it begins.
const GROWTH: f64 = 1.02;

impl Sketch {
    pub fn add(&mut self, micros: i64) {
        *self.buckets.entry(bucket(micros)).or_default() += 1;
        self.count += 1;
    }

    pub fn join(&mut self, other: &Self) {
        for (bucket, count) in &other.buckets {
            *self.buckets.entry(*bucket).or_default() += count;
        }
        self.count += other.count;
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// The span that this part of all is not longer than, in microseconds.
    pub fn quantile(&self, part: f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let rank = (part.clamp(0.0, 1.0) * (self.count - 1) as f64).round() as u64;
        let mut before = 0;
        let found = self.buckets.iter().find(|(_, count)| {
            before += **count;
            before > rank
        });
        found.or(self.buckets.last_key_value()).map(|(bucket, _)| middle(*bucket))
    }
}

/// Bucket 0 is all below a microsecond.
fn bucket(micros: i64) -> u16 {
    if micros < 1 {
        return 0;
    }
    // No clock of ours counts as far as 2^63: the exponent is 2,206 at most.
    ((micros as f64).ln() / GROWTH.ln()).floor() as u16 + 1
}

fn middle(bucket: u16) -> f64 {
    if bucket == 0 {
        return 0.0;
    }
    let begin = GROWTH.powi(i32::from(bucket) - 1);
    begin * (1.0 + GROWTH) / 2.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_quantile_is_within_one_percent(
            mut spans in prop::collection::vec(1_i64..100_000_000_000, 1..200),
            part in 0.0..=1.0_f64,
        ) {
            let mut sketch = Sketch::default();
            spans.iter().for_each(|span| sketch.add(*span));
            spans.sort_unstable();
            let exact = spans[(part * (spans.len() - 1) as f64).round() as usize] as f64;
            let told = sketch.quantile(part).expect("there are spans");
            prop_assert!((told - exact).abs() <= exact * 0.0101, "{told} for {exact}");
        }

        #[test]
        fn no_span_breaks_it(spans in prop::collection::vec(any::<i64>(), 0..20)) {
            let mut sketch = Sketch::default();
            spans.iter().for_each(|span| sketch.add(*span));
            prop_assert_eq!(sketch.count(), spans.len() as u64);
            prop_assert_eq!(sketch.quantile(0.5).is_some(), !spans.is_empty());
        }
    }
}
