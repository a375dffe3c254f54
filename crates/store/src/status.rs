use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Micros;

use crate::clock::now;
use crate::times::Times;

/// What the store holds at this moment.
#[derive(Clone, Debug)]
pub struct StoreStatus {
    pub hot_rows: u64,
    pub hot_bytes: u64,
    pub lake_rows: u64,
    pub lake_bytes: u64,
    pub lake_files: u64,
    pub log_bytes: u64,
    /// Arrival of the oldest and newest row, hot or settled.
    pub oldest: Option<Micros>,
    pub newest: Option<Micros>,
    pub tables: Vec<TableStatus>,
    pub compaction: CompactionStatus,
    /// Rounds of settling, failed ones too.
    pub settling: Times,
    /// Questions, until the last row was taken or nobody waited any more.
    pub searching: Times,
    pub sql: Times,
    pub alarms: Vec<Alarm>,
}

/// What compaction has to do, and has done since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompactionStatus {
    /// Files that can be merged now, or whose payloads can go, of one run in each table.
    pub files_due: u64,
    pub files_read: u64,
    pub files_written: u64,
    pub rows: u64,
    pub bytes_read: u64,
    pub bytes_written: u64,
}

#[derive(Clone, Debug)]
pub struct TableStatus {
    pub name: &'static str,
    /// Hot and settled.
    pub rows: u64,
    /// Of these, hot.
    pub hot_rows: u64,
    /// Settled.
    pub bytes: u64,
    pub files: u64,
    pub retention_days: u32,
    /// After so many days rows lose their payload, if they do before they go.
    pub payload_days: Option<u32>,
    /// Rows that have lost it.
    pub rows_without_payload: u64,
}

/// Something the operator must know of and act on; gone when the cause is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Stable: `settle`, `retain`, `compact`, `log_delete`, `disk_low`.
    pub name: &'static str,
    pub since: Micros,
    pub message: String,
}

/// The alarms that are on.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    on: Mutex<BTreeMap<&'static str, Alarm>>,
}

impl Alarms {
    pub(crate) fn raise(&self, name: &'static str, message: String) {
        let mut on = self.lock();
        match on.get_mut(name) {
            Some(alarm) => alarm.message = message,
            None => {
                tracing::error!(alarm = name, message, "alarm");
                on.insert(name, Alarm { name, since: now(), message });
            }
        }
    }

    pub(crate) fn clear(&self, name: &'static str) {
        if self.lock().remove(name).is_some() {
            tracing::info!(alarm = name, "alarm is over");
        }
    }

    pub(crate) fn all(&self) -> Vec<Alarm> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Alarm>> {
        self.on.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
