//! How good the media of a call was, from packets that agents send to what the API answers.

use serde_json::{Value, json};

use crate::server::{Server, escaped};
use crate::traffic::{Captured, answered_call};

const CALL: &str = "media@example.org";
const PHONE: &str = "192.0.2.10:40001";
const FAR: &str = "192.0.2.20:30001";
/// Of the phone's own stream and of the one it hears.
const PHONE_SSRC: u32 = 12_345;
const FAR_SSRC: u32 = 777;

fn told(at_ms: i64, protocol: &'static str, src: &str, dst: &str, payload: &str) -> Captured {
    let payload = payload.as_bytes().to_vec();
    let mut captured = answered_call(CALL).remove(0);
    (captured.src, captured.dst) = (src.parse().expect("an address"), dst.parse().expect("an address"));
    Captured { at_ms, protocol, correlation_id: Some(CALL.to_owned()), payload, ..captured }
}

/// What the phone got, as rtpengine prints its RTCP.
fn received(at_ms: i64, sequence: u32, lost: i64) -> Captured {
    let report = json!({
        "ssrc": PHONE_SSRC, "type": 201, "report_count": 1,
        "report_blocks": [{"source_ssrc": FAR_SSRC, "highest_seq_no": sequence, "fraction_lost": 0,
            "ia_jitter": 80, "packets_lost": lost, "lsr": 0, "dlsr": 0}],
    });
    told(at_ms, "rtcp", PHONE, FAR, &report.to_string())
}

fn streams(extra: Vec<Captured>) -> Vec<Value> {
    let mut story = answered_call(CALL);
    story.retain(|captured| captured.protocol == "sip");
    story.extend(extra);
    story.sort_by_key(|captured| captured.at_ms);
    let server = Server::with(&[(600, story)]);
    let call = server.ask(&format!("/api/v1/call/{}", escaped(CALL)));
    call["streams"].as_array().expect("streams").clone()
}

fn problems(stream: &Value) -> Vec<&str> {
    let problems = stream["problems"].as_array().expect("problems").iter();
    problems.map(|problem| problem["id"].as_str().expect("a name")).collect()
}

#[test]
fn reports_of_a_receiver_are_a_stream() {
    let all =
        streams(vec![received(7_000, 1_000, 0), received(12_000, 1_250, 5), received(17_000, 1_500, 5)]);
    assert_eq!(all.len(), 1, "{all:#?}");
    let stream = &all[0];
    assert_eq!(
        (&stream["ssrc"], &stream["src"], &stream["dst"]),
        (&json!(FAR_SSRC), &json!(FAR), &json!(PHONE))
    );
    // The description that wants media at the phone's address has PCMA.
    assert_eq!(stream["codec"], json!({"name": "PCMA", "clock_rate": 8_000, "source": "agreed"}));
    assert_eq!((&stream["media"], &stream["jitter_p95_ms"]), (&json!("audio"), &json!(10.0)));
    assert_eq!((&stream["packets_expected"], &stream["packets_lost"]), (&json!(500), &json!(5)));
    assert_eq!((&stream["loss_percent"], &stream["round_trip_p50_ms"]), (&json!(1.0), &Value::Null));
    assert_eq!(problems(stream), ["no_last_sender_report"]);
    let score = &stream["scores"][0];
    assert_eq!(
        (&score["kind"], &score["band"], &score["source"]),
        (&json!("listening"), &json!("narrow"), &json!("from_rtcp"))
    );
    assert_eq!(score["label"], "LQ, narrowband, computed from RTCP");
    // 2 % in one of three intervals.
    assert_eq!((&score["mos_min"], &score["count"]), (&json!(4.235), &json!(3)));
    assert_eq!(stream["points"].as_array().map(Vec::len), Some(3));
    assert_eq!(stream["points"][1]["loss_percent"], 2.0);
}

#[test]
fn what_two_capture_points_tell_counts_once() {
    let one = vec![received(7_000, 1_000, 0), received(12_000, 1_250, 25)];
    let mut two = one;
    for (at_ms, sequence, lost) in [(7_000, 1_000, 0), (12_000, 1_250, 25)] {
        two.push(Captured { node: "core-2", at_ms: at_ms + 3, ..received(at_ms, sequence, lost) });
    }
    let all = streams(two);
    assert_eq!(all.len(), 1);
    assert_eq!((&all[0]["reports"], &all[0]["copies"]), (&json!(2), &json!(2)));
    assert_eq!((&all[0]["packets_lost"], &all[0]["loss_percent"]), (&json!(25), &json!(10.0)));
}

#[test]
fn counters_without_their_sign_are_named() {
    let all = streams(vec![received(7_000, 1_000, 0), received(12_000, 1_250, 16_777_213)]);
    assert_eq!((&all[0]["packets_lost"], &all[0]["loss_percent"]), (&json!(-3), &json!(0.0)));
    assert!(problems(&all[0]).contains(&"loss_negative"));
}

#[test]
fn every_block_and_the_metrics_of_a_packet_are_read() {
    let report = r#"{"ssrc":12345,"type":201,"report_count":2,"report_blocks":[
        {"source_ssrc":777,"highest_seq_no":1000,"fraction_lost":0,"ia_jitter":8,"packets_lost":0,"lsr":0,"dlsr":0},
        {"source_ssrc":778,"highest_seq_no":2000,"fraction_lost":64,"ia_jitter":16,"packets_lost":16777215,"lsr":0,"dlsr":0}],
        "voip_metrics":{"ssrc":777,"loss_rate":13,"discard_rate":5,"burst_density":128,"gap_density":0,
        "burst_duration":200,"gap_duration":1800,"round_trip_delay":85,"end_system_delay":40,"signal_level":238,
        "noise_level":206,"rerl":55,"gmin":16,"r_factor":85,"ext_r_factor":127,"mos_lq":41,"mos_cq":127}}"#;
    let all = streams(vec![told(7_000, "rtcp", PHONE, FAR, report)]);
    let of = |ssrc: u32| all.iter().find(|stream| stream["ssrc"] == ssrc).expect("a stream");
    let kinds: Vec<_> = of(777)["reporters"]
        .as_array()
        .expect("reporters")
        .iter()
        .map(|reporter| &reporter["kind"])
        .collect();
    assert_eq!(kinds, ["report_block", "voip_metrics"]);
    assert_eq!((&of(777)["burst_ratio"], &of(777)["echo_return_loss"]), (&json!(1.9), &json!(55.0)));
    assert_eq!((&of(777)["signal_level"], &of(777)["round_trip_max_ms"]), (&json!(-18.0), &json!(85.0)));
    assert!(problems(of(777)).contains(&"score_unavailable"), "{:?}", of(777)["problems"]);
    let labels: Vec<_> =
        of(777)["scores"].as_array().expect("scores").iter().map(|score| score["label"].as_str()).collect();
    assert!(labels.contains(&Some("CQ, narrowband, computed from XR")), "{labels:?}");
    assert!(labels.contains(&Some("LQ, reported by the endpoint")), "{labels:?}");
    assert_eq!((&of(778)["packets_lost"], &of(778)["loss_percent"]), (&json!(-1), &json!(25.0)));
    assert!(problems(of(778)).contains(&"loss_unsigned"));
}

const SESSION: &str = "VQSessionReport: CallTerm\r\nCallID: media@example.org\r\nLocalID: <sip:alice@a.example>\r\n\
    RemoteID: <sip:bob@b.example>\r\nLocalAddr: IP=192.0.2.10 PORT=40000 SSRC=0x3039\r\n\
    RemoteAddr: IP=192.0.2.20 PORT=30000 SSRC=0x309\r\nLocalMetrics:\r\n\
    SessionDesc:PT=8 PD=PCMA SR=8000 FD=20\r\nPacketLoss:NLR=2.0 JDR=0.0\r\n\
    BurstGapLoss:BLD=50 BD=200 GLD=0 GD=1800 GMIN=16\r\nDelay:RTD=200 ESD=140 SOWD=200 IAJ=2\r\n\
    QualityEst:MOSLQ=4.1 MOSCQ=4.0\r\nRemoteMetrics:\r\nSessionDesc:PT=8 PD=PCMA\r\nPacketLoss:NLR=0.0 JDR=0.0\r\n\
    QualityEst:MOSLQ=4.3\r\n";

#[test]
fn a_quality_report_speaks_of_both_directions() {
    let phone = "192.0.2.10:5062";
    let all = streams(vec![
        told(32_500, "vq_rtcpxr", phone, "192.0.2.30:5060", SESSION),
        // The phone sends it again; and its RTCP told of the same stream.
        told(33_000, "vq_rtcpxr", phone, "192.0.2.30:5060", SESSION),
        received(7_000, 1_000, 0),
        received(12_000, 1_250, 5),
    ]);
    assert_eq!(all.len(), 2, "{all:#?}");
    let heard = all.iter().find(|stream| stream["ssrc"] == FAR_SSRC).expect("what the phone heard");
    assert_eq!((&heard["reports"], &heard["copies"]), (&json!(3), &json!(1)));
    assert_eq!(
        (&heard["burst_ratio"], &heard["reporters"][1]["name"]),
        (&json!(1.9), &json!("<sip:alice@a.example>"))
    );
    assert_eq!(heard["loss_percent"], 2.0, "as RTCP has it");
    let labels: Vec<_> =
        heard["scores"].as_array().expect("scores").iter().map(|score| score["label"].as_str()).collect();
    assert_eq!(
        labels,
        [
            Some("LQ, narrowband, computed from RTCP"),
            Some("LQ, narrowband, computed from a quality report"),
            Some("CQ, narrowband, computed from a quality report"),
            Some("LQ, reported by the endpoint"),
            Some("CQ, reported by the endpoint"),
        ]
    );
    let sent = all.iter().find(|stream| stream["ssrc"] == PHONE_SSRC).expect("what the phone sent");
    assert_eq!(
        (&sent["reporters"][0]["name"], &sent["dst"]),
        (&json!("<sip:bob@b.example>"), &json!("192.0.2.20:30000"))
    );
}

#[test]
fn a_border_controller_and_an_agent_tell() {
    let controller = r#"{"NAME":"sbc-berlin","INC_ID":"media@example.org","INC_RTP_PK":5000,"INC_RTP_PK_LOSS":12,
        "INC_RTP_AVG_JITTER":8,"INC_RTP_MAX_JITTER":22,"INC_MOS":420,"INC_RVAL":8500,"CALLER_SRC_IP":"192.0.2.10",
        "CALLER_SRC_PORT":40000,"CALLER_DST_IP":"192.0.2.20","CALLER_DST_PORT":30000,"OUT_ID":"b","OUT_RTP_PK":4900,
        "OUT_RTP_PK_LOSS":100,"OUT_MOS":371,"OUT_RVAL":7300,"CALLEE_SRC_IP":"203.0.113.4","CALLEE_SRC_PORT":30000,
        "CALLEE_DST_IP":"192.0.2.20","CALLEE_DST_PORT":30002}"#;
    let agent = r#"{"CORRELATION_ID":"media@example.org","RTP_SIP_CALL_ID":"media@example.org","JITTER":1.5,
        "TOTAL_PK":1500,"EXPECTED_PK":1512,"PACKET_LOSS":12,"MOS":4.032,"SRC_IP":"192.0.2.10","SRC_PORT":40000,
        "DST_IP":"192.0.2.20","DST_PORT":30000,"CODEC_NAME":"PCMA","TYPE":"PERIODIC"}"#;
    let all = streams(vec![
        told(20_000, "rtp_report", PHONE, FAR, agent),
        told(33_000, "horaclifix", PHONE, FAR, controller),
    ]);
    assert_eq!(all.len(), 2, "{all:#?}");
    let from_phone = all.iter().find(|stream| stream["src"] == "192.0.2.10:40000").expect("from the phone");
    let names: Vec<_> = from_phone["reporters"]
        .as_array()
        .expect("reporters")
        .iter()
        .map(|reporter| (&reporter["kind"], &reporter["packets_lost"]))
        .collect();
    assert_eq!(names, [(&json!("agent"), &json!(12)), (&json!("border_controller"), &json!(12))]);
    assert_eq!(from_phone["packets_lost"], 12, "told twice, lost once");
    let score = from_phone["scores"]
        .as_array()
        .expect("scores")
        .iter()
        .find(|score| score["source"] == "reported_by_agent");
    assert!(score.is_some(), "{:#?}", from_phone["scores"]);
}

#[test]
fn phones_tell_in_their_bye() {
    let mut story = answered_call(CALL);
    story.retain(|captured| captured.protocol == "sip");
    for captured in &mut story {
        let text = String::from_utf8_lossy(&captured.payload).into_owned();
        if text.starts_with("BYE") {
            captured.payload = text
                .replacen("\r\nVia", "\r\nX-RTP-Stat: PS=1500,PR=1400,PL=100,JI=2\r\nVia", 1)
                .into_bytes();
        }
    }
    let server = Server::with(&[(600, story)]);
    let call = server.ask(&format!("/api/v1/call/{}", escaped(CALL)));
    let all = call["streams"].as_array().expect("streams");
    let lossy = all.iter().find(|stream| stream["packets_lost"] == 100).expect("what it received");
    assert_eq!((&lossy["packets_received"], &lossy["loss_percent"]), (&json!(1400), &json!(6.667)));
    assert_eq!(lossy["reporters"][0]["kind"], "rtp_stat");
}

#[test]
fn a_call_without_reports_has_no_streams() {
    assert_eq!(streams(Vec::new()), Vec::<Value>::new());
}
