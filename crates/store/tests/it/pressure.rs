//! Full memory makes publishing wait; a full disk does not end the service.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use store::{Store, StoreError};

use crate::faulty::{Fault, Faulty};
use crate::rows::{Row, TABLES, config, number, open, publish, try_publish};

#[test]
fn publishing_waits_for_settling() {
    let folder = tempfile::tempdir().expect("a folder");
    let faulty = Faulty::new();
    let mut config = config(folder.path());
    config.object_store = Some(Arc::new(faulty.clone()));
    config.hot_bytes_max = 200_000;
    let store = open(config);
    faulty.fail_after(0, Fault::Before);
    let (published, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..20_u64 {
                let rows: Vec<Row> = (0..100).map(|n| Row::sip(n, "c", "INVITE")).collect();
                while let Err(error) = try_publish(&store, round * 100 + 1, &rows) {
                    assert!(matches!(error, StoreError::Full { .. }), "{error}");
                    refused.fetch_add(1, Ordering::SeqCst);
                }
                published.fetch_add(1, Ordering::SeqCst);
            }
        });
        let started = Instant::now();
        while !store.status().alarms.iter().any(|alarm| alarm.name == "settle") {
            assert!(started.elapsed() < Duration::from_secs(120), "settling starts when memory is half full");
            std::thread::sleep(Duration::from_millis(10));
        }
        let alarm = store.status().alarms.swap_remove(0);
        assert!(alarm.message.contains("the disk is full"), "{}", alarm.message);
        // Questions are answered all the while, and memory stays within its bound.
        let seen = number(&store, "SELECT count(*) FROM sip");
        assert!(seen < 2000, "the publisher waits");
        assert!(store.status().hot_bytes <= 200_000);
        while refused.load(Ordering::SeqCst) == 0 {
            assert!(started.elapsed() < Duration::from_secs(120), "who publishes learns that it takes long");
            std::thread::sleep(Duration::from_millis(10));
        }
        faulty.heal();
    });
    assert_eq!(published.load(Ordering::SeqCst), 20);
    assert_eq!(number(&store, "SELECT count(*) FROM sip"), 2000);
    store.settle().expect("settled");
    assert!(store.status().alarms.is_empty());
    assert_eq!(number(&store, "SELECT count(DISTINCT id) FROM sip"), 2000);
}

#[test]
fn settling_comes_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config(folder.path());
    config.settle_every = Duration::from_millis(50);
    let store = open(config);
    publish(&store, 1, &[Row::sip(0, "c", "INVITE")]);
    let started = Instant::now();
    while store.status().hot_rows > 0 {
        assert!(started.elapsed() < Duration::from_secs(120), "rows are settled in time");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(store.status().lake_files, 1);
}

#[test]
fn a_folder_has_one_owner() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    let second = Store::open(config(folder.path()), TABLES).err().expect("refused");
    assert!(matches!(second, StoreError::InUse { .. }), "{second}");
    drop(store);
    open(config(folder.path()));
}

#[test]
fn an_unusable_folder_is_a_clear_error() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("data"), "a file").expect("written");
    let error = Store::open(config(folder.path()), TABLES).err().expect("refused").to_string();
    assert!(error.contains("data"), "{error}");
}

#[test]
fn a_lost_node_id_does_not_double_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    crate::rows::keep(&store, &[Row::sip(0, "c", "INVITE")]);
    store.shutdown().expect("closed");
    std::fs::remove_file(folder.path().join("data/node-id")).expect("removed");
    let refused = Store::open(config(folder.path()), TABLES).err().expect("refused");
    assert!(matches!(refused, StoreError::NodeId { .. }), "{refused}");
}
