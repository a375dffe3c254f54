//! Checking a data folder: is everything there that should be, and is it what was written?
//!
//! Without a server, and without changing anything unless that is asked for. The **log** is read whole: every block's
//! checksum, and whether its numbers go on from where the lake's commits end. Of each **table** every file of the
//! newest version is looked at: there, as long as its commit says, its footer readable, its rows, ranges and columns
//! those of the commit; beside it a sound filter. [`Options::deep`] reads every byte as well, against the checksum
//! in the commit, and every row, against the ranges and the filter.
//!
//! # What repairing may do
//!
//! [`Options::repair`] does nothing that loses a row: it makes filters again from their files, and removes what belongs to
//! nothing: files of no version whose rows are elsewhere, filters without a file, staging files, spilled rows. A damaged log is left as it is:
//! the next start steps over the damage, takes up all the rest, and deletes the segment when that has settled.
//! A file that cannot be read makes every question fail that needs it. [`Options::give_up_broken`] takes it out of its
//! table, and keeps its bytes in the table's folder `_broken`.

mod file;
mod log;
mod report;
mod table;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use model::{Micros, Table};

use crate::StoreError;
use crate::clock::now;
use crate::config::Config;
use crate::folder;
use crate::lake::{Place, nodes};
use crate::store::{STACK_BYTES, threads, wait_for};

pub use report::{Breakage, Finding, LogSummary, Problem, Remedy, Report, Severity, State, TableSummary};

use table::CheckedTable;

/// What a check does beyond looking.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Reads all bytes and rows of the lake.
    pub deep: bool,
    /// Mends what can be mended without losing a row.
    pub repair: bool,
    /// Takes files that cannot be read out of their tables.
    pub give_up_broken: bool,
}

/// How far a check is, or a backup, in bytes of log and lake; for whoever waits for it.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Bytes>);

#[derive(Debug, Default)]
struct Bytes {
    done: AtomicU64,
    all: AtomicU64,
}

impl Progress {
    pub fn done(&self) -> u64 {
        self.0.done.load(Ordering::Relaxed)
    }

    /// Zero until it is known.
    pub fn all(&self) -> u64 {
        self.0.all.load(Ordering::Relaxed)
    }

    pub(crate) fn expect(&self, bytes: u64) {
        self.0.all.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn advance(&self, bytes: u64) {
        self.0.done.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Checks the data folder of a configuration. `None` if there is none, or nothing in it yet.
///
/// # Errors
///
/// [`StoreError::InUse`] while a server has the folder; others where the folder itself cannot be read.
pub fn check(config: &Config, options: Options, progress: &Progress) -> Result<Option<Report>, StoreError> {
    let unusable = |source| StoreError::Folder { path: config.dir.clone(), source };
    if !has_data(&config.dir) {
        return Ok(None);
    }
    let path = fs::canonicalize(&config.dir).map_err(unusable)?;
    let _held = folder::hold(&path, options.repair || options.give_up_broken)?;
    let cores = thread::available_parallelism().map_or(2, usize::from);
    let runtime = threads("check", cores, STACK_BYTES)?;
    let (node, wrong_id) = match folder::written_node_id(&path) {
        Ok(node) => (node, String::new()),
        Err(StoreError::NodeId { text, .. }) => (None, text),
        Err(error) => return Err(error),
    };
    let place = Place::of(config, &path, node.as_deref().unwrap_or_default())?;
    let check = Check {
        path: &path,
        place: &place,
        derived: config.derived,
        options,
        progress,
        read_at_once: cores,
        now: now(),
    };
    wait_for(&runtime, check.run(config, node, wrong_id)).map(Some)
}

/// Whether a server has kept anything here.
fn has_data(folder: &Path) -> bool {
    ["lake", "log", "node-id"].iter().any(|name| folder.join(name).exists())
}

struct Check<'a> {
    /// Absolute.
    path: &'a Path,
    place: &'a Place,
    /// Tables whose rows are made of others, and made again.
    derived: &'static [&'static Table],
    options: Options,
    progress: &'a Progress,
    /// Files whose rows are read at the same time.
    read_at_once: usize,
    now: Micros,
}

impl Check<'_> {
    /// `wrong_id` is what stands where the node's id should.
    async fn run(
        &self,
        config: &Config,
        node: Option<String>,
        wrong_id: String,
    ) -> Result<Report, StoreError> {
        let mut report = Report::default();
        let first_block = match &node {
            Some(node) => nodes::claimed(self.place, node).await?,
            None => None,
        };
        let tables = self.open_tables(node.as_deref(), &mut report).await?;
        self.progress.expect(tables.iter().flat_map(|table| &table.files).map(|file| file.bytes).sum());
        let stranger = node.as_ref().filter(|node| first_block.is_none() && is_stranger(node, &tables));
        // Known if it is known who wrote, and every table tells.
        let is_known = node.is_some() && stranger.is_none() && report.findings.is_empty();
        let settled = tables.iter().map(|table| table.position).max().max(first_block).unwrap_or(0);
        let settled = is_known.then_some(settled);
        report.log = log::check(&self.path.join("log"), settled, self.progress, &mut report)?;
        let has_both = report.log.blocks > 0 && tables.iter().any(|table| !table.files.is_empty());
        if let Some(node) = stranger.filter(|_| has_both) {
            report.found("node-id", Problem::StrangeNode { node: node.clone() });
        }
        if node.is_none() && (has_both || !wrong_id.is_empty()) {
            report.found("node-id", Problem::NodeId { text: wrong_id });
        }
        self.spill(&mut report);
        for mut table in tables {
            let mut findings = table.check(self, report.log.first).await?;
            for finding in &mut findings {
                self.mend(&mut table, finding, config).await;
            }
            report.findings.extend(findings);
            report.tables.push(table.summary());
        }
        Ok(report)
    }

    async fn open_tables(
        &self,
        node: Option<&str>,
        report: &mut Report,
    ) -> Result<Vec<CheckedTable>, StoreError> {
        let mut names: Vec<String> = self
            .place
            .store
            .list_with_delimiter(Some(&self.place.path))
            .await?
            .common_prefixes
            .iter()
            .filter_map(|folder| folder.filename().map(str::to_owned))
            // Not of a table: who writes here.
            .filter(|name| name != nodes::FOLDER)
            .collect();
        names.sort();
        let mut tables = Vec::with_capacity(names.len());
        for name in names {
            match CheckedTable::open(self.place, &name, node).await {
                Ok(Some(table)) => tables.push(table),
                Ok(None) => report.found(&format!("lake/{name}"), Problem::NoTable),
                Err(error) => {
                    report.found(&format!("lake/{name}"), Problem::TableUnreadable(error.to_string()));
                }
            }
        }
        Ok(tables)
    }

    fn spill(&self, report: &mut Report) {
        let folder = self.path.join("tmp");
        let bytes = bytes_below(&folder);
        if bytes == 0 {
            return;
        }
        report.found("tmp", Problem::Spilled { bytes });
        if self.options.repair
            && let Some(finding) = report.findings.last_mut()
        {
            finding.state = State::of(fs::remove_dir_all(&folder).and_then(|()| fs::create_dir(&folder)));
        }
    }

    async fn mend(&self, table: &mut CheckedTable, finding: &mut Finding, config: &Config) {
        let wanted = match finding.problem.remedy() {
            Some(Remedy::Repair) => self.options.repair,
            Some(Remedy::GiveUp) => self.options.give_up_broken,
            None => false,
        };
        if !wanted {
            return;
        }
        finding.state = match &finding.problem {
            Problem::FilterMissing | Problem::FilterDamaged | Problem::FilterHides { .. } => {
                State::of(table.rebuild_filter(&finding.file).await)
            }
            Problem::Orphan { modified, .. }
                if self.now.0 - modified.0 < config.retention.grace.as_micros() as i64 =>
            {
                State::Failed("it was written a moment ago, and may still be read".to_owned())
            }
            Problem::Orphan { .. } => State::of(table.remove(&finding.file).await),
            Problem::Staged => State::of(fs::remove_file(self.path.join(&finding.place))),
            Problem::Broken { .. } => State::of(table.give_up(&finding.file, self.now).await),
            _ => State::Left,
        };
    }
}

/// Whether files were written here, and none of them by this node.
fn is_stranger(node: &str, tables: &[CheckedTable]) -> bool {
    let mut files = tables.iter().flat_map(|table| &table.files).peekable();
    files.peek().is_some()
        && tables.iter().all(|table| table.position == 0)
        && !files.any(|file| file.name.starts_with(node))
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
