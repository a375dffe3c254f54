use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::execute_stream;
use futures::{Stream, StreamExt as _};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::StoreError;
use crate::search::deadline::stopping;

/// Rows as they are found. Dropping it ends the work behind it.
#[derive(Debug)]
pub struct Answer {
    schema: SchemaRef,
    rows: Receiver<Result<RecordBatch, StoreError>>,
    cut: Arc<OnceLock<Cut>>,
    _relay: Work,
}

/// Why an answer is not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It took longer than allowed.
    Time(Duration),
    /// It needed more memory or spill space than allowed.
    Memory(String),
}

impl Answer {
    /// Runs `work`, which sends rows, on the threads of `questions`, no longer than allowed.
    ///
    /// The clock is watched from `house`: work that does not give way keeps its own thread busy, and must not keep
    /// the answer waiting.
    pub(super) fn start<F, W>(
        schema: SchemaRef,
        time_max: Duration,
        house: &Handle,
        questions: &Handle,
        work: F,
    ) -> Self
    where
        F: FnOnce(Rows) -> W,
        W: Future<Output = ()> + Send + 'static,
    {
        let cut = Arc::new(OnceLock::new());
        let deadline = Instant::now() + time_max;
        let (sender, mut found) = channel(1);
        let rows = Rows { sender, cut: Arc::clone(&cut), deadline, time_max };
        let work = questions.spawn(work(rows));
        let guard = Work(work.abort_handle());
        // One batch on its way out while the next is made; the rest waits in the plan.
        let (sender, rows) = channel(1);
        let reason = Arc::clone(&cut);
        let relay = house.spawn(async move {
            let _guard = guard;
            let relayed = tokio::time::timeout_at(deadline, async {
                while let Some(batch) = found.recv().await {
                    if sender.send(batch).await.is_err() {
                        return;
                    }
                }
                if let Err(error) = work.await {
                    // A panic would otherwise look like the end of the rows.
                    let _ = sender.send(Err(StoreError::Internal(error.to_string()))).await;
                }
            });
            if relayed.await.is_err() {
                // The first reason is the one that counts.
                let _ = reason.set(Cut::Time(time_max));
            }
        });
        Self { schema, rows, cut, _relay: Work(relay.abort_handle()) }
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next rows; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, StoreError>> {
        self.rows.recv().await
    }

    /// Whether the answer is cut. Known once [`Answer::next`] has given `None`.
    pub fn cut(&self) -> Option<&Cut> {
        self.cut.get()
    }

    /// All rows.
    pub async fn collect(mut self) -> Result<(Vec<RecordBatch>, Option<Cut>), StoreError> {
        let mut batches = Vec::new();
        while let Some(batch) = self.next().await {
            batches.push(batch?);
        }
        let cut = self.cut().cloned();
        Ok((batches, cut))
    }
}

impl Stream for Answer {
    type Item = Result<RecordBatch, StoreError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.rows.poll_recv(context)
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(max) => write!(f, "stopped after {} seconds", max.as_secs_f32()),
            Self::Memory(detail) => write!(f, "stopped for lack of memory: {detail}"),
        }
    }
}

/// A task that ends when nobody waits for it any more.
#[derive(Debug)]
struct Work(AbortHandle);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Where the work behind an answer puts its rows.
pub(super) struct Rows {
    sender: Sender<Result<RecordBatch, StoreError>>,
    cut: Arc<OnceLock<Cut>>,
    deadline: Instant,
    time_max: Duration,
}

/// Whether there is any use in going on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Onward {
    Continue,
    Stop,
}

impl Rows {
    pub(super) async fn send(&self, batch: Result<RecordBatch, StoreError>) -> Onward {
        let failed = batch.is_err();
        if self.sender.send(batch).await.is_err() || failed { Onward::Stop } else { Onward::Continue }
    }

    /// Runs a plan and sends its rows as `finish` leaves them.
    pub(super) async fn send_all(
        &self,
        plan: DataFrame,
        mut finish: impl FnMut(RecordBatch) -> Result<RecordBatch, StoreError>,
    ) -> Onward {
        let mut stream = match self.run(plan).await {
            Ok(stream) => stream,
            Err(error) => return self.send(Err(error.into())).await,
        };
        while let Some(batch) = stream.next().await {
            let batch = match batch {
                Ok(batch) if batch.num_rows() == 0 => continue,
                Ok(batch) => finish(batch),
                Err(error) if is_exhausted(&error) => {
                    let _ = self.cut.set(Cut::Memory(error.find_root().strip_backtrace()));
                    return Onward::Stop;
                }
                Err(_) if Instant::now() >= self.deadline => {
                    let _ = self.cut.set(Cut::Time(self.time_max));
                    return Onward::Stop;
                }
                Err(error) => Err(error.into()),
            };
            if self.send(batch).await == Onward::Stop {
                return Onward::Stop;
            }
        }
        Onward::Continue
    }

    async fn run(&self, plan: DataFrame) -> Result<SendableRecordBatchStream, DataFusionError> {
        let context = Arc::new(plan.task_ctx());
        let plan = plan.create_physical_plan().await?;
        execute_stream(stopping(plan, self.deadline)?, context)
    }
}

/// Whether a plan ended because memory, or the disk space for what does not fit it, ran out.
fn is_exhausted(error: &DataFusionError) -> bool {
    if matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)) {
        return true;
    }
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            // The disk manager reports its own limit as an error without a kind, naming the setting.
            return matches!(io.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
                || io.to_string().contains("max_temp_directory_size");
        }
        source = error.source();
    }
    false
}
