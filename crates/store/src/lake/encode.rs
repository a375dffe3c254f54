//! Rows to Parquet: the layout that finding a call in a day of traffic was measured with.
//!
//! Row groups follow time: each holds the next [`ROW_GROUP_ROWS`] rows in the order they were published. Inside a
//! row group rows are sorted by (call_id, ts), so that a call is a few neighbouring rows and the page index can
//! cut to them; a table may say another column ([`model::Rows`]). zstd, pages of 2,000 rows; `raw` in pages of 1 MB, since its compression lives on seeing
//! many messages at once, and without dictionary and statistics, which it cannot use.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{Int64Type, SchemaRef, TimestampMicrosecondType};
use model::Table;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::reader::ChunkReader;
use parquet::file::writer::SerializedFileWriter;

use crate::StoreError;
use crate::lake::gather::{Column, Place};
use crate::lake::properties::{Effort, mostly_different, properties};
use crate::view::HotBatch;

/// Large enough for good compression, small enough that a question about ten minutes reads little else.
pub(crate) const ROW_GROUP_ROWS: usize = 131_072;

/// Rows arranged and handed to the writer at a time, and fewer if they are large: what one has written should still be
/// in the processor's cache when the other reads it.
const WRITE_ROWS: usize = 8_192;
const WRITE_BYTES: usize = 256 << 10;

/// Hot rows as a whole Parquet file.
pub(crate) fn encode(
    table: &'static Table,
    schema: &SchemaRef,
    hot: &[Arc<HotBatch>],
) -> Result<Vec<u8>, StoreError> {
    let batches: Vec<&RecordBatch> = hot.iter().map(|batch| &batch.rows).collect();
    let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
    let parts = |column: usize| -> Vec<ArrayRef> {
        batches.iter().map(|batch| Arc::clone(batch.column(column))).collect()
    };
    let different = |column: usize| mostly_different(&parts(column));
    let mut encoder = Encoder::new(table, schema, Effort::Settling, rows.min(ROW_GROUP_ROWS), &different)?;
    let lengths: Vec<usize> = batches.iter().map(|batch| batch.num_rows()).collect();
    let all: Vec<Place> = places(&lengths).collect();
    for group in all.chunks(ROW_GROUP_ROWS) {
        encoder.write(group.to_vec(), |column| Ok::<_, StoreError>(parts(column)))?;
    }
    encoder.finish()
}

/// Every row of parts of these lengths.
pub(crate) fn places(lengths: &[usize]) -> impl Iterator<Item = Place> {
    lengths.iter().enumerate().flat_map(|(part, rows)| (0..*rows).map(move |row| (part, row)))
}

/// Of rows that have the same number in `of`, those with the largest in `by`.
pub(crate) fn latest(rows: &mut Vec<Place>, of: &[ArrayRef], by: &[ArrayRef]) {
    let number = |parts: &[ArrayRef], (part, row): Place| number(parts.get(part)?, row);
    let version = |place: Place| Some((number(of, place)?, number(by, place)?));
    let mut latest: HashMap<i64, i64> = HashMap::new();
    for (of, by) in rows.iter().filter_map(|place| version(*place)) {
        let known = latest.entry(of).or_insert(by);
        *known = by.max(*known);
    }
    rows.retain(|place| version(*place).is_none_or(|(of, by)| latest.get(&of) == Some(&by)));
}

/// Of an integer or a time.
fn number(column: &ArrayRef, row: usize) -> Option<i64> {
    if column.is_null(row) {
        return None;
    }
    let times = column.as_primitive_opt::<TimestampMicrosecondType>().map(|column| column.value(row));
    times.or_else(|| column.as_primitive_opt::<Int64Type>().map(|column| column.value(row)))
}

/// A Parquet file in the making, row group by row group.
pub(crate) struct Encoder {
    table: &'static Table,
    schema: SchemaRef,
    file: SerializedFileWriter<Vec<u8>>,
    columns: ArrowRowGroupWriterFactory,
    groups: usize,
}

impl Encoder {
    /// `group_rows` of the largest row group; `different` says of a text column whether most values are different.
    pub(crate) fn new(
        table: &'static Table,
        schema: &SchemaRef,
        effort: Effort,
        group_rows: usize,
        different: &dyn Fn(usize) -> bool,
    ) -> Result<Self, StoreError> {
        let properties = properties(table, schema, effort, group_rows, different);
        let (file, columns) = ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties))
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(|source| StoreError::Encode { table: table.name, source })?;
        Ok(Self { table, schema: Arc::clone(schema), file, columns, groups: 0 })
    }

    /// Writes these rows as the next row group, sorted. `parts` gives a column of all parts that the rows are in, and
    /// is asked once for each column: they need not be in memory together.
    pub(crate) fn write<E: From<StoreError>>(
        &mut self,
        mut rows: Vec<Place>,
        mut parts: impl FnMut(usize) -> Result<Vec<ArrayRef>, E>,
    ) -> Result<(), E> {
        let wrong_file = |source| StoreError::Encode { table: self.table.name, source };
        let wrong_rows = |source| StoreError::Arrange { table: self.table.name, source };
        let place = |name| self.schema.index_of(name).map_err(wrong_rows);
        sort(&parts(place(self.table.rows.sorted_by)?)?, &parts(place("ts")?)?, &mut rows);
        let mut group = self.file.next_row_group().map_err(wrong_file)?;
        // Column by column: sorted rows are far apart in memory, but most columns fit the processor's cache alone.
        // Every kind of column here is one column of Parquet too.
        let writers = self.columns.create_column_writers(self.groups).map_err(wrong_file)?;
        for (place, (field, mut writer)) in self.schema.fields().iter().zip(writers).enumerate() {
            let parts = parts(place)?;
            let column = Column::new(&parts);
            for rows in rows.chunks((WRITE_BYTES / column.mean_bytes()).clamp(1, WRITE_ROWS)) {
                for values in column.gather(rows).map_err(wrong_rows)? {
                    for leaf in compute_leaves(field, &values).map_err(wrong_file)? {
                        writer.write(&leaf).map_err(wrong_file)?;
                    }
                }
            }
            writer.close().and_then(|chunk| chunk.append_to_row_group(&mut group)).map_err(wrong_file)?;
        }
        group.close().map_err(wrong_file)?;
        self.groups += 1;
        Ok(())
    }

    /// Takes over a row group of another file of this table as it is, with `rows` missing values for `None`.
    pub(crate) fn copy(
        &mut self,
        file: &impl ChunkReader,
        columns: Vec<Option<ColumnCloseResult>>,
        rows: usize,
    ) -> Result<(), StoreError> {
        let copied = || -> Result<(), ParquetError> {
            let writers = self.columns.create_column_writers(self.groups)?;
            let mut group = self.file.next_row_group()?;
            for ((column, mut writer), field) in columns.into_iter().zip(writers).zip(self.schema.fields()) {
                match column {
                    Some(column) => group.append_column(file, column)?,
                    None => {
                        for leaf in compute_leaves(field, &new_null_array(field.data_type(), rows))? {
                            writer.write(&leaf)?;
                        }
                        writer.close()?.append_to_row_group(&mut group)?;
                    }
                }
            }
            group.close()?;
            Ok(())
        };
        copied().map_err(|source| StoreError::Encode { table: self.table.name, source })?;
        self.groups += 1;
        Ok(())
    }

    /// The bytes written since the last call.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        mem::take(self.file.inner_mut())
    }

    /// The bytes written since the last call of [`Encoder::take`], to the end of the file.
    pub(crate) fn finish(self) -> Result<Vec<u8>, StoreError> {
        self.file.into_inner().map_err(|source| StoreError::Encode { table: self.table.name, source })
    }
}

/// By a text, mostly the Call-ID, then by time and arrival. Sorting numbers does nearly all of it: the start of the text,
/// the part and the place in it, most significant first. Only rows whose texts begin alike, which are mostly those of
/// one call, are looked at again.
fn sort(texts: &[ArrayRef], times: &[ArrayRef], rows: &mut [Place]) {
    let texts: Vec<Option<&StringArray>> = texts.iter().map(|part| part.as_string_opt()).collect();
    let times: Vec<&[i64]> = times
        .iter()
        .map(|part| part.as_primitive_opt::<TimestampMicrosecondType>().map_or(&[][..], |part| part.values()))
        .collect();
    let text =
        |(part, row): Place| texts[part].filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row));
    let mut numbers: Vec<u128> = rows
        .iter()
        .map(|(part, row)| {
            let start = text((*part, *row)).map_or(0, prefix);
            u128::from(start) << 64 | (*part as u128) << 32 | *row as u128
        })
        .collect();
    numbers.sort_unstable();
    let place = |number: &u128| ((number >> 32) as u32 as usize, *number as u32 as usize);
    let key = |number: &u128| {
        let (part, row) = place(number);
        (text((part, row)), times[part].get(row).copied())
    };
    for alike in numbers.chunk_by_mut(|a, b| a >> 64 == b >> 64) {
        if !alike.is_sorted_by_key(key) {
            // Stable: what is equal keeps the order of arrival.
            alike.sort_by(|a, b| key(a).cmp(&key(b)));
        }
    }
    rows.iter_mut().zip(&numbers).for_each(|(row, number)| *row = place(number));
}

fn prefix(text: &str) -> u64 {
    let mut first = [0; 8];
    let known = text.len().min(8);
    first[..known].copy_from_slice(&text.as_bytes()[..known]);
    u64::from_be_bytes(first)
}
