//! What a receiver's counters say, report by report: loss and highest sequence number since the start (RFC 3550 6.4.1),
//! through wraps, restarts, and what implementations write instead of a negative number.

use super::problem::{Problem, Problems};
use super::report::Report;

/// The counter of lost packets has 24 bits and a sign.
const LOST_MAX: i64 = 0x7f_ffff;
const LOST_WRAP: i64 = 1 << 24;
/// Sequence numbers may jump forward by so much within one source (RFC 3550 A.1), many times between two reports:
/// beyond, the number was chosen anew.
const SEQUENCE_STEP_MAX: i64 = 1 << 20;
/// Loss that comes back as late packets between two reports; more is another count.
const LOST_BACK_MAX: i64 = 3_000;
/// A stream that goes on does not send as much between two reports and lose less than nothing.
const JUMP: i64 = 10_000;
const CYCLE: i64 = 1 << 16;
const SEQUENCES: i64 = 1 << 32;

/// All intervals of an account.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) intervals: Vec<Interval>,
    /// Of all spans, since their starts as far as counters tell.
    pub(super) lost: Option<i64>,
    /// Packets the sender sent meanwhile, as far as sequence numbers tell.
    pub(super) expected: Option<i64>,
    /// Lost among those.
    lost_of_expected: i64,
    /// Spans: 1, and one more for each restart.
    pub(super) spans: usize,
}

/// From one report to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Interval {
    /// Place of its report in the account.
    pub(super) place: usize,
    pub(super) loss_percent: Option<f64>,
    pub(super) expected: Option<i64>,
}

#[derive(Clone, Copy)]
struct Last {
    /// Counted on through wraps.
    lost: Option<i64>,
    /// As written, its sign put right.
    lost_written: Option<i64>,
    sequence: i64,
    last_sr: Option<i64>,
}

/// How the next report follows the last.
enum Step {
    Forward(i64),
    Restart,
    Old,
}

impl Counters {
    /// Of the report blocks of one reporter. `sent_before` is how many packets the sender had sent before a time, if it said
    /// so.
    pub(super) fn read(
        reports: &[&Report<'_>],
        sent_before: impl Fn(i64) -> Option<i64>,
        problems: &mut Problems,
    ) -> Self {
        let mut counters = Self::default();
        let mut last: Option<Last> = None;
        for (place, report) in reports.iter().enumerate() {
            let figures = &report.figures;
            let written = figures.packets_lost.map(|lost| signed(lost, problems));
            if written == Some(LOST_MAX) {
                problems.add(Problem::LossSaturated);
            }
            let fraction = figures.fraction_lost_percent.filter(|percent| (0.0..=100.0).contains(percent));
            let Some(sequence) = figures.highest_sequence.filter(|number| (0..SEQUENCES).contains(number))
            else {
                counters.intervals.push(Interval { place, loss_percent: fraction, expected: None });
                continue;
            };
            let step = last.as_ref().map(|last| step(last, sequence, written, figures.last_sr, problems));
            match (step, last) {
                (Some(Step::Old), _) => problems.add(Problem::OutOfOrder),
                (Some(Step::Forward(expected)), Some(before)) => {
                    let now = Last {
                        lost: count_on(&before, written, problems),
                        lost_written: written,
                        sequence,
                        last_sr: figures.last_sr.or(before.last_sr),
                    };
                    counters.advance(place, expected, before.lost, now.lost, fraction, problems);
                    last = Some(now);
                }
                (step, before) => {
                    if matches!(step, Some(Step::Restart)) {
                        problems.add(Problem::CountersRestarted);
                        counters.end(before);
                    }
                    counters.begin(place, written, fraction, sent_before(report.at), problems);
                    last = Some(Last {
                        lost: written,
                        lost_written: written,
                        sequence,
                        last_sr: figures.last_sr,
                    });
                }
            }
        }
        counters.end(last);
        counters
    }

    /// Of all that was expected, or as the fractions were on average where nothing tells how much that was.
    pub(super) fn loss_percent(&self) -> Option<f64> {
        match self.expected {
            Some(expected) if expected > 0 => {
                Some((self.lost_of_expected.max(0) as f64 * 100.0 / expected as f64).min(100.0))
            }
            _ => {
                let known: Vec<f64> =
                    self.intervals.iter().filter_map(|interval| interval.loss_percent).collect();
                (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
            }
        }
    }

    /// The first report of a span: its counters are of the time before it. How much was expected then only the sender
    /// can say, or the fraction, if any was lost.
    fn begin(
        &mut self,
        place: usize,
        lost: Option<i64>,
        fraction: Option<f64>,
        sent: Option<i64>,
        problems: &mut Problems,
    ) {
        self.spans += 1;
        if lost.is_some_and(|lost| lost < 0) {
            problems.add(Problem::LossNegative);
        }
        let by_fraction = lost.zip(fraction).filter(|(lost, fraction)| *lost > 0 && *fraction > 0.0);
        let by_fraction = by_fraction.map(|(lost, fraction)| (lost as f64 * 100.0 / fraction).round() as i64);
        let expected = sent.filter(|sent| *sent > 0).filter(|_| self.spans == 1).or(by_fraction);
        let of_expected = expected.zip(lost).filter(|(expected, lost)| lost <= expected);
        if let Some((expected, lost)) = of_expected {
            self.expect(expected, lost.max(0));
        }
        let computed = of_expected.map(|(expected, lost)| lost.max(0) as f64 * 100.0 / expected as f64);
        self.intervals.push(Interval { place, loss_percent: fraction.or(computed), expected });
    }

    fn advance(
        &mut self,
        place: usize,
        expected: i64,
        before: Option<i64>,
        now: Option<i64>,
        fraction: Option<f64>,
        problems: &mut Problems,
    ) {
        let lost = now.zip(before).map(|(now, before)| now - before);
        if lost.is_some_and(|lost| lost < 0) {
            problems.add(Problem::LossNegative);
        }
        if lost.is_some_and(|lost| lost > expected) {
            problems.add(Problem::LossBeyondPackets);
        }
        // Two reports with nothing between them say nothing about loss.
        let computed = lost.filter(|_| expected > 0).map(|lost| {
            let lost = lost.clamp(0, expected);
            lost as f64 * 100.0 / expected as f64
        });
        if let Some(lost) = lost {
            self.expect(expected, lost.min(expected));
        }
        let loss_percent = computed.or(fraction.filter(|_| lost.is_none()));
        self.intervals.push(Interval { place, loss_percent, expected: Some(expected) });
    }

    fn expect(&mut self, expected: i64, lost: i64) {
        self.expected = Some(self.expected.unwrap_or(0).saturating_add(expected));
        self.lost_of_expected = self.lost_of_expected.saturating_add(lost);
    }

    fn end(&mut self, last: Option<Last>) {
        if let Some(lost) = last.and_then(|last| last.lost) {
            self.lost = Some(self.lost.unwrap_or(0).saturating_add(lost));
        }
    }
}

fn step(
    last: &Last,
    sequence: i64,
    lost: Option<i64>,
    last_sr: Option<i64>,
    problems: &mut Problems,
) -> Step {
    let forward = sequence - last.sequence;
    if (0..=SEQUENCE_STEP_MAX).contains(&forward) {
        let is_jump = forward > JUMP && last.lost_written.zip(lost).is_some_and(|(before, now)| now < before);
        let is_restart = (is_jump && !is_lost_wrap(last, lost)) || is_set_back(last, lost);
        return if is_restart { Step::Restart } else { Step::Forward(forward) };
    }
    if is_older(last.last_sr, last_sr) {
        return Step::Old;
    }
    if (1..=SEQUENCE_STEP_MAX).contains(&(forward + SEQUENCES)) {
        problems.add(Problem::SequenceWrapped);
        return Step::Forward(forward + SEQUENCES);
    }
    // Both below 65,536, or the upper half stays the same: it is not counted.
    let is_near = (-CYCLE..0).contains(&forward) && (forward + CYCLE) < CYCLE / 2;
    let is_same_cycle = last.sequence / CYCLE == sequence / CYCLE;
    let is_loss_kept = last.lost_written.zip(lost).is_none_or(|(before, now)| now >= before);
    if is_near && is_same_cycle && is_loss_kept {
        problems.add(Problem::SequenceWithoutCycles);
        return Step::Forward(forward + CYCLE);
    }
    Step::Restart
}

/// The loss began anew: it went back by more than late packets explain, or to nothing.
fn is_set_back(last: &Last, lost: Option<i64>) -> bool {
    let Some((before, now)) = last.lost_written.zip(lost) else { return false };
    let back = before - now;
    back > LOST_BACK_MAX && !is_wrap(before, now)
}

/// From the greatest number to the least one.
fn is_wrap(before: i64, now: i64) -> bool {
    before > LOST_MAX - SEQUENCE_STEP_MAX && now < -LOST_MAX + SEQUENCE_STEP_MAX
}

fn is_lost_wrap(last: &Last, lost: Option<i64>) -> bool {
    last.lost_written.zip(lost).is_some_and(|(before, now)| is_wrap(before, now))
}

fn count_on(last: &Last, written: Option<i64>, problems: &mut Problems) -> Option<i64> {
    let Some((before, now)) = last.lost_written.zip(written) else { return last.lost.or(written) };
    let mut step = now - before;
    if is_wrap(before, now) {
        problems.add(Problem::LossWrapped);
        step += LOST_WRAP;
    }
    Some(last.lost.unwrap_or(before).saturating_add(step))
}

/// The last sender report that the report knows came before that of the report before: it is the older one. The middle
/// words wrap every 18 hours.
fn is_older(before: Option<i64>, now: Option<i64>) -> bool {
    let word =
        |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok()).filter(|word| *word != 0);
    let Some((before, now)) = word(before).zip(word(now)) else { return false };
    (now.wrapping_sub(before).cast_signed()) < 0
}

/// 24 bits with a sign, as some print them without it, or with 32.
pub(super) fn signed(lost: i64, problems: &mut Problems) -> i64 {
    let signed = match lost {
        0x80_0000..=0xff_ffff => lost - LOST_WRAP,
        0x8000_0000..=0xffff_ffff => lost - SEQUENCES,
        _ => lost,
    };
    if signed != lost {
        problems.add(Problem::LossUnsigned);
    }
    signed
}

/// Packets that a sender sent, from its reports in time order: the counter has 32 bits.
pub(super) fn sent(reports: &[&Report<'_>], problems: &mut Problems) -> Option<i64> {
    let mut total: Option<i64> = None;
    let mut last: Option<i64> = None;
    let numbers = reports.iter().filter_map(|report| report.figures.packets);
    for now in numbers.filter(|number| (0..SEQUENCES).contains(number)) {
        let step = match last {
            None => now,
            Some(before) if now >= before => now - before,
            Some(before) if before - now > SEQUENCES / 2 => {
                problems.add(Problem::PacketsWrapped);
                now + SEQUENCES - before
            }
            Some(_) => {
                problems.add(Problem::CountersRestarted);
                now
            }
        };
        total = Some(total.unwrap_or(0).saturating_add(step));
        last = Some(now);
    }
    total
}
