//! Clocks jump, and years are not always those of today.

use std::time::{Duration, Instant};

use model::Micros;
use model::query::{Catalogue, parse};
use store::check::{Options, Progress, check};
use store::{SearchRequest, Store};

use crate::rows::{NOW, Row, TABLES, config, keep, number, numbers, open, sql, wait};

const HOUR: i64 = 3_600 * Micros::SECOND;

/// The first second that a signed number of 32 bits cannot hold, and the first that an unsigned one cannot.
const IN_2038: Micros = Micros((1 << 31) * Micros::SECOND);
const IN_2106: Micros = Micros((1 << 32) * Micros::SECOND);

/// Arrivals of a clock that is set forward and back, was not set yet, and is far ahead.
const JUMPS: [Micros; 9] = [
    NOW,
    Micros(NOW.0 - 3 * Micros::DAY),
    Micros(NOW.0 + HOUR),
    Micros(0),
    IN_2038,
    Micros(IN_2038.0 - 1),
    IN_2106,
    Micros(NOW.0 + 1),
    // December 9999.
    Micros(253_399_622_400 * Micros::SECOND),
];

fn at(moment: Micros, call_id: &str) -> Row {
    Row { ts: moment, received: moment, ..Row::sip(0, call_id, "INVITE") }
}

/// The calls seen within a millisecond of a moment.
fn calls_at(store: &Store, moment: Micros) -> Vec<i64> {
    let expr = parse("table = sip", &Catalogue::new(TABLES), NOW).expect("a question").expr;
    let request = SearchRequest {
        from: Some(moment),
        to: Some(Micros(moment.0 + 1)),
        columns: vec!["id".to_owned()],
        ..SearchRequest::new(expr)
    };
    let (found, cut) =
        wait(async { store.search(request).await.expect("asked").collect().await.expect("answered") });
    assert_eq!(cut, None);
    numbers(&found, "id")
}

fn assert_complete(store: &Store, count: usize, when: &str) {
    let expected: Vec<i64> = (1..=count as i64).map(|block| block << 16).collect();
    assert_eq!(numbers(&sql(store, "SELECT id FROM sip ORDER BY id"), "id"), expected, "{when}");
    for (moment, id) in JUMPS[..count].iter().zip(expected) {
        assert_eq!(calls_at(store, *moment), [id], "{when}: at {moment}");
    }
    let status = store.status();
    let (oldest, newest) = (JUMPS[..count].iter().min(), JUMPS[..count].iter().max());
    assert_eq!(status.oldest.as_ref(), oldest, "{when}");
    // A commit may tell the newest to the millisecond only.
    let later = status.newest.zip(newest).map(|(told, newest)| told.0 - newest.0);
    assert!(later.is_some_and(|micros| (0..1_000).contains(&micros)), "{when}: {later:?}");
}

#[test]
fn a_clock_that_jumps_loses_and_doubles_nothing() {
    for settles_each in [true, false] {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(config(folder.path()));
        for (place, moment) in JUMPS.iter().enumerate() {
            keep(&store, &[at(*moment, &format!("call-{place}"))]);
            if settles_each {
                store.settle().expect("settled");
            }
            assert_complete(&store, place + 1, "as it comes");
        }
        drop(store);
        let store = open(config(folder.path()));
        assert_complete(&store, JUMPS.len(), "after a start");
        store.shutdown().expect("settled");
        let mut merging = config(folder.path());
        merging.compact_every = Duration::from_millis(10);
        let store = open(merging);
        let started = Instant::now();
        while store.status().compaction.files_due > 0 {
            assert!(started.elapsed() < Duration::from_secs(120), "files are merged");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_complete(&store, JUMPS.len(), "merged");
        drop(store);
        let options = Options { deep: true, repair: false, give_up_broken: false };
        let report =
            check(&config(folder.path()), options, &Progress::default()).expect("checked").expect("data");
        assert!(report.findings.is_empty(), "{:#?}", report.findings);
    }
}

/// What arrived while the clock was ahead stays for as long again; what arrived before it was set goes at once.
#[test]
fn age_is_told_by_the_arrival_that_was_noted() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config(folder.path());
    config.retention.check_every = Duration::from_millis(20);
    config.retention.days = vec![("sip".to_owned(), 20)];
    let store = open(config);
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let now = Micros(since.as_micros() as i64);
    let arrivals =
        [Micros(0), now, IN_2106, Micros(now.0 - 30 * Micros::DAY), Micros(now.0 - 10 * Micros::DAY)];
    for arrival in arrivals {
        // The sender's time has no say.
        keep(&store, &[Row { received: arrival, ..Row::sip(0, "c", "INVITE") }]);
        store.settle().expect("settled");
    }
    let started = Instant::now();
    while number(&store, "SELECT count(*) FROM sip") > 3 {
        assert!(started.elapsed() < Duration::from_secs(120), "old rows go");
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(100));
    let left = numbers(&sql(&store, "SELECT received FROM sip ORDER BY id"), "received");
    assert_eq!(left, [now.0, IN_2106.0, now.0 - 10 * Micros::DAY]);
}
