use std::fmt;

use model::Micros;

use crate::log::Damage;
use crate::view::Ranges;

/// What a check has looked at, and what it has found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub log: LogSummary,
    /// By name.
    pub tables: Vec<TableSummary>,
    pub findings: Vec<Finding>,
}

/// The log as it can be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogSummary {
    pub segments: u64,
    pub bytes: u64,
    pub blocks: u64,
    /// The number of the first block that can be read.
    pub first: Option<u64>,
    /// Blocks that no table has settled yet: the next start takes them up.
    pub unsettled: u64,
}

/// The newest version of a table.
#[derive(Clone, Debug)]
pub struct TableSummary {
    pub name: String,
    pub files: u64,
    pub rows: u64,
    pub bytes: u64,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Below the data folder.
    pub place: String,
    pub problem: Problem,
    pub state: State,
    /// The file of the table that it is about, if any: a filter's is the file beside it.
    pub(super) file: String,
}

/// What has become of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing was done.
    Left,
    Mended,
    /// It was to be mended and was not.
    Failed(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Costs time or room, and no answer is wrong.
    Note,
    /// Rows are lost, or answers fail or lack some.
    Wrong,
}

/// What would cure it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// [`super::Options::repair`]
    Repair,
    /// [`super::Options::give_up_broken`]
    GiveUp,
}

/// What is not as it should be.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Problem {
    #[error("{}", unknown_node(text))]
    NodeId { text: String },
    #[error(
        "no file of the lake is from the node {node}: with the wrong id, a start would bring rows of the log twice; put \
         the former node-id back"
    )]
    StrangeNode { node: String },
    #[error("{bytes} bytes were left by questions that a crash ended")]
    Spilled { bytes: u64 },

    #[error("{} bytes at offset {} were never accepted: a crash cut them short", .0.bytes, .0.offset)]
    NeverAccepted(Damage),
    #[error("{}, and is in the lake already: nothing is lost", piece(.0))]
    DamagedAndSettled(Damage),
    #[error("{}: its packets are lost", piece(.0))]
    Damaged(Damage),
    #[error("{}: a newer version of this program can read it", piece(.0))]
    NewerVersion(Damage),
    #[error(
        "{} are in neither the log nor the lake: their packets are lost, unless a segment (*.log) was moved elsewhere and \
         is put back",
        blocks(*first, *last)
    )]
    BlocksMissing { first: u64, last: u64 },
    #[error(
        "ends with block {last}, but the lake has settled up to {settled}: a segment (*.log) is gone, and with it rows of \
         any table that had not settled so far"
    )]
    LogEndsEarly { last: u64, settled: u64 },

    #[error(
        "has no Delta log (_delta_log), without which nobody knows which files belong to it, and no server starts: put it \
         back from a backup, or move the files elsewhere"
    )]
    NoTable,
    #[error("cannot be read: {0}")]
    TableUnreadable(String),
    #[error("{how}: {} cannot be read, and questions that need them fail", rows_of(*rows, *received))]
    Broken { how: Breakage, rows: u64, received: Option<(Micros, Micros)> },
    #[error("holds {rows} rows, its commit says {expected}")]
    RowCount { rows: u64, expected: u64 },
    #[error("holds {column} from {found}, its commit says {expected}: questions may leave it out")]
    OutsideRange { column: &'static str, found: String, expected: String },
    #[error("column {name} is {found}, the table says {expected}")]
    Column { name: String, found: String, expected: String },
    #[error(
        "its bytes are not those that were written (CRC-32 {found:08x}, its commit says {expected:08x}): every row can be \
         read, but some value is wrong"
    )]
    Checksum { found: u32, expected: u32 },
    #[error("holds {found}, its commit says {expected}")]
    Payload { found: String, expected: String },
    #[error("may hold rows twice: its ids and those of {other} overlap")]
    RowsTwice { other: String },
    #[error("is missing: its file is opened by every question for a call")]
    FilterMissing,
    #[error("is damaged: its file is opened by every question for a call")]
    FilterDamaged,
    #[error("denies {keys} of the values its file holds: questions for those calls do not find them there")]
    FilterHides { keys: u64 },
    #[error("{bytes} bytes that belong to no version of the table, of rows that are elsewhere or were to go")]
    Orphan { bytes: u64, modified: Micros },
    #[error(
        "belongs to no version of the table, though it holds rows up to block {last}, which the table has not settled and \
         the log has no more: a commit (_delta_log/*.json) is gone. Put that back, or copy this file elsewhere, before a \
         server starts, which would remove it"
    )]
    CommitMissing { last: u64 },
    #[error("{bytes} bytes that another program wrote, and that belong to no version of the table")]
    Foreign { bytes: u64 },
    #[error("was left by a write that a crash cut short")]
    Staged,
}

/// Why a file cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Breakage {
    #[error("is missing")]
    Missing,
    #[error("has {bytes} bytes instead of {expected}")]
    Size { bytes: u64, expected: u64 },
    #[error("is damaged ({0})")]
    Damaged(String),
    /// The disk or the bucket, and perhaps not the file.
    #[error("cannot be reached ({0})")]
    Unreachable(String),
}

impl Report {
    /// Findings that keep the folder from being as it should be.
    pub fn wrong(&self) -> usize {
        self.findings.iter().filter(|finding| finding.severity() == Severity::Wrong).count()
    }

    pub(super) fn found(&mut self, place: &str, problem: Problem) {
        self.findings.push(Finding {
            place: place.to_owned(),
            problem,
            state: State::Left,
            file: String::new(),
        });
    }
}

impl Finding {
    /// As it is now: what was mended is worth a note.
    pub fn severity(&self) -> Severity {
        if self.state == State::Mended { Severity::Note } else { self.problem.severity() }
    }
}

impl State {
    pub(super) fn of<E: fmt::Display>(outcome: Result<(), E>) -> Self {
        outcome.map_or_else(|error| Self::Failed(error.to_string()), |()| Self::Mended)
    }
}

impl Problem {
    pub fn severity(&self) -> Severity {
        match self {
            Self::Spilled { .. }
            | Self::NeverAccepted(_)
            | Self::DamagedAndSettled(_)
            | Self::FilterMissing
            | Self::FilterDamaged
            | Self::Orphan { .. }
            | Self::Foreign { .. }
            | Self::Staged => Severity::Note,
            Self::NodeId { .. }
            | Self::StrangeNode { .. }
            | Self::Damaged(_)
            | Self::NewerVersion(_)
            | Self::BlocksMissing { .. }
            | Self::LogEndsEarly { .. }
            | Self::NoTable
            | Self::TableUnreadable(_)
            | Self::Broken { .. }
            | Self::RowCount { .. }
            | Self::OutsideRange { .. }
            | Self::Column { .. }
            | Self::Checksum { .. }
            | Self::Payload { .. }
            | Self::RowsTwice { .. }
            | Self::FilterHides { .. }
            | Self::CommitMissing { .. } => Severity::Wrong,
        }
    }

    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Spilled { .. }
            | Self::FilterMissing
            | Self::FilterDamaged
            | Self::FilterHides { .. }
            | Self::Orphan { .. }
            | Self::Staged => Some(Remedy::Repair),
            Self::Broken { how: Breakage::Unreachable(_), .. } => None,
            Self::Broken { .. } => Some(Remedy::GiveUp),
            _ => None,
        }
    }

    pub(super) fn broken(how: Breakage, rows: u64, ranges: Option<Ranges>) -> Self {
        let received = ranges.map(|ranges| (Micros(ranges.received.min), Micros(ranges.received.max)));
        Self::Broken { how, rows, received }
    }
}

fn unknown_node(text: &str) -> String {
    let found = if text.is_empty() { "is missing".to_owned() } else { format!("holds {text:?}") };
    format!(
        "{found}: without it nobody knows what of the log the lake has; it is the first part of the names of the files in \
         lake/*/, 16 digits: put that back"
    )
}

fn piece(damage: &Damage) -> String {
    let Damage { offset, bytes, cause, seq, entries, .. } = damage;
    match (seq, entries) {
        (Some(seq), Some(entries)) => {
            format!(
                "block {seq} with {entries} packets, {bytes} bytes at offset {offset}, is damaged ({cause})"
            )
        }
        _ => format!("a piece of {bytes} bytes at offset {offset} is damaged ({cause})"),
    }
}

fn blocks(first: u64, last: u64) -> String {
    if first == last { format!("block {first}") } else { format!("blocks {first} to {last}") }
}

fn rows_of(rows: u64, received: Option<(Micros, Micros)>) -> String {
    match received {
        Some((from, to)) => format!("{rows} rows that arrived from {from} to {to}"),
        None => "its rows".to_owned(),
    }
}
