use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, MetadataExt as _, StructType, Transaction};
use deltalake::operations::create::CreateBuilder;
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::table::state::DeltaTableState;
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use model::Table;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};
use tokio::time::timeout;

use crate::StoreError;
use crate::clock::now;
use crate::lake::encode::encode;
use crate::lake::keys::{self, KeyFilter, Keys};
use crate::lake::{LakeFile, Payload, Place, file_name, written_by};
use crate::schema::{arrow_schema, delta_columns, payload_bytes};
use crate::view::{HotBatch, Ranges};

/// One Delta table and how far this node has settled into it.
pub(crate) struct LakeTable {
    pub(crate) table: &'static Table,
    delta: DeltaTable,
    node: String,
    store: Arc<dyn ObjectStore>,
    folder: Path,
    settled: u64,
    /// A commit failed and may have happened nevertheless: look before the next step.
    in_doubt: bool,
    /// Written by steps that failed, and perhaps part of the table nevertheless.
    suspects: Vec<String>,
    /// In a folder what failed has failed. In a bucket a request without an answer may still take effect.
    fails_for_good: bool,
}

/// What the table consists of, and whether the file is in the place of the others.
pub(crate) struct Exchange {
    pub(crate) left: Vec<LakeFile>,
    pub(crate) done: bool,
}

/// What the table consists of after a step.
pub(crate) enum Change {
    /// What was known, and this file.
    Added(LakeFile),
    /// Exactly these: another writer was here, or the step before was in doubt.
    Replaced(Vec<LakeFile>),
}

/// A checkpoint every so many commits: about one an hour at the longest settling interval. Opening reads at most
/// as many commits after it.
const CHECKPOINT_INTERVAL: &str = "50";

/// How often a step is made again because another node changed the table meanwhile. Each time one of them gets on, so
/// more would mean dozens of nodes that all settle in the same moment; then waiting is better.
pub(crate) const CONFLICTS_MAX: usize = 5;

/// A bucket that takes longer to say whether it has an object is away: then an operator should know soon.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);

/// Time travel for other engines; after it, commits older than a checkpoint are deleted.
const LOG_KEPT: &str = "interval 1 days";

/// The statistics we write and choose files by; others would be parsed at every commit for nothing.
const STATISTICS_COLUMNS: &str = "id,ts,received";

impl LakeTable {
    pub(crate) async fn open(place: &Place, node: &str, table: &'static Table) -> Result<Self, StoreError> {
        let url = place.url(table.name)?;
        let folder = place.table(table.name);
        let wrong = |source| wrong(table, source);
        let mut delta = DeltaTableBuilder::from_url(url.clone())
            .map_err(wrong)?
            .with_storage_backend(Arc::clone(&place.store), url)
            .build()
            .map_err(wrong)?;
        if !delta.verify_deltatable_existence().await.map_err(wrong)? {
            // A new table has none: these would belong to no version, and be removed.
            let files = place.store.list_with_delimiter(Some(&folder)).await?.objects;
            if files.iter().any(|file| file.location.as_ref().ends_with(".parquet")) {
                return Err(StoreError::DeltaLogGone { table: table.name, files: files.len() });
            }
            let created = CreateBuilder::new()
                .with_log_store(delta.log_store())
                .with_table_name(table.name)
                .with_comment(table.doc)
                .with_columns(delta_columns(table))
                .with_configuration([
                    ("delta.checkpointInterval", Some(CHECKPOINT_INTERVAL)),
                    ("delta.logRetentionDuration", Some(LOG_KEPT)),
                    ("delta.dataSkippingStatsColumns", Some(STATISTICS_COLUMNS)),
                ])
                .with_save_mode(SaveMode::Ignore)
                .with_commit_properties(CommitProperties::default().with_max_retries(0))
                .await;
            // Where another node was faster, the table it made is the one.
            if let Err(error) = created
                && !delta.verify_deltatable_existence().await.map_err(wrong)?
            {
                return Err(wrong(error));
            }
        }
        delta.load().await.map_err(wrong)?;
        let mut opened = Self {
            table,
            delta,
            node: node.to_owned(),
            store: Arc::clone(&place.store),
            folder,
            settled: 0,
            in_doubt: false,
            suspects: Vec::new(),
            fails_for_good: place.folder().is_some(),
        };
        opened.settled = opened.remembered_position().await?;
        let mut conflicts = 0;
        while let Err(error) = opened.add_missing_columns().await {
            conflicts += 1;
            if !error.is_conflict() || conflicts > CONFLICTS_MAX {
                return Err(error);
            }
            opened.delta.load().await.map_err(wrong)?;
        }
        Ok(opened)
    }

    /// The number of the last log block whose rows are in this table.
    pub(crate) fn settled(&self) -> u64 {
        self.settled
    }

    /// The files of the newest version known.
    pub(crate) fn files(&self) -> Result<Vec<LakeFile>, StoreError> {
        let snapshot = self.delta.snapshot().map_err(|source| wrong(self.table, source))?;
        Ok(files_of(snapshot))
    }

    /// Makes the rows of `hot` part of the table, together with the fact that this node has settled `position`.
    /// An error leaves open whether that happened: see [`LakeTable::refresh`].
    pub(crate) async fn append(
        &mut self,
        hot: &[Arc<HotBatch>],
        position: u64,
    ) -> Result<Change, StoreError> {
        let Some(ranges) = hot.iter().map(|batch| batch.ranges).reduce(|a, b| Ranges::join(&a, &b)) else {
            return Err(StoreError::Internal("nothing to settle".to_owned()));
        };
        let bytes = encode(self.table, &arrow_schema(self.table), hot)?;
        let written = now();
        let keys =
            KeyFilter::of(hot).map_err(|source| StoreError::Encode { table: self.table.name, source })?;
        let mut file = LakeFile {
            name: file_name(&self.node, position, written),
            bytes: bytes.len() as u64,
            rows: hot.iter().map(|batch| batch.rows.num_rows() as u64).sum(),
            modified_millis: written.0 / 1000,
            ranges: Some(ranges),
            checksum: Some(crc32fast::hash(&bytes)),
            payload: Payload::Kept(hot.iter().filter_map(|batch| payload_bytes(&batch.rows)).sum()),
            keys: Keys::default(),
        };
        // From here on the file may exist, whatever the outcome.
        self.suspects.push(file.name.clone());
        self.in_doubt = true;
        self.store.put(&self.folder.clone().join(file.name.as_str()), PutPayload::from(bytes)).await?;
        let filter =
            keys.to_bytes().map_err(|source| StoreError::Encode { table: self.table.name, source })?;
        self.store.put(&keys::path(&self.folder, &file.name), PutPayload::from(filter)).await?;
        file.keys = Keys::known(keys);
        let properties = CommitProperties::default().with_application_transaction(
            Transaction::new_with_last_update(&self.node, position as i64, Some(written.0 / 1000)),
        );
        let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
        let alone = self.commit(vec![Action::Add(file.to_add(true))], properties, operation).await?;
        // This version is taken now: no request of an earlier step can take effect any more.
        self.delete_suspects().await?;
        self.in_doubt = false;
        self.settled = position;
        if alone { Ok(Change::Added(file)) } else { Ok(Change::Replaced(self.files()?)) }
    }

    /// Puts a file, which is written already, in the place of those whose rows it holds (all, or the latest versions); unless one of them does not
    /// belong to the table any more: then the file does not either, and is deleted.
    pub(crate) async fn exchange(
        &mut self,
        inputs: &[Arc<LakeFile>],
        output: LakeFile,
    ) -> Result<Exchange, StoreError> {
        let mut conflicts = 0;
        loop {
            self.refresh().await?;
            let left = self.files()?;
            let known: HashSet<&str> = left.iter().map(|file| file.name.as_str()).collect();
            // By a commit whose answer was lost.
            if known.contains(output.name.as_str()) {
                return Ok(Exchange { left, done: true });
            }
            if !inputs.iter().all(|file| known.contains(file.name.as_str())) {
                self.delete(&output.name).await;
                return Ok(Exchange { left, done: false });
            }
            let moment = now();
            // Who follows the table by its changes must see rows again that have lost their payload, and learn of those that
            // later versions took the place of.
            let loses_payload =
                output.is_without_payload() && !inputs.iter().all(|file| file.is_without_payload());
            let changes = loses_payload || output.rows < inputs.iter().map(|file| file.rows).sum();
            let removed = inputs.iter().map(|file| Action::Remove(file.to_remove(moment, changes)));
            let actions = removed.chain([Action::Add(output.to_add(changes))]).collect();
            self.suspects.push(output.name.clone());
            self.in_doubt = true;
            let operation = if changes {
                DeltaOperation::Update { predicate: None }
            } else {
                DeltaOperation::Optimize { predicate: None, target_size: output.bytes as i64 }
            };
            // On top of what has just been read or not at all: Delta takes a change that adds no data for one that
            // conflicts with no other of its kind, so a request of ours that comes late could put the rows there twice.
            let properties = CommitProperties::default().with_max_retries(0);
            match self.commit(actions, properties, operation).await {
                Ok(_) => {
                    self.delete_suspects().await?;
                    self.in_doubt = false;
                    return Ok(Exchange { left: self.files()?, done: true });
                }
                Err(error) if error.is_conflict() && conflicts < CONFLICTS_MAX => {
                    conflicts += 1;
                    // Still wanted.
                    self.suspects.retain(|name| *name != output.name);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes files out of the table, unless another node has, and tells what is left. They stay on disk.
    pub(crate) async fn remove(&mut self, files: &[Arc<LakeFile>]) -> Result<Vec<LakeFile>, StoreError> {
        let mut conflicts = 0;
        loop {
            // A step before may have added a file; the list given back must tell.
            self.refresh().await?;
            let left = self.files()?;
            let known: HashSet<&str> = left.iter().map(|file| file.name.as_str()).collect();
            let going = files.iter().filter(|file| known.contains(file.name.as_str()));
            let moment = now();
            let actions: Vec<Action> =
                going.map(|file| Action::Remove(file.to_remove(moment, true))).collect();
            if actions.is_empty() {
                return Ok(left);
            }
            self.in_doubt = true;
            let operation = DeltaOperation::Delete { predicate: None };
            match self.commit(actions, CommitProperties::default(), operation).await {
                Ok(_) => {
                    self.in_doubt = false;
                    return self.files();
                }
                Err(error) if error.is_conflict() && conflicts < CONFLICTS_MAX => conflicts += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads what the table has become, if another node changed it or the last step failed, and `None` if not.
    pub(crate) async fn refresh(&mut self) -> Result<Option<Vec<LakeFile>>, StoreError> {
        let wrong = |source| wrong(self.table, source);
        let is_behind = self.is_behind().await?;
        if self.in_doubt {
            self.delta.load().await.map_err(wrong)?;
        } else if is_behind {
            self.in_doubt = true;
            self.delta.update_state().await.map_err(wrong)?;
        } else {
            return Ok(None);
        }
        self.settled = self.remembered_position().await?;
        self.acquit_suspects()?;
        if self.fails_for_good {
            self.delete_suspects().await?;
        }
        self.in_doubt = false;
        Ok(Some(self.files()?))
    }

    /// Whether there is a newer version than that known: one small request, which also finds out whether the lake can be
    /// reached.
    async fn is_behind(&self) -> Result<bool, StoreError> {
        let version = self.delta.snapshot().map_err(|source| wrong(self.table, source))?.version();
        let next = self.folder.clone().join("_delta_log").join(format!("{:020}.json", version + 1));
        match timeout(ANSWER_TIME_MAX, self.store.head(&next)).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(object_store::Error::NotFound { .. })) => Ok(false),
            Ok(Err(error)) => Err(StoreError::LakeAway { why: error.to_string() }),
            Err(_) => Err(StoreError::LakeAway { why: format!("no answer within {ANSWER_TIME_MAX:?}") }),
        }
    }

    /// What has become part of the table after all is suspect no more: when it leaves the table again, questions that
    /// have begun still read it, so it goes as any other file does.
    fn acquit_suspects(&mut self) -> Result<(), StoreError> {
        let mut left = std::mem::take(&mut self.suspects);
        let snapshot = self.delta.snapshot().map_err(|source| wrong(self.table, source))?;
        if !left.is_empty() {
            let known: HashSet<String> =
                snapshot.log_data().iter().map(|file| file.path().to_string()).collect();
            left.retain(|name| !known.contains(name));
        }
        self.suspects = left;
        Ok(())
    }

    /// Deletes files of failed steps that did not become part of the table.
    async fn delete_suspects(&mut self) -> Result<(), StoreError> {
        for name in std::mem::take(&mut self.suspects) {
            if !self.holds(&name)? {
                self.delete(&name).await;
            }
        }
        Ok(())
    }

    /// Whether the file is part of the newest version known.
    pub(crate) fn holds(&self, name: &str) -> Result<bool, StoreError> {
        let snapshot = self.delta.snapshot().map_err(|source| wrong(self.table, source))?;
        Ok(snapshot.log_data().iter().any(|file| file.path() == name))
    }

    /// Files that this node wrote and that belong to no version any more, with their size. Also those of which
    /// only the filter is left: another program may have removed the file.
    pub(crate) async fn strays(&self) -> Result<HashMap<String, u64>, StoreError> {
        let files = self.files()?;
        let known: HashSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
        let listed = self.store.list_with_delimiter(Some(&self.folder)).await?.objects;
        let filters =
            self.store.list_with_delimiter(Some(&self.folder.clone().join(keys::FOLDER))).await?.objects;
        let mut strays = HashMap::new();
        for object in listed.iter().chain(&filters) {
            let Some(name) = object.location.filename() else { continue };
            let name = keys::file_of(name).unwrap_or(name);
            let is_own = written_by(name).is_some_and(|(node, _)| node == self.node);
            if is_own && !known.contains(name) {
                *strays.entry(name.to_owned()).or_default() += object.size;
            }
        }
        Ok(strays)
    }

    /// Removes a file that belongs to no version.
    pub(crate) async fn delete(&self, name: &str) {
        if let Err(error) = delete_file(self.store.as_ref(), &self.folder, name).await {
            tracing::warn!(table = self.table.name, file = name, %error, "cannot delete a file");
        }
    }

    /// Whether this was the only commit since the version known before.
    async fn commit(
        &mut self,
        actions: Vec<Action>,
        properties: CommitProperties,
        operation: DeltaOperation,
    ) -> Result<bool, StoreError> {
        let wrong = |source| wrong(self.table, source);
        let snapshot = self.delta.snapshot().map_err(wrong)?;
        let before = snapshot.version();
        let interval: u64 = CHECKPOINT_INTERVAL.parse().expect("the interval is a number");
        // Old commits are looked for when a checkpoint has just made some superfluous, not at every commit.
        let properties = properties.with_cleanup_expired_logs(Some((before + 2).is_multiple_of(interval)));
        let done = CommitBuilder::from(properties)
            .with_actions(actions)
            .build(Some(snapshot), self.delta.log_store(), operation)
            .await
            .map_err(wrong)?;
        let alone = done.version() == before + 1;
        self.delta.state = Some(done.snapshot);
        Ok(alone)
    }

    async fn remembered_position(&self) -> Result<u64, StoreError> {
        settled_by(&self.delta, &self.node).await.map_err(|source| wrong(self.table, source))
    }

    /// A newer program may know more columns than the lake: they are added, older rows have none of them.
    async fn add_missing_columns(&mut self) -> Result<(), StoreError> {
        let wrong = |source| wrong(self.table, source);
        let snapshot = self.delta.snapshot().map_err(wrong)?;
        let known = snapshot.schema();
        let mut added = Vec::new();
        for wanted in delta_columns(self.table) {
            match known.field(wanted.name()) {
                None => added.push(wanted),
                Some(column) if column.data_type() == wanted.data_type() => {}
                Some(column) => {
                    return Err(wrong(DeltaTableError::Generic(format!(
                        "column {} is {} there and {} here",
                        wanted.name(),
                        column.data_type(),
                        wanted.data_type()
                    ))));
                }
            }
        }
        if added.is_empty() {
            return Ok(());
        }
        let schema = StructType::try_new(known.fields().cloned().chain(added.iter().cloned()))
            .map_err(|source| wrong(source.into()))?;
        let metadata =
            snapshot.metadata().clone().with_schema(&schema).map_err(|source| wrong(source.into()))?;
        let operation = DeltaOperation::AddColumn { fields: added };
        self.commit(vec![Action::Metadata(metadata)], CommitProperties::default(), operation).await?;
        tracing::info!(table = self.table.name, "added new columns to the lake");
        Ok(())
    }
}

/// The last block that a node has settled in a table.
pub(crate) async fn settled_by(delta: &DeltaTable, node: &str) -> Result<u64, DeltaTableError> {
    let position = delta.snapshot()?.transaction_version(delta.log_store().as_ref(), node).await?;
    Ok(position.and_then(|position| u64::try_from(position).ok()).unwrap_or(0))
}

/// Removes a file of a table's folder, its filter first: what cannot be removed now is found again by the file that
/// is left.
pub(crate) async fn delete_file(
    store: &dyn ObjectStore,
    folder: &Path,
    name: &str,
) -> object_store::Result<()> {
    for path in [keys::path(folder, name), folder.clone().join(name)] {
        match store.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The files of a version.
pub(crate) fn files_of(snapshot: &DeltaTableState) -> Vec<LakeFile> {
    #[expect(deprecated, reason = "nothing else gives the tags")]
    snapshot.log_data().iter().map(|file| LakeFile::from_add(file.add_action())).collect()
}

fn wrong(table: &'static Table, source: DeltaTableError) -> StoreError {
    StoreError::Lake { table: table.name, source: Box::new(source) }
}
