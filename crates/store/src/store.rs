use std::collections::HashMap;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use arrow::array::RecordBatch;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use model::query::Expr;
use model::{Micros, Table};
use tokio::runtime::{Builder, Runtime};

use crate::carried::{Carried, Going, Minutes, Unfinished};
use crate::compact::{Compactor, Progress};
use crate::config::{Config, Retention, Rules};
use crate::folder::DataFolder;
use crate::hot::{Derived, Hot};
use crate::lake::nodes::node_number;
use crate::lake::{Lake, LakeTable, Place};
use crate::log::{Log, Options, Replay};
use crate::retain::Retain;
use crate::search::{Answer, Engine, SearchRequest};
use crate::settle::Settler;
use crate::status::{Alarms, StoreStatus, TableStatus};
use crate::storage::{Storage, storage, without_payload};
use crate::tail::Tail;
use crate::times::Clock;
use crate::view::{TableView, View};
use crate::{Limits, StoreError};

/// The open store. One process at a time may have a data folder open.
///
/// Dropping it without [`Store::shutdown`] loses nothing: what is not settled comes back by replay.
pub struct Store {
    hot: Arc<Hot>,
    log: Arc<Log>,
    alarms: Arc<Alarms>,
    engine: Engine,
    tables: &'static [&'static Table],
    derived: &'static [&'static Table],
    /// What an earlier run left going on.
    carried: Mutex<Carried>,
    retention: Rules,
    place: Place,
    progress: Arc<Progress>,
    settling: Arc<Clock>,
    workers: Vec<JoinHandle<()>>,
    runtimes: Vec<Runtime>,
    /// Released last.
    folder: DataFolder,
}

impl Store {
    /// Opens the store of a data folder, creating what is missing. Then the caller replays: it reads
    /// [`Store::replay`], understands each block again and publishes it, before it appends new blocks.
    #[expect(clippy::needless_pass_by_value, reason = "a configuration is handed over, not lent")]
    pub fn open(config: Config, tables: &'static [&'static Table]) -> Result<Self, StoreError> {
        let folder = DataFolder::open(&config.dir, &config.lake)?;
        let cores = thread::available_parallelism().map_or(2, usize::from);
        let runtime = threads("store", 1, STACK_BYTES)?;
        let questions = threads("question", cores, QUESTION_STACK_BYTES)?;
        let place = Place::of(&config, &folder.path, &folder.node)?;
        place.make()?;
        let all: Vec<&'static Table> = tables.iter().chain(config.derived).copied().collect();
        let (lake, files) = wait_for(&runtime, Lake::open(&place, &folder.node, &all))?;
        let carried = Carried::read(&folder.path)?;
        let settled = lake.tables.iter().map(LakeTable::settled).enumerate();
        // Tables that are derived may have had nothing to settle for long.
        let settled = settled
            .map(|(at, settled)| if at < tables.len() { settled } else { settled.max(carried.position) })
            .collect();
        let view = View {
            tables: all
                .iter()
                .zip(files)
                .enumerate()
                .map(|(at, (table, files))| {
                    let view = TableView::new(table, files.into_iter().map(Arc::new).collect());
                    Arc::new(TableView { is_derived: at >= tables.len(), ..view })
                })
                .collect(),
        };
        let options = Options { segment_bytes_max: config.log_segment_bytes_max, floor: lake.log_floor() };
        let log = match &config.log_disk {
            Some(disk) => Log::open_on(Box::new(Arc::clone(disk)), options)?,
            None => Log::open(&folder.log(), options)?,
        };
        let log = Arc::new(log);
        let hot = Arc::new(Hot::new(view, settled, config.hot_bytes_max));
        hot.remember_minutes(carried.known_minutes());
        let alarms = Arc::new(Alarms::default());
        let engine = Engine::new(
            &place,
            folder.spill(),
            config.limits,
            runtime.handle().clone(),
            questions.handle().clone(),
        )?;
        let settling = Arc::new(Clock::default());
        let retention = Rules::new(config.retention.clone());
        let settler = Settler::new(
            &config,
            Retain::new(&config, retention.clone(), &place, &folder.node, Arc::clone(&alarms)),
            Arc::clone(&hot),
            Arc::clone(&log),
            lake,
            Arc::clone(&alarms),
            Arc::clone(&settling),
            runtime.handle().clone(),
        );
        let progress = Arc::new(Progress::default());
        let compactor = Compactor {
            hot: Arc::clone(&hot),
            place: place.clone(),
            node: folder.node.clone(),
            every: config.compact_every,
            rules: retention.clone(),
            alarms: Arc::clone(&alarms),
            progress: Arc::clone(&progress),
            runtime: runtime.handle().clone(),
            avoided: HashMap::new(),
        };
        let workers =
            vec![worker("settle", move || settler.run())?, worker("compact", move || compactor.run())?];
        Ok(Self {
            hot,
            log,
            alarms,
            engine,
            tables,
            carried: Mutex::new(carried),
            derived: config.derived,
            retention,
            place,
            progress,
            settling,
            workers,
            runtimes: vec![questions, runtime],
            folder,
        })
    }

    pub fn tables(&self) -> &'static [&'static Table] {
        self.tables
    }

    /// Tables whose rows are made of other rows.
    pub fn derived(&self) -> &'static [&'static Table] {
        self.derived
    }

    fn all_tables(&self) -> impl Iterator<Item = &'static Table> {
        self.tables.iter().chain(self.derived).copied()
    }

    /// What names this node in file names and transactions, and differs between all nodes.
    pub fn node(&self) -> &str {
        &self.folder.node
    }

    /// The write-ahead log: what is appended to it is accepted.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The blocks that some table has not settled yet, and what could not be read of them.
    pub fn replay(&self) -> Replay<'_> {
        self.log.replay(self.all_tables().filter_map(|table| self.hot.settled(table).ok()).min().unwrap_or(0))
    }

    /// The number of the highest log block whose rows of this table are in the lake. Rows of blocks up to it need
    /// not be published again; if they are, they are dropped.
    pub fn settled(&self, table: &Table) -> u64 {
        self.hot.settled(table).unwrap_or(0)
    }

    /// Makes rows searchable. Afterwards all rows of all log blocks up to `position` have been published, by this
    /// call or an earlier one: the batches must hold no row of a later block, and a block that gave no rows counts
    /// too. Waits a few seconds while memory is full; if it stays full, the call fails with [`StoreError::Full`] and
    /// should be made again.
    pub fn publish(
        &self,
        position: u64,
        batches: Vec<(&'static Table, RecordBatch)>,
    ) -> Result<(), StoreError> {
        self.hot.publish(position, batches)
    }

    /// Makes rows of derived tables searchable. Together with those published before they tell of all rows of log blocks
    /// up to `position`, but for what `unfinished` names: it goes on and has no row yet.
    pub fn publish_derived(
        &self,
        position: u64,
        told: Vec<Derived>,
        unfinished: impl Into<Unfinished>,
    ) -> Result<(), StoreError> {
        self.hot.publish_derived(position, told, unfinished.into())
    }

    /// What went on when an earlier run ended, or may have: rows are to be made of it again. Given once.
    pub fn take_carried(&self) -> Vec<Going> {
        let mut carried = self.carried.lock().unwrap_or_else(PoisonError::into_inner);
        let mut going = std::mem::take(&mut carried.going);
        going.append(&mut carried.ending);
        going
    }

    /// For which minutes figures are kept, as of the latest [`Store::publish_derived`] or, before the first, as an earlier run
    /// left it. `None`: of none.
    pub fn minutes(&self) -> Option<Minutes> {
        self.hot.minutes()
    }

    /// The least `ts` of a table's rows.
    pub fn oldest(&self, table: &Table) -> Option<Micros> {
        let view = self.hot.view();
        let table = view.tables.iter().find(|view| view.table.name == table.name)?;
        let files = table.files.iter().filter_map(|file| file.ranges);
        let all = files.chain(table.hot.iter().map(|batch| batch.ranges));
        all.map(|ranges| Micros(ranges.ts.min)).min()
    }

    /// Whether all rows of a table are numbered by the node that numbered `id`: else other nodes write into the lake too.
    pub fn is_of_one_node(&self, table: &Table, id: i64) -> bool {
        let view = self.hot.view();
        let Some(table) = view.tables.iter().find(|view| view.table.name == table.name) else { return true };
        let files = table.files.iter().filter_map(|file| file.ranges).map(|ranges| ranges.id);
        let hot = table.hot.iter().map(|batch| batch.ranges.id);
        files.chain(hot).all(|ids| [ids.min, ids.max].iter().all(|of| node_number(*of) == node_number(id)))
    }

    /// Finds records as [`Store::search`] does, for a thread of the program that may wait: all rows at once.
    pub fn search_now(&self, request: SearchRequest) -> Result<Vec<RecordBatch>, StoreError> {
        let mut batches = Vec::new();
        self.engine.questions().block_on(async {
            let mut answer = self.engine.search(self.hot.view(), request, &self.engine.own_turn).await?;
            while let Some(batch) = answer.next().await {
                batches.push(batch?);
            }
            match answer.cut() {
                Some(cut) => Err(StoreError::Internal(cut.to_string())),
                None => Ok(()),
            }
        })?;
        Ok(batches)
    }

    /// Other ages and sizes from now on; they are applied when they are next looked at, within seconds.
    pub fn set_retention(&self, retention: Retention) {
        self.retention.replace(retention);
    }

    /// The position of the last call to [`Store::publish`].
    pub fn published(&self) -> u64 {
        self.hot.position()
    }

    /// Settles what has been published so far and waits for it.
    pub fn settle(&self) -> Result<(), StoreError> {
        let (sender, receiver) = sync_channel(1);
        self.hot.ask(sender)?;
        receiver.recv().map_err(|_| StoreError::Closed)?
    }

    // Those who ask get boxed futures: else the engine would be compiled once more in each crate and test that awaits one.

    /// Finds records; see [`SearchRequest`].
    pub fn search(&self, request: SearchRequest) -> BoxFuture<'_, Result<Answer, StoreError>> {
        self.engine.search(self.hot.view(), request, &self.engine.turns).boxed()
    }

    /// Shows the rows that satisfy the condition as they are published, from now on. `columns` as in a
    /// [`SearchRequest`].
    pub fn tail<'a>(
        &'a self,
        expr: &'a Expr,
        columns: &'a [String],
    ) -> BoxFuture<'a, Result<Tail, StoreError>> {
        let filtering = async move {
            let filters = self.engine.filters(&self.hot.view(), expr, columns).await?;
            Ok(self.hot.viewers.add(filters, self.engine.questions().clone()))
        };
        filtering.boxed()
    }

    /// Answers one `SELECT` over the tables and the view `messages`.
    pub fn sql<'a>(
        &'a self,
        statement: &'a str,
        limits: Option<Limits>,
    ) -> BoxFuture<'a, Result<Answer, StoreError>> {
        self.engine.sql(self.hot.view(), statement, limits).boxed()
    }

    pub fn status(&self) -> StoreStatus {
        let view = self.hot.view();
        let tables: Vec<TableStatus> = view.tables.iter().map(|table| self.table_status(table)).collect();
        let hot = || view.tables.iter().flat_map(|table| &table.hot);
        let files = || view.tables.iter().flat_map(|table| table.files.iter());
        let received = || {
            let settled = files().filter_map(|file| file.ranges).map(|ranges| ranges.received);
            settled.chain(hot().map(|batch| batch.ranges.received))
        };
        StoreStatus {
            // Rows that wait for what goes on do not wait to be settled.
            hot_rows: hot().filter(|batch| !batch.is_open).map(|batch| batch.rows.num_rows() as u64).sum(),
            hot_bytes: self.hot.bytes() as u64,
            lake_rows: files().map(|file| file.rows).sum(),
            lake_bytes: files().map(|file| file.bytes).sum(),
            lake_files: files().count() as u64,
            log_bytes: self.log.bytes(),
            oldest: received().map(|range| Micros(range.min)).min(),
            newest: received().map(|range| Micros(range.max)).max(),
            tables,
            compaction: self.progress.status(&view, &self.folder.node, &self.retention.now()),
            settling: self.settling.read(),
            searching: self.engine.searching.read(),
            sql: self.engine.sql.read(),
            alarms: self.alarms.all(),
        }
    }

    /// What of the lake takes how much room.
    pub fn storage(&self) -> Storage {
        storage(&self.hot.view(), &self.retention.now(), self.place.free_disk())
    }

    /// Free on the disk of the lake, if it is on one.
    pub fn free_disk(&self) -> Option<u64> {
        self.place.free_disk()
    }

    /// Settles everything, then closes. On an error what is not settled stays in the log, to be replayed.
    pub fn shutdown(self) -> Result<(), StoreError> {
        self.settle()
    }

    fn table_status(&self, view: &TableView) -> TableStatus {
        let retention = self.retention.now();
        let hot: usize = view.hot.iter().map(|batch| batch.rows.num_rows()).sum();
        TableStatus {
            name: view.table.name,
            hot_rows: hot as u64,
            rows: hot as u64 + view.files.iter().map(|file| file.rows).sum::<u64>(),
            bytes: view.files.iter().map(|file| file.bytes).sum(),
            files: view.files.len() as u64,
            retention_days: retention.days_of(view.table),
            payload_days: retention.payload_days_of(view.table),
            rows_without_payload: without_payload(&view.files),
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.hot.close();
        for worker in self.workers.drain(..) {
            let name = worker.thread().name().unwrap_or_default().to_owned();
            if worker.join().is_err() {
                tracing::error!("the thread {name} had panicked");
            }
        }
        for runtime in self.runtimes.drain(..) {
            // Not a plain drop: that would panic if an async task drops the store.
            runtime.shutdown_background();
        }
    }
}

fn worker(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(StoreError::Thread)
}

/// What the standard library gives a thread.
pub(crate) const STACK_BYTES: usize = 2 << 20;

/// A deep statement is parsed, planned and dropped by recursion. Only what is used of this takes memory.
const QUESTION_STACK_BYTES: usize = 64 << 20;

pub(crate) fn threads(name: &str, count: usize, stack_bytes: usize) -> Result<Runtime, StoreError> {
    Builder::new_multi_thread()
        .worker_threads(count)
        .thread_name(name)
        .thread_stack_size(stack_bytes)
        .enable_all()
        .build()
        .map_err(StoreError::Thread)
}

/// Runs a future to its end, also when the caller's thread already belongs to some runtime.
pub(crate) fn wait_for<T: Send>(runtime: &Runtime, future: impl Future<Output = T> + Send) -> T {
    thread::scope(|scope| {
        let waiting = scope.spawn(|| runtime.block_on(future));
        match waiting.join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
