//! Tables whose rows are made of others: figures of minutes, of which a start knows what is to be made again.

use std::path::Path;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use model::query::Expr;
use model::{Field, Kind, Micros, Rows, Table, Value, Versions};
use store::check::{Options, Progress, check};
use store::{Config, Derived, Minutes, SearchRequest, Store, TableBatch, Unfinished};

use crate::rows::{NOW, Row, TABLES, config, numbers};

static FIGURES: Table = Table {
    name: "figures",
    doc: "Figures of minutes",
    retention_days: 14,
    rows: Rows { versions: Some(Versions { of: "ts", by: "received" }), ..Rows::PACKETS },
    fields: &[Field::new("calls", Kind::Int64, "calls")],
};

static DERIVED: &[&Table] = &[&FIGURES];

fn with_figures(folder: &Path) -> Config {
    Config { derived: DERIVED, ..config(folder) }
}

fn open(folder: &Path) -> Store {
    Store::open(with_figures(folder), TABLES).expect("a store")
}

fn minute(number: i64) -> i64 {
    NOW.0 + number * Micros::MINUTE
}

/// Figures of this minute, made as many seconds after it as there are calls.
fn figures(number: i64, calls: i64) -> RecordBatch {
    let row = Row {
        table: &FIGURES,
        ts: Micros(minute(number)),
        received: Micros(minute(number) + calls * Micros::SECOND),
        call_id: None,
        values: vec![Value::Int(calls)],
        raw: Vec::new(),
        ..Row::sip(0, "", "")
    };
    let mut batch = TableBatch::new(&FIGURES);
    batch.push(&row.record(1 << 16));
    batch.finish()
}

fn publish(store: &Store, ended: Option<RecordBatch>, open: Vec<RecordBatch>, stale: &[i64]) {
    let told = vec![Derived { table: &FIGURES, ended, open }];
    let stale = stale.iter().map(|number| minute(*number)).collect();
    let unfinished = Unfinished { going: Vec::new(), minutes: Some(Minutes { since: 7, stale }) };
    store.publish_derived(1, told, unfinished).expect("published");
}

fn stale(store: &Store) -> Vec<i64> {
    let minutes = store.minutes().expect("known");
    assert_eq!(minutes.since, 7);
    minutes.stale.iter().map(|begin| (begin - NOW.0) / Micros::MINUTE).collect()
}

#[test]
fn what_goes_on_can_be_asked_for_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    publish(&store, Some(figures(1, 10)), vec![figures(2, 20)], &[]);
    let asked = |only_open| SearchRequest {
        tables: vec!["figures".to_owned()],
        columns: vec!["calls".to_owned()],
        only_open,
        ..SearchRequest::new(Expr::Always)
    };
    let found = |only_open| numbers(&store.search_now(asked(only_open)).expect("found"), "calls");
    assert_eq!((found(true), found(false)), (vec![20], vec![20, 10]));
    store.settle().expect("settled");
    assert_eq!((found(true), found(false)), (vec![20], vec![20, 10]));
    assert_eq!(store.oldest(&FIGURES), Some(Micros(minute(1))));
}

#[test]
fn the_next_start_knows_which_minutes_are_to_be_made_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    assert_eq!(store.minutes(), None);
    publish(&store, None, Vec::new(), &[1, 2, 3]);
    assert_eq!(stale(&store), [1, 2, 3]);
    store.settle().expect("settled");
    // Their figures are made, but nobody has settled them when the program is killed.
    publish(&store, Some(figures(2, 20)), Vec::new(), &[1, 3]);
    assert_eq!(stale(&store), [1, 3]);
    drop(store);
    let store = open(folder.path());
    assert_eq!(stale(&store), [1, 2, 3]);
    publish(&store, Some(figures(2, 20)), Vec::new(), &[1, 3]);
    store.settle().expect("settled");
    drop(store);
    assert_eq!(stale(&open(folder.path())), [1, 3]);
}

/// Of what other rows are made there may be many with one id.
#[test]
fn rows_that_were_made_again_are_no_damage() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    for calls in 1..4 {
        publish(&store, Some(figures(1, calls)), Vec::new(), &[]);
        store.settle().expect("settled");
    }
    store.shutdown().expect("closed");
    let options = Options { deep: true, ..Options::default() };
    let report = check(&with_figures(folder.path()), options, &Progress::default());
    let report = report.expect("checked").expect("there is data");
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
}

#[test]
fn of_versions_the_latest_is_left_when_files_are_merged() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = Config { compact_every: Duration::from_millis(20), ..with_figures(folder.path()) };
    config.retention.check_every = Duration::from_millis(20);
    config.retention.grace = Duration::ZERO;
    let lake = config.dir.join("lake/figures");
    let store = Store::open(config, TABLES).expect("a store");
    for (number, calls) in [(1, 10), (2, 20), (1, 12), (3, 30), (1, 11), (2, 21)] {
        publish(&store, Some(figures(number, calls)), Vec::new(), &[]);
        store.settle().expect("settled");
    }
    let started = Instant::now();
    let files = || {
        let entries = std::fs::read_dir(&lake).expect("a table").map(|entry| entry.expect("a file").path());
        entries.filter(|path| path.extension().is_some_and(|kind| kind == "parquet")).count()
    };
    while store.status().lake_files > 1 || files() > 1 {
        assert!(started.elapsed() < Duration::from_secs(120), "merged");
        std::thread::sleep(Duration::from_millis(20));
    }
    let asked = SearchRequest {
        tables: vec!["figures".to_owned()],
        columns: vec!["calls".to_owned()],
        ..SearchRequest::new(Expr::Always)
    };
    assert_eq!(numbers(&store.search_now(asked).expect("found"), "calls"), [30, 21, 12], "the newest first");
    store.shutdown().expect("closed");
    let options = Options { deep: true, ..Options::default() };
    let report = check(&with_figures(folder.path()), options, &Progress::default());
    let report = report.expect("checked").expect("there is data");
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
}
