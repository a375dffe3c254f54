//! What one reporter's account of a stream comes to.

use media::emodel::Codec;

use super::counters::Counters;
use super::gather::Account;
use super::problem::{Problem, Problems};
use super::report::{Kind, Report};
use super::round_trip::SenderReports;
use super::score::{Scores, computed, computed_source};
use super::stream::Point;
use super::{figures, jitter};

/// Figures of one account.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) points: Vec<Point>,
    pub(super) expected: Option<i64>,
    pub(super) received: Option<i64>,
    pub(super) lost: Option<i64>,
    pub(super) loss_percent: Option<f64>,
    pub(super) discard_percent: Option<f64>,
    pub(super) burst_ratio: Option<f64>,
    pub(super) jitter_max_ms: Option<f64>,
    pub(super) echo_return_loss: Option<f64>,
    pub(super) signal_level: Option<f64>,
    pub(super) noise_level: Option<f64>,
    pub(super) scores: Scores,
}

/// What is known of the stream as a whole.
pub(super) struct About<'c> {
    pub(super) clock_rate: f64,
    /// `None`: not in the table, or no voice.
    pub(super) codec: Option<&'c Codec>,
    pub(super) clocks: &'c SenderReports,
}

impl Reading {
    pub(super) fn of(
        account: &Account<'_, '_>,
        about: &About<'_>,
        sent_before: impl Fn(i64) -> Option<i64>,
        problems: &mut Problems,
    ) -> Self {
        let mut reading = Self::default();
        match account.kind {
            Kind::ReportBlock | Kind::SenderReport => {
                reading.read_blocks(account, about, sent_before, problems);
            }
            _ => reading.read_measures(account, about, problems),
        }
        reading.read_levels(account);
        reading
    }

    fn read_blocks(
        &mut self,
        account: &Account<'_, '_>,
        about: &About<'_>,
        sent_before: impl Fn(i64) -> Option<i64>,
        problems: &mut Problems,
    ) {
        let counters = Counters::read(&account.reports, sent_before, problems);
        for interval in &counters.intervals {
            let Some(report) = account.reports.get(interval.place) else { continue };
            let round_trip_ms = about.clocks.round_trip_ms(report, problems);
            let loss = interval.loss_percent;
            let mos = self.score(report, loss, None, round_trip_ms, about);
            self.points.push(Point {
                at: report.at,
                id: report.id,
                loss_percent: loss,
                jitter_ms: jitter::millis(&report.figures, about.clock_rate, problems),
                round_trip_ms,
                mos,
            });
        }
        self.loss_percent = counters.loss_percent();
        (self.expected, self.lost) = (counters.expected, counters.lost);
    }

    fn read_measures(&mut self, account: &Account<'_, '_>, about: &About<'_>, problems: &mut Problems) {
        for report in &account.reports {
            let told = &report.figures;
            let round_trip_ms = figures::delay_ms(told.round_trip_ms);
            let loss = loss_of(report, problems);
            let heard = figures::heard_loss_percent(told).or(loss);
            let computed = self.score(report, heard, figures::burst_ratio(told), round_trip_ms, about);
            let reported = self.scores.add_reported(report, problems);
            if let Some(most) = told.jitter_max_ms.and_then(|most| jitter::possible(most, problems)) {
                self.jitter_max_ms = Some(self.jitter_max_ms.map_or(most, |known: f64| known.max(most)));
            }
            self.points.push(Point {
                at: report.at,
                id: report.id,
                loss_percent: loss,
                jitter_ms: jitter::millis(told, about.clock_rate, problems),
                round_trip_ms,
                mos: computed.or(reported),
            });
        }
        self.sum_up(account, problems);
    }

    /// The report of the whole, if there is one; else the last, where counters go on from report to report; else all
    /// of them together.
    fn sum_up(&mut self, account: &Account<'_, '_>, problems: &mut Problems) {
        let whole = account.reports.iter().rev().find(|report| !report.is_interval);
        let packets = || account.reports.iter().map(|report| report.figures.packets);
        let goes_on = packets().zip(packets().skip(1)).all(|(before, now)| now >= before && now.is_some());
        let last = account.reports.last().filter(|_| goes_on);
        if let Some(report) = whole.or(last) {
            let told = &report.figures;
            self.received = told.packets.filter(|packets| *packets >= 0);
            self.lost = told.packets_lost.map(|lost| super::counters::signed(lost, problems));
            self.expected = expected(self.received, self.lost);
            self.loss_percent = loss_of(report, problems);
            self.discard_percent = figures::percent(told.discard_percent);
            self.burst_ratio = figures::burst_ratio(told);
            return;
        }
        let sum = |numbers: &mut dyn Iterator<Item = i64>| numbers.reduce(i64::saturating_add);
        self.received = sum(&mut packets().flatten().filter(|packets| *packets >= 0));
        self.lost = sum(&mut account.reports.iter().filter_map(|report| report.figures.packets_lost));
        self.expected = expected(self.received, self.lost);
        let mean =
            |values: Vec<f64>| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        let losses = self.points.iter().filter_map(|point| point.loss_percent).collect();
        self.loss_percent = loss_percent(self.received, self.lost).or_else(|| mean(losses));
        let told = || account.reports.iter().map(|report| &report.figures);
        self.discard_percent =
            mean(told().filter_map(|told| figures::percent(told.discard_percent)).collect());
        self.burst_ratio = told().filter_map(figures::burst_ratio).reduce(f64::max);
    }

    fn read_levels(&mut self, account: &Account<'_, '_>) {
        for told in account.reports.iter().map(|report| &report.figures) {
            self.echo_return_loss = figures::level(told.echo_return_loss).or(self.echo_return_loss);
            self.signal_level = figures::level(told.signal_level).or(self.signal_level);
            self.noise_level = figures::level(told.noise_level).or(self.noise_level);
        }
    }

    /// The score of listening.
    fn score(
        &mut self,
        report: &Report<'_>,
        loss_percent: Option<f64>,
        burst_ratio: Option<f64>,
        round_trip_ms: Option<f64>,
        about: &About<'_>,
    ) -> Option<f64> {
        let (codec, loss) = about.codec.zip(loss_percent)?;
        let delay = figures::conversation_delay_ms(&report.figures, round_trip_ms);
        let scores = computed(codec, loss, burst_ratio.unwrap_or(1.0), delay);
        self.scores.add_computed(computed_source(report.kind), &scores);
        Some(scores.listening.mos)
    }
}

/// As the report says, else by its packets.
fn loss_of(report: &Report<'_>, problems: &mut Problems) -> Option<f64> {
    let told = &report.figures;
    if let Some(loss) = figures::percent(told.loss_percent) {
        return Some(loss);
    }
    let lost = told.packets_lost.map(|lost| super::counters::signed(lost, problems));
    if lost.is_some_and(|lost| lost < 0) {
        problems.add(Problem::LossNegative);
    }
    loss_percent(told.packets.filter(|packets| *packets >= 0), lost)
}

fn expected(received: Option<i64>, lost: Option<i64>) -> Option<i64> {
    received.zip(lost).map(|(received, lost)| received.saturating_add(lost.max(0)))
}

/// Nothing received and nothing lost is no loss of nothing.
fn loss_percent(received: Option<i64>, lost: Option<i64>) -> Option<f64> {
    let expected = expected(received, lost).filter(|expected| *expected > 0)?;
    Some((lost?.max(0) as f64 * 100.0 / expected as f64).min(100.0))
}
