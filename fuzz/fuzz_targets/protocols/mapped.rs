//! Payloads of a type that a document defines.

use std::sync::LazyLock;

use hep::Outgoing;
use protocols::mapping::{Mapping, read_homer};
use protocols::{Corrections, Protocols};

use crate::{SECONDS, arrival};

const DOCUMENT: &str = r#"{"hepid": 3000, "hep_alias": "records",
    "fields_mapping": [{"id": "a", "type": "integer"}, {"id": "a.b[0]", "type": "float"}, {"id": "t", "type": "date"},
        {"id": "ip", "type": "ip"}, {"id": "yes", "type": "boolean"}, {"id": "data_header.c", "type": "string"}],
    "correlation_mapping": [{"source_field": "callid", "lookup_id": 1, "lookup_field": "sid"}]}"#;

static PROTOCOLS: LazyLock<&'static Protocols> = LazyLock::new(|| {
    let definitions = read_homer(DOCUMENT).expect("a document").definitions;
    let mappings = definitions.iter().map(Mapping::new).collect::<Result<_, _>>().expect("mappings");
    Protocols::with(mappings).expect("a registry")
});

pub(crate) fn fuzz(input: &[u8]) {
    let mut frame = Vec::new();
    Outgoing {
        hep_type: 3000,
        payload: input,
        ..Outgoing::new("10.0.0.1:5060".parse().unwrap(), "[2001:db8::2]:5061".parse().unwrap())
    }
    .encode_v3(&mut frame)
    .expect("inputs are short");
    let (packet, _) = hep::decode(&frame, SECONDS).expect("what was encoded");
    let arrival = arrival(Corrections::NONE);
    let record = PROTOCOLS.understand(&packet, &arrival);
    assert_eq!(record.table.name, "records");
    assert_eq!((record.raw, record.values.len()), (input, record.table.fields.len()));
}
