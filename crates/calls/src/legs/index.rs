//! Which legs have what in common: for each key the legs that have it, few of them.

use std::collections::{HashMap, VecDeque};

use super::leg::{Leg, MarkKind};
use super::number::Number;
use super::rules::Rules;

/// Legs that share one name. More do so in no call but a large conference: it is a constant, and joins nothing.
pub(crate) const NAMED_MAX: usize = 64;
/// Legs with one number, between the same machines, that are looked at: the newest.
const NUMBERED_MAX: usize = 64;
/// Legs of a machine that came to their end in the same second: enough for more calls than one machine ends.
const CLOSED_MAX: usize = 512;
/// Numbers of a leg that are looked up together: as presented and as asserted.
const PAIRED_MAX: usize = 2;

const SECOND: i64 = 1_000_000;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// A name, which is proof.
    Name(MarkKind, String),
    /// Something about media.
    Media(MarkKind, String),
    /// A machine, on the way there or from there, and what is looked for beside it.
    Way(Way, String, Beside),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Way {
    To,
    From,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Beside {
    Caller(String),
    Callee(String),
    Both(String, String),
    /// REFER asks the machine to call this number.
    Asked(String),
    /// The second it came to its end.
    Closed(i64),
}

#[derive(Debug, Default)]
pub(crate) struct Index {
    slots: HashMap<Key, Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    legs: VecDeque<u32>,
    /// So many have had it that it means nothing.
    is_common: bool,
}

impl Index {
    pub(crate) fn insert(&mut self, key: &Key, leg: u32) {
        let most = match key {
            Key::Name(..) => NAMED_MAX,
            Key::Way(_, _, Beside::Closed(_)) => CLOSED_MAX,
            _ => NUMBERED_MAX,
        };
        let slot = self.slots.entry(key.clone()).or_default();
        slot.legs.push_back(leg);
        if slot.legs.len() > most {
            slot.is_common = true;
            slot.legs.pop_front();
        }
    }

    pub(crate) fn remove(&mut self, key: &Key, leg: u32) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        slot.legs.retain(|known| *known != leg);
        if slot.legs.is_empty() {
            self.slots.remove(key);
        }
    }

    pub(crate) fn legs(&self, key: &Key) -> impl Iterator<Item = u32> + '_ {
        self.slots.get(key).into_iter().flat_map(|slot| slot.legs.iter().copied())
    }

    pub(crate) fn is_common(&self, key: &Key) -> bool {
        self.slots.get(key).is_some_and(|slot| slot.is_common)
    }
}

/// What a leg is found under.
pub(crate) fn keys(leg: &Leg, rules: &Rules) -> Vec<Key> {
    let mut keys: Vec<Key> = leg
        .marks
        .iter()
        .map(|mark| match mark.kind.is_media() {
            true => Key::Media(mark.kind, mark.value.clone()),
            false => Key::Name(mark.kind.space(), mark.value.clone()),
        })
        .collect();
    for host in hosts(leg, rules) {
        way(&mut keys, Way::To, host, leg);
    }
    if let Some(source) = leg.source.as_deref() {
        way(&mut keys, Way::From, rules.host(source), leg);
    }
    for referral in &leg.referrals {
        let asked = Beside::Asked(referral.target.key().to_owned());
        keys.push(Key::Way(Way::To, rules.host(&referral.asked).to_owned(), asked));
    }
    let mut seen = std::collections::HashSet::new();
    keys.retain(|key| seen.insert(key.clone()));
    keys
}

/// What the legs that may follow it, or that it may follow, are found under.
pub(crate) fn sought(leg: &Leg, rules: &Rules) -> Vec<Key> {
    let mut sought = Vec::new();
    for key in keys(leg, rules) {
        match key {
            Key::Name(..) => {}
            Key::Media(..) => sought.push(key),
            Key::Way(way, host, beside) => {
                let other = if way == Way::To { Way::From } else { Way::To };
                match beside {
                    Beside::Closed(second) => sought.extend(
                        (second - 1..=second + 1)
                            .map(|second| Key::Way(other, host.clone(), Beside::Closed(second))),
                    ),
                    Beside::Asked(number) => {
                        sought.push(Key::Way(Way::From, host, Beside::Callee(number)));
                    }
                    Beside::Callee(number) => {
                        if way == Way::From {
                            sought.push(Key::Way(Way::To, host.clone(), Beside::Asked(number.clone())));
                        }
                        sought.push(Key::Way(other, host, Beside::Callee(number)));
                    }
                    beside => sought.push(Key::Way(other, host, beside)),
                }
            }
        }
    }
    sought
}

fn hosts<'a>(leg: &'a Leg, rules: &'a Rules) -> Vec<&'a str> {
    let mut hosts: Vec<&str> = leg.hosts.iter().map(|host| rules.host(host)).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

fn way(keys: &mut Vec<Key>, way: Way, host: &str, leg: &Leg) {
    let mut push = |beside| keys.push(Key::Way(way, host.to_owned(), beside));
    let text = |number: &Number| number.key().to_owned();
    for caller in leg.callers.iter().chain(&leg.diverted) {
        push(Beside::Caller(text(caller)));
    }
    for callee in leg.callees.iter().chain(&leg.diverted) {
        push(Beside::Callee(text(callee)));
    }
    for caller in leg.callers.iter().take(PAIRED_MAX) {
        for callee in leg.callees.iter().take(PAIRED_MAX) {
            push(Beside::Both(text(caller), text(callee)));
        }
    }
    if let Some(closed) = leg.closed() {
        push(Beside::Closed(closed.at.div_euclid(SECOND)));
    }
}
