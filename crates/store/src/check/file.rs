//! A file of the lake: is it what its commit says, and does its filter know every call in it?

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use futures::TryStreamExt as _;
use model::Micros;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::ProjectionMask;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;

use super::report::{Breakage, Problem};
use crate::lake::keys::{KEY_COLUMNS, KeyFilter, keys_in};
use crate::lake::{FileReader, LakeFile, Payload, checksum};
use crate::schema::payload_bytes;
use crate::view::{Range, Ranges, block};

/// One file to be looked at.
pub(super) struct Look {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) path: Path,
    /// Where its filter should be.
    pub(super) filter: Path,
    pub(super) file: LakeFile,
    pub(super) schema: SchemaRef,
    pub(super) deep: bool,
}

type Builder = ParquetRecordBatchStreamBuilder<FileReader>;

/// What reading all rows has shown.
struct Contents {
    rows: u64,
    ranges: Option<Ranges>,
    /// Keys that the filter denies.
    hidden: u64,
    /// Bytes of payload, and whether every row has one; not known from the footer alone.
    payload: Option<Payload>,
}

impl Look {
    pub(super) async fn problems(self) -> Vec<Problem> {
        let (filter, mut problems) = self.filter().await;
        match self.contents(filter.as_ref(), &mut problems).await {
            Ok(()) => problems,
            // A filter is made again from its file.
            Err(how) => vec![Problem::broken(how, self.file.rows, self.file.ranges)],
        }
    }

    async fn filter(&self) -> (Option<KeyFilter>, Vec<Problem>) {
        let read = match self.store.get(&self.filter).await {
            Ok(found) => found.bytes().await,
            Err(error) => Err(error),
        };
        match read.map(|bytes| KeyFilter::from_bytes(&bytes)) {
            Ok(Some(filter)) => (Some(filter), Vec::new()),
            Err(object_store::Error::NotFound { .. }) => (None, vec![Problem::FilterMissing]),
            Ok(None) | Err(_) => (None, vec![Problem::FilterDamaged]),
        }
    }

    /// Adds what is wrong with a file that can be read.
    async fn contents(
        &self,
        filter: Option<&KeyFilter>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Breakage> {
        let expected = self.file.bytes;
        match self.store.head(&self.path).await {
            Ok(found) if found.size != expected => {
                return Err(Breakage::Size { bytes: found.size, expected });
            }
            Ok(_) => {}
            Err(object_store::Error::NotFound { .. }) => return Err(Breakage::Missing),
            Err(error) => return Err(Breakage::Unreachable(error.to_string())),
        }
        let builder = open(&self.store, self.path.clone(), expected).await.map_err(damaged)?;
        self.columns(builder.schema(), problems);
        let contents = if self.deep {
            self.read(builder, filter).await.map_err(damaged)?
        } else {
            Contents::of_footer(builder.metadata())
        };
        self.compare(&contents, problems);
        if self.deep
            && let Some(expected) = self.file.checksum
        {
            let found = checksum(self.store.as_ref(), &self.path, self.file.bytes)
                .await
                .map_err(|error| Breakage::Unreachable(error.to_string()))?;
            if found != expected {
                problems.push(Problem::Checksum { found, expected });
            }
        }
        Ok(())
    }

    /// Every column there is one of the table, which may have more: older files lack newer columns.
    fn columns(&self, schema: &SchemaRef, problems: &mut Vec<Problem>) {
        for found in schema.fields() {
            let expected = self.schema.field_with_name(found.name()).ok();
            if expected.is_some_and(|expected| expected.data_type().equals_datatype(found.data_type())) {
                continue;
            }
            problems.push(Problem::Column {
                name: found.name().clone(),
                found: found.data_type().to_string(),
                expected: expected
                    .map_or_else(|| "nothing".to_owned(), |field| field.data_type().to_string()),
            });
        }
    }

    async fn read(&self, builder: Builder, filter: Option<&KeyFilter>) -> Result<Contents, ParquetError> {
        let mut contents = Contents { rows: 0, ranges: None, hidden: 0, payload: None };
        let mut batches = builder.build()?;
        while let Some(rows) = batches.try_next().await? {
            contents.rows += rows.num_rows() as u64;
            let payload = payload_bytes(&rows).map_or(Payload::Gone, Payload::Kept);
            contents.payload = Some(contents.payload.map_or(payload, |before| before.join(payload)));
            contents.ranges = match (contents.ranges, Ranges::of(&rows)) {
                (Some(before), Some(these)) => Some(before.join(&these)),
                (before, these) => before.or(these),
            };
            if let Some(filter) = filter {
                contents.hidden += keys_in(&rows).filter(|key| !filter.may_hold(key)).count() as u64;
            }
        }
        Ok(contents)
    }

    /// Against what the commit says, as far as it does.
    fn compare(&self, contents: &Contents, problems: &mut Vec<Problem>) {
        if contents.hidden > 0 {
            problems.push(Problem::FilterHides { keys: contents.hidden });
        }
        if let Some(found) = contents.payload
            && self.file.payload != Payload::Unmeasured
            && found != self.file.payload
        {
            problems.push(Problem::Payload { found: told(found), expected: told(self.file.payload) });
        }
        let Some(stated) = self.file.ranges else { return };
        if contents.rows != self.file.rows {
            problems.push(Problem::RowCount { rows: contents.rows, expected: self.file.rows });
        }
        let Some(found) = contents.ranges else { return };
        let number = |range: Range| format!("{} to {}", range.min, range.max);
        let time = |range: Range| format!("{} to {}", Micros(range.min), Micros(range.max));
        for (column, found, stated) in [
            ("id", found.id, stated.id),
            ("ts", found.ts, stated.ts),
            ("received", found.received, stated.received),
        ] {
            if found.min < stated.min || found.max > stated.max {
                let [found, expected] =
                    [found, stated].map(|range| if column == "id" { number(range) } else { time(range) });
                problems.push(Problem::OutsideRange { column, found, expected });
            }
        }
    }
}

impl Contents {
    /// What the footer says of the rows: their number, and least and greatest values.
    fn of_footer(footer: &ParquetMetaData) -> Self {
        let rows = footer.file_metadata().num_rows();
        let range = |name: &str| {
            let ranges = footer.row_groups().iter().map(|group| {
                let column = group.columns().iter().find(|column| column.column_path().string() == name)?;
                match column.statistics()? {
                    Statistics::Int64(values) => Some((*values.min_opt()?, *values.max_opt()?)),
                    _ => None,
                }
            });
            let known: Vec<(i64, i64)> = ranges.collect::<Option<_>>()?;
            Some(Range {
                min: known.iter().map(|range| range.0).min()?,
                max: known.iter().map(|range| range.1).max()?,
            })
        };
        let ranges = || Some(Ranges { id: range("id")?, ts: range("ts")?, received: range("received")? });
        Self { rows: rows.max(0) as u64, ranges: ranges(), hidden: 0, payload: None }
    }
}

fn told(payload: Payload) -> String {
    match payload {
        Payload::Unmeasured => "payloads in some rows".to_owned(),
        Payload::Kept(bytes) => format!("{bytes} bytes of payload"),
        Payload::Gone => "no payload".to_owned(),
    }
}

/// The filter of a file, made anew.
pub(super) async fn filter_of(
    store: &Arc<dyn ObjectStore>,
    path: Path,
    file: &LakeFile,
) -> Result<KeyFilter, ParquetError> {
    let builder = open(store, path, file.bytes).await?;
    let rows = builder.metadata().file_metadata().num_rows();
    let columns = ProjectionMask::columns(builder.parquet_schema(), KEY_COLUMNS);
    let mut filter = KeyFilter::with_room(usize::try_from(rows).unwrap_or(0))?;
    let mut batches = builder.with_projection(columns).build()?;
    while let Some(rows) = batches.try_next().await? {
        filter.add_rows(&rows);
    }
    filter.close();
    Ok(filter)
}

/// The first block of the log whose rows are in a file, if that can be told.
pub(super) async fn first_block(store: &Arc<dyn ObjectStore>, path: Path, bytes: u64) -> Option<u64> {
    let builder = open(store, path, bytes).await.ok()?;
    Some(block(Contents::of_footer(builder.metadata()).ranges?.id.min))
}

async fn open(store: &Arc<dyn ObjectStore>, path: Path, bytes: u64) -> Result<Builder, ParquetError> {
    let reader = FileReader { store: Arc::clone(store), path, bytes };
    ParquetRecordBatchStreamBuilder::new(reader).await
}

fn damaged(error: ParquetError) -> Breakage {
    match error {
        ParquetError::External(error) if error.is::<object_store::Error>() => {
            Breakage::Unreachable(error.to_string())
        }
        error => Breakage::Damaged(error.to_string()),
    }
}
