//! The settling thread: hot rows become files of the lake, old files go, passed log segments are deleted.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use tokio::runtime::Handle;

use crate::StoreError;
use crate::carried::Carried;
use crate::compact::{Adopted, Merged};
use crate::config::Config;
use crate::hot::{Due, DueDerived, Hot, Request, Wake};
use crate::lake::{CONFLICTS_MAX, Change, Exchange, Lake, LakeFile, LakeTable};
use crate::log::Log;
use crate::retain::Retain;
use crate::status::Alarms;
use crate::times::{Clock, Taking};
use crate::view::HotBatch;

/// After a failed step the next waits this long, then twice as long each time.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// An operator who made room on the disk does not want to wait longer than this.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(15);

/// Another node that writes into the same lake is looked after this often, if nothing settles meanwhile. Well below the
/// time for which removed files are left to those who have not heard of it ([`crate::Retention::grace`]).
const LOOK_EVERY_MAX: Duration = Duration::from_secs(60);

/// The only one here that writes to the lake.
pub(crate) struct Settler {
    hot: Arc<Hot>,
    log: Arc<Log>,
    lake: Lake,
    retain: Retain,
    alarms: Arc<Alarms>,
    clock: Arc<Clock>,
    runtime: Handle,
    every: Duration,
    check_every: Duration,
    /// The data folder.
    folder: PathBuf,
    /// Per table: no row of a block up to here is missing in the lake. Runs ahead of what the table's commits
    /// remember while the table gets no rows.
    passed: Vec<u64>,
}

impl Settler {
    #[expect(clippy::too_many_arguments, reason = "each is a part of the store that is made once")]
    pub(crate) fn new(
        config: &Config,
        retain: Retain,
        hot: Arc<Hot>,
        log: Arc<Log>,
        lake: Lake,
        alarms: Arc<Alarms>,
        clock: Arc<Clock>,
        runtime: Handle,
    ) -> Self {
        Self {
            passed: lake.tables.iter().map(LakeTable::settled).collect(),
            retain,
            hot,
            log,
            lake,
            alarms,
            clock,
            runtime,
            every: config.settle_every,
            check_every: config.retention.check_every,
            folder: config.dir.clone(),
        }
    }

    /// Works until the store closes. What is hot then stays in the log.
    pub(crate) fn run(mut self) {
        let runtime = self.runtime.clone();
        runtime.block_on(self.retain.take_up_strays(&self.lake));
        let mut settle_at = Instant::now() + self.every;
        let mut check_at = Instant::now();
        let mut look_at = Instant::now() + LOOK_EVERY_MAX;
        let mut retry_after = RETRY_AFTER;
        loop {
            // After a failure full memory is no reason to hurry: the next attempt has its time.
            let failing = retry_after > RETRY_AFTER;
            let mut requests = Vec::new();
            let settle = match self.hot.wait(settle_at.min(check_at).min(look_at), !failing) {
                Wake::Closing => return,
                Wake::Memory => true,
                Wake::Time => Instant::now() >= settle_at,
                Wake::Merged(merged, answer) => {
                    let adopted = runtime.block_on(self.adopt(merged));
                    // Who asked may have gone.
                    let _ = answer.send(adopted);
                    false
                }
                Wake::Asked(asked) => {
                    requests = asked;
                    true
                }
            };
            if settle {
                let clock = Arc::clone(&self.clock);
                let taking = Taking::of(&clock);
                let outcome = runtime.block_on(self.settle());
                drop(taking);
                match &outcome {
                    Ok(()) => {
                        self.alarms.clear("settle");
                        retry_after = RETRY_AFTER;
                        settle_at = Instant::now() + self.every;
                    }
                    Err(error) => {
                        let hint = if error.is_disk_full() { " (the disk is full)" } else { "" };
                        self.alarms
                            .raise("settle", format!("cannot settle rows into the lake: {error}{hint}"));
                        settle_at = Instant::now() + retry_after;
                        retry_after = (retry_after * 2).min(RETRY_AFTER_MAX);
                    }
                }
                answer(requests, &outcome);
                look_at = Instant::now() + LOOK_EVERY_MAX;
                if self.retain.is_disk_low() {
                    // A flood may fill the disk before the next look would be due.
                    check_at = Instant::now();
                }
            }
            if Instant::now() >= look_at {
                // What fails is looked at again, and told, when something settles.
                let _ = runtime.block_on(surviving(self.look()));
                look_at = Instant::now() + LOOK_EVERY_MAX;
            }
            if Instant::now() >= check_at {
                let step = surviving(async {
                    self.retain.apply(&mut self.lake, &self.hot).await;
                    Ok(())
                });
                if let Err(error) = runtime.block_on(step) {
                    self.alarms.raise("retain", format!("cannot remove old files: {error}"));
                }
                check_at = Instant::now() + self.check_every;
            }
        }
    }

    /// Settles what is due in every table. A table that fails does not keep the others from settling.
    async fn settle(&mut self) -> Result<(), StoreError> {
        let mut first_error = None;
        for place in 0..self.hot.first_derived() {
            if let Err(error) = surviving(self.settle_table(place)).await {
                // Waiting for an answer for each would only take longer.
                let is_away = matches!(error, StoreError::LakeAway { .. });
                first_error.get_or_insert(error);
                if is_away {
                    break;
                }
            }
        }
        if first_error.is_none()
            && let Some(due) = self.hot.due_derived()
            && let Err(error) = surviving(self.settle_derived(due)).await
        {
            first_error = Some(error);
        }
        self.free_log();
        first_error.map_or(Ok(()), Err)
    }

    /// Finds what other nodes have changed.
    async fn look(&mut self) -> Result<(), StoreError> {
        for place in 0..self.lake.tables.len() {
            self.refresh(place).await?;
        }
        Ok(())
    }

    async fn refresh(&mut self, place: usize) -> Result<(), StoreError> {
        let table = &mut self.lake.tables[place];
        if let Some(files) = table.refresh().await? {
            self.hot.replace(place, table.settled(), files.into_iter().map(Arc::new).collect());
        }
        Ok(())
    }

    async fn settle_table(&mut self, place: usize) -> Result<(), StoreError> {
        let mut conflicts = 0;
        loop {
            match self.try_settle_table(place).await {
                Err(error) if error.is_conflict() && conflicts < CONFLICTS_MAX => conflicts += 1,
                outcome => return outcome,
            }
        }
    }

    async fn try_settle_table(&mut self, place: usize) -> Result<(), StoreError> {
        let started = Instant::now();
        self.refresh(place).await?;
        let Due { position, hot } = self.hot.due(place);
        if !hot.is_empty() {
            let files = self.append(place, &hot, position).await?;
            self.hot.replace(place, position, files);
            let table = self.lake.tables[place].table.name;
            tracing::debug!(table, batches = hot.len(), position, elapsed = ?started.elapsed(), "settled");
        }
        self.passed[place] = self.passed[place].max(position);
        Ok(())
    }

    /// What goes on is written down before the rows of what has ended settle, and once more after: whenever a crash
    /// comes, each call is in the lake or among those that are carried on.
    async fn settle_derived(&mut self, due: DueDerived) -> Result<(), StoreError> {
        let DueDerived { position, ended, going, ending, minutes, ending_minutes } = due;
        let mut carried = Carried { position, going, ending, minutes, ending_minutes };
        carried.write(&self.folder)?;
        for (place, ended) in ended {
            self.refresh(place).await?;
            if !ended.is_empty() {
                let files = self.append(place, &ended, position).await?;
                self.hot.replace_derived(place, files, &ended);
            }
            self.passed[place] = self.passed[place].max(position);
        }
        if !carried.ending.is_empty() || !carried.ending_minutes.is_empty() {
            carried.ending.clear();
            carried.ending_minutes.clear();
            carried.write(&self.folder)?;
        }
        Ok(())
    }

    /// Makes hot rows part of a table; the files it then consists of.
    async fn append(
        &mut self,
        place: usize,
        hot: &[Arc<HotBatch>],
        position: u64,
    ) -> Result<Vec<Arc<LakeFile>>, StoreError> {
        Ok(match self.lake.tables[place].append(hot, position).await? {
            Change::Replaced(files) => files.into_iter().map(Arc::new).collect(),
            Change::Added(file) => {
                let mut files = self.hot.view().tables[place].files.as_ref().clone();
                files.push(Arc::new(file));
                files
            }
        })
    }

    /// Puts a file in the place of those it was made of.
    async fn adopt(&mut self, merged: Merged) -> Adopted {
        let Merged { place, inputs, output } = merged;
        let table = &mut self.lake.tables[place];
        let mut exchanged = None;
        surviving(async {
            exchanged = Some(table.exchange(&inputs, output).await?);
            Ok(())
        })
        .await?;
        let Some(Exchange { left, done }) = exchanged else { return Ok(false) };
        self.hot.replace(place, table.settled(), left.into_iter().map(Arc::new).collect());
        if done {
            self.retain.leave_all(place, &inputs);
        }
        Ok(done)
    }

    /// Deletes log segments that every table has passed. Not beyond the highest position that some commit
    /// remembers: the log's numbers must go on from there when no segment is left.
    fn free_log(&self) {
        if self.retain.is_disk_low() {
            // It may hold as much as the lake's oldest files, and need not.
            self.log.close_segment();
        }
        let passed = self.passed.iter().copied().min().unwrap_or(0);
        match self.log.delete_through(passed.min(self.lake.highest_position())) {
            Ok(_) => self.alarms.clear("log_delete"),
            Err(error) => self.alarms.raise("log_delete", format!("cannot free log space: {error}")),
        }
    }
}

/// A panic is a mistake of ours, and an error like another here: the rows are still there, and the next attempt may do
/// better than a thread that is gone.
async fn surviving(step: impl Future<Output = Result<(), StoreError>>) -> Result<(), StoreError> {
    // What a step leaves half done is in doubt, as after an error, and looked at before the next.
    AssertUnwindSafe(step)
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(StoreError::Internal("a step panicked".to_owned())))
}

fn answer(requests: Vec<Request>, outcome: &Result<(), StoreError>) {
    for request in requests {
        let answer = match outcome {
            Ok(()) => Ok(()),
            Err(error) => Err(StoreError::Internal(error.to_string())),
        };
        // Who asked may have gone.
        let _ = request.send(answer);
    }
}
