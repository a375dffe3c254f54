//! The local disk as an object store that keeps its word: what was put is there after a power cut, whole.
//!
//! `object_store`'s own local store never syncs. A Delta commit would then be a name without content after a power
//! cut, which makes the whole table unreadable, while the log that could bring the rows back is already deleted.
//! So every file is written under a staging name, synced, and moved to its name, and the folder is synced too.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};

/// Everything below the root of the file system.
#[derive(Clone, Debug)]
pub(crate) struct DurableDisk {
    inner: Arc<LocalFileSystem>,
}

impl DurableDisk {
    pub(crate) fn new() -> Self {
        Self { inner: Arc::new(LocalFileSystem::new()) }
    }

    async fn put_durably(&self, location: &Path, chunks: Vec<Bytes>, create: bool) -> Result<PutResult> {
        let target = self.inner.path_to_filesystem(location)?;
        let named = location.to_string();
        let written = tokio::task::spawn_blocking(move || write_durably(&target, &chunks, create))
            .await
            .map_err(|source| Error::JoinError { source })?;
        match written {
            Ok(()) => Ok(PutResult { e_tag: None, version: None }),
            Err(source) if create && source.kind() == io::ErrorKind::AlreadyExists => {
                Err(Error::AlreadyExists { path: named, source: source.into() })
            }
            Err(source) => Err(Error::Generic { store: STORE_NAME, source: source.into() }),
        }
    }
}

const STORE_NAME: &str = "disk";

/// A `#` followed by digits marks a staging file: `LocalFileSystem` never lists those.
static STAGED: AtomicU64 = AtomicU64::new(0);

/// Whether a file name is that of a staging file, left behind by a crash.
pub(crate) fn is_staged(name: &str) -> bool {
    name.rsplit_once('#')
        .is_some_and(|(_, digits)| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

fn write_durably(target: &FsPath, chunks: &[Bytes], create: bool) -> io::Result<()> {
    let folder = target.parent().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
    fs::create_dir_all(folder)?;
    let staging = staging_name(target);
    let outcome = stage(&staging, chunks).and_then(|()| {
        if create {
            // A hard link fails if the name is taken; a rename would replace it.
            fs::hard_link(&staging, target)?;
            fs::remove_file(&staging)
        } else {
            fs::rename(&staging, target)
        }
    });
    if outcome.is_err() {
        // Best effort: what stays is removed at the next start.
        let _ = fs::remove_file(&staging);
    }
    outcome?;
    File::open(folder)?.sync_all()
}

fn stage(staging: &FsPath, chunks: &[Bytes]) -> io::Result<()> {
    let mut file = File::create(staging)?;
    for chunk in chunks {
        file.write_all(chunk)?;
    }
    file.sync_all()
}

fn staging_name(target: &FsPath) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(format!("#{}", STAGED.fetch_add(1, Ordering::Relaxed)));
    PathBuf::from(name)
}

impl fmt::Display for DurableDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STORE_NAME)
    }
}

#[async_trait]
impl ObjectStore for DurableDisk {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        match options.mode {
            PutMode::Create => self.put_durably(location, payload.into_iter().collect(), true).await,
            PutMode::Overwrite => self.put_durably(location, payload.into_iter().collect(), false).await,
            PutMode::Update(_) => self.inner.put_opts(location, payload, options).await,
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(Upload { disk: self.clone(), location: location.clone(), parts: Vec::new() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await
    }
}

/// Parts are kept until the end: only checkpoints of the Delta log come this way, a few megabytes at most.
#[derive(Debug)]
struct Upload {
    disk: DurableDisk,
    location: Path,
    parts: Vec<Bytes>,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.parts.extend(data);
        Box::pin(futures::future::ready(Ok(())))
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.disk.put_durably(&self.location, std::mem::take(&mut self.parts), false).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.parts.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt as _;

    use super::*;

    #[tokio::test]
    async fn puts_whole_files_and_never_replaces_a_commit() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path =
            Path::from_absolute_path(folder.path().join("a").join("1.json")).expect("an absolute path");
        let disk = DurableDisk::new();
        let create = PutOptions { mode: PutMode::Create, ..Default::default() };
        disk.put_opts(&path, "one".into(), create.clone()).await.expect("first put");
        let second = disk.put_opts(&path, "two".into(), create).await;
        assert!(matches!(second, Err(Error::AlreadyExists { .. })), "{second:?}");
        let read = disk.get(&path).await.expect("get").bytes().await.expect("bytes");
        assert_eq!(&read[..], b"one");
        disk.put(&path, "three".into()).await.expect("overwrite");
        let names: Vec<_> = fs::read_dir(folder.path().join("a")).expect("folder").collect();
        assert_eq!(names.len(), 1, "staging files are gone: {names:?}");
    }

    #[test]
    fn knows_staging_files() {
        assert!(is_staged("00000000000000000001.json#17"));
        assert!(!is_staged("00000000000000000001.json"));
        assert!(!is_staged("x#"));
    }
}
