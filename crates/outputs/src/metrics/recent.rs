//! What was seen lately, so that nothing counts twice.

use std::collections::HashSet;
use std::hash::Hash;

/// The last ones, at least so many and at most twice that.
#[derive(Debug)]
pub(super) struct Recent<T> {
    most: usize,
    new: HashSet<T>,
    old: HashSet<T>,
}

impl<T: Eq + Hash> Recent<T> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, new: HashSet::new(), old: HashSet::new() }
    }

    pub(super) fn contains(&self, seen: &T) -> bool {
        self.new.contains(seen) || self.old.contains(seen)
    }

    /// Notes it; false if it was there.
    pub(super) fn is_new(&mut self, seen: T) -> bool {
        if self.contains(&seen) {
            return false;
        }
        if self.new.len() >= self.most {
            self.old = std::mem::take(&mut self.new);
        }
        self.new.insert(seen);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_known_and_old_ones_forgotten() {
        let mut recent = Recent::new(2);
        assert!((1..=4).all(|number| recent.is_new(number)));
        assert!(!recent.is_new(3) && !recent.is_new(4) && !recent.is_new(1));
        assert!(recent.is_new(5), "makes room");
        assert!(recent.is_new(1), "forgotten");
    }
}
