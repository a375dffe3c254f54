//! Figures of one report as they can be counted with: what stands for "not available" is gone, what is impossible too.

use super::problem::{Problem, Problems};
use super::report::Figures;

/// Stands for "not available" in scores and levels (RFC 3611 4.7).
const UNAVAILABLE: f64 = 127.0;
/// No scale of mean opinion scores goes further (ITU-T P.800.1).
const MOS_MAX: f64 = 5.0;
/// R of a fullband codec without any impairment (ITU-T G.107.2).
const R_MAX: f64 = 148.0;
/// A burst cannot hold more than all; 255/256 is the most that RFC 3611 can say of it.
const DENSITY_MAX: f64 = 255.0 / 256.0;
/// What nearly every call puts into a packet (RFC 3551 4.2).
const PACKET_MILLIS_USUAL: f64 = 20.0;

pub(super) fn percent(value: Option<f64>) -> Option<f64> {
    value.filter(|percent| (0.0..=100.0).contains(percent))
}

pub(super) fn mos(value: Option<f64>, problems: &mut Problems) -> Option<f64> {
    available(value, 1.0, MOS_MAX, problems)
}

pub(super) fn r_factor(value: Option<f64>, problems: &mut Problems) -> Option<f64> {
    available(value, 0.0, R_MAX, problems)
}

fn available(value: Option<f64>, min: f64, max: f64, problems: &mut Problems) -> Option<f64> {
    let value = value?;
    if (min..=max).contains(&value) && value != UNAVAILABLE {
        return Some(value);
    }
    problems.add(Problem::ScoreUnavailable);
    None
}

/// Levels in dBm0 or dB.
pub(super) fn level(value: Option<f64>) -> Option<f64> {
    value.filter(|level| *level != UNAVAILABLE && (-128.0..=128.0).contains(level))
}

/// A delay; nobody waits for a minute.
pub(super) fn delay_ms(value: Option<f64>) -> Option<f64> {
    value.filter(|millis| (0.0..=60_000.0).contains(millis))
}

/// What a listener misses: lost, or too late to be played.
pub(super) fn heard_loss_percent(figures: &Figures<'_>) -> Option<f64> {
    let loss = percent(figures.loss_percent)?;
    Some((loss + percent(figures.discard_percent).unwrap_or(0.0)).min(100.0))
}

/// From mouth to ear, as far as it is told: what is not counts nothing.
pub(super) fn conversation_delay_ms(figures: &Figures<'_>, round_trip_ms: Option<f64>) -> Option<f64> {
    let end = delay_ms(figures.end_system_ms).unwrap_or(0.0);
    match delay_ms(figures.one_way_ms) {
        Some(whole) if figures.is_one_way_whole => Some(whole),
        Some(network) => Some(network + end),
        None => Some(round_trip_ms? / 2.0 + end),
    }
}

/// How bursty loss was (ITU-T G.107 3.5): mean run of lost packets over the mean run that random loss would have.
///
/// Reports tell how dense loss is in bursts and between them, and how long these last. Inside each, loss is taken as random,
/// so that a run has a mean length of 1 / (1 - density), and no more than fits into a burst.
pub(super) fn burst_ratio(figures: &Figures<'_>) -> Option<f64> {
    let density = |percent: Option<f64>| {
        percent
            .filter(|percent| (0.0..=100.0).contains(percent))
            .map(|percent| (percent / 100.0).min(DENSITY_MAX))
    };
    let millis = |value: Option<f64>| value.filter(|millis| *millis >= 0.0 && millis.is_finite());
    let (burst, gap) = (density(figures.burst_density_percent)?, density(figures.gap_density_percent)?);
    let (burst_ms, gap_ms) = (millis(figures.burst_duration_ms)?, millis(figures.gap_duration_ms)?);
    let burst_run = (1.0 / (1.0 - burst)).min((burst_ms / PACKET_MILLIS_USUAL).max(1.0));
    let gap_run = 1.0 / (1.0 - gap);
    let lost = burst * burst_ms + gap * gap_ms;
    let runs = burst * burst_ms / burst_run + gap * gap_ms / gap_run;
    if lost <= 0.0 || runs <= 0.0 {
        return None;
    }
    let share = lost / (burst_ms + gap_ms);
    Some((lost / runs * (1.0 - share)).max(1.0))
}
