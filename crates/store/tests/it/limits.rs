//! A question that costs too much is cut, says so, and leaves the store as it was.

use std::time::Duration;

use store::{Cut, Limits, Store};

use crate::rows::{Row, config, number, open, publish, wait};

fn filled(folder: &std::path::Path, limits: Limits) -> Store {
    let mut config = config(folder);
    config.limits = limits;
    let store = open(config);
    let rows: Vec<Row> = (0..20_000).map(|n| Row::sip(n, &format!("call-{n}"), "INVITE")).collect();
    publish(&store, 1, &rows);
    store
}

#[test]
fn time_is_capped() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = filled(folder.path(), Limits::default());
    let limits = Limits { time_max: Duration::from_millis(300), ..Limits::default() };
    let endless = "SELECT count(*) FROM sip a, sip b, sip c WHERE a.cseq + b.cseq + c.cseq = 7";
    let (_, cut) = wait(async {
        store.sql(endless, Some(limits)).await.expect("planned").collect().await.expect("cut")
    });
    assert_eq!(cut, Some(Cut::Time(Duration::from_millis(300))));
    assert_eq!(number(&store, "SELECT count(*) FROM sip"), 20_000);
}

#[test]
fn memory_is_capped() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits { memory_bytes_max: 2 << 20, spill_bytes_max: 1 << 20, ..Limits::default() };
    let store = filled(folder.path(), limits);
    let greedy = "SELECT call_id, array_agg(raw) FROM sip GROUP BY call_id ORDER BY call_id";
    let (_, cut) =
        wait(async { store.sql(greedy, None).await.expect("planned").collect().await.expect("cut") });
    assert!(matches!(cut, Some(Cut::Memory(_))), "{cut:?}");
    assert_eq!(number(&store, "SELECT count(*) FROM sip"), 20_000);
    let left = std::fs::read_dir(folder.path().join("data/tmp")).expect("the spill folder").count();
    assert!(left <= 1, "spilled files are gone");
}

#[test]
fn a_dropped_answer_makes_room_for_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits { concurrent_max: 1, ..Limits::default() };
    let store = filled(folder.path(), limits);
    wait(async {
        for _ in 0..5 {
            let mut answer = store.sql("SELECT a.id FROM sip a, sip b", None).await.expect("planned");
            answer.next().await.expect("a first batch").expect("rows");
        }
        let (batches, cut) =
            store.sql("SELECT 1", None).await.expect("planned").collect().await.expect("answered");
        assert_eq!((batches.len(), cut), (1, None));
    });
}
