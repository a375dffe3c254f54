//! Rules about media, by what was reported of it.

use calls::media::{Agreed, Figures, Jitter, Kind, Report, rtp_stats, streams};
use calls::{Blame, Call, Confidence, Finding, Severity};
use media::NtpTime;

use super::{ALICE, RELAY, SECOND, START, block, metrics, sent, with};
use crate::scenario::Scenario;

/// A call without a fault of its signalling.
const CALL: &str = "0 a>b INVITE 1 sdp=PCMA\n 1 b>a 200 INVITE 1 to=b sdp=PCMA\n 1.1 a>b ACK 1 to=b";

fn findings(script: &str, reports: &[Report<'_>]) -> Vec<Finding> {
    let scenario = Scenario::read(script);
    let messages = scenario.messages();
    let agreed = Agreed::of(&messages);
    let told = messages.iter().flat_map(|message| rtp_stats(message, &agreed));
    let reports: Vec<Report<'_>> = reports.iter().copied().chain(told).collect();
    let streams = streams(&reports, &agreed);
    Call::read(&messages, scenario.until()).with_streams(&streams).findings()
}

#[track_caller]
fn found(id: &str, script: &str, reports: &[Report<'_>]) -> Finding {
    let mut all = findings(script, reports);
    all.retain(|finding| finding.id == id);
    assert_eq!(all.len(), 1, "{id} once in {all:#?}");
    let finding = all.remove(0);
    assert!(
        !finding.text.is_empty() && !finding.next.is_empty() && !finding.proof.is_empty(),
        "{finding:#?}"
    );
    finding
}

#[track_caller]
fn silent(id: &str, script: &str, reports: &[Report<'_>]) {
    let all = findings(script, reports);
    assert!(all.iter().all(|finding| finding.id != id), "{all:#?}");
}

/// What the relay before Bob says of the same stream.
fn relayed(report: Report<'static>) -> Report<'static> {
    with(report, |report| {
        (report.src, report.dst, report.reporter_ssrc) = (RELAY, ALICE, Some(7));
        report.id += 500;
    })
}

/// Bob hears it from the relay.
fn behind(report: Report<'static>) -> Report<'static> {
    with(report, |report| report.dst = RELAY)
}

#[test]
fn loss_network() {
    let near = [relayed(block(5, 1_000, 0)), relayed(block(10, 1_250, 0)), relayed(block(15, 1_500, 1))];
    let far = [behind(block(5, 1_000, 0)), behind(block(10, 1_250, 20)), behind(block(15, 1_500, 45))];
    let finding = found("LOSS_NETWORK", CALL, &[near, far].concat());
    let blame = Blame::Hop("203.0.113.5:30001".into(), "198.51.100.2:4003".into());
    assert_eq!((finding.blame, finding.severity), (blame, Severity::Warning));
    assert_eq!(finding.proof, [5, 505, 15, 515]);
    // Both lost, and one of them more.
    let worse = near.map(|report| with(report, |report| report.figures.packets_lost = Some(report.id - 505)));
    found("LOSS_NETWORK", CALL, &[worse, far].concat());

    silent("LOSS_NETWORK", CALL, &far);
    let same = near.map(|report| {
        with(report, |report| {
            report.figures.packets_lost = far[(report.id as usize - 505) / 5].figures.packets_lost;
        })
    });
    silent("LOSS_NETWORK", CALL, &[same, far].concat());
    // Two who hear it side by side, as from a conference server.
    let beside = far.map(|report| with(report, |report| report.dst = ALICE));
    silent("LOSS_NETWORK", CALL, &[near, beside].concat());
    // One of them came late: it counts about other packets.
    silent(
        "LOSS_NETWORK",
        CALL,
        &[&near[..2], &[behind(block(5, 1_000, 0)), behind(block(60, 9_000, 300))]].concat(),
    );
}

fn bursts(density: f64, loss: f64) -> Report<'static> {
    metrics(
        5,
        Figures {
            loss_percent: Some(loss),
            burst_density_percent: Some(density),
            burst_duration_ms: Some(400.0),
            gap_density_percent: Some(1.0),
            gap_duration_ms: Some(9_600.0),
            ..Figures::default()
        },
    )
}

#[test]
fn loss_burst() {
    let finding = found("LOSS_BURST", CALL, &[bursts(80.0, 4.2)]);
    assert_eq!((finding.proof, finding.confidence), (vec![2_005], Confidence::Medium));
    let as_quality_report = with(bursts(90.0, 4.6), |report| report.kind = Kind::QualityReport);
    found("LOSS_BURST", CALL, &[as_quality_report]);
    silent("LOSS_BURST", CALL, &[bursts(10.0, 1.4)]);
    silent("LOSS_BURST", CALL, &[bursts(80.0, 0.1)]);
    // RTCP does not tell how loss lies.
    silent("LOSS_BURST", CALL, &[block(5, 1_000, 0), block(10, 1_250, 100)]);
}

#[test]
fn jitter_high() {
    let jitter = |units| {
        [5, 10, 15, 20].map(|at| {
            with(block(at, at * 50, 0), |report| report.figures.jitter = Some(Jitter::Units(units)))
        })
    };
    let finding = found("JITTER_HIGH", CALL, &jitter(480));
    assert!(finding.text.contains("60 ms"), "{}", finding.text);
    let late =
        metrics(5, Figures { loss_percent: Some(0.5), discard_percent: Some(3.0), ..Figures::default() });
    assert_eq!(found("JITTER_HIGH", CALL, &[late]).confidence, Confidence::High);

    silent("JITTER_HIGH", CALL, &jitter(80));
    // One moment; or a clock that nobody knows.
    silent("JITTER_HIGH", CALL, &jitter(480)[..1]);
    silent("JITTER_HIGH", "0 a>b INVITE 1", &jitter(480));
    let lost =
        metrics(5, Figures { loss_percent: Some(5.0), discard_percent: Some(3.0), ..Figures::default() });
    silent("JITTER_HIGH", CALL, &[lost]);
}

/// Bob's answer to the sender report of the second before, `millis` after it.
fn answered(seconds: i64, millis: i64) -> [Report<'static>; 2] {
    let answer = with(block(seconds, seconds * 50, 0), |report| {
        report.at = START + (seconds - 1) * SECOND + millis * 1_000;
        report.figures.last_sr =
            Some(i64::from(NtpTime::from_unix_micros(START + (seconds - 1) * SECOND).middle()));
        report.figures.delay_since_last_sr = Some(0);
    });
    [sent(seconds - 1, seconds * 50), answer]
}

#[test]
fn delay_high() {
    let slow = [answered(5, 700), answered(10, 650)].concat();
    let finding = found("DELAY_HIGH", CALL, &slow);
    assert!(finding.text.contains("650 ms"), "{}", finding.text);
    let told =
        metrics(5, Figures { loss_percent: Some(0.0), round_trip_ms: Some(420.0), ..Figures::default() });
    found("DELAY_HIGH", CALL, &[told]);

    silent("DELAY_HIGH", CALL, &[answered(5, 80), answered(10, 90)].concat());
    // One bad moment of many.
    silent("DELAY_HIGH", CALL, &[answered(5, 80), answered(10, 900), answered(15, 80)].concat());
    // Without the sender report, two clocks may disagree.
    silent("DELAY_HIGH", CALL, &[answered(5, 700)[1], answered(10, 650)[1]]);
}

#[test]
fn echo_level() {
    let levels = |echo, signal| {
        [metrics(
            5,
            Figures {
                echo_return_loss: echo,
                signal_level: signal,
                loss_percent: Some(0.0),
                ..Figures::default()
            },
        )]
    };
    let finding = found("ECHO_LEVEL", CALL, &levels(Some(12.0), Some(-20.0)));
    assert_eq!((finding.blame, finding.proof), (Blame::Host("198.51.100.2:4003".into()), vec![2_005]));
    assert!(found("ECHO_LEVEL", CALL, &levels(None, Some(-55.0))).text.contains("faint"));
    assert!(found("ECHO_LEVEL", CALL, &levels(Some(55.0), Some(-2.0))).text.contains("loud"));
    silent("ECHO_LEVEL", CALL, &levels(Some(55.0), Some(-20.0)));
    silent("ECHO_LEVEL", CALL, &levels(Some(127.0), Some(127.0)));
}

#[test]
fn quality_low() {
    let lossy = [block(5, 1_000, 0), block(10, 1_250, 25), block(15, 1_500, 50)];
    let finding = found("QUALITY_LOW", CALL, &lossy);
    assert!(finding.text.contains("MOS of 3.41") && finding.text.contains("10.0 % lost"), "{}", finding.text);
    assert!(finding.text.contains("LQ, narrowband, computed from RTCP"), "{}", finding.text);
    let told = metrics(5, Figures { mos_cq: Some(2.4), ..Figures::default() });
    found("QUALITY_LOW", CALL, &[told]);
    silent("QUALITY_LOW", CALL, &[block(5, 1_000, 0), block(10, 1_250, 1), block(15, 1_500, 2)]);
    // A plain codec is no fault.
    let plain = CALL.replace("PCMA", "GSM");
    silent("QUALITY_LOW", &plain, &[block(5, 1_000, 0), block(10, 1_250, 0)]);
    // Loss of a codec that nobody can score.
    silent("QUALITY_LOW", &CALL.replace("PCMA", "L16"), &lossy);
}

fn ended(at_a: &str, at_b: &str) -> String {
    format!("{CALL}\n 20 a>b BYE 2 to=b | X-RTP-Stat: {at_a}\n 20.1 b>a 200 BYE 2 | X-RTP-Stat: {at_b}")
}

#[test]
fn one_way_audio() {
    let finding = found("ONE_WAY_AUDIO", &ended("PS=900,PR=0,PL=0", "PS=940,PR=890,PL=0"), &[]);
    let blame = Blame::Hop("198.51.100.2:4000".into(), "192.0.2.1:4000".into());
    assert_eq!(
        (finding.blame, finding.severity, finding.confidence),
        (blame, Severity::Error, Confidence::High)
    );
    assert_eq!(finding.proof, [4, 5]);
    // The other way round; and who hears nothing may be the only one who knows that something was sent.
    found("ONE_WAY_AUDIO", &ended("PS=900,PR=940", "PS=940,PR=0"), &[]);

    silent("ONE_WAY_AUDIO", &ended("PS=900,PR=930", "PS=940,PR=890"), &[]);
    // Nothing reported is no report of nothing.
    silent("ONE_WAY_AUDIO", &ended("PS=900", "PS=940,PR=890"), &[]);
    silent("ONE_WAY_AUDIO", &ended("PS=900,PR=0", "PS=20,PR=12"), &[]);
    let held = ended("PS=900,PR=0", "PS=0,PR=890").replace(
        CALL,
        &format!(
            "{CALL}\n 5 a>b INVITE 3 to=b sdp=PCMA;hold\n 5.1 b>a 200 INVITE 3 sdp=PCMA\n 5.2 a>b ACK 3 to=b"
        ),
    );
    silent("ONE_WAY_AUDIO", &held, &[]);
}

#[test]
fn no_audio() {
    let finding = found("NO_AUDIO", &ended("PS=900,PR=0", "PS=940,PR=0"), &[]);
    assert_eq!(
        (finding.blame, finding.severity, finding.proof),
        (Blame::Unknown, Severity::Error, vec![4, 5])
    );
    found("NO_AUDIO", &ended("PS=0,PR=0,PL=0", "PS=0,PR=0,PL=0"), &[]);
    silent("NO_AUDIO", &ended("PS=900,PR=930", "PS=940,PR=890"), &[]);
    silent("NO_AUDIO", &ended("PS=900,PR=0", "PS=940"), &[]);
    silent("NO_AUDIO", &ended("PS=900,PR=0", "PS=940,PR=890"), &[]);
    // Over before anybody could speak.
    silent(
        "NO_AUDIO",
        &ended("PS=0,PR=0", "PS=0,PR=0").replace("20 a>b", "2 a>b").replace("20.1 b>a", "2.1 b>a"),
        &[],
    );
}

#[test]
fn a_good_stream_has_no_finding() {
    let good = [sent(4, 200), block(5, 249, 0), block(10, 499, 1), block(15, 749, 1)];
    let all = findings(&ended("PS=900,PR=930,PL=0", "PS=940,PR=890,PL=1"), &good);
    assert!(all.iter().all(|finding| finding.severity == Severity::Info), "{all:#?}");
}
