//! Reports on quality: text of RFC 6035, JSON of agents, pairs.

use model::{Record, Value};
use serde_json::json;

use crate::{extra, integer, outgoing, sent, text};

fn report<T>(hep_type: u16, payload: &str, look: impl FnOnce(&Record<'_>) -> T) -> T {
    sent(&outgoing(hep_type, payload.as_bytes()), |record| {
        assert_eq!(record.table.name, "report");
        assert_eq!(record.raw, payload.as_bytes());
        look(record)
    })
}

fn float(record: &Record<'_>, column: &str) -> Option<f64> {
    match record.value(column) {
        Value::Float(number) => Some(number),
        Value::Null => None,
        other => panic!("{column} is {other:?}"),
    }
}

/// What phones of different makers write for the same thing.
const SESSION: &str = "VQSessionReport: CallTerm\r\n\
    LocalMetrics:\r\n\
    Timestamps:START=2026-11-21T04:50:00Z STOP=2026-11-21T04:51:40Z\r\n\
    SessionDesc:PT=9 PPS=50 PLC=1 SSUP=off\r\n\
    CallID:329662837@192.0.2.21\r\n\
    LocalID:\"Alice\" <sip:alice@a.example>\r\n\
    RemoteID:<sip:bob@b.example>\r\n\
    LocalAddr:IP=192.0.2.21 PORT=11784 SSRC=0x1a2a9c52\r\n\
    RemoteAddr:IP=198.51.100.184 PORT=27210 SSRC=0xce2256d2\r\n\
    JitterBuffer:JBA=2 JBR=15 JBN=40 JBM=40 JBX=240\r\n\
    PacketLoss:NLR=1.5 JDR=0.5\r\n\
    BurstGapLoss:BLD=0.7 BD=60 GLD=0.0 GD=30000 GMIN=16\r\n\
    Delay:RTD=85 ESD=177 SOWD=88 IAJ=3 MAJ=4\r\n\
    Signal:SL=-21 NL=-64 RERL=127\r\n\
    QualityEst:RCQ=92 EXTRI=127 MOSLQ=3.8 MOSCQ=3.7\r\n\
    DialogID:329662837@192.0.2.21;to-tag=55cUUK26KmU4j;from-tag=2606093232\r\n";

#[test]
fn a_session_report_fills_its_columns() {
    report(35, SESSION, |record| {
        for (column, expected) in [
            ("text", "vq_rtcpxr session in: MOS 3.7, R 92, loss 1.5 %, jitter 3 ms, round trip 85 ms, G722"),
            ("kind", "vq_rtcpxr"),
            ("occasion", "session"),
            ("direction", "in"),
            ("reporter", "\"Alice\" <sip:alice@a.example>"),
            ("peer", "<sip:bob@b.example>"),
            ("stream_src", "198.51.100.184:27210"),
            ("stream_dst", "192.0.2.21:11784"),
            ("codecs", "G722"),
            ("call_id", "329662837@192.0.2.21"),
        ] {
            assert_eq!(text(record, column).as_deref(), Some(expected), "{column}");
        }
        for (column, expected) in [
            ("loss", 1.5),
            ("discard", 0.5),
            ("jitter_mean", 3.0),
            ("latency", 88.0),
            ("r_factor", 92.0),
            ("mos", 3.7),
            ("mos_lq", 3.8),
            ("mos_cq", 3.7),
        ] {
            assert_eq!(float(record, column), Some(expected), "{column}");
        }
        assert_eq!(integer(record, "ssrc"), Some(0xce22_56d2), "of the stream received");
        assert_eq!(integer(record, "round_trip"), Some(85));
        assert_eq!(integer(record, "start_time"), Some(1_795_236_600_000_000));
        assert_eq!(integer(record, "end_time"), Some(1_795_236_700_000_000));
        let extra = extra(record);
        assert_eq!(extra["fields"]["RERL"], json!("127"));
        assert_eq!(extra["fields"]["JBX"], json!("240"));
        assert_eq!(extra["session"]["event"], json!("CallTerm"));
        assert!(record.common.flags.is_empty());
    });
}

#[test]
fn of_two_directions_the_worse_is_in_the_columns_and_both_are_kept() {
    let both = format!("{SESSION}RemoteMetrics:\r\nPacketLoss:NLR=9.0 JDR=0\r\nQualityEst:MOSCQ=2.4\r\n");
    report(35, &both, |record| {
        assert_eq!(text(record, "direction").as_deref(), Some("out"));
        assert_eq!(float(record, "mos"), Some(2.4));
        assert_eq!(float(record, "loss"), Some(9.0));
        assert_eq!(text(record, "stream_src").as_deref(), Some("192.0.2.21:11784"));
        let streams = &extra(record)["streams"];
        assert_eq!((&streams[0]["direction"], &streams[0]["mos"]), (&json!("in"), &json!(3.7)));
        assert_eq!((&streams[1]["direction"], &streams[1]["mos"]), (&json!("out"), &json!(2.4)));
        assert_eq!(streams[0]["fields"]["GMIN"], json!("16"));
    });
}

#[test]
fn reports_come_with_the_letters_and_line_ends_of_their_makers() {
    let loose =
        SESSION.replace("\r\n", "\n").replace("QualityEst:", "QUALITYEST : ").replace("CallID:", "CallID : ");
    report(35, &loose, |record| {
        assert_eq!(float(record, "mos"), Some(3.7));
        assert_eq!(text(record, "call_id").as_deref(), Some("329662837@192.0.2.21"));
    });
    // Linphone: no colon, an SSRC with a sign, values without a line of their own.
    let linphone = "VQIntervalReport\r\nCallID: x\r\nLocalAddr: IP=192.0.2.1 PORT=7078 SSRC=1\r\n\
        RemoteAddr: IP=192.0.2.2 PORT=7078 SSRC=-835823918\r\nNLR=0.50 MOSLQ=4.5\r\n";
    report(35, linphone, |record| {
        assert_eq!(text(record, "occasion").as_deref(), Some("interval"));
        assert_eq!(integer(record, "ssrc"), Some(3_459_143_378));
        assert_eq!((float(record, "loss"), float(record, "mos")), (Some(0.5), Some(4.5)));
    });
    // Without a Call-ID line, the dialog names the call.
    let dialog = "VQSessionReport: CallTerm\r\nQualityEst:MOSLQ=4.1\r\nDialogID:a@b;to-tag=1;from-tag=2\r\n";
    report(35, dialog, |record| assert_eq!(text(record, "call_id").as_deref(), Some("a@b")));
}

#[test]
fn a_published_report_is_about_the_call_it_names() {
    let message = format!(
        "PUBLISH sip:collector@c.example SIP/2.0\r\nFrom: <sip:alice@a.example>;tag=1\r\nCall-ID: publish-1\r\n\
        CSeq: 1 PUBLISH\r\nUser-Agent: Phone/1\r\nContent-Type: application/vq-rtcpxr\r\nContent-Length: {}\r\n\r\n{SESSION}",
        SESSION.len()
    );
    for hep_type in [35, 99] {
        report(hep_type, &message, |record| {
            assert_eq!(text(record, "call_id").as_deref(), Some("329662837@192.0.2.21"));
            assert_eq!(float(record, "mos"), Some(3.7));
            let extra = extra(record);
            assert_eq!(extra["sip_call_id"], json!("publish-1"));
            assert_eq!(extra["user_agent"], json!("Phone/1"));
            assert!(record.common.flags.is_empty());
        });
    }
    // Captured as SIP it stays a SIP message, with the report beside it.
    sent(&outgoing(1, message.as_bytes()), |record| {
        assert_eq!((record.table.name, text(record, "call_id").as_deref()), ("sip", Some("publish-1")));
        let report = &extra(record)["report"];
        assert_eq!(report["call_id"], json!("329662837@192.0.2.21"));
        assert_eq!(report["streams"][0]["mos"], json!(3.7));
    });
    // What is no report is said to be none; the correlation id still joins it.
    let other = "PUBLISH sip:c@d SIP/2.0\r\nCall-ID: publish-1\r\nFrom: <sip:a@b>\r\n\r\n";
    let packet = hep::Outgoing { correlation_id: Some(b"call-1"), ..outgoing(99, other.as_bytes()) };
    sent(&packet, |record| {
        assert_eq!(record.common.flags, ["not_report"]);
        assert_eq!(text(record, "call_id").as_deref(), Some("call-1"));
        assert_eq!(text(record, "reporter").as_deref(), Some("sip:a@b"));
    });
}

/// As RTP agents write it, with everything that a strict reader finds in its column.
#[test]
fn an_rtp_report_fills_its_columns() {
    let payload = r#"{"CORRELATION_ID":"x","RTP_SIP_CALL_ID":"a@b","DELTA":19.983,"JITTER":0.017,"REPORT_TS":1795236000,"TOTAL_PK":1500,"EXPECTED_PK":1600,"PACKET_LOSS":100,"MAX_JITTER":4.5,"MEAN_JITTER":1.25,"MOS":4.032,"RFACTOR":80.2,"SRC_IP":"192.0.2.1","SRC_PORT":26872,"DST_IP":"192.0.2.2","DST_PORT":51354,"CODEC_PT":9,"CODEC_NAME":"g722","REPORT_NAME":"192.0.2.1:26872","TYPE":"HANGUP"}"#;
    report(34, payload, |record| {
        assert_eq!(text(record, "kind").as_deref(), Some("rtp_report"));
        assert_eq!(text(record, "occasion").as_deref(), Some("hangup"));
        assert_eq!(text(record, "call_id").as_deref(), Some("a@b"));
        assert_eq!(text(record, "stream_dst").as_deref(), Some("192.0.2.2:51354"));
        assert_eq!((integer(record, "packets"), integer(record, "packets_lost")), (Some(1500), Some(100)));
        assert_eq!((float(record, "loss"), float(record, "jitter_mean")), (Some(6.25), Some(1.25)));
        assert_eq!((float(record, "jitter_max"), float(record, "mos")), (Some(4.5), Some(4.032)));
        assert_eq!(float(record, "r_factor"), Some(80.2));
        assert_eq!(text(record, "codecs").as_deref(), Some("g722"));
        assert_eq!(extra(record)["fields"]["DELTA"], json!(19.983));
    });
    // Early horaclifix: hundredths, and the payload type where others have the name of the codec.
    let hundredths = r#"{"RTP_SIP_CALL_ID":"a@b","MOS":420,"RFACTOR":8500,"CODEC_PT":8,"CODEC_NAME":8}"#;
    report(34, hundredths, |record| {
        assert_eq!((float(record, "mos"), float(record, "r_factor")), (Some(4.2), Some(85.0)));
        assert_eq!(text(record, "codecs").as_deref(), Some("PCMA"));
    });
}

#[test]
fn the_chunk_has_the_score_where_the_payload_has_none() {
    for (mos, expected) in [(437, Some(4.37)), (65_535, None), (0, None)] {
        let packet = hep::Outgoing { mos: Some(mos), ..outgoing(32, br#"{"CODEC_NAME":"PCMU","MOS":null}"#) };
        sent(&packet, |record| assert_eq!(float(record, "mos"), expected, "{mos}"));
    }
    let packet = hep::Outgoing { mos: Some(437), ..outgoing(35, br#"{"MOS":4.1}"#) };
    sent(&packet, |record| assert_eq!(float(record, "mos"), Some(4.1)));
}

#[test]
fn a_border_controller_reports_on_both_legs() {
    let payload = r#"{"NAME":"sbc-1","INC_ID":"a@b","INC_REALM":"access","INC_MOS":420,"INC_RVAL":8500,"INC_RTP_PK":5000,"INC_RTP_PK_LOSS":0,"INC_RTP_AVG_JITTER":8,"INC_RTP_MAX_JITTER":22,"INC_RTCP_AVG_LAT":30,"INC_RTCP_MAX_LAT":45,"INC_RTCP_PK":50,"CALLER_SRC_IP":"192.0.2.1","CALLER_SRC_PORT":4000,"OUT_ID":"c@d","OUT_REALM":"core","OUT_MOS":371,"OUT_RVAL":7300,"OUT_RTP_PK":4900,"OUT_RTP_PK_LOSS":100,"OUT_RTP_AVG_JITTER":19,"OUT_RTCP_AVG_LAT":32,"MEDIA_TYPE":8}"#;
    report(38, payload, |record| {
        assert_eq!(text(record, "reporter").as_deref(), Some("sbc-1"));
        assert_eq!(
            (text(record, "direction").as_deref(), text(record, "realm").as_deref()),
            (Some("out"), Some("core"))
        );
        assert_eq!((float(record, "mos"), float(record, "loss")), (Some(3.71), Some(2.0)));
        assert_eq!(text(record, "call_id").as_deref(), Some("a@b"));
        let extra = extra(record);
        let (incoming, outgoing) = (&extra["streams"][0], &extra["streams"][1]);
        for (name, of_incoming, of_outgoing) in [
            ("direction", json!("in"), json!("out")),
            ("call_id", json!("a@b"), json!("c@d")),
            ("realm", json!("access"), json!("core")),
            ("mos", json!(4.2), json!(3.71)),
            ("r_factor", json!(85), json!(73)),
            ("packets", json!(5000), json!(4900)),
            ("packets_lost", json!(0), json!(100)),
            ("jitter_mean", json!(8), json!(19)),
            ("latency", json!(30), json!(32)),
        ] {
            let close = |found: &serde_json::Value, expected: &serde_json::Value| {
                found == expected || found.as_f64().is_some() && found.as_f64() == expected.as_f64()
            };
            assert!(close(&incoming[name], &of_incoming), "{name}: {incoming}");
            assert!(close(&outgoing[name], &of_outgoing), "{name}: {outgoing}");
        }
        assert_eq!(incoming["fields"]["RTCP_PK"], json!(50));
        assert_eq!(extra["call"]["MEDIA_TYPE"], json!(8));
    });
}

/// The cases of bad reports that a server must survive, each under its name.
mod must_survive {
    use super::*;

    #[test]
    fn type_35_as_text_or_as_json() {
        report(35, "VQSessionReport\nQualityEst:MOSLQ=4.1", |record| {
            assert_eq!(float(record, "mos"), Some(4.1));
        });
        report(35, r#"{"MOS":4.1}"#, |record| assert_eq!(float(record, "mos"), Some(4.1)));
        report(35, "CORRELATION_ID=a@b,MOS=4.37,JITTER=12,PACKET_LOSS=1", |record| {
            assert_eq!(text(record, "call_id").as_deref(), Some("a@b"));
            assert_eq!((float(record, "mos"), float(record, "jitter_mean")), (Some(4.37), Some(12.0)));
            assert_eq!((integer(record, "packets_lost"), float(record, "loss")), (Some(1), None));
        });
        // Anywhere in a text, as other servers look for them.
        report(35, "report NLR=2.5; IAJ=7 MOSLQ=3.9 MOSCQ=3.6", |record| {
            assert_eq!((float(record, "loss"), float(record, "mos_cq")), (Some(2.5), Some(3.6)));
        });
    }

    #[test]
    fn type_99_as_metrics() {
        for name in ["Extended_report_information", "extended_report_information"] {
            let payload = format!(
                r#"{{"{name}":{{"type":7,"identifier":9,"loss_rate":64,"discard_rate":0,"round_trip_delay":85,"R_fact":85,"MOS_LQ":41,"MOS_CQ":40,"RX_conf":[{{"PLC":3}}]}}}}"#
            );
            report(99, &payload, |record| {
                assert_eq!((integer(record, "ssrc"), integer(record, "round_trip")), (Some(9), Some(85)));
                assert_eq!((float(record, "loss"), float(record, "r_factor")), (Some(25.0), Some(85.0)));
                assert_eq!((float(record, "mos_lq"), float(record, "mos_cq")), (Some(4.1), Some(4.0)));
            });
        }
    }

    #[test]
    fn type_34_with_missing_and_wrong_members() {
        for payload in
            ["{}", r#"{"MOS":null}"#, r#"{"MOS":NaN,"JITTER":undefined}"#, r#"{"MOS":{"a":[]},"SSRC":[]}"#]
        {
            report(34, payload, |record| {
                assert_eq!(text(record, "text").as_deref(), Some("rtp_report"));
                assert_eq!((float(record, "mos"), float(record, "jitter_mean")), (None, None));
                assert!(!record.common.flags.contains(&"not_report"));
            });
        }
        let wrong = r#"{"MOS":"-1","TOTAL_PK":-5,"PACKET_LOSS":99999999999999999999,"RFACTOR":1e300,"SRC_PORT":70000,"JITTER":-2}"#;
        report(34, wrong, |record| {
            assert_eq!((float(record, "mos"), integer(record, "packets")), (None, None));
            assert_eq!((integer(record, "packets_lost"), float(record, "r_factor")), (None, None));
            assert_eq!(float(record, "jitter_mean"), None);
        });
        report(34, r#"{"MOS":4.1,"JITTER":3"#, |record| {
            assert_eq!(float(record, "mos"), Some(4.1));
            assert_eq!(record.common.flags, ["bad_json"]);
        });
    }

    #[test]
    fn what_is_no_report() {
        for payload in ["SYSLOG: a line", "[1,2]", "{", "VQ", "\u{0}x"] {
            report(35, payload, |record| {
                assert!(record.common.flags.contains(&"not_report") || payload == "{", "{payload}");
                assert_eq!(float(record, "mos"), None);
            });
        }
        sent(&outgoing(99, &[0x80, 207, 0, 1, 0xff, 0xfe, 0, 7]), |record| {
            assert_eq!(record.common.flags, ["bad_utf8", "not_report"]);
        });
        report(38, "", |record| assert_eq!(record.common.flags, ["empty_payload"]));
    }
}
