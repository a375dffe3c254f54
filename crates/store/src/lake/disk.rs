//! The local disk as an object store that keeps its word: what was put is there after a power cut, whole.
//!
//! `object_store`'s own local store never syncs. A Delta commit would then be a name without content after a power
//! cut, which makes the whole table unreadable, while the log that could bring the rows back is already deleted.
//! So every file is written under a staging name, synced, and moved to its name, and the folder is synced too.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
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
    /// Begins the ends of our staging names.
    mark: Arc<str>,
}

impl DurableDisk {
    /// `node` is who writes.
    pub(crate) fn new(node: &str) -> Self {
        Self { inner: Arc::new(LocalFileSystem::new()), mark: mark(node).into() }
    }

    async fn put_durably(&self, location: &Path, chunks: Vec<Bytes>, create: bool) -> Result<PutResult> {
        let target = self.inner.path_to_filesystem(location)?;
        let named = location.to_string();
        let staging = self.staging_name(&target);
        let written = tokio::task::spawn_blocking(move || write_durably(&target, &staging, &chunks, create))
            .await
            .map_err(|source| Error::JoinError { source })?;
        match written {
            Ok(()) => Ok(PutResult { e_tag: None, version: None }),
            Err(source) if create && source.kind() == io::ErrorKind::AlreadyExists => {
                Err(Error::AlreadyExists { path: named, source: source.into() })
            }
            Err(source) => Err(generic(source)),
        }
    }

    fn staging_name(&self, target: &FsPath) -> PathBuf {
        let mut name = target.as_os_str().to_owned();
        name.push(format!("#{}{}", self.mark, STAGED.fetch_add(1, Ordering::Relaxed)));
        PathBuf::from(name)
    }
}

const STORE_NAME: &str = "disk";

/// A `#` followed by digits marks a staging file: `LocalFileSystem` never lists those.
static STAGED: AtomicU64 = AtomicU64::new(0);

/// The node's id in digits, always as many: several nodes may write into one folder, and the same file at once.
fn mark(node: &str) -> String {
    format!("{:020}", u64::from_str_radix(node, 16).unwrap_or_default())
}

/// Whether a file name is that of a staging file of this node, left behind by a crash.
pub(crate) fn is_staged_by(node: &str, name: &str) -> bool {
    name.rsplit_once('#')
        .and_then(|(_, digits)| digits.strip_prefix(&mark(node)))
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn write_durably(target: &FsPath, staging: &FsPath, chunks: &[Bytes], create: bool) -> io::Result<()> {
    let folder = target.parent().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
    fs::create_dir_all(folder)?;
    let outcome = stage(staging, chunks).and_then(|()| {
        if create {
            // A hard link fails if the name is taken; a rename would replace it.
            fs::hard_link(staging, target)?;
            fs::remove_file(staging)
        } else {
            fs::rename(staging, target)
        }
    });
    if outcome.is_err() {
        // Best effort: what stays is removed at the next start.
        let _ = fs::remove_file(staging);
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
        let target = self.inner.path_to_filesystem(location)?;
        let staging = self.staging_name(&target);
        Ok(Box::new(blocking(move || Upload::begin(target, staging)).await?))
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

/// A file that comes in parts, each written where it belongs at once: it may be larger than memory should hold.
#[derive(Debug)]
struct Upload {
    target: PathBuf,
    staging: Option<Staging>,
    bytes: u64,
}

/// Removed unless it was moved to its name.
#[derive(Debug)]
struct Staging {
    path: PathBuf,
    file: Arc<File>,
}

impl Upload {
    fn begin(target: PathBuf, staging: PathBuf) -> io::Result<Self> {
        let folder = target.parent().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
        fs::create_dir_all(folder)?;
        let file = Arc::new(File::create(&staging)?);
        Ok(Self { target, staging: Some(Staging { path: staging, file }), bytes: 0 })
    }

    fn finish(staging: &Staging, target: &FsPath) -> io::Result<()> {
        staging.file.sync_all()?;
        fs::rename(&staging.path, target)?;
        let folder = target.parent().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
        File::open(folder)?.sync_all()
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Best effort, and nothing to do once it was moved: what stays is removed at the next start.
        let _ = fs::remove_file(&self.path);
    }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let mut place = self.bytes;
        self.bytes += data.content_length() as u64;
        let Some(file) = self.staging.as_ref().map(|staging| Arc::clone(&staging.file)) else {
            return Box::pin(futures::future::ready(Err(ended())));
        };
        Box::pin(blocking(move || {
            for chunk in &data {
                file.write_all_at(chunk, place)?;
                place += chunk.len() as u64;
            }
            Ok(())
        }))
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let staging = self.staging.take().ok_or_else(ended)?;
        let target = self.target.clone();
        blocking(move || Self::finish(&staging, &target)).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn abort(&mut self) -> Result<()> {
        self.staging = None;
        Ok(())
    }
}

fn ended() -> Error {
    generic(io::Error::other("the upload has ended"))
}

fn generic(source: io::Error) -> Error {
    Error::Generic { store: STORE_NAME, source: source.into() }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|source| Error::JoinError { source })?;
    done.map_err(generic)
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
        let disk = DurableDisk::new("00000000000000ff");
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

    #[tokio::test]
    async fn parts_become_one_file_that_is_seen_when_it_is_whole() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = Path::from_absolute_path(folder.path().join("large")).expect("an absolute path");
        let disk = DurableDisk::new("00000000000000ff");
        let listed = || fs::read_dir(folder.path()).expect("folder").count();
        let mut upload = disk.put_multipart(&path).await.expect("begun");
        let (one, two) = (upload.put_part("one ".into()), upload.put_part("two".into()));
        // Each knows its place, whichever is written first.
        two.await.expect("written");
        one.await.expect("written");
        assert!(matches!(disk.get(&path).await, Err(Error::NotFound { .. })));
        upload.complete().await.expect("completed");
        let read = disk.get(&path).await.expect("get").bytes().await.expect("bytes");
        assert_eq!((&read[..], listed()), (&b"one two"[..], 1));
        let mut upload = disk.put_multipart(&path).await.expect("begun");
        upload.put_part("x".into()).await.expect("written");
        upload.abort().await.expect("aborted");
        assert_eq!(listed(), 1, "what was begun is gone");
    }

    #[test]
    fn knows_its_own_staging_files() {
        let (ours, theirs) = ("00000000000000ff", "ffffffffffffffff");
        let name = DurableDisk::new(ours).staging_name(FsPath::new("/lake/00000000000000000001.json"));
        let name = name.to_str().expect("a plain name");
        assert!(is_staged_by(ours, name), "{name}");
        assert!(!is_staged_by(theirs, name), "{name}");
        assert!(!is_staged_by(ours, "00000000000000000001.json"));
        assert!(!is_staged_by(ours, "x#"));
    }
}
