use std::collections::BTreeMap;

use model::Micros;

use crate::evidence::Evidence;
use crate::rule::{Rule, Severity};

/// What tells one alert of a rule from another: `src_ip` and an address.
pub type Labels = BTreeMap<String, String>;

/// One thing that a rule says something about.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// Stable: of rule and labels alone.
    pub id: String,
    pub rule: String,
    pub severity: Severity,
    /// Of the rule, and of what it is about.
    pub labels: Labels,
    pub summary: String,
    /// What is known beyond the value: the message of an alarm.
    pub note: Option<String>,
    pub phase: Phase,
    /// When the condition began to hold, and when it has held for long enough.
    pub pending_since: Micros,
    pub firing_since: Option<Micros>,
    /// What was measured last.
    pub value: f64,
    /// What it usually is, if the rule asks.
    pub usual: Option<f64>,
    /// The condition in words.
    pub condition: String,
    pub evidence: Evidence,
    /// Names of notifiers; all if empty.
    pub to: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The condition holds, not yet for long enough.
    Pending,
    Firing,
}

/// Something changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub what: What,
    pub at: Micros,
    pub alert: Alert,
    /// Whether people are to be told: no silence covers it; of an end also that they were told of the beginning.
    pub tell: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Firing,
    /// A silence has ended, and it still fires: people hear of it only now.
    Unsilenced,
    Resolved(Why),
}

/// Why an alert ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The condition does not hold any more.
    Over,
    /// For a long time nothing was there to be measured.
    NoData,
    /// The rule was removed or turned off.
    RuleGone,
}

impl Phase {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

impl What {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Unsilenced => "unsilenced",
            Self::Resolved(_) => "resolved",
        }
    }
}

impl Why {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::NoData => "no_data",
            Self::RuleGone => "rule_gone",
        }
    }
}

/// Labels of a rule and of what one of its alerts is about.
pub(crate) fn labels(rule: &Rule, own: &Labels) -> Labels {
    rule.labels.iter().chain(own).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// FNV-1a over rule and labels: the same in every version and on every machine.
pub(crate) fn id(rule: &str, own: &Labels) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let texts = std::iter::once(rule).chain(own.iter().flat_map(|(name, value)| [name.as_str(), value]));
    for text in texts {
        // A byte that no text has keeps `ab`, `c` apart from `a`, `bc`.
        for byte in text.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}
