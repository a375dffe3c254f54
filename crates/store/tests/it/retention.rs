//! Old files leave the tables at once and the disk after the grace.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Micros;
use store::{Config, Retention, Store};

use crate::faulty::{Fault, Faulty};
use crate::rows::{Row, config, number, open, publish};

fn now() -> Micros {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Micros(since.as_micros() as i64)
}

fn aged(row: Row, days: i64) -> Row {
    Row { received: Micros(now().0 - days * Micros::DAY), ..row }
}

/// Files of a table that are on disk.
fn files(folder: &Path, table: &str) -> usize {
    let table = folder.join("data/lake").join(table);
    let count = |folder: &Path, extension: &str| {
        let entries = std::fs::read_dir(folder).expect("a folder").flatten();
        entries.filter(|file| file.path().extension().is_some_and(|found| found == extension)).count()
    };
    // A filter goes just before its file.
    let files = count(&table, "parquet");
    assert!(count(&table.join("_keys"), "bloom") <= files, "no filter outlives its file");
    files
}

/// Waits until the retaining thread has done what is expected.
fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn impatient(folder: &Path) -> Config {
    let mut config = config(folder);
    config.retention.check_every = Duration::from_millis(20);
    config.retention.grace = Duration::from_millis(200);
    config
}

/// One file per call and table.
fn fill(store: &Store, ages: &[i64]) {
    for (place, days) in ages.iter().enumerate() {
        let first = place as u64 * 2 + 1;
        publish(store, first, &[aged(Row::sip(0, "c", "INVITE"), *days), aged(Row::rtcp(0, "c"), *days)]);
        store.settle().expect("settled");
    }
}

#[test]
fn age_counts_from_arrival_per_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = impatient(folder.path());
    config.retention.days = vec![("sip".to_owned(), 20)];
    let store = open(config);
    // rtcp keeps its 7 days.
    fill(&store, &[30, 10, 1]);
    eventually("old rows go", || {
        number(&store, "SELECT count(*) FROM sip") == 2 && number(&store, "SELECT count(*) FROM rtcp") == 1
    });
    eventually("their files go", || files(folder.path(), "sip") == 2 && files(folder.path(), "rtcp") == 1);
    let status = store.status();
    let days: Vec<_> =
        status.tables.iter().map(|table| (table.name, table.retention_days, table.files)).collect();
    assert_eq!(days, [("sip", 20, 2), ("rtcp", 7, 1)]);
}

#[test]
fn the_budget_takes_the_oldest() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = impatient(folder.path());
    {
        let store = open(config.clone());
        fill(&store, &[5, 4, 3, 2, 1]);
        let bytes = store.status().lake_bytes;
        config.retention.bytes_max = Some(bytes / 2);
        store.shutdown().expect("closed");
    }
    let store = open(config.clone());
    eventually("the lake fits its budget", || {
        store.status().lake_bytes <= config.retention.bytes_max.unwrap_or(0)
    });
    let left = number(&store, "SELECT count(*) FROM messages");
    assert!((1..=5).contains(&left), "{left} rows are left");
    let oldest = store.status().oldest.expect("rows are left");
    assert!(now().0 - oldest.0 < 4 * Micros::DAY, "the oldest went first: {oldest}");
    eventually("files follow", || {
        files(folder.path(), "sip") + files(folder.path(), "rtcp") == left as usize
    });
}

/// The commit that takes old files out needs room that a full disk has not: whether it fails, or is made and fails behind.
#[test]
fn a_full_disk_gives_up_what_was_set_aside_for_it() {
    for how in [Fault::Before, Fault::After] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = impatient(folder.path());
        config.retention.grace = Duration::from_millis(20);
        let faulty = Faulty::new();
        config.object_store = Some(Arc::new(faulty.clone()));
        // So that nothing goes before there is a fault.
        config.retention.days = vec![("sip".to_owned(), 99), ("rtcp".to_owned(), 99)];
        let store = open(config.clone());
        fill(&store, &[30]);
        let reserve = folder.path().join("data/lake").join(format!("_reserve-{}", store.node()));
        let size = || std::fs::metadata(&reserve).map_or(0, |file| file.len());
        eventually("room is set aside", || size() == 4 << 20);
        let made = std::fs::metadata(&reserve).expect("there").modified().expect("a time");
        faulty.fail_next(how);
        let days = vec![("sip".to_owned(), 20), ("rtcp".to_owned(), 99)];
        store.set_retention(Retention { days, ..config.retention.clone() });
        eventually("old rows go", || number(&store, "SELECT count(*) FROM sip") == 0);
        eventually("their file goes", || files(folder.path(), "sip") == 0);
        eventually("room is set aside again", || {
            size() == 4 << 20
                && std::fs::metadata(&reserve).is_ok_and(|file| file.modified().is_ok_and(|at| at > made))
        });
        assert!(store.status().alarms.iter().all(|alarm| alarm.name != "retain"), "{how:?}");
    }
}

#[test]
fn a_reader_keeps_its_files_during_the_grace() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = impatient(folder.path());
    config.retention.grace = Duration::from_secs(3600);
    config.retention.days = vec![("sip".to_owned(), 20)];
    let store = open(config.clone());
    fill(&store, &[30]);
    eventually("old rows go", || number(&store, "SELECT count(*) FROM messages") == 0);
    assert_eq!(files(folder.path(), "sip"), 1, "the file is still there");
    drop(store);
    config.retention.grace = Duration::ZERO;
    let _store = open(config);
    eventually("found again after a restart", || files(folder.path(), "sip") == 0);
}

#[test]
fn too_little_free_disk_is_an_alarm() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = impatient(folder.path());
    config.retention.free_disk_min = u64::MAX;
    let store = open(config);
    publish(&store, 1, &[Row::sip(0, "c", "INVITE")]);
    store.settle().expect("settled");
    eventually("an alarm", || store.status().alarms.iter().any(|alarm| alarm.name == "disk_low"));
    eventually("even the newest file goes", || store.status().lake_files == 0);
}

#[test]
fn what_takes_room_is_told_by_table_and_day_and_what_goes_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config(folder.path());
    config.retention.days = vec![("sip".to_owned(), 20), ("rtcp".to_owned(), 30)];
    config.retention.bytes_max = Some(1 << 40);
    let store = open(config);
    fill(&store, &[3, 3, 1]);
    let storage = store.storage();
    let sip = &storage.tables[0];
    let days: Vec<_> =
        sip.days.iter().map(|(day, amount)| (now().0 / Micros::DAY - day.0 / Micros::DAY, amount)).collect();
    assert_eq!(
        days.iter().map(|(ago, amount)| (*ago, amount.files, amount.rows)).collect::<Vec<_>>(),
        [(3, 2, 2), (1, 1, 1)]
    );
    assert_eq!(days.iter().map(|(_, amount)| amount.bytes).sum::<u64>(), sip.total.bytes);
    let whole = storage.tables.iter().map(|table| table.total.bytes).sum::<u64>();
    assert_eq!(whole, store.status().lake_bytes);
    let next = sip.next.expect("there is a file");
    assert_eq!((next.rows, next.leaves.0 - next.newest.0), (1, 20 * Micros::DAY));
    assert_eq!(sip.oldest, Some(next.newest));
    let first = storage.next_for_room.expect("there is a file");
    assert_eq!(
        first.newest,
        storage.tables.iter().filter_map(|table| table.next).map(|next| next.newest).min().expect("one")
    );
    assert_eq!((storage.bytes_max, storage.free_disk_min), (Some(1 << 40), 0));
    assert!(storage.free_disk.is_some_and(|free| free > 0));
}
