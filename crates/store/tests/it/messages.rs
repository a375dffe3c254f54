//! The view that scripts rely on.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Int32Type, TimeUnit};
use model::messages::COLUMNS;

use crate::rows::{Row, config, number, numbers, open, publish, sql, texts};

#[test]
fn has_the_columns_of_the_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(config(folder.path()));
    for (settled, first) in [(false, 1), (true, 3)] {
        let mut silent = Row::rtcp(2, "b");
        silent.src = None;
        silent.call_id = None;
        silent.flags = vec!["bad_time", "odd_chunk"];
        silent.raw = Vec::new();
        publish(&store, first, &[Row::sip(1, "a", "INVITE"), silent]);
        if settled {
            store.settle().expect("settled");
        }
        let batches = sql(&store, "SELECT * FROM messages ORDER BY ts, received");
        let schema = batches[0].schema();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, COLUMNS);
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        for (name, kind) in [
            ("ts", &utc),
            ("received", &utc),
            ("hep_type", &DataType::Int32),
            ("src_port", &DataType::Int32),
            ("capture_id", &DataType::Int64),
            ("raw", &DataType::Binary),
        ] {
            assert_eq!(schema.field_with_name(name).expect(name).data_type(), kind, "{name}");
        }
        let row = &batches[0];
        assert_eq!(row.column_by_name("hep_type").expect("it").as_primitive::<Int32Type>().value(0), 1);
        assert_eq!(row.column_by_name("src_port").expect("it").as_primitive::<Int32Type>().value(0), 5060);
        assert!(row.column_by_name("dst_port").expect("it").is_null(0));
        let last = batches.last().expect("rows");
        let end = last.num_rows() - 1;
        assert!(last.column_by_name("src_ip").expect("it").is_null(end));
        assert!(last.column_by_name("call_id").expect("it").is_null(end));
        let raw = last.column_by_name("raw").expect("it");
        assert!(raw.is_valid(end), "an empty payload is empty, not missing");
        assert!(raw.as_binary::<i32>().value(end).is_empty());
        let flags = last.column_by_name("flags").expect("it").as_list::<i32>().value(end);
        assert_eq!(flags.as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["bad_time", "odd_chunk"]);
    }
    assert_eq!(number(&store, "SELECT count(*) FROM messages"), 4, "one row a packet, of every table");
    let batches = sql(&store, "SELECT dst_ip, sender, capture_id FROM messages LIMIT 1");
    assert_eq!(texts(&batches, "dst_ip"), ["2001:db8::1"]);
    assert_eq!(texts(&batches, "sender"), ["192.0.2.1"]);
    assert_eq!(numbers(&batches, "capture_id"), [2001]);
}
