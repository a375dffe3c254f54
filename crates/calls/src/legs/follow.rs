//! Whether one leg follows another: a B2BUA took a call and went on with it under a new Call-ID. Without a name that both
//! share, where they go, when, between whom and what becomes of them must tell.
//!
//! Each observation weighs as much as it is rarer by chance than in one call, roughly in powers of two. The windows are
//! those of docs/legs.md.

use super::edge::Rule;
use super::leg::{Leg, Mark, Moment};
use super::number::{Likeness, Number, likeness};
use super::rules::Rules;

const MILLISECOND: i64 = 1_000;
const SECOND: i64 = 1_000_000;
/// How long the messages that end a leg may go on (RFC 3261 17.1.1.2, timer B).
const GIVE_UP: i64 = 34 * SECOND;

/// From this weight on a leg follows the other, if no other fits as well.
pub(crate) const CERTAIN_MIN: i32 = 9;
/// Where numbers say nothing, chance has more to choose from.
pub(crate) const CERTAIN_TIMING_MIN: i32 = 12;
/// Below it an edge is not worth to be kept.
pub(crate) const POSSIBLE_MIN: i32 = 6;
/// How much better than all others the best must be.
pub(crate) const MARGIN: i32 = 3;
/// Where the score ends.
const WEIGHT_MAX: i32 = 22;

/// One leg follows another, so far as it can be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Following {
    pub(crate) rule: Rule,
    pub(crate) weight: i32,
    pub(crate) evidence: Vec<i64>,
}

impl Following {
    /// The weight that makes it certain.
    pub(crate) fn certain_min(&self) -> i32 {
        if self.rule == Rule::Timing { CERTAIN_TIMING_MIN } else { CERTAIN_MIN }
    }

    /// 0.9 for what media shows, 0.95 for what was asked for; else 0.6 to 0.85 by weight.
    pub(crate) fn score(&self) -> f64 {
        match self.rule {
            Rule::Refer => 0.95,
            Rule::Numbers | Rule::Timing => {
                let above = (self.weight.clamp(POSSIBLE_MIN, WEIGHT_MAX) - POSSIBLE_MIN) as f64;
                let score = 0.6 + 0.25 * above / f64::from(WEIGHT_MAX - POSSIBLE_MIN);
                (score * 100.0).round() / 100.0
            }
            _ => 0.9,
        }
    }
}

/// `None` if it cannot be: it goes another way, or began when the other was over.
pub(crate) fn follows(before: &Leg, after: &Leg, rules: &Rules) -> Option<Following> {
    let source = rules.host(after.source.as_deref()?);
    if before.call_id == after.call_id || !before.hosts.iter().any(|host| rules.host(host) == source) {
        return None;
    }
    let gap = after.first - before.first;
    let is_over = before.closed().is_some_and(|closed| after.first > closed.at + rules.skew_max);
    if gap < -rules.skew_max || gap > rules.late_max || is_over {
        return None;
    }
    let mut weighing = Weighing { weight: 0, evidence: vec![before.opening, after.opening] };
    weighing.gap(gap, rules);
    let numbers = weighing.numbers(before, after);
    let media = shared_media(before, after);
    if let Some((_, here, there)) = media {
        weighing.add(10, &[here, there]);
    }
    weighing.fate(before, after, rules);
    let rule = match (media, numbers) {
        (Some((rule, ..)), _) => rule,
        (None, Likeness::Same | Likeness::SameShort) => Rule::Numbers,
        (None, _) => Rule::Timing,
    };
    Some(Following { rule, weight: weighing.weight, evidence: weighing.evidence })
}

struct Weighing {
    weight: i32,
    evidence: Vec<i64>,
}

impl Weighing {
    fn add(&mut self, weight: i32, evidence: &[i64]) {
        self.weight += weight;
        for message in evidence {
            if !self.evidence.contains(message) {
                self.evidence.push(*message);
            }
        }
    }

    fn gap(&mut self, gap: i64, rules: &Rules) {
        let within = [(SECOND / 5, 3), (SECOND, 2), (2 * SECOND, 1), (rules.setup_max, 0)];
        self.weight += within.iter().find(|(most, _)| gap <= *most).map_or(-2, |(_, weight)| *weight);
    }

    /// The better of the two likenesses.
    fn numbers(&mut self, before: &Leg, after: &Leg) -> Likeness {
        let weight = |likeness, same| match likeness {
            Likeness::Same => same,
            Likeness::SameShort => 3,
            Likeness::Extension => 2,
            Likeness::Unknown => 0,
            Likeness::Other => -1,
        };
        // Who diverts a call stands in Diversion, and as caller in houses that do not let through others' numbers.
        let callers = likeness(&before.callers, &after.callers)
            .max(if_alike(&before.diverted, &after.callers))
            .max(if_alike(&before.callers, &after.diverted));
        let callees =
            likeness(&before.callees, &after.callees).max(if_alike(&before.callees, &after.diverted));
        // Some numbers are called by many at once; few callers call twice at once.
        self.weight += weight(callers, 5) + weight(callees, 4);
        callers.max(callees)
    }

    /// What becomes of one becomes of the other: replies come back a little later, requests go on a little later.
    fn fate(&mut self, before: &Leg, after: &Leg, rules: &Rules) {
        let skew = rules.skew_max;
        if let Some((early, late)) = after.ringing.zip(before.ringing) {
            self.mirror(early, late, skew, &[(50 * MILLISECOND, 3), (300 * MILLISECOND, 2)]);
        }
        match (after.answered, before.answered) {
            (Some(early), Some(late)) => {
                let is_mirrored =
                    self.mirror(early, late, skew, &[(50 * MILLISECOND, 5), (500 * MILLISECOND, 4)]);
                // An answering menu was first, which is no contradiction.
                let was_menu = late.at < after.first;
                if !is_mirrored && !was_menu {
                    self.weight -= 5;
                }
            }
            (None, Some(answer)) => {
                // Another phone took it, and this one stops to ring.
                if let Some(cancel) = after.cancelled {
                    self.mirror(answer, cancel, SECOND / 2, &[(500 * MILLISECOND, 3)]);
                }
                let rings_on = after.last > answer.at + 2 * SECOND;
                if rings_on && answer.at > after.first {
                    self.weight -= 5;
                }
            }
            (Some(answer), None) if before.closed().is_some_and(|closed| closed.at < answer.at + SECOND) => {
                self.weight -= 3;
            }
            _ => {}
        }
        if let Some((early, late)) = after.refused.zip(before.refused) {
            let is_same = before.status == after.status;
            let weight = if is_same { 4 } else { 2 };
            self.mirror(early, late, skew, &[(200 * MILLISECOND, weight)]);
        }
        if let Some((early, late)) = before.cancelled.zip(after.cancelled) {
            self.mirror(early, late, skew, &[(50 * MILLISECOND, 4), (500 * MILLISECOND, 3)]);
        }
        let is_moved = before.is_moved || after.is_moved;
        let both_ended = before.ended.is_some() && after.ended.is_some();
        if !is_moved && !both_ended && before.closed().is_some_and(|closed| after.last > closed.at + GIVE_UP)
        {
            self.weight -= 5;
        }
        if let Some((one, other)) = before.ended.zip(after.ended) {
            let (early, late) = if one.at <= other.at { (one, other) } else { (other, one) };
            let is_mirrored =
                self.mirror(early, late, skew, &[(50 * MILLISECOND, 6), (500 * MILLISECOND, 5)]);
            if !is_mirrored && !is_moved && late.at - early.at > 2 * SECOND {
                self.weight -= 6;
            }
        }
    }

    /// Adds the weight of the narrowest window that `late` is in after `early`.
    fn mirror(&mut self, early: Moment, late: Moment, skew: i64, windows: &[(i64, i32)]) -> bool {
        let apart = late.at - early.at;
        let window = windows.iter().find(|(within, _)| (-skew..=*within).contains(&apart));
        if let Some((_, weight)) = window {
            self.add(*weight, &[early.message, late.message]);
        }
        window.is_some()
    }
}

/// Nothing is said by a number that was called before, unless it is the same.
fn if_alike(these: &[Number], those: &[Number]) -> Likeness {
    match likeness(these, those) {
        Likeness::Unknown => Likeness::Other,
        found => found,
    }
}

/// The media that both speak of, and the messages that do.
fn shared_media(before: &Leg, after: &Leg) -> Option<(Rule, i64, i64)> {
    let media =
        |leg: &'_ Leg| leg.marks.iter().filter(|mark| mark.kind.is_media()).cloned().collect::<Vec<Mark>>();
    let those = media(after);
    media(before).iter().find_map(|this| {
        let that = those.iter().find(|that| that.kind == this.kind && that.value == this.value)?;
        Some((super::judge::rule_of(this.kind)?, this.message, that.message))
    })
}

/// How far a leg that was asked for by REFER may be from it.
const REFERRAL_MAX: i64 = 10 * SECOND;

/// Whether `after` is the call that somebody in `before` asked for.
pub(crate) fn is_referred(before: &Leg, after: &Leg, rules: &Rules) -> Option<Following> {
    let source = rules.host(after.source.as_deref()?);
    let asked = before.referrals.iter().find(|asked| {
        rules.host(&asked.asked) == source
            && (-rules.skew_max..=REFERRAL_MAX).contains(&(after.first - asked.moment.at))
            && after.callees.iter().any(|callee| callee.likeness(&asked.target) >= Likeness::Extension)
    })?;
    let gap = after.first - asked.moment.at;
    let mut weight = 12 - i32::try_from(gap.max(0) / (2 * SECOND)).unwrap_or(i32::MAX).min(5);
    let others: Vec<_> = before.callers.iter().chain(&before.callees).cloned().collect();
    if likeness(&others, &after.callers) >= Likeness::SameShort {
        weight += 4;
    }
    Some(Following { rule: Rule::Refer, weight, evidence: vec![asked.moment.message, after.opening] })
}
