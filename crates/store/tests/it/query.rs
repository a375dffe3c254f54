//! The compiled form of a query means what the language says.

use std::net::IpAddr;

use model::query::{Catalogue, matches, parse};
use model::{Micros, Value};
use proptest::prelude::*;
use store::{SearchRequest, Store};

use crate::rows::{NOW, Row, TABLES, config, numbers, open, publish, wait};

fn found(store: &Store, text: &str) -> Vec<i64> {
    let query = parse(text, &Catalogue::new(TABLES), NOW).expect(text);
    let request = SearchRequest { columns: vec!["id".to_owned()], ..SearchRequest::new(query.expr) };
    let (batches, _) = wait(async { store.search(request).await.expect(text).collect().await.expect(text) });
    let mut ids: Vec<i64> = numbers(&batches, "id").into_iter().map(|id| id >> 16).collect();
    ids.sort_unstable();
    ids
}

fn expected(rows: &[Row], text: &str) -> Vec<i64> {
    let query = parse(text, &Catalogue::new(TABLES), NOW).expect(text);
    (1..)
        .zip(rows)
        .filter(|(id, row)| matches(&query.expr, &row.record(id << 16)))
        .map(|(id, _)| id)
        .collect()
}

/// Rows in which every kind of column is sometimes missing and sometimes odd.
fn rows() -> Vec<Row> {
    let mut dice = fastrand::Rng::with_seed(7);
    let methods = ["INVITE", "BYE", "REGISTER", "invite", "IN%VITE", ""];
    let addresses: [&[u8]; 3] = [&[10, 0, 0, 1], &[10, 200, 0, 1], &[192, 168, 1, 1]];
    (0..200)
        .map(|n| {
            let call = format!("a{}@host", dice.u32(0..20));
            let mut row = if dice.bool() { Row::sip(n, &call, "x") } else { Row::rtcp(n, &call) };
            if row.table.name == "sip" {
                row.values[0] = dice.choice(methods).map_or(Value::Null, Value::from);
                row.values[1] = if dice.bool() { Value::Int(dice.i64(100..700)) } else { Value::Null };
                row.values[2] =
                    if dice.bool() { Value::from(format!("+44{}", dice.u32(0..30))) } else { Value::Null };
                row.values[4] = if dice.bool() { Value::Int(dice.i64(0..9000)) } else { Value::Null };
            }
            row.src = match dice.u32(0..5) {
                0 => None,
                1 => Some("2001:db8::7".parse().expect("an address")),
                n => Some(
                    <[u8; 4]>::try_from(addresses[n as usize - 2]).map(IpAddr::from).expect("four bytes"),
                ),
            };
            if dice.u32(0..4) == 0 {
                row.call_id = None;
            }
            row.flags =
                ["bad_time", "truncated", "odd_chunk"].into_iter().filter(|_| dice.u32(0..4) == 0).collect();
            row.raw = (0..dice.usize(0..40))
                .map(|_| *b"INVITEinvite\xff\xfe\0 ".get(dice.usize(0..16)).unwrap_or(&b'x'))
                .collect();
            row
        })
        .collect()
}

const TEXTS: &[&str] = &[
    "*",
    "method = INVITE",
    "method != INVITE",
    "not method = INVITE",
    "method = IN*",
    "method = ?NVITE",
    "method = \"IN%VITE\"",
    "method ~ \"^[Ii]n\"",
    "method !~ \"^I\"",
    "method in (INVITE, BYE)",
    "not method in (INVITE, BYE)",
    "exists method",
    "not exists method",
    "status >= 500",
    "status < 200",
    "status in 200..299",
    "status = 5xx",
    "status != 200",
    "duration > 3s",
    "duration <= 500ms",
    "from_user = +44*",
    "from_user = *7",
    "src_ip = 10.0.0.1",
    "src_ip = 10.0.0.0/8",
    "src_ip != 10.0.0.0/8",
    "not src_ip = 10.0.0.0/8",
    "src_ip = 2001:db8::/32",
    "src_port = 5060",
    "exists dst_port",
    "flags = bad_time",
    "flags != bad_time",
    "not flags = bad_time",
    "flags = *e*",
    "flags ~ \"chunk$\"",
    "flags in (bad_time, truncated)",
    "exists flags",
    "exists raw",
    "not exists raw",
    "\"vite\"",
    "lost > 5",
    "final = true",
    "final != true",
    "table = rtcp",
    "table != rtcp",
    "sip.method = INVITE or rtcp.lost > 10",
    "call_id = a3@host and (method = BYE or status = 5xx or not flags = truncated)",
    "call_id > a5",
    "ts > 2026-11-18 or received < 2020-01-01",
    "hep_type = 5 and transport = udp",
];

#[test]
fn every_operator_agrees_with_the_language() {
    let rows = rows();
    for settled in [0, 100, 200] {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(config(folder.path()));
        if settled > 0 {
            publish(&store, 1, &rows[..settled]);
            store.settle().expect("settled");
        }
        if settled < rows.len() {
            publish(&store, settled as u64 + 1, &rows[settled..]);
        }
        let mut answers = 0;
        for text in TEXTS {
            let expected = expected(&rows, text);
            answers += expected.len();
            assert_eq!(found(&store, text), expected, "{text} with {settled} rows settled");
        }
        assert!(answers > 1000, "the questions have answers: {answers}");
    }
}

#[test]
fn combinations_agree_with_the_language() {
    let rows = rows();
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    publish(&store, 1, &rows[..120]);
    store.settle().expect("settled");
    publish(&store, 121, &rows[120..]);
    let term = proptest::sample::select(TEXTS[1..].to_vec()).prop_map(|text| format!("({text})"));
    let tree = term.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|a| format!("(not {a})")),
        ]
    });
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { cases: 60, ..Default::default() });
    runner
        .run(&tree, |text| {
            prop_assert_eq!(found(&store, &text), expected(&rows, &text), "{}", text);
            Ok(())
        })
        .expect("compiled and interpreted queries agree");
}

#[test]
fn two_thousand_terms_are_answered() {
    let rows = rows();
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    publish(&store, 1, &rows);
    let many: Vec<String> = (0..1500).map(|n| format!("call_id = a{n}@host")).collect();
    let text = many.join(" or ");
    assert_eq!(found(&store, &text), expected(&rows, &text));
    let _ = Micros(0);
}
