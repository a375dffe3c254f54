//! What a question sees: the files and the hot batches of every table at one moment, never changed afterwards.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, SchemaRef, TimestampMicrosecondType};
use model::Table;

use crate::lake::LakeFile;
use crate::schema::arrow_schema;

/// One moment of the whole store.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// In the order the store was opened with.
    pub(crate) tables: Vec<Arc<TableView>>,
}

/// One moment of a table. A row is in `files` or in `hot`, never in both.
#[derive(Clone, Debug)]
pub(crate) struct TableView {
    pub(crate) table: &'static Table,
    pub(crate) schema: SchemaRef,
    pub(crate) files: Arc<Vec<Arc<LakeFile>>>,
    /// In the order of publishing.
    pub(crate) hot: Vec<Arc<HotBatch>>,
    /// Its rows are made of other rows. Who asks for all tables does not mean it.
    pub(crate) is_derived: bool,
}

/// Published rows that are not in the lake yet.
#[derive(Debug)]
pub(crate) struct HotBatch {
    pub(crate) rows: RecordBatch,
    pub(crate) ranges: Ranges,
    pub(crate) bytes: usize,
    /// The position it was published at: all its rows are of blocks up to it.
    pub(crate) position: u64,
    /// Of a derived table: others will take the place of these rows.
    pub(crate) is_open: bool,
}

/// Smallest and largest value of the columns that files are chosen by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ranges {
    pub(crate) id: Range,
    pub(crate) ts: Range,
    pub(crate) received: Range,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) min: i64,
    pub(crate) max: i64,
}

impl TableView {
    pub(crate) fn new(table: &'static Table, files: Vec<Arc<LakeFile>>) -> Self {
        Self {
            table,
            schema: arrow_schema(table),
            files: Arc::new(files),
            hot: Vec::new(),
            is_derived: false,
        }
    }

    /// The rows of what goes on.
    pub(crate) fn only_open(&self) -> Self {
        let hot = self.hot.iter().filter(|batch| batch.is_open).cloned().collect();
        Self { files: Arc::default(), hot, ..self.clone() }
    }
}

impl HotBatch {
    /// `None` for a batch without rows.
    pub(crate) fn new(rows: RecordBatch, position: u64) -> Option<Self> {
        let ranges = Ranges::of(&rows)?;
        Some(Self { ranges, bytes: rows.get_array_memory_size(), position, rows, is_open: false })
    }

    pub(crate) fn open(self) -> Self {
        Self { is_open: true, ..self }
    }
}

impl Ranges {
    pub(crate) fn of(rows: &RecordBatch) -> Option<Self> {
        let id = rows.column_by_name("id")?.as_primitive_opt::<Int64Type>()?;
        let time = |name| rows.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>();
        Some(Self {
            id: Range::of(id.values())?,
            ts: Range::of(time("ts")?.values())?,
            received: Range::of(time("received")?.values())?,
        })
    }

    pub(crate) fn join(&self, other: &Self) -> Self {
        Self {
            id: self.id.join(other.id),
            ts: self.ts.join(other.ts),
            received: self.received.join(other.received),
        }
    }
}

impl Range {
    fn of(values: &[i64]) -> Option<Self> {
        let min = values.iter().copied().min()?;
        let max = values.iter().copied().max()?;
        Some(Self { min, max })
    }

    fn join(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}

/// The number of the log block that a row is of: see the `id` column.
pub fn block(id: i64) -> u64 {
    u64::try_from(id).unwrap_or(0) >> 16
}

/// Whether the batch has the columns of the table, in order and kind.
pub(crate) fn fits(rows: &RecordBatch, schema: &SchemaRef) -> bool {
    Arc::ptr_eq(rows.schema_ref(), schema)
        || (rows.num_columns() == schema.fields().len()
            && rows
                .columns()
                .iter()
                .zip(schema.fields())
                .all(|(column, field)| column.data_type() == field.data_type()))
}
