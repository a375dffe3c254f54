//! How good media was, as reports tell: every report is one observation.

use arrow::array::RecordBatch;
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use model::Table;

use super::bounded::Bounded;
use super::columns::{Numbers, Texts};
use super::histogram::Histogram;
use super::metric::Metric;
use super::page::Page;

static MOS: Metric = Metric::histogram(
    "rhapsode_media_mos",
    &["source"],
    "Mean opinion scores that reports give, 1 to 5 (ITU-T P.800.1); source is rtcp or the kind of report",
);
static LOSS: Metric = Metric::histogram(
    "rhapsode_media_loss_ratio",
    &["source"],
    "Packets lost in the network, of those sent: since the last report (RTCP, RFC 3550 6.4.1) or as reported",
);
static JITTER: Metric = Metric::histogram(
    "rhapsode_media_jitter_seconds",
    &["source"],
    "Interarrival jitter of reports that give it as a time; RTCP gives it in units of a clock that it does not name",
);
static ROUND_TRIP: Metric = Metric::histogram(
    "rhapsode_media_round_trip_seconds",
    &["source"],
    "Round trip delay that reports give (RFC 3611 4.7.3, RFC 6035 4.6)",
);

pub(super) static METRICS: [&Metric; 4] = [&MOS, &LOSS, &JITTER, &ROUND_TRIP];

/// The marks of ITU-T G.107 annex B between the categories of satisfaction, and the ends.
const MOS_BOUNDS: &[f64] = &[1.5, 2.0, 2.58, 3.1, 3.6, 4.03, 4.34, 5.0];
const LOSS_BOUNDS: &[f64] = &[0.0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5];
const JITTER_BOUNDS: &[f64] = &[0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5];
/// With the limits of ITU-T G.114 for one direction, doubled: 300 and 800 ms.
const ROUND_TRIP_BOUNDS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.5];

/// RTCP and a handful of kinds of report.
const SOURCES_MAX: usize = 16;

const RTCP: &str = "rtcp";
pub(super) const REPORT: &str = "report";

#[derive(Debug)]
pub(super) struct Media {
    mos: Bounded<Histogram>,
    loss: Bounded<Histogram>,
    jitter: Bounded<Histogram>,
    round_trip: Bounded<Histogram>,
}

impl Media {
    pub(super) fn new() -> Self {
        Self {
            mos: Bounded::new(SOURCES_MAX),
            loss: Bounded::new(SOURCES_MAX),
            jitter: Bounded::new(SOURCES_MAX),
            round_trip: Bounded::new(SOURCES_MAX),
        }
    }

    pub(super) fn count(&mut self, table: &Table, rows: &RecordBatch) {
        let loss_column = match table.name {
            RTCP => "fraction_lost",
            REPORT => "loss",
            _ => return,
        };
        let kinds = Texts::of(rows, "kind");
        let call_ids = Texts::of(rows, "call_id");
        let times = Numbers::<TimestampMicrosecondType>::of(rows, "ts");
        let scores = Numbers::<Float64Type>::of(rows, "mos");
        let losses = Numbers::<Float64Type>::of(rows, loss_column);
        let jitters = Numbers::<Float64Type>::of(rows, "jitter_mean");
        let round_trips = Numbers::<Int64Type>::of(rows, "round_trip");
        for row in 0..rows.num_rows() {
            let source = kinds.get(row).unwrap_or(table.name);
            let seen = call_ids.get(row).zip(times.get(row));
            let observe = |to: &mut Bounded<Histogram>, bounds: &'static [f64], value: Option<f64>| {
                if let Some(value) = value {
                    to.at(&[source], || Histogram::new(bounds)).observe(value, seen);
                }
            };
            let score = scores.get(row).filter(|score| (1.0..=5.0).contains(score));
            observe(&mut self.mos, MOS_BOUNDS, score);
            observe(&mut self.loss, LOSS_BOUNDS, losses.get(row).map(|percent| percent / 100.0));
            observe(&mut self.jitter, JITTER_BOUNDS, jitters.get(row).map(|milliseconds| milliseconds / 1e3));
            let round_trip = round_trips.get(row).map(|milliseconds| milliseconds as f64 / 1e3);
            observe(&mut self.round_trip, ROUND_TRIP_BOUNDS, round_trip);
        }
    }

    pub(super) fn write(&self, page: &mut Page) {
        let metrics = [
            (&MOS, &self.mos),
            (&LOSS, &self.loss),
            (&JITTER, &self.jitter),
            (&ROUND_TRIP, &self.round_trip),
        ];
        for (metric, histograms) in metrics {
            let mut family = page.family(metric);
            for (labels, histogram) in histograms.iter() {
                family.histogram(&labels, histogram);
            }
        }
    }
}
