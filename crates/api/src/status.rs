use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::alerts::Summary;
use crate::error::ErrorBody;
use crate::live;
use crate::state::ApiState;
use crate::time::now;

#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// ok, or starting
    status: &'static str,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Status {
    version: &'static str,
    started: String,
    now: String,
    uptime_seconds: i64,
    listeners: Vec<Listener>,
    total: Counters,
    store: Store,
    calls: Calls,
    outputs: Vec<Output>,
    scripts: Vec<Script>,
    alarms: Vec<Alarm>,
    alerts: Summary,
}

/// Where records are sent on, since the start: taken = sent + dropped + waiting.
#[derive(Serialize, ToSchema)]
pub(crate) struct Output {
    name: String,
    /// hep, loki, elasticsearch, influxdb
    kind: &'static str,
    /// working, or failing
    state: &'static str,
    /// Why nothing gets through.
    problem: Option<String>,
    /// Since when nothing gets through.
    failing_since: Option<String>,
    /// Records that the filter let through; with those an earlier run left in the spool.
    taken: u64,
    /// Given to the other side, and where it answers, taken by it.
    sent: u64,
    /// By cause.
    dropped: BTreeMap<String, u64>,
    waiting: u64,
    /// Memory of those that wait.
    waiting_bytes: u64,
    /// Disk of those that wait.
    spool_bytes: u64,
    /// Attempts that failed.
    retries: u64,
    /// Records that nobody could look at in time: whether the filter would have let them through is not known.
    unseen: u64,
    /// How long the oldest that waits has been here.
    lag_seconds: f64,
    /// Why the other side did not have what it refused last.
    last_refusal: Option<String>,
}

/// A script of the operator, since the start.
#[derive(Serialize, ToSchema)]
pub(crate) struct Script {
    name: String,
    path: String,
    /// running, or off: it met its limits again and again
    state: &'static str,
    runs: u64,
    seconds: f64,
    /// Runs that failed and left the packet as it was, those that met a limit among them.
    errors: u64,
    /// Runs that met a limit of instructions, time or memory.
    limits: u64,
    /// Packets that it dropped.
    dropped: u64,
    /// Packets that it changed or marked, counted once at each stage.
    changed: u64,
    /// File, line and reason of the last failure.
    last_error: Option<String>,
}

/// Calls and registrations as they are followed in memory.
#[derive(Serialize, ToSchema)]
pub(crate) struct Calls {
    open: u64,
    /// What their messages take.
    open_bytes: u64,
    /// Told before their end for want of room, since the start: late messages make another row of them.
    evicted: u64,
    /// Messages of calls that have more than are kept; counted in their row, and otherwise not looked at.
    messages_beyond: u64,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Listener {
    name: String,
    address: String,
    #[serde(flatten)]
    counters: Counters,
}

/// received = stored + refused + dropped + duplicates + pending
#[derive(Serialize, ToSchema)]
pub(crate) struct Counters {
    received: u64,
    /// Covered by fsync.
    stored: u64,
    /// By cause.
    refused: BTreeMap<String, u64>,
    /// By cause.
    dropped: BTreeMap<String, u64>,
    duplicates: u64,
    /// Received and not yet decided.
    pending: u64,
    bytes: u64,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Store {
    hot_rows: u64,
    hot_bytes: u64,
    lake_bytes: u64,
    lake_files: u64,
    lake_rows: u64,
    log_bytes: u64,
    /// Arrival of the oldest record.
    oldest: Option<String>,
    newest: Option<String>,
    tables: Vec<Table>,
    compaction: Compaction,
}

/// Small files of the lake become few and well sorted ones. Counted since the start.
#[derive(Serialize, ToSchema)]
pub(crate) struct Compaction {
    /// Files that can be merged now, or whose payloads can go.
    files_due: u64,
    files_read: u64,
    files_written: u64,
    rows: u64,
    bytes_read: u64,
    bytes_written: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = StatusTable)]
pub(crate) struct Table {
    name: &'static str,
    rows: u64,
    bytes: u64,
    files: u64,
    retention_days: u32,
    /// After so many days rows lose their payload, if they do before they go.
    payload_days: Option<u32>,
    /// Rows that have lost it.
    rows_without_payload: u64,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Alarm {
    name: String,
    since: String,
    message: String,
}

/// Ready to receive and to answer
#[utoipa::path(get, path = "/health", tag = "status", security(()), responses(
    (status = 200, body = Health, description = "all listeners are bound and the store is open"),
    (status = 503, body = Health)))]
pub(crate) async fn health(State(state): State<ApiState>) -> (StatusCode, Json<Health>) {
    if state.live().is_ready() {
        (StatusCode::OK, Json(Health { status: "ok" }))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(Health { status: "starting" }))
    }
}

/// What was received, what became of it, and what is kept
#[utoipa::path(get, path = "/api/v1/status", tag = "status",
    responses((status = 200, body = Status), (status = 401, body = ErrorBody)))]
pub(crate) async fn status(State(state): State<ApiState>) -> Json<Status> {
    let listeners = state.live().listeners();
    let mut total = live::Counters::default();
    for listener in &listeners {
        total.add(&listener.counters);
    }
    let now = now();
    let kept = state.store().status();
    let alarms = kept.alarms.iter().map(Alarm::from);
    let alarms = alarms.chain(state.live().alarms().into_iter().map(Alarm::from)).collect();
    Json(Status {
        version: state.version(),
        started: state.started().to_string(),
        now: now.to_string(),
        uptime_seconds: (now.0 - state.started().0) / model::Micros::SECOND,
        listeners: listeners.into_iter().map(Listener::from).collect(),
        total: total.into(),
        store: kept.into(),
        calls: calls(state.live().calls()),
        outputs: state.live().outputs().into_iter().map(Output::from).collect(),
        scripts: state.live().scripts().into_iter().map(Script::from).collect(),
        alarms,
        alerts: state.alerts().summary(now),
    })
}

impl From<live::Listener> for Listener {
    fn from(listener: live::Listener) -> Self {
        Self { name: listener.name, address: listener.address, counters: listener.counters.into() }
    }
}

impl From<live::Counters> for Counters {
    fn from(counters: live::Counters) -> Self {
        let live::Counters { received, stored, refused, dropped, duplicates, pending, bytes } = counters;
        Self { received, stored, refused, dropped, duplicates, pending, bytes }
    }
}

impl From<live::Output> for Output {
    fn from(output: live::Output) -> Self {
        let (failing_since, problem) = output.problem.unzip();
        Self {
            name: output.name,
            kind: output.kind,
            state: if problem.is_some() { "failing" } else { "working" },
            problem,
            failing_since: failing_since.map(|since| since.to_string()),
            taken: output.taken,
            sent: output.sent,
            dropped: output.dropped,
            waiting: output.waiting,
            waiting_bytes: output.waiting_bytes,
            spool_bytes: output.spool_bytes,
            retries: output.retries,
            unseen: output.unseen,
            lag_seconds: output.lag.as_secs_f64(),
            last_refusal: output.refusal,
        }
    }
}

impl From<live::Script> for Script {
    fn from(script: live::Script) -> Self {
        Self {
            name: script.name,
            path: script.path,
            state: if script.is_off { "off" } else { "running" },
            runs: script.runs,
            seconds: script.seconds,
            errors: script.errors,
            limits: script.limits,
            dropped: script.dropped,
            changed: script.changed,
            last_error: script.last_error,
        }
    }
}

impl From<live::Alarm> for Alarm {
    fn from(alarm: live::Alarm) -> Self {
        Self { name: alarm.name, since: alarm.since.to_string(), message: alarm.message }
    }
}

impl From<&store::Alarm> for Alarm {
    fn from(alarm: &store::Alarm) -> Self {
        Self { name: alarm.name.to_owned(), since: alarm.since.to_string(), message: alarm.message.clone() }
    }
}

impl From<store::StoreStatus> for Store {
    fn from(status: store::StoreStatus) -> Self {
        Self {
            hot_rows: status.hot_rows,
            hot_bytes: status.hot_bytes,
            lake_bytes: status.lake_bytes,
            lake_files: status.lake_files,
            lake_rows: status.lake_rows,
            log_bytes: status.log_bytes,
            oldest: status.oldest.map(|time| time.to_string()),
            newest: status.newest.map(|time| time.to_string()),
            tables: status.tables.iter().map(Table::from).collect(),
            compaction: status.compaction.into(),
        }
    }
}

impl From<store::CompactionStatus> for Compaction {
    fn from(status: store::CompactionStatus) -> Self {
        Self {
            files_due: status.files_due,
            files_read: status.files_read,
            files_written: status.files_written,
            rows: status.rows,
            bytes_read: status.bytes_read,
            bytes_written: status.bytes_written,
        }
    }
}

impl From<&store::TableStatus> for Table {
    fn from(table: &store::TableStatus) -> Self {
        Self {
            name: table.name,
            rows: table.rows,
            bytes: table.bytes,
            files: table.files,
            retention_days: table.retention_days,
            payload_days: table.payload_days,
            rows_without_payload: table.rows_without_payload,
        }
    }
}

fn calls(open: live::CallsOpen) -> Calls {
    Calls { open: open.open, open_bytes: open.bytes, evicted: open.evicted, messages_beyond: open.beyond }
}
