use super::POINTS_MAX;
use super::account::{About, Reading};
use super::agreed::{Agreed, StreamCodec};
use super::gather::Group;
use super::problem::{Problem, Problems};
use super::report::{By, Kind};
use super::round_trip::SenderReports;
use super::score::Score;
use super::{counters, score};

/// The media of one direction, with all that was reported of it. `None` is "nobody said", never zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stream {
    pub ssrc: Option<u32>,
    /// Where it comes from and goes to; of RTCP, which has a port of its own, if nothing else told.
    pub src: Option<String>,
    pub dst: Option<String>,
    /// `audio`, `video`, where a description says so.
    pub media: Option<String>,
    pub codec: Option<StreamCodec>,
    /// Over time, as who speaks for the stream told.
    pub points: Vec<Point>,
    /// As the sender says.
    pub packets_sent: Option<i64>,
    /// As the receiver says, where it counts what came rather than what did not.
    pub packets_received: Option<i64>,
    /// Sent meanwhile, as the receiver concludes from sequence numbers.
    pub packets_expected: Option<i64>,
    /// Negative: some came twice.
    pub packets_lost: Option<i64>,
    pub loss_percent: Option<f64>,
    /// Too late for the jitter buffer.
    pub discard_percent: Option<f64>,
    /// 1: random; more: in bursts (ITU-T G.107 3.5).
    pub burst_ratio: Option<f64>,
    pub jitter_p95_ms: Option<f64>,
    pub jitter_max_ms: Option<f64>,
    pub round_trip_p50_ms: Option<f64>,
    pub round_trip_max_ms: Option<f64>,
    /// Reported by the receiver's echo canceller, in dB (RFC 3611 4.7.4).
    pub echo_return_loss: Option<f64>,
    /// dBm0 (RFC 3611 4.7.4).
    pub signal_level: Option<f64>,
    pub noise_level: Option<f64>,
    /// What can be compared best first.
    pub scores: Vec<Score>,
    pub reporters: Vec<Reporter>,
    /// Place in `reporters` of who speaks for the stream.
    pub speaker: Option<usize>,
    pub problems: Vec<Problem>,
    /// Reports read, each once.
    pub reports: usize,
    /// Further sightings and copies of these, not counted above.
    pub copies: usize,
}

/// At one moment, of the interval before it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    pub at: i64,
    /// The record that told.
    pub id: i64,
    pub loss_percent: Option<f64>,
    pub jitter_ms: Option<f64>,
    pub round_trip_ms: Option<f64>,
    /// Computed, of listening; as reported where no codec is known.
    pub mos: Option<f64>,
}

/// Who told of a stream, and what by its account was lost.
#[derive(Clone, Debug, PartialEq)]
pub struct Reporter {
    pub kind: Kind,
    pub by: By,
    /// SSRC, name or address, whichever it is known by.
    pub name: String,
    pub ssrc: Option<u32>,
    /// Where it was measured.
    pub place: Option<String>,
    /// The address of that, and of where the reporter hears the stream from: a relay, if there is one.
    pub host: Option<String>,
    pub heard_from: Option<String>,
    pub reports: usize,
    pub packets_received: Option<i64>,
    pub packets_expected: Option<i64>,
    pub packets_lost: Option<i64>,
    pub loss_percent: Option<f64>,
    /// The records of its first and last report, and their times.
    pub first: i64,
    pub last: i64,
    pub first_at: i64,
    pub last_at: i64,
}

impl Reporter {
    /// Its first and last record, each behind its time.
    pub(crate) fn records(&self) -> [(i64, i64); 2] {
        [(self.first_at, self.first), (self.last_at, self.last)]
    }
}

/// The clock of telephony, where no codec is known (RFC 3551 4.5).
const CLOCK_RATE_USUAL: f64 = 8_000.0;

pub(super) fn read(group: &Group<'_, '_>, agreed: &Agreed, clocks: &SenderReports) -> Stream {
    let mut problems = Problems::default();
    let line = agreed.line(group);
    let codec = agreed.codec(group, line);
    let media = line.map(|line| line.kind.clone());
    let is_voice = media.as_deref().is_none_or(|media| media == "audio");
    let about = About {
        clock_rate: clock_rate(group, codec.as_ref(), &mut problems),
        codec: codec.as_ref().and_then(|codec| codec.table).filter(|_| is_voice),
        clocks,
    };
    let packets_sent = counters::sent(&group.sent, &mut problems);
    let sent_before = |at: i64| {
        let own = group.sent.iter().take_while(|report| report.at <= at);
        own.filter(|report| report.kind == Kind::SenderReport)
            .filter_map(|report| report.figures.packets)
            .last()
    };
    let readings: Vec<Reading> = group
        .accounts
        .iter()
        .map(|account| Reading::of(account, &about, sent_before, &mut problems))
        .collect();
    if group.left_out {
        problems.add(Problem::ReportsLeftOut);
    }
    let mut stream = Stream {
        ssrc: group.ssrc,
        src: group.from.ip.map(|_| group.from.to_string()),
        dst: group.to.ip.map(|_| group.to.to_string()),
        media,
        codec,
        packets_sent,
        reports: group.sent.len() + group.accounts.iter().map(|account| account.reports.len()).sum::<usize>(),
        copies: group.copies,
        reporters: reporters(group, &readings),
        ..Stream::default()
    };
    stream.sum_up(group, readings);
    // The first reports of any call come before the first sender report.
    if stream.round_trip_max_ms.is_some() {
        problems.remove(Problem::NoLastSenderReport);
    }
    stream.problems = problems.into_list();
    stream
}

/// RTCP has jitter in units of the RTP clock.
fn clock_rate(group: &Group<'_, '_>, codec: Option<&StreamCodec>, problems: &mut Problems) -> f64 {
    if let Some(rate) = codec.and_then(|codec| codec.clock_rate).filter(|rate| *rate > 0) {
        return f64::from(rate);
    }
    let reports = group.accounts.iter().flat_map(|account| &account.reports);
    let is_asked =
        reports.clone().any(|report| matches!(report.figures.jitter, Some(super::Jitter::Units(1..))));
    if is_asked {
        problems.add(Problem::ClockRateAssumed);
    }
    CLOCK_RATE_USUAL
}

fn reporters(group: &Group<'_, '_>, readings: &[Reading]) -> Vec<Reporter> {
    let accounts = group.accounts.iter().zip(readings);
    accounts
        .map(|(account, reading)| {
            let place = account.place.ip.map(|_| account.place.to_string());
            let ssrc = account.reporter_ssrc.map(|ssrc| format!("{ssrc:#010x}"));
            let name = account.reporter.map(|name| crate::message::words(name.as_bytes()).into_owned());
            let (first, last) = (account.reports.first(), account.reports.last());
            Reporter {
                kind: account.kind,
                by: account.by,
                name: name.or_else(|| place.clone()).or(ssrc).unwrap_or_else(|| "unknown".to_owned()),
                ssrc: account.reporter_ssrc,
                place,
                host: account.place.ip.map(str::to_owned),
                heard_from: account.heard_from.ip.map(str::to_owned),
                reports: account.reports.len(),
                packets_received: reading.received,
                packets_expected: reading.expected,
                packets_lost: reading.lost,
                loss_percent: reading.loss_percent,
                first: first.map_or(0, |report| report.id),
                last: last.map_or(0, |report| report.id),
                first_at: first.map_or(0, |report| report.at),
                last_at: last.map_or(0, |report| report.at),
            }
        })
        .collect()
}

impl Stream {
    fn sum_up(&mut self, group: &Group<'_, '_>, readings: Vec<Reading>) {
        self.speaker = speaker(group, &readings);
        let speaker = self.speaker.and_then(|place| readings.get(place));
        if let Some(reading) = speaker {
            self.packets_expected = reading.expected;
            self.packets_lost = reading.lost;
            self.loss_percent = reading.loss_percent;
        }
        let own = |value: fn(&Reading) -> Option<f64>| {
            speaker.and_then(value).or_else(|| readings.iter().find_map(value))
        };
        self.discard_percent = own(|reading| reading.discard_percent);
        self.burst_ratio = own(|reading| reading.burst_ratio);
        self.echo_return_loss = own(|reading| reading.echo_return_loss);
        self.signal_level = own(|reading| reading.signal_level);
        self.noise_level = own(|reading| reading.noise_level);
        let ends = group.accounts.iter().zip(&readings).filter(|(account, _)| account.by == By::Receiver);
        self.packets_received = ends.clone().find_map(|(_, reading)| reading.received);

        let all = || readings.iter().flat_map(|reading| &reading.points);
        let jitter = sorted(all().filter_map(|point| point.jitter_ms));
        let most = readings.iter().filter_map(|reading| reading.jitter_max_ms).reduce(f64::max);
        self.jitter_p95_ms = percentile(&jitter, 95);
        self.jitter_max_ms = jitter.last().copied().into_iter().chain(most).reduce(f64::max);
        let round_trips = sorted(all().filter_map(|point| point.round_trip_ms));
        self.round_trip_p50_ms = percentile(&round_trips, 50);
        self.round_trip_max_ms = round_trips.last().copied();

        let speaker = self.speaker;
        let mut scores = Vec::new();
        for (place, reading) in readings.into_iter().enumerate() {
            if Some(place) == speaker {
                self.points = thinned(reading.points);
            }
            scores.extend(reading.scores.into_list(place).map(|score| (Some(place) != speaker, score)));
        }
        scores.sort_by_key(|(is_other, score)| (is_reported(score), *is_other, score.source, score.kind));
        self.scores = scores.into_iter().map(|(_, score)| score).collect();
    }

    /// Records of the moments at which `value` was greatest, each behind its time.
    pub(crate) fn greatest(&self, value: impl Fn(&Point) -> Option<f64>, most: usize) -> Vec<(i64, i64)> {
        let mut points: Vec<(f64, &Point)> =
            self.points.iter().filter_map(|point| Some((value(point)?, point))).collect();
        points.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.at.cmp(&other.1.at)));
        points.truncate(most);
        points.into_iter().map(|(_, point)| (point.at, point.id)).collect()
    }

    /// The first and the last record of who speaks for it, each behind its time.
    pub(crate) fn records(&self) -> Vec<(i64, i64)> {
        let speaker = self.speaker.and_then(|place| self.reporters.get(place));
        speaker.map(|reporter| reporter.records().to_vec()).unwrap_or_default()
    }

    /// The score to show where there is room for one.
    pub fn score(&self) -> Option<&Score> {
        self.scores.first()
    }
}

fn is_reported(score: &Score) -> bool {
    matches!(score.source, score::Source::ReportedByEndpoint | score::Source::ReportedByAgent)
}

/// Who heard the stream rather than who saw it pass; RTCP, which comes all the time, before what is told once. Of several,
/// the one that lost most: loss adds up on the way, so that is the furthest.
fn speaker(group: &Group<'_, '_>, readings: &[Reading]) -> Option<usize> {
    let rank = |place: usize| {
        let (account, reading) = group.accounts.get(place).zip(readings.get(place))?;
        let has_loss = reading.loss_percent.is_some();
        let is_end = account.by == By::Receiver;
        let form = match account.kind {
            Kind::ReportBlock | Kind::SenderReport => 4,
            Kind::VoipMetrics => 3,
            Kind::QualityReport => 2,
            Kind::RtpStat | Kind::BorderController => 1,
            Kind::Agent | Kind::Server => 0,
        };
        Some((has_loss, is_end, form, reading.loss_percent.unwrap_or(0.0)))
    };
    let ranks = (0..group.accounts.len()).filter_map(|place| Some((place, rank(place)?)));
    let best = ranks.reduce(|best, next| {
        if next.1.partial_cmp(&best.1).is_some_and(std::cmp::Ordering::is_gt) { next } else { best }
    });
    best.map(|(place, _)| place)
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The nearest rank.
fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

/// Every second one goes until the rest fits; the last stays.
fn thinned(mut points: Vec<Point>) -> Vec<Point> {
    while points.len() > POINTS_MAX {
        let last = points.len() - 1;
        let mut place = 0;
        points.retain(|_| {
            let is_kept = place % 2 == 0 || place == last;
            place += 1;
            is_kept
        });
    }
    points
}
