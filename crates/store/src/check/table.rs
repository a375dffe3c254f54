//! A table of the lake: does its newest version consist of files that are there and whole, and is nothing else there?

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use deltalake::kernel::Action;
use deltalake::kernel::engine::arrow_conversion::TryIntoArrow as _;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::protocol::DeltaOperation;
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use futures::{StreamExt as _, stream};
use model::Micros;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};

use super::file::Look;
use super::report::{Breakage, Finding, Problem, State, TableSummary};
use super::{Check, Progress};
use crate::StoreError;
use crate::lake::{LakeFile, Place, delete_file, files_of, keys, settled_by, staged, written_by};
use crate::view::Range;

pub(super) struct CheckedTable {
    name: String,
    delta: DeltaTable,
    store: Arc<dyn ObjectStore>,
    folder: Path,
    /// Who has the data folder, if that is known.
    node: Option<String>,
    /// Whether other nodes may write here at this moment.
    is_shared: bool,
    /// Staging files of this node.
    staged: Vec<PathBuf>,
    /// As the table says they are.
    schema: SchemaRef,
    pub(super) files: Vec<LakeFile>,
    /// The last block that this node has settled here.
    pub(super) position: u64,
}

/// A file, a filter or both that no version names.
#[derive(Default)]
struct Orphan {
    bytes: u64,
    filter_bytes: u64,
    modified: Micros,
}

/// A disk or a bucket answers about as many small reads at once.
const LOOKED_AT_ONCE: usize = 32;

/// Where files go that are taken out of a table because they cannot be read. Names that begin with `_` are no business
/// of Delta.
const BROKEN: &str = "_broken";

impl CheckedTable {
    /// The newest version; `None` if there is no Delta table. Nothing is made.
    pub(super) async fn open(
        place: &Place,
        name: &str,
        node: Option<&str>,
    ) -> Result<Option<Self>, DeltaTableError> {
        let generic = |error: StoreError| DeltaTableError::Generic(error.to_string());
        let url = place.url(name).map_err(generic)?;
        let folder = place.table(name);
        let mut delta = DeltaTableBuilder::from_url(url.clone())?
            .with_storage_backend(Arc::clone(&place.store), url)
            .build()?;
        if !delta.verify_deltatable_existence().await? {
            return Ok(None);
        }
        delta.load().await?;
        let snapshot = delta.snapshot()?;
        let schema: Schema = snapshot.schema().as_ref().try_into_arrow()?;
        let position = match node {
            Some(node) => settled_by(&delta, node).await?,
            None => 0,
        };
        let mut files = files_of(snapshot);
        // Each node's in the order they were written.
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Some(Self {
            name: name.to_owned(),
            files,
            schema: Arc::new(schema),
            position,
            delta,
            store: Arc::clone(&place.store),
            folder,
            node: node.map(str::to_owned),
            is_shared: place.is_shared,
            staged: node.map_or_else(Vec::new, |node| staged(place, name, node)),
        }))
    }

    pub(super) fn summary(&self) -> TableSummary {
        TableSummary {
            name: self.name.clone(),
            files: self.files.len() as u64,
            rows: self.files.iter().map(|file| file.rows).sum(),
            bytes: self.files.iter().map(|file| file.bytes).sum(),
        }
    }

    /// `log_first` is the first block that the log has.
    pub(super) async fn check(
        &self,
        check: &Check<'_>,
        log_first: Option<u64>,
    ) -> Result<Vec<Finding>, StoreError> {
        let mut findings = self.files(check).await;
        if !check.derived.iter().any(|table| table.name == self.name) {
            findings.extend(self.rows_twice());
        }
        findings.extend(self.orphans(log_first).await?);
        findings.extend(self.staged.iter().filter_map(|path| {
            // A lake elsewhere has its whole name.
            let below = path.strip_prefix(check.path).unwrap_or(path);
            Some(Finding {
                place: below.to_str()?.to_owned(),
                problem: Problem::Staged,
                state: State::Left,
                file: String::new(),
            })
        }));
        Ok(findings)
    }

    async fn files(&self, check: &Check<'_>) -> Vec<Finding> {
        let at_once = if check.options.deep { check.read_at_once } else { LOOKED_AT_ONCE };
        let looks: Vec<Look> = self
            .files
            .iter()
            .map(|file| Look {
                store: Arc::clone(&self.store),
                path: self.path(&file.name),
                filter: keys::path(&self.folder, &file.name),
                file: file.clone(),
                schema: Arc::clone(&self.schema),
                deep: check.options.deep,
            })
            .collect();
        let looked: Vec<Vec<Problem>> = stream::iter(looks)
            .map(|look| look_at(look, check.progress.clone()))
            .buffered(at_once)
            .collect()
            .await;
        self.files
            .iter()
            .zip(looked)
            .flat_map(|(file, problems)| problems.into_iter().map(|problem| self.found(&file.name, problem)))
            .collect()
    }

    /// Ids are unique and grow, and each file holds those of its own stretch of time.
    fn rows_twice(&self) -> Vec<Finding> {
        // Each node counts for itself.
        let node = |name: &str| name.split('-').next().unwrap_or_default().to_owned();
        let mut files: Vec<_> =
            self.files.iter().filter_map(|file| Some((node(&file.name), file.ranges?.id, file))).collect();
        files.sort_by(|a, b| (&a.0, a.1.min).cmp(&(&b.0, b.1.min)));
        let mut findings = Vec::new();
        let mut before: Option<&(String, Range, &LakeFile)> = None;
        for this in &files {
            match before {
                Some(other) if other.0 == this.0 && other.1.max >= this.1.min => {
                    let problem = Problem::RowsTwice { other: other.2.name.clone() };
                    findings.push(self.found(&this.2.name, problem));
                    // The one that reaches further is compared with the next.
                    if this.1.max > other.1.max {
                        before = Some(this);
                    }
                }
                _ => before = Some(this),
            }
        }
        findings
    }

    /// Files and filters that belong to nothing.
    async fn orphans(&self, log_first: Option<u64>) -> Result<Vec<Finding>, StoreError> {
        let known: HashSet<&str> = self.files.iter().map(|file| file.name.as_str()).collect();
        let files = self.store.list_with_delimiter(Some(&self.folder)).await?.objects;
        let filters =
            self.store.list_with_delimiter(Some(&self.folder.clone().join(keys::FOLDER))).await?.objects;
        let mut orphans: BTreeMap<String, Orphan> = BTreeMap::new();
        for object in files.iter().chain(&filters) {
            let Some(name) = object.location.filename() else { continue };
            let file = keys::file_of(name);
            let is_filter = file.is_some();
            let name = file.unwrap_or(name);
            // What another node has written and not committed, it may still commit.
            let is_foreign = self.is_shared
                && written_by(name).is_some_and(|(node, _)| self.node.as_deref() != Some(node));
            if !name.ends_with(".parquet") || known.contains(name) || is_foreign {
                continue;
            }
            let orphan = orphans.entry(name.to_owned()).or_default();
            let modified = Micros(object.last_modified.timestamp_micros());
            orphan.modified = orphan.modified.max(modified);
            *if is_filter { &mut orphan.filter_bytes } else { &mut orphan.bytes } += object.size;
        }
        let mut findings = Vec::new();
        for (name, orphan) in orphans {
            let problem = self.orphaned(&name, &orphan, log_first).await?;
            findings.push(self.found(&name, problem));
        }
        Ok(findings)
    }

    /// Whether the rows of a file of no version are elsewhere. They are if the table has settled the blocks they came
    /// in: then the file was merged or has been too old; or if these blocks are in the log.
    async fn orphaned(
        &self,
        name: &str,
        orphan: &Orphan,
        log_first: Option<u64>,
    ) -> Result<Problem, StoreError> {
        let bytes = orphan.bytes + orphan.filter_bytes;
        let Some((node, last)) = written_by(name) else { return Ok(Problem::Foreign { bytes }) };
        let removable = Problem::Orphan { bytes, modified: orphan.modified };
        if orphan.bytes == 0
            || last <= settled_by(&self.delta, node).await.map_err(|error| internal(&error))?
        {
            return Ok(removable);
        }
        let first = super::file::first_block(&self.store, self.path(name), orphan.bytes).await;
        let is_logged = first.zip(log_first).is_some_and(|(first, log_first)| first >= log_first);
        Ok(if is_logged { removable } else { Problem::CommitMissing { last } })
    }

    pub(super) async fn rebuild_filter(&self, name: &str) -> Result<(), StoreError> {
        let file = self
            .files
            .iter()
            .find(|file| file.name == name)
            .ok_or_else(|| StoreError::Internal(format!("{name} is not in the table")))?;
        let filter = super::file::filter_of(&self.store, self.path(name), file)
            .await
            .and_then(|filter| filter.to_bytes())
            .map_err(|error| StoreError::Internal(error.to_string()))?;
        self.store.put(&keys::path(&self.folder, name), PutPayload::from(filter)).await?;
        Ok(())
    }

    /// Removes what belongs to no version.
    pub(super) async fn remove(&self, name: &str) -> Result<(), StoreError> {
        Ok(delete_file(self.store.as_ref(), &self.folder, name).await?)
    }

    /// Takes a file out of the table by a commit, and keeps its bytes beside the others.
    pub(super) async fn give_up(&mut self, name: &str, now: Micros) -> Result<(), StoreError> {
        let Some(place) = self.files.iter().position(|file| file.name == name) else { return Ok(()) };
        let snapshot = self.delta.snapshot().map_err(|error| internal(&error))?;
        let done = CommitBuilder::from(CommitProperties::default())
            .with_actions(vec![Action::Remove(self.files[place].to_remove(now, true))])
            .build(Some(snapshot), self.delta.log_store(), DeltaOperation::Delete { predicate: None })
            .await
            .map_err(|error| internal(&error))?;
        self.delta.state = Some(done.snapshot);
        self.files.remove(place);
        let aside = self.folder.clone().join(BROKEN).join(name);
        match self.store.rename(&self.path(name), &aside).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        self.remove(name).await
    }

    fn path(&self, name: &str) -> Path {
        self.folder.clone().join(name)
    }

    fn found(&self, file: &str, problem: Problem) -> Finding {
        let place = match problem {
            Problem::FilterMissing | Problem::FilterDamaged | Problem::FilterHides { .. } => {
                format!("lake/{}/{}/{file}.bloom", self.name, keys::FOLDER)
            }
            _ => format!("lake/{}/{file}", self.name),
        };
        Finding { place, problem, state: State::Left, file: file.to_owned() }
    }
}

fn internal(error: &DeltaTableError) -> StoreError {
    StoreError::Internal(error.to_string())
}

/// As a task of its own: rows are read on all cores, and the reader may panic over a damaged file.
async fn look_at(look: Look, progress: Progress) -> Vec<Problem> {
    let (bytes, rows, ranges) = (look.file.bytes, look.file.rows, look.file.ranges);
    let problems = tokio::spawn(look.problems()).await.unwrap_or_else(|_| {
        let how = Breakage::Damaged("the reader gave up".to_owned());
        vec![Problem::broken(how, rows, ranges)]
    });
    progress.advance(bytes);
    problems
}
