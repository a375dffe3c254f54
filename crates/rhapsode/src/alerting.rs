//! Who carries alerts to people: `outputs`' notifiers in `api`'s words.

use std::sync::Arc;

use alerts::{Alert, Event};
use api::{Notifier, Tell};
use outputs::notify::{Notifiers, NotifyError, Prepared};

use crate::config::Alerts;

/// Those that are configured, ready to be used by a server whose web listens here.
pub(crate) fn prepare(alerts: &Alerts, url: &str) -> Result<Prepared, NotifyError> {
    Prepared::new(&alerts.notifiers, &alerts.base(url))
}

pub(crate) struct Telling(pub(crate) Arc<Notifiers>);

impl Tell for Telling {
    fn tell(&self, events: &[Event]) {
        self.0.tell(events);
    }

    fn firing(&self, alerts: Vec<Alert>) {
        self.0.firing(alerts);
    }

    fn notifiers(&self) -> Vec<Notifier> {
        let counters = self.0.counters().into_iter().map(|of| Notifier {
            name: of.name,
            kind: of.kind,
            taken: of.taken,
            sent: of.sent,
            given_up: of.given_up,
            dropped: of.dropped,
            waiting: of.waiting,
            failures: of.failures,
            error: of.error,
        });
        counters.collect()
    }
}
