//! Reports that came twice: seen by two capture points, forwarded by a relay, or sent by two ways.

use std::collections::HashMap;

use super::report::{By, Jitter, Kind, Report};

/// How far apart copies of one RTCP packet are seen, in microseconds: two capture points whose clocks are as far apart as
/// those of one SIP message may be.
const COPY_TIME_MAX: i64 = 2_000_000;

/// The reports without copies, and how many copies each had.
pub(super) fn once<'r, 'a>(reports: &'r [Report<'a>]) -> Vec<Told<'r, 'a>> {
    let mut told: Vec<Told<'r, 'a>> = Vec::with_capacity(reports.len());
    let mut known: HashMap<Identity<'a>, usize> = HashMap::new();
    for report in reports {
        let identity = Identity::of(report);
        if let Some(first) = known.get(&identity).and_then(|place| told.get_mut(*place)) {
            let is_copy = !report.kind.is_rtcp() || report.at - first.report.at <= COPY_TIME_MAX;
            if is_copy && has_figures(report) {
                first.copies += 1;
                continue;
            }
        }
        known.insert(identity, told.len());
        told.push(Told { report, copies: 0 });
    }
    told
}

/// A report, once.
#[derive(Debug)]
pub(super) struct Told<'r, 'a> {
    pub(super) report: &'r Report<'a>,
    pub(super) copies: usize,
}

/// A report that says nothing is like any other such.
fn has_figures(report: &Report<'_>) -> bool {
    report.figures != super::report::Figures::default()
}

/// What makes two reports the same: who speaks of which stream, and every figure. Not which way it was seen to go.
#[derive(PartialEq, Eq, Hash)]
struct Identity<'a> {
    kind: Kind,
    by: By,
    ssrc: Option<u32>,
    reporter_ssrc: Option<u32>,
    reporter: Option<&'a str>,
    /// Where nobody is named, addresses tell.
    ends: Option<[(Option<&'a str>, Option<i32>); 2]>,
    numbers: [Option<i64>; 7],
    measures: [Option<u64>; 14],
}

impl<'a> Identity<'a> {
    fn of(report: &Report<'a>) -> Self {
        let figures = &report.figures;
        // Metrics come inside RTCP, with who reports, and as a HEP packet of their own, without.
        let is_metrics = report.kind == Kind::VoipMetrics;
        let is_named = report.reporter_ssrc.is_some() || report.reporter.is_some() || report.ssrc.is_some();
        let ends = [report.from(), report.to()].map(|end| (end.ip, end.port));
        let (units, millis) = match figures.jitter {
            Some(Jitter::Units(units)) => (Some(units), None),
            Some(Jitter::Millis(millis)) => (None, Some(millis)),
            None => (None, None),
        };
        let measures = [
            figures.fraction_lost_percent,
            millis,
            figures.jitter_max_ms,
            figures.loss_percent,
            figures.discard_percent,
            figures.burst_density_percent,
            figures.burst_duration_ms,
            figures.gap_density_percent,
            figures.gap_duration_ms,
            figures.round_trip_ms,
            figures.r_factor,
            figures.mos,
            figures.mos_lq,
            figures.mos_cq,
        ];
        Self {
            kind: report.kind,
            by: report.by,
            ssrc: report.ssrc,
            reporter_ssrc: report.reporter_ssrc.filter(|_| !is_metrics),
            reporter: report.reporter.filter(|_| !is_metrics),
            ends: (!is_named).then_some(ends),
            numbers: [
                figures.packets,
                figures.packets_lost,
                figures.highest_sequence,
                figures.ntp_time,
                figures.last_sr,
                figures.delay_since_last_sr,
                units,
            ],
            measures: measures.map(|measure| measure.map(f64::to_bits)),
        }
    }
}
