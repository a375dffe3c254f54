use calls::End;
use calls::media::{Agreed, By, Figures, Kind, Report, streams};

use super::{ALICE, BOB, BOB_SSRC, RELAY, block, metrics, one, sent, with};

#[test]
fn a_report_that_a_relay_passes_on_counts_once() {
    // From Bob to the relay, from there to Alice; and a second capture point saw the first again.
    let forwarded = |report: Report<'static>| {
        let passed = with(report, |report| {
            (report.src, report.dst) = (RELAY, ALICE);
            report.at += 400;
            report.id += 100;
        });
        let seen = with(report, |report| {
            report.at += 900;
            report.id += 200;
        });
        [report, passed, seen]
    };
    let reports: Vec<Report<'_>> =
        [block(5, 249, 3), block(10, 499, 8)].into_iter().flat_map(forwarded).collect();
    let stream = one(&reports);
    assert_eq!((stream.reports, stream.copies, stream.reporters.len()), (2, 4, 1));
    assert_eq!((stream.packets_expected, stream.packets_lost), (Some(250), Some(8)));
    assert_eq!(stream.dst.as_deref(), Some("198.51.100.2:4003"), "as it was seen first");
}

#[test]
fn counters_that_stand_still_are_no_copies() {
    let stream = one(&[block(5, 249, 0), block(10, 249, 0), block(15, 249, 0)]);
    assert_eq!((stream.reports, stream.copies), (3, 0));
}

#[test]
fn metrics_inside_rtcp_and_by_themselves_are_the_same() {
    let figures = Figures { loss_percent: Some(2.0), mos_lq: Some(4.1), ..Figures::default() };
    let alone = with(metrics(5, figures), |report| report.reporter_ssrc = None);
    let stream = one(&[metrics(5, figures), alone]);
    assert_eq!((stream.reports, stream.copies, stream.scores[0].count), (1, 1, 1));
}

#[test]
fn a_last_report_counts_once_however_often_it_is_sent() {
    let last = |seconds, reporter| {
        with(
            metrics(seconds, Figures { packets: Some(3_000), packets_lost: Some(30), ..Figures::default() }),
            |report| {
                report.kind = Kind::QualityReport;
                (report.reporter, report.reporter_ssrc) = (Some(reporter), None);
            },
        )
    };
    let stream = one(&[last(60, "<sip:bob@b>"), last(64, "<sip:bob@b>"), last(90, "<sip:bob@b>")]);
    assert_eq!((stream.reports, stream.copies, stream.packets_lost), (1, 2, Some(30)));
    // Another one says the same of the same stream: two accounts, and the loss is still that of one.
    let stream = one(&[last(60, "<sip:bob@b>"), last(61, "probe")]);
    assert_eq!(
        (stream.reporters.len(), stream.packets_lost, stream.packets_expected),
        (2, Some(30), Some(3_030))
    );
}

#[test]
fn several_accounts_of_one_stream_are_not_added_up() {
    let relay = |seconds, sequence, lost| {
        with(block(seconds, sequence, lost), |report| {
            (report.src, report.reporter_ssrc) = (RELAY, Some(7));
        })
    };
    let stream = one(&[relay(5, 249, 0), block(5, 249, 0), relay(10, 499, 1), block(10, 499, 25)]);
    let lost: Vec<_> =
        stream.reporters.iter().map(|reporter| (reporter.ssrc, reporter.packets_lost)).collect();
    assert_eq!(lost, [(Some(7), Some(1)), (Some(BOB_SSRC), Some(25))]);
    assert_eq!((stream.packets_lost, stream.speaker), (Some(25), Some(1)), "the furthest speaks");
}

#[test]
fn what_has_no_ssrc_joins_by_addresses() {
    let rtp = |end: End<'static>| End { port: end.port.map(|port| port - 1), ..end };
    let seen = Report {
        id: 7,
        kind: Kind::Agent,
        by: By::Between,
        stream_src: Some(rtp(ALICE)),
        stream_dst: Some(rtp(BOB)),
        ssrc: None,
        reporter_ssrc: None,
        figures: Figures { packets: Some(740), packets_lost: Some(10), ..Figures::default() },
        ..block(20, 0, 0)
    };
    let stream = one(&[sent(4, 200), block(5, 249, 0), block(10, 499, 10), seen]);
    assert_eq!((stream.reporters.len(), stream.packets_lost), (2, Some(10)));
    // The other direction is another stream.
    let back = Report { stream_src: seen.stream_dst, stream_dst: seen.stream_src, ..seen };
    assert_eq!(streams(&[block(5, 249, 0), seen, back], &Agreed::default()).len(), 2);
    // Alone, they are a stream by their addresses.
    let alone = one(&[seen]);
    assert_eq!(
        (alone.ssrc, alone.src.as_deref(), alone.dst.as_deref()),
        (None, Some("192.0.2.1:4000"), Some("198.51.100.2:4002"))
    );
}

#[test]
fn one_ssrc_in_both_directions_is_two_streams() {
    let back = with(block(5, 99, 0), |report| {
        (report.src, report.dst, report.reporter_ssrc) = (ALICE, BOB, Some(9));
    });
    assert_eq!(streams(&[block(5, 249, 0), back], &Agreed::default()).len(), 2);
}
