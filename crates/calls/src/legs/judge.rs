//! All legs that are known, and what joins them: fed leg by leg, asked at any time.
//!
//! Every edge is kept with its rule. Names are proof. A leg that only seems to follow another is joined to the one it fits
//! best, if none fits nearly as well; else all of them stay possible. Whatever becomes known later is weighed anew, so a
//! join can come undone.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::edge::{Edge, Rule, Standing};
use super::follow::{Following, MARGIN, POSSIBLE_MIN, follows, is_referred};
use super::groups::UnionFind;
use super::index::{Index, Key, keys, sought};
use super::leg::{Leg, MarkKind};
use super::rules::Rules;

/// Legs kept: some gigabytes at most, and an hour of a hundred calls a second. Beyond it the oldest are forgotten.
const LEGS_MAX: usize = 1_000_000;
/// Legs one leg is compared with at a time.
const PARTNERS_MAX: usize = 2_048;
/// Legs of one call that are followed: a conference of some size.
const GROUP_MAX: usize = 256;

#[derive(Debug, Default)]
pub struct Judge {
    rules: Rules,
    legs: HashMap<u32, Kept>,
    by_call_id: HashMap<String, u32>,
    by_last: BTreeSet<(i64, u32)>,
    index: Index,
    /// By the two legs, the lower number first.
    ties: HashMap<(u32, u32), Vec<Tie>>,
    next: u32,
}

#[derive(Debug)]
struct Kept {
    leg: Leg,
    keys: Vec<Key>,
    partners: BTreeSet<u32>,
}

#[derive(Clone, Debug)]
struct Tie {
    /// The leg that is followed, or that names the other.
    from: u32,
    to: u32,
    evidence: Vec<i64>,
    kind: TieKind,
}

#[derive(Clone, Debug)]
enum TieKind {
    Name(Rule, Key),
    Following(Following, Standing),
}

impl Judge {
    pub fn new(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }

    /// Takes a leg, or what is known of it now.
    pub fn put(&mut self, leg: Leg) {
        let number = match self.by_call_id.get(&leg.call_id) {
            Some(number) => *number,
            None => {
                self.next = self.next.wrapping_add(1);
                self.next
            }
        };
        let partners = self.take(number);
        self.by_call_id.insert(leg.call_id.clone(), number);
        self.by_last.insert((leg.last, number));
        let keys = keys(&leg, &self.rules);
        for key in &keys {
            self.index.insert(key, number);
        }
        self.legs.insert(number, Kept { leg, keys, partners: BTreeSet::new() });
        self.compare(number, partners);
        while self.legs.len() > LEGS_MAX {
            let Some((_, oldest)) = self.by_last.first().copied() else { break };
            self.forget(oldest);
        }
    }

    /// Forgets the legs whose last message came before this time.
    pub fn expire(&mut self, before: i64) {
        while let Some((last, oldest)) = self.by_last.first().copied()
            && last < before
        {
            self.forget(oldest);
        }
    }

    pub fn len(&self) -> usize {
        self.legs.len()
    }

    pub fn is_empty(&self) -> bool {
        self.legs.is_empty()
    }

    pub fn leg(&self, call_id: &str) -> Option<&Leg> {
        Some(&self.legs.get(self.by_call_id.get(call_id)?)?.leg)
    }

    /// The Call-IDs of the call that this one is a leg of, itself first.
    pub fn group(&self, call_id: &str) -> Vec<&str> {
        let Some(number) = self.by_call_id.get(call_id) else { return Vec::new() };
        self.reach(*number, None).iter().filter_map(|number| self.call_id(*number)).collect()
    }

    /// What joins the leg to others, the surest first.
    pub fn edges_of(&self, call_id: &str) -> Vec<Edge> {
        let Some(number) = self.by_call_id.get(call_id) else { return Vec::new() };
        let Some(kept) = self.legs.get(number) else { return Vec::new() };
        let mut edges: Vec<Edge> =
            kept.partners.iter().flat_map(|partner| self.edges_between(*number, *partner)).collect();
        edges.sort_by(|one, other| other.score.total_cmp(&one.score));
        edges
    }

    /// All edges.
    pub fn edges(&self) -> Vec<Edge> {
        let mut pairs: Vec<&(u32, u32)> = self.ties.keys().collect();
        pairs.sort_unstable();
        pairs.into_iter().flat_map(|(one, other)| self.edges_between(*one, *other)).collect()
    }

    /// All calls, each by the Call-IDs of its legs.
    pub fn groups(&self) -> Vec<Vec<&str>> {
        let mut numbers: Vec<u32> = self.legs.keys().copied().collect();
        numbers.sort_unstable();
        let mut sets = UnionFind::new(&numbers);
        for ((one, other), ties) in &self.ties {
            if ties.iter().any(|tie| self.standing(tie) == Standing::Certain) {
                sets.join(*one, *other);
            }
        }
        let sets = sets.sets();
        sets.into_iter()
            .map(|set| set.into_iter().filter_map(|number| self.call_id(number)).collect())
            .collect()
    }

    fn call_id(&self, number: u32) -> Option<&str> {
        Some(&self.legs.get(&number)?.leg.call_id)
    }

    fn edges_between(&self, one: u32, other: u32) -> impl Iterator<Item = Edge> + '_ {
        let ties = self.ties.get(&pair(one, other)).into_iter().flatten();
        ties.filter_map(|tie| {
            let (rule, score) = match &tie.kind {
                TieKind::Name(rule @ Rule::Conference, _) => (*rule, 0.95),
                TieKind::Name(rule, _) => (*rule, 1.0),
                TieKind::Following(following, _) => (following.rule, following.score()),
            };
            Some(Edge {
                from: self.call_id(tie.from)?.to_owned(),
                to: self.call_id(tie.to)?.to_owned(),
                rule,
                score,
                standing: self.standing(tie),
                evidence: tie.evidence.clone(),
            })
        })
    }

    fn standing(&self, tie: &Tie) -> Standing {
        match &tie.kind {
            TieKind::Name(_, key) if self.index.is_common(key) => Standing::Possible,
            TieKind::Name(..) => Standing::Certain,
            TieKind::Following(_, standing) => *standing,
        }
    }

    fn forget(&mut self, number: u32) {
        let Some(kept) = self.legs.get(&number) else { return };
        let call_id = kept.leg.call_id.clone();
        self.take(number);
        self.by_call_id.remove(&call_id);
    }

    /// Takes the leg out with all that joins it; gives whom it was joined to.
    fn take(&mut self, number: u32) -> BTreeSet<u32> {
        let Some(kept) = self.legs.remove(&number) else { return BTreeSet::new() };
        self.by_last.remove(&(kept.leg.last, number));
        for key in &kept.keys {
            self.index.remove(key, number);
        }
        for partner in &kept.partners {
            self.ties.remove(&pair(number, *partner));
            if let Some(partner) = self.legs.get_mut(partner) {
                partner.partners.remove(&number);
            }
        }
        kept.partners
    }

    /// Looks for what joins it to others: to those it was joined to, and to those with a key of it.
    fn compare(&mut self, number: u32, mut others: BTreeSet<u32>) {
        let Some(kept) = self.legs.get(&number) else { return };
        let mut unsettled: BTreeSet<u32> = others.iter().copied().chain([number]).collect();
        let named = self.named(number, kept);
        for key in sought(&kept.leg, &self.rules) {
            others.extend(self.index.legs(&key).take(PARTNERS_MAX.saturating_sub(others.len())));
        }
        let mut found = named;
        for other in others {
            let Some(there) = self.legs.get(&other).filter(|_| other != number) else { continue };
            let ways = [(number, kept, other, there), (other, there, number, kept)];
            for (from, before, to, after) in ways {
                let all = [
                    follows(&before.leg, &after.leg, &self.rules),
                    is_referred(&before.leg, &after.leg, &self.rules),
                ];
                for following in all.into_iter().flatten().filter(|found| found.weight >= POSSIBLE_MIN) {
                    let evidence = following.evidence.clone();
                    let kind = TieKind::Following(following, Standing::Possible);
                    found.push(Tie { from, to, evidence, kind });
                    unsettled.insert(to);
                }
            }
        }
        for tie in found {
            for (one, other) in [(tie.from, tie.to), (tie.to, tie.from)] {
                if let Some(kept) = self.legs.get_mut(&one) {
                    kept.partners.insert(other);
                }
            }
            unsettled.extend([tie.from, tie.to]);
            self.ties.entry(pair(tie.from, tie.to)).or_default().push(tie);
        }
        for number in unsettled {
            self.settle(number);
        }
    }

    /// Ties by names.
    fn named(&self, number: u32, kept: &Kept) -> Vec<Tie> {
        let mut ties: Vec<Tie> = Vec::new();
        for mark in kept.leg.marks.iter().filter(|mark| !mark.kind.is_media()) {
            let key = Key::Name(mark.kind.space(), mark.value.clone());
            for other in self.index.legs(&key).filter(|other| *other != number) {
                let Some(there) = self.legs.get(&other) else { continue };
                let same = |that: &&super::leg::Mark| {
                    that.kind.space() == mark.kind.space() && that.value == mark.value
                };
                let Some(that) = there.leg.marks.iter().find(same) else { continue };
                let Some(rule) = rule_of(mark.kind).or_else(|| rule_of(that.kind)) else { continue };
                let is_known = ties.iter().any(|tie| {
                    pair(tie.from, tie.to) == pair(number, other)
                        && matches!(&tie.kind, TieKind::Name(known, _) if *known == rule)
                });
                if is_known {
                    continue;
                }
                // Who says the name of the other comes second.
                let (from, to) = if that.kind == MarkKind::CallId || there.leg.first < kept.leg.first {
                    (other, number)
                } else {
                    (number, other)
                };
                let evidence = vec![mark.message, that.message];
                ties.push(Tie { from, to, evidence, kind: TieKind::Name(rule, key.clone()) });
            }
        }
        ties
    }

    /// Decides which leg this one follows.
    fn settle(&mut self, number: u32) {
        let Some(kept) = self.legs.get(&number) else { return };
        let mut best: HashMap<u32, (i32, bool)> = HashMap::new();
        let mut tied: Vec<u32> = Vec::new();
        for partner in &kept.partners {
            for tie in self.ties.get(&pair(number, *partner)).into_iter().flatten() {
                match &tie.kind {
                    TieKind::Following(following, _) if tie.to == number => {
                        let reaches = following.weight >= following.certain_min();
                        let (weight, is_enough) = best.entry(*partner).or_insert((i32::MIN, false));
                        *weight = (*weight).max(following.weight);
                        *is_enough |= reaches;
                    }
                    TieKind::Name(..) if self.standing(tie) == Standing::Certain => tied.push(*partner),
                    _ => {}
                }
            }
        }
        let standings = self.choose(number, &best, &tied);
        for (partner, standing) in standings {
            for tie in self.ties.get_mut(&pair(number, partner)).into_iter().flatten() {
                if let TieKind::Following(_, kept) = &mut tie.kind
                    && tie.to == number
                {
                    *kept = standing;
                }
            }
        }
    }

    /// Which of the legs it may follow it does follow: `best` are they with their weight, and whether that is enough;
    /// `tied` those that a name ties it to.
    fn choose(&self, number: u32, best: &HashMap<u32, (i32, bool)>, tied: &[u32]) -> Vec<(u32, Standing)> {
        let comes_from = |other: &u32| self.goes_to(*other, number);
        if let Some(known) = tied.iter().copied().find(comes_from) {
            let group: HashSet<u32> = self.reach(known, None).into_iter().collect();
            let standing =
                |other: &u32| if group.contains(other) { Standing::Certain } else { Standing::Withdrawn };
            return best.keys().map(|other| (*other, standing(other))).collect();
        }
        let mut ranked: Vec<(u32, i32, bool)> =
            best.iter().map(|(other, (weight, is_enough))| (*other, *weight, *is_enough)).collect();
        ranked.sort_unstable_by_key(|(other, weight, _)| (-weight, *other));
        let Some((first, weight, is_enough)) = ranked.first().copied() else { return Vec::new() };
        let near: Vec<u32> = ranked
            .iter()
            .skip(1)
            .take_while(|(_, other, _)| *other > weight - MARGIN)
            .map(|(other, ..)| *other)
            .collect();
        // Legs of the same call are no rivals. They are counted without this one, which would join them.
        let group: HashSet<u32> = match ranked.len() {
            1 => HashSet::new(),
            _ => self.reach(first, Some(number)).into_iter().collect(),
        };
        let has_rival = near.iter().any(|other| !group.contains(other));
        let standing = |(other, _, reaches): &(u32, i32, bool)| {
            let is_own = *other == first || group.contains(other);
            if is_enough && !has_rival && is_own && *reaches { Standing::Certain } else { Standing::Possible }
        };
        ranked.iter().map(|known| (known.0, standing(known))).collect()
    }

    /// Whether the first goes where the second comes from.
    fn goes_to(&self, first: u32, second: u32) -> bool {
        let (Some(first), Some(second)) = (self.legs.get(&first), self.legs.get(&second)) else {
            return false;
        };
        second.leg.source.as_deref().is_some_and(|source| {
            first.leg.hosts.iter().any(|host| self.rules.host(host) == self.rules.host(source))
        })
    }

    /// The legs that certain edges lead to, without passing `not`.
    fn reach(&self, from: u32, not: Option<u32>) -> Vec<u32> {
        let mut found = vec![from];
        let mut seen: HashSet<u32> = found.iter().copied().chain(not).collect();
        let mut place = 0;
        while let Some(number) = found.get(place).copied() {
            place += 1;
            let Some(kept) = self.legs.get(&number) else { continue };
            for partner in &kept.partners {
                let ties = self.ties.get(&pair(number, *partner)).into_iter().flatten();
                let is_joined = ties.into_iter().any(|tie| self.standing(tie) == Standing::Certain);
                if is_joined && found.len() < GROUP_MAX && seen.insert(*partner) {
                    found.push(*partner);
                }
            }
        }
        found
    }
}

fn pair(one: u32, other: u32) -> (u32, u32) {
    (one.min(other), one.max(other))
}

/// What a shared name is called as a rule; a Call-ID itself is what others name.
pub(crate) fn rule_of(kind: MarkKind) -> Option<Rule> {
    Some(match kind {
        MarkKind::CallId => return None,
        MarkKind::Suffix => Rule::CallIdSuffix,
        MarkKind::Header => Rule::Header,
        MarkKind::Correlation => Rule::Correlation,
        MarkKind::Replaces => Rule::Replaces,
        MarkKind::SessionId => Rule::SessionId,
        MarkKind::Icid => Rule::Icid,
        MarkKind::CiscoGuid => Rule::CiscoGuid,
        MarkKind::Focus => Rule::Conference,
        MarkKind::Origin => Rule::SdpOrigin,
        MarkKind::Media => Rule::MediaAddress,
        MarkKind::Ice => Rule::Ice,
        MarkKind::Fingerprint => Rule::Fingerprint,
    })
}
