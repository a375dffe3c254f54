//! What the store holds, and how long its work takes.

use store::{Store, StoreStatus, TableStatus, Times};

use super::histogram::Histogram;
use super::metric::{Metric, Reading};
use super::page::Page;

static LOG_BYTES: Metric = Metric::gauge(
    "rhapsode_log_bytes",
    &[],
    "Size of the write-ahead log: what has not settled, and is safe",
);
static HOT_BYTES: Metric =
    Metric::gauge("rhapsode_hot_bytes", &[], "Memory of rows that are searchable and have not settled");
static HOT_ROWS: Metric =
    Metric::gauge("rhapsode_hot_rows", &["table"], "Rows that are searchable and have not settled");
static LAKE_ROWS: Metric = Metric::gauge("rhapsode_lake_rows", &["table"], "Rows in files of the lake");
static LAKE_BYTES: Metric = Metric::gauge("rhapsode_lake_bytes", &["table"], "Size of the files of the lake");
static LAKE_FILES: Metric = Metric::gauge("rhapsode_lake_files", &["table"], "Files of the lake");
static DISK_FREE: Metric = Metric::gauge(
    "rhapsode_lake_disk_free_bytes",
    &[],
    "Free on the disk of the lake; missing where the lake is in a bucket",
);
static OLDEST: Metric = Metric::gauge(
    "rhapsode_oldest_row_timestamp_seconds",
    &[],
    "Arrival of the oldest row, seconds since 1970",
);
static NEWEST: Metric = Metric::gauge(
    "rhapsode_newest_row_timestamp_seconds",
    &[],
    "Arrival of the newest row, seconds since 1970",
);
static SETTLE: Metric = Metric::histogram(
    "rhapsode_settle_duration_seconds",
    &[],
    "Rounds of settling: all due rows of all tables to files of the lake, failed ones included",
);
static QUERY: Metric = Metric::histogram(
    "rhapsode_query_duration_seconds",
    &["kind"],
    "Questions to the store from their begin until the last row was taken or nobody waited; kind is search or sql",
);
static DUE: Metric = Metric::gauge("rhapsode_compaction_due_files", &[], "Files that can be merged now");
static READ_FILES: Metric =
    Metric::counter("rhapsode_compaction_read_files_total", &[], "Files that were merged");
static WRITTEN_FILES: Metric =
    Metric::counter("rhapsode_compaction_written_files_total", &[], "Files that merging made");
static READ_BYTES: Metric =
    Metric::counter("rhapsode_compaction_read_bytes_total", &[], "Size of the files that were merged");
static WRITTEN_BYTES: Metric =
    Metric::counter("rhapsode_compaction_written_bytes_total", &[], "Size of the files that merging made");

pub(super) static METRICS: [&Metric; 16] = [
    &LOG_BYTES,
    &HOT_BYTES,
    &HOT_ROWS,
    &LAKE_ROWS,
    &LAKE_BYTES,
    &LAKE_FILES,
    &DISK_FREE,
    &OLDEST,
    &NEWEST,
    &SETTLE,
    &QUERY,
    &DUE,
    &READ_FILES,
    &WRITTEN_FILES,
    &READ_BYTES,
    &WRITTEN_BYTES,
];

pub(super) fn write(status: &StoreStatus, store: &Store, page: &mut Page) {
    page.family(&LOG_BYTES).series(&[], status.log_bytes);
    page.family(&HOT_BYTES).series(&[], status.hot_bytes);
    let of: [Reading<TableStatus>; 4] = [
        (&HOT_ROWS, |table| table.hot_rows),
        (&LAKE_ROWS, |table| table.rows - table.hot_rows),
        (&LAKE_BYTES, |table| table.bytes),
        (&LAKE_FILES, |table| table.files),
    ];
    for (metric, value) in of {
        let mut family = page.family(metric);
        for table in &status.tables {
            family.series(&[table.name], value(table));
        }
    }
    let mut family = page.family(&DISK_FREE);
    if let Some(free) = store.free_disk() {
        family.series(&[], free);
    }
    for (metric, time) in [(&OLDEST, status.oldest), (&NEWEST, status.newest)] {
        let mut family = page.family(metric);
        if let Some(time) = time {
            family.series(&[], time.0 as f64 / 1e6);
        }
    }
    page.family(&SETTLE).histogram(&[], &histogram(&status.settling));
    page.family(&QUERY)
        .histogram(&["search"], &histogram(&status.searching))
        .histogram(&["sql"], &histogram(&status.sql));
    let compaction = status.compaction;
    for (metric, value) in [
        (&DUE, compaction.files_due),
        (&READ_FILES, compaction.files_read),
        (&WRITTEN_FILES, compaction.files_written),
        (&READ_BYTES, compaction.bytes_read),
        (&WRITTEN_BYTES, compaction.bytes_written),
    ] {
        page.family(metric).series(&[], value);
    }
}

fn histogram(times: &Times) -> Histogram {
    Histogram::of(Times::BOUNDS, times.counts.to_vec(), times.seconds)
}
