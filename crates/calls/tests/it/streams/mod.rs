//! Streams from reports.

mod counters;
mod findings;
mod labels;
mod recorded;
mod round_trip;
pub(crate) mod rows;
mod twice;
mod vectors;

use calls::End;
use calls::media::{Agreed, By, Figures, Jitter, Kind, Report, Stream, streams};

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const START: i64 = 1_700_000_000 * SECOND;
/// Who sends, who receives, and the address of a relay between them.
pub(crate) const ALICE: End<'_> = End { ip: Some("192.0.2.1"), port: Some(4001) };
pub(crate) const BOB: End<'_> = End { ip: Some("198.51.100.2"), port: Some(4003) };
pub(crate) const RELAY: End<'_> = End { ip: Some("203.0.113.5"), port: Some(30_001) };
pub(crate) const ALICE_SSRC: u32 = 0xa11ce;
pub(crate) const BOB_SSRC: u32 = 0xb0b;

/// Bob tells what he got of Alice's stream, `seconds` after the start.
pub(crate) fn block(seconds: i64, sequence: i64, lost: i64) -> Report<'static> {
    Report {
        id: seconds,
        at: START + seconds * SECOND,
        kind: Kind::ReportBlock,
        by: By::Receiver,
        src: BOB,
        dst: ALICE,
        ssrc: Some(ALICE_SSRC),
        reporter_ssrc: Some(BOB_SSRC),
        figures: Figures {
            highest_sequence: Some(sequence),
            packets_lost: Some(lost),
            jitter: Some(Jitter::Units(80)),
            // Holding a sender report that nobody knows would tell a round trip; none does not.
            last_sr: None,
            ..Figures::default()
        },
        ..Report::default()
    }
}

/// Alice tells what she sent.
pub(crate) fn sent(seconds: i64, packets: i64) -> Report<'static> {
    Report {
        id: 1_000 + seconds,
        at: START + seconds * SECOND,
        kind: Kind::SenderReport,
        by: By::Sender,
        src: ALICE,
        dst: BOB,
        ssrc: Some(ALICE_SSRC),
        figures: Figures {
            packets: Some(packets),
            ntp_time: Some(START + seconds * SECOND),
            ..Figures::default()
        },
        ..Report::default()
    }
}

/// Bob's metrics.
pub(crate) fn metrics(seconds: i64, figures: Figures<'static>) -> Report<'static> {
    Report { kind: Kind::VoipMetrics, figures, id: 2_000 + seconds, ..block(seconds, 0, 0) }
}

pub(crate) fn with<'a>(report: Report<'a>, change: impl FnOnce(&mut Report<'a>)) -> Report<'a> {
    let mut report = report;
    change(&mut report);
    report
}

#[track_caller]
pub(crate) fn one(reports: &[Report<'_>]) -> Stream {
    let mut all = streams(reports, &Agreed::default());
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

pub(crate) fn problems(stream: &Stream) -> Vec<&'static str> {
    stream.problems.iter().map(|problem| problem.as_str()).collect()
}

/// Two digits, as people read them.
pub(crate) fn rounded(value: Option<f64>) -> Option<f64> {
    value.map(|value| (value * 100.0).round() / 100.0)
}
