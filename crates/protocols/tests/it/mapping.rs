//! Types defined by documents: what they say becomes columns, rules and retention; what they cannot say is refused.

use model::query::{self, Expr};
use model::{Kind, Micros, Record, Unit, Value};
use protocols::Protocols;
use protocols::mapping::{Definition, FIELDS_MAX, Mapping, MappingError, read_homer};
use serde::Deserialize;
use serde_json::json;

use crate::{arrival, encoded, outgoing, text};

/// The slides "How to add a new protocol" insert type 1086 and then send 1087; both are meant.
const SLIDES: &str = r#"{
    "id": 1, "guid": "b4a1", "profile": "calls", "hepid": [1086, 1087], "hep_alias": "Kamailio CDRs",
    "version": 1, "retention": 10, "partition_step": 3600,
    "correlation_mapping": [{ "source_field": "data_header.callid",
        "lookup_id": 1, "lookup_profile": "call", "lookup_field": "sid", "lookup_range": [ -300, 200 ] }]
}"#;

const TOML: &str = r#"
[[type]]
name = "Kamailio CDRs"
hep_types = [1086, 1087]
profile = "calls"
retention_days = 10
correlation_mapping = [
    { source_field = "data_header.callid", lookup_id = 1, lookup_profile = "call", lookup_field = "sid", lookup_range = [-300, 200] },
    { source_field = "gateway.id", lookup_id = 100, lookup_field = "data_header.text" },
]

[[type.field]]
path = "data_header.from_user"
doc = "Who called"
indexed = true
private = true

[[type.field]]
path = "duration"
kind = "int"
unit = "s"

[[type.field]]
path = "rates[0].price"
name = "price"
kind = "float"

[[type.field]]
path = "answered"
kind = "bool"
facet = true

[[type.field]]
path = "start"
kind = "time"

[[type.field]]
path = "peer"
kind = "ip"
"#;

#[derive(Deserialize)]
struct Document {
    r#type: Vec<Definition>,
}

fn definitions(toml: &str) -> Vec<Definition> {
    toml::from_str::<Document>(toml).expect("a document").r#type
}

fn protocols(definitions: &[Definition]) -> Result<&'static Protocols, MappingError> {
    let mappings: Result<Vec<Mapping>, MappingError> = definitions.iter().map(Mapping::new).collect();
    Protocols::with(mappings?)
}

fn from_toml(toml: &str) -> &'static Protocols {
    protocols(&definitions(toml)).unwrap_or_else(|error| panic!("{error}: {toml}"))
}

fn from_homer(document: &str) -> (&'static Protocols, Vec<String>) {
    let imported = read_homer(document).unwrap_or_else(|error| panic!("{error}: {document}"));
    (protocols(&imported.definitions).unwrap_or_else(|error| panic!("{error}")), imported.notes)
}

fn refused(toml: &str) -> String {
    protocols(&definitions(toml)).expect_err("refused").to_string()
}

fn refused_by_homer(document: &serde_json::Value) -> String {
    match read_homer(&document.to_string()) {
        Err(error) => error.to_string(),
        Ok(imported) => protocols(&imported.definitions).expect_err("refused").to_string(),
    }
}

#[track_caller]
fn understood<T>(
    protocols: &Protocols,
    hep_type: u16,
    payload: &[u8],
    look: impl FnOnce(&Record<'_>) -> T,
) -> T {
    let bytes =
        encoded(&hep::Outgoing { correlation_id: Some(b"from-chunk"), ..outgoing(hep_type, payload) });
    let (packet, _) = hep::decode(&bytes, u32::MAX).expect("a packet");
    look(&protocols.understand(&packet, &arrival()))
}

const RECORD: &str = r#"{"callid":"123ABCXYZ","from_user":"gateway","duration":"42","rates":[{"price":0.5}],
    "answered":true,"start":"2020-06-24T05:16:26Z","peer":"::ffff:10.1.1.1","gateway":{"id":"gw-7"},"more":[1,2]}"#;

#[test]
fn the_slides_on_adding_a_protocol_work_as_written() {
    let (protocols, notes) = from_homer(SLIDES);
    assert_eq!(notes, [""; 0]);
    let mapping = protocols.mappings().next().expect("a mapping");
    assert_eq!((mapping.table().name, mapping.table().retention_days), ("kamailio_cdrs", 10));
    assert_eq!(mapping.profile(), Some("calls"));
    let join = &mapping.joins()[0];
    assert_eq!(
        (join.column, join.table, join.table_column, join.seconds),
        ("call_id", "sip", "call_id", [-300, 200])
    );
    for hep_type in [1086, 1087] {
        understood(protocols, hep_type, RECORD.as_bytes(), |record| {
            assert_eq!(record.table.name, "kamailio_cdrs");
            assert_eq!(text(record, "call_id").as_deref(), Some("123ABCXYZ"));
            assert_eq!(record.raw, RECORD.as_bytes());
            assert_eq!(
                text(record, "text").as_deref(),
                Some(
                    "callid=123ABCXYZ from_user=gateway duration=42 start=2020-06-24T05:16:26Z peer=::ffff:10.1.1.1"
                )
            );
        });
    }
    understood(protocols, 1088, RECORD.as_bytes(), |record| assert_eq!(record.table.name, "other"));
}

#[test]
fn a_toml_document_gives_names_kinds_units_and_marks() {
    let protocols = from_toml(TOML);
    let table = protocols.mappings().next().expect("a mapping").table();
    let shown: Vec<_> = table.fields.iter().map(|field| (field.name, field.kind, field.unit)).collect();
    assert_eq!(
        shown,
        [
            ("from_user", Kind::Text, None),
            ("duration", Kind::Int64, Some(Unit::Seconds)),
            ("price", Kind::Float, None),
            ("answered", Kind::Bool, None),
            ("start", Kind::Time, None),
            ("peer", Kind::Ip, None),
            ("gateway_id", Kind::Text, None),
            ("text", Kind::Text, None),
        ]
    );
    let [from_user, .., gateway, _] = table.fields else { panic!("eight fields") };
    assert!(from_user.indexed && from_user.private && from_user.doc == "Who called");
    assert!(gateway.indexed, "a join looks for its values");
    let join = &protocols.mappings().next().expect("a mapping").joins()[1];
    assert_eq!((join.column, join.table, join.table_column), ("gateway_id", "log", "text"));
    understood(protocols, 1087, RECORD.as_bytes(), |record| {
        assert_eq!(record.value("duration"), Value::Int(42));
        assert_eq!(record.value("price"), Value::Float(0.5));
        assert_eq!(record.value("answered"), Value::Bool(true));
        assert_eq!(record.value("start"), Value::Int(1_592_975_786_000_000));
        assert_eq!(text(record, "peer").as_deref(), Some("10.1.1.1"));
        assert_eq!(text(record, "call_id").as_deref(), Some("123ABCXYZ"));
        let line = text(record, "text").expect("a line");
        assert!(line.starts_with("duration=42 price=0.5") && !line.contains("from_user"), "{line}");
        assert!(record.common.flags.is_empty());
    });
    assert_eq!(protocols.hep_types(table), [1086, 1087]);
    assert_eq!(protocols.name(1), "sip");
}

#[test]
fn definitions_are_written_as_they_are_read() {
    for definition in definitions(TOML).into_iter().chain(read_homer(SLIDES).expect("read").definitions) {
        let written = toml::to_string(&definition).expect("written");
        assert_eq!(toml::from_str::<Definition>(&written).expect("read"), definition, "{written}");
    }
}

#[test]
fn payloads_that_do_not_fit_are_kept() {
    let protocols = from_toml(TOML);
    let flags = |payload: &[u8]| {
        understood(protocols, 1087, payload, |record| {
            assert_eq!(record.raw, payload);
            assert_eq!(record.values.len(), record.table.fields.len());
            (record.common.flags.clone(), text(record, "call_id"), text(record, "text"))
        })
    };
    let of_chunk = Some("from-chunk".to_owned());
    assert_eq!(flags(b"START 1 2 3"), (vec!["not_json"], of_chunk.clone(), Some("START 1 2 3".to_owned())));
    assert_eq!(flags(br#"{"duration":"soon"}"#), (vec!["bad_value"], of_chunk.clone(), None));
    assert_eq!(flags(br#"{"callid":"<null>","duration":1"#).0, ["bad_json"]);
    assert_eq!(flags(br#"[{"callid":"x@y"},{"callid":"z"}]"#).1.as_deref(), Some("x@y"));
    assert_eq!(flags(b""), (vec!["empty_payload"], of_chunk, None));
    assert_eq!(flags(b"\xff\xfe").0, ["bad_utf8", "not_json"]);
}

#[test]
fn the_export_of_a_homer_is_taken_over_as_far_as_it_goes() {
    let row = |hepid: i64, profile: &str, alias: &str| {
        json!({
            "id": 3, "guid": "g", "partid": 10, "hepid": hepid, "profile": profile, "hep_alias": alias,
            "retention": 14, "partition_step": 10, "version": 1, "create_date": "2020-01-01T00:00:00Z",
            "create_index": {}, "create_table": "CREATE TABLE test(id integer)", "mapping_settings": null,
            "fields_mapping": [
                {"id": "sid", "type": "string", "index": "secondary", "name": "Session ID", "form_type": "input", "position": 1, "sid_type": true, "hide": false},
                {"id": "protocol_header.srcIp", "name": "Source IP", "type": "string", "index": "none"},
                {"id": "protocol_header.capturePass", "name": "Capture Pass", "type": "string", "index": "none"},
                {"id": "data_header.event", "name": "Event", "type": "string", "index": "wildcard", "form_default": ["a"]},
                {"id": "data_header.session.id", "name": "Session", "type": "integer", "index": "none"},
                {"id": "data_header.node", "name": "Node of the event", "type": "string", "index": "none"},
                {"id": "bare", "name": "As Homer 11 writes it", "type": "number"},
                {"id": "smartinput", "name": "Smart", "type": "string"},
            ],
            "correlation_mapping": [
                {"source_field": "data_header.callid", "lookup_id": 1, "lookup_profile": "call", "lookup_field": "data_header->>'callid'", "lookup_range": [-300, 200], "append_sid": true},
                {"source_field": "data_header.callid", "lookup_id": 1, "lookup_profile": "call", "lookup_field": "sid", "lookup_range": [-300, 200], "input_function_js": "var x"},
                {"source_field": "data_header.x", "lookup_id": 1, "lookup_profile": "call", "lookup_field": "data_header->>'X-CID'"},
                {"source_field": "data_header.callid", "lookup_id": 0, "lookup_type": "pubsub", "lookup_profile": "cdr", "lookup_field": "{}", "lookup_range": [-300, 200]},
                {"source_field": "protocol_header.correlation_id", "lookup_id": 3000, "lookup_profile": "default", "lookup_field": "data_header.event"},
            ],
        })
    };
    let mut as_text = row(3000, "default", "Gateway events");
    for column in ["fields_mapping", "correlation_mapping"] {
        as_text[column] = json!(as_text[column].to_string());
    }
    let export = json!({"count": 3, "data": [row(1, "call", "SIP"), as_text, row(100, "default", "LOG")]});
    let (protocols, notes) = from_homer(&export.to_string());
    let mapping = protocols.mappings().next().expect("a mapping");
    let fields: Vec<_> =
        mapping.table().fields.iter().map(|field| (field.name, field.kind, field.indexed)).collect();
    assert_eq!(
        fields,
        [
            ("event", Kind::Text, true),
            ("session_id", Kind::Int64, false),
            ("data_node", Kind::Text, false),
            ("bare", Kind::Float, false),
            ("text", Kind::Text, false)
        ]
    );
    assert_eq!(mapping.table().retention_days, 14);
    let joins: Vec<_> =
        mapping.joins().iter().map(|join| (join.column, join.table, join.table_column)).collect();
    assert_eq!(joins, [("call_id", "sip", "call_id"), ("correlation_id", "gateway_events", "event")]);
    insta::assert_snapshot!(notes.join("\n"));
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_place_and_the_nearest_name() {
    let with = |more: &str| format!("[[type]]\nname = \"record\"\nhep_types = [3000]\n{more}");
    let field = |more: &str| with(&format!("[[type.field]]\n{more}"));
    for (toml, expected) in [
        (
            field("path = \"a\"\nkind = \"txt\""),
            "field[0].kind: \"txt\" is none of text, int, float, bool, time, ip; did you mean text?",
        ),
        (
            field("path = \"a\"\nkind = \"int\"\nunit = \"byte\""),
            "field[0].unit: \"byte\" is none of s, ms, us, bytes, percent; did you mean bytes?",
        ),
        (field("path = \"a\"\nunit = \"s\""), "field[0].unit: only int and float have a unit"),
        (field("path = \"a..b\""), "field[0].path: \"a..b\" is no path"),
        (field("path = \"call_id\""), "field[0].name: call_id is a column of every table"),
        (
            field("path = \"a\"\n[[type.field]]\npath = \"x.A\"\nname = \"A\""),
            "field[1].name: a is there twice",
        ),
        (field("path = \"a\"\nname = \"1st\""), "field[0].name: \"1st\" makes no name"),
        (field("path = \"text\"\nkind = \"int\""), "field[0].name: text is the line that lists show"),
        (with("retention_days = 0"), "retention_days: 0 days are not between 1 and"),
        (
            with(
                "[[type.correlation_mapping]]\nsource_field = \"a\"\nlookup_id = 1\nlookup_field = \"metod\"",
            ),
            "type[0].correlation_mapping[0].lookup_field: \"metod\" is no field of type 1, which is in table sip; did you mean method?",
        ),
        (
            with(
                "[[type.correlation_mapping]]\nsource_field = \"a\"\nlookup_id = 1\nlookup_field = \"sid\"\nlookup_range = [5, 1]",
            ),
            "correlation_mapping[0].lookup_range: [5, 1] ends before it begins",
        ),
        (with("").replace("record", "SIP"), "type[0].name: the table sip is built in"),
        (with("").replace("record", "messages"), "name: messages is the view over all tables"),
        (with("").replace("record", "??"), "name: \"??\" makes no name"),
        (with("").replace("3000", "100"), "type[0].hep_types: HEP type 100 is built in, in table log"),
        (with("").replace("3000", "0"), "hep_types: 0 stands for packets that name no type"),
        (with("").replace("3000", "7, 7"), "hep_types: 7 is there twice"),
        (with("").replace("3000", ""), "hep_types: no HEP type is named"),
        (with(&with("")), "type[1].name: two types have the table record"),
        (
            with(&with("").replace("record", "cdr2")),
            "type[1].hep_types: HEP type 3000 is defined already, in table record",
        ),
    ] {
        let message = refused(&toml);
        assert!(message.starts_with(expected), "{message}\nfor {toml}");
    }
    for (document, expected) in [
        (json!(7), "document: neither a row of mapping_schema nor a list of rows"),
        (json!([7]), "row: a row is an object of columns"),
        (json!({"hep_id": 7}), "row.hepid: the column is missing; did you mean hep_id?"),
        (json!({"hepid": 70_000}), "row.hepid: 70000 is no HEP type; types are 1 to 65535"),
        (
            json!({"hepid": 3000, "retension": 7}),
            "row.retension: mapping_schema has no such column; did you mean retention?",
        ),
        (json!({"hepid": 3000, "fields_mapping": "[{"}), "row.fields_mapping: the text is no JSON: EOF"),
        (
            json!([{"hepid": 3000}, {"hepid": 3001, "fields_mapping": [{"id": "a", "type": "strng"}]}]),
            "row[1].fields_mapping[0].type: \"strng\" is no type of a field; did you mean string?",
        ),
        (
            json!({"hepid": 3000, "fields_mapping": [{"name": "a"}]}),
            "row.fields_mapping[0].id: a field needs the text `id`",
        ),
        (
            json!({"hepid": 3000, "correlation_mapping": [{"source": "a", "lookup_id": 1, "lookup_field": "sid"}]}),
            "row.correlation_mapping[0].source_field: a rule needs it",
        ),
        (
            json!({"hepid": 3000, "correlation_mapping": [{"source_field": "a", "lookup_id": 1, "lookup_field": "sid", "lookup_range": 5}]}),
            "row.correlation_mapping[0].lookup_range: 5 is no range; write [-300, 200], in seconds",
        ),
    ] {
        let message = refused_by_homer(&document);
        assert!(message.starts_with(expected), "{message}\nfor {document}");
    }
    assert!(read_homer("{\n,").expect_err("refused").to_string().starts_with("line 2, column 1: "));
}

#[test]
fn amounts_are_limited() {
    let fields = |amount: usize| {
        let fields = (0..amount).map(|place| format!("[[type.field]]\npath = \"f{place}\"\n"));
        format!("[[type]]\nname = \"wide\"\nhep_types = [3000]\n{}", fields.collect::<String>())
    };
    assert!(refused(&fields(2_000)).starts_with("field: 2000 are more than the 200 allowed"));
    let protocols = from_toml(&fields(FIELDS_MAX));
    let members: Vec<String> =
        (0..2_000).map(|place| format!("\"f{place}\":\"{}\"", "x".repeat(20))).collect();
    let payload = format!("{{{}}}", members.join(","));
    understood(protocols, 3000, payload.as_bytes(), |record| {
        assert!(payload.len() > 60_000 && record.raw == payload.as_bytes());
        assert!(record.values.iter().all(|value| matches!(value, Value::Text(_))));
    });
    let types = |amount: usize| {
        let types = (0..amount)
            .map(|place| format!("[[type]]\nname = \"t{place}\"\nhep_types = [{}]\n", 2_000 + place));
        types.collect::<String>()
    };
    assert!(refused(&types(65)).starts_with("type: 65 types are more than the 64 allowed"));
    assert_eq!(from_toml(&types(64)).name(2_063), "t63");
}

#[test]
fn names_of_defined_fields_never_change_what_a_query_means() {
    let protocols = from_toml(
        "[[type]]\nname = \"record\"\nhep_types = [3000]\n[[type.field]]\npath = \"status\"\n[[type.field]]\npath = \"callid\"\n[[type.field]]\npath = \"cost\"\nkind = \"float\"\n[[type.field]]\npath = \"from_user\"",
    );
    let catalogue = protocols.catalogue(&[]);
    let built_in = Protocols::built_in().catalogue(&[]);
    let parsed =
        |text: &str| query::parse(text, &catalogue, Micros(0)).unwrap_or_else(|error| panic!("{error}")).expr;
    for text in ["status = 200", "callid = abc", "486", "+4930123456", "from = alice"] {
        assert_eq!(
            Ok(parsed(text)),
            query::parse(text, &built_in, Micros(0)).map(|query| query.expr),
            "{text}"
        );
    }
    let payload = br#"{"status":"ANSWERED","callid":"abc","cost":1.5,"from_user":"alice"}"#;
    understood(protocols, 3000, payload, |record| {
        let found = |text: &str| query::matches(&parsed(text), record);
        for text in [
            "record.status = ANSWERED",
            "record.callid = abc",
            "cost > 1",
            "from_user = alice",
            "table = record",
        ] {
            assert!(found(text), "{text}");
        }
        assert!(!found("status = 200") && !found("callid = abc") && !found("status != 200"));
        assert_eq!(parsed("status = 200").for_table(record.table), Expr::Never);
    });
}
