use std::borrow::Cow;

use model::query::matches;
use model::{Common, Micros, Record, Value};

use crate::{NOW, RTCP, SIP, expr};

pub(crate) fn invite() -> Record<'static> {
    let mut values = vec![Value::Null; SIP.fields.len()];
    let mut set = |name: &str, value: Value<'static>| {
        let place =
            SIP.fields.iter().position(|field| field.name == name).expect("a column of the test table");
        values[place] = value;
    };
    set("method", "INVITE".into());
    set("from_user", "+442079460000".into());
    set("to_user", "bob".into());
    set("pdd", 1500.into());
    Record {
        table: &SIP,
        common: common(),
        values,
        extra: Some("{\"x\":\"a y\"}".to_owned()),
        raw: b"INVITE sip:bob SIP/2.0\r\n",
    }
}

pub(crate) fn report() -> Record<'static> {
    let values = vec![Value::Int(7), Value::Float(2.5), Value::Null];
    Record { table: &RTCP, common: common(), values, extra: None, raw: b"{}" }
}

fn common() -> Common<'static> {
    Common {
        id: 1,
        ts: Micros(NOW.0 - Micros::MINUTE),
        received: NOW,
        sender: "192.0.2.1".parse().expect("an address"),
        listener: "udp",
        hep_version: 3,
        hep_type: 1,
        transport: "udp",
        src_ip: "10.1.2.3".parse().ok(),
        src_port: Some(5060),
        dst_ip: "2001:db8::1".parse().ok(),
        dst_port: Some(5080),
        capture_id: Some(2001),
        node: None,
        correlation_id: None,
        call_id: Some(Cow::Borrowed("a@b")),
        size: 24,
        flags: vec!["bad_time"],
    }
}

#[track_caller]
fn check(text: &str, is_invite: bool, is_report: bool) {
    let expr = expr(text);
    assert_eq!(matches(&expr, &invite()), is_invite, "{text} on the INVITE");
    assert_eq!(matches(&expr, &report()), is_report, "{text} on the report");
    // What one table is asked says the same of its records.
    assert_eq!(matches(&expr.for_table(&SIP), &invite()), is_invite, "{text} for the table of the INVITE");
    assert_eq!(matches(&expr.for_table(&RTCP), &report()), is_report, "{text} for the table of the report");
}

#[test]
fn the_meaning_of_each_form() {
    check("", true, true);
    check("method = INVITE", true, false);
    check("method = INVITE or ssrc = 7", true, true);
    check("method != BYE", true, false);
    check("method in (BYE, INVITE)", true, false);
    check("from = \"+44*\"", true, false);
    check("from = \"*0000\"", true, false);
    check("from ~ \"^\\+44\\d+$\"", true, false);
    check("02079460000", true, false);
    check("pdd in 1s..2s", true, false);
    check("pdd > 2s", false, false);
    check("fraction_lost >= 2.5%", false, true);
    check("ts > -2m", true, true);
    check("ts > -30s", false, false);
    check("src = 10.0.0.0/8", true, true);
    check("src = 10.1.2.3:5060", true, true);
    check("dst = [2001:db8::1]:5080", true, true);
    check("dst = 2001:DB8::/32", true, true);
    check("ip = 10.1.2.4", false, false);
    check("\"invite SIP:\"", true, false);
    check("raw ~ \"SIP/2\\.0\"", true, false);
    check("extra ~ \"a.y\"", true, false);
    check("exists extra", true, false);
    check("exists flags", true, true);
    check("flags = bad_time", true, true);
    check("flags != bad_time", false, false);
    check("flags != odd_chunk", true, true);
    check("table = rtcp", false, true);
    check("call_id = a@b", true, true);
}

#[test]
fn missing_fields_compare_false_and_not_turns_it_around() {
    check("status = 200", false, false);
    check("status != 200", false, false);
    check("not status = 200", true, true);
    check("not status != 200", true, true);
    check("node = x or not node = x", true, true);
    check("exists node", false, false);
    check("not method = INVITE", false, true);
    check("from != bob", true, false);
    check("from != \"b*\"", true, false);
}
