//! Tables whose rows are made of others.

use model::{Field, Kind, Table, Value};
use store::check::{Options, Progress, check};
use store::{Config, Derived, Store, TableBatch};

use crate::rows::{Row, TABLES, config};

static FIGURES: Table = Table {
    name: "figures",
    doc: "Figures of minutes",
    retention_days: 14,
    fields: &[Field::new("calls", Kind::Int64, "calls")],
};

static DERIVED: &[&Table] = &[&FIGURES];

/// Of what other rows are made there may be many with one id.
#[test]
fn rows_that_were_made_again_are_no_damage() {
    let folder = tempfile::tempdir().expect("a folder");
    let with_figures = Config { derived: DERIVED, ..config(folder.path()) };
    let store = Store::open(with_figures.clone(), TABLES).expect("a store");
    for calls in 1..4 {
        let values = vec![Value::Int(calls)];
        let row = Row { table: &FIGURES, values, raw: Vec::new(), ..Row::sip(0, "call", "") };
        let mut batch = TableBatch::new(&FIGURES);
        batch.push(&row.record(1 << 16));
        let told = Derived { table: &FIGURES, ended: Some(batch.finish()), open: Vec::new() };
        store.publish_derived(1, vec![told], Vec::new()).expect("published");
        store.settle().expect("settled");
    }
    store.shutdown().expect("closed");
    let options = Options { deep: true, ..Options::default() };
    let report = check(&with_figures, options, &Progress::default());
    let report = report.expect("checked").expect("there is data");
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
}
