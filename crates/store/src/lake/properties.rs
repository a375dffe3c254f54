//! How each column is written: chosen by measuring bytes and time on lifelike traffic.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::SchemaRef;
use model::{Kind, Table};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{BloomFilterPosition, EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

/// Rows a page holds at most: what the page index can cut to.
const PAGE_ROWS: usize = 2_000;

const RAW_PAGE_BYTES: usize = 1 << 20;

/// One in a hundred row groups is read in vain; a tenth of that costs half as much disk again.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// For all columns but payloads, whose values are too short and too much alike for more to be found.
const LEVEL: i32 = 1;

/// What payloads are compressed with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effort {
    /// While packets wait: half the processor time of settling is what the other would cost in addition.
    Settling,
    /// Later, with nobody waiting: a seventh fewer bytes of payload.
    Compacting,
}

impl Effort {
    fn level(self) -> i32 {
        match self {
            Self::Settling => 1,
            // The first level that finds more; 9 and 12 save another 2 and 4 % for half as much time again and twice it.
            Self::Compacting => 7,
        }
    }
}

fn zstd(level: i32) -> Compression {
    Compression::ZSTD(ZstdLevel::try_new(level).expect("a level of zstd"))
}

/// `different` says of a text column whether most of its values are different.
pub(super) fn properties(
    table: &Table,
    schema: &SchemaRef,
    effort: Effort,
    group_rows: usize,
    different: &dyn Fn(usize) -> bool,
) -> WriterProperties {
    let column = |name: &str| schema.index_of(name).expect("every table has the common columns");
    let sorted_by = [table.rows.sorted_by, "ts"].map(|name| SortingColumn {
        column_idx: column(name) as i32,
        descending: false,
        nulls_first: true,
    });
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("rhapsode ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(zstd(LEVEL))
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
            Kind::Bytes | Kind::Json => {
                properties = properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_statistics_enabled(path.clone(), EnabledStatistics::None)
                    .set_column_compression(path.clone(), zstd(effort.level()))
                    .set_column_data_page_size_limit(path, RAW_PAGE_BYTES);
            }
            Kind::Text | Kind::Ip => {
                if field.name != table.rows.sorted_by {
                    // Texts that are not sorted by span the whole alphabet in every page.
                    properties =
                        properties.set_column_statistics_enabled(path.clone(), EnabledStatistics::None);
                }
                if different(column(field.name)) {
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
/// saves nothing. Looks at rows spread over all parts.
pub(super) fn mostly_different(parts: &[ArrayRef]) -> bool {
    const LOOKED_AT: usize = 1_000;
    let rows: usize = parts.iter().map(Array::len).sum();
    let step = (rows / LOOKED_AT).max(1);
    let mut next = 0;
    let mut seen = 0;
    let mut different = HashSet::with_capacity(LOOKED_AT);
    for part in parts {
        let Some(texts) = part.as_string_opt::<i32>() else { return false };
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
