use std::collections::BTreeMap;

use model::Micros;

use crate::baseline::Past;
use crate::figure::Figure;

/// What is measured, from when on it is worth a person's attention, and who is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Stable: silences and alerts of an earlier run are found again by it.
    pub name: String,
    /// For whoever reads the alert.
    pub summary: String,
    pub figure: Figure,
    /// In the query language.
    pub query: Option<String>,
    /// What makes an alert of its own for each: a column, or a grouping of the figures of calls.
    pub by: Option<String>,
    /// Alarms that it is about: names, or what it is not about, with a `!` before the name; all if empty.
    pub alarms: Vec<String>,
    /// Microseconds that are looked at.
    pub window: i64,
    /// Fewer calls say nothing of a ratio.
    pub attempts_min: u64,
    /// Microseconds that a sender must have been heard before its silence counts.
    pub heard_for: i64,
    pub condition: Condition,
    /// Microseconds between two looks.
    pub every: i64,
    /// Microseconds that the condition must hold.
    pub hold: i64,
    /// Microseconds that it must not hold before the alert is over.
    pub keep: i64,
    pub severity: Severity,
    pub labels: BTreeMap<String, String>,
    /// Names of notifiers; all if empty.
    pub to: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

/// All that is given must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Condition {
    pub above: Option<f64>,
    pub below: Option<f64>,
    /// Once it fires, the bound that ends it: between both it goes on, so that a value at the edge does not flap.
    pub until: Option<f64>,
    pub baseline: Option<Baseline>,
}

/// The same time of day on earlier days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Baseline {
    pub days: u32,
    /// By how much more than their median, in percent of it.
    pub rises_percent: Option<f64>,
    /// By how much less.
    pub falls_percent: Option<f64>,
}

/// What a condition says of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Holds,
    Fails,
    /// Too little is known of earlier days, or the value is no number.
    Unknown,
}

impl Severity {
    pub const ALL: &[Self] = &[Self::Info, Self::Warning, Self::Critical];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|severity| severity.as_str() == name)
    }
}

impl Condition {
    pub fn judge(&self, value: f64, past: &Past, is_firing: bool) -> Verdict {
        if !value.is_finite() {
            return Verdict::Unknown;
        }
        let until = self.until.filter(|_| is_firing);
        let fails = self.above.is_some_and(|bound| value <= until.unwrap_or(bound))
            || self.below.is_some_and(|bound| value >= until.unwrap_or(bound));
        if fails {
            return Verdict::Fails;
        }
        match &self.baseline {
            None => Verdict::Holds,
            Some(baseline) => match past.deviates(value, baseline) {
                None => Verdict::Unknown,
                Some(true) => Verdict::Holds,
                Some(false) => Verdict::Fails,
            },
        }
    }

    /// In words: `above 5`, `30 % below the same hour of the last 7 days`.
    pub fn words(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.above.map(|bound| format!("above {bound}")));
        parts.extend(self.below.map(|bound| format!("below {bound}")));
        if let Some(Baseline { days, rises_percent, falls_percent }) = self.baseline {
            let of = format!("the same time on the last {days} days");
            parts.extend(rises_percent.map(|percent| format!("{percent} % above {of}")));
            parts.extend(falls_percent.map(|percent| format!("{percent} % below {of}")));
        }
        parts.join(" and ")
    }
}

impl Rule {
    /// Whether it is about an alarm of this name.
    pub fn is_about_alarm(&self, name: &str) -> bool {
        let is_out = |written: &String| written.strip_prefix('!').is_some_and(|out| out == name);
        let mut wanted = self.alarms.iter().filter(|written| !written.starts_with('!')).peekable();
        !self.alarms.iter().any(is_out) && (wanted.peek().is_none() || wanted.any(|wanted| wanted == name))
    }

    /// A look that comes later than this after the one before leaves a gap, of which nothing is known.
    pub fn gap_max(&self) -> i64 {
        (self.every * crate::GAP_LOOKS).max(Micros::MINUTE)
    }
}
