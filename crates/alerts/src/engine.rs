//! From what was measured to states: pending, firing, over.

use std::collections::{BTreeMap, BTreeSet};

use model::Micros;

use crate::alert::{self, Alert, Event, Labels, Phase, What, Why};
use crate::baseline::Past;
use crate::evidence::Evidence;
use crate::figure::Absence;
use crate::rule::{Rule, Verdict};
use crate::silence::Silence;

/// Alerts of one rule: more of them are one trouble, not a hundred, and a made-up sender must not fill memory.
pub const ALERTS_OF_RULE_MAX: usize = 100;

/// So many looks may be left out before what lies between two of them counts as unknown.
pub const GAP_LOOKS: i64 = 3;

/// An alert of which nothing can be measured any more ends after this, in microseconds: nobody would see the end.
pub const NO_DATA_MAX: i64 = Micros::HOUR;

/// What one look at a rule found.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// It could not be measured: too slow, too busy, or broken.
    Unknown,
    Values(Vec<Sample>),
}

/// A value, and what it is of.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub labels: Labels,
    pub value: f64,
    pub past: Past,
    pub note: Option<String>,
    pub evidence: Evidence,
}

/// An alert that fires, as it is kept over a restart.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub alert: Alert,
    pub told: bool,
}

/// All alerts that are pending or firing.
#[derive(Debug, Default)]
pub struct Engine {
    /// By id.
    alerts: BTreeMap<String, Tracked>,
    silences: Vec<Silence>,
    beyond: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Tracked {
    alert: Alert,
    /// When it was looked at last.
    looked: Micros,
    /// For how long the condition has held, seen from look to look.
    held: i64,
    /// For how long it has not.
    quiet: i64,
    /// For how long there was nothing to measure.
    without_data: i64,
    /// People were told that it fires.
    told: bool,
}

impl Engine {
    /// Goes on from an earlier run.
    pub fn restore(kept: impl IntoIterator<Item = Kept>, silences: Vec<Silence>, now: Micros) -> Self {
        let tracked = |Kept { alert, told }| {
            let id = alert.id.clone();
            (id, Tracked { alert, looked: now, held: 0, quiet: 0, without_data: 0, told })
        };
        Self { alerts: kept.into_iter().map(tracked).collect(), silences, beyond: BTreeMap::new() }
    }

    /// Takes in what a look at a rule found.
    pub fn look(&mut self, rule: &Rule, reading: Reading, now: Micros) -> Vec<Event> {
        let mut events = Vec::new();
        match reading {
            Reading::Unknown => self.of_rule(rule).for_each(|tracked| tracked.unseen(rule, now)),
            Reading::Values(samples) => self.take(rule, samples, now, &mut events),
        }
        self.tell(now, &mut events);
        events
    }

    /// Silences that have ended: what still fires is told now.
    pub fn pass(&mut self, now: Micros) -> Vec<Event> {
        let mut events = Vec::new();
        self.silences.retain(|silence| now < silence.until);
        self.tell(now, &mut events);
        events
    }

    /// Ends the alerts of rules that are not among these.
    pub fn keep_rules(&mut self, rules: &[Rule], now: Micros) -> Vec<Event> {
        let known: BTreeSet<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
        let mut events = Vec::new();
        let gone: Vec<String> = self.ids(|alert| !known.contains(alert.rule.as_str()));
        for id in gone {
            self.end(&id, Why::RuleGone, now, &mut events);
        }
        self.beyond.retain(|rule, _| known.contains(rule.as_str()));
        events
    }

    /// One silence for each thing that is silenced; the newer takes the place of the older.
    pub fn silence(&mut self, silence: Silence) {
        self.silences.retain(|known| known.of != silence.of);
        self.silences.push(silence);
    }

    /// Takes a silence back. `false`: there was none.
    pub fn unsilence(&mut self, of: &str) -> bool {
        let before = self.silences.len();
        self.silences.retain(|known| known.of != of);
        self.silences.len() < before
    }

    pub fn silences(&self) -> &[Silence] {
        &self.silences
    }

    /// The silence that covers this alert now.
    pub fn silence_of(&self, alert: &Alert, now: Micros) -> Option<&Silence> {
        self.silences.iter().find(|silence| silence.covers(alert, now))
    }

    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values().map(|tracked| &tracked.alert)
    }

    /// What must not be lost by a restart: what fires, and whether people know.
    pub fn kept(&self) -> impl Iterator<Item = Kept> {
        let firing = self.alerts.values().filter(|tracked| tracked.alert.phase == Phase::Firing);
        firing.map(|tracked| Kept { alert: tracked.alert.clone(), told: tracked.told })
    }

    /// What people were told and still fires, for those who want to hear it again and again.
    pub fn told(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values().filter(|tracked| tracked.told).map(|tracked| &tracked.alert)
    }

    /// What a rule found beyond [`ALERTS_OF_RULE_MAX`] at its last look.
    pub fn beyond(&self, rule: &str) -> u64 {
        self.beyond.get(rule).copied().unwrap_or(0)
    }

    fn take(&mut self, rule: &Rule, samples: Vec<Sample>, now: Micros, events: &mut Vec<Event>) {
        let mut seen = BTreeSet::new();
        let mut beyond = 0;
        let mut count = self.of_rule(rule).count();
        for sample in samples {
            let id = alert::id(&rule.name, &sample.labels);
            if !seen.insert(id.clone()) {
                continue;
            }
            let is_firing = self.alerts.get(&id).is_some_and(|tracked| tracked.alert.phase == Phase::Firing);
            let verdict = rule.condition.judge(sample.value, &sample.past, is_firing);
            if !self.alerts.contains_key(&id) {
                if verdict != Verdict::Holds {
                    continue;
                }
                if count >= ALERTS_OF_RULE_MAX {
                    beyond += 1;
                    continue;
                }
                count += 1;
                self.alerts.insert(id.clone(), Tracked::new(rule, &id, &sample, now));
            }
            if let Some(tracked) = self.alerts.get_mut(&id) {
                tracked.update(rule, sample);
            }
            self.step(rule, &id, Some(verdict), now, events);
        }
        self.beyond.insert(rule.name.clone(), beyond);
        // What earlier looks told of, and this one does not.
        for id in self.ids(|alert| alert.rule == rule.name) {
            if seen.contains(&id) {
                continue;
            }
            let verdict = match rule.figure.absence() {
                Absence::NoData => None,
                Absence::Over => Some(Verdict::Fails),
                Absence::Zero => {
                    let Some(tracked) = self.alerts.get_mut(&id) else { continue };
                    tracked.alert.value = 0.0;
                    let is_firing = tracked.alert.phase == Phase::Firing;
                    Some(rule.condition.judge(0.0, &Past::default(), is_firing))
                }
            };
            self.step(rule, &id, verdict, now, events);
        }
    }

    /// What a look says of one alert; `None`: there was nothing to measure.
    fn step(
        &mut self,
        rule: &Rule,
        id: &str,
        verdict: Option<Verdict>,
        now: Micros,
        events: &mut Vec<Event>,
    ) {
        let Some(tracked) = self.alerts.get_mut(id) else { return };
        let passed = tracked.passed(rule, now);
        match (tracked.alert.phase, verdict) {
            (Phase::Pending, Some(Verdict::Holds)) => {
                tracked.held += passed;
                tracked.without_data = 0;
                if tracked.held >= rule.hold {
                    tracked.alert.phase = Phase::Firing;
                    tracked.alert.firing_since = Some(now);
                    events.push(Event {
                        what: What::Firing,
                        at: now,
                        alert: tracked.alert.clone(),
                        tell: false,
                    });
                }
            }
            (Phase::Pending, Some(Verdict::Fails)) => {
                self.alerts.remove(id);
            }
            (Phase::Pending, Some(Verdict::Unknown) | None) => {
                tracked.without_data += passed;
                if tracked.without_data >= rule.gap_max() {
                    self.alerts.remove(id);
                }
            }
            (Phase::Firing, Some(Verdict::Holds)) => (tracked.quiet, tracked.without_data) = (0, 0),
            (Phase::Firing, Some(Verdict::Fails)) => {
                // The first look that finds it over begins the count: what was before it, it was told to be firing.
                tracked.quiet += if tracked.quiet == 0 { 1 } else { passed };
                tracked.without_data = 0;
                if tracked.quiet > rule.keep {
                    self.end(id, Why::Over, now, events);
                }
            }
            (Phase::Firing, Some(Verdict::Unknown) | None) => {
                tracked.without_data += passed;
                if tracked.without_data >= NO_DATA_MAX {
                    self.end(id, Why::NoData, now, events);
                }
            }
        }
    }

    fn end(&mut self, id: &str, why: Why, now: Micros, events: &mut Vec<Event>) {
        let Some(tracked) = self.alerts.remove(id) else { return };
        // Nobody knew of it.
        if tracked.alert.phase == Phase::Firing {
            let what = What::Resolved(why);
            events.push(Event { what, at: now, alert: tracked.alert, tell: tracked.told });
        }
    }

    /// Marks what is to be told: what fires, is not silenced, and was not told yet.
    fn tell(&mut self, now: Micros, events: &mut Vec<Event>) {
        for tracked in self.alerts.values_mut() {
            let is_silenced = self.silences.iter().any(|silence| silence.covers(&tracked.alert, now));
            if tracked.alert.phase != Phase::Firing || tracked.told || is_silenced {
                continue;
            }
            tracked.told = true;
            let begun = events
                .iter_mut()
                .find(|event| event.what == What::Firing && event.alert.id == tracked.alert.id);
            match begun {
                Some(event) => event.tell = true,
                None => {
                    let alert = tracked.alert.clone();
                    events.push(Event { what: What::Unsilenced, at: now, alert, tell: true });
                }
            }
        }
    }

    fn ids(&self, wanted: impl Fn(&Alert) -> bool) -> Vec<String> {
        self.alerts().filter(|alert| wanted(alert)).map(|alert| alert.id.clone()).collect()
    }

    fn of_rule<'a>(&'a mut self, rule: &'a Rule) -> impl Iterator<Item = &'a mut Tracked> {
        self.alerts.values_mut().filter(|tracked| tracked.alert.rule == rule.name)
    }
}

impl Tracked {
    fn new(rule: &Rule, id: &str, sample: &Sample, now: Micros) -> Self {
        let alert = Alert {
            id: id.to_owned(),
            rule: rule.name.clone(),
            severity: rule.severity,
            labels: alert::labels(rule, &sample.labels),
            summary: rule.summary.clone(),
            note: None,
            phase: Phase::Pending,
            pending_since: now,
            firing_since: None,
            value: sample.value,
            usual: None,
            condition: rule.condition.words(),
            evidence: sample.evidence.clone(),
            to: rule.to.clone(),
        };
        Self { alert, looked: now, held: 0, quiet: 0, without_data: 0, told: false }
    }

    /// What is known now; also of a rule that has been changed meanwhile.
    fn update(&mut self, rule: &Rule, sample: Sample) {
        self.alert.value = sample.value;
        self.alert.usual = rule.condition.baseline.and_then(|_| sample.past.median());
        self.alert.note = sample.note;
        self.alert.evidence = sample.evidence;
        self.alert.labels = alert::labels(rule, &sample.labels);
        self.alert.severity = rule.severity;
        self.alert.summary.clone_from(&rule.summary);
        self.alert.condition = rule.condition.words();
        self.alert.to.clone_from(&rule.to);
    }

    /// Time since the last look, as far as it may count: none if the clock went back, none of a gap, after which what is
    /// pending begins anew.
    fn passed(&mut self, rule: &Rule, now: Micros) -> i64 {
        let passed = now.0.saturating_sub(self.looked.0);
        self.looked = now;
        if passed > rule.gap_max() {
            self.held = 0;
            if self.alert.phase == Phase::Pending {
                self.alert.pending_since = now;
            }
            return 0;
        }
        passed.max(0)
    }

    /// A look was tried and found nothing out.
    fn unseen(&mut self, rule: &Rule, now: Micros) {
        // Time goes on counting from the last look that saw something; if that is too long ago, it is a gap.
        if now.0.saturating_sub(self.looked.0) > rule.gap_max() {
            self.passed(rule, now);
        }
    }
}
