use calls::media::Report;
use media::NtpTime;

use super::{SECOND, START, block, one, problems, sent, with};

/// Bob's answer at `micros` after the start to the sender report of the second `of`, which he held for `held_ms`.
fn answer(micros: i64, of: i64, held_ms: i64) -> Report<'static> {
    with(block(5, 249, 0), |report| {
        report.at = START + micros;
        report.figures.last_sr = Some(i64::from(NtpTime::from_unix_micros(START + of * SECOND).middle()));
        report.figures.delay_since_last_sr = Some(held_ms * 65_536 / 1_000);
    })
}

#[test]
fn is_from_the_capture_point_where_it_saw_the_sender_report() {
    // The sender's clock is an hour ahead: only what the capture saw counts.
    let ahead = with(sent(4, 200), |report| {
        report.figures.ntp_time = Some(START + (3_600 + 4) * SECOND);
    });
    let stream = one(&[ahead, answer(6_080_000, 3_604, 2_000)]);
    assert_eq!(stream.round_trip_p50_ms.map(f64::round), Some(80.0));
    assert_eq!(problems(&stream), ["clock_rate_assumed"]);
}

#[test]
fn trusts_clocks_where_it_did_not_and_says_so() {
    let stream = one(&[answer(6_120_000, 4, 2_000)]);
    assert_eq!(stream.round_trip_max_ms.map(f64::round), Some(120.0));
    assert!(problems(&stream).contains(&"round_trip_by_clocks"));
}

#[test]
fn is_none_where_it_cannot_be_one() {
    for (report, problem) in [
        (answer(5_000_000, 4, 2_000), "round_trip_negative"),
        (answer(60_000_000, 4, 2_000), "round_trip_impossible"),
        (with(answer(6_000_000, 4, 0), |report| report.figures.last_sr = Some(0)), "no_last_sender_report"),
    ] {
        let stream = one(&[report]);
        assert_eq!(stream.round_trip_max_ms, None);
        assert!(problems(&stream).contains(&problem), "{problem}: {:?}", stream.problems);
    }
    let seen = one(&[sent(4, 200), answer(5_000_000, 4, 2_000)]);
    assert_eq!((seen.round_trip_max_ms, problems(&seen).contains(&"round_trip_negative")), (None, true));
}
