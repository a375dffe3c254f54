//! An object store that fails when told to: before it does anything, or after it has done everything.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

#[derive(Clone, Debug)]
pub(crate) struct Faulty {
    inner: Arc<dyn ObjectStore>,
    plan: Arc<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    /// Writes until the first that fails; negative: none fails.
    left: AtomicI64,
    how: Mutex<Option<Fault>>,
    /// Only one fails.
    is_once: AtomicBool,
    log: Mutex<Vec<String>>,
    /// Requests under way.
    late: Mutex<Vec<(Path, PutPayload, PutOptions)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing was written.
    Before,
    /// Everything was written, and the answer was lost.
    After,
    /// Everything was written, the answer was lost, and the client tried once more by itself.
    Retried,
    /// Nothing was written yet: see [`Faulty::deliver`].
    Late,
    /// Nothing was written, and the writer comes apart.
    Panic,
}

impl Faulty {
    /// In front of the local disk.
    pub(crate) fn new() -> Self {
        Self::of(LocalFileSystem::new())
    }

    /// In front of a bucket.
    pub(crate) fn bucket() -> Self {
        Self::of(InMemory::new())
    }

    fn of(inner: impl ObjectStore) -> Self {
        let faulty = Self { inner: Arc::new(inner), plan: Arc::default() };
        faulty.heal();
        faulty
    }

    /// Lets requests that were without an answer take effect, where they still can.
    pub(crate) async fn deliver(&self) {
        let late = std::mem::take(&mut *self.plan.late.lock().expect("no panic while it is held"));
        for (path, payload, options) in late {
            let _ = self.inner.put_opts(&path, payload, options).await;
        }
    }

    /// The write after `writes` more, and all after it, fail.
    pub(crate) fn fail_after(&self, writes: i64, how: Fault) {
        *self.plan.how.lock().expect("no panic while it is held") = Some(how);
        self.plan.left.store(writes, Ordering::SeqCst);
    }

    /// The next write fails, and no other.
    pub(crate) fn fail_next(&self, how: Fault) {
        self.plan.is_once.store(true, Ordering::SeqCst);
        self.fail_after(0, how);
    }

    pub(crate) fn heal(&self) {
        self.plan.left.store(-1, Ordering::SeqCst);
    }

    /// Paths written so far, failed ones included.
    pub(crate) fn written(&self) -> Vec<String> {
        self.plan.log.lock().expect("no test panics here").clone()
    }

    fn fault(&self, path: &Path) -> Option<Fault> {
        self.plan.log.lock().expect("no test panics here").push(path.to_string());
        let left = self.plan.left.load(Ordering::SeqCst);
        if left > 0 {
            self.plan.left.store(left - 1, Ordering::SeqCst);
        }
        if left == 0 && self.plan.is_once.swap(false, Ordering::SeqCst) {
            self.heal();
        }
        if left == 0 { *self.plan.how.lock().expect("no panic while it is held") } else { None }
    }
}

fn full() -> Error {
    Error::Generic { store: "faulty", source: std::io::Error::from(std::io::ErrorKind::StorageFull).into() }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        match self.fault(location) {
            None => self.inner.put_opts(location, payload, options).await,
            Some(Fault::Before) => Err(full()),
            Some(Fault::Panic) => panic!("as the test wants it"),
            Some(Fault::Late) => {
                let mut late = self.plan.late.lock().expect("no panic while it is held");
                late.push((location.clone(), payload, options));
                Err(full())
            }
            Some(Fault::Retried) => {
                self.inner.put_opts(location, payload.clone(), options.clone()).await?;
                self.inner.put_opts(location, payload, options).await
            }
            Some(Fault::After) => {
                self.inner.put_opts(location, payload, options).await?;
                Err(full())
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        match self.fault(location) {
            None => self.inner.put_multipart_opts(location, options).await,
            Some(_) => Err(full()),
        }
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

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
