//! How good the media of a call was, read from what its ends and the agents on the way report.
//!
//! Reports of one call go in, in the order of their time; out come [`Stream`]s, one for each direction and SSRC (or for
//! each pair of addresses where no SSRC is told): what was lost, jitter, round trip, and scores of the E-model
//! (ITU-T G.107), each with a label: listening or conversation, which band, and where it comes from. What is odd about the
//! counters has a name in [`Problem`]; docs/quality.md says how each figure is made.
//!
//! A report that two capture points saw, or that came twice by different ways, counts once. Several reporters of one stream
//! are never added up: each keeps its own account, and one of them speaks for the stream.

mod account;
mod agreed;
mod counters;
mod figures;
mod gather;
mod jitter;
mod problem;
mod report;
mod round_trip;
mod rtp_stat;
mod score;
mod stream;
mod twice;

pub use ::media::emodel::Band;
pub use agreed::{Agreed, CodecSource, StreamCodec};
pub use problem::Problem;
pub use report::{By, Figures, Jitter, Kind, Report};
pub use rtp_stat::rtp_stats;
pub use score::{Computed, Score, ScoreKind, Source, computed};
pub use stream::{Point, Reporter, Stream};

/// Reports of one call that are read: a day of two streams with a report every five seconds has 35,000.
pub const REPORTS_MAX: usize = 40_000;

/// Streams of one call that are told apart: far more than a conference leg has; senders that change their SSRC with
/// every packet end here.
pub const STREAMS_MAX: usize = 64;

/// Points of one stream that are handed out: more than a screen has pixels. Beyond it every second one is left out.
pub const POINTS_MAX: usize = 2_000;

/// The streams that the reports are about, in the order in which they were first told of.
///
/// Reports are in time order; `agreed` is what the call's descriptions say.
pub fn streams(reports: &[Report<'_>], agreed: &Agreed) -> Vec<Stream> {
    let reports = reports.get(..REPORTS_MAX).unwrap_or(reports);
    let told = twice::once(reports);
    let groups = gather::groups(&told);
    let clocks = round_trip::SenderReports::of(&told);
    groups.iter().map(|group| stream::read(group, agreed, &clocks)).collect()
}
