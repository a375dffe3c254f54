//! SIP inside JSON: as text, and as members.

use model::Record;

use crate::{integer, outgoing, sent, text};

fn sip<T>(payload: &str, look: impl FnOnce(&Record<'_>) -> T) -> T {
    sent(&outgoing(50, payload.as_bytes()), |record| {
        assert_eq!(record.table.name, "sip");
        assert_eq!(record.raw, payload.as_bytes());
        look(record)
    })
}

#[test]
fn a_message_in_a_member_is_read_as_sip() {
    let message = "BYE sip:bob@b.example SIP/2.0\r\nCall-ID: a@b\r\nCSeq: 2 BYE\r\nFrom: <sip:alice@a.example>;tag=1\r\nPrivacy: id\r\n\r\n";
    for member in ["payload", "raw", "sip"] {
        let payload = serde_json::json!({ member: message, "other": 1 }).to_string();
        sip(&payload, |record| {
            assert_eq!(text(record, "method").as_deref(), Some("BYE"));
            assert_eq!(text(record, "ruri_user").as_deref(), Some("bob"));
            assert_eq!(text(record, "from_user").as_deref(), Some("alice"));
            assert_eq!(text(record, "call_id").as_deref(), Some("a@b"));
            assert_eq!(integer(record, "cseq"), Some(2));
            assert!(record.common.flags.is_empty(), "{:?}", record.common.flags);
        });
    }
}

#[test]
fn members_fill_the_columns_they_are_named_for() {
    for payload in [
        r#"{"callid":"a@b","method":"INVITE","cseq":"7 INVITE","from_user":"alice","from_domain":"a.example","ruri_user":"bob","ruri_domain":"b.example","user_agent":"Phone","pid_user":"+4420"}"#,
        r#"{"sip_callid":"a@b","sip_method":"INVITE","sip_cseq":"7 INVITE","sip_from_uri":"sip:alice@a.example","sip_request_uri":"<sip:bob@b.example:5060;x=y>","server":"Phone","sip_pai_user":"+4420"}"#,
    ] {
        sip(payload, |record| {
            for (column, expected) in [
                ("call_id", "a@b"),
                ("method", "INVITE"),
                ("cseq_method", "INVITE"),
                ("from_user", "alice"),
                ("from_host", "a.example"),
                ("ruri_user", "bob"),
                ("ruri_host", "b.example"),
                ("user_agent", "Phone"),
                ("pai_user", "+4420"),
            ] {
                assert_eq!(text(record, column).as_deref(), Some(expected), "{column} of {payload}");
            }
            assert_eq!(integer(record, "cseq"), Some(7));
            assert_eq!(integer(record, "status"), None);
        });
    }
    sip(r#"{"callid":"a@b","status":"486","reason_phrase":"Busy Here","cseq":"x"}"#, |record| {
        assert_eq!(integer(record, "status"), Some(486));
        assert_eq!(integer(record, "cseq"), None);
    });
    sip("no json", |record| assert_eq!(record.common.flags, ["not_json"]));
    sip(r#"{"payload":"no sip","status":7}"#, |record| assert_eq!(integer(record, "status"), None));
}
