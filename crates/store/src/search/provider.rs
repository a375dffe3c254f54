use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Result, ScalarValue, Statistics};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::{DataSourceExec, MemorySourceConfig};
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::union::UnionExec;
use futures::{StreamExt as _, stream};

use crate::lake::{LakeFile, keys};
use crate::schema::UTC;
use crate::search::engine::Places;
use crate::search::prune::{Parts, may_hold, names_a_call, prune};
use crate::view::{HotBatch, Range, TableView};

/// One table of one view, as DataFusion reads it.
#[derive(Debug)]
pub(super) struct Snapshot {
    view: Arc<TableView>,
    places: Arc<Places>,
}

/// Beyond this many files their ranges are not handed to DataFusion one by one: building those costs more than a
/// question for the newest rows can save.
const FILES_WITH_STATISTICS_MAX: usize = 1_000;

/// A disk or a bucket answers about as many small reads at once.
const FILTERS_READ_AT_ONCE: usize = 32;

impl Snapshot {
    pub(super) fn new(view: Arc<TableView>, places: Arc<Places>) -> Self {
        Self { view, places }
    }

    /// The same table without what cannot satisfy the conditions.
    pub(super) async fn narrowed(&self, state: &dyn Session, filters: &[Expr]) -> Result<Self> {
        let (files, hot) = self.relevant(state, filters).await?;
        let view = TableView {
            table: self.view.table,
            schema: self.schema(),
            files: Arc::new(files.into_iter().cloned().collect()),
            hot: hot.into_iter().cloned().collect(),
            is_derived: self.view.is_derived,
        };
        Ok(Self { view: Arc::new(view), places: Arc::clone(&self.places) })
    }

    pub(super) fn view(&self) -> &TableView {
        &self.view
    }

    async fn relevant(&self, state: &dyn Session, filters: &[Expr]) -> Result<Parts<'_>> {
        let (files, hot) = prune(&self.view, state, filters)?;
        Ok((self.without_foreign_calls(files, state, filters).await?, hot))
    }

    /// Those of the files that may hold a call the condition names, if it names one.
    async fn without_foreign_calls<'f>(
        &self,
        files: Vec<&'f Arc<LakeFile>>,
        state: &dyn Session,
        filters: &[Expr],
    ) -> Result<Vec<&'f Arc<LakeFile>>> {
        if !filters.iter().any(names_a_call) {
            return Ok(files);
        }
        let store = state.runtime_env().object_store(&self.places.url)?;
        let table = self.places.table(self.view.table.name);
        let asked: Vec<_> =
            files.iter().map(|file| (file.keys.clone(), keys::path(&table, &file.name))).collect();
        let kept: Vec<bool> = stream::iter(asked)
            .map(|(keys, path)| {
                let store = Arc::clone(&store);
                async move {
                    let known = keys.filter(store.as_ref(), &path).await;
                    known.is_none_or(|known| {
                        filters.iter().all(|filter| may_hold(filter, &|key| known.may_hold(key)))
                    })
                }
            })
            .buffered(FILTERS_READ_AT_ONCE)
            .collect()
            .await;
        Ok(files.into_iter().zip(kept).filter_map(|(file, kept)| kept.then_some(file)).collect())
    }

    fn read_hot(
        &self,
        hot: &[&Arc<HotBatch>],
        partitions: usize,
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let partitions: Vec<Vec<RecordBatch>> =
            dealt(hot, partitions).map(|batches| batches.map(|batch| batch.rows.clone()).collect()).collect();
        let source =
            MemorySourceConfig::try_new(&partitions, self.schema(), projection.cloned())?.with_limit(limit);
        Ok(DataSourceExec::from_data_source(source))
    }

    fn read_files(
        &self,
        files: &[&Arc<LakeFile>],
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let environment = state.runtime_env();
        let store = environment.object_store(&self.places.url)?;
        let footers = environment.cache_manager.get_file_metadata_cache();
        let options = TableParquetOptions {
            global: state.config_options().execution.parquet.clone(),
            ..Default::default()
        };
        let source = ParquetSource::new(self.schema())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(CachedParquetFileReaderFactory::new(store, footers)));
        let known = files.len() <= FILES_WITH_STATISTICS_MAX;
        let groups = dealt(files, state.config().target_partitions())
            .map(|files| FileGroup::new(files.map(|file| self.file(file, known)).collect()))
            .collect();
        let rows: u64 = files.iter().map(|file| file.rows).sum();
        let mut statistics = Statistics::new_unknown(&self.schema());
        if files.iter().all(|file| file.ranges.is_some()) {
            statistics.num_rows = Precision::Exact(rows as usize);
        }
        let scan = FileScanConfigBuilder::new(self.places.url.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }

    fn file(&self, file: &LakeFile, with_statistics: bool) -> PartitionedFile {
        let mut read = PartitionedFile::new("", file.bytes);
        read.object_meta.location = self.places.table(self.view.table.name).join(file.name.as_str());
        if with_statistics && let Some(statistics) = statistics(file, &self.schema()) {
            read = read.with_statistics(Arc::new(statistics));
        }
        read
    }
}

#[async_trait]
impl TableProvider for Snapshot {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.view.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Every condition helps to leave files out, none is decided by that alone: DataFusion keeps a filter above
    /// and then moves it into the Parquet reader.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (files, hot) = self.relevant(state, filters).await?;
        let mut plans = Vec::with_capacity(2);
        if !hot.is_empty() || files.is_empty() {
            plans.push(self.read_hot(&hot, state.config().target_partitions(), projection, limit)?);
        }
        if !files.is_empty() {
            plans.push(self.read_files(&files, state, projection, limit)?);
        }
        if plans.len() == 1 { Ok(plans.swap_remove(0)) } else { UnionExec::try_new(plans) }
    }
}

/// Deals items out to at most `hands` hands, newest first each, so that all hands begin with the newest.
fn dealt<'a, T>(
    items: &'a [&'a T],
    hands: usize,
) -> impl Iterator<Item = impl Iterator<Item = &'a T> + 'a> + 'a {
    let hands = hands.min(items.len()).max(1);
    (0..hands).map(move |hand| items.iter().rev().skip(hand).step_by(hands).copied())
}

fn statistics(file: &LakeFile, schema: &SchemaRef) -> Option<Statistics> {
    let ranges = file.ranges?;
    let mut statistics = Statistics::new_unknown(schema);
    statistics.num_rows = Precision::Exact(file.rows as usize);
    for (place, field) in schema.fields().iter().enumerate() {
        let (range, value): (Range, fn(i64) -> ScalarValue) = match field.name().as_str() {
            "id" => (ranges.id, |id| ScalarValue::Int64(Some(id))),
            "ts" => (ranges.ts, time),
            "received" => (ranges.received, time),
            _ => continue,
        };
        let column: &mut ColumnStatistics = &mut statistics.column_statistics[place];
        column.null_count = Precision::Exact(0);
        // A maximum may have been rounded up to the millisecond.
        column.min_value = Precision::Inexact(value(range.min));
        column.max_value = Precision::Inexact(value(range.max));
    }
    Some(statistics)
}

fn time(micros: i64) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(micros), Some(UTC.into()))
}
