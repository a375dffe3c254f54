//! Rows to Parquet: the layout that finding a call in a day of traffic was measured with.
//!
//! Row groups follow time: each holds the next [`ROW_GROUP_ROWS`] rows in the order they were published. Inside a
//! row group rows are sorted by (call_id, ts), so that a call is a few neighbouring rows and the page index can
//! cut to them. zstd level 1, pages of 2,000 rows; `raw` in pages of 1 MB, since its compression lives on seeing
//! many messages at once, and without dictionary and statistics, which it cannot use.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use model::{Kind, Table};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::compute_leaves;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{BloomFilterPosition, EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::StoreError;
use crate::lake::gather::{Place, Source};
use crate::view::HotBatch;

/// Large enough for good compression, small enough that a question about ten minutes reads little else.
pub(crate) const ROW_GROUP_ROWS: usize = 131_072;

/// Rows a page holds at most: what the page index can cut to.
const PAGE_ROWS: usize = 2_000;

const RAW_PAGE_BYTES: usize = 1 << 20;

/// Rows arranged and handed to the writer at a time, and fewer if they are large: what one has written should still be
/// in the processor's cache when the other reads it.
const WRITE_ROWS: usize = 8_192;
const WRITE_BYTES: usize = 256 << 10;

/// One in a hundred row groups is read in vain; a tenth of that costs half as much disk again.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// The whole Parquet file.
pub(crate) fn encode(
    table: &'static Table,
    schema: &SchemaRef,
    hot: &[Arc<HotBatch>],
) -> Result<Vec<u8>, StoreError> {
    let wrong_file = |source| StoreError::Encode { table: table.name, source };
    let wrong_rows = |source| StoreError::Arrange { table: table.name, source };
    let batches: Vec<&RecordBatch> = hot.iter().map(|batch| &batch.rows).collect();
    let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
    let properties = properties(table, schema, &batches, rows);
    let (mut file, columns) = ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties))
        .and_then(ArrowWriter::into_serialized_writer)
        .map_err(wrong_file)?;
    let source = Source::new(schema, &batches);
    for (number, mut rows) in row_groups(&batches).into_iter().enumerate() {
        sort(&batches, &mut rows);
        let places: Vec<Place> = rows.into_iter().map(place).collect();
        let mut group = file.next_row_group().map_err(wrong_file)?;
        // Column by column: sorted rows are far apart in memory, but most columns fit the processor's cache alone.
        // Every kind of column here is one column of Parquet too.
        let writers = columns.create_column_writers(number).map_err(wrong_file)?;
        for (column, (field, mut writer)) in schema.fields().iter().zip(writers).enumerate() {
            for places in places.chunks((WRITE_BYTES / source.mean_bytes(column)).clamp(1, WRITE_ROWS)) {
                for values in source.column(column, places).map_err(wrong_rows)? {
                    for leaf in compute_leaves(field, &values).map_err(wrong_file)? {
                        writer.write(&leaf).map_err(wrong_file)?;
                    }
                }
            }
            writer.close().and_then(|chunk| chunk.append_to_row_group(&mut group)).map_err(wrong_file)?;
        }
        group.close().map_err(wrong_file)?;
    }
    file.into_inner().map_err(wrong_file)
}

/// Rows in publishing order, cut into row groups. A row is one number: the start of its Call-ID, its batch and its
/// place, most significant first.
fn row_groups(batches: &[&RecordBatch]) -> Vec<Vec<u128>> {
    let mut groups = Vec::new();
    let mut group = Vec::new();
    for (batch, rows) in batches.iter().enumerate() {
        let call_ids = call_ids(rows);
        for row in 0..rows.num_rows() {
            let prefix = call_ids.filter(|ids| ids.is_valid(row)).map_or(0, |ids| prefix(ids.value(row)));
            group.push(u128::from(prefix) << 64 | (batch as u128) << 32 | row as u128);
            if group.len() == ROW_GROUP_ROWS {
                groups.push(std::mem::take(&mut group));
            }
        }
    }
    if !group.is_empty() {
        groups.push(group);
    }
    groups
}

fn place(row: u128) -> Place {
    ((row >> 32) as u32 as usize, row as u32 as usize)
}

/// By Call-ID, time, and arrival. Sorting numbers does nearly all of it; only rows whose Call-IDs begin alike, which
/// are mostly those of one call, are looked at again.
fn sort(batches: &[&RecordBatch], group: &mut [u128]) {
    group.sort_unstable();
    let call_ids: Vec<Option<&StringArray>> = batches.iter().map(|rows| call_ids(rows)).collect();
    let times: Vec<&[i64]> = batches.iter().map(|rows| times(rows)).collect();
    let key = |row: &u128| {
        let (batch, row) = place(*row);
        let call_id = call_ids[batch].filter(|ids| ids.is_valid(row)).map(|ids| ids.value(row));
        (call_id, times[batch].get(row).copied())
    };
    for alike in group.chunk_by_mut(|a, b| a >> 64 == b >> 64) {
        if !alike.is_sorted_by_key(key) {
            // Stable: what is equal keeps the order of arrival.
            alike.sort_by(|a, b| key(a).cmp(&key(b)));
        }
    }
}

fn prefix(text: &str) -> u64 {
    let mut first = [0; 8];
    let known = text.len().min(8);
    first[..known].copy_from_slice(&text.as_bytes()[..known]);
    u64::from_be_bytes(first)
}

fn call_ids(rows: &RecordBatch) -> Option<&StringArray> {
    rows.column_by_name("call_id")?.as_string_opt()
}

fn times(rows: &RecordBatch) -> &[i64] {
    rows.column_by_name("ts")
        .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
        .map_or(&[], |times| times.values())
}

fn properties(table: &Table, schema: &SchemaRef, batches: &[&RecordBatch], rows: usize) -> WriterProperties {
    let column = |name: &str| schema.index_of(name).expect("every table has the common columns");
    let sorted_by = ["call_id", "ts"].map(|name| SortingColumn {
        column_idx: column(name) as i32,
        descending: false,
        nulls_first: true,
    });
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("rhapsode ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).expect("1 is a zstd level")))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_bloom_filter_position(BloomFilterPosition::End)
        .set_sorting_columns(Some(sorted_by.to_vec()));
    for field in table.columns() {
        let path = ColumnPath::from(field.name);
        if field.indexed {
            properties = properties
                .set_column_bloom_filter_enabled(path.clone(), true)
                .set_column_bloom_filter_fpp(path.clone(), BLOOM_FALSE_POSITIVES)
                // A call is several rows; the writer folds the filter to what it turns out to hold.
                .set_column_bloom_filter_max_ndv(path.clone(), rows.clamp(1, ROW_GROUP_ROWS) as u64);
        }
        match field.kind {
            Kind::Bytes | Kind::Json => {
                properties = properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_statistics_enabled(path.clone(), EnabledStatistics::None)
                    .set_column_data_page_size_limit(path, RAW_PAGE_BYTES);
            }
            Kind::Text | Kind::Ip => {
                if field.name != "call_id" {
                    // Texts that are not sorted by span the whole alphabet in every page.
                    properties =
                        properties.set_column_statistics_enabled(path.clone(), EnabledStatistics::None);
                }
                if mostly_different(batches, rows, column(field.name)) {
                    properties = properties.set_column_dictionary_enabled(path, false);
                }
            }
            // Nearly every row has another one, and neighbours are near each other.
            Kind::Time | Kind::Int64 if ["id", "ts", "received"].contains(&field.name) => {
                properties = properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
            }
            _ => {}
        }
    }
    properties.build()
}

/// Whether most values of a text column are seen once or a few times only: a dictionary of those costs time and
/// saves nothing. Looks at rows spread over all batches.
fn mostly_different(batches: &[&RecordBatch], rows: usize, column: usize) -> bool {
    const LOOKED_AT: usize = 1_000;
    let step = (rows / LOOKED_AT).max(1);
    let mut next = 0;
    let mut seen = 0;
    let mut different = HashSet::with_capacity(LOOKED_AT);
    for batch in batches {
        let Some(texts) = batch.column(column).as_string_opt::<i32>() else { return false };
        while next < texts.len() {
            if texts.is_valid(next) {
                seen += 1;
                different.insert(texts.value(next));
            }
            next += step;
        }
        next -= texts.len();
    }
    different.len() > seen / 2
}
