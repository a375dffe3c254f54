//! Every accepted row is there exactly once, whatever fails and whenever the program dies.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::faulty::{Fault, Faulty};
use crate::rows::{
    Row, accept, config, keep, number, numbers, open, sql, understand, understand_together, wait,
};
use store::{Bucket, LakeLocation};

fn rows(from: i64, count: i64) -> Vec<Row> {
    (from..from + count)
        .map(|n| {
            if n % 3 == 0 {
                Row::rtcp(n, &format!("call-{}", n / 4))
            } else {
                Row::sip(n, &format!("call-{}", n / 4), "INVITE")
            }
        })
        .collect()
}

/// All ids that `messages` should show: `blocks` of `rows` each.
fn assert_complete(store: &store::Store, blocks: u64, rows: u64, when: &str) {
    let mut ids = numbers(&sql(store, "SELECT id FROM sip UNION ALL SELECT id FROM rtcp"), "id");
    ids.sort_unstable();
    let expected: Vec<i64> =
        (1..=blocks).flat_map(|seq| (0..rows).map(move |place| ((seq << 16) | place) as i64)).collect();
    assert_eq!(ids, expected, "{when}");
}

#[test]
fn rows_come_back_when_nothing_was_settled() {
    let folder = tempfile::tempdir().expect("a folder");
    for run in 1..=3 {
        let store = open(config(folder.path()));
        keep(&store, &rows(run * 100, 5));
        assert_complete(&store, run as u64, 5, "before the crash");
        drop(store);
        assert_complete(&open(config(folder.path())), run as u64, 5, "after the crash");
    }
}

#[test]
fn settled_rows_are_not_replayed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    keep(&store, &rows(0, 5));
    store.settle().expect("settled");
    keep(&store, &rows(100, 5));
    drop(store);
    let store = open(config(folder.path()));
    assert_complete(&store, 2, 5, "one block settled, one not");
    assert_eq!(store.status().hot_rows, 5);
    store.shutdown().expect("settled and closed");
    let store = open(config(folder.path()));
    assert_complete(&store, 2, 5, "both settled");
    assert_eq!(store.status().hot_rows, 0);
}

#[test]
fn block_numbers_go_on_when_the_log_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    for run in 0..3 {
        keep(&store, &rows(run * 10, 2));
    }
    store.shutdown().expect("settled");
    for entry in std::fs::read_dir(folder.path().join("data/log")).expect("the log").flatten() {
        std::fs::remove_file(entry.path()).expect("removed");
    }
    let store = open(config(folder.path()));
    assert_eq!(accept(&store, &rows(0, 1)).seq(), 4);
}

#[test]
fn a_table_without_rows_does_not_hold_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config(folder.path());
    config.log_segment_bytes_max = 1;
    let store = open(config);
    for n in 0..5 {
        keep(&store, &[Row::sip(n, "c", "INVITE")]);
    }
    assert_eq!(store.log().segment_count(), 5);
    store.settle().expect("settled");
    assert_eq!(store.log().segment_count(), 1, "only the one being written is left");
}

#[test]
fn a_block_published_twice_counts_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    let block = accept(&store, &rows(0, 7));
    understand(&store, &block);
    understand(&store, &block);
    assert_complete(&store, 1, 7, "hot");
    store.settle().expect("settled");
    understand(&store, &block);
    assert_complete(&store, 1, 7, "settled");
}

#[test]
fn rows_of_a_later_block_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    let mut batch = store::TableBatch::new(&crate::rows::SIP);
    let row = Row::sip(0, "c", "INVITE");
    batch.push(&row.record(2 << 16));
    let refused = store.publish(1, vec![(&crate::rows::SIP, batch.finish())]);
    assert!(matches!(refused, Err(store::StoreError::BeyondPosition { seq: 2, position: 1 })), "{refused:?}");
}

/// Fails each write of a settling step in turn, with and without effect; then either goes on or dies.
#[test]
fn every_write_of_settling_may_fail() {
    for how in [Fault::Before, Fault::After, Fault::Retried, Fault::Panic] {
        fail_every_write(how, &LakeLocation::DataFolder, Faulty::new);
    }
}

/// In a bucket a request may also take effect after its sender has given up, or has died and been started again.
#[test]
fn every_write_of_settling_into_a_bucket_may_fail() {
    let bucket = LakeLocation::Bucket(Bucket::parse("s3://traffic/voice").expect("a bucket"));
    for how in [Fault::Before, Fault::After, Fault::Retried, Fault::Late, Fault::Panic] {
        fail_every_write(how, &bucket, Faulty::bucket);
    }
}

fn fail_every_write(how: Fault, lake: &LakeLocation, faulty: fn() -> Faulty) {
    for writes in 0.. {
        for die in [false, true] {
            let when = format!("write {writes} fails {how:?}, dies: {die}");
            let folder = tempfile::tempdir().expect("a folder");
            let faulty = faulty();
            let mut config = config(folder.path());
            config.lake = lake.clone();
            config.object_store = Some(Arc::new(faulty.clone()));
            let mut store = open(config.clone());
            keep(&store, &rows(0, 9));
            let before = faulty.written().len();
            faulty.fail_after(writes, how);
            let outcome = store.settle();
            let reached = faulty.written().len() - before;
            if let Err(error) = outcome {
                let alarms = store.status().alarms;
                assert!(alarms.iter().any(|alarm| alarm.name == "settle"), "{when}: {error}");
            }
            assert_complete(&store, 1, 9, &when);
            faulty.heal();
            if die {
                drop(store);
                store = open(config.clone());
                assert_complete(&store, 1, 9, &format!("{when}, reopened"));
            }
            keep(&store, &rows(100, 9));
            if writes % 2 == 0 {
                wait(faulty.deliver());
            }
            store.settle().expect(&when);
            wait(faulty.deliver());
            assert_complete(&store, 2, 9, &format!("{when}, settled again"));
            assert_eq!(store.status().hot_rows, 0, "{when}");
            assert!(store.status().alarms.is_empty(), "{when}: {:?}", store.status().alarms);
            drop(store);
            let store = open(config);
            assert_complete(&store, 2, 9, &format!("{when}, settled and reopened"));
            if reached <= writes as usize && die {
                assert!(writes >= 6, "a file, its filter and a commit for each of two tables: {writes}");
                return;
            }
        }
    }
}

/// A program that was killed had a commit under way; the next has replayed the same blocks, in other batches.
#[test]
fn a_commit_of_an_earlier_run_may_come_late() {
    let folder = tempfile::tempdir().expect("a folder");
    let faulty = Faulty::bucket();
    let mut config = config(folder.path());
    config.lake = LakeLocation::Bucket(Bucket::parse("s3://traffic").expect("a bucket"));
    config.object_store = Some(Arc::new(faulty.clone()));
    let store = open(config.clone());
    keep(&store, &rows(0, 9));
    keep(&store, &rows(20, 9));
    faulty.fail_after(2, Fault::Late);
    store.settle().expect_err("no answer");
    drop(store);
    faulty.heal();

    let store = store::Store::open(config.clone(), crate::rows::TABLES).expect("opened");
    let mut blocks: Vec<_> = store.replay().map(|block| block.expect("a sound block")).collect();
    blocks.push(accept(&store, &rows(40, 9)));
    understand_together(&store, &blocks);
    assert_complete(&store, 3, 9, "replayed");
    wait(faulty.deliver());
    store.settle().expect("settled");
    assert_complete(&store, 3, 9, "settled");
    drop(store);
    assert_complete(&open(config), 3, 9, "reopened");
}

/// What a failed step wrote and did not commit is gone from disk afterwards, files and filters.
#[test]
fn orphans_are_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let faulty = Faulty::new();
    let mut config = config(folder.path());
    config.object_store = Some(Arc::new(faulty.clone()));
    config.retention.grace = Duration::ZERO;
    let on_disk = || {
        let table = folder.path().join("data/lake/sip");
        (files_with(&table, "parquet"), files_with(&table.join("_keys"), "bloom"))
    };
    let store = open(config.clone());
    keep(&store, &[Row::sip(0, "c", "INVITE")]);
    // The file and its filter are written, their commit is not.
    faulty.fail_after(2, Fault::Before);
    store.settle().expect_err("the commit fails");
    assert_eq!(on_disk(), (1, 1), "an orphan");
    faulty.heal();
    store.settle().expect("settled");
    assert_eq!(on_disk(), (1, 1), "the orphan is gone, the file is there");
    for writes in [1, 2] {
        keep(&store, &[Row::sip(writes, "c", "INVITE")]);
        faulty.fail_after(writes, Fault::Before);
        store.settle().expect_err("the filter or the commit fails");
        faulty.heal();
        if writes == 1 {
            store.settle().expect("settled");
        }
    }
    drop(store);
    assert_eq!(on_disk(), (3, 3), "an orphan outlives the program");
    let table = folder.path().join("data/lake/sip");
    // What a crash between the two steps of a removal leaves, and one in the middle of a write.
    let node = std::fs::read_to_string(folder.path().join("data/node-id")).expect("the node id");
    let lonely = format!("{}-0000000000000009-1.parquet.bloom", node.trim());
    std::fs::write(table.join("_keys").join(lonely), "").expect("written");
    let mark = u64::from_str_radix(node.trim(), 16).expect("a node id");
    let (ours, theirs) = (format!("_keys/x.bloom#{mark:020}1"), format!("_keys/x.bloom#{:020}1", !mark));
    for staged in [&ours, &theirs] {
        std::fs::write(table.join(staged), "").expect("written");
    }
    let store = open(config);
    store.settle().expect("settled");
    let started = Instant::now();
    while on_disk() != (3, 3) {
        assert!(started.elapsed() < Duration::from_secs(120), "removed after the grace: {:?}", on_disk());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!table.join(ours).exists());
    assert!(table.join(theirs).exists(), "another node may be writing it");
    assert_eq!(number(&store, "SELECT count(*) FROM messages"), 3);
}

fn files_with(folder: &Path, extension: &str) -> usize {
    let Ok(files) = std::fs::read_dir(folder) else { return 0 };
    files.flatten().filter(|file| file.path().extension().is_some_and(|found| found == extension)).count()
}

/// A commit that happened although its answer was lost, and then another step, by retention, before settling looks.
#[test]
fn removing_old_files_first_finds_out_what_settling_did() {
    let folder = tempfile::tempdir().expect("a folder");
    let faulty = Faulty::new();
    let mut config = config(folder.path());
    config.object_store = Some(Arc::new(faulty.clone()));
    // Whatever is settled goes, at the second look: the first is at the start, settling is tried again after a second.
    config.retention.bytes_max = Some(1);
    config.retention.check_every = Duration::from_millis(400);
    let store = open(config);
    keep(&store, &rows(0, 4));
    store.settle().expect("settled");
    keep(&store, &rows(100, 4));
    faulty.fail_after(2, Fault::After);
    store.settle().expect_err("the answer to the commit is lost");
    faulty.heal();
    let started = Instant::now();
    while store.status().hot_rows > 0 || store.status().lake_rows > 0 {
        assert!(started.elapsed() < Duration::from_secs(120), "{:?}", store.status());
        assert_eq!(number(&store, "SELECT count(*) - count(DISTINCT id) FROM sip"), 0, "none is there twice");
        std::thread::sleep(Duration::from_millis(5));
    }
}
