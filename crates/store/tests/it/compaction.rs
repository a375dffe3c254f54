//! Small files become one, and nobody who asks can tell.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use futures::TryStreamExt as _;
use object_store::{ObjectMeta, ObjectStore as _};
use store::{Bucket, Config, LakeLocation, Store};

use crate::faulty::{Fault, Faulty};
use crate::rows::{NOW, RTCP, Row, SIP, config, keep, number, numbers, open, publish, sql, wait};

/// Looks for small files all the time; the rows of the tests are of an hour that is over.
fn compacting(folder: &Path) -> Config {
    let mut config = config(folder);
    config.compact_every = Duration::from_millis(20);
    config.retention.check_every = Duration::from_millis(20);
    config.retention.grace = Duration::ZERO;
    config
}

fn rows(from: i64, count: i64) -> Vec<Row> {
    (from..from + count)
        .map(|n| {
            let call_id = format!("call-{}", n % 50);
            if n % 5 == 0 { Row::rtcp(n % 600, &call_id) } else { Row::sip(n % 600, &call_id, "INVITE") }
        })
        .collect()
}

/// Everything that is kept, in one order.
fn everything(store: &Store) -> Vec<RecordBatch> {
    ["sip", "rtcp"]
        .map(|table| {
            let batches = sql(store, &format!("SELECT * FROM {table} ORDER BY id"));
            concat_batches(batches[0].schema_ref(), &batches).expect("one batch")
        })
        .to_vec()
}

fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Files of a table that are on disk, and filters beside them.
fn on_disk(folder: &Path, table: &str) -> (usize, usize) {
    let table = folder.join("data/lake").join(table);
    (files(&table, "parquet").len(), files(&table.join("_keys"), "bloom").len())
}

#[test]
fn files_of_an_hour_become_one_with_the_same_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let before = {
        let store = open(config(folder.path()));
        for n in 0..5 {
            publish(&store, n * 1_000 + 1, &rows(n as i64 * 1_000, 1_000));
            store.settle().expect("settled");
        }
        assert_eq!(store.status().lake_files, 10);
        everything(&store)
    };
    let store = open(compacting(folder.path()));
    eventually("one file of each table", || store.status().lake_files == 2);
    assert_eq!(everything(&store), before);
    assert_eq!(number(&store, "SELECT count(*) FROM messages WHERE call_id = 'call-7'"), 100);
    let status = store.status();
    let done = status.compaction;
    assert_eq!((done.files_read, done.files_written, done.rows, done.files_due), (10, 2, 5_000, 0));
    assert_eq!(done.bytes_written, status.lake_bytes);
    for (table, storage) in [&SIP, &RTCP].iter().zip(store.storage().tables) {
        let rows = (0..5_000).flat_map(|n| rows(n, 1)).filter(|row| row.table.name == table.name);
        let measured = storage.total.measured;
        assert_eq!(measured.payload_bytes, rows.map(|row| row.raw.len() as u64).sum::<u64>());
        assert_eq!(
            (measured.files, measured.rows, measured.bytes),
            (1, storage.total.rows, storage.total.bytes)
        );
    }
    assert_eq!((status.lake_rows, status.alarms), (5_000, Vec::new()));
    eventually("the small files go", || on_disk(folder.path(), "sip") == (1, 1));
    assert_eq!(store.settled(&SIP), 5_000);
    drop(store);
    assert_eq!(everything(&open(config(folder.path()))), before, "after a start");
}

/// A large row group is taken over as it is, small ones before and after it are put together.
#[test]
fn large_row_groups_keep_their_place_among_small_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let before = {
        let store = open(config(folder.path()));
        let mut first = 1;
        for count in [10, 20, 90_000, 30, 40, 200_000, 50] {
            publish(&store, first, &rows(first as i64, count));
            store.settle().expect("settled");
            first += count as u64;
        }
        everything(&store)
    };
    let store = open(compacting(folder.path()));
    eventually("one file of each table", || store.status().lake_files == 2);
    assert_eq!(everything(&store), before);
    // By the filter of the file, the Bloom filters and page indexes of copied row groups too.
    for call in [0, 3, 49] {
        let found = number(&store, &format!("SELECT count(*) FROM messages WHERE call_id = 'call-{call}'"));
        assert_eq!(found, 290_150 / 50);
        let found = number(
            &store,
            &format!("SELECT count(*) FROM sip WHERE call_id = 'call-{call}' AND from_user = 'user3'"),
        );
        let slowly = number(
            &store,
            &format!(
                "SELECT count(*) FROM sip WHERE call_id || '' = 'call-{call}' AND from_user || '' = 'user3'"
            ),
        );
        assert_eq!(found, slowly);
    }
}

/// Whatever fails while files are merged and exchanged, every row stays there exactly once.
#[test]
fn failing_writes_lose_and_double_nothing() {
    for (writes, how) in (0..6).flat_map(|n| [Fault::Before, Fault::After, Fault::Panic].map(|how| (n, how)))
    {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Faulty::new();
        let mut config = config(folder.path());
        config.object_store = Some(Arc::new(disk.clone()));
        let before = {
            let store = open(config.clone());
            for n in 0..3 {
                keep(&store, &rows(n * 10, 10));
                store.settle().expect("settled");
            }
            everything(&store)
        };
        disk.fail_after(writes, how);
        let store = open(Config { object_store: config.object_store.clone(), ..compacting(folder.path()) });
        let tried = Instant::now();
        while store.status().alarms.is_empty() && tried.elapsed() < Duration::from_millis(300) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(everything(&store), before, "{how:?} after {writes} writes");
        disk.heal();
        drop(store);
        let store = open(Config { object_store: config.object_store, ..compacting(folder.path()) });
        eventually("merged after all", || store.status().lake_files == 2);
        assert_eq!(everything(&store), before, "{how:?} after {writes} writes, healed");
        eventually("nothing is left behind", || on_disk(folder.path(), "sip") == (1, 1));
    }
}

/// The program ends while its commit is under way to a bucket; that takes effect while the next merges the same files.
#[test]
fn a_merge_that_comes_late_doubles_nothing() {
    for delay in (0..160).step_by(20) {
        let folder = tempfile::tempdir().expect("a folder");
        let bucket = Faulty::bucket();
        let mut config = config(folder.path());
        config.lake = LakeLocation::Bucket(Bucket::parse("s3://traffic").expect("a bucket"));
        config.object_store = Some(Arc::new(bucket.clone()));
        // What seems left over is not deleted before the grace is over, by when nothing is under way any more.
        let compacting = || {
            let mut compacting = compacting(folder.path());
            compacting.retention.grace = Duration::from_secs(60);
            Config { lake: config.lake.clone(), object_store: config.object_store.clone(), ..compacting }
        };
        let store = open(config.clone());
        for n in 0..3 {
            keep(&store, &rows(n * 10, 10));
            store.settle().expect("settled");
        }
        let before = everything(&store);
        drop(store);
        // The file and its filter are written.
        bucket.fail_after(2, Fault::Late);
        let store = open(compacting());
        eventually("the answer is missed", || !store.status().alarms.is_empty());
        drop(store);
        bucket.heal();
        let store = open(compacting());
        std::thread::sleep(Duration::from_millis(delay));
        wait(bucket.deliver());
        eventually("merged after all", || {
            store.settle().expect("nothing to settle");
            store.status().lake_files == 2
        });
        assert_eq!(everything(&store), before, "{delay} ms late");
        drop(store);
        assert_eq!(everything(&open(compacting())), before, "{delay} ms late, reopened");
    }
}

/// A file that cannot be read, or is not what was written, keeps the others from nothing.
#[test]
fn a_broken_file_is_named_and_left_out() {
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 9);
    // Its rows can be read; merged, they would have a checksum that says they are whole.
    let flip = |bytes: &mut Vec<u8>| bytes[40] ^= 1;
    // In a column that is read only when its turn comes.
    let payload = |bytes: &mut Vec<u8>| {
        let start =
            bytes.windows(10).position(|window| window == b"INVITE sip").expect("a short payload as it is");
        bytes[start - 12..start].fill(0);
    };
    type Damage<'a> = &'a dyn Fn(&mut Vec<u8>);
    let damages: [(Damage<'_>, bool); 3] = [(&cut, true), (&flip, true), (&payload, false)];
    for (damage, checksums) in damages {
        let folder = tempfile::tempdir().expect("a folder");
        {
            let store = open(config(folder.path()));
            for n in 0..5 {
                keep(&store, &[Row::sip(n, "c", "INVITE")]);
                store.settle().expect("settled");
            }
        }
        let table = folder.path().join("data/lake/sip");
        if !checksums {
            forget_checksums(&table.join("_delta_log"));
        }
        let broken = &files(&table, "parquet")[1];
        let mut bytes = std::fs::read(broken).expect("read");
        damage(&mut bytes);
        std::fs::write(broken, &bytes).expect("written");
        let store = open(compacting(folder.path()));
        eventually("the files after it are merged", || store.status().lake_files == 3);
        let alarm =
            store.status().alarms.into_iter().find(|alarm| alarm.name == "compact").expect("an alarm");
        let name = broken.file_name().expect("a name").to_string_lossy();
        assert!(alarm.message.contains(&*name), "{}", alarm.message);
    }
}

/// Files of versions that did not note what their payloads were are left out, and so is what is made of them.
#[test]
fn compression_is_told_of_what_was_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    let settle = |store: &Store, n| {
        keep(store, &[Row::sip(n, "c", "INVITE")]);
        store.settle().expect("settled");
    };
    {
        let store = open(config(folder.path()));
        settle(&store, 0);
        settle(&store, 1);
    }
    forget_checksums(&folder.path().join("data/lake/sip/_delta_log"));
    let measured = |store: &Store| store.storage().tables[0].total.measured;
    {
        let store = open(config(folder.path()));
        assert_eq!(measured(&store), store::Measured::default());
        settle(&store, 2);
        let raw = Row::sip(2, "c", "INVITE").raw.len() as u64;
        assert_eq!((measured(&store).files, measured(&store).payload_bytes), (1, raw));
    }
    let store = open(compacting(folder.path()));
    eventually("one file", || store.status().lake_files == 1);
    assert_eq!((measured(&store), store.status().lake_rows), (store::Measured::default(), 3));
}

/// As commits were before files had checksums.
fn forget_checksums(log: &Path) {
    for path in files(log, "json") {
        let commit = std::fs::read_to_string(&path).expect("a commit");
        let actions = commit.lines().map(|line| {
            let mut action: serde_json::Value = serde_json::from_str(line).expect("JSON");
            if let Some(add) = action.get_mut("add") {
                add["tags"] = serde_json::Value::Null;
            }
            format!("{action}\n")
        });
        std::fs::write(&path, actions.collect::<String>()).expect("written");
    }
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    files.sort();
    files
}

/// Retention and compaction take from the same table at once.
#[test]
fn rows_are_searched_settled_and_removed_meanwhile() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = compacting(folder.path());
    config.retention.check_every = Duration::from_millis(5);
    // Questions take less than this.
    config.retention.grace = Duration::from_secs(30);
    let store = open(config);
    let old =
        Row { received: model::Micros(NOW.0 - 200_000 * model::Micros::DAY), ..Row::sip(0, "old", "INVITE") };
    let mut kept = Vec::new();
    for n in 0..120 {
        let block = n + 1;
        if n % 4 == 0 {
            publish(&store, block, std::slice::from_ref(&old));
        } else {
            publish(&store, block, &[Row::sip(n as i64, "new", "INVITE")]);
            kept.push((block << 16) as i64);
        }
        store.settle().expect("settled");
        let mut found = numbers(&sql(&store, "SELECT id FROM sip WHERE call_id = 'new'"), "id");
        found.sort_unstable();
        assert_eq!(found, kept);
    }
    eventually("only the new ones are left", || {
        store.status().lake_files <= 2 && number(&store, "SELECT count(*) FROM sip") == kept.len() as i64
    });
}

/// Whoever asked before the files became one still reads them, for as long as any other file that leaves its table.
#[test]
fn a_file_whose_commit_came_late_stays_for_its_readers_when_it_is_merged() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Faulty::bucket();
    let mut config = compacting(folder.path());
    config.lake = LakeLocation::Bucket(Bucket::parse("s3://traffic").expect("a bucket"));
    config.object_store = Some(Arc::new(lake.clone()));
    config.retention.grace = Duration::from_secs(3600);
    let store = open(config);
    keep(&store, &[Row::sip(1, "call-1", "INVITE")]);
    store.settle().expect("settled");
    keep(&store, &[Row::sip(2, "call-2", "INVITE")]);
    // The rows, their filter, and then the commit.
    lake.fail_after(2, Fault::Late);
    store.settle().expect_err("no answer");
    lake.heal();
    wait(lake.deliver());
    store.settle().expect("it had happened");
    eventually("merged", || store.status().compaction.files_written == 1);
    let files: Vec<ObjectMeta> =
        wait(lake.list(Some(&"sip".into())).try_collect()).expect("an answer of the bucket");
    let kept = files.iter().filter(|file| {
        let path = file.location.as_ref();
        path.ends_with(".parquet") && !path.contains("_keys")
    });
    assert_eq!(kept.count(), 3, "{files:?}");
}
