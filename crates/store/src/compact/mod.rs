//! Compaction: how do the small files of minutes become few and well sorted ones, while nobody waits?
//!
//! Rows settle every minute, so that the log stays short; a day of that would be thousands of files of each table. A
//! thread of its own reads those of an hour and writes one, then those of a day if they are still small
//! ([`plan`]). It never changes the lake itself: it hands the new file to the settling thread, which puts it in the
//! place of the old ones by one commit. So there is one writer as before, and nothing to undo after a crash:
//! a file that was not committed belongs to no version, and is removed at the next start.
//!
//! Work is a row group at a time ([`merge`]): small ones are sorted together, and payloads compressed better than there
//! was time for before; large ones are taken over as they are.
//!
//! Payloads go the same way where they have an age of their own ([`crate::Retention::payload_days`]): a file whose newest
//! row is that old is made again, alone or with its neighbours, with an empty column in the place of the payloads.

mod merge;
mod piece;
mod plan;

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use model::{Micros, Table};
use tokio::runtime::Handle;

use crate::StoreError;
use crate::clock::now;
use crate::compact::merge::{Failure, Site, merge};
use crate::compact::plan::{Moment, Run};
use crate::config::{Retention, Rules};
use crate::hot::Hot;
use crate::lake::{LakeFile, Place};
use crate::status::{Alarms, CompactionStatus};
use crate::view::View;

/// A file that could not be read is tried again after this: the disk or the bucket may have been away.
const AVOIDED_FOR: Duration = Duration::from_secs(3_600);

/// Pause after a failure that no file is to blame for.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Files that are to leave a table, and the one that holds their rows.
pub(crate) struct Merged {
    /// Of the table, in the order of the view.
    pub(crate) place: usize,
    pub(crate) inputs: Vec<Arc<LakeFile>>,
    pub(crate) output: LakeFile,
}

/// Whether the settling thread put it in their place; not if one of them has left the table meanwhile.
pub(crate) type Adopted = Result<bool, StoreError>;

/// What was done so far.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<CompactionStatus>);

pub(crate) struct Compactor {
    pub(crate) hot: Arc<Hot>,
    pub(crate) place: Place,
    pub(crate) node: String,
    pub(crate) every: Duration,
    pub(crate) rules: Rules,
    pub(crate) alarms: Arc<Alarms>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) runtime: Handle,
    /// Files that could not be read, and since when.
    pub(crate) avoided: HashMap<String, Instant>,
}

impl Compactor {
    /// Works until the store closes.
    pub(crate) fn run(mut self) {
        let mut pause = self.every;
        while self.hot.rest(pause) {
            self.avoided.retain(|_, since| since.elapsed() < AVOIDED_FOR);
            let outcome = self.next().map(|(place, run)| self.compact(place, run));
            pause = match outcome {
                None => self.every,
                // There may be more.
                Some(Ok(())) => Duration::ZERO,
                Some(Err(failure)) => self.failed(failure),
            };
            if self.avoided.is_empty() && pause != RETRY_AFTER {
                self.alarms.clear("compact");
            }
        }
    }

    /// Says what is wrong; how long to wait then.
    fn failed(&mut self, failure: Failure) -> Duration {
        match failure {
            // The next rest ends the work.
            Failure::Stopped | Failure::Elsewhere(StoreError::Closed) => Duration::ZERO,
            Failure::Input(name, error) => {
                self.alarms
                    .raise("compact", format!("the file {name} cannot be merged with others: {error}"));
                self.avoided.insert(name, Instant::now());
                Duration::ZERO
            }
            Failure::Elsewhere(error) => {
                self.alarms.raise("compact", format!("cannot merge files: {error}"));
                RETRY_AFTER
            }
        }
    }

    /// The next run of any table, if there is room on the disk for it.
    fn next(&self) -> Option<(usize, Run)> {
        let view = self.hot.view();
        let avoided: HashSet<String> = self.avoided.keys().cloned().collect();
        let moment = now();
        let rules = self.rules.now();
        let (place, run) = view.tables.iter().enumerate().find_map(|(place, table)| {
            let moment = rules.moment(table.table, moment);
            Some((place, plan::next(&table.files, &self.node, &avoided, moment)?))
        })?;
        // Both exist for a while. Retention makes room; this must not take it away again.
        let bytes: u64 = run.files.iter().map(|file| file.bytes).sum();
        let fits =
            self.place.free_disk().is_none_or(|free| free >= rules.free_disk_min.saturating_add(bytes));
        fits.then_some((place, run))
    }

    fn compact(&self, place: usize, run: Run) -> Result<(), Failure> {
        let started = Instant::now();
        let table = self.hot.view().tables[place].table;
        let folder = self.place.table(table.name);
        let site = Site { store: &self.place.store, folder: &folder, node: &self.node };
        let go_on = |pause| self.hot.rest(pause);
        let merging = AssertUnwindSafe(merge(&site, table, &run, &go_on)).catch_unwind();
        let output = self.runtime.block_on(merging).unwrap_or_else(|_| {
            // Of a mistake of ours the first file is as likely a cause as any.
            let error = StoreError::Internal("merging panicked".to_owned());
            Err(Failure::Input(run.files[0].name.clone(), error))
        })?;
        let done = CompactionStatus {
            files_due: 0,
            files_read: run.files.len() as u64,
            files_written: 1,
            rows: output.rows,
            bytes_read: run.files.iter().map(|file| file.bytes).sum(),
            bytes_written: output.bytes,
        };
        tracing::debug!(table = table.name, ?done, elapsed = ?started.elapsed(), "merged files");
        if self.hot.adopt(Merged { place, inputs: run.files, output })? {
            self.progress.add(done);
        }
        Ok(())
    }
}

impl Retention {
    fn moment(&self, table: &Table, now: Micros) -> Moment {
        Moment { now, payload_since: self.payload_since(table, now) }
    }
}

impl Progress {
    fn add(&self, done: CompactionStatus) {
        let mut all = self.lock();
        all.files_read += done.files_read;
        all.files_written += done.files_written;
        all.rows += done.rows;
        all.bytes_read += done.bytes_read;
        all.bytes_written += done.bytes_written;
    }

    pub(crate) fn status(&self, view: &View, node: &str, rules: &Retention) -> CompactionStatus {
        let now = now();
        let due = view.tables.iter().filter_map(|table| {
            let moment = rules.moment(table.table, now);
            Some(plan::next(&table.files, node, &HashSet::new(), moment)?.files.len() as u64)
        });
        CompactionStatus { files_due: due.sum(), ..*self.lock() }
    }

    fn lock(&self) -> MutexGuard<'_, CompactionStatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
