//! Alerts as the API shows them, and as they are kept.

use std::collections::BTreeMap;

use alerts::{Alert, Evidence, Page, Phase, Rule, Severity, Silence};
use model::Micros;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Looks, Notifier};

/// One alert.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Alert)]
pub(crate) struct Row {
    /// Stable: of rule and labels.
    pub(super) id: String,
    pub(super) rule: String,
    /// pending: the condition holds, not yet for long enough; firing
    state: String,
    /// info, warning, critical
    severity: String,
    summary: String,
    /// What is known beyond the value.
    note: Option<String>,
    labels: BTreeMap<String, String>,
    /// What was measured last.
    value: f64,
    /// What it usually is at this time of day, if the rule asks.
    usual: Option<f64>,
    /// In words.
    condition: String,
    pending_since: String,
    firing_since: Option<String>,
    /// Where to see what it is about.
    evidence: Shown,
    /// Notifiers; all if empty.
    to: Vec<String>,
}

/// A search, or another screen of the web.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = AlertEvidence)]
pub(crate) struct Shown {
    /// calls, messages, registrations, overview, senders, status
    page: String,
    q: String,
    from: Option<String>,
    to: Option<String>,
    /// Below the address of the web.
    path: String,
}

/// A change of an alert.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertChange)]
pub(crate) struct Told {
    pub(super) at: String,
    /// firing, resolved, unsilenced
    pub(super) what: String,
    /// Of what was resolved: over, no_data, rule_gone
    pub(super) why: Option<String>,
    /// Whether people were told.
    pub(super) told: bool,
    pub(super) alert: Row,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertSilence)]
pub(crate) struct SilenceRow {
    /// The id of an alert, or the name of a rule.
    of: String,
    until: String,
    comment: String,
    by: String,
    made: String,
}

/// A rule, and how its looks went since the start.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertRule)]
pub(crate) struct RuleRow {
    name: String,
    summary: String,
    figure: &'static str,
    query: Option<String>,
    by: Option<String>,
    condition: String,
    severity: &'static str,
    every_seconds: i64,
    for_seconds: i64,
    to: Vec<String>,
    looks: u64,
    /// Not done in time, since others took theirs.
    skipped: u64,
    /// Found nothing out; states stay as they are.
    failed: u64,
    /// Why, if the last one did.
    error: Option<String>,
    last: Option<String>,
    last_ms: u64,
    /// Found at the last look beyond the 100 alerts a rule may have.
    beyond: u64,
}

/// taken = sent + given_up + dropped + waiting
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertNotifier)]
pub(crate) struct NotifierRow {
    name: String,
    /// webhook, alertmanager, email
    kind: &'static str,
    taken: u64,
    sent: u64,
    /// Refused, or the other side was down for too long.
    given_up: u64,
    /// The queue was full.
    dropped: u64,
    waiting: u64,
    /// Attempts that failed.
    failures: u64,
    error: Option<String>,
}

/// Alerts in short.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertSummary)]
pub(crate) struct Summary {
    /// What fires and is not silenced.
    firing: Vec<Row>,
    silenced: usize,
    pending: usize,
    /// Looks at rules that were left out, since others took too long.
    skipped: u64,
}

impl Summary {
    pub(super) fn new(firing: &[&Alert], silenced: usize, pending: usize, skipped: u64) -> Self {
        Self { firing: firing.iter().map(|alert| Row::of(alert)).collect(), silenced, pending, skipped }
    }
}

impl Row {
    pub(super) fn of(alert: &Alert) -> Self {
        let evidence = &alert.evidence;
        Self {
            id: alert.id.clone(),
            rule: alert.rule.clone(),
            state: alert.phase.as_str().to_owned(),
            severity: alert.severity.as_str().to_owned(),
            summary: alert.summary.clone(),
            note: alert.note.clone(),
            labels: alert.labels.clone(),
            value: alert.value,
            usual: alert.usual,
            condition: alert.condition.clone(),
            pending_since: alert.pending_since.to_string(),
            firing_since: alert.firing_since.map(|time| time.to_string()),
            evidence: Shown {
                page: page_name(evidence.page).to_owned(),
                q: evidence.query.clone(),
                from: evidence.span.map(|(from, _)| from.to_string()),
                to: evidence.span.map(|(_, to)| to.to_string()),
                path: evidence.path(),
            },
            to: alert.to.clone(),
        }
    }

    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers become JSON")
    }

    /// Back again; `None` if it says what this version does not know.
    pub(super) fn alert(self) -> Option<Alert> {
        let time = |text: &str| crate::time::point(text, Micros(0)).ok();
        let Shown { page, q, from, to, .. } = self.evidence;
        let span = match (from, to) {
            (Some(from), Some(to)) => Some((time(&from)?, time(&to)?)),
            _ => None,
        };
        Some(Alert {
            phase: [Phase::Pending, Phase::Firing].into_iter().find(|phase| phase.as_str() == self.state)?,
            severity: Severity::named(&self.severity)?,
            pending_since: time(&self.pending_since)?,
            firing_since: self.firing_since.as_deref().and_then(time),
            evidence: Evidence {
                page: *PAGES.iter().find(|known| page_name(**known) == page)?,
                query: q,
                span,
            },
            id: self.id,
            rule: self.rule,
            labels: self.labels,
            summary: self.summary,
            note: self.note,
            value: self.value,
            usual: self.usual,
            condition: self.condition,
            to: self.to,
        })
    }
}

const PAGES: &[Page] =
    &[Page::Calls, Page::Messages, Page::Registrations, Page::Overview, Page::Senders, Page::Status];

fn page_name(page: Page) -> &'static str {
    match page {
        Page::Calls => "calls",
        Page::Messages => "messages",
        Page::Registrations => "registrations",
        Page::Overview => "overview",
        Page::Senders => "senders",
        Page::Status => "status",
    }
}

impl From<&Silence> for SilenceRow {
    fn from(silence: &Silence) -> Self {
        Self {
            of: silence.of.clone(),
            until: silence.until.to_string(),
            comment: silence.comment.clone(),
            by: silence.by.clone(),
            made: silence.made.to_string(),
        }
    }
}

impl RuleRow {
    pub(super) fn new(rule: &Rule, looks: Looks, beyond: u64) -> Self {
        let Looks { done, skipped, failed, error, last, milliseconds } = looks;
        Self {
            name: rule.name.clone(),
            summary: rule.summary.clone(),
            figure: rule.figure.name(),
            query: rule.query.clone(),
            by: rule.by.clone(),
            condition: rule.condition.words(),
            severity: rule.severity.as_str(),
            every_seconds: rule.every / Micros::SECOND,
            for_seconds: rule.hold / Micros::SECOND,
            to: rule.to.clone(),
            looks: done,
            skipped,
            failed,
            error,
            last: last.map(|time| time.to_string()),
            last_ms: milliseconds,
            beyond,
        }
    }
}

impl From<Notifier> for NotifierRow {
    fn from(notifier: Notifier) -> Self {
        let Notifier { name, kind, taken, sent, given_up, dropped, waiting, failures, error } = notifier;
        Self { name, kind, taken, sent, given_up, dropped, waiting, failures, error }
    }
}
