mod derived;

use std::collections::HashMap;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;
use model::Table;

use crate::StoreError;
use crate::compact::{Adopted, Merged};
use crate::lake::LakeFile;
use crate::tail::Viewers;
use crate::view::{HotBatch, TableView, View, block, fits};
use derived::Progress;

pub use derived::Derived;
pub(crate) use derived::DueDerived;

/// Published rows that are searchable and not settled yet, and the one place where the store's view changes.
///
/// A view is never changed, only replaced: whoever took one before goes on seeing what it saw. Settled rows leave
/// `hot` and enter `files` in the same replacement, so no view holds a row twice or not at all.
pub(crate) struct Hot {
    state: Mutex<State>,
    /// The settling thread waits here.
    work: Condvar,
    /// Publishers wait here when all memory is taken.
    room: Condvar,
    bytes_max: usize,
    /// Tables from this place on are derived.
    first_derived: usize,
    pub(crate) viewers: Viewers,
}

struct State {
    view: Arc<View>,
    /// All rows of log blocks up to here have been published.
    position: u64,
    /// Per table: all rows of log blocks up to here are in the lake.
    settled: Vec<u64>,
    derived: Progress,
    bytes: usize,
    closing: bool,
    requests: Vec<Request>,
    /// At most one: who made it waits for the answer.
    merged: Option<(Merged, SyncSender<Adopted>)>,
}

/// Someone waits for everything published so far to be settled.
pub(crate) type Request = SyncSender<Result<(), StoreError>>;

/// Why the settling thread woke up.
pub(crate) enum Wake {
    /// The time it asked for has come.
    Time,
    /// Half of the memory is taken.
    Memory,
    Asked(Vec<Request>),
    /// A file is to take the place of others.
    Merged(Merged, SyncSender<Adopted>),
    Closing,
}

/// What is to be settled of a table: these batches, and with them all it has up to `position`.
pub(crate) struct Due {
    pub(crate) position: u64,
    pub(crate) hot: Vec<Arc<HotBatch>>,
}

/// Longest a publisher waits for room. Settling all of it takes less; beyond that something is wrong, and who
/// publishes should say so, and be able to stop.
const ROOM_WAIT_MAX: Duration = Duration::from_secs(5);

impl Hot {
    pub(crate) fn new(view: View, settled: Vec<u64>, bytes_max: usize) -> Self {
        let state = State {
            view: Arc::new(view),
            position: 0,
            settled,
            derived: Progress::default(),
            bytes: 0,
            closing: false,
            requests: Vec::new(),
            merged: None,
        };
        let first_derived =
            state.view.tables.iter().position(|table| table.is_derived).unwrap_or(state.view.tables.len());
        Self {
            state: Mutex::new(state),
            work: Condvar::new(),
            room: Condvar::new(),
            bytes_max,
            first_derived,
            viewers: Viewers::default(),
        }
    }

    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.lock().view)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    pub(crate) fn position(&self) -> u64 {
        self.lock().position
    }

    pub(crate) fn settled(&self, table: &Table) -> Result<u64, StoreError> {
        let state = self.lock();
        Ok(state.settled[place(&state.view, table)?])
    }

    /// See [`crate::Store::publish`].
    pub(crate) fn publish(
        &self,
        position: u64,
        batches: Vec<(&'static Table, RecordBatch)>,
    ) -> Result<(), StoreError> {
        // What costs more than a few instructions happens before the lock is taken.
        let batches: Vec<(&'static Table, HotBatch)> = batches
            .into_iter()
            .filter_map(|(table, rows)| Some((table, HotBatch::new(rows, position)?)))
            .collect();
        for (_, batch) in &batches {
            let seq = block(batch.ranges.id.max);
            if seq > position {
                return Err(StoreError::BeyondPosition { seq, position });
            }
        }
        let incoming: usize = batches.iter().map(|(_, batch)| batch.bytes).sum();
        let mut state = self.lock();
        // A batch larger than all memory still passes once nothing else is there.
        let wait_until = Instant::now() + ROOM_WAIT_MAX;
        while !state.closing && state.bytes > 0 && state.bytes + incoming > self.bytes_max {
            self.work.notify_all();
            let left = wait_until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(StoreError::Full { bytes: state.bytes });
            }
            state = self.room.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.closing {
            return Err(StoreError::Closed);
        }
        let mut view = View::clone(&state.view);
        let mut published = Vec::new();
        for (table, batch) in batches {
            let place = place(&view, table)?;
            if !fits(&batch.rows, &view.tables[place].schema) {
                return Err(StoreError::Internal(format!(
                    "a batch does not have the columns of table {}",
                    table.name
                )));
            }
            let known = state.position.max(state.settled[place]);
            let Some(batch) = newer(batch, known)? else { continue };
            state.bytes += batch.bytes;
            let batch = Arc::new(batch);
            published.push((place, Arc::clone(&batch)));
            Arc::make_mut(&mut view.tables[place]).hot.push(batch);
        }
        state.view = Arc::new(view);
        state.position = state.position.max(position);
        if state.bytes > self.bytes_max / 2 {
            self.work.notify_all();
        }
        drop(state);
        self.viewers.offer(&published);
        Ok(())
    }

    /// Waits for something to do, at most until `time`; for full memory only if that is heeded.
    pub(crate) fn wait(&self, time: Instant, heed_memory: bool) -> Wake {
        let mut state = self.lock();
        loop {
            if !state.requests.is_empty() {
                return Wake::Asked(std::mem::take(&mut state.requests));
            }
            if state.closing {
                return Wake::Closing;
            }
            if let Some((merged, answer)) = state.merged.take() {
                return Wake::Merged(merged, answer);
            }
            if heed_memory && state.bytes > self.bytes_max / 2 {
                return Wake::Memory;
            }
            let left = time.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Wake::Time;
            }
            state = self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(crate) fn ask(&self, request: Request) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.closing {
            return Err(StoreError::Closed);
        }
        state.requests.push(request);
        self.work.notify_all();
        Ok(())
    }

    /// Has a file put in the place of those it was made of, and waits for it.
    pub(crate) fn adopt(&self, merged: Merged) -> Adopted {
        let (sender, receiver) = sync_channel(1);
        let mut state = self.lock();
        if state.closing {
            return Err(StoreError::Closed);
        }
        state.merged = Some((merged, sender));
        self.work.notify_all();
        drop(state);
        receiver.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Does nothing for a while; false as soon as the store closes.
    pub(crate) fn rest(&self, pause: Duration) -> bool {
        let mut state = self.lock();
        let until = Instant::now() + pause;
        while !state.closing {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            // Closing wakes those who wait for room too.
            state = self.room.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    /// Lets every waiting publisher go, and the settling thread too.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closing = true;
        // Nobody will put it there; the file is removed at the next start.
        state.merged = None;
        drop(state);
        self.work.notify_all();
        self.room.notify_all();
        self.viewers.close();
    }

    pub(crate) fn due(&self, place: usize) -> Due {
        let state = self.lock();
        Due { position: state.position, hot: state.view.tables[place].hot.clone() }
    }

    /// The table now consists of `files`, and its rows up to `settled` are among them.
    pub(crate) fn replace(&self, place: usize, settled: u64, files: Vec<Arc<LakeFile>>) {
        let mut state = self.lock();
        let mut view = View::clone(&state.view);
        let table = Arc::make_mut(&mut view.tables[place]);
        table.files = Arc::new(kept(&table.files, files));
        if !self.is_derived(place) {
            let hot = std::mem::take(&mut table.hot);
            table.hot = hot.into_iter().filter_map(|batch| beyond(batch, settled)).collect();
            state.settled[place] = settled;
        }
        state.view = Arc::new(view);
        state.bytes = settling_bytes(&state.view);
        self.room.notify_all();
    }

    /// As [`Hot::replace`], of a derived table: these rows are among the files. Positions do not tell derived rows apart,
    /// since many may be published at one.
    pub(crate) fn replace_derived(&self, place: usize, files: Vec<Arc<LakeFile>>, settled: &[Arc<HotBatch>]) {
        let mut state = self.lock();
        let mut view = View::clone(&state.view);
        let table = Arc::make_mut(&mut view.tables[place]);
        table.files = Arc::new(kept(&table.files, files));
        table.hot.retain(|batch| !settled.iter().any(|settled| Arc::ptr_eq(settled, batch)));
        state.view = Arc::new(view);
        state.bytes = settling_bytes(&state.view);
        self.room.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent between any two statements that could panic: nothing inside panics halfway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Memory that settling would free.
fn settling_bytes(view: &View) -> usize {
    let batches = view.tables.iter().flat_map(|table| &table.hot);
    batches.filter(|batch| !batch.is_open).map(|batch| batch.bytes).sum()
}

/// The new list of files, with what was already known of those that were there before.
fn kept(before: &[Arc<LakeFile>], files: Vec<Arc<LakeFile>>) -> Vec<Arc<LakeFile>> {
    let before: HashMap<&str, &Arc<LakeFile>> =
        before.iter().map(|file| (file.name.as_str(), file)).collect();
    files
        .into_iter()
        .map(|file| match before.get(file.name.as_str()) {
            Some(known) => Arc::clone(known),
            None => file,
        })
        .collect()
}

fn place(view: &View, table: &Table) -> Result<usize, StoreError> {
    view.tables
        .iter()
        .position(|view: &Arc<TableView>| view.table.name == table.name)
        .ok_or_else(|| StoreError::UnknownTable(table.name.to_owned()))
}

/// What a step up to `settled` leaves of a batch. All or nothing, unless an earlier run settled it: a request of a
/// program that was killed may take effect in a bucket after the next has begun to replay, in other batches.
fn beyond(batch: Arc<HotBatch>, settled: u64) -> Option<Arc<HotBatch>> {
    if batch.position <= settled {
        return None;
    }
    if block(batch.ranges.id.min) > settled {
        return Some(batch);
    }
    let HotBatch { ref rows, ranges, bytes, position, is_open } = *batch;
    match newer(HotBatch { rows: rows.clone(), ranges, bytes, position, is_open }, settled) {
        Ok(left) => left.map(Arc::new),
        Err(error) => {
            // Not with the columns that publishing has made sure of.
            tracing::error!(%error, "cannot tell the rows of a batch apart");
            Some(batch)
        }
    }
}

/// The rows of blocks above `known`: replay may bring some that the lake already has.
fn newer(batch: HotBatch, known: u64) -> Result<Option<HotBatch>, StoreError> {
    if block(batch.ranges.id.min) > known {
        return Ok(Some(batch));
    }
    let Some(ids) = batch.rows.column_by_name("id").and_then(|ids| ids.as_primitive_opt::<Int64Type>())
    else {
        return Err(StoreError::Internal("a batch without ids".to_owned()));
    };
    let keep: BooleanArray = ids.values().iter().map(|id| Some(block(*id) > known)).collect();
    let rows =
        filter_record_batch(&batch.rows, &keep).map_err(|error| StoreError::Internal(error.to_string()))?;
    Ok(HotBatch::new(rows, batch.position))
}
