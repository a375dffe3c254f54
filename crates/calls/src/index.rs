//! Finding things of one call by a key. An ordinary call has a handful of each, and then looking at all of them costs less
//! than to hash one.

use std::collections::HashMap;
use std::hash::Hash;

/// Beyond it there is a map: a hostile call may have thousands.
const FEW: usize = 16;

#[derive(Debug)]
pub(crate) struct Index<K> {
    few: Vec<(K, usize)>,
    many: HashMap<K, usize>,
}

impl<K: Copy + Eq + Hash> Index<K> {
    pub(crate) fn new() -> Self {
        Self { few: Vec::new(), many: HashMap::new() }
    }

    pub(crate) fn get(&self, key: &K) -> Option<usize> {
        let few = self.few.iter().find(|(known, _)| known == key).map(|(_, place)| *place);
        few.or_else(|| if self.many.is_empty() { None } else { self.many.get(key).copied() })
    }

    pub(crate) fn has(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// The place that was put under this key before, which stays; else this one is put there.
    pub(crate) fn get_or_put(&mut self, key: K, place: usize) -> Option<usize> {
        let known = self.get(&key);
        if known.is_none() {
            self.add(key, place);
        }
        known
    }

    /// Instead of what was put under this key before.
    pub(crate) fn put(&mut self, key: K, place: usize) {
        match self.few.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = place,
            None => self.add(key, place),
        }
    }

    fn add(&mut self, key: K, place: usize) {
        if self.few.len() < FEW {
            self.few.push((key, place));
        } else {
            self.many.insert(key, place);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.few.len() + self.many.len()
    }
}
