//! Documents that define types, in HOMER's form and in ours: what one says can be said in the other.

use protocols::mapping::{Definition, FIELDS_MAX, Mapping, read_homer, read_homer_legs};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Deserialize, Serialize)]
struct Document {
    #[serde(default)]
    r#type: Vec<Definition>,
}

pub(crate) fn fuzz(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match read_homer(text) {
        Ok(imported) => {
            let document = Document { r#type: imported.definitions };
            let toml = toml::to_string(&document).expect("a document");
            assert_eq!(toml::from_str::<Document>(&toml).expect("what was written"), document);
            check(&document);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    match read_homer_legs(text) {
        Ok(imported) => {
            assert!(imported.headers.iter().all(|header| !header.contains('_') || header.contains('-')))
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(document) = toml::from_str::<Document>(text) {
        check(&document);
    }
}

/// What is taken has a table that can be made.
fn check(document: &Document) {
    for definition in &document.r#type {
        match Mapping::new(definition) {
            Ok(mapping) => {
                let table = mapping.table();
                // One beyond the limit is the line that lists show; correlations make columns too.
                assert!(table.fields.len() <= FIELDS_MAX + 1 + definition.correlation_mapping.len());
                let mut names: Vec<&str> = table.columns().map(|field| field.name).collect();
                names.sort_unstable();
                names.dedup();
                assert_eq!(names.len(), table.columns().count(), "each column once");
                assert_eq!(definition.table_name().as_deref(), Some(table.name));
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}
