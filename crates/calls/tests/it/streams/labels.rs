//! Codecs, and what scores are called.

use calls::media::{
    Agreed, CodecSource, Figures, Jitter, Kind, Report, ScoreKind, Source, Stream, rtp_stats, streams,
};
use media::emodel::Band;

use super::{block, metrics, rounded, with};
use crate::scenario::Scenario;

fn scored(script: &str, reports: &[Report<'_>]) -> Stream {
    let scenario = Scenario::read(script);
    let agreed = Agreed::of(&scenario.messages());
    let mut all = streams(reports, &agreed);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

fn labels(stream: &Stream) -> Vec<(ScoreKind, Option<Band>, Source, f64)> {
    let score = |score: &calls::media::Score| {
        (score.kind, score.band, score.source, rounded(Some(score.mos_mean)).unwrap_or_default())
    };
    stream.scores.iter().map(score).collect()
}

const CALL: &str = "0 a>b INVITE 1 sdp=PCMA,G729\n 1 b>a 200 INVITE 1 to=b sdp=G729\n 1.1 a>b ACK 1 to=b";

#[test]
fn the_answer_says_the_codec() {
    let stream = scored(CALL, &[block(5, 249, 0), block(10, 499, 5), block(15, 749, 5)]);
    let codec = stream.codec.as_ref().expect("a codec");
    assert_eq!(
        (codec.name.as_str(), codec.clock_rate, codec.source),
        ("G729", Some(8_000), CodecSource::Agreed)
    );
    // No loss to judge before the first report; then 2 % and none: 3.79 and 4.10.
    assert_eq!(labels(&stream), [(ScoreKind::Listening, Some(Band::Narrow), Source::FromRtcp, 3.95)]);
    assert_eq!(rounded(Some(stream.scores[0].mos_min)), Some(3.79));
    assert!(stream.problems.is_empty(), "{:?}", stream.problems);
}

#[test]
fn the_answer_says_the_parameters_too() {
    let without = CALL.replace("sdp=G729", "sdp=G729;annexb=no");
    let stream = scored(&without, &[block(5, 249, 0), block(10, 499, 0)]);
    assert_eq!(stream.codec.and_then(|codec| codec.table).map(|table| table.name), Some("G.729"));
}

#[test]
fn an_offer_alone_says_no_codec() {
    let stream = scored("0 a>b INVITE 1 sdp=PCMA,G729", &[block(5, 249, 0), block(10, 499, 5)]);
    assert_eq!((stream.codec, stream.scores.len()), (None, 0));
    assert_eq!(stream.problems.len(), 1, "the clock is assumed: {:?}", stream.problems);
}

#[test]
fn jitter_is_read_by_the_clock_agreed() {
    let script = CALL.replace("sdp=G729", "sdp=opus/48000");
    let stream =
        scored(&script, &[with(block(5, 1, 0), |report| report.figures.jitter = Some(Jitter::Units(480)))]);
    assert_eq!(stream.jitter_max_ms, Some(10.0));
}

#[test]
fn metrics_have_computed_and_reported_scores() {
    let figures = Figures {
        loss_percent: Some(1.0),
        discard_percent: Some(1.0),
        round_trip_ms: Some(200.0),
        end_system_ms: Some(100.0),
        r_factor: Some(80.0),
        mos_lq: Some(4.1),
        mos_cq: Some(3.9),
        codec: Some("G.711"),
        ..Figures::default()
    };
    let stream = scored(CALL, &[metrics(5, figures)]);
    assert_eq!(
        labels(&stream),
        [
            // 2 % are missed; then with 200 ms from mouth to ear.
            (ScoreKind::Listening, Some(Band::Narrow), Source::FromExtendedReport, 4.23),
            (ScoreKind::Conversation, Some(Band::Narrow), Source::FromExtendedReport, 3.98),
            (ScoreKind::Listening, None, Source::ReportedByEndpoint, 4.1),
            (ScoreKind::Conversation, None, Source::ReportedByEndpoint, 3.9),
        ]
    );
    let reported = stream.scores.iter().find(|score| score.r_mean == Some(80.0)).expect("R");
    assert_eq!(reported.kind, ScoreKind::Conversation);
}

#[test]
fn whole_reports_speak_before_parts() {
    let part = |seconds, lost, is_interval| {
        with(
            metrics(
                seconds,
                Figures { packets: Some(100 - lost), packets_lost: Some(lost), ..Figures::default() },
            ),
            |report| {
                (report.kind, report.is_interval) = (Kind::QualityReport, is_interval);
            },
        )
    };
    let stream = scored(CALL, &[part(5, 10, true), part(10, 0, true), part(11, 5, false)]);
    assert_eq!((stream.loss_percent, stream.packets_lost, stream.points.len()), (Some(5.0), Some(5), 3));
    let parts = scored(CALL, &[part(5, 10, true), part(10, 0, true), part(15, 2, true)]);
    assert_eq!((parts.packets_lost, parts.loss_percent), (Some(12), Some(4.0)));
}

#[test]
fn phones_tell_in_their_bye() {
    let script = format!(
        "{CALL}\n
        20   a>b BYE 2 to=b | X-RTP-Stat: PS=950,OS=152000,PR=900,OR=144000,PL=47,JI=3,EN=PCMA,DE=PCMA
        20.1 b>a 200 BYE 2 | P-RTP-Stat: PS=947,PR=940,PL=10,JI=2"
    );
    let scenario = Scenario::read(&script);
    let messages = scenario.messages();
    let agreed = Agreed::of(&messages);
    let reports: Vec<_> = messages.iter().flat_map(|message| rtp_stats(message, &agreed)).collect();
    let all = streams(&reports, &agreed);
    assert_eq!(all.len(), 2, "{all:#?}");
    let to_alice = all.iter().find(|stream| stream.dst.as_deref() == Some("192.0.2.1:4000")).expect("to a");
    assert_eq!(
        (to_alice.packets_sent, to_alice.packets_received, to_alice.packets_lost),
        (Some(947), Some(900), Some(47))
    );
    assert_eq!((rounded(to_alice.loss_percent), to_alice.jitter_max_ms), (Some(4.96), Some(3.0)));
    assert_eq!(to_alice.scores[0].source, Source::FromCounters);
    let to_bob = all.iter().find(|stream| stream.dst.as_deref() == Some("198.51.100.2:4000")).expect("to b");
    assert_eq!(
        (to_bob.packets_sent, to_bob.packets_received, to_bob.packets_lost),
        (Some(950), Some(940), Some(10))
    );
}
