use std::collections::BTreeSet;

use model::{Kind, Micros, query};
use protocols::{Protocols, flags, registry};

use crate::{fixtures, with_record};

#[test]
fn every_protocol_is_complete() {
    let protocols = Protocols::built_in();
    let mut names = BTreeSet::new();
    let mut hep_types = BTreeSet::new();
    for protocol in registry() {
        let name = protocol.name;
        assert!(names.insert(name), "{name} is there twice");
        assert!(protocols.tables().iter().any(|table| std::ptr::eq(*table, protocol.table)), "{name}");
        assert!(protocol.table.retention_days > 0, "{name} keeps nothing");
        for doc in [protocol.doc, protocol.table.doc] {
            assert!(doc.len() > 5 && !doc.ends_with('.'), "{name}: {doc}");
        }
        for hep_type in protocol.hep_types {
            assert!(hep_types.insert(*hep_type), "type {hep_type} has two protocols");
            assert_eq!(protocols.name(*hep_type), name);
        }
        let fixtures = fixtures(name);
        assert!(!fixtures.is_empty(), "no packet in fixtures/{name}");
        for (file, bytes) in fixtures {
            with_record(&bytes, |record| assert_eq!(record.table.name, protocol.table.name, "{file}"));
        }
    }
}

#[test]
fn every_field_is_documented_and_named_as_a_column() {
    for table in Protocols::built_in().tables() {
        let mut names = BTreeSet::new();
        for field in table.columns() {
            let name = field.name;
            assert!(names.insert(name), "{}.{name} is there twice", table.name);
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert!(field.doc.len() > 5 && !field.doc.ends_with('.'), "{}.{name}: {}", table.name, field.doc);
        }
    }
}

#[test]
fn fields_that_share_a_name_share_its_kind() {
    let catalogue = Protocols::built_in().catalogue(&[]);
    for (field, _) in catalogue.fields() {
        let query = format!("exists {}", field.name);
        query::parse(&query, &catalogue, Micros(0)).unwrap_or_else(|error| panic!("{query}: {error}"));
    }
}

#[test]
fn the_last_protocol_takes_what_no_other_does() {
    let last = registry().last().expect("the registry is not empty");
    assert!(last.hep_types.is_empty());
    let known: BTreeSet<u16> = registry().iter().flat_map(|protocol| protocol.hep_types).copied().collect();
    for hep_type in (0..=u16::MAX).filter(|hep_type| !known.contains(hep_type)) {
        assert_eq!(Protocols::built_in().name(hep_type), last.name);
    }
}

#[test]
fn flags_are_distinct_and_documented() {
    let mut names = BTreeSet::new();
    for (name, doc) in flags() {
        assert!(names.insert(name), "{name} is there twice");
        assert!(doc.len() > 10 && !doc.ends_with('.'), "{name}: {doc}");
    }
    assert!(names.contains(&"bad_time") && names.contains(&"bad_json"));
}

#[test]
fn values_take_the_variant_of_their_kind() {
    for protocol in registry() {
        for (file, bytes) in fixtures(protocol.name) {
            with_record(&bytes, |record| {
                assert_eq!(record.values.len(), record.table.fields.len(), "{file}");
                for (field, value) in record.table.fields.iter().zip(&record.values) {
                    let fits = match value {
                        model::Value::Null => true,
                        model::Value::Text(_) => matches!(field.kind, Kind::Text | Kind::Ip | Kind::Json),
                        model::Value::Int(_) => {
                            matches!(field.kind, Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Time)
                        }
                        model::Value::Float(_) => field.kind == Kind::Float,
                        model::Value::Bool(_) => field.kind == Kind::Bool,
                        model::Value::Bytes(_) => field.kind == Kind::Bytes,
                        model::Value::TextList(_) => field.kind == Kind::TextList,
                    };
                    assert!(fits, "{file}: {} is {value:?}", field.name);
                }
            });
        }
    }
}
