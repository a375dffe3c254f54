//! `docs/tables.md` says what the tables say.

use std::fmt::Write as _;
use std::path::Path;

use model::{COMMON, Field, Kind, TAIL, Table, Unit};
use protocols::Protocols;

/// What stands before the first table.
const BEGIN: &str = "\
# Tables and columns

Every kind of traffic has a table, and so has what is made of it. Names of tables and columns are those of
[the query language](query-language.md), of SQL and of [the lake](lake.md); `GET /api/v1/catalogue` lists them too.

Under *marks*: **indexed** - one value among many is found without reading all; **facet** - its few values are counted beside
a search; **private** - it may name people: a number, a user.

This page is written by a test from the program's own tables:
`UPDATE=1 cargo nextest run --release -p calls columns`.
";

#[test]
fn every_column_is_documented_as_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tables.md");
    let written = page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &written).expect("written");
    }
    let stands = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = stands.lines().zip(written.lines()).find(|(stands, written)| stands != written);
    assert_eq!(differs, None, "docs/tables.md differs first there");
    assert_eq!(stands.lines().count(), written.lines().count(), "docs/tables.md ends elsewhere");
}

fn page() -> String {
    let protocols = Protocols::built_in();
    let mut page = BEGIN.to_owned();
    section(&mut page, "Columns that every table has", "Before those of its own:", COMMON);
    page.push_str("\nBehind them:\n\n");
    columns(&mut page, TAIL);
    for table in protocols.tables() {
        let types: Vec<String> = protocols.hep_types(table).iter().map(ToString::to_string).collect();
        let of = match types.as_slice() {
            [] => String::new(),
            [one] => format!(" HEP type {one}."),
            some => format!(" HEP types {}.", some.join(", ")),
        };
        let doc = format!("{}.{of} Rows are kept for {} days.", table.doc, table.retention_days);
        section(&mut page, &format!("`{}`", table.name), &doc, table.fields);
    }
    for table in calls::TABLES {
        section(&mut page, &format!("`{}`", table.name), &made(table), table.fields);
    }
    page
}

/// Of a table whose rows are made of messages.
fn made(table: &Table) -> String {
    let mut doc = format!("{}. Rows are kept for {} days.", table.doc, table.retention_days);
    if let Some(versions) = table.rows.versions {
        let _ = write!(
            doc,
            " What comes late makes another row with the same `{}`: the one with the largest `{}` counts.",
            versions.of, versions.by
        );
    }
    doc
}

fn section(page: &mut String, title: &str, doc: &str, fields: &[Field]) {
    let _ = write!(page, "\n## {title}\n\n{doc}\n\n");
    if fields.is_empty() {
        page.push_str("No columns of its own.\n");
    } else {
        columns(page, fields);
    }
}

fn columns(page: &mut String, fields: &[Field]) {
    page.push_str("| column | kind | marks | meaning |\n|---|---|---|---|\n");
    for field in fields {
        let marks = [(field.indexed, "indexed"), (field.facet, "facet"), (field.private, "private")];
        let marks: Vec<&str> = marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| mark).collect();
        let doc = field.doc.replace('|', "\\|");
        let _ = writeln!(page, "| `{}` | {} | {} | {doc} |", field.name, kind(field), marks.join(", "));
    }
}

fn kind(field: &Field) -> String {
    let kind = match field.kind {
        Kind::Text => "text",
        Kind::Int16 | Kind::Int32 | Kind::Int64 => "whole number",
        Kind::Float => "number",
        Kind::Bool => "true or false",
        Kind::Time => "time",
        Kind::Bytes => "bytes",
        Kind::Ip => "address",
        Kind::TextList => "list of texts",
        Kind::Json => "JSON",
    };
    let unit = field.unit.map(|unit| match unit {
        Unit::Seconds => "s",
        Unit::Milliseconds => "ms",
        Unit::Microseconds => "us",
        Unit::Bytes => "bytes",
        Unit::Percent => "%",
    });
    unit.map_or_else(|| kind.to_owned(), |unit| format!("{kind}, {unit}"))
}
