//! Series by labels, never more than a limit: what comes from packets comes from anybody.

use std::collections::BTreeMap;

use super::page::{Family, Number};

/// What stands in every label beyond the limit.
pub(super) const OTHER: &str = "other";

/// Bytes of a label value that are kept: names are shorter, and a node may send 64 KiB as its own.
const VALUE_BYTES_MAX: usize = 128;

/// Values by label values.
#[derive(Debug)]
pub(super) struct Bounded<V> {
    most: usize,
    series: BTreeMap<Vec<String>, V>,
}

impl<V> Bounded<V> {
    /// For at most so many different ones; those that come later share one, with [`OTHER`] in all labels.
    pub(super) fn new(most: usize) -> Self {
        Self { most, series: BTreeMap::new() }
    }

    /// The value of these labels, made if they are new.
    pub(super) fn at(&mut self, labels: &[&str], make: impl FnOnce() -> V) -> &mut V {
        let cut = |label: &&str| label[..label.floor_char_boundary(VALUE_BYTES_MAX)].to_owned();
        let mut key: Vec<String> = labels.iter().map(cut).collect();
        if self.series.len() >= self.most && !self.series.contains_key(&key) {
            key = vec![OTHER.to_owned(); labels.len()];
        }
        self.series.entry(key).or_insert_with(make)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Vec<&str>, &V)> {
        self.series.iter().map(|(labels, value)| (labels.iter().map(String::as_str).collect(), value))
    }
}

impl Bounded<u64> {
    pub(super) fn add(&mut self, labels: &[&str], count: u64) {
        *self.at(labels, || 0) += count;
    }
}

impl<V: Copy + Into<Number>> Bounded<V> {
    pub(super) fn write(&self, mut family: Family<'_>) {
        for (labels, value) in self.iter() {
            family.series(&labels, *value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_beyond_the_limit_is_counted_together() {
        let mut counts = Bounded::new(2);
        for name in ["a", "b", "c", "a", "d", OTHER] {
            counts.add(&[name, "x"], 1);
        }
        let seen: Vec<(Vec<&str>, u64)> = counts.iter().map(|(labels, count)| (labels, *count)).collect();
        assert_eq!(seen, [(vec!["a", "x"], 2), (vec!["b", "x"], 1), (vec![OTHER, OTHER], 3)]);
    }

    #[test]
    fn of_long_names_the_beginning_counts() {
        let mut counts = Bounded::new(2);
        for end in ["one", "other"] {
            counts.add(&[&format!("{}ä{end}", "n".repeat(127))], 1);
        }
        let seen: Vec<(Vec<&str>, u64)> = counts.iter().map(|(labels, count)| (labels, *count)).collect();
        assert_eq!(seen, [(vec!["n".repeat(127).as_str()], 2)]);
    }
}
