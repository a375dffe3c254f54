use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ErrorBody;
use crate::state::ApiState;

/// The lake by table and day. Rows that have not settled are not in it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Storage {
    tables: Vec<Table>,
    /// Bytes free on the disk of the lake, if it is on one.
    free_disk: Option<u64>,
    /// Bytes kept free by removing the oldest files.
    free_disk_min: u64,
    /// Most bytes of the lake, if limited.
    bytes_max: Option<u64>,
    /// What goes first when room is wanted.
    next_for_room: Option<NextFile>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = StorageTable)]
pub(crate) struct Table {
    name: &'static str,
    retention_days: u32,
    /// After so many days rows lose their payload, if they do before they go.
    payload_days: Option<u32>,
    #[serde(flatten)]
    total: Amount,
    /// Arrival of the oldest row.
    oldest: Option<String>,
    /// Oldest first; the last is the day that is filling. A file counts for the day on which its newest row arrived.
    days: Vec<Day>,
    /// What goes first by age.
    next: Option<NextFile>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = StorageDay)]
pub(crate) struct Day {
    /// Its start, UTC.
    day: String,
    #[serde(flatten)]
    amount: Amount,
}

#[derive(Serialize, ToSchema)]
#[schema(as = StorageAmount)]
pub(crate) struct Amount {
    files: u64,
    rows: u64,
    /// Of these, rows that have lost their payload.
    rows_without_payload: u64,
    /// As stored.
    bytes: u64,
    /// Mean over all rows.
    bytes_per_row: Option<f64>,
    /// Null if there is nothing it could be computed over.
    compression: Option<Compression>,
}

/// Over files that have their payloads, and of which it is known how many bytes these were; all but those that earlier
/// versions wrote.
#[derive(Serialize, ToSchema)]
#[schema(as = StorageCompression)]
pub(crate) struct Compression {
    files: u64,
    rows: u64,
    /// Of payload, as received: without HEP, and decompressed if it came compressed.
    payload_bytes: u64,
    /// Of all columns, as stored.
    bytes: u64,
    /// The first by the second.
    ratio: f64,
}

/// Rows go a file at a time.
#[derive(Serialize, ToSchema)]
#[schema(as = StorageNext)]
pub(crate) struct NextFile {
    table: &'static str,
    rows: u64,
    bytes: u64,
    /// Arrival of its newest row.
    newest: String,
    /// When it is too old to be kept, if it does not go for want of room before.
    leaves: String,
}

/// What takes how much room, and what goes next
#[utoipa::path(get, path = "/api/v1/storage", tag = "status",
    responses((status = 200, body = Storage), (status = 401, body = ErrorBody)))]
pub(crate) async fn storage(State(state): State<ApiState>) -> Json<Storage> {
    Json(state.store().storage().into())
}

impl From<store::Storage> for Storage {
    fn from(storage: store::Storage) -> Self {
        Self {
            tables: storage.tables.into_iter().map(Table::from).collect(),
            free_disk: storage.free_disk,
            free_disk_min: storage.free_disk_min,
            bytes_max: storage.bytes_max,
            next_for_room: storage.next_for_room.map(NextFile::from),
        }
    }
}

impl From<store::TableStorage> for Table {
    fn from(table: store::TableStorage) -> Self {
        Self {
            name: table.name,
            retention_days: table.retention_days,
            payload_days: table.payload_days,
            total: table.total.into(),
            oldest: table.oldest.map(|time| time.to_string()),
            days: table
                .days
                .into_iter()
                .map(|(day, amount)| Day { day: day.to_string(), amount: amount.into() })
                .collect(),
            next: table.next.map(NextFile::from),
        }
    }
}

impl From<store::Amount> for Amount {
    fn from(amount: store::Amount) -> Self {
        Self {
            files: amount.files,
            rows: amount.rows,
            rows_without_payload: amount.rows_without_payload,
            bytes: amount.bytes,
            bytes_per_row: (amount.rows > 0).then(|| amount.bytes as f64 / amount.rows as f64),
            // Tables that are made here have no payloads.
            compression: (amount.measured.payload_bytes > 0).then(|| amount.measured.into()),
        }
    }
}

impl From<store::Measured> for Compression {
    fn from(measured: store::Measured) -> Self {
        let store::Measured { files, rows, payload_bytes, bytes } = measured;
        Self { files, rows, payload_bytes, bytes, ratio: payload_bytes as f64 / bytes as f64 }
    }
}

impl From<store::NextFile> for NextFile {
    fn from(file: store::NextFile) -> Self {
        Self {
            table: file.table,
            rows: file.rows,
            bytes: file.bytes,
            newest: file.newest.to_string(),
            leaves: file.leaves.to_string(),
        }
    }
}
