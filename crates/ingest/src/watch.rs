use std::fmt;

use arrow::array::RecordBatch;
use model::Table;
use store::Derived;

/// Rows by their tables, shared and not copied by a clone.
pub type Published = [(&'static Table, RecordBatch)];

/// Is told what becomes searchable, by the threads that make it so: it must return at once. Rows that an earlier run
/// received, and this one replays, are not told.
pub trait Watcher: fmt::Debug + Send + Sync {
    /// Rows of messages.
    fn published(&self, rows: &Published);

    /// What has become of rows of calls.
    fn told(&self, told: &[Derived]);
}
