use calls::media::{Agreed, Figures, Jitter, POINTS_MAX, Report, STREAMS_MAX, streams};
use proptest::prelude::*;

use super::{ALICE, ALICE_SSRC, BOB, SECOND, START, block, metrics, one, problems, rounded, sent, with};

#[test]
fn a_stream_is_summed_up_from_its_reports() {
    let stream = one(&[sent(4, 200), block(5, 249, 0), sent(9, 450), block(10, 499, 10), block(15, 749, 10)]);
    assert_eq!((stream.ssrc, stream.reports, stream.copies), (Some(ALICE_SSRC), 5, 0));
    assert_eq!(
        (stream.src.as_deref(), stream.dst.as_deref()),
        (Some("192.0.2.1:4001"), Some("198.51.100.2:4003"))
    );
    assert_eq!((stream.packets_sent, stream.packets_lost), (Some(450), Some(10)));
    // 200 as the sender says, then twice 250 by sequence numbers.
    assert_eq!((stream.packets_expected, rounded(stream.loss_percent)), (Some(700), Some(1.43)));
    let losses: Vec<_> = stream.points.iter().map(|point| (point.id, point.loss_percent)).collect();
    assert_eq!(losses, [(5, Some(0.0)), (10, Some(4.0)), (15, Some(0.0))]);
    // 80 units of 8,000 Hz.
    assert_eq!((stream.jitter_p95_ms, stream.jitter_max_ms), (Some(10.0), Some(10.0)));
}

#[test]
fn the_first_report_counts_if_its_fraction_tells_of_how_many() {
    let first = with(block(5, 249, 25), |report| report.figures.fraction_lost_percent = Some(10.0));
    let stream = one(&[first]);
    assert_eq!(
        (stream.packets_expected, stream.packets_lost, stream.loss_percent),
        (Some(250), Some(25), Some(10.0))
    );
    let nothing = one(&[block(5, 249, 25)]);
    assert_eq!(
        (nothing.packets_expected, nothing.packets_lost, nothing.loss_percent),
        (None, Some(25), None)
    );
}

#[test]
fn a_late_report_is_passed_over() {
    let at = |seconds: i64, sequence, last_sr| {
        with(block(seconds, sequence, 0), |report| {
            report.figures.last_sr = Some(last_sr);
            report.figures.delay_since_last_sr = Some(0);
        })
    };
    let stream =
        one(&[at(5, 1_000, 65_536), at(6, 1_500, 196_608), at(7, 1_250, 131_072), at(10, 1_750, 300_000)]);
    assert!(problems(&stream).contains(&"out_of_order"), "{:?}", stream.problems);
    assert!(!problems(&stream).contains(&"counters_restarted"), "{:?}", stream.problems);
    assert_eq!(stream.packets_expected, Some(750));
}

#[test]
fn senders_counters_run_over_and_begin_anew() {
    let over = one(&[sent(5, 4_294_967_290), sent(10, 244), block(11, 1, 0)]);
    assert_eq!((over.packets_sent, problems(&over)[0]), (Some(4_294_967_540), "packets_wrapped"));
    let anew = one(&[sent(5, 900), sent(10, 100), block(11, 1, 0)]);
    assert_eq!((anew.packets_sent, problems(&anew)[0]), (Some(1_000), "counters_restarted"));
}

#[test]
fn jitter_that_cannot_be_is_left_out() {
    let stream = one(&[
        block(5, 249, 0),
        with(block(10, 499, 0), |report| report.figures.jitter = Some(Jitter::Units(4_294_967_295))),
        with(block(15, 749, 0), |report| report.figures.jitter = Some(Jitter::Units(-1))),
    ]);
    assert_eq!(stream.jitter_max_ms, Some(10.0));
    assert_eq!(problems(&stream), ["clock_rate_assumed", "jitter_impossible"]);
}

#[test]
fn scores_that_are_not_available_are_none() {
    let stream = one(&[metrics(
        5,
        Figures {
            r_factor: Some(127.0),
            mos_lq: Some(127.0),
            mos_cq: Some(12.7),
            loss_percent: Some(0.0),
            ..Figures::default()
        },
    )]);
    assert_eq!((stream.scores.len(), problems(&stream)), (0, vec!["score_unavailable"]));
}

#[test]
fn work_is_bounded() {
    let many: Vec<Report<'_>> = (0..10_000).map(|number| block(number, number * 50, 0)).collect();
    let stream = one(&many);
    assert!(stream.points.len() <= POINTS_MAX && stream.points.len() > POINTS_MAX / 2);
    assert_eq!(
        (stream.points.first().unwrap().at, stream.points.last().unwrap().at),
        (START, START + 9_999 * SECOND)
    );
    let sources: Vec<Report<'_>> =
        (0..1_000).map(|number| with(block(5, 1, 0), |report| report.ssrc = Some(number))).collect();
    let all = streams(&sources, &Agreed::default());
    assert_eq!(all.len(), STREAMS_MAX);
    assert!(all.iter().any(|stream| problems(stream).contains(&"reports_left_out")));
}

fn reports() -> impl Strategy<Value = Vec<Report<'static>>> {
    let number =
        || prop::option::of(prop_oneof![any::<i64>(), -5_i64..300, Just(0x80_0000), Just(4_294_967_295)]);
    let measure = || {
        prop::option::of(prop_oneof![
            any::<f64>(),
            0.0..100.0_f64,
            Just(127.0),
            Just(f64::NAN),
            Just(f64::INFINITY)
        ])
    };
    let kind = prop::sample::select(vec![
        (calls::media::Kind::ReportBlock, calls::media::By::Receiver),
        (calls::media::Kind::SenderReport, calls::media::By::Sender),
        (calls::media::Kind::VoipMetrics, calls::media::By::Receiver),
        (calls::media::Kind::Agent, calls::media::By::Between),
        (calls::media::Kind::RtpStat, calls::media::By::Sender),
    ]);
    let numbers = (number(), number(), number(), number(), number(), number());
    let measures = (measure(), measure(), measure(), measure(), measure(), measure(), measure());
    let ssrc = prop::sample::select(vec![None, Some(1), Some(2)]);
    let ends =
        prop::sample::select(vec![(ALICE, BOB), (BOB, ALICE), (ALICE, ALICE), (Default::default(), BOB)]);
    let codec = prop::sample::select(vec![None, Some("PCMA"), Some("opus"), Some("?")]);
    let one = (any::<i64>(), kind, ssrc, ends, numbers, measures, codec, any::<bool>());
    let one =
        one.prop_map(|(at, (kind, by), ssrc, (src, dst), numbers, measures, codec, is_interval)| Report {
            id: at,
            at: at.clamp(0, 4_000_000_000 * SECOND),
            kind,
            by,
            ssrc,
            src,
            dst,
            is_interval,
            figures: Figures {
                packets: numbers.0,
                packets_lost: numbers.1,
                highest_sequence: numbers.2,
                jitter: numbers.3.map(Jitter::Units),
                last_sr: numbers.4,
                delay_since_last_sr: numbers.5,
                ntp_time: numbers.0,
                fraction_lost_percent: measures.0,
                loss_percent: measures.1,
                discard_percent: measures.2,
                burst_density_percent: measures.3,
                burst_duration_ms: measures.4,
                gap_density_percent: measures.3,
                gap_duration_ms: measures.5,
                round_trip_ms: measures.6,
                mos: measures.5,
                r_factor: measures.6,
                codec,
                ..Figures::default()
            },
            ..Report::default()
        });
    prop::collection::vec(one, 0..24)
}

proptest! {
    /// Any counters at all: percentages stay percentages, scores stay scores, and every report is somewhere.
    #[test]
    fn nothing_makes_it_panic(mut reports in reports()) {
        reports.sort_by_key(|report| report.at);
        let all = streams(&reports, &Agreed::default());
        prop_assert_eq!(all.iter().map(|stream| stream.reports + stream.copies).sum::<usize>(), reports.len());
        for finding in calls::Call::read(&[], 0).with_streams(&all).findings() {
            prop_assert!(!finding.text.is_empty() && finding.proof.len() <= calls::findings::PROOF_MAX);
        }
        for stream in all {
            for percent in [stream.loss_percent, stream.discard_percent].into_iter().flatten() {
                prop_assert!((0.0..=100.0).contains(&percent), "{}", percent);
            }
            for score in &stream.scores {
                prop_assert!((1.0..=5.0).contains(&score.mos_min) && score.mos_min <= score.mos_mean + 1e-9);
            }
            for point in &stream.points {
                prop_assert!(point.loss_percent.is_none_or(|percent| (0.0..=100.0).contains(&percent)));
                prop_assert!(point.jitter_ms.is_none_or(|millis| (0.0..=60_000.0).contains(&millis)));
                prop_assert!(point.round_trip_ms.is_none_or(|millis| millis >= 0.0));
            }
            prop_assert!(stream.burst_ratio.is_none_or(|ratio| ratio >= 1.0));
            prop_assert!(stream.packets_expected.is_none_or(|packets| packets >= 0));
        }
    }

    /// However a receiver's counters run over, what it lost and what was sent comes out the same.
    #[test]
    fn wraps_change_nothing(
        begin in 0_i64..(1 << 32),
        steps in prop::collection::vec((1_i64..2_000, 0_i64..50), 1..20),
    ) {
        let mut reports = vec![block(0, begin, 0)];
        let (mut sequence, mut lost) = (begin, 0);
        for (place, (forward, more)) in (1..).zip(&steps) {
            sequence += forward;
            lost += more.min(forward);
            reports.push(block(place * 5, sequence % (1 << 32), lost));
        }
        let stream = one(&reports);
        prop_assert_eq!((stream.packets_expected, stream.packets_lost), (Some(sequence - begin), Some(lost)));
    }
}
