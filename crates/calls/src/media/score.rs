//! Scores with their labels.

use media::emodel::{self, Band, Codec, Confidence, Delay, Inputs};

use super::figures;
use super::problem::Problems;
use super::report::{By, Kind, Report};

/// A mean opinion score of a stream, with what one must know to compare it.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    pub kind: ScoreKind,
    /// `None`: whoever reported it did not say.
    pub band: Option<Band>,
    pub source: Source,
    /// Of all intervals that have one.
    pub mos_mean: f64,
    pub mos_min: f64,
    /// Mean, on the scale of its band.
    pub r_mean: Option<f64>,
    /// Intervals that have one.
    pub count: usize,
    /// No standard gives the codec's parameters.
    pub is_estimated: bool,
    /// Place in the stream's reporters.
    pub reporter: usize,
}

/// What is judged (ITU-T P.800.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScoreKind {
    /// Listening: LQ, delay not considered.
    Listening,
    /// Conversation: CQ, delay considered.
    Conversation,
    /// Not said.
    Unsaid,
}

/// Where a score comes from; what comes first is shown first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Computed from the metrics of an extended report: loss, discards, bursts, delay.
    FromExtendedReport,
    /// Computed from the figures of a quality report.
    FromQualityReport,
    /// Computed from the counters of RTCP: loss of the network, taken as random.
    FromRtcp,
    /// Computed from counters told at the end or on the way.
    FromCounters,
    /// As who received the stream reports it, by a formula of its own.
    ReportedByEndpoint,
    /// As an agent or server on the way reports it, by a formula of its own.
    ReportedByAgent,
}

impl Score {
    /// All labels in words: `LQ, narrowband, computed from RTCP`.
    pub fn label(&self) -> String {
        let kind = match self.kind {
            ScoreKind::Unsaid => "",
            known => known.as_str(),
        };
        let band = match self.band {
            Some(Band::Narrow) => "narrowband",
            Some(Band::Wide) => "wideband",
            Some(Band::Full) => "fullband",
            None => "",
        };
        let estimated = if self.is_estimated { "codec estimated" } else { "" };
        let words = [kind, band, self.source.as_str(), estimated];
        words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ")
    }
}

/// Listening and conversation, of one set of inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Computed {
    pub listening: emodel::Score,
    /// Where the delay is known.
    pub conversation: Option<emodel::Score>,
}

/// What a stream scores: the formula of docs/quality.md. Loss is what the listener misses, `burst_ratio` 1 where it is not
/// known, delay from mouth to ear.
pub fn computed(codec: &Codec, loss_percent: f64, burst_ratio: f64, delay_ms: Option<f64>) -> Computed {
    let inputs = Inputs { codec, loss_percent, burst_ratio, delay: None };
    Computed {
        listening: emodel::score(&inputs),
        conversation: delay_ms
            .map(|millis| emodel::score(&Inputs { delay: Some(Delay::Planning { millis }), ..inputs })),
    }
}

/// Scores of one reporter's reports, gathered by label.
#[derive(Debug, Default)]
pub(super) struct Scores {
    sums: Vec<Sum>,
}

#[derive(Debug)]
struct Sum {
    kind: ScoreKind,
    band: Option<Band>,
    source: Source,
    is_estimated: bool,
    mos: f64,
    mos_min: f64,
    count: usize,
    r: f64,
    r_count: usize,
}

impl Scores {
    pub(super) fn add_computed(&mut self, source: Source, scores: &Computed) {
        for (kind, score) in
            [(ScoreKind::Listening, Some(scores.listening)), (ScoreKind::Conversation, scores.conversation)]
        {
            if let Some(score) = score {
                let is_estimated = score.confidence == Confidence::Estimated;
                self.add(kind, Some(score.band), source, is_estimated, score.mos, Some(score.r));
            }
        }
    }

    /// What a report itself scores; gives the score that stands for it.
    pub(super) fn add_reported(&mut self, report: &Report<'_>, problems: &mut Problems) -> Option<f64> {
        let source = reported_source(report);
        let told = &report.figures;
        let r_factor = figures::r_factor(told.r_factor, problems);
        let scores = [
            (ScoreKind::Conversation, figures::mos(told.mos_cq, problems)),
            (ScoreKind::Listening, figures::mos(told.mos_lq, problems)),
            (ScoreKind::Unsaid, figures::mos(told.mos, problems)),
        ];
        // R is of a conversation by definition, so it goes with that score, or with the only one.
        let mut r_factor = r_factor;
        for (kind, mos) in scores {
            if let Some(mos) = mos {
                self.add(kind, None, source, false, mos, r_factor.take());
            }
        }
        scores.iter().find_map(|(_, mos)| *mos)
    }

    fn add(
        &mut self,
        kind: ScoreKind,
        band: Option<Band>,
        source: Source,
        is_estimated: bool,
        mos: f64,
        r: Option<f64>,
    ) {
        let is_own = |sum: &Sum| (sum.kind, sum.band, sum.source) == (kind, band, source);
        let place = self.sums.iter().position(is_own).unwrap_or_else(|| {
            let (mos_min, count, r_count) = (f64::INFINITY, 0, 0);
            self.sums.push(Sum {
                kind,
                band,
                source,
                is_estimated,
                mos: 0.0,
                mos_min,
                count,
                r: 0.0,
                r_count,
            });
            self.sums.len() - 1
        });
        let Some(sum) = self.sums.get_mut(place) else { return };
        sum.mos += mos;
        sum.mos_min = sum.mos_min.min(mos);
        sum.count += 1;
        if let Some(r) = r {
            sum.r += r;
            sum.r_count += 1;
        }
    }

    pub(super) fn into_list(self, reporter: usize) -> impl Iterator<Item = Score> {
        self.sums.into_iter().map(move |sum| Score {
            kind: sum.kind,
            band: sum.band,
            source: sum.source,
            mos_mean: sum.mos / sum.count.max(1) as f64,
            mos_min: sum.mos_min,
            r_mean: (sum.r_count > 0).then(|| sum.r / sum.r_count as f64),
            count: sum.count,
            is_estimated: sum.is_estimated,
            reporter,
        })
    }
}

fn reported_source(report: &Report<'_>) -> Source {
    let is_end = matches!(report.kind, Kind::VoipMetrics | Kind::QualityReport | Kind::RtpStat);
    match report.by {
        By::Receiver if is_end => Source::ReportedByEndpoint,
        _ => Source::ReportedByAgent,
    }
}

/// How a score computed from this form of report is called.
pub(super) fn computed_source(kind: Kind) -> Source {
    match kind {
        Kind::SenderReport | Kind::ReportBlock => Source::FromRtcp,
        Kind::VoipMetrics => Source::FromExtendedReport,
        Kind::QualityReport => Source::FromQualityReport,
        Kind::RtpStat | Kind::Agent | Kind::Server | Kind::BorderController => Source::FromCounters,
    }
}

impl ScoreKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Listening => "LQ",
            Self::Conversation => "CQ",
            Self::Unsaid => "unsaid",
        }
    }
}

impl Source {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FromExtendedReport => "computed from XR",
            Self::FromQualityReport => "computed from a quality report",
            Self::FromRtcp => "computed from RTCP",
            Self::FromCounters => "computed from counters",
            Self::ReportedByEndpoint => "reported by the endpoint",
            Self::ReportedByAgent => "reported by an agent",
        }
    }
}
