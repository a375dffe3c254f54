//! Call records: JSON under any names, and lines of separated values.

use model::{Micros, Record, Value};
use protocols::cdr_csv::{Columns, CsvError, records};

use crate::{integer, outgoing, sent, text};

fn cdr<T>(payload: &str, look: impl FnOnce(&Record<'_>) -> T) -> T {
    sent(&outgoing(60, payload.as_bytes()), look)
}

#[test]
fn one_call_under_the_names_of_many_senders() {
    let forms = [
        r#"{"calldate":"2026-11-21 04:58:00","src_user":"alice","dst_user":"bob","duration":45,"billsec":42,"sip_call_id":"c@d","disposition":"ANSWERED"}"#,
        r#"{"created":1795237080,"caller":"sip:alice@a.example","callee":"\"Bob\" <sip:bob@b.example;x=1>","ms_duration":45000,"billmsec":"42000","callid":"c@d","sip_reason":"ANSWERED"}"#,
        r#"{"variables":{"start_epoch":"1795237080","answer_epoch":"1795237083","end_epoch":"1795237125","caller_id_number":"alice","destination_number":"bob","sip_call_id":"c@d","hangup_cause":"ANSWERED"}}"#,
        r#"{"startTime":"2026-11-21T04:58:00Z","from":"alice","to":"bob","Duration":"00:00:45","billSeconds":"42","Call-ID":"c@d","Call_ID":"c@d","CALLID":"c@d","Disposition":"ANSWERED"}"#,
    ];
    for payload in forms {
        for hep_type in [60, 81] {
            sent(&outgoing(hep_type, payload.as_bytes()), |record| {
                assert_eq!(record.table.name, "cdr");
                assert_eq!(text(record, "from_user").as_deref(), Some("alice"), "{payload}");
                assert_eq!(text(record, "to_user").as_deref(), Some("bob"), "{payload}");
                assert_eq!(
                    integer(record, "start_time").map(Micros).map(Micros::seconds),
                    Some(1_795_237_080)
                );
                assert_eq!(record.value("duration"), Value::Float(45.0), "{payload}");
                assert_eq!(record.value("billsec"), Value::Float(42.0), "{payload}");
                assert_eq!(text(record, "call_id").as_deref(), Some("c@d"), "{payload}");
                assert_eq!(text(record, "text").as_deref(), Some("CDR ANSWERED, 42 s"), "{payload}");
            });
        }
    }
}

#[test]
fn impossible_values_are_left_out() {
    let payload = r#"{"duration":-5,"billsec":"NaN","status":7,"cause":900,"start":"yesterday","end":"2026-11-21 05:00:00","caller":" ","dst":null}"#;
    cdr(payload, |record| {
        for column in
            ["duration", "billsec", "status", "cause", "start_time", "from_user", "to_user", "call_id"]
        {
            assert_eq!(record.value(column), Value::Null, "{column}");
        }
        assert!(record.common.flags.is_empty());
    });
}

/// The line that the mapping of HOMER's documentation makes of a call.
const MASTER: &str = r#""""Alice"" <1001>","1001","9664","from-internal","PJSIP/alice-00000012","PJSIP/trunk-00000013","Dial","PJSIP/9664@trunk,30","2026-11-21 04:58:00","2026-11-21 04:58:03","2026-11-21 04:58:45","45","42","ANSWERED","DOCUMENTATION","","1795237080.18","",18,call-3@example.com,"ssrc=1;lp=0""#;

/// As it stands in that documentation.
const MAPPING: &str = "Master.csv => ${CSV_QUOTE(${CDR(clid)})},${CSV_QUOTE(${CDR(src)})},${CSV_QUOTE(${CDR(dst)})},${CSV_QUOTE(${CDR(dcontext)})},${CSV_QUOTE(${CDR(channel)})},${CSV_QUOTE(${CDR(dstchannel)})},${CSV_QUOTE(${CDR(lastapp)})},${CSV_QUOTE(${CDR(lastdata)})},${CSV_QUOTE(${CDR(start)})},${CSV_QUOTE(${CDR(answer)})},${CSV_QUOTE(${CDR(end)})},${CSV_QUOTE(${CDR(duration)})},${CSV_QUOTE(${CDR(billsec)})},${CSV_QUOTE(${CDR(disposition)})},${CSV_QUOTE(${CDR(amaflags)})},${CSV_QUOTE(${CDR(accountcode)})},${CSV_QUOTE(${CDR(uniqueid)})},${CSV_QUOTE(${CDR(userfield)})},${CDR(sequence)},${CDR(callid)},${CDR(rtcpinfo)}";

#[test]
fn lines_of_asterisk_become_records_and_fit_the_documented_mapping() {
    assert_eq!(Columns::parse(MAPPING), Ok(Columns::asterisk()));
    let line = Columns::asterisk().with_offset_seconds(3_600).read(MASTER).expect("a line");
    assert_eq!(line.call_id.as_deref(), Some("call-3@example.com"));
    assert_eq!(line.time.map(|time| time.to_string()).as_deref(), Some("2026-11-21T03:58:45.000000Z"));
    assert_eq!(line.fields, 21);
    cdr(&line.payload, |record| {
        assert_eq!(integer(record, "answer_time"), Some((1_795_237_083 - 3_600) * Micros::SECOND));
        assert_eq!(text(record, "caller_name").as_deref(), Some("Alice"));
        assert_eq!(text(record, "unique_id").as_deref(), Some("1795237080.18"));
        assert_eq!(text(record, "destination_channel").as_deref(), Some("PJSIP/trunk-00000013"));
        assert_eq!(text(record, "call_id").as_deref(), Some("call-3@example.com"));
    });
    // The line itself under the type of call records.
    cdr(MASTER, |record| {
        assert_eq!(text(record, "from_user").as_deref(), Some("1001"));
        assert_eq!(text(record, "to_user").as_deref(), Some("9664"));
        assert_eq!(record.value("billsec"), Value::Float(42.0));
        assert_eq!(text(record, "call_id").as_deref(), Some("call-3@example.com"));
        assert_eq!(record.raw, MASTER.as_bytes());
        assert!(record.common.flags.is_empty());
    });
    cdr("a,b", |record| assert_eq!(record.common.flags, ["not_json"]));
}

#[test]
fn columns_are_the_administrators_choice() {
    let columns = Columns::parse("callid,,src,dst,billsec").expect("a mapping");
    let line = columns.read("c@d,left out,\"a,b\",\"say \"\"hi\"\"\",7,beyond\r\n").expect("a line");
    assert_eq!(line.payload, r#"{"callid":"c@d","src":"a,b","dst":"say \"hi\"","billsec":"7"}"#);
    assert_eq!((line.call_id.as_deref(), line.time, line.fields), (Some("c@d"), None, 6));
    assert_eq!(columns.read("c@d").map(|line| line.payload), Ok(r#"{"callid":"c@d"}"#.to_owned()));

    assert_eq!(Columns::parse(" , ,"), Err(CsvError::NoColumns(" , ,".to_owned())));
    assert_eq!(Columns::parse(&"a,".repeat(300)), Err(CsvError::TooManyColumns(301)));
    assert_eq!(columns.read(" \r\n"), Err(CsvError::Empty));
    assert_eq!(columns.read(",,,"), Err(CsvError::Empty));
    assert_eq!(columns.read("\"open"), Err(CsvError::OpenQuote));
    assert_eq!(columns.read(&",".repeat(70_000)), Err(CsvError::TooManyColumns(257)));
    assert_eq!(CsvError::NoColumns("x".to_owned()).to_string(), "the mapping names no column: \"x\"");
}

#[test]
fn a_record_may_go_over_several_lines() {
    let text = "a,b\r\n\n\"two\nlines\",c\nlast";
    assert_eq!(records(text).collect::<Vec<_>>(), ["a,b", "\"two\nlines\",c", "last"]);
    assert_eq!(records("\"never ends\nx").collect::<Vec<_>>(), ["\"never ends\nx"]);
    assert_eq!(records("").count(), 0);
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[a,\"\\n é-]{0,60}", mapping in "[a-c,${}()= >]{0,40}") {
        let Ok(columns) = Columns::parse(&mapping) else { return Ok(()) };
        for record in records(&text) {
            if let Ok(line) = columns.read(record) {
                let object: serde_json::Value = serde_json::from_str(&line.payload).expect("JSON");
                proptest::prop_assert!(object.is_object());
            }
        }
    }
}
