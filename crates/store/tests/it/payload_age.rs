//! Payloads that are too old go, and nothing else does.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Array as _, RecordBatch};
use arrow::compute::concat_batches;
use model::Micros;
use model::query::{Catalogue, parse};
use store::check::{Options, Problem, Progress, check};
use store::{Config, SearchRequest, Store};

use crate::faulty::{Fault, Faulty};
use crate::rows::{Row, TABLES, config, number, numbers, open, publish, sql, wait};

const CHECK: Options = Options { deep: true, repair: false, give_up_broken: false };

fn dropping(folder: &Path) -> Config {
    let mut config = config(folder);
    config.compact_every = Duration::from_millis(20);
    config.retention.check_every = Duration::from_millis(20);
    config.retention.grace = Duration::ZERO;
    config.retention.payload_days = vec![("sip".to_owned(), 5)];
    config
}

fn now() -> Micros {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Micros(since.as_micros() as i64)
}

/// `count` messages of a table that arrived so many days ago.
fn aged(row: impl Fn(i64, &str) -> Row, count: i64, days: i64) -> Vec<Row> {
    let received = Micros(now().0 - days * Micros::DAY);
    let row = |n| Row { received, ..row(n % 600, &format!("call-{}-{days}", n % 50)) };
    (0..count).map(row).collect()
}

/// Settles each of these as a file of its own, then closes.
fn fill(config: Config, files: &[Vec<Row>]) -> [RecordBatch; 2] {
    let store = open(config);
    let mut first = 1;
    for rows in files {
        publish(&store, first, rows);
        store.settle().expect("settled");
        first += rows.len() as u64;
    }
    let all = everything(&store);
    store.shutdown().expect("closed");
    all
}

/// Both tables, each in one order.
fn everything(store: &Store) -> [RecordBatch; 2] {
    ["sip", "rtcp"].map(|table| {
        let batches = sql(store, &format!("SELECT * FROM {table} ORDER BY id"));
        concat_batches(batches[0].schema_ref(), &batches).expect("one batch")
    })
}

fn ids(rows: &RecordBatch) -> Vec<i64> {
    numbers(std::slice::from_ref(rows), "id")
}

fn invite(n: i64, call_id: &str) -> Row {
    Row::sip(n, call_id, "INVITE")
}

fn without(store: &Store) -> u64 {
    store.status().tables[0].rows_without_payload
}

fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn payload_bytes(rows: &[Row]) -> u64 {
    rows.iter().map(|row| row.raw.len() as u64).sum()
}

/// All columns but the payload are what they were, and of that the rows that arrived before `since` have none.
fn assert_dropped(before: &RecordBatch, after: &RecordBatch, since: i64) {
    assert_eq!(before.num_rows(), after.num_rows());
    let raw = before.schema().index_of("raw").expect("the column");
    for (place, field) in before.schema().fields().iter().enumerate().filter(|(place, _)| *place != raw) {
        assert_eq!(before.column(place), after.column(place), "{}", field.name());
    }
    let received = numbers(std::slice::from_ref(before), "received");
    for (row, received) in received.into_iter().enumerate() {
        let kept = before.column(raw).slice(row, 1);
        let found = after.column(raw).slice(row, 1);
        if received < since {
            assert!(found.is_null(0), "row {row}");
        } else {
            assert_eq!(&found, &kept, "row {row}");
        }
    }
}

#[test]
fn old_payloads_go_and_the_rest_of_their_rows_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let before = fill(
        config(folder.path()),
        &[
            aged(invite, 100, 30),
            // A row group as large as this is taken over as it is.
            aged(invite, 70_000, 10),
            aged(invite, 50, 10),
            aged(invite, 200, 1),
            aged(Row::rtcp, 300, 10),
        ],
    );
    let since = now().0 - 5 * Micros::DAY;
    let store = open(dropping(folder.path()));
    let bytes = store.status().tables[0].bytes;
    eventually("old payloads go", || without(&store) == 70_150);
    let after = everything(&store);
    assert_dropped(&before[0], &after[0], since);
    assert_eq!(before[1], after[1], "a table without the setting keeps them");

    assert!(store.status().tables[0].bytes < bytes, "they took room");
    assert_eq!(store.status().alarms, Vec::new());
    // Only what has a payload says how well payloads are compressed.
    let sip = &store.storage().tables[0];
    let measured = sip.total.measured;
    assert_eq!((measured.rows, measured.payload_bytes), (200, payload_bytes(&aged(invite, 200, 1))));
    let days: Vec<_> = sip.days.iter().map(|(_, day)| (day.rows, day.rows_without_payload)).collect();
    assert_eq!(days, [(100, 100), (70_050, 70_050), (200, 0)]);
    assert_eq!((sip.payload_days, store.storage().tables[1].payload_days), (Some(5), None));

    // Neither a text nor its absence finds what it must not, and calls are found by their filter.
    let found = |question: &str| {
        let expr = parse(question, &Catalogue::new(TABLES), now()).expect(question).expr;
        let columns = vec!["id".to_owned(), "raw".to_owned()];
        let request = SearchRequest { columns, limit: None, ..SearchRequest::new(expr) };
        let (rows, cut) =
            wait(async { store.search(request).await.expect("asked").collect().await.expect("answered") });
        assert_eq!(cut, None, "{question}");
        rows.iter().map(RecordBatch::num_rows).sum::<usize>()
    };
    assert_eq!(found("table = sip and \"INVITE sip:x\""), 200);
    assert_eq!(found("table = sip and not \"INVITE sip:x\""), 70_150);
    assert_eq!(found("call_id = call-7-10 and method = INVITE"), 1_401);
    drop(store);

    let store = open(dropping(folder.path()));
    assert_eq!((everything(&store), without(&store)), (after, 70_150), "after a start");
    drop(store);
    let report = check(&config(folder.path()), CHECK, &Progress::default()).expect("checked").expect("data");
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
}

/// A reader that follows the table by its changes learns that rows have changed.
#[test]
fn the_commit_says_that_rows_change() {
    let folder = tempfile::tempdir().expect("a folder");
    fill(config(folder.path()), &[aged(invite, 10, 10), aged(Row::rtcp, 1, 1)]);
    let store = open(dropping(folder.path()));
    eventually("old payloads go", || without(&store) == 10);
    drop(store);
    let log = folder.path().join("data/lake/sip/_delta_log");
    let mut commits: Vec<_> =
        std::fs::read_dir(log).expect("a folder").flatten().map(|file| file.path()).collect();
    commits.retain(|path| path.extension().is_some_and(|found| found == "json"));
    commits.sort();
    let last = std::fs::read_to_string(commits.last().expect("a commit")).expect("read");
    let actions: Vec<serde_json::Value> =
        last.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let changes = |kind: &str| {
        actions.iter().filter_map(|action| action.get(kind)?.get("dataChange")?.as_bool()).collect::<Vec<_>>()
    };
    assert_eq!((changes("remove"), changes("add")), (vec![true], vec![true]));
    let tags = actions.iter().find_map(|action| action.get("add")?.get("tags")).expect("tags");
    assert_eq!(tags["payload"], "gone");
    assert!(tags["crc32"].is_string());
}

#[test]
fn a_check_compares_payloads_with_the_commit() {
    let folder = tempfile::tempdir().expect("a folder");
    fill(config(folder.path()), &[aged(invite, 10, 1), aged(Row::rtcp, 1, 1)]);
    let commit = folder.path().join("data/lake/sip/_delta_log/00000000000000000001.json");
    let text = std::fs::read_to_string(&commit).expect("a commit");
    let start = text.find("\"payload\":\"").expect("the tag") + 11;
    let end = start + text[start..].find('"').expect("its end");
    std::fs::write(&commit, format!("{}gone{}", &text[..start], &text[end..])).expect("written");
    let report = check(&config(folder.path()), CHECK, &Progress::default()).expect("checked").expect("data");
    let problems: Vec<_> = report.findings.iter().map(|finding| &finding.problem).collect();
    assert!(matches!(problems[..], [Problem::Payload { .. }]), "{problems:?}");
}

/// Whatever fails meanwhile, every row stays there exactly once, with its payload or without.
#[test]
fn failing_writes_lose_and_double_nothing() {
    for (writes, how) in (0..6).flat_map(|n| [Fault::Before, Fault::After, Fault::Panic].map(|how| (n, how)))
    {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Faulty::new();
        let with_disk = |config: Config| Config { object_store: Some(Arc::new(disk.clone())), ..config };
        let files = [aged(invite, 20, 10), aged(invite, 10, 10), aged(invite, 10, 1), aged(Row::rtcp, 1, 1)];
        let before = ids(&fill(with_disk(config(folder.path())), &files)[0]);
        disk.fail_after(writes, how);
        let store = open(with_disk(dropping(folder.path())));
        let tried = Instant::now();
        while store.status().alarms.is_empty() && tried.elapsed() < Duration::from_millis(300) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(ids(&everything(&store)[0]), before, "{how:?} after {writes} writes");
        disk.heal();
        drop(store);
        let store = open(with_disk(dropping(folder.path())));
        eventually("dropped after all", || without(&store) == 30);
        assert_eq!(ids(&everything(&store)[0]), before, "{how:?} after {writes} writes, healed");
        assert_eq!(number(&store, "SELECT count(raw) FROM sip"), 10);
    }
}
