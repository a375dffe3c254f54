use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::{Stream, StreamExt as _};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::AbortHandle;

use crate::StoreError;

/// Rows as they are found. Dropping it ends the work behind it.
#[derive(Debug)]
pub struct Answer {
    schema: SchemaRef,
    rows: Receiver<Result<RecordBatch, StoreError>>,
    cut: Arc<OnceLock<Cut>>,
    work: AbortHandle,
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
    /// Runs `work`, which sends rows and may say that it had to stop.
    pub(super) fn start<F, W>(schema: SchemaRef, runtime: &Handle, work: F) -> Self
    where
        F: FnOnce(Rows) -> W,
        W: Future<Output = ()> + Send + 'static,
    {
        // Two batches: one being sent on while the next is made. The rest waits in the plan.
        let (sender, rows) = channel(2);
        let cut = Arc::new(OnceLock::new());
        let work = runtime.spawn(work(Rows { sender, cut: Arc::clone(&cut) })).abort_handle();
        Self { schema, rows, cut, work }
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

impl Drop for Answer {
    fn drop(&mut self) {
        self.work.abort();
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

/// Where the work behind an answer puts its rows.
pub(super) struct Rows {
    sender: Sender<Result<RecordBatch, StoreError>>,
    cut: Arc<OnceLock<Cut>>,
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

    pub(super) fn cut(&self, cut: Cut) {
        // The first reason is the one that counts.
        let _ = self.cut.set(cut);
    }

    /// Sends all rows of a plan. The time is looked after by whoever runs this.
    pub(super) async fn send_all(
        &self,
        mut stream: datafusion::execution::SendableRecordBatchStream,
        mut seen: impl FnMut(&RecordBatch),
    ) -> Onward {
        while let Some(batch) = stream.next().await {
            let batch = match batch {
                Ok(batch) if batch.num_rows() == 0 => continue,
                Ok(batch) => {
                    seen(&batch);
                    Ok(batch)
                }
                Err(error) if is_exhausted(&error) => {
                    self.cut(Cut::Memory(error.find_root().strip_backtrace()));
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
}

fn is_exhausted(error: &datafusion::error::DataFusionError) -> bool {
    matches!(error.find_root(), datafusion::error::DataFusionError::ResourcesExhausted(_))
}
