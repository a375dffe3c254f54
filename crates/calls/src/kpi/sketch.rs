//! Percentiles that can be added up.

use super::pairs;

/// A histogram of spans in microseconds whose buckets grow by 2 %: a quantile is told to within 1 % of its value, and two
/// histograms of different minutes or trunks make one of both (the idea of DDSketch, Masson et al. 2019).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// Exponents and how many are in each, in order. A hundred thousand million microseconds, more than a day, are bucket 1,280.
    buckets: Vec<(u16, u64)>,
    count: u64,
}

/// How much larger a bucket ends than it begins.
const GROWTH: f64 = 1.02;

impl Sketch {
    pub fn add(&mut self, micros: i64) {
        self.put(bucket(micros), 1);
        self.count += 1;
    }

    pub fn join(&mut self, other: &Self) {
        self.count += other.count;
        // To look for each is faster than to go through all as long as there are few.
        if other.buckets.len() < self.buckets.len() / 16 {
            other.buckets.iter().for_each(|(bucket, count)| self.put(*bucket, *count));
            return;
        }
        let mut at = 0;
        let mut missing = Vec::new();
        for (bucket, count) in &other.buckets {
            while self.buckets.get(at).is_some_and(|(own, _)| own < bucket) {
                at += 1;
            }
            match self.buckets.get_mut(at) {
                Some((own, known)) if own == bucket => *known += count,
                _ => missing.push((*bucket, *count)),
            }
        }
        if !missing.is_empty() {
            self.buckets.append(&mut missing);
            self.buckets.sort_unstable_by_key(|(bucket, _)| *bucket);
        }
    }

    fn put(&mut self, bucket: u16, count: u64) {
        match self.buckets.binary_search_by_key(&bucket, |(own, _)| *own) {
            Ok(place) => self.buckets[place].1 += count,
            Err(place) => self.buckets.insert(place, (bucket, count)),
        }
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// As a table keeps it; [`Sketch::of_bytes`] reads it back.
    pub fn to_bytes(&self) -> Vec<u8> {
        pairs::write(self.buckets.iter().map(|(bucket, count)| (u64::from(*bucket), *count)))
    }

    /// `None`: this is no sketch.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        // A pair has two bytes at least.
        let mut sketch = Self { buckets: Vec::with_capacity(bytes.len() / 2), count: 0 };
        pairs::read(bytes, |bucket, count| {
            let bucket = u16::try_from(bucket).ok()?;
            if sketch.buckets.last().is_some_and(|(before, _)| *before >= bucket) {
                return None;
            }
            sketch.buckets.push((bucket, count));
            sketch.count = sketch.count.checked_add(count)?;
            Some(())
        })?;
        Some(sketch)
    }

    /// The span that this part of all is not longer than, in microseconds.
    pub fn quantile(&self, part: f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let rank = (part.clamp(0.0, 1.0) * (self.count - 1) as f64).round() as u64;
        let mut before = 0;
        let found = self.buckets.iter().find(|(_, count)| {
            before += *count;
            before > rank
        });
        found.or(self.buckets.last()).map(|(bucket, _)| middle(*bucket))
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
        fn parts_make_the_whole(
            spans in prop::collection::vec(1_i64..100_000_000_000, 0..300),
            parts in prop::collection::vec(0_usize..4, 300),
        ) {
            let mut whole = Sketch::default();
            let mut of_parts = vec![Sketch::default(); 4];
            for (span, part) in spans.iter().zip(parts) {
                whole.add(*span);
                of_parts[part].add(*span);
            }
            let mut joined = Sketch::default();
            of_parts.iter().for_each(|part| joined.join(part));
            prop_assert_eq!(joined, whole);
        }

        #[test]
        fn what_was_kept_is_read_back(spans in prop::collection::vec(any::<i64>(), 0..200)) {
            let mut sketch = Sketch::default();
            spans.iter().for_each(|span| sketch.add(*span));
            prop_assert_eq!(Sketch::of_bytes(&sketch.to_bytes()), Some(sketch));
        }

        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let read = Sketch::of_bytes(&bytes);
            prop_assert!(read.is_none_or(|sketch| sketch.quantile(0.5).is_some() == (sketch.count() > 0)));
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
