//! What takes how much room, and what goes next.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Micros;

use crate::config::Retention;
use crate::lake::{LakeFile, Payload};
use crate::retain::newest;
use crate::view::{TableView, View};

/// The lake by table and day. Rows that have not settled are not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    pub tables: Vec<TableStorage>,
    /// Free on the disk of the lake, if it is on one.
    pub free_disk: Option<u64>,
    /// Kept free by removing the oldest files.
    pub free_disk_min: u64,
    /// Most bytes of the lake, if limited.
    pub bytes_max: Option<u64>,
    /// What goes first when room is wanted.
    pub next_for_room: Option<NextFile>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableStorage {
    pub name: &'static str,
    pub retention_days: u32,
    /// After so many days rows lose their payload, if they do before they go.
    pub payload_days: Option<u32>,
    pub total: Amount,
    /// Arrival of the oldest row.
    pub oldest: Option<Micros>,
    /// By the day (UTC) on which the newest row of a file arrived, oldest first.
    pub days: Vec<(Micros, Amount)>,
    /// What goes first by age.
    pub next: Option<NextFile>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    pub files: u64,
    pub rows: u64,
    /// Of these, rows that have lost their payload.
    pub rows_without_payload: u64,
    /// As stored.
    pub bytes: u64,
    pub measured: Measured,
}

/// Files that have their payloads, and of which it is known how many bytes these were: not those of versions that did not
/// note it, and what was merged with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    pub files: u64,
    pub rows: u64,
    /// Payloads, as received.
    pub payload_bytes: u64,
    /// All columns, as stored.
    pub bytes: u64,
}

/// A file, since rows go a file at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextFile {
    pub table: &'static str,
    pub rows: u64,
    pub bytes: u64,
    /// Arrival of its newest row.
    pub newest: Micros,
    /// When it is too old to be kept, if it does not go for want of room before.
    pub leaves: Micros,
}

pub(crate) fn storage(view: &View, rules: &Retention, free_disk: Option<u64>) -> Storage {
    let tables: Vec<TableStorage> = view.tables.iter().map(|table| of_table(table, rules)).collect();
    Storage {
        next_for_room: tables.iter().filter_map(|table| table.next).min_by_key(|file| file.newest),
        tables,
        free_disk,
        free_disk_min: rules.free_disk_min,
        bytes_max: rules.bytes_max,
    }
}

fn of_table(view: &TableView, rules: &Retention) -> TableStorage {
    let mut total = Amount::default();
    let mut days: BTreeMap<Micros, Amount> = BTreeMap::new();
    for file in view.files.iter() {
        total.add(file);
        let day = newest(file).div_euclid(Micros::DAY).saturating_mul(Micros::DAY);
        days.entry(Micros(day)).or_default().add(file);
    }
    let retention_days = rules.days_of(view.table);
    let kept_for = i64::from(retention_days).saturating_mul(Micros::DAY);
    let oldest = view.files.iter().filter_map(|file| file.ranges).map(|ranges| ranges.received.min).min();
    TableStorage {
        name: view.table.name,
        retention_days,
        payload_days: rules.payload_days_of(view.table),
        total,
        oldest: oldest.map(Micros),
        days: days.into_iter().collect(),
        next: view.files.iter().min_by_key(|file| newest(file)).map(|file| NextFile {
            table: view.table.name,
            rows: file.rows,
            bytes: file.bytes,
            newest: Micros(newest(file)),
            leaves: Micros(newest(file).saturating_add(kept_for)),
        }),
    }
}

/// Rows of these files that have lost their payload.
pub(crate) fn without_payload(files: &[Arc<LakeFile>]) -> u64 {
    files.iter().filter(|file| file.is_without_payload()).map(|file| file.rows).sum()
}

impl Amount {
    fn add(&mut self, file: &LakeFile) {
        self.files += 1;
        self.rows += file.rows;
        self.rows_without_payload += if file.is_without_payload() { file.rows } else { 0 };
        self.bytes += file.bytes;
        if let Payload::Kept(payload_bytes) = file.payload {
            self.measured.files += 1;
            self.measured.rows += file.rows;
            self.measured.payload_bytes += payload_bytes;
            self.measured.bytes += file.bytes;
        }
    }
}
