//! HOMER's `mapping_schema`: one row, a list of rows, what its API answers (`{"data": [...]}`), or the columns of the
//! SQL `INSERT` as a JSON object. Columns that hold JSON may hold it as text.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::definition::{Correlation, Definition, FieldDefinition, default_range};
use super::error::hint;
use super::{MappingError, column_name, column_of, is_common, name_of, path};
use crate::registry;

/// What a document of HOMER gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    pub definitions: Vec<Definition>,
    /// What was not taken over, and why: one line each.
    pub notes: Vec<String>,
}

/// Columns that say nothing here, with the reason. Empty ones are passed over in silence.
const COLUMNS_LEFT_OUT: &[(&str, &str)] = &[
    ("create_index", "columns are indexed where their field says so"),
    ("create_table", "the table follows from the fields"),
    ("mapping_settings", "settings of HOMER's forms"),
    ("fields_settings", "settings of HOMER's forms"),
    ("schema_mapping", "the table follows from the fields"),
    ("schema_settings", "the table follows from the fields"),
];
/// Columns that only make sense inside HOMER's own database.
const COLUMNS_OF_HOMER: &[&str] =
    &["id", "guid", "partid", "version", "partition_step", "create_date", "user_mapping"];
const COLUMNS: &[&str] =
    &["profile", "hepid", "hep_alias", "retention", "correlation_mapping", "fields_mapping"];

/// What a field of `fields_mapping` says to HOMER's search form.
const FORM_KEYS: &[&str] = &[
    "form_type",
    "form_default",
    "_form_api",
    "position",
    "skip",
    "hide",
    "sid_type",
    "method_type",
    "selector",
    "system_param",
    "mapping",
    "value",
    "disabled",
    "category",
];
/// Fields that are no data but parts of the form.
const FORM_FIELDS: &[&str] = &["smartinput", "limit", "targetResultsContainer", "profile"];

/// Keys of a rule that change what it looks for by a program: such a rule cannot be declared.
pub(super) const RULE_PROGRAMS: &[&str] =
    &["input_function_js", "input_function", "input_script", "output_script"];
const RULE_KEYS: &[&str] = &["source_field", "lookup_id", "lookup_profile", "lookup_field", "lookup_range"];

/// HOMER's names of what every table has here.
const COMMON_COLUMNS: &[(&str, &str)] = &[
    ("sid", "call_id"),
    ("create_date", "ts"),
    ("raw", "raw"),
    ("node", "node"),
    ("protocol_header.correlation_id", "correlation_id"),
    ("protocol_header.srcIp", "src_ip"),
    ("protocol_header.srcPort", "src_port"),
    ("protocol_header.dstIp", "dst_ip"),
    ("protocol_header.dstPort", "dst_port"),
    ("protocol_header.timeSeconds", "ts"),
    ("protocol_header.timeUseconds", "ts"),
    ("protocol_header.payloadType", "hep_type"),
    ("protocol_header.protocol", "transport"),
    ("protocol_header.protocolFamily", "transport"),
    ("protocol_header.captureId", "capture_id"),
];
/// A key is never kept.
const CAPTURE_KEY: &str = "protocol_header.capturePass";

/// HOMER's names of SIP fields that have another name here.
pub(super) const SIP_COLUMNS: &[(&str, &str)] = &[
    ("callid", "call_id"),
    ("from_domain", "from_host"),
    ("to_domain", "to_host"),
    ("ruri_domain", "ruri_host"),
    ("pid_user", "pai_user"),
    ("server", "user_agent"),
];

/// The column that every table has and that HOMER calls so.
pub(super) fn common_column(name: &str) -> Option<&'static str> {
    let plain = plain(name);
    COMMON_COLUMNS.iter().find(|(theirs, _)| *theirs == plain).map(|(_, ours)| *ours)
}

/// `data_header->>'X-CID'`, as HOMER puts it into SQL, is `data_header.X-CID`.
pub(super) fn plain(name: &str) -> String {
    name.replace("->>", ".").replace("->", ".").replace('\'', "").replace(". ", ".").trim().to_owned()
}

/// Reads a document. Fails if it is no mapping at all or says something that cannot be meant; what HOMER can do and
/// this cannot is told in the notes.
pub fn read_homer(text: &str) -> Result<Imported, MappingError> {
    let document = document(text)?;
    let rows = rows(&document)?;
    let mut imported = Imported::default();
    for (place, row) in rows.iter().enumerate() {
        let at = if rows.len() == 1 { "row".to_owned() } else { format!("row[{place}]") };
        let Value::Object(row) = row else {
            return Err(MappingError::new(at, "a row is an object of columns"));
        };
        Row { row, notes: &mut imported.notes, title: String::new() }
            .read()
            .map(|definition| imported.definitions.extend(definition))
            .map_err(|error| error.within(&at))?;
    }
    Ok(imported)
}

pub(super) fn document(text: &str) -> Result<Value, MappingError> {
    serde_json::from_str(text).map_err(|error| {
        let at = format!("line {}, column {}", error.line(), error.column());
        MappingError::new(at, error.to_string())
    })
}

/// The rows of `mapping_schema` in a document.
pub(super) fn rows(document: &Value) -> Result<&[Value], MappingError> {
    Ok(match document {
        Value::Array(rows) => rows.as_slice(),
        Value::Object(outer) => match outer.get("data") {
            Some(Value::Array(rows)) => rows.as_slice(),
            Some(row @ Value::Object(_)) => std::slice::from_ref(row),
            _ => std::slice::from_ref(document),
        },
        _ => return Err(MappingError::new("document", "neither a row of mapping_schema nor a list of rows")),
    })
}

/// One row, and what is told about it.
struct Row<'v> {
    row: &'v Map<String, Value>,
    notes: &'v mut Vec<String>,
    /// How notes call it.
    title: String,
}

impl Row<'_> {
    /// `None` if the type is built in.
    fn read(mut self) -> Result<Option<Definition>, MappingError> {
        let hep_types = self.hep_types()?;
        let profile = self.text("profile")?.filter(|profile| !profile.is_empty());
        let first = hep_types.first().copied().unwrap_or_default();
        let alias = self.text("hep_alias")?.filter(|alias| !alias.trim().is_empty());
        let name =
            alias.unwrap_or_else(|| format!("hep_{first}_{}", profile.as_deref().unwrap_or("default")));
        self.title = format!("{name} (HEP type {first})");
        if let Some(known) = registry().iter().find(|known| known.hep_types.contains(&first)) {
            self.note(&format!("left out: the type is built in, in table {}", known.table.name));
            return Ok(None);
        }
        let retention_days = match self.row.get("retention") {
            None | Some(Value::Null) => None,
            Some(value) => Some(
                number(value)
                    .and_then(|days| u32::try_from(days).ok())
                    .ok_or_else(|| MappingError::new("retention", format!("{value} is no number of days")))?,
            ),
        };
        let field = self.fields()?;
        let correlation_mapping = self.rules()?;
        self.columns()?;
        Ok(Some(Definition {
            doc: Some(name.clone()),
            name,
            hep_types,
            profile,
            retention_days: retention_days.filter(|days| *days > 0),
            correlation_mapping,
            field,
        }))
    }

    fn note(&mut self, text: &str) {
        self.notes.push(format!("{}: {text}", self.title));
    }

    /// One number, as HOMER has it, or several that share a table.
    fn hep_types(&self) -> Result<Vec<u16>, MappingError> {
        let wrong = |value: &Value| {
            MappingError::new("hepid", format!("{value} is no HEP type; types are 1 to {}", u16::MAX))
        };
        let one = |value: &Value| {
            let number = number(value).and_then(|number| u16::try_from(number).ok());
            number.ok_or_else(|| wrong(value))
        };
        match self.row.get("hepid") {
            None => {
                let near = hint("hepid", self.row.keys().map(String::as_str));
                Err(MappingError::new("hepid", format!("the column is missing{near}")))
            }
            Some(Value::Array(values)) => values.iter().map(one).collect(),
            Some(value) => Ok(vec![one(value)?]),
        }
    }

    fn text(&self, column: &str) -> Result<Option<String>, MappingError> {
        match self.row.get(column) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(MappingError::new(column, format!("{other} is no text"))),
        }
    }

    fn list(&self, column: &str) -> Result<Vec<Value>, MappingError> {
        list(self.row, column)
    }

    fn fields(&mut self) -> Result<Vec<FieldDefinition>, MappingError> {
        let mut fields: Vec<FieldDefinition> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        let mut shared: Vec<String> = Vec::new();
        let mut form_keys: BTreeMap<String, usize> = BTreeMap::new();
        for (place, entry) in self.list("fields_mapping")?.iter().enumerate() {
            let at = format!("fields_mapping[{place}]");
            let Value::Object(entry) = entry else {
                return Err(MappingError::new(at, "a field is an object"));
            };
            for key in entry.keys().filter(|key| !["id", "name", "type", "index"].contains(&key.as_str())) {
                *form_keys.entry(key.clone()).or_default() += 1;
            }
            let Some(Value::String(id)) = entry.get("id") else {
                let near = hint("id", entry.keys().map(String::as_str));
                return Err(MappingError::new(
                    format!("{at}.id"),
                    format!("a field needs the text `id`{near}"),
                ));
            };
            if id == CAPTURE_KEY || FORM_FIELDS.contains(&id.as_str()) {
                continue;
            }
            if let Some(column) = common_column(id) {
                shared.push(format!("{id} as {column}"));
                continue;
            }
            if id.starts_with("protocol_header.") {
                self.note(&format!("field {id}: no part of a HEP packet is called so"));
                continue;
            }
            let steps = path::parse(id).map_err(|message| MappingError::new(format!("{at}.id"), message))?;
            let wrong = |message| MappingError::new(format!("{at}.id"), message);
            let mut name = column_name(&name_of(&steps)).map_err(wrong)?;
            if names.contains(&name) {
                self.note(&format!("field {id}: there is a column {name} already"));
                continue;
            }
            if is_common(&name) || name == super::SUMMARY {
                name = format!("data_{name}");
                self.note(&format!("field {id}: called {name}, since every table has a column of that name"));
            }
            names.push(name.clone());
            let is_indexed = !matches!(entry.get("index"), None | Some(Value::Null | Value::Bool(false)))
                && entry.get("index").and_then(Value::as_str) != Some("none");
            fields.push(FieldDefinition {
                path: id.clone(),
                name: Some(name),
                kind: Some(kind(entry, &at)?.to_owned()),
                unit: None,
                indexed: is_indexed,
                facet: false,
                private: false,
                doc: entry.get("name").and_then(Value::as_str).map(str::to_owned),
            });
        }
        if !shared.is_empty() {
            self.note(&format!("fields that every table has: {}", shared.join(", ")));
        }
        let (form, other): (Vec<String>, Vec<String>) =
            form_keys.into_keys().partition(|key| FORM_KEYS.contains(&key.as_str()));
        if !form.is_empty() {
            self.note(&format!("fields_mapping: {} are for HOMER's search form", form.join(", ")));
        }
        if !other.is_empty() {
            self.note(&format!("fields_mapping: {} mean nothing here", other.join(", ")));
        }
        Ok(fields)
    }

    fn rules(&mut self) -> Result<Vec<Correlation>, MappingError> {
        let mut rules = Vec::new();
        for (place, entry) in self.list("correlation_mapping")?.iter().enumerate() {
            let at = format!("correlation_mapping[{place}]");
            let Value::Object(entry) = entry else {
                return Err(MappingError::new(at, "a rule is an object"));
            };
            if let Some(program) = RULE_PROGRAMS.iter().find(|key| entry.contains_key(**key)) {
                self.note(&format!("{at}: left out, since {program} is a program"));
                continue;
            }
            let missing = |key: &str| {
                let near = hint(key, entry.keys().map(String::as_str));
                MappingError::new(format!("{at}.{key}"), format!("a rule needs it{near}"))
            };
            let text = |key: &str| entry.get(key).and_then(Value::as_str).ok_or_else(|| missing(key));
            let lookup_id = entry.get("lookup_id").ok_or_else(|| missing("lookup_id"))?;
            let wrong_id =
                || MappingError::new(format!("{at}.lookup_id"), format!("{lookup_id} is no HEP type"));
            let lookup_id = number(lookup_id).and_then(|id| u16::try_from(id).ok()).ok_or_else(wrong_id)?;
            if lookup_id == 0 {
                self.note(&format!("{at}: left out, since it asks other programs (lookup_id 0)"));
                continue;
            }
            let rule = Correlation {
                source_field: text("source_field")?.to_owned(),
                lookup_id,
                lookup_profile: entry.get("lookup_profile").and_then(Value::as_str).map(str::to_owned),
                lookup_field: text("lookup_field")?.to_owned(),
                lookup_range: range(entry, &at)?,
            };
            let target = registry().iter().find(|known| known.hep_types.contains(&lookup_id));
            if let Some(known) = target.filter(|known| column_of(&rule.lookup_field, known.table).is_none()) {
                let field = &rule.lookup_field;
                self.note(&format!("{at}: left out, since table {} has no field {field}", known.table.name));
                continue;
            }
            for key in entry.keys().filter(|key| !RULE_KEYS.contains(&key.as_str())) {
                self.note(&format!("{at}: {key} is not taken over"));
            }
            rules.push(rule);
        }
        Ok(rules)
    }

    /// Tells about the columns that nothing was made of; a column HOMER does not have is a slip of the finger.
    fn columns(&mut self) -> Result<(), MappingError> {
        let row = self.row;
        for (column, value) in row {
            let name = column.as_str();
            if COLUMNS.contains(&name) || COLUMNS_OF_HOMER.contains(&name) {
                continue;
            }
            match COLUMNS_LEFT_OUT.iter().find(|(known, _)| *known == name) {
                Some((_, reason)) if !is_empty(value) => self.note(&format!("{name}: left out, {reason}")),
                Some(_) => {}
                None => {
                    let known = COLUMNS.iter().chain(COLUMNS_OF_HOMER).copied();
                    let near = hint(name, known.chain(COLUMNS_LEFT_OUT.iter().map(|(known, _)| *known)));
                    let message = format!("mapping_schema has no such column{near}");
                    return Err(MappingError::new(name, message));
                }
            }
        }
        Ok(())
    }
}

/// The list in a column, which may be the text of one. An empty object is how HOMER writes none.
pub(super) fn list(row: &Map<String, Value>, column: &str) -> Result<Vec<Value>, MappingError> {
    let read;
    let value = match row.get(column) {
        Some(Value::String(text)) if text.trim().is_empty() => &Value::Null,
        Some(Value::String(text)) => {
            read = serde_json::from_str(text)
                .map_err(|error| MappingError::new(column, format!("the text is no JSON: {error}")))?;
            &read
        }
        Some(value) => value,
        None => &Value::Null,
    };
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Object(none) if none.is_empty() => Ok(Vec::new()),
        Value::Object(_) => Ok(vec![value.clone()]),
        Value::Array(items) => Ok(items.clone()),
        other => Err(MappingError::new(column, format!("{other} is no list"))),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => matches!(text.trim(), "" | "{}" | "[]"),
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// A whole number, also one written as text.
pub(super) fn number(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_i64(),
    }
}

fn kind(entry: &Map<String, Value>, at: &str) -> Result<&'static str, MappingError> {
    const TYPES: &[(&str, &str)] = &[
        ("string", "text"),
        ("text", "text"),
        ("integer", "int"),
        ("int", "int"),
        ("bigint", "int"),
        ("number", "float"),
        ("float", "float"),
        ("double", "float"),
        ("boolean", "bool"),
        ("bool", "bool"),
        ("date", "time"),
        ("timestamp", "time"),
        ("ip", "ip"),
    ];
    let at = format!("{at}.type");
    match entry.get("type") {
        None | Some(Value::Null) => Ok("text"),
        Some(Value::String(written)) => {
            let found = TYPES.iter().find(|(name, _)| written.eq_ignore_ascii_case(name));
            found.map(|(_, kind)| *kind).ok_or_else(|| {
                let near = hint(written, TYPES.iter().map(|(name, _)| *name));
                MappingError::new(at, format!("{written:?} is no type of a field{near}"))
            })
        }
        Some(other) => Err(MappingError::new(at, format!("{other} is no type of a field"))),
    }
}

fn range(entry: &Map<String, Value>, at: &str) -> Result<[i64; 2], MappingError> {
    let Some(written) = entry.get("lookup_range") else { return Ok(default_range()) };
    let ends: Option<Vec<i64>> = written.as_array().and_then(|ends| ends.iter().map(number).collect());
    match ends.as_deref() {
        Some([before, after]) => Ok([*before, *after]),
        _ => {
            let message = format!("{written} is no range; write [-300, 200], in seconds");
            Err(MappingError::new(format!("{at}.lookup_range"), message))
        }
    }
}
