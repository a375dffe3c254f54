//! Alerts: measures what rules ask, one rule at a time, hands it to `alerts::Engine`, keeps what comes out, and answers
//! who asks about it. Who carries news to people is known only through [`Tell`].

mod check;
mod keep;
mod measure;
mod routes;
mod run;
mod shape;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alerts::{Alert, Engine, Event, Phase, Rule};
use model::Micros;

use crate::auth::{Settings, SettingsError};

pub use check::{Fault, check};
pub use run::watch;

pub(crate) use keep::MIGRATION;
pub(crate) use routes::{
    __path_alerts, __path_history, __path_silence, __path_unsilence, alerts, history, silence, unsilence,
};
pub(crate) use shape::Summary;

/// Who tells people. Must not wait: every notifier has a queue of its own.
pub trait Tell: Send + Sync + 'static {
    fn tell(&self, events: &[Event]);
    /// All that fires and was told, for those that want to hear it again and again.
    fn firing(&self, alerts: Vec<Alert>);
    fn notifiers(&self) -> Vec<Notifier>;
}

/// What became of the news of one notifier: taken = sent + given up + dropped + waiting.
#[derive(Clone, Debug, Default)]
pub struct Notifier {
    pub name: String,
    pub kind: &'static str,
    pub taken: u64,
    pub sent: u64,
    pub given_up: u64,
    pub dropped: u64,
    pub waiting: u64,
    /// Attempts that failed.
    pub failures: u64,
    pub error: Option<String>,
}

/// How many alerts of a rule are in a state.
#[derive(Clone, Debug)]
pub struct AlertCount {
    pub rule: String,
    pub severity: &'static str,
    /// pending, firing, silenced
    pub state: &'static str,
    pub count: u64,
}

/// Nobody is told.
struct Nobody;

impl Tell for Nobody {
    fn tell(&self, _: &[Event]) {}

    fn firing(&self, _: Vec<Alert>) {}

    fn notifiers(&self) -> Vec<Notifier> {
        Vec::new()
    }
}

/// What the API needs to know of alerts at its start.
#[derive(Clone)]
pub struct AlertSettings {
    pub rules: Vec<Rule>,
    /// Where people find the web.
    pub base: String,
    pub tell: Arc<dyn Tell>,
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self { rules: Vec::new(), base: String::new(), tell: Arc::new(Nobody) }
    }
}

impl std::fmt::Debug for AlertSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AlertSettings").field("rules", &self.rules.len()).field("base", &self.base).finish()
    }
}

/// Rules, what they have found, and how their looks went.
pub(crate) struct Alerts {
    settings: Arc<Settings>,
    tell: Arc<dyn Tell>,
    inner: Mutex<Inner>,
}

struct Inner {
    rules: Arc<Vec<Rule>>,
    base: String,
    engine: Engine,
    looks: BTreeMap<String, Looks>,
    senders: HashMap<(String, Option<String>), keep::Heard>,
    baselines: HashMap<String, measure::Remembered>,
}

/// How the looks at one rule went, since the start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Looks {
    pub(crate) done: u64,
    /// Not done in time, since others took theirs.
    pub(crate) skipped: u64,
    /// Found nothing out.
    pub(crate) failed: u64,
    /// Why, if the last one did.
    pub(crate) error: Option<String>,
    pub(crate) last: Option<Micros>,
    pub(crate) milliseconds: u64,
}

impl Alerts {
    /// Takes up what an earlier run has left. Blocks on a file.
    pub(crate) fn open(
        wanted: &AlertSettings,
        settings: Arc<Settings>,
        now: Micros,
    ) -> Result<Self, SettingsError> {
        let (kept, silences, senders) = keep::restore(&settings, now)?;
        let inner = Inner {
            rules: Arc::new(wanted.rules.clone()),
            base: wanted.base.clone(),
            engine: Engine::restore(kept, silences, now),
            looks: BTreeMap::new(),
            senders,
            baselines: HashMap::new(),
        };
        Ok(Self { settings, tell: Arc::clone(&wanted.tell), inner: Mutex::new(inner) })
    }

    fn rules(&self) -> Arc<Vec<Rule>> {
        Arc::clone(&self.lock().rules)
    }

    /// For metrics: how many alerts each rule has, by state.
    pub(crate) fn counts(&self, now: Micros) -> Vec<AlertCount> {
        let inner = self.lock();
        let mut counts = Vec::new();
        for rule in inner.rules.iter() {
            let (mut pending, mut firing, mut silenced) = (0, 0, 0);
            for alert in inner.engine.alerts().filter(|alert| alert.rule == rule.name) {
                match alert.phase {
                    Phase::Pending => pending += 1,
                    Phase::Firing if inner.engine.silence_of(alert, now).is_some() => silenced += 1,
                    Phase::Firing => firing += 1,
                }
            }
            let (name, severity) = (&rule.name, rule.severity.as_str());
            let states = [("pending", pending), ("firing", firing), ("silenced", silenced)];
            counts.extend(states.map(|(state, count)| AlertCount {
                rule: name.clone(),
                severity,
                state,
                count,
            }));
        }
        counts
    }

    /// For the status: how many, and which fire.
    pub(crate) fn summary(&self, now: Micros) -> Summary {
        let inner = self.lock();
        let firing = inner.engine.alerts().filter(|alert| alert.phase == Phase::Firing);
        let (silenced, firing): (Vec<&Alert>, Vec<&Alert>) =
            firing.partition(|alert| inner.engine.silence_of(alert, now).is_some());
        let pending = inner.engine.alerts().filter(|alert| alert.phase == Phase::Pending).count();
        Summary::new(&firing, silenced.len(), pending, inner.looks.values().map(|looks| looks.skipped).sum())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
