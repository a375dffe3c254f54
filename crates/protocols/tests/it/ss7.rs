//! ISUP and MAP as JSON, and what carries them over SCTP.

use hep::Outgoing;
use model::Record;

use crate::{extra, integer, outgoing, sent, text};

fn isup<T>(payload: &str, look: impl FnOnce(&Record<'_>) -> T) -> T {
    sent(&outgoing(54, payload.as_bytes()), look)
}

#[test]
fn both_directions_of_a_circuit_are_one_call() {
    for (opc, dpc, expected) in [
        ("2001", "1001", "1001:2001:21"),
        ("1001", "2001", "1001:2001:21"),
        // As numbers 9 is less than 10, as text it is more.
        ("\"9\"", "10", "9:10:21"),
        ("10", "9", "9:10:21"),
        ("\"2-30-1\"", "\"2-30-7\"", "2-30-1:2-30-7:21"),
        ("\"2-30-7\"", "\"2-30-1\"", "2-30-1:2-30-7:21"),
    ] {
        isup(&format!(r#"{{"msg_name":"IAM","opc":{opc},"dpc":{dpc},"cic":21}}"#), |record| {
            assert_eq!(text(record, "call_id").as_deref(), Some(expected));
            assert!(record.common.flags.is_empty());
        });
    }
    let unrouted = Outgoing { correlation_id: Some(b"1:2:3"), ..outgoing(54, br#"{"msg_name":"IAM"}"#) };
    sent(&unrouted, |record| assert_eq!(text(record, "call_id").as_deref(), Some("1:2:3")));
}

/// Case 22 of the list of what must be survived: point codes and circuits as text, and, from hepgen.js, as letters
/// without quotes.
#[test]
fn case_22_point_codes_of_any_letters() {
    let payload = r#"{"cic":k3f9,"msg_type":6,"msg_name":"ACM","opc":x71ab,"dpc":b2}"#;
    isup(payload, |record| {
        assert_eq!(text(record, "opc").as_deref(), Some("x71ab"));
        assert_eq!(text(record, "dpc").as_deref(), Some("b2"));
        assert_eq!(text(record, "cic").as_deref(), Some("k3f9"));
        assert_eq!(text(record, "call_id").as_deref(), Some("b2:x71ab:k3f9"));
        assert_eq!(record.common.flags, ["bad_json"]);
        assert_eq!(record.raw, payload.as_bytes());
    });
    isup(r#"{"cic":"7","opc":"a","dpc":null}"#, |record| {
        assert_eq!(text(record, "opc").as_deref(), Some("a"));
        assert_eq!(record.common.call_id, None);
    });
}

#[test]
fn numbers_and_causes_of_captagent() {
    let payload = r#"{"cic":5,"msg_type":12,"called_number":{"inn":1,"num":"4930"},"calling_number":{"num":"4420"},"cause":{"itu_cause_num":17,"itu_cause_name":"User busy"},"opc":1,"dpc":2,"hop_counter":3}"#;
    isup(payload, |record| {
        assert_eq!(text(record, "method").as_deref(), Some("REL"));
        assert_eq!(text(record, "to_user").as_deref(), Some("4930"));
        assert_eq!(text(record, "from_user").as_deref(), Some("4420"));
        assert_eq!(integer(record, "cause"), Some(17));
        assert_eq!(text(record, "text").as_deref(), Some("ISUP REL circuit 5: User busy"));
        assert_eq!(extra(record)["fields"]["hop_counter"], 3);
    });
    sent(&outgoing(57, br#"{"operation":"updateLocation","imsi":"262011234567890"}"#), |record| {
        assert_eq!(text(record, "protocol").as_deref(), Some("map"));
        assert_eq!(text(record, "imsi").as_deref(), Some("262011234567890"));
        assert_eq!(text(record, "text").as_deref(), Some("MAP updateLocation"));
    });
}

/// Header, then routing context and protocol data as RFC 4666 3.3.1 draws them.
const M3UA_IAM: &[u8] = &[
    1, 0, 1, 1, 0, 0, 0, 36, 0, 6, 0, 8, 0, 0, 0, 1, 2, 16, 0, 20, 0, 0, 7, 0xd1, 0, 0, 3, 0xe9, 5, 2, 0, 5,
    21, 0xf0, 1, 0,
];

#[test]
fn m3ua_carries_isup() {
    sent(&outgoing(9, M3UA_IAM), |record| {
        assert_eq!(text(record, "protocol").as_deref(), Some("m3ua"));
        assert_eq!(text(record, "message_class").as_deref(), Some("TRANSFER"));
        assert_eq!(text(record, "method").as_deref(), Some("IAM"));
        assert_eq!(text(record, "call_id").as_deref(), Some("1001:2001:21"));
        assert_eq!(text(record, "text").as_deref(), Some("M3UA TRANSFER DATA: ISUP IAM circuit 21"));
    });
    // Cut anywhere it is a record, and the same until the route is gone.
    for length in 0..M3UA_IAM.len() {
        sent(&outgoing(9, &M3UA_IAM[..length]), |record| {
            let flags: &[&str] = match length {
                0 => &["empty_payload"],
                1..8 => &["unreadable"],
                _ => &[],
            };
            assert_eq!(record.common.flags, flags, "{length}");
            assert_eq!(text(record, "protocol").as_deref(), Some("m3ua"));
        });
    }
}

#[test]
fn messages_of_the_layers_are_named() {
    for (hep_type, class, kind, expected) in [
        (9, 3, 1, "M3UA ASPSM ASPUP"),
        (9, 2, 4, "M3UA SSNM SCON"),
        (8, 6, 2, "M2UA MAUP ESTABLISH REQUEST"),
        (13, 11, 2, "M2PA M2PA LINK STATUS"),
        (9, 77, 88, "M3UA 77 88"),
    ] {
        sent(&outgoing(hep_type, &[1, 0, class, kind, 0, 0, 0, 8]), |record| {
            assert_eq!(text(record, "text").as_deref(), Some(expected));
            assert!(record.common.flags.is_empty());
        });
    }
    // A parameter of length zero may not be walked for ever.
    sent(&outgoing(9, &[1, 0, 1, 1, 0, 0, 0, 12, 0, 6, 0, 0]), |record| {
        assert_eq!(text(record, "method").as_deref(), Some("DATA"));
    });
}

#[test]
fn diameter_headers_of_captagent_lack_their_braces() {
    let payload = r#""diameter_info": {"class":"3GPP","type":"Answer","command":"UA","app-ID":16777216}"#;
    sent(&outgoing(56, payload.as_bytes()), |record| {
        assert_eq!(text(record, "kind").as_deref(), Some("answer"));
        assert_eq!(text(record, "method").as_deref(), Some("UA"));
        assert_eq!(text(record, "application").as_deref(), Some("Cx"));
        assert_eq!(text(record, "text").as_deref(), Some("Diameter UA answer Cx"));
        assert_eq!(record.common.flags, ["bad_json"]);
    });
    let whole =
        r#"{"diameter_info":{"command_code":272,"request":true,"application_id":4,"Session-Id":"a;1;2"}}"#;
    sent(&outgoing(56, whole.as_bytes()), |record| {
        assert_eq!(text(record, "text").as_deref(), Some("Diameter CC request Credit Control"));
        assert_eq!(text(record, "session_id").as_deref(), Some("a;1;2"));
        assert!(record.common.flags.is_empty());
    });
}
