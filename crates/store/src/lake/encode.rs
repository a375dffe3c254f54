//! Rows to Parquet: the layout that finding a call in a day of traffic was measured with.
//!
//! Row groups follow time: each holds the next [`ROW_GROUP_ROWS`] rows in the order they were published. Inside a
//! row group rows are sorted by (call_id, ts), so that a call is a few neighbouring rows and the page index can
//! cut to them. zstd level 1, pages of 2,000 rows; `raw` in pages of 1 MB, since its compression lives on seeing
//! many messages at once, and without dictionary and statistics, which it cannot use.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use model::{Kind, Table};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
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

/// Rows arranged and handed to the writer at a time: few enough to stay in the processor's cache.
const WRITE_ROWS: usize = 8_192;

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
    let properties = properties(table, schema, rows.min(ROW_GROUP_ROWS));
    let mut writer =
        ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties)).map_err(wrong_file)?;
    let source = Source::new(schema, &batches);
    for mut group in row_groups(&batches) {
        sort(&batches, &mut group);
        for places in group.chunks(WRITE_ROWS) {
            let places: Vec<Place> = places.iter().map(|row| place(*row)).collect();
            for sorted in source.rows(&places).map_err(wrong_rows)? {
                writer.write(&sorted).map_err(wrong_file)?;
            }
        }
        writer.flush().map_err(wrong_file)?;
    }
    writer.into_inner().map_err(wrong_file)
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

fn properties(table: &Table, schema: &SchemaRef, group_rows: usize) -> WriterProperties {
    let place = |name: &str| schema.index_of(name).expect("every table has the common columns") as i32;
    let sorted_by = ["call_id", "ts"].map(|name| SortingColumn {
        column_idx: place(name),
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
                .set_column_bloom_filter_max_ndv(path.clone(), group_rows.max(1) as u64);
        }
        match field.kind {
            Kind::Bytes => {
                properties = properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_statistics_enabled(path.clone(), EnabledStatistics::None)
                    .set_column_data_page_size_limit(path, RAW_PAGE_BYTES);
            }
            Kind::Json => {
                properties = properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_statistics_enabled(path, EnabledStatistics::None);
            }
            _ => {}
        }
    }
    properties.build()
}
