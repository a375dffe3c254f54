//! What is counted of the running program: `ingest`'s values in the words of `outputs`, and its page in those of `api`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use api::AlertCount;
use ingest::{Ingest, Network, Published};
use outputs::Outputs;
use outputs::metrics::{Alerts, Format, Listener, Metrics, Receiver, Script};
use store::{Derived, Store};

/// Hands on what becomes searchable.
#[derive(Debug)]
pub(crate) struct Watching {
    pub(crate) metrics: Arc<Metrics>,
    /// There from when they are started, which is before anything is told.
    pub(crate) outputs: Arc<OnceLock<Arc<Outputs>>>,
}

impl ingest::Watcher for Watching {
    fn published(&self, rows: &Published) {
        self.metrics.published(rows);
    }

    fn told(&self, told: &[Derived]) {
        self.metrics.told(told);
        if let Some(outputs) = self.outputs.get() {
            outputs.told(told);
        }
    }
}

/// The page, and who may read it.
pub(crate) struct Page {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) ingest: Arc<Ingest>,
    pub(crate) outputs: Arc<Outputs>,
    pub(crate) store: Arc<Store>,
    pub(crate) allow: Vec<Network>,
}

impl api::Metrics for Page {
    fn page(&self, is_openmetrics: bool, alerts: Vec<AlertCount>) -> Result<(&'static str, String), String> {
        let format = if is_openmetrics { Format::OpenMetrics } else { Format::Prometheus };
        let alerts = alerts.into_iter().map(|of| Alerts {
            rule: of.rule,
            severity: of.severity,
            state: of.state,
            count: of.count,
        });
        let receiver = Receiver { alerts: alerts.collect(), ..receiver(&self.ingest, &self.outputs) };
        let page = self.metrics.page(format, &receiver, &self.store);
        page.map(|page| (format.content_type(), page)).map_err(|late| late.to_string())
    }

    fn is_open_to(&self, peer: IpAddr) -> bool {
        self.allow.iter().any(|network| network.contains(peer))
    }
}

fn receiver(ingest: &Ingest, sending: &Outputs) -> Receiver {
    let owned = |counts: &BTreeMap<&'static str, u64>| {
        counts.iter().map(|(cause, count)| ((*cause).to_owned(), *count)).collect()
    };
    let listeners = ingest.counters().listeners.into_iter().map(|listener| {
        let ingest::Counters { received, stored, refused, dropped, duplicates, pending, bytes } =
            listener.counters;
        let (refused, dropped) = (owned(&refused), owned(&dropped));
        Listener { name: listener.name, received, stored, refused, dropped, duplicates, pending, bytes }
    });
    let ingest::CallsGauge { open, bytes, evicted, beyond } = ingest.calls();
    let failing = sending.status().into_iter().filter(|output| output.state != outputs::State::Working);
    let failing = failing.map(|output| format!("output_{}", output.name));
    Receiver {
        listeners: listeners.collect(),
        senders: ingest.senders_count() as u64,
        is_ready: ingest.is_ready(),
        alarms: ingest.alarms().into_iter().map(|alarm| alarm.name.to_owned()).chain(failing).collect(),
        followed: open,
        followed_bytes: bytes,
        evicted,
        beyond,
        scripts: ingest.scripts().into_iter().map(script).collect(),
        ..Receiver::default()
    }
}

fn script(status: scripts::ScriptStatus) -> Script {
    Script {
        name: status.name,
        runs: status.runs,
        seconds: status.seconds,
        errors: status.errors,
        limits: status.limits,
        dropped: status.dropped,
        changed: status.changed,
        is_off: status.is_off,
    }
}
