//! The records of the kept packets, to be read by people.

use std::fmt::Write;

use model::{Micros, Record, Value};
use protocols::registry;

use crate::{fixtures, with_record};

#[test]
fn fixtures_become_these_records() {
    for protocol in registry() {
        for (file, bytes) in fixtures(protocol.name) {
            let shown = with_record(&bytes, shown);
            insta::assert_snapshot!(format!("{}__{file}", protocol.name), shown);
        }
    }
}

/// Every column that is not empty, then the payload as far as it is text.
fn shown(record: &Record<'_>) -> String {
    let mut out = format!("table {}\n", record.table.name);
    for field in record.table.columns().filter(|field| field.name != "raw") {
        let value = match record.value(field.name) {
            Value::Null => continue,
            Value::Text(text) => text.escape_debug().to_string(),
            Value::Int(number) if field.kind == model::Kind::Time => Micros(number).to_string(),
            Value::Int(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Bytes(bytes) => bytes.escape_ascii().to_string(),
            Value::TextList(list) if list.is_empty() => continue,
            Value::TextList(list) => list.join(" "),
        };
        writeln!(out, "{} = {value}", field.name).expect("writing to a String cannot fail");
    }
    let raw = match std::str::from_utf8(record.raw) {
        Ok(text) if !text.contains('\0') => text.replace('\r', ""),
        _ => record.raw.escape_ascii().to_string(),
    };
    write!(out, "\n{raw}").expect("writing to a String cannot fail");
    out
}
