//! Notifiers against the real other side: Alertmanager, a mail server, and receivers of webhooks that are down, slow or
//! refuse.

mod alertmanager;
mod mail;
mod webhook;

use std::collections::BTreeMap;
use std::time::Duration;

use alerts::{Alert, Event, Evidence, Page, Phase, Severity, What, Why};
use anyhow::{Result, ensure};
use model::Micros;
use outputs::notify::{Config, Counters, Kind, Notifiers, Prepared, Timing};
use testkit::server::wait;

const BASE: &str = "https://voice.example.com";

/// Fast enough for a test.
const TIMING: Timing = Timing {
    attempt_max: Duration::from_millis(1_500),
    retry: (Duration::from_millis(50), Duration::from_millis(200)),
    give_up_after: Duration::from_secs(4),
    resend: Duration::from_millis(500),
};

fn now() -> Micros {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

fn alert(rule: &str, about: &str) -> Alert {
    Alert {
        id: format!("{rule}-{about}"),
        rule: rule.to_owned(),
        severity: Severity::Critical,
        labels: BTreeMap::from([("sender".to_owned(), about.to_owned())]),
        summary: "A sender has fallen silent \u{2013} and tells nothing".to_owned(),
        note: Some("last heard a while ago".to_owned()),
        phase: Phase::Firing,
        pending_since: now(),
        firing_since: Some(now()),
        value: 600.5,
        usual: None,
        condition: "above 600".to_owned(),
        evidence: Evidence::page(Page::Senders),
        to: Vec::new(),
    }
}

fn event(what: What, alert: Alert) -> Event {
    Event { what, at: now(), alert, tell: true }
}

fn over(alert: Alert) -> Event {
    event(What::Resolved(Why::Over), alert)
}

struct Told {
    notifiers: Notifiers,
    _runtime: tokio::runtime::Runtime,
}

impl Told {
    fn by(kind: Kind) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let notifiers = Notifiers::new(runtime.handle().clone(), TIMING);
        notifiers.replace(Prepared::new(&[Config { name: "ops".to_owned(), kind }], BASE)?);
        Ok(Self { notifiers, _runtime: runtime })
    }

    fn counters(&self) -> Counters {
        self.notifiers.counters().remove(0)
    }

    /// Waits until nothing waits any more; what became of it adds up at every moment.
    fn settled(&self, limit: Duration) -> Result<Counters> {
        let done = wait(limit, || {
            let counters = self.counters();
            ensure!(adds_up(&counters), "{counters:?}");
            Ok(counters.waiting == 0)
        })?;
        ensure!(done, "{:?}", self.counters());
        Ok(self.counters())
    }
}

fn adds_up(counters: &Counters) -> bool {
    counters.taken == counters.sent + counters.given_up + counters.dropped + counters.waiting
}
