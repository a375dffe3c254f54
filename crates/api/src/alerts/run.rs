//! The timer: which rule is looked at next.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use alerts::{Alert, Event, Reading, Rule};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::{Inner, keep, measure};
use crate::state::ApiState;
use crate::time::now;
use crate::view::View;

/// How often it is looked which rule is due.
const TICK: Duration = Duration::from_secs(1);

/// One look, and with it how long the others wait.
const LOOK_TIME_MAX: Duration = Duration::from_secs(10);

/// What senders were heard is written so often: after a restart it may be this much too old.
const SENDERS_KEPT_EVERY: Duration = Duration::from_secs(5);

/// Looks at every rule when it is due, one after the other, for as long as the server runs.
pub async fn watch(state: ApiState) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut due: HashMap<String, Instant> = HashMap::new();
    let mut senders_kept = Instant::now();
    // What an earlier run has left may be of rules that have gone since.
    let events = state.alerts().change(|inner| {
        let rules = Arc::clone(&inner.rules);
        inner.engine.keep_rules(&rules, now())
    });
    told(&state, events).await;
    loop {
        ticks.tick().await;
        if !state.live().is_ready() {
            continue;
        }
        let rules = state.alerts().rules();
        due.retain(|name, _| rules.iter().any(|rule| rule.name == *name));
        for rule in rules.iter() {
            let every = Duration::from_micros(rule.every.unsigned_abs());
            let at = due.entry(rule.name.clone()).or_insert_with(Instant::now);
            let Some(late) = Instant::now().checked_duration_since(*at) else { continue };
            // What could not be done in time is left out, and said.
            let skipped = late.as_micros() / every.as_micros().max(1);
            *at = Instant::now() + every;
            look(&state, rule, u64::try_from(skipped).unwrap_or(u64::MAX)).await;
        }
        let events = state.alerts().change(|inner| inner.engine.pass(now()));
        told(&state, events).await;
        if senders_kept.elapsed() >= SENDERS_KEPT_EVERY {
            senders_kept = Instant::now();
            let senders = state.alerts().lock().senders.clone();
            // Also if nobody was heard: until now somebody was there to hear them.
            let at = now();
            written(&state, move |settings| keep::write_senders(settings, &senders, at)).await;
        }
    }
}

async fn look(state: &ApiState, rule: &Rule, skipped: u64) {
    let begun = Instant::now();
    let measured = timeout(LOOK_TIME_MAX, measure::measure(&View::whole(state), rule)).await;
    let (reading, error) = match measured {
        Ok(Ok(samples)) => (Reading::Values(samples), None),
        Ok(Err(error)) => (Reading::Unknown, Some(error)),
        Err(_) => (Reading::Unknown, Some(format!("took more than {} s", LOOK_TIME_MAX.as_secs()))),
    };
    if let Some(error) = &error {
        tracing::warn!(rule = rule.name, reason = error, "a rule could not be looked at");
    }
    let at = now();
    let events = state.alerts().change(|inner| {
        let looks = inner.looks.entry(rule.name.clone()).or_default();
        looks.done += 1;
        looks.skipped += skipped;
        looks.failed += u64::from(error.is_some());
        looks.error = error;
        looks.last = Some(at);
        looks.milliseconds = crate::ask::milliseconds(begun.elapsed());
        // It may have gone while it was looked at.
        if inner.rules.contains(rule) { inner.engine.look(rule, reading, at) } else { Vec::new() }
    });
    told(state, events).await;
}

/// Keeps what happened, then tells it: what people hear is not forgotten by a restart.
pub(super) async fn told(state: &ApiState, events: Vec<Event>) {
    let alerts = state.alerts();
    let firing: Vec<Alert> = alerts.lock().engine.told().cloned().collect();
    if !events.is_empty() {
        for event in &events {
            let alert = &event.alert;
            tracing::warn!(
                rule = alert.rule, labels = ?alert.labels, value = alert.value, told = event.tell,
                "alert: {}", event.what.as_str()
            );
        }
        let (happened, of) = (events.clone(), state.clone());
        let kept = move || of.alerts().lock().engine.kept().collect();
        written(state, move |settings| keep::write(settings, kept, &happened)).await;
    }
    alerts.tell.firing(firing);
    if !events.is_empty() {
        alerts.tell.tell(&events);
    }
}

/// A full disk keeps nobody from being told.
pub(super) async fn written(
    state: &ApiState,
    write: impl FnOnce(&crate::auth::Settings) -> Result<(), crate::auth::SettingsError> + Send + 'static,
) {
    let settings = Arc::clone(&state.alerts().settings);
    match tokio::task::spawn_blocking(move || write(&settings)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "alerts cannot be kept"),
        Err(error) => tracing::error!(%error, "alerts cannot be kept"),
    }
}

impl super::Alerts {
    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.lock())
    }
}

impl ApiState {
    /// Other rules from now on; what the former ones said is over where a rule has gone.
    pub async fn replace_alert_rules(&self, rules: Vec<Rule>, base: String) {
        let events = self.alerts().change(|inner| {
            inner.looks.retain(|name, _| rules.iter().any(|rule| rule.name == *name));
            inner.baselines.clear();
            inner.base = base;
            inner.rules = Arc::new(rules);
            let rules = Arc::clone(&inner.rules);
            inner.engine.keep_rules(&rules, now())
        });
        told(self, events).await;
    }
}
