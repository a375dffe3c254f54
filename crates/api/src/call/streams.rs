//! How good the media of a call was, of the room `calls`, as the API says it.

use model::Micros;
use protocols::sighting::Seen;
use serde::Serialize;
use utoipa::ToSchema;

use super::reports::Told;
use super::{is_sip, is_witness, session};
use crate::row::Row;

/// The media of one direction, by all who reported on it: docs/quality.md says how. Null: nobody said.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Stream {
    /// SSRC of the stream (RFC 3550 8).
    ssrc: Option<u32>,
    /// Where it comes from, `192.0.2.1:4000`; of RTCP if nothing else told.
    src: Option<String>,
    /// Where it goes to.
    dst: Option<String>,
    /// audio, video, where a session description says so.
    media: Option<String>,
    codec: Option<Codec>,
    /// As the sender says.
    packets_sent: Option<i64>,
    /// As the receiver says.
    packets_received: Option<i64>,
    /// Sent meanwhile, as the receiver concludes.
    packets_expected: Option<i64>,
    /// Negative: some came twice.
    packets_lost: Option<i64>,
    loss_percent: Option<f64>,
    /// Too late for the jitter buffer.
    discard_percent: Option<f64>,
    /// 1: random loss; more: in bursts (ITU-T G.107).
    burst_ratio: Option<f64>,
    jitter_p95_ms: Option<f64>,
    jitter_max_ms: Option<f64>,
    round_trip_p50_ms: Option<f64>,
    round_trip_max_ms: Option<f64>,
    /// Residual echo return loss in dB (RFC 3611 4.7.4).
    echo_return_loss: Option<f64>,
    /// Speech level in dBm0.
    signal_level: Option<f64>,
    /// Mean opinion scores with their labels, what can be compared best first.
    scores: Vec<Score>,
    reporters: Vec<Reporter>,
    /// Place in `reporters` of who speaks for the stream: loss and `points` are its.
    speaker: Option<usize>,
    /// What is odd about the reports, and what was done about it.
    problems: Vec<StreamProblem>,
    /// Reports, each once.
    reports: usize,
    /// Further sightings and copies of these.
    copies: usize,
    /// Over time.
    points: Vec<Point>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Codec {
    name: String,
    /// Hz.
    clock_rate: Option<u32>,
    source: CodecSource,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CodecSource {
    /// A report names it.
    Reported,
    /// The answer of the session descriptions has it first.
    Agreed,
}

/// A mean opinion score, 1 to 5.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Score {
    kind: ScoreKind,
    band: Option<Band>,
    source: ScoreSource,
    /// Of all intervals that have one.
    mos_mean: f64,
    mos_min: f64,
    /// R factor, on the scale of the band (ITU-T G.107).
    r_mean: Option<f64>,
    /// Intervals that have one.
    count: usize,
    /// The codec's parameters are in no standard, or in one source only.
    estimated: bool,
    /// Place in `reporters`.
    reporter: usize,
    /// The labels in words: `LQ, narrowband, computed from RTCP`.
    label: String,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ScoreKind {
    /// LQ: delay not considered.
    Listening,
    /// CQ: delay considered.
    Conversation,
    /// The reporter did not say.
    Unsaid,
}

/// How much of the voice spectrum the codec carries; scores of different bands do not compare.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Band {
    Narrow,
    Wide,
    Full,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ScoreSource {
    /// Computed from the metrics of RTCP XR (RFC 3611).
    FromExtendedReport,
    /// Computed from the figures of a quality report (RFC 6035).
    FromQualityReport,
    /// Computed from the counters of RTCP (RFC 3550).
    FromRtcp,
    /// Computed from counters told at the end or on the way.
    FromCounters,
    /// By a formula of the endpoint's own.
    ReportedByEndpoint,
    /// By a formula of the agent's or server's own.
    ReportedByAgent,
}

/// Who told of the stream, and what was lost by its account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Reporter {
    /// sender_report, report_block, voip_metrics, quality_report, rtp_stat, agent, server, border_controller
    kind: &'static str,
    /// receiver, between
    by: &'static str,
    name: String,
    ssrc: Option<u32>,
    /// Where it measured.
    place: Option<String>,
    reports: usize,
    packets_received: Option<i64>,
    packets_expected: Option<i64>,
    packets_lost: Option<i64>,
    loss_percent: Option<f64>,
    /// The records of its first and last report.
    first: String,
    last: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StreamProblem {
    /// Name, as in docs/quality.md.
    id: &'static str,
    text: &'static str,
}

/// At one moment, of the interval before it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Point {
    at: String,
    /// The record that told.
    message: String,
    loss_percent: Option<f64>,
    jitter_ms: Option<f64>,
    round_trip_ms: Option<f64>,
    /// Computed, of listening; as reported where no codec is known.
    mos: Option<f64>,
}

/// The streams that rows of a call tell of.
pub(super) fn streams(rows: &[Row], seen: &[Seen<usize>]) -> Vec<calls::media::Stream> {
    let own = rows.iter().zip(seen).filter(|(_, seen)| !is_witness(seen)).map(|(row, _)| row);
    let payloads: Vec<_> = own
        .filter(|row| is_sip(row))
        .map(|row| (row, row.shown().unwrap_or(std::borrow::Cow::Borrowed(&row.raw))))
        .collect();
    let messages: Vec<calls::Message<'_>> = payloads
        .iter()
        .map(|(row, payload)| calls::Message { raw: payload.as_ref().into(), ..session::message(row) })
        .collect();
    let agreed = calls::media::Agreed::of(&messages);
    let told: Vec<Told<'_>> = rows.iter().filter_map(Told::of).collect();
    let mut reports: Vec<_> = told.iter().flat_map(Told::reports).collect();
    reports.extend(messages.iter().flat_map(|message| calls::media::rtp_stats(message, &agreed)));
    reports.sort_by_key(|report| (report.at, report.id));
    calls::media::streams(&reports, &agreed)
}

impl From<calls::media::Stream> for Stream {
    fn from(stream: calls::media::Stream) -> Self {
        Self {
            ssrc: stream.ssrc,
            src: stream.src,
            dst: stream.dst,
            media: stream.media,
            codec: stream.codec.map(|codec| Codec {
                name: codec.name,
                clock_rate: codec.clock_rate,
                source: match codec.source {
                    calls::media::CodecSource::Reported => CodecSource::Reported,
                    calls::media::CodecSource::Agreed => CodecSource::Agreed,
                },
            }),
            packets_sent: stream.packets_sent,
            packets_received: stream.packets_received,
            packets_expected: stream.packets_expected,
            packets_lost: stream.packets_lost,
            loss_percent: rounded(stream.loss_percent),
            discard_percent: rounded(stream.discard_percent),
            burst_ratio: rounded(stream.burst_ratio),
            jitter_p95_ms: rounded(stream.jitter_p95_ms),
            jitter_max_ms: rounded(stream.jitter_max_ms),
            round_trip_p50_ms: rounded(stream.round_trip_p50_ms),
            round_trip_max_ms: rounded(stream.round_trip_max_ms),
            echo_return_loss: stream.echo_return_loss,
            signal_level: stream.signal_level,
            scores: stream.scores.into_iter().map(Score::from).collect(),
            reporters: stream.reporters.into_iter().map(Reporter::from).collect(),
            speaker: stream.speaker,
            problems: stream
                .problems
                .iter()
                .map(|problem| StreamProblem { id: problem.as_str(), text: problem.message() })
                .collect(),
            reports: stream.reports,
            copies: stream.copies,
            points: stream.points.iter().map(Point::from).collect(),
        }
    }
}

impl From<calls::media::Score> for Score {
    fn from(score: calls::media::Score) -> Self {
        let label = score.label();
        Self {
            kind: match score.kind {
                calls::media::ScoreKind::Listening => ScoreKind::Listening,
                calls::media::ScoreKind::Conversation => ScoreKind::Conversation,
                calls::media::ScoreKind::Unsaid => ScoreKind::Unsaid,
            },
            band: score.band.map(|band| match band {
                calls::media::Band::Narrow => Band::Narrow,
                calls::media::Band::Wide => Band::Wide,
                calls::media::Band::Full => Band::Full,
            }),
            source: match score.source {
                calls::media::Source::FromExtendedReport => ScoreSource::FromExtendedReport,
                calls::media::Source::FromQualityReport => ScoreSource::FromQualityReport,
                calls::media::Source::FromRtcp => ScoreSource::FromRtcp,
                calls::media::Source::FromCounters => ScoreSource::FromCounters,
                calls::media::Source::ReportedByEndpoint => ScoreSource::ReportedByEndpoint,
                calls::media::Source::ReportedByAgent => ScoreSource::ReportedByAgent,
            },
            mos_mean: round(score.mos_mean),
            mos_min: round(score.mos_min),
            r_mean: rounded(score.r_mean),
            count: score.count,
            estimated: score.is_estimated,
            reporter: score.reporter,
            label,
        }
    }
}

impl From<calls::media::Reporter> for Reporter {
    fn from(reporter: calls::media::Reporter) -> Self {
        Self {
            kind: reporter.kind.as_str(),
            by: match reporter.by {
                calls::media::By::Receiver => "receiver",
                calls::media::By::Sender => "sender",
                calls::media::By::Between => "between",
            },
            name: reporter.name,
            ssrc: reporter.ssrc,
            place: reporter.place,
            reports: reporter.reports,
            packets_received: reporter.packets_received,
            packets_expected: reporter.packets_expected,
            packets_lost: reporter.packets_lost,
            loss_percent: rounded(reporter.loss_percent),
            first: reporter.first.to_string(),
            last: reporter.last.to_string(),
        }
    }
}

impl From<&calls::media::Point> for Point {
    fn from(point: &calls::media::Point) -> Self {
        Self {
            at: Micros(point.at).to_string(),
            message: point.id.to_string(),
            loss_percent: rounded(point.loss_percent),
            jitter_ms: rounded(point.jitter_ms),
            round_trip_ms: rounded(point.round_trip_ms),
            mos: rounded(point.mos),
        }
    }
}

fn rounded(value: Option<f64>) -> Option<f64> {
    value.map(round)
}

/// Three digits: no report knows more.
fn round(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}
