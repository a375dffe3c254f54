//! HOMER's `correlation_mapping` of SIP as rules that join legs. What HOMER says by one query after another is said here by
//! naming the header: a leg belongs to another if the header holds its Call-ID, or the same value in both.

use serde_json::{Map, Value};

use super::error::MappingError;
use super::homer::{RULE_PROGRAMS, document, list, number, plain, rows};
use super::{common_column, homer::SIP_COLUMNS};
use crate::registry;

/// What a document of HOMER says about legs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportedLegs {
    /// Headers that name a call across legs.
    pub headers: Vec<String>,
    /// What is not a rule here, and why: one line each.
    pub notes: Vec<String>,
}

/// The type of SIP (HEP's number is known in its file).
fn is_sip(hep_type: Option<i64>) -> bool {
    let sip = registry().iter().find(|known| known.table.name == "sip");
    let number = hep_type.and_then(|number| u16::try_from(number).ok());
    sip.zip(number).is_some_and(|(sip, number)| sip.hep_types.contains(&number))
}

/// What a field of a rule is to a call.
enum Meaning {
    CallId,
    Correlation,
    Header(String),
    /// A column that names no call: a number, an address.
    Other(String),
}

/// Reads the rules of SIP in a document: one row of `mapping_schema`, a list of rows, or what HOMER's API answers.
/// Fails if it is none.
pub fn read_homer_legs(text: &str) -> Result<ImportedLegs, MappingError> {
    let document = document(text)?;
    let mut imported = ImportedLegs::default();
    for (place, row) in rows(&document)?.iter().enumerate() {
        let Value::Object(row) = row else {
            return Err(MappingError::new(format!("row[{place}]"), "a row is an object of columns"));
        };
        if !is_sip(row.get("hepid").and_then(number)) {
            continue;
        }
        let profile = row.get("profile").and_then(Value::as_str).unwrap_or("default");
        for (place, rule) in list(row, "correlation_mapping")?.iter().enumerate() {
            let at = format!("{profile}.correlation_mapping[{place}]");
            let Value::Object(rule) = rule else {
                return Err(MappingError::new(at, "a rule is an object"));
            };
            imported.take(&at, rule);
        }
    }
    Ok(imported)
}

impl ImportedLegs {
    fn take(&mut self, at: &str, rule: &Map<String, Value>) {
        let text = |key: &str| rule.get(key).and_then(Value::as_str).unwrap_or_default();
        let (source, lookup) = (text("source_field"), text("lookup_field"));
        let name = format!("{at} ({source} -> {lookup})");
        if let Some(program) = RULE_PROGRAMS.iter().find(|key| rule.contains_key(**key)) {
            let endings = "; endings of Call-IDs are joined by calls.call_id_suffixes";
            self.notes.push(format!("{name}: not imported, since {program} is a program{endings}"));
            return;
        }
        if !is_sip(rule.get("lookup_id").and_then(number)) {
            self.notes.push(format!("{name}: not imported, since it joins other records than legs"));
            return;
        }
        match (meaning(source), meaning(lookup)) {
            (Meaning::Header(one), Meaning::Header(other)) => {
                self.header(one);
                self.header(other);
            }
            (Meaning::Header(header), Meaning::CallId | Meaning::Correlation)
            | (Meaning::CallId | Meaning::Correlation, Meaning::Header(header)) => self.header(header),
            (Meaning::Other(column), _) | (_, Meaning::Other(column)) => {
                self.notes.push(format!("{name}: not imported, since {column} names no call"));
            }
            _ => {
                self.notes.push(format!("{name}: not needed, Call-IDs and correlation ids join as they are"));
            }
        }
    }

    fn header(&mut self, name: String) {
        if !self.headers.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            self.headers.push(name);
        }
    }
}

fn meaning(field: &str) -> Meaning {
    let plain = plain(field).replace("data_header ", "data_header.");
    let name = plain.strip_prefix("data_header.").unwrap_or(&plain);
    let own = SIP_COLUMNS.iter().find(|(theirs, _)| *theirs == name).map_or(name, |(_, ours)| *ours);
    match common_column(&plain).unwrap_or(own) {
        "call_id" => Meaning::CallId,
        "correlation_id" => Meaning::Correlation,
        column if is_column(column) => Meaning::Other(column.to_owned()),
        // HOMER's columns of headers may have no hyphens.
        header if header.contains('-') => Meaning::Header(header.to_owned()),
        header => Meaning::Header(header.replace('_', "-")),
    }
}

fn is_column(name: &str) -> bool {
    let sip = registry().iter().find(|known| known.table.name == "sip");
    // Session-ID is a header that names calls, though it has a column.
    name != "session_id" && sip.is_some_and(|sip| sip.table.columns().any(|field| field.name == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HOMER's own rules of calls, and those that people add for B2BUAs.
    const RULES: &str = r#"{"data": [
        {"hepid": 1, "profile": "call", "correlation_mapping": [
            {"source_field": "data_header.callid", "lookup_id": 100, "lookup_profile": "default", "lookup_field": "sid",
             "lookup_range": [-300, 200]},
            {"source_field": "protocol_header.correlation_id", "lookup_id": 1, "lookup_field": "sid"},
            {"source_field": "data_header.X-CID", "lookup_id": 1, "lookup_profile": "call", "lookup_field": "sid"},
            {"source_field": "data_header.callid", "lookup_id": 1, "lookup_field": "data_header->>'x_call_id'"},
            {"source_field": "data_header.from_user", "lookup_id": 1, "lookup_field": "data_header.from_user"},
            {"source_field": "data_header.callid", "lookup_id": 1, "lookup_field": "data_header.callid",
             "input_function_js": "var r=[]; for (x in data) r.push(x + '_b2b-1'); r"}]},
        {"hepid": 100, "profile": "default", "correlation_mapping": "[]"},
        {"hepid": 1, "profile": "registration", "correlation_mapping":
            "[{\"source_field\": \"data_header.X-CID\", \"lookup_id\": 1, \"lookup_field\": \"sid\"}]"}]}"#;

    #[test]
    fn headers_are_taken_and_the_rest_is_named() {
        let imported = read_homer_legs(RULES).expect("a mapping");
        assert_eq!(imported.headers, ["X-CID", "x-call-id"]);
        let notes = imported.notes.join("\n");
        assert_eq!(imported.notes.len(), 4, "{notes}");
        for part in [
            "call.correlation_mapping[0] (data_header.callid -> sid): not imported, since it joins other records",
            "call.correlation_mapping[1] (protocol_header.correlation_id -> sid): not needed",
            "call.correlation_mapping[4] (data_header.from_user -> data_header.from_user): not imported, since from_user",
            "call.correlation_mapping[5] (data_header.callid -> data_header.callid): not imported, since input_function_js",
        ] {
            assert!(notes.contains(part), "{part}\n{notes}");
        }
    }

    #[test]
    fn what_is_no_mapping_is_refused() {
        for wrong in ["", "3", "[3]", r#"[{"hepid": 1, "correlation_mapping": [3]}]"#] {
            assert!(read_homer_legs(wrong).is_err(), "{wrong}");
        }
    }
}
