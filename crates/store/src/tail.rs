//! Watching rows as they are published.
//!
//! Publishing only hands its batches over to every viewer, shared and not copied. A viewer looks at them on its own
//! time: the condition, compiled once, is evaluated on the threads of questions. A viewer that does not keep up
//! loses the oldest batches and is told how many rows were in them; publishing never waits for anybody.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::physical_expr::PhysicalExpr;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::StoreError;
use crate::view::HotBatch;

/// Published rows that wait for one viewer. They may be settled already, so this comes on top of the memory of hot
/// rows; a viewer that is so far behind is not looking at what is new anyway.
const WAITING_BYTES_MAX: usize = 16 << 20;

/// Name of the column that says which table a row is of, as in the answers of a search.
const TABLE_COLUMN: &str = "table";

/// Rows as they come in; see [`crate::Store::tail`]. Dropping it ends the watching.
pub struct Tail {
    waiting: Arc<Waiting>,
    filters: Arc<Vec<Option<Filter>>>,
    questions: Handle,
}

/// Ends the watching of one viewer, from elsewhere.
#[derive(Clone)]
pub struct TailEnd(Arc<Waiting>);

impl TailEnd {
    /// What was published before is still seen; then [`Tail::next`] says that there is no more.
    pub fn end(&self) {
        lock(&self.0.queue).closed = true;
        self.0.news.notify_one();
    }
}

/// What came in since the last look.
#[derive(Debug)]
pub struct Seen {
    /// Of one table, with the name of the table as their first column.
    pub rows: RecordBatch,
    /// Rows published before these that nobody looked at, because the viewer did not keep up. Whether they satisfy
    /// the condition is not known.
    pub passed_over: u64,
}

/// What a viewer wants to see of a table.
pub(crate) struct Filter {
    pub(crate) condition: Arc<dyn PhysicalExpr>,
    /// Columns of the table, by place.
    pub(crate) columns: Vec<usize>,
    pub(crate) table: &'static str,
}

/// Everybody who watches.
#[derive(Default)]
pub(crate) struct Viewers {
    list: Mutex<Vec<Weak<Waiting>>>,
    /// As many as the list has: publishing looks here first, since mostly nobody watches.
    count: AtomicUsize,
}

struct Waiting {
    queue: Mutex<Queue>,
    news: Notify,
}

#[derive(Default)]
struct Queue {
    /// With the place of their table.
    batches: VecDeque<(usize, Arc<HotBatch>)>,
    bytes: usize,
    passed_over: u64,
    closed: bool,
}

impl Tail {
    /// For whoever is to end it in order.
    pub fn end(&self) -> TailEnd {
        TailEnd(Arc::clone(&self.waiting))
    }

    /// The next rows that satisfy the condition; waits for some. `None` once the store closes.
    ///
    /// Nothing is lost if the future is dropped while it waits; what it was just looking at is.
    pub async fn next(&mut self) -> Option<Result<Seen, StoreError>> {
        let mut passed_over = 0;
        loop {
            let taken = self.waiting.take().await?;
            passed_over += taken.passed_over;
            let filters = Arc::clone(&self.filters);
            let (place, batch) = taken.batch;
            let found = self.questions.spawn(async move {
                let Some(filter) = filters.get(place).and_then(Option::as_ref) else { return Ok(None) };
                filter.apply(&batch.rows).map_err(StoreError::from)
            });
            match found.await {
                Ok(Ok(Some(rows))) => return Some(Ok(Seen { rows, passed_over })),
                Ok(Ok(None)) => {}
                Ok(Err(error)) => return Some(Err(error)),
                // The store's threads are gone.
                Err(error) if error.is_cancelled() => return None,
                Err(error) => return Some(Err(StoreError::Internal(error.to_string()))),
            }
        }
    }
}

impl Filter {
    /// The rows that satisfy the condition; `None` if there are none.
    fn apply(&self, rows: &RecordBatch) -> datafusion::error::Result<Option<RecordBatch>> {
        let holds = self.condition.evaluate(rows)?.into_array(rows.num_rows())?;
        let holds: &BooleanArray = holds.as_boolean();
        if holds.true_count() == 0 {
            return Ok(None);
        }
        let found = filter_record_batch(&rows.project(&self.columns)?, holds)?;
        let mut fields = vec![Field::new(TABLE_COLUMN, DataType::Utf8, false)];
        fields.extend(found.schema().fields().iter().map(|field| field.as_ref().clone()));
        let names = StringArray::from_iter_values(std::iter::repeat_n(self.table, found.num_rows()));
        let mut columns: Vec<ArrayRef> = vec![Arc::new(names)];
        columns.extend(found.columns().iter().cloned());
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        Ok(Some(RecordBatch::try_new(schema, columns)?))
    }
}

impl Viewers {
    /// One more, who sees what is published from now on. `filters` has a place for every table.
    pub(crate) fn add(&self, filters: Vec<Option<Filter>>, questions: Handle) -> Tail {
        let waiting = Arc::new(Waiting { queue: Mutex::default(), news: Notify::new() });
        let mut list = lock(&self.list);
        list.retain(|viewer| viewer.strong_count() > 0);
        list.push(Arc::downgrade(&waiting));
        self.count.store(list.len(), Ordering::Release);
        Tail { waiting, filters: Arc::new(filters), questions }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Hands over what was published. Never waits for a viewer.
    pub(crate) fn offer(&self, batches: &[(usize, Arc<HotBatch>)]) {
        if self.is_empty() || batches.is_empty() {
            return;
        }
        let mut list = lock(&self.list);
        list.retain(|viewer| match viewer.upgrade() {
            Some(viewer) => {
                viewer.put(batches);
                true
            }
            None => false,
        });
        self.count.store(list.len(), Ordering::Release);
    }

    /// Ends every [`Tail::next`].
    pub(crate) fn close(&self) {
        for viewer in lock(&self.list).drain(..).filter_map(|viewer| viewer.upgrade()) {
            lock(&viewer.queue).closed = true;
            viewer.news.notify_one();
        }
        self.count.store(0, Ordering::Release);
    }
}

struct Taken {
    batch: (usize, Arc<HotBatch>),
    passed_over: u64,
}

impl Waiting {
    fn put(&self, batches: &[(usize, Arc<HotBatch>)]) {
        let mut queue = lock(&self.queue);
        for (place, batch) in batches {
            queue.bytes += batch.bytes;
            queue.batches.push_back((*place, Arc::clone(batch)));
        }
        // The newest batch stays, however large: else a viewer of large batches would never see any.
        while queue.bytes > WAITING_BYTES_MAX && queue.batches.len() > 1 {
            let Some((_, oldest)) = queue.batches.pop_front() else { break };
            queue.bytes -= oldest.bytes;
            queue.passed_over += oldest.rows.num_rows() as u64;
        }
        drop(queue);
        self.news.notify_one();
    }

    async fn take(&self) -> Option<Taken> {
        loop {
            // Keeps a permit given before, so that no news between the look and the wait is missed.
            let news = self.news.notified();
            {
                let mut queue = lock(&self.queue);
                if let Some(batch) = queue.batches.pop_front() {
                    queue.bytes -= batch.1.bytes;
                    return Some(Taken { batch, passed_over: std::mem::take(&mut queue.passed_over) });
                }
                if queue.closed {
                    return None;
                }
            }
            news.await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Consistent between any two statements that could panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
