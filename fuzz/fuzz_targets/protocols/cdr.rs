//! Call records in lines of CSV: the first line says which columns there are.

use protocols::cdr_csv::{Columns, records};

pub(crate) fn fuzz(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (mapping, file) = text.split_once('\n').unwrap_or(("", text));
    let columns = match Columns::parse(mapping) {
        Ok(columns) => columns,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            Columns::asterisk()
        }
    };
    let mut records_bytes = 0;
    for record in records(file) {
        records_bytes += record.len();
        let Ok(line) = columns.read(record) else { continue };
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&line.payload).expect("a JSON object");
        assert!(!object.is_empty() && object.len() <= line.fields);
    }
    assert!(records_bytes <= file.len());
}
