//! A bucket that fails by chance: before or after it has done what was asked, too late, or in the middle of an answer.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

/// Handle on the bucket; clones share it.
#[derive(Clone, Debug)]
pub(super) struct ChanceLake(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    inner: InMemory,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: fastrand::Rng,
    /// Of a hundred requests so many fail.
    failing: u32,
    /// Requests until none reaches the bucket any more: the program is dead, and does not know it.
    until_death: Option<u32>,
    /// Requests under way whose sender has given up.
    late: Vec<(Path, PutPayload, PutOptions)>,
}

/// What becomes of a request.
enum Fate {
    Served,
    /// Nothing happens.
    Refused,
    /// It is done, and the answer is lost.
    Unanswered,
    /// It is done later, or never.
    Late,
}

impl ChanceLake {
    pub(super) fn new(seed: u64) -> Self {
        let state =
            State { random: fastrand::Rng::with_seed(seed), failing: 0, until_death: None, late: Vec::new() };
        Self(Arc::new(Shared { inner: InMemory::new(), state: Mutex::new(state) }))
    }

    pub(super) fn fail(&self, percent: u32) {
        self.state().failing = percent;
    }

    pub(super) fn die_after(&self, requests: u32) {
        self.state().until_death = Some(requests);
    }

    /// All requests are served, but those under way stay so.
    pub(super) fn heal(&self) {
        let mut state = self.state();
        state.failing = 0;
        state.until_death = None;
    }

    /// As [`ChanceLake::heal`], for a while; gives what was to fail.
    pub(super) fn pause(&self) -> (u32, Option<u32>) {
        let mut state = self.state();
        (std::mem::take(&mut state.failing), state.until_death.take())
    }

    pub(super) fn resume(&self, (failing, until_death): (u32, Option<u32>)) {
        let mut state = self.state();
        (state.failing, state.until_death) = (failing, until_death);
    }

    /// Requests under way take effect, as far as they still can.
    pub(super) async fn deliver(&self) {
        let late = std::mem::take(&mut self.state().late);
        for (path, payload, options) in late {
            let _ = self.0.inner.put_opts(&path, payload, options).await;
        }
    }

    fn fate(&self) -> Fate {
        let mut state = self.state();
        match state.until_death {
            Some(0) => return Fate::Refused,
            Some(left) => state.until_death = Some(left - 1),
            None => {}
        }
        if state.random.u32(..100) >= state.failing {
            return Fate::Served;
        }
        match state.random.u32(..5) {
            0 | 1 => Fate::Refused,
            2 | 3 => Fate::Unanswered,
            _ => Fate::Late,
        }
    }

    /// For what changes nothing.
    fn serves(&self) -> Result<()> {
        if matches!(self.fate(), Fate::Served) { Ok(()) } else { Err(failed()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("no panic while it is held")
    }
}

fn failed() -> Error {
    Error::Generic { store: "chance", source: std::io::Error::from(std::io::ErrorKind::StorageFull).into() }
}

impl fmt::Display for ChanceLake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("chance")
    }
}

#[async_trait]
impl ObjectStore for ChanceLake {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        match self.fate() {
            Fate::Served => self.0.inner.put_opts(location, payload, options).await,
            Fate::Refused => Err(failed()),
            Fate::Unanswered => {
                self.0.inner.put_opts(location, payload, options).await?;
                Err(failed())
            }
            Fate::Late => {
                self.state().late.push((location.clone(), payload, options));
                Err(failed())
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.serves()?;
        let inner = self.0.inner.put_multipart_opts(location, options).await?;
        Ok(Box::new(ChanceUpload { inner, lake: self.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        match self.fate() {
            Fate::Served => self.0.inner.get_opts(location, options).await,
            Fate::Refused => Err(failed()),
            Fate::Unanswered | Fate::Late => {
                let found = self.0.inner.get_opts(location, options).await?;
                let GetResultPayload::Stream(whole) = found.payload else { return Err(failed()) };
                // The connection breaks in the middle.
                let half = whole.map_ok(|bytes| bytes.slice(..bytes.len() / 2));
                let payload = GetResultPayload::Stream(half.chain(stream::iter([Err(failed())])).boxed());
                Ok(GetResult { payload, ..found })
            }
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.serves()?;
        self.0.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.fate() {
            Fate::Served => self.0.inner.delete_stream(locations),
            Fate::Unanswered => {
                let done = self.0.inner.delete_stream(locations);
                done.and_then(|_| futures::future::ready(Err(failed()))).boxed()
            }
            Fate::Refused | Fate::Late => locations.map(|_| Err(failed())).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.serves() {
            Ok(()) => self.0.inner.list(prefix),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.serves() {
            Ok(()) => self.0.inner.list_with_offset(prefix, offset),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.serves()?;
        self.0.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.serves()?;
        self.0.inner.copy_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct ChanceUpload {
    inner: Box<dyn MultipartUpload>,
    lake: ChanceLake,
}

#[async_trait]
impl MultipartUpload for ChanceUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        match self.lake.serves() {
            Ok(()) => self.inner.put_part(data),
            Err(error) => Box::pin(futures::future::ready(Err(error))),
        }
    }

    async fn complete(&mut self) -> Result<PutResult> {
        match self.lake.fate() {
            Fate::Served => self.inner.complete().await,
            Fate::Refused | Fate::Late => Err(failed()),
            Fate::Unanswered => {
                self.inner.complete().await?;
                Err(failed())
            }
        }
    }

    async fn abort(&mut self) -> Result<()> {
        self.lake.serves()?;
        self.inner.abort().await
    }
}
