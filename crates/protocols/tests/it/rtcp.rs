//! RTCP in its dialects, and broken.

use model::{Micros, Record, Value};
use serde_json::json;

use crate::{extra, integer, outgoing, sent, text};

fn rtcp<T>(payload: &str, look: impl FnOnce(&Record<'_>) -> T) -> T {
    sent(&outgoing(5, payload.as_bytes()), look)
}

#[test]
fn captagent_and_rtpengine_write_ntp_words() {
    let payload = r#"{ "sender_information":{"ntp_timestamp_sec":4004203900,"ntp_timestamp_usec":2147483648,"octets":40000,"rtp_timestamp":67316, "packets":250},"ssrc":2376935370,"type":200,"report_count":1,"report_blocks":[{"source_ssrc":3298516389,"highest_seq_no":28025,"fraction_lost":64,"ia_jitter":10,"packets_lost":16777215,"lsr":1,"dlsr":2}],"sdes_report_count":1,"sdes_information": [ {"sdes_chunk_ssrc":2376935370,"type":1,"text":"sip:bob@example.com"}] }"#;
    rtcp(payload, |record| {
        assert_eq!(integer(record, "report_type"), Some(200));
        assert_eq!(integer(record, "ssrc"), Some(2_376_935_370));
        assert_eq!(
            integer(record, "ntp_time"),
            Some((4_004_203_900 - 2_208_988_800) * Micros::SECOND + 500_000)
        );
        assert_eq!(integer(record, "packets"), Some(250));
        assert_eq!(integer(record, "octets"), Some(40_000));
        assert_eq!(integer(record, "source_ssrc"), Some(3_298_516_389));
        assert_eq!(record.value("fraction_lost"), Value::Float(25.0));
        // One packet more than expected, printed as an unsigned number of 24 bits.
        assert_eq!(integer(record, "packets_lost"), Some(-1));
        assert_eq!(integer(record, "jitter"), Some(10));
        assert_eq!(integer(record, "delay_since_last_sr"), Some(2));
        assert_eq!(text(record, "cname").as_deref(), Some("sip:bob@example.com"));
        assert_eq!(record.extra, None);
        assert!(record.common.flags.is_empty());
    });
}

#[test]
fn asterisk_writes_unix_time_as_text_and_a_wrong_ssrc() {
    let payload = r#"{"ssrc":4004205615,"type":200,"report_count":1,"sender_information":{"ntp_timestamp_sec":"1795216815","ntp_timestamp_usec":"326038","rtp_timestamp":40353,"packets":250,"octets":40000},"report_blocks":[{"source_ssrc":3022263328,"fraction_lost":0,"packets_lost":-3,"highest_seq_no":9342,"ia_jitter":7,"lsr":"77","dlsr":0}]}"#;
    rtcp(payload, |record| {
        assert_eq!(integer(record, "ntp_time"), Some(1_795_216_815_326_038));
        assert_eq!(integer(record, "last_sr"), Some(77));
        assert_eq!(integer(record, "packets_lost"), Some(-3));
        assert_eq!(integer(record, "ssrc"), None);
        assert_eq!(record.common.flags, ["wrong_ssrc"]);
    });
    let payload = r#"{"ssrc":5,"type":201,"report_count":1,"sender_information":null,"report_blocks":[{"source_ssrc":6,"fraction_lost":128,"packets_lost":4294967295}]}"#;
    rtcp(payload, |record| {
        assert_eq!(integer(record, "report_type"), Some(201));
        assert_eq!(integer(record, "ssrc"), Some(5));
        assert_eq!(integer(record, "packets"), None);
        assert_eq!(record.value("fraction_lost"), Value::Float(50.0));
        assert_eq!(integer(record, "packets_lost"), Some(-1));
        assert!(record.common.flags.is_empty());
    });
}

#[test]
fn a_compound_packet_keeps_all_its_reports() {
    let first = r#""ssrc":1,"type":200,"report_blocks":[{"source_ssrc":10,"ia_jitter":3},{"source_ssrc":11,"ia_jitter":4}]"#;
    let second = r#""ssrc":2,"type":201,"report_blocks":[{"source_ssrc":12,"ia_jitter":5}]"#;
    // rtpengine repeats the keys in one object, RTPProxy writes two objects.
    for payload in [format!("{{{first},{second}}}"), format!("{{{first}}}\n{{{second}}}")] {
        rtcp(&payload, |record| {
            assert_eq!(integer(record, "ssrc"), Some(1), "{payload}");
            assert_eq!(integer(record, "jitter"), Some(3));
            assert!(record.common.flags.is_empty(), "{:?}", record.common.flags);
            assert_eq!(
                extra(record)["reports"],
                json!([
                    { "ssrc": 1, "type": 200, "report_blocks": [
                        { "source_ssrc": 10, "ia_jitter": 3 }, { "source_ssrc": 11, "ia_jitter": 4 }] },
                    { "ssrc": 2, "type": 201, "report_blocks": [{ "source_ssrc": 12, "ia_jitter": 5 }] },
                ])
            );
        });
    }
}

#[test]
fn a_description_alone_has_its_name() {
    let payload = r#"{ "sdes_report_count":1,"sdes_information": [ {"sdes_chunk_ssrc":7,"type":1,"text":"sip:alice@example.com"},{"sdes_chunk_ssrc":7,"type":2,"text":"Alice"}] }"#;
    rtcp(payload, |record| {
        assert_eq!(integer(record, "report_type"), Some(202));
        assert_eq!(integer(record, "ssrc"), None);
        assert_eq!(text(record, "cname").as_deref(), Some("sip:alice@example.com"));
        assert_eq!(extra(record)["sdes"][0][1]["text"], json!("Alice"));
    });
}

#[test]
fn extended_reports_give_score_and_round_trip() {
    // heplify always writes report_blocks_xr, all zero when there was none.
    let zeros = r#"{"ssrc":1,"type":201,"report_blocks":null,"report_blocks_xr":{"type":0,"id":0,"round_trip_delay":0}}"#;
    rtcp(zeros, |record| {
        assert_eq!(integer(record, "round_trip"), None);
        assert_eq!(record.extra, None);
    });
    let metrics = r#"{"ssrc":1,"type":207,"voip_metrics":{"ssrc":2,"round_trip_delay":85,"mos_lq":41,"mos_cq":39,"r_factor":82}}"#;
    rtcp(metrics, |record| {
        assert_eq!(integer(record, "round_trip"), Some(85));
        assert_eq!(record.value("mos"), Value::Float(3.9));
        assert_eq!(extra(record)["reports"][0]["voip_metrics"]["r_factor"], json!(82));
    });
    let estimated = hep::Outgoing { mos: Some(437), ..outgoing(5, br#"{"ssrc":1,"type":201}"#) };
    sent(&estimated, |record| assert_eq!(record.value("mos"), Value::Float(4.37)));
}

#[test]
fn broken_json_is_read_as_far_as_it_goes() {
    for payload in [
        r#"{"ssrc":9,"type":201,"report_blocks":[{"source_ssrc":3,"fraction_lost":NaN,"ia_jitter":5}]}"#,
        r#"{"ssrc":9,"type":201,"report_blocks":[{"source_ssrc":3,"ia_jitter":5,"packets_lost":undefined}]}"#,
        r#"{"ssrc":9,"type":201,"report_blocks":[{"source_ssrc":3,"ia_jitter":5"#,
        r#"{"ssrc":9,"type":201,"report_blocks":[{"source_ssrc":3,"ia_jitter":5}],"sdes_information":[{"type":2,"text":"say "hi""}]}"#,
    ] {
        rtcp(payload, |record| {
            assert_eq!(integer(record, "ssrc"), Some(9), "{payload}");
            assert_eq!(integer(record, "source_ssrc"), Some(3), "{payload}");
            assert_eq!(integer(record, "jitter"), Some(5), "{payload}");
            assert_eq!(record.common.flags, ["bad_json"], "{payload}");
            assert_eq!(record.raw, payload.as_bytes());
        });
    }
}

#[test]
fn numbers_as_text_and_blocks_as_one_object() {
    let payload =
        r#"{"ssrc":"9","type":"201","report_blocks":{"source_ssrc":"3","ia_jitter":"5","packets_lost":"7"}}"#;
    rtcp(payload, |record| {
        assert_eq!(integer(record, "ssrc"), Some(9));
        assert_eq!(integer(record, "jitter"), Some(5));
        assert_eq!(integer(record, "packets_lost"), Some(7));
        assert!(record.common.flags.is_empty());
    });
}

#[test]
fn what_is_no_json_is_kept_and_flagged() {
    rtcp("", |record| assert_eq!(record.common.flags, ["empty_payload"]));
    let binary = [0x80, 0xc8, 0x00, 0x06, 0xff, 0xfe];
    sent(&outgoing(5, &binary), |record| {
        assert_eq!(record.common.flags, ["not_json"]);
        assert_eq!(record.raw, binary);
        assert!(record.values.iter().all(|value| *value == Value::Null));
    });
}
