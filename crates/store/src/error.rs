use std::io;
use std::path::PathBuf;

use datafusion::error::DataFusionError;
use deltalake::DeltaTableError;
use deltalake::kernel::transaction::TransactionError;

use crate::log::LogError;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot use the data folder {}: {source}", .path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("the data folder {} is in use by another process", .path.display())]
    InUse { path: PathBuf },
    #[error(
        "a backup was being restored into {} and did not come to its end: empty the folder and restore again",
        .path.display()
    )]
    Restoring { path: PathBuf },
    #[error("{} does not hold a node id: {text:?}", .path.display())]
    NodeId { path: PathBuf, text: String },
    #[error("cannot use the lake's folder {}: {source}", .path.display())]
    LakeFolder { path: PathBuf, source: io::Error },
    #[error("{url:?} is no place for a lake: {why}")]
    BucketUrl { url: String, why: String },
    #[error("{nodes} nodes have written into this lake, and there are no row ids for another")]
    TooManyNodes { nodes: u64 },
    #[error("cannot start a thread: {0}")]
    Thread(#[source] io::Error),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("table {table} of the lake: {source}")]
    Lake { table: &'static str, source: Box<DeltaTableError> },
    #[error(
        "table {table} of the lake has {files} files and no Delta log (_delta_log) that says which belong to it: put it \
         back from a backup, or move the files elsewhere"
    )]
    DeltaLogGone { table: &'static str, files: usize },
    /// Found before anything was tried.
    #[error("cannot reach the lake: {why}")]
    LakeAway { why: String },
    #[error("cannot read or write a file of the lake: {0}")]
    LakeFiles(#[from] object_store::Error),
    #[error("cannot write a file of table {table}: {source}")]
    Encode { table: &'static str, source: parquet::errors::ParquetError },
    #[error("cannot read a file of table {table}: {source}")]
    Decode { table: &'static str, source: parquet::errors::ParquetError },
    #[error("cannot arrange rows of table {table}: {source}")]
    Arrange { table: &'static str, source: arrow::error::ArrowError },
    /// A name in a search request or statement that the store does not have.
    #[error("no column is called {0}")]
    UnknownColumn(String),
    #[error("no table is called {0}")]
    UnknownTable(String),
    /// The statement is not exactly one query, or asks for what is not offered.
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Query(String),
    /// Rows of block `seq` came with a position before it: settling them would let replay bring them twice.
    #[error("rows of block {seq} cannot be published at position {position}")]
    BeyondPosition { seq: u64, position: u64 },
    /// Rows wait in memory because they cannot be settled. The same call may be made again.
    #[error("memory for rows that are not settled yet is full with {bytes} bytes")]
    Full { bytes: usize },
    #[error("the store is closed")]
    Closed,
    #[error("an earlier step failed: {0}")]
    Internal(String),
}

impl StoreError {
    /// Whether another node changed the table meanwhile, so that the step can be made again at once.
    pub(crate) fn is_conflict(&self) -> bool {
        let Self::Lake { source, .. } = self else { return false };
        matches!(
            source.as_ref(),
            DeltaTableError::Transaction {
                source: TransactionError::CommitConflict(_) | TransactionError::MaxCommitAttempts(_)
            }
        )
    }

    /// Whether room on the disk would cure it.
    pub fn is_disk_full(&self) -> bool {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = source {
            if let Some(io) = error.downcast_ref::<io::Error>()
                && matches!(io.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            {
                return true;
            }
            source = error.source();
        }
        false
    }
}

impl From<DataFusionError> for StoreError {
    /// The message without the chain of wrappers: it is shown to the person who asked.
    fn from(error: DataFusionError) -> Self {
        Self::Query(error.find_root().strip_backtrace())
    }
}
