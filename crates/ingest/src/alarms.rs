use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Micros;
use serde::Serialize;

use crate::clock;

/// Something an operator must look at, for as long as it lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alarm {
    /// Stable lower-case name.
    pub name: &'static str,
    /// Microseconds since 1970.
    #[serde(serialize_with = "since_text")]
    pub since: Micros,
    pub message: String,
}

/// The alarms that are up.
#[derive(Debug, Default)]
pub(crate) struct Alarms(Mutex<BTreeMap<&'static str, Alarm>>);

impl Alarms {
    /// Logs the alarm when it goes up; while it is up, only its message changes.
    pub(crate) fn raise(&self, name: &'static str, message: String) {
        let mut alarms = self.lock();
        if let Some(alarm) = alarms.get_mut(name) {
            alarm.message = message;
            return;
        }
        tracing::error!(alarm = name, "{message}");
        alarms.insert(name, Alarm { name, since: clock::now(), message });
    }

    pub(crate) fn clear(&self, name: &'static str) {
        if let Some(alarm) = self.lock().remove(name) {
            tracing::warn!(alarm = name, since = %alarm.since, "alarm is over");
        }
    }

    pub(crate) fn list(&self) -> Vec<Alarm> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Alarm>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn since_text<S: serde::Serializer>(since: &Micros, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_lasts_until_cleared_and_keeps_its_beginning() {
        let alarms = Alarms::default();
        alarms.raise("log", "disk full".to_owned());
        let since = alarms.list()[0].since;
        alarms.raise("log", "still full".to_owned());
        assert_eq!(alarms.list(), [Alarm { name: "log", since, message: "still full".to_owned() }]);
        alarms.clear("log");
        alarms.clear("log");
        assert!(alarms.list().is_empty());
    }
}
