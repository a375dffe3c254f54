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

/// The cases of bad RTCP that a server must survive, each under its name.
mod must_survive {
    use super::*;

    /// Reads `payload` and gives SSRC, source SSRC, jitter and flags.
    #[track_caller]
    fn read(payload: &str) -> (Option<i64>, Option<i64>, Option<i64>, Vec<&'static str>) {
        rtcp(payload, |record| {
            assert_eq!(record.raw, payload.as_bytes());
            assert_eq!(text(record, "call_id"), None);
            (
                integer(record, "ssrc"),
                integer(record, "source_ssrc"),
                integer(record, "jitter"),
                record.common.flags.clone(),
            )
        })
    }

    #[test]
    fn numbers_as_strings() {
        let payload = r#"{"ssrc":"9","type":"201","report_blocks":[{"source_ssrc":"3","ia_jitter":"5"}]}"#;
        assert_eq!(read(payload), (Some(9), Some(3), Some(5), vec![]));
    }

    #[test]
    fn sender_information_null() {
        let payload = r#"{"ssrc":9,"type":201,"sender_information":null,"report_blocks":[{"source_ssrc":3,"ia_jitter":5}]}"#;
        assert_eq!(read(payload), (Some(9), Some(3), Some(5), vec![]));
        rtcp(payload, |record| assert_eq!(integer(record, "report_type"), Some(201)));
    }

    #[test]
    fn duplicate_keys() {
        // A receiver report in front of a sender report: what was sent belongs to the second.
        let payload = r#"{"ssrc":9,"type":201,"report_blocks":[{"source_ssrc":3,"ia_jitter":5}],"sender_information":{"packets":7},"ssrc":8,"type":200,"report_blocks":[]}"#;
        assert_eq!(read(payload), (Some(9), Some(3), Some(5), vec![]));
        rtcp(payload, |record| {
            assert_eq!(integer(record, "packets"), None);
            assert_eq!(extra(record)["reports"][1]["sender_information"]["packets"], json!(7));
        });
    }

    #[test]
    fn two_concatenated_objects() {
        let payload = "{\"ssrc\":9,\"type\":200,\"report_blocks\":[]}\n{\"ssrc\":8,\"type\":201}";
        assert_eq!(read(payload), (Some(9), None, None, vec![]));
        rtcp(payload, |record| assert_eq!(extra(record)["reports"][1]["ssrc"], json!(8)));
    }

    #[test]
    fn nan_infinity_and_undefined() {
        for word in ["NaN", "Infinity", "-Infinity", "undefined", ""] {
            let payload = format!(
                r#"{{"ssrc":9,"type":201,"report_blocks":[{{"source_ssrc":3,"fraction_lost":{word},"ia_jitter":5}}]}}"#
            );
            assert_eq!(read(&payload), (Some(9), Some(3), Some(5), vec!["bad_json"]));
            rtcp(&payload, |record| assert_eq!(record.value("fraction_lost"), Value::Null, "{word}"));
        }
    }

    #[test]
    fn empty() {
        assert_eq!(read(""), (None, None, None, vec!["empty_payload"]));
        for payload in ["{}", "[]"] {
            assert_eq!(read(payload), (None, None, None, vec![]));
        }
        assert_eq!(read(" {} \0"), (None, None, None, vec!["trailing_nuls"]));
    }

    #[test]
    fn unescaped_quotes_in_a_description() {
        let payload = r#"{"ssrc":9,"type":201,"report_blocks":[{"source_ssrc":3,"ia_jitter":5}],"sdes_information":[{"type":1,"text":"say "hi""}]}"#;
        assert_eq!(read(payload), (Some(9), Some(3), Some(5), vec!["bad_json"]));
        rtcp(payload, |record| assert_eq!(text(record, "cname").as_deref(), Some("say \"hi\"")));
    }

    #[test]
    fn negative_and_huge_loss() {
        for (written, lost) in [
            ("-1", Some(-1)),
            ("16777215", Some(-1)),
            ("4294967295", Some(-1)),
            ("8388607", Some(8_388_607)),
            ("99999999999", Some(99_999_999_999)),
            ("1e400", None),
        ] {
            let payload =
                format!(r#"{{"ssrc":9,"type":201,"report_blocks":[{{"packets_lost":{written}}}]}}"#);
            rtcp(&payload, |record| assert_eq!(integer(record, "packets_lost"), lost, "{written}"));
        }
        for (written, percent) in [("-1", Value::Null), ("300", Value::Null), ("128", Value::Float(50.0))] {
            let payload =
                format!(r#"{{"ssrc":9,"type":201,"report_blocks":[{{"fraction_lost":{written}}}]}}"#);
            rtcp(&payload, |record| assert_eq!(record.value("fraction_lost"), percent, "{written}"));
        }
    }

    #[test]
    fn report_blocks_null_empty_or_an_object() {
        for (blocks, source) in
            [("null", None), ("[]", None), ("{}", None), (r#"{"source_ssrc":3}"#, Some(3))]
        {
            let payload = format!(r#"{{"ssrc":9,"type":201,"report_blocks":{blocks}}}"#);
            assert_eq!(read(&payload), (Some(9), source, None, vec![]));
        }
    }

    #[test]
    fn binary_under_type_5() {
        let compound = binary();
        sent(&outgoing(5, &compound), |record| {
            assert_eq!(integer(record, "ssrc"), Some(0x8dac_9aca));
            assert!(record.common.flags.is_empty());
        });
    }

    #[test]
    fn report_count_disagreeing_with_the_list() {
        // hepipe.js puts the number of the event there, captagent always 1.
        let payload =
            r#"{"type":200,"ssrc":9,"report_count":70211,"report_blocks":[{"source_ssrc":3,"ia_jitter":5}]}"#;
        assert_eq!(read(payload), (Some(9), Some(3), Some(5), vec![]));
    }

    #[test]
    fn text_and_other_packets() {
        for payload in [&b"SYSLOG: a line"[..], &[0x80, 0x08, 0, 1, 0, 0, 0, 2], &[0x80], &[0xff, 200, 0, 0]]
        {
            sent(&outgoing(5, payload), |record| {
                assert_eq!(record.common.flags, ["not_rtcp"]);
                assert_eq!(record.raw, payload);
                assert!(record.values.iter().all(|value| *value == Value::Null));
            });
        }
    }
}

#[test]
fn freeswitch_names_sources_in_hexadecimal() {
    let payload = r#"{"type":200,"ssrc":"6a1f00c2","report_count":811,"report_blocks":[{"source_ssrc":"00b3c4d5","fraction_lost":0,"packets_lost":null,"highest_seq_no":9,"lsr":1,"ia_jitter":12.4,"dlsr":2}],"sender_information":{"packets":49,"ntp_timestamp_sec":4004203900,"ntp_timestamp_usec":0,"rtp_timestamp":160,"octets":7840}}"#;
    rtcp(payload, |record| {
        assert_eq!(integer(record, "ssrc"), Some(0x6a1f_00c2));
        assert_eq!(integer(record, "source_ssrc"), Some(0x00b3_c4d5));
        assert_eq!(integer(record, "packets"), Some(49), "sender information at the end is of this report");
        assert_eq!(integer(record, "packets_lost"), None);
        assert_eq!(integer(record, "jitter"), Some(12));
        assert!(record.common.flags.is_empty());
        assert_eq!(record.extra, None);
    });
}

#[test]
fn heplify_adds_metrics_in_both_its_versions() {
    let first = r#"{"sender_information":{"ntp_timestamp_sec":0,"ntp_timestamp_usec":0,"rtp_timestamp":0,"packets":0,"octets":0},"ssrc":1,"type":207,"report_count":0,"report_blocks":null,"report_blocks_xr":{"type":7,"id":2,"fraction_lost":64,"fraction_discard":1,"burst_density":0,"gap_density":0,"burst_duration":0,"gap_duration":0,"round_trip_delay":85,"end_system_delay":40},"sdes_ssrc":1}"#;
    rtcp(first, |record| {
        assert_eq!(integer(record, "report_type"), Some(207));
        assert_eq!(integer(record, "round_trip"), Some(85));
        assert_eq!(integer(record, "ntp_time"), None);
        assert_eq!(extra(record)["reports"][0]["report_blocks_xr"]["fraction_lost"], json!(64));
    });
    let second = r#"{"ssrc":1,"type":207,"report_blocks":[],"voip_metrics":{"ssrc":2,"loss_rate":0,"discard_rate":0,"round_trip_delay":30,"r_factor":127,"mos_cq":127,"mos_lq":38}}"#;
    rtcp(second, |record| {
        assert_eq!(record.value("r_factor"), Value::Null, "127 is not available");
        assert_eq!(record.value("mos"), Value::Float(3.8));
    });
}

#[test]
fn captagent_writes_the_reports_of_a_compound_and_raw_names() {
    let payload = r#"{ "sender_information":{"ntp_timestamp_sec":4004203900,"ntp_timestamp_usec":0,"octets":40000,"rtp_timestamp":67316, "packets":250},"ssrc":7,"type":200, "report_blocks":[{"source_ssrc":3,"highest_seq_no":28025,"fraction_lost":0,"ia_jitter":10,"packets_lost":0,"lsr":0,"dlsr":0}],"report_count":1,"sdes_ssrc":7,"sdes_chunk_ssrc":7,"sdes_information": [ {"type":1,"text":"alice@host"},{"type":6,"text":"Phone 1"}],"sdes_report_count":2}"#;
    rtcp(payload, |record| {
        assert_eq!(integer(record, "ssrc"), Some(7));
        assert_eq!(text(record, "cname").as_deref(), Some("alice@host"));
        assert_eq!(
            extra(record),
            json!({ "sdes": [[
            { "type": 1, "text": "alice@host" }, { "type": 6, "text": "Phone 1" }]] })
        );
    });
}

#[test]
fn pion_prints_its_structures() {
    let payload = r#"[{"SSRC":7,"NTPTime":17197924799163138048,"RTPTime":67316,"PacketCount":250,"OctetCount":40000,"Reports":[{"SSRC":3,"FractionLost":128,"TotalLost":16777215,"LastSequenceNumber":28025,"Jitter":10,"LastSenderReport":1,"Delay":2}],"ProfileExtensions":null},{"Chunks":[{"Source":7,"Items":[{"Type":1,"Text":"alice@host"}]}]},{"SenderSSRC":7,"Reports":[{"BlockType":7,"SSRC":3,"LossRate":0,"RoundTripDelay":85,"RFactor":90,"MOSLQ":43,"MOSCQ":41}]}]"#;
    sent(&outgoing(58, payload.as_bytes()), |record| {
        assert_eq!(record.table.name, "rtcp");
        assert_eq!(integer(record, "report_type"), Some(200));
        assert_eq!(integer(record, "ssrc"), Some(7));
        assert_eq!(integer(record, "ntp_time"), Some(1_795_215_100_500_000));
        assert_eq!(integer(record, "packets"), Some(250));
        assert_eq!(integer(record, "source_ssrc"), Some(3));
        assert_eq!(record.value("fraction_lost"), Value::Float(50.0));
        assert_eq!(integer(record, "packets_lost"), Some(-1));
        assert_eq!(integer(record, "round_trip"), Some(85));
        assert_eq!(record.value("r_factor"), Value::Float(90.0));
        assert_eq!(record.value("mos"), Value::Float(4.1));
        assert_eq!(text(record, "cname").as_deref(), Some("alice@host"));
        assert!(record.common.flags.is_empty());
    });
    sent(&outgoing(58, &binary()), |record| assert_eq!(integer(record, "ssrc"), Some(0x8dac_9aca)));
}

/// A sender report with two blocks, a description of two items and an extended report.
fn binary() -> Vec<u8> {
    use media::NtpTime;
    use media::rtcp::extended::{Block, Extended, VoipMetrics};
    use media::rtcp::{Chunk, Compound, Item, Report, ReportBlock, SenderReport, SourceDescription};
    let block = |ssrc, jitter| ReportBlock {
        ssrc,
        fraction_lost: 64,
        packets_lost: -2,
        highest_sequence: 93_561,
        jitter,
        last_sender_report: 77,
        delay_since: 65_536,
    };
    let sender = SenderReport {
        ssrc: 0x8dac_9aca,
        time: NtpTime::from_unix_micros(1_795_215_100_250_000),
        rtp_timestamp: 67_316,
        packets: 250,
        octets: 40_000,
        blocks: vec![block(3, 10), block(4, 11)],
        extension: &[],
    };
    let items = vec![Item { kind: 1, text: b"alice@host" }, Item { kind: 6, text: b"Phone 1" }];
    let metrics = VoipMetrics {
        ssrc: 3,
        round_trip_delay_ms: 85,
        r_factor: 90,
        mos_lq: 43,
        mos_cq: 41,
        ..VoipMetrics::default()
    };
    let reports = vec![
        Report::Sender(sender),
        Report::SourceDescription(SourceDescription { chunks: vec![Chunk { ssrc: 0x8dac_9aca, items }] }),
        Report::Extended(Extended { ssrc: 0x8dac_9aca, blocks: vec![Block::Voip(metrics)] }),
    ];
    Compound { reports, problems: Vec::new() }.to_bytes()
}

#[test]
fn a_packet_says_what_its_json_would() {
    sent(&outgoing(5, &binary()), |record| {
        assert_eq!(integer(record, "report_type"), Some(200));
        assert_eq!(integer(record, "ntp_time"), Some(1_795_215_100_250_000));
        assert_eq!(integer(record, "rtp_timestamp"), Some(67_316));
        assert_eq!((integer(record, "packets"), integer(record, "octets")), (Some(250), Some(40_000)));
        assert_eq!(integer(record, "source_ssrc"), Some(3));
        assert_eq!(record.value("fraction_lost"), Value::Float(25.0));
        assert_eq!(integer(record, "packets_lost"), Some(-2));
        assert_eq!(integer(record, "highest_sequence"), Some(93_561));
        assert_eq!(integer(record, "jitter"), Some(10));
        assert_eq!(
            (integer(record, "last_sr"), integer(record, "delay_since_last_sr")),
            (Some(77), Some(65_536))
        );
        assert_eq!(integer(record, "round_trip"), Some(85));
        assert_eq!(record.value("r_factor"), Value::Float(90.0));
        assert_eq!(record.value("mos"), Value::Float(4.1));
        assert_eq!(text(record, "cname").as_deref(), Some("alice@host"));
        let extra = extra(record);
        assert_eq!(extra["reports"][0]["report_blocks"][1]["source_ssrc"], json!(4));
        assert_eq!(extra["reports"][1]["voip_metrics"]["mos_lq"], json!(43));
        assert_eq!(extra["sdes"][0][1]["text"], json!("Phone 1"));
    });
}

#[test]
fn a_cut_packet_gives_what_it_has() {
    let whole = binary();
    sent(&outgoing(5, &whole[..24]), |record| {
        assert_eq!(integer(record, "ssrc"), Some(0x8dac_9aca));
        assert_eq!((integer(record, "packets"), integer(record, "octets")), (Some(250), None));
        assert_eq!(integer(record, "source_ssrc"), None);
        assert_eq!(record.common.flags, ["bad_rtcp"]);
        assert_eq!(record.raw, &whole[..24]);
    });
    for length in 2..whole.len() {
        sent(&outgoing(5, &whole[..length]), |record| {
            assert_eq!(integer(record, "report_type"), (length >= 4).then_some(200));
        });
    }
}

#[test]
fn feedback_and_goodbyes_name_who_speaks() {
    let loss = [0x81, 206, 0, 2, 0, 0, 0, 7, 0, 0, 0, 3];
    sent(&outgoing(5, &loss), |record| {
        assert_eq!((integer(record, "report_type"), integer(record, "ssrc")), (Some(206), Some(7)));
        assert_eq!(
            extra(record)["reports"],
            json!([{ "type": 206, "format": 1, "ssrc": 7, "source_ssrc": 3 }])
        );
    });
    let goodbye = [0x81, 203, 0, 3, 0, 0, 0, 7, 4, b'd', b'o', b'n', b'e', 0, 0, 0];
    sent(&outgoing(5, &goodbye), |record| {
        assert_eq!((integer(record, "report_type"), integer(record, "ssrc")), (Some(203), Some(7)));
        assert_eq!(extra(record)["reports"], json!([{ "type": 203, "sources": [7], "reason": "done" }]));
    });
}
