//! Reading files that are to become one, a row group at a time.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, new_null_array};
use arrow::datatypes::{DataType, SchemaRef};
use bytes::{Buf as _, Bytes};
use object_store::ObjectStore;
use object_store::path::Path;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::bloom_filter::Sbbf;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::file::reader::{ChunkReader, Length};

use crate::lake::FileReader;

/// Read at the end of a file at first: its footer and page indexes are mostly in it.
const FOOTER_BYTES: usize = 256 << 10;

/// A file as its footer describes it.
pub(super) struct Input {
    path: Path,
    bytes: u64,
    footer: ArrowReaderMetadata,
}

/// A row group of it, not read yet.
#[derive(Clone)]
pub(super) struct Piece {
    input: Arc<Input>,
    group: usize,
}

/// A row group whose bytes are in memory.
pub(super) struct Loaded {
    piece: Piece,
    bytes: Spans,
    /// A column that was not read, and has no values here.
    emptied: Option<&'static str>,
}

impl Input {
    pub(super) async fn open(store: &Arc<dyn ObjectStore>, path: Path, bytes: u64) -> Result<Self> {
        // Without page indexes a row group could not be copied.
        let metadata = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Required)
            .with_prefetch_hint(Some(FOOTER_BYTES))
            .load_and_finish(&mut FileReader { store: Arc::clone(store), path: path.clone(), bytes }, bytes)
            .await?;
        let footer = ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new())?;
        Ok(Self { path, bytes, footer })
    }

    /// Whether its columns are those of the table, so that row groups can be taken over as they are.
    pub(super) fn has_columns(&self, schema: &SchemaRef) -> bool {
        let own = self.footer.schema().fields();
        own.len() == schema.fields().len()
            && own
                .iter()
                .zip(schema.fields())
                .all(|(own, field)| own.name() == field.name() && own.data_type() == field.data_type())
    }

    /// Whether rows are sorted by this column first, as it says itself.
    pub(super) fn is_sorted_by(&self, name: &str) -> bool {
        let metadata = self.footer.metadata();
        let Ok(place) = self.footer.schema().index_of(name) else { return false };
        let first =
            |group: &RowGroupMetaData| group.sorting_columns()?.first().map(|column| column.column_idx);
        metadata.row_groups().iter().all(|group| first(group).is_some_and(|first| first as usize == place))
    }

    /// The first column of another kind than the table's, or that the table does not have: its values would be lost.
    pub(super) fn foreign_column(&self, schema: &SchemaRef) -> Option<&str> {
        self.footer
            .schema()
            .fields()
            .iter()
            .find(|own| {
                let field = schema.field_with_name(own.name());
                !field.is_ok_and(|field| field.data_type() == own.data_type())
            })
            .map(|own| own.name().as_str())
    }

    pub(super) fn name(&self) -> String {
        self.path.filename().unwrap_or_default().to_owned()
    }

    pub(super) fn pieces(self: &Arc<Self>) -> impl Iterator<Item = Piece> {
        (0..self.footer.metadata().num_row_groups()).map(|group| Piece { input: Arc::clone(self), group })
    }
}

impl Piece {
    pub(super) fn input(&self) -> &Input {
        &self.input
    }

    pub(super) fn rows(&self) -> usize {
        usize::try_from(self.metadata().num_rows()).unwrap_or(0)
    }

    /// What its largest column takes in memory.
    pub(super) fn largest_column_bytes(&self) -> usize {
        let columns = self.metadata().columns().iter();
        columns.map(|column| usize::try_from(column.uncompressed_size()).unwrap_or(0)).max().unwrap_or(0)
    }

    /// Whether a column has no dictionary here.
    pub(super) fn is_plain(&self, name: &str) -> bool {
        let columns = self.metadata().columns().iter();
        columns
            .filter(|column| is(column, Some(name)))
            .all(|column| column.dictionary_page_offset().is_none())
    }

    fn metadata(&self) -> &RowGroupMetaData {
        self.input.footer.metadata().row_group(self.group)
    }

    /// Reads its columns and the Bloom filters that belong to them, but not the column that is to be empty.
    pub(super) async fn load(self, store: &dyn ObjectStore, emptied: Option<&'static str>) -> Result<Loaded> {
        let columns = || self.metadata().columns().iter().filter(|column| !is(column, emptied));
        let data = cover(columns().map(|column| {
            let (start, bytes) = column.byte_range();
            start..start.saturating_add(bytes)
        }));
        let filters = cover(columns().filter_map(|column| {
            let start = u64::try_from(column.bloom_filter_offset()?).ok()?;
            Some(start..start.saturating_add(u64::try_from(column.bloom_filter_length()?).ok()?))
        }));
        let ranges: Vec<Range<u64>> = [data, filters].into_iter().flatten().collect();
        if ranges.iter().any(|range| range.end > self.input.bytes) {
            return Err(ParquetError::EOF(format!("a row group is beyond the end of {}", self.input.path)));
        }
        let read = store
            .get_ranges(&self.input.path, &ranges)
            .await
            .map_err(|error| ParquetError::External(Box::new(error)))?;
        let spans = ranges.iter().map(|range| range.start).zip(read).collect();
        Ok(Loaded { bytes: Spans { file_bytes: self.input.bytes, spans }, piece: self, emptied })
    }
}

impl Loaded {
    pub(super) fn name(&self) -> String {
        self.piece.input.name()
    }

    pub(super) fn rows(&self) -> usize {
        self.piece.rows()
    }

    pub(super) fn has_columns(&self, schema: &SchemaRef) -> bool {
        self.piece.input.has_columns(schema)
    }

    pub(super) fn is_sorted_by(&self, name: &str) -> bool {
        self.piece.input.is_sorted_by(name)
    }

    /// All values of a column; missing ones if the file is older than the column.
    pub(super) fn column(&self, name: &str, kind: &DataType) -> Result<ArrayRef> {
        let footer = &self.piece.input.footer;
        let rows = self.piece.rows();
        if self.emptied == Some(name) {
            return Ok(new_null_array(kind, rows));
        }
        let Ok(place) = footer.schema().index_of(name) else { return Ok(new_null_array(kind, rows)) };
        let mut batches =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.bytes.clone(), footer.clone())
                .with_projection(ProjectionMask::roots(footer.parquet_schema(), [place]))
                .with_row_groups(vec![self.piece.group])
                .with_batch_size(rows.max(1))
                .build()?;
        match (batches.next().transpose()?, batches.next()) {
            (Some(batch), None) if batch.num_rows() == rows => Ok(Arc::clone(batch.column(0))),
            _ => Err(ParquetError::General(format!("column {name} does not have {rows} values"))),
        }
    }

    /// What a writer needs to take the row group over as it is; `None` for the column that is to be empty.
    pub(super) fn chunks(&self) -> Result<(&Spans, Vec<Option<ColumnCloseResult>>)> {
        let metadata = self.piece.input.footer.metadata();
        let group = self.piece.group;
        let no_index = || ParquetError::General("a file without page indexes".to_owned());
        let pages = metadata.column_index().and_then(|index| index.get(group)).ok_or_else(no_index)?;
        let offsets = metadata.offset_index().and_then(|index| index.get(group)).ok_or_else(no_index)?;
        let mut chunks = Vec::with_capacity(pages.len());
        for (place, column) in self.piece.metadata().columns().iter().enumerate() {
            if is(column, self.emptied) {
                chunks.push(None);
                continue;
            }
            chunks.push(Some(ColumnCloseResult {
                bytes_written: u64::try_from(column.compressed_size()).unwrap_or(0),
                rows_written: self.piece.rows() as u64,
                bloom_filter: Sbbf::read_from_column_chunk(column, &self.bytes)?,
                column_index: pages.get(place).cloned(),
                offset_index: Some(offsets.get(place).cloned().ok_or_else(no_index)?),
                metadata: column.clone(),
            }));
        }
        Ok((&self.bytes, chunks))
    }
}

/// Whether it is the column of this name.
fn is(column: &ColumnChunkMetaData, name: Option<&str>) -> bool {
    name.is_some() && column.column_path().parts().first().map(String::as_str) == name
}

/// The shortest stretch that holds all of these.
fn cover(ranges: impl Iterator<Item = Range<u64>>) -> Option<Range<u64>> {
    ranges.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))
}

/// Parts of a file, at their places in it.
#[derive(Clone, Debug)]
pub(super) struct Spans {
    file_bytes: u64,
    spans: Arc<[(u64, Bytes)]>,
}

impl Spans {
    fn from(&self, start: u64) -> Result<Bytes> {
        self.spans
            .iter()
            .find_map(|(first, bytes)| {
                let skipped = usize::try_from(start.checked_sub(*first)?).ok()?;
                (skipped < bytes.len()).then(|| bytes.slice(skipped..))
            })
            .ok_or_else(|| ParquetError::EOF(format!("byte {start} of the file was not read")))
    }
}

impl Length for Spans {
    fn len(&self) -> u64 {
        self.file_bytes
    }
}

impl ChunkReader for Spans {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = self.from(start)?;
        if length > bytes.len() {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} were not all read")));
        }
        Ok(bytes.slice(..length))
    }
}
