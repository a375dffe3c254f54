//! Rows of calls as they change: each counts once, and with what was known at its end.

use calls::kpi::KPI_1M;
use calls::{CALLS, REGISTRATIONS};
use model::{Common, Micros, Record, Table, Value};
use outputs::metrics::Targets;
use store::{Derived, TableBatch};

use crate::page::Counting;

/// A row with these values, all others empty.
fn row(table: &'static Table, id: i64, values: &[(&str, i64)], state: &str) -> Record<'static> {
    let common = Common {
        id,
        ts: Micros(1_790_000_000_000_000),
        received: Micros(1_790_000_000_000_000),
        sender: [192, 0, 2, 1].into(),
        listener: "udp",
        hep_version: 3,
        hep_type: i32::default(),
        transport: "udp",
        src_ip: None,
        src_port: None,
        dst_ip: None,
        dst_port: None,
        capture_id: Some(12),
        node: None,
        correlation_id: None,
        call_id: Some(format!("call-{id}@example.org").into()),
        size: 0,
        flags: Vec::new(),
    };
    let value = |name: &str| {
        if name == "state" {
            return Value::from(state.to_owned());
        }
        values.iter().find(|(own, _)| *own == name).map_or(Value::Null, |(_, value)| Value::Int(*value))
    };
    let values = table.fields.iter().map(|field| value(field.name)).collect();
    Record { table, common, values, extra: None, raw: &[] }
}

fn told(table: &'static Table, ended: &[Record<'_>], open: &[Record<'_>]) -> Derived {
    let batch = |rows: &[Record<'_>]| {
        let mut batch = TableBatch::new(table);
        rows.iter().for_each(|row| batch.push(row));
        (!batch.is_empty()).then(|| batch.finish())
    };
    Derived { table, ended: batch(ended), open: batch(open).into_iter().collect() }
}

const SECOND: i64 = 1_000_000;

#[test]
fn an_answered_call_counts_at_once_and_its_times_at_its_end() {
    let counting = Counting::new(None);
    let answered = [("status", 200), ("answered", 1), ("pdd", 2 * SECOND)];
    let open = row(&CALLS, 7, &answered, "answered");
    let ringing = row(&CALLS, 8, &[("status", 180)], "ringing");
    counting.metrics.told(&[told(&CALLS, &[], &[open, ringing])]);
    // The same again: nothing is new.
    let open = row(&CALLS, 7, &answered, "answered");
    counting.metrics.told(&[told(&CALLS, &[], &[open])]);
    let page = counting.page();
    assert_eq!(page.value("rhapsode_calls_attempted_total"), 1.0, "who rings is not over");
    assert_eq!(page.value("rhapsode_calls_answered_total"), 1.0);
    assert_eq!(page.value(r#"rhapsode_calls_open{state="answered"}"#), 1.0);
    assert_eq!(page.value(r#"rhapsode_calls_open{state="ringing"}"#), 0.0);
    assert_eq!(page.value("rhapsode_call_duration_seconds_count"), 0.0);
    let bucket = r#"rhapsode_call_request_delay_seconds_bucket{outcome="established",le="2.0"} 1 # {call_id="call-7@example.org"} 2 1790000000.000"#;
    assert!(page.0.contains(bucket), "{}", page.0);

    let end: Vec<(&str, i64)> = answered
        .into_iter()
        .chain([
            ("cause", 16),
            ("talk", 8 * SECOND),
            ("disconnect_delay", 20_000),
            ("messages", 9),
            ("retransmissions", 2),
        ])
        .collect();
    let ended = || row(&CALLS, 7, &end, "ended");
    counting.metrics.told(&[told(&CALLS, &[ended()], &[])]);
    // A late message makes its row again.
    counting.metrics.told(&[told(&CALLS, &[ended()], &[])]);
    let page = counting.page();
    for (series, value) in [
        ("rhapsode_calls_attempted_total", 1.0),
        ("rhapsode_calls_answered_total", 1.0),
        ("rhapsode_calls_completed_total", 1.0),
        (r#"rhapsode_calls_released_total{cause="16"}"#, 1.0),
        (r#"rhapsode_call_duration_seconds_bucket{le="10.0"}"#, 1.0),
        (r#"rhapsode_call_duration_seconds_bucket{le="5.0"}"#, 0.0),
        ("rhapsode_call_duration_seconds_sum", 8.0),
        (r#"rhapsode_call_disconnect_delay_seconds_count"#, 1.0),
        ("rhapsode_call_messages_total", 9.0),
        ("rhapsode_call_retransmissions_total", 2.0),
        (r#"rhapsode_calls_open{state="answered"}"#, 0.0),
    ] {
        assert_eq!(page.value(series), value, "{series}");
    }
}

/// By RFC 6076 and ITU-T E.425: answered, busy, not found, no circuit at a gateway (Q.850 34), unavailable, redirected.
#[test]
fn calls_without_an_answer_count_by_why() {
    let counting = Counting::new(None);
    let rows = [
        row(&CALLS, 1, &[("status", 200), ("answered", 1), ("talk", SECOND)], "ended"),
        row(&CALLS, 2, &[("status", 486), ("pdd", SECOND)], "failed"),
        row(&CALLS, 3, &[("status", 404)], "failed"),
        row(&CALLS, 4, &[("status", 486), ("cause", 34)], "failed"),
        row(&CALLS, 5, &[("status", 503)], "failed"),
        row(&CALLS, 6, &[("status", 302)], "redirected"),
        row(&CALLS, 7, &[("status", 487), ("ring", 9 * SECOND)], "cancelled"),
        row(&CALLS, 8, &[], "calling"),
    ];
    counting.metrics.told(&[told(&CALLS, &rows, &[])]);
    let page = counting.page();
    for (series, value) in [
        ("rhapsode_calls_attempted_total", 7.0),
        ("rhapsode_calls_answered_total", 1.0),
        ("rhapsode_calls_redirected_total", 1.0),
        ("rhapsode_calls_effective_total", 3.0),
        ("rhapsode_calls_delivered_total", 3.0),
        ("rhapsode_calls_ineffective_total", 1.0),
        ("rhapsode_calls_abandoned_total", 1.0),
        (r#"rhapsode_calls_failed_total{status="486"}"#, 2.0),
        (r#"rhapsode_calls_failed_total{status="404"}"#, 1.0),
        (r#"rhapsode_calls_failed_total{status="487"}"#, 1.0),
        (r#"rhapsode_calls_released_total{cause="34"}"#, 1.0),
        (r#"rhapsode_call_request_delay_seconds_count{outcome="failed"}"#, 1.0),
    ] {
        assert_eq!(page.value(series), value, "{series}");
    }
    assert_eq!(page.find(r#"rhapsode_calls_failed_total{status="302"}"#), None);
}

#[test]
fn registrations_count_by_outcome() {
    let counting = Counting::new(Some(Targets::default()));
    let rows = [
        row(&REGISTRATIONS, 1, &[("status", 200), ("register_delay", 40_000)], "done"),
        row(&REGISTRATIONS, 2, &[("status", 403)], "failed"),
        row(&REGISTRATIONS, 3, &[("status", 401)], "challenged"),
        row(&REGISTRATIONS, 4, &[], "pending"),
    ];
    // Figures of minutes are made of rows that have been counted.
    let minute = row(&KPI_1M, 5, &[("attempts", 7)], "");
    counting.metrics.told(&[told(&REGISTRATIONS, &rows, &[]), told(&KPI_1M, &[minute], &[])]);
    let page = counting.page();
    for (series, value) in [
        (r#"rhapsode_registrations_total{outcome="succeeded"}"#, 1.0),
        (r#"rhapsode_registrations_total{outcome="failed"}"#, 2.0),
        (r#"rhapsode_registrations_failed_total{status="403"}"#, 1.0),
        (r#"rhapsode_registrations_failed_total{status=""}"#, 1.0),
        (r#"rhapsode_registration_request_delay_seconds_bucket{le="0.05"}"#, 1.0),
        (r#"heplify_kpi_rrd{target_name="",node_id="12"}"#, 40_000_000.0),
    ] {
        assert_eq!(page.value(series), value, "{series}");
    }
}
