//! What a board is: panels on a grid, each with a question and a kind of chart. The document is the same in a file, on its
//! way and where it is kept.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The version of the document that this server writes and reads.
pub(crate) const VERSION: u32 = 1;

/// Columns of the grid.
pub(crate) const COLUMNS: u32 = 12;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Board {
    /// Version of this document: 1.
    pub(crate) rhapsode_board: u32,
    /// 1 to 80 letters.
    pub(crate) title: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) note: String,
    /// The time it shows when it is opened, as a span back from now: `-1h`.
    #[serde(default = "default_from")]
    pub(crate) from: String,
    /// Asks again after this many seconds, 5 to 3600; 0: not by itself.
    #[serde(default = "default_refresh")]
    pub(crate) refresh_seconds: u32,
    /// For a screen on the wall: dark, large and without controls.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) wall: bool,
    /// At most 40; none lies over another.
    pub(crate) panels: Vec<Panel>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Panel {
    pub(crate) title: String,
    /// Place and size on a grid of 12 columns; rows are as many as there are.
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) w: u32,
    pub(crate) h: u32,
    pub(crate) chart: Chart,
    /// Where its numbers come from. Clocks and notes have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<Source>,
    /// Bars upon each other instead of side by side.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) stacked: bool,
    /// How many series or rows are shown apart, 1 to 20; 8 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) top: Option<u32>,
    /// What the numbers of a SQL source are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unit: Option<PanelUnit>,
    /// A number from which it is to be looked at, and one from which it is bad. Where `bad` is the lower one, low is bad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) warn: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bad: Option<f64>,
    /// Of a clock, by the IANA data base: `Europe/Berlin`. That of who looks if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) zone: Option<String>,
    /// Of a note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BoardChart)]
pub(crate) enum Chart {
    Line,
    Bar,
    /// Time from left to right, groups or ranges of a number upwards, how many as a colour.
    Heat,
    Table,
    /// One number, with that of the time before.
    Number,
    Clock,
    Note,
}

/// A question. Which fields it has depends on its `kind`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BoardSource)]
pub(crate) struct Source {
    pub(crate) kind: SourceKind,
    /// What is looked at. `messages` with `search` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) of: Option<Of>,
    /// Search text; nothing for all. With `kpi` and `search`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) q: String,
    /// With `kpi`: one to four, or one by groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) measures: Vec<Measure>,
    /// What makes groups: with `kpi` as `GET /api/v1/kpi` has it, with `search` the name of a field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<String>,
    /// With `search` in a heat map: the field whose numbers are counted in ranges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
    /// With `sql`: one SELECT. `$from`, `$to` and `$step` stand for the time that is shown and the length of a point.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) sql: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BoardSourceKind)]
pub(crate) enum SourceKind {
    /// Figures of calls or registrations over time.
    Kpi,
    /// How many a search finds over time.
    Search,
    Sql,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BoardSubject)]
pub(crate) enum Of {
    Calls,
    Registrations,
    Messages,
}

/// A figure, as `GET /api/v1/kpi` and `/kpi/registrations` have it; quantiles by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BoardMeasure)]
pub(crate) enum Measure {
    /// Begun, whatever became of them. Of calls and registrations.
    Count,
    /// Begun each second. Of calls and registrations.
    Rate,
    Answered,
    Concurrent,
    Asr,
    Ner,
    Ser,
    Seer,
    Isa,
    Scr,
    AcdSeconds,
    ShortRatio,
    AbandonedRatio,
    RetransmissionRatio,
    PddP50,
    PddP95,
    PddP99,
    /// Ineffective registration attempts (RFC 6076 4.2).
    Ira,
    /// Registration request delay (RFC 6076 4.1).
    DelayP50,
    DelayP95,
    DelayP99,
}

impl Measure {
    pub(crate) const fn is_of(self, of: Of) -> bool {
        match self {
            Self::Count | Self::Rate => matches!(of, Of::Calls | Of::Registrations),
            Self::Ira | Self::DelayP50 | Self::DelayP95 | Self::DelayP99 => matches!(of, Of::Registrations),
            Self::Answered
            | Self::Concurrent
            | Self::Asr
            | Self::Ner
            | Self::Ser
            | Self::Seer
            | Self::Isa
            | Self::Scr
            | Self::AcdSeconds
            | Self::ShortRatio
            | Self::AbandonedRatio
            | Self::RetransmissionRatio
            | Self::PddP50
            | Self::PddP95
            | Self::PddP99 => matches!(of, Of::Calls),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BoardUnit)]
pub(crate) enum PanelUnit {
    Count,
    Percent,
    Milliseconds,
    Seconds,
    PerSecond,
    Bytes,
}

fn default_from() -> String {
    "-1h".to_owned()
}

fn default_refresh() -> u32 {
    30
}
