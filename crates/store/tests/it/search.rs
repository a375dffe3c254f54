//! The same question has the same answer, wherever the rows are.

use model::query::{Catalogue, parse};
use model::{Micros, Table};
use store::{Cursor, Order, SearchRequest, Store, StoreError};

use crate::rows::{NOW, Row, SIP, TABLES, config, numbers, open, publish, sql, texts, wait};

fn request(text: &str) -> SearchRequest {
    SearchRequest::new(parse(text, &Catalogue::new(TABLES), NOW).expect(text).expr)
}

fn ids(store: &Store, request: SearchRequest) -> Vec<i64> {
    let (batches, cut) =
        wait(async { store.search(request).await.expect("asked").collect().await.expect("answered") });
    assert_eq!(cut, None);
    numbers(&batches, "id").into_iter().map(|id| id >> 16).collect()
}

fn sample() -> Vec<Row> {
    (0..40)
        .map(|n| {
            let call = format!("call-{}", n / 4);
            if n % 4 == 3 {
                Row::rtcp(n, &call)
            } else {
                Row::sip(n, &call, if n % 4 == 0 { "INVITE" } else { "ACK" })
            }
        })
        .collect()
}

/// Runs `check` with all rows hot, all settled, and half and half.
fn everywhere(check: impl Fn(&Store, &str)) {
    for settled in [0, 20, 40] {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(config(folder.path()));
        let rows = sample();
        if settled > 0 {
            publish(&store, 1, &rows[..settled]);
            store.settle().expect("settled");
        }
        if settled < 40 {
            publish(&store, settled as u64 + 1, &rows[settled..]);
        }
        assert_eq!(store.status().hot_rows, 40 - settled as u64);
        check(&store, &format!("{settled} of 40 rows settled"));
    }
}

#[test]
fn newest_first_with_a_limit() {
    everywhere(|store, when| {
        let asked = SearchRequest { limit: Some(5), ..request("*") };
        assert_eq!(ids(store, asked), [40, 39, 38, 37, 36], "{when}");
        let asked = SearchRequest { limit: Some(3), order: Order::OldestFirst, ..request("*") };
        assert_eq!(ids(store, asked), [1, 2, 3], "{when}");
        assert_eq!(ids(store, request("*")).len(), 40, "{when}");
    });
}

#[test]
fn pages_follow_each_other() {
    everywhere(|store, when| {
        for order in [Order::NewestFirst, Order::OldestFirst] {
            let mut found = Vec::new();
            let mut after = None;
            loop {
                let page = ids(store, SearchRequest { limit: Some(7), after, order, ..request("*") });
                let Some(last) = page.last().copied() else { break };
                let ts = Micros(NOW.0 + (last - 1) * Micros::SECOND);
                after = Some(Cursor { ts, id: last << 16 });
                found.extend(page);
            }
            let mut expected: Vec<i64> = (1..=40).collect();
            if order == Order::NewestFirst {
                expected.reverse();
            }
            assert_eq!(found, expected, "{when}");
        }
    });
}

#[test]
fn conditions_columns_and_times() {
    everywhere(|store, when| {
        assert_eq!(ids(store, request("call_id = call-2")), [12, 11, 10, 9], "{when}");
        assert_eq!(ids(store, request("method = INVITE and call_id = call-2")), [9], "{when}");
        assert_eq!(ids(store, request("table = rtcp and final = true")), Vec::<i64>::new(), "{when}");
        assert_eq!(ids(store, request("\"call-ID: CALL-7\"")), [31, 30, 29], "{when}");
        let asked = SearchRequest {
            from: Some(Micros(NOW.0 + 10 * Micros::SECOND)),
            to: Some(Micros(NOW.0 + 13 * Micros::SECOND)),
            ..request("*")
        };
        assert_eq!(ids(store, asked), [13, 12, 11], "from is included, to is not; {when}");
        let asked = SearchRequest { tables: vec!["rtcp".to_owned()], limit: Some(2), ..request("*") };
        assert_eq!(ids(store, asked), [40, 36], "{when}");
    });
}

#[test]
fn rows_of_several_tables_share_their_columns() {
    everywhere(|store, when| {
        let columns = ["id", "method", "lost", "raw"].map(str::to_owned).to_vec();
        let asked = SearchRequest { columns, limit: Some(4), ..request("*") };
        let answer = wait(store.search(asked)).expect("asked");
        let names: Vec<String> = answer.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["table", "id", "method", "lost", "raw"], "{when}");
        let (batches, _) = wait(answer.collect()).expect("answered");
        assert_eq!(texts(&batches, "table"), ["rtcp", "sip", "sip", "sip"], "{when}");
        assert_eq!(texts(&batches, "method"), ["null", "ACK", "ACK", "INVITE"], "{when}");
        for batch in &batches {
            assert_eq!(batch.schema_ref(), &batches[0].schema());
        }
    });
}

#[test]
fn without_columns_the_answer_has_all_but_the_payload() {
    everywhere(|store, _| {
        let answer = wait(store.search(request("*"))).expect("asked");
        let schema = answer.schema();
        for field in TABLES.iter().flat_map(|table| Table::columns(table)) {
            assert_eq!(schema.column_with_name(field.name).is_some(), field.name != "raw", "{}", field.name);
        }
    });
}

#[test]
fn unknown_names_are_errors() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    let asked = SearchRequest { columns: vec!["nonsense".to_owned()], ..request("*") };
    assert!(matches!(wait(store.search(asked)), Err(StoreError::UnknownColumn(name)) if name == "nonsense"));
    let asked = SearchRequest { tables: vec!["sop".to_owned()], ..request("*") };
    assert!(matches!(wait(store.search(asked)), Err(StoreError::UnknownTable(name)) if name == "sop"));
    assert_eq!(ids(&store, request("*")), Vec::<i64>::new(), "an empty store has an empty answer");
}

/// A question that runs while rows settle sees each row exactly once.
#[test]
fn settling_never_hides_or_doubles_a_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..30_u64 {
                publish(&store, round * 40 + 1, &sample());
                if round % 3 == 0 {
                    store.settle().expect("settled");
                }
            }
        });
        let mut before = 0;
        while !writer.is_finished() {
            let batches = sql(&store, "SELECT count(*) AS n, count(DISTINCT id) AS d FROM sip");
            let (all, distinct) = (numbers(&batches, "n")[0], numbers(&batches, "d")[0]);
            assert_eq!(all, distinct);
            assert_eq!(all % 30, 0, "a publication is seen whole");
            assert!(all >= before);
            before = all;
        }
    });
    assert_eq!(crate::rows::number(&store, "SELECT count(*) FROM sip"), 900);
    assert_eq!(store.settled(&SIP), 28 * 40);
}

/// Many files, so that the walk takes several slices.
#[test]
fn slices_cover_every_row_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    let mut seq = 1;
    for round in 0..12_i64 {
        // Overlapping times: what one file ends with, the next begins with.
        let rows: Vec<Row> = (0..12_000).map(|n| Row::sip(round * 10_000 + n, "c", "INVITE")).collect();
        publish(&store, seq, &rows);
        seq += rows.len() as u64;
        if round % 2 == 0 {
            store.settle().expect("settled");
        }
    }
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let columns = vec!["id".to_owned(), "ts".to_owned()];
        let asked = SearchRequest { order, columns, ..request("*") };
        let (batches, _) =
            wait(async { store.search(asked).await.expect("asked").collect().await.expect("answered") });
        let found: Vec<(i64, i64)> =
            numbers(&batches, "ts").into_iter().zip(numbers(&batches, "id")).collect();
        assert_eq!(found.len(), 144_000);
        let sorted = found
            .windows(2)
            .all(|pair| if order == Order::NewestFirst { pair[0] > pair[1] } else { pair[0] < pair[1] });
        assert!(sorted, "{order:?}: strictly ordered by time and id");
    }
}
