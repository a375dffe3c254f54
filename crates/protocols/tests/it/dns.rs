//! DNS as JSON.

use model::{Record, Value};

use crate::{integer, outgoing, sent, text};

fn dns<T>(payload: &str, look: impl FnOnce(&Record<'_>) -> T) -> T {
    sent(&outgoing(53, payload.as_bytes()), look)
}

#[test]
fn an_answer_says_what_was_asked_and_found() {
    let payload = r#"{"id":7,"qr":true,"aa":true,"tc":false,"rcode":0,
        "questions":[{"name":"_sip._udp.example.com.","type":33,"class":1}],
        "answers":[{"name":"x","type":"SRV","ttl":90,"srv":{"priority":1,"weight":2,"port":5060,"name":"a.example"}},
                   {"name":"y","type":"A","ttl":60,"ip":"198.51.100.7"},{"name":"z","type":"TXT","txts":["a","b"]}]}"#;
    dns(payload, |record| {
        assert_eq!(text(record, "kind").as_deref(), Some("answer"));
        assert_eq!(integer(record, "query_id"), Some(7));
        assert_eq!(text(record, "query_name").as_deref(), Some("_sip._udp.example.com"));
        assert_eq!(text(record, "query_type").as_deref(), Some("SRV"));
        assert_eq!(text(record, "response_code").as_deref(), Some("NOERROR"));
        assert_eq!(record.value("is_authoritative"), Value::Bool(true));
        assert_eq!(integer(record, "ttl"), Some(60));
        let found = ["1 2 5060 a.example", "198.51.100.7", "a b"];
        assert_eq!(
            record.value("answers"),
            Value::TextList(found.iter().map(|text| (*text).into()).collect())
        );
        assert_eq!(
            text(record, "text").as_deref(),
            Some("DNS answer SRV _sip._udp.example.com: 1 2 5060 a.example, 198.51.100.7, a b")
        );
        assert_eq!(record.common.call_id, None);
        assert!(record.common.flags.is_empty());
    });
}

#[test]
fn codes_and_types_come_as_numbers_and_as_names() {
    for (code, expected) in
        [("3", "NXDOMAIN"), ("\"Server Failure\"", "SERVFAIL"), ("\"refused\"", "REFUSED"), ("77", "77")]
    {
        let payload = format!(r#"{{"qr":1,"rcode":{code},"questions":{{"name":"a.b","type":"A"}}}}"#);
        dns(&payload, |record| {
            assert_eq!(text(record, "response_code").as_deref(), Some(expected));
            assert_eq!(text(record, "text"), Some(format!("DNS answer A a.b: {expected}")));
        });
    }
    dns(r#"{"qr":false,"rcode":0,"questions":[{"name":"a.b","type":28}]}"#, |record| {
        assert_eq!(text(record, "text").as_deref(), Some("DNS query AAAA a.b"));
        assert_eq!(text(record, "response_code"), None);
    });
}

#[test]
fn what_is_no_json_is_kept_and_flagged() {
    for (payload, flags) in [("plain", ["not_json"]), ("[1]", ["not_json"]), (r#"{"qr":"#, ["bad_json"])] {
        dns(payload, |record| {
            assert_eq!(record.common.flags, flags, "{payload}");
            assert_eq!(record.raw, payload.as_bytes());
        });
    }
}
