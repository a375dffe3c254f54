use std::path::PathBuf;
use std::sync::Arc;

use datafusion::catalog::{
    CatalogProvider as _, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider,
    SchemaProvider, TableProvider,
};
use datafusion::execution::context::SessionContext;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;
use object_store::path::Path;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::lake::Place;
use crate::search::answer::{Answer, Rows};
use crate::search::functions;
use crate::search::provider::Snapshot;
use crate::times::{Clock, Taking};
use crate::view::{TableView, View};
use crate::{Limits, StoreError};

/// What all questions share: memory, threads, the reader's caches, the functions known to SQL.
pub(crate) struct Engine {
    pub(super) limits: Limits,
    /// Never busy for long: watches the clock.
    house: Handle,
    /// Where plans compute, and may be busy for long.
    questions: Handle,
    template: SessionState,
    places: Arc<Places>,
    /// Of whoever asks from outside.
    pub(crate) turns: Arc<Semaphore>,
    /// Of the program itself: rows of calls, and with them receiving, must not wait until others have had their answers.
    pub(crate) own_turn: Arc<Semaphore>,
    /// How long searches, and statements, take.
    pub(crate) searching: Arc<Clock>,
    pub(crate) sql: Arc<Clock>,
}

/// Where files are, for the scans.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) url: ObjectStoreUrl,
    /// The lake's folder as a path below the object store's root.
    lake: Path,
}

/// The name under which the lake's object store is known to DataFusion.
const STORE_URL: &str = "lake://all";

const CATALOG: &str = "rhapsode";
const SCHEMA: &str = "public";

/// Footers of files that were read before: a few kilobytes each, so a few thousand files.
const FOOTER_CACHE_BYTES: usize = 64 << 20;

impl Engine {
    pub(crate) fn new(
        place: &Place,
        spill: PathBuf,
        limits: Limits,
        house: Handle,
        questions: Handle,
    ) -> Result<Self, StoreError> {
        let url = ObjectStoreUrl::parse(STORE_URL)?;
        let environment = environment(spill, &limits)?;
        environment.register_object_store(url.as_ref(), Arc::clone(&place.store));
        let mut template = SessionStateBuilder::new()
            .with_config(configuration())
            .with_runtime_env(environment)
            .with_default_features()
            .build();
        functions::register(&mut template)?;
        Ok(Self {
            turns: Arc::new(Semaphore::new(limits.concurrent_max.max(1))),
            own_turn: Arc::new(Semaphore::new(1)),
            limits,
            house,
            questions,
            template,
            places: Arc::new(Places { url, lake: place.path.clone() }),
            searching: Arc::default(),
            sql: Arc::default(),
        })
    }

    /// A session that knows no tables.
    pub(super) fn session(&self) -> SessionContext {
        SessionContext::new_with_state(self.state(Vec::new()))
    }

    /// A session whose tables are those given.
    pub(super) fn state(&self, tables: Vec<(&str, Arc<dyn TableProvider>)>) -> SessionState {
        let schema = MemorySchemaProvider::new();
        for (name, table) in tables {
            // Only a name taken twice can fail.
            let _ = schema.register_table(name.to_owned(), table);
        }
        let catalog = MemoryCatalogProvider::new();
        let _ = catalog.register_schema(SCHEMA, Arc::new(schema));
        let catalogs = MemoryCatalogProviderList::new();
        datafusion::catalog::CatalogProviderList::register_catalog(
            &catalogs,
            CATALOG.to_owned(),
            Arc::new(catalog),
        );
        let mut state = self.template.clone();
        state.register_catalog_list(Arc::new(catalogs));
        state
    }

    pub(super) fn snapshot(&self, table: &Arc<TableView>) -> Arc<Snapshot> {
        Arc::new(Snapshot::new(Arc::clone(table), Arc::clone(&self.places)))
    }

    pub(super) fn snapshots(&self, view: &View) -> Vec<(&'static str, Arc<Snapshot>)> {
        view.tables.iter().map(|table| (table.table.name, self.snapshot(table))).collect()
    }

    pub(crate) fn questions(&self) -> &Handle {
        &self.questions
    }

    /// Runs work that may need much stack, such as planning.
    pub(super) async fn on_question_thread<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.questions.spawn(work).await.map_err(|error| StoreError::Internal(error.to_string()))?
    }

    /// Runs the work of an answer when there is one of these turns, no longer than allowed; `clock` is told how long it took.
    pub(super) fn answer<F, W>(
        &self,
        schema: arrow::datatypes::SchemaRef,
        limits: Limits,
        clock: &Arc<Clock>,
        turns: &Arc<Semaphore>,
        work: F,
    ) -> Answer
    where
        F: FnOnce(Rows) -> W + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let (turns, clock) = (Arc::clone(turns), Arc::clone(clock));
        Answer::start(schema, limits.time_max, &self.house, &self.questions, move |rows| async move {
            let _taking = Taking::of(&clock);
            let _turn = turns.acquire_owned().await;
            work(rows).await;
        })
    }
}

impl Places {
    pub(super) fn table(&self, name: &str) -> Path {
        self.lake.clone().join(name)
    }
}

fn configuration() -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(true);
    let options = config.options_mut();
    options.execution.time_zone = Some("+00:00".to_owned());
    // Evaluates conditions before decoding the other columns: five times faster for one call among many.
    options.execution.parquet.pushdown_filters = true;
    config
}

fn environment(spill: PathBuf, limits: &Limits) -> Result<Arc<RuntimeEnv>, StoreError> {
    let disk = DiskManagerBuilder::default()
        .with_mode(DiskManagerMode::Directories(vec![spill]))
        .with_max_temp_directory_size(limits.spill_bytes_max);
    Ok(RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(limits.memory_bytes_max)))
        .with_disk_manager_builder(disk)
        .with_metadata_cache_limit(FOOTER_CACHE_BYTES)
        .build_arc()?)
}
