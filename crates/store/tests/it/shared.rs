//! Several nodes, each with its own data folder, write into one lake: no row is lost, none is there twice.

use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use model::Micros;
use store::check::{Options, Progress, check};
use store::{Config, LakeLocation, Store};

use crate::rows::{Row, config, keep, number, numbers, open, sql};

const NODES: usize = 3;

/// That of one of several nodes.
fn config_of(folder: &Path, node: usize) -> Config {
    let mut config = config(&folder.join(format!("node-{node}")));
    config.lake = LakeLocation::Folder(folder.join("lake"));
    config
}

fn call(node: usize, number: i64) -> String {
    format!("node-{node}-call-{number}")
}

fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(120), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Opens at once, so that each table is created by whoever is first; then settles step by step, all at the same time,
/// over a checkpoint. Every third step is cut short: the store is dropped before it has settled, and opened again.
#[test]
fn nodes_that_settle_at_once_lose_and_double_nothing() {
    const STEPS: i64 = 20;
    let folder = tempfile::tempdir().expect("a folder");
    let barrier = Barrier::new(NODES);
    thread::scope(|scope| {
        for node in 0..NODES {
            let (folder, barrier) = (folder.path(), &barrier);
            scope.spawn(move || {
                barrier.wait();
                let mut store = open(config_of(folder, node));
                for step in 0..STEPS {
                    keep(
                        &store,
                        &[Row::sip(step, &call(node, step), "INVITE"), Row::rtcp(step, &call(node, step))],
                    );
                    barrier.wait();
                    if step % 3 == node as i64 {
                        drop(store);
                        store = open(config_of(folder, node));
                    } else {
                        store.settle().expect("settled");
                    }
                    assert_eq!(store.status().alarms, [], "node {node}, step {step}");
                }
                store.shutdown().expect("settled");
            });
        }
    });
    for reader in 0..=NODES {
        let store = open(config_of(folder.path(), reader));
        for table in ["sip", "rtcp"] {
            let mut ids = numbers(&sql(&store, &format!("SELECT id FROM {table}")), "id");
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), NODES * STEPS as usize, "an id is unique in the lake: {table}");
            assert_eq!(
                number(&store, &format!("SELECT count(DISTINCT call_id) FROM {table}")),
                ids.len() as i64
            );
            assert_eq!(number(&store, &format!("SELECT count(*) FROM {table}")), ids.len() as i64);
        }
    }
}

/// Also who gets nothing to settle, and who settles seldom.
#[test]
fn each_node_finds_what_others_have_settled() {
    let folder = tempfile::tempdir().expect("a folder");
    let writer = open(config_of(folder.path(), 0));
    let mut often = config_of(folder.path(), 1);
    often.settle_every = Duration::from_millis(100);
    let (often, seldom) = (open(often), open(config_of(folder.path(), 2)));
    let count = |store: &Store| number(store, "SELECT count(*) FROM messages");
    for settled in 1..=3 {
        keep(&writer, &[Row::sip(settled, &call(0, settled), "INVITE")]);
        writer.settle().expect("settled");
        eventually("found without settling", || count(&often) == settled);
        seldom.settle().expect("nothing to settle");
        assert_eq!(count(&seldom), settled);
    }
    keep(&seldom, &[Row::sip(9, &call(2, 9), "INVITE")]);
    keep(&writer, &[Row::sip(9, &call(0, 9), "INVITE")]);
    writer.settle().expect("settled");
    seldom.settle().expect("settled");
    assert_eq!(count(&seldom), 5, "in the same step");
    eventually("found by all", || count(&often) == 5);
    assert_eq!(often.status().hot_rows, 0);
}

/// All follow the same rules, and all at once: each old file goes, and that another was faster is no error.
#[test]
fn nodes_that_remove_old_files_at_once_are_content() {
    let folder = tempfile::tempdir().expect("a folder");
    let open_with = |node: usize, days: u32| {
        let mut config = config_of(folder.path(), node);
        config.retention.days = vec![("sip".to_owned(), days)];
        config.retention.check_every = Duration::from_millis(10);
        config.retention.grace = Duration::ZERO;
        open(config)
    };
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let aged = |call: &str, days: i64| Row {
        received: Micros(since.as_micros() as i64 - days * Micros::DAY),
        ..Row::sip(0, call, "INVITE")
    };
    let store = open_with(0, 100);
    for step in 0..10 {
        // The age of a block's rows is that of the test's clock.
        crate::rows::publish(&store, step + 1, &[aged(&call(0, step as i64), if step < 9 { 50 } else { 1 })]);
        store.settle().expect("settled");
    }
    drop(store);
    let stores: Vec<Store> = thread::scope(|scope| {
        let opened: Vec<_> = (0..NODES).map(|node| scope.spawn(move || open_with(node, 20))).collect();
        opened.into_iter().map(|store| store.join().expect("opened")).collect()
    });
    let files = || {
        let entries = std::fs::read_dir(folder.path().join("lake/sip")).expect("the table").flatten();
        entries.filter(|file| file.path().extension().is_some_and(|found| found == "parquet")).count()
    };
    eventually("their files go", || files() == 1);
    for store in &stores {
        store.settle().expect("settled");
        assert_eq!(number(store, "SELECT count(*) FROM sip"), 1);
        assert_eq!(store.status().alarms, []);
    }
}

/// What another node has written and not committed yet is no leftover, whoever checks.
#[test]
fn checking_one_node_leaves_the_others_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    for node in 0..2 {
        let store = open(config_of(folder.path(), node));
        for step in 0..3 {
            keep(&store, &[Row::sip(step, &call(node, step), "INVITE")]);
            store.settle().expect("settled");
        }
        keep(&store, &[Row::sip(9, &call(node, 9), "INVITE")]);
    }
    let table = folder.path().join("lake/sip");
    let settled = std::fs::read_dir(&table).expect("the table").flatten().map(|file| file.path());
    let settled = settled.filter(|file| file.extension().is_some_and(|found| found == "parquet")).max();
    let node = |node| {
        let id = folder.path().join(format!("node-{node}/data/node-id"));
        std::fs::read_to_string(id).expect("a node id").trim().to_owned()
    };
    let underway = table.join(format!("{}-0000000000000004-7.parquet", node(1)));
    std::fs::copy(settled.expect("a file"), &underway).expect("copied");
    let checked = |node| {
        let mut config = config_of(folder.path(), node);
        config.retention.grace = Duration::ZERO;
        let options = Options { deep: true, repair: true, ..Options::default() };
        check(&config, options, &Progress::default()).expect("checked").expect("there is data")
    };
    let report = checked(0);
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
    assert!(underway.exists());
    assert_eq!(report.log.unsettled, 1);
    let report = checked(1);
    assert_eq!(report.findings.len(), 1, "its own: {:#?}", report.findings);
}

/// Data that is not there any more was perhaps deleted by someone else: the node that lost its id must not take another.
#[test]
fn a_log_without_a_node_id_beside_a_shared_lake_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config_of(folder.path(), 0));
    keep(&store, &[Row::sip(0, "c", "INVITE")]);
    drop(store);
    std::fs::remove_file(folder.path().join("node-0/data/node-id")).expect("removed");
    let refused = Store::open(config_of(folder.path(), 0), crate::rows::TABLES);
    let error = refused.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("node id"), "{error}");
}
