//! Union-find: sets that grow together.

use std::collections::HashMap;

pub(crate) struct UnionFind {
    parents: HashMap<u32, u32>,
}

impl UnionFind {
    pub(crate) fn new(members: &[u32]) -> Self {
        Self { parents: members.iter().map(|member| (*member, *member)).collect() }
    }

    pub(crate) fn join(&mut self, one: u32, other: u32) {
        let (one, other) = (self.root(one), self.root(other));
        self.parents.insert(one.max(other), one.min(other));
    }

    /// The lowest member of the set, with the way to it made shorter.
    fn root(&mut self, member: u32) -> u32 {
        let mut at = member;
        while let Some(parent) = self.parents.get(&at).copied()
            && parent != at
        {
            let above = self.parents.get(&parent).copied().unwrap_or(parent);
            self.parents.insert(at, above);
            at = above;
        }
        at
    }

    /// The sets, by their lowest member.
    pub(crate) fn sets(mut self) -> Vec<Vec<u32>> {
        let mut members: Vec<u32> = self.parents.keys().copied().collect();
        members.sort_unstable();
        let mut sets: std::collections::BTreeMap<u32, Vec<u32>> = std::collections::BTreeMap::new();
        for member in members {
            let root = self.root(member);
            sets.entry(root).or_default().push(member);
        }
        sets.into_values().collect()
    }
}
