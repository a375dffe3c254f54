//! An object store that fails when told to: before it does anything, or after it has done everything.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

#[derive(Clone, Debug, Default)]
pub(crate) struct Faulty {
    inner: Arc<LocalFileSystem>,
    plan: Arc<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    /// Writes until the first that fails; negative: none fails.
    left: AtomicI64,
    how: Mutex<Option<Fault>>,
    log: Mutex<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing was written.
    Before,
    /// Everything was written, and the answer was lost.
    After,
    /// Nothing was written, and the writer comes apart.
    Panic,
}

impl Faulty {
    pub(crate) fn new() -> Self {
        let faulty = Self::default();
        faulty.heal();
        faulty
    }

    /// The write after `writes` more, and all after it, fail.
    pub(crate) fn fail_after(&self, writes: i64, how: Fault) {
        *self.plan.how.lock().expect("no panic while it is held") = Some(how);
        self.plan.left.store(writes, Ordering::SeqCst);
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
