//! Watching: what is published is seen, once, by whoever asked for it, and nobody waits for a viewer.

use arrow::array::RecordBatch;
use model::query::{Catalogue, parse};
use store::{Seen, Store, StoreError, Tail};

use crate::rows::{NOW, Row, TABLES, config, numbers, open, publish, texts, wait};

fn watch(store: &Store, text: &str, columns: &[&str]) -> Result<Tail, StoreError> {
    let expr = parse(text, &Catalogue::new(TABLES), NOW).expect(text).expr;
    let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
    wait(async { store.tail(&expr, &columns).await })
}

fn next(tail: &mut Tail) -> Seen {
    wait(async { tail.next().await }).expect("the store is open").expect("rows")
}

fn ids(rows: &RecordBatch) -> Vec<i64> {
    numbers(std::slice::from_ref(rows), "id").into_iter().map(|id| id >> 16).collect()
}

#[test]
fn a_viewer_sees_what_satisfies_its_condition_in_every_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    publish(&store, 1, &[Row::sip(0, "before", "INVITE")]);
    let mut calls = watch(&store, "call_id = wanted", &[]).expect("watched");
    let mut invites = watch(&store, "method = INVITE or \"nowhere to be found\"", &["id"]).expect("watched");
    let rows = [Row::sip(1, "wanted", "INVITE"), Row::sip(2, "other", "INVITE"), Row::rtcp(3, "wanted")];
    publish(&store, 2, &rows);
    store.settle().expect("settled");

    let (first, second) = (next(&mut calls), next(&mut calls));
    let mut tables = texts(std::slice::from_ref(&first.rows), "table");
    tables.extend(texts(std::slice::from_ref(&second.rows), "table"));
    tables.sort();
    assert_eq!(tables, ["rtcp", "sip"], "one call in both tables, and nothing from before");
    assert!(first.rows.column_by_name("raw").is_none(), "the payload is not asked for");
    let seen = next(&mut invites);
    assert_eq!((ids(&seen.rows), seen.rows.num_columns()), (vec![2, 3], 2), "table and id");
    assert_eq!(seen.passed_over, 0);
}

#[test]
fn the_language_means_the_same_as_in_a_search() {
    let rows: Vec<Row> = (0..20)
        .map(|n| {
            let mut row = Row::sip(n, &format!("call-{}", n % 5), if n % 2 == 0 { "INVITE" } else { "BYE" });
            row.flags = if n % 3 == 0 { vec!["no_time"] } else { vec![] };
            row.raw =
                format!("{} sip:{n}@example.org SIP/2.0", if n % 2 == 0 { "INVITE" } else { "BYE" }).into();
            row
        })
        .collect();
    for text in [
        "*",
        "method in (INVITE, ACK)",
        "not method = INVITE",
        "call_id = \"call-*\" and flags = no_time",
        "call_id ~ \"[13]$\"",
        "src_ip = 10.0.0.0/8",
        "\"sip:7@\"",
        "raw ~ \"sip:1[0-9]@\"",
        "not exists status",
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(config(folder.path()));
        let Ok(parsed) = parse(text, &Catalogue::new(TABLES), NOW) else { panic!("{text}") };
        let mut tail = watch(&store, text, &["id"]).expect("watched");
        publish(&store, 1, &rows);
        let request = store::SearchRequest {
            order: store::Order::OldestFirst,
            ..store::SearchRequest::new(parsed.expr)
        };
        let (found, _) =
            wait(async { store.search(request).await.expect("asked").collect().await.expect("answered") });
        let found: Vec<i64> = numbers(&found, "id").into_iter().map(|id| id >> 16).collect();
        assert!(!found.is_empty(), "{text} finds something to compare");
        assert_eq!(ids(&next(&mut tail).rows), found, "{text}");
    }
}

#[test]
fn a_viewer_that_does_not_look_loses_the_oldest_and_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    let mut tail = watch(&store, "*", &["id"]).expect("watched");
    // Each about 2 MB: more than a viewer may leave waiting.
    let published = 30_u64;
    for block in 1..=published {
        let mut row = Row::sip(block as i64, "large", "INVITE");
        row.raw = vec![b'x'; 2 << 20];
        publish(&store, block, &[row]);
    }
    let mut seen = 0;
    let mut passed_over = 0;
    let mut last = 0;
    while last < published as i64 {
        let batch = next(&mut tail);
        passed_over += batch.passed_over;
        seen += batch.rows.num_rows() as u64;
        last = ids(&batch.rows).last().copied().expect("a row");
    }
    assert!(passed_over > 0 && seen > 0, "{seen} seen, {passed_over} passed over");
    assert_eq!(seen + passed_over, published, "every row is seen or counted");
    assert_eq!(
        store.status().hot_rows + store.status().lake_rows,
        published,
        "and none is missing in the store"
    );
}

#[test]
fn it_ends_with_the_store_and_an_unknown_column_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    assert!(matches!(watch(&store, "*", &["nonsense"]), Err(StoreError::UnknownColumn(_))));
    let mut tail = watch(&store, "*", &[]).expect("watched");
    store.shutdown().expect("shut down");
    assert!(wait(async { tail.next().await }).is_none());
}

#[test]
fn an_ended_viewer_sees_what_was_published_before_and_then_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    let mut tail = watch(&store, "*", &["id"]).expect("watched");
    publish(&store, 1, &[Row::sip(1, "a", "INVITE")]);
    publish(&store, 2, &[Row::sip(2, "b", "INVITE")]);
    tail.end().end();
    assert_eq!((ids(&next(&mut tail).rows), ids(&next(&mut tail).rows)), (vec![1], vec![2]));
    assert!(wait(async { tail.next().await }).is_none());
}
