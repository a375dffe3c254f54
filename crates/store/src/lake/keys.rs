//! Which calls may a file hold? A small filter beside each file answers without opening it, so that finding a call
//! does not need to know when it was.
//!
//! A filter is a split block Bloom filter (Parquet format, "Bloom Filter") over the values of `call_id` and
//! `correlation_id`, about ten bits each, followed by its CRC-32: a damaged filter would hide calls. It is kept in
//! the table's folder `_keys` under the file's name and `.bloom`; names that begin with `_` are no business of Delta.
//! A file whose filter is missing or damaged is read.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, AsArray, RecordBatch};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;

use crate::view::HotBatch;

/// The columns whose values are in the filter: what joins records to a call.
pub(crate) const KEY_COLUMNS: [&str; 2] = ["call_id", "correlation_id"];

/// Of a hundred files without a call, one is opened in vain.
const FALSE_POSITIVES: f64 = 0.01;

/// Memory for filters, of all files together: those of half a billion messages. What does not fit is read again for
/// each question.
const KEPT_BYTES_MAX: usize = 128 << 20;

#[derive(Debug)]
pub(crate) struct KeyFilter(Sbbf);

/// The filter of one file, read when first asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    /// `None` inside: there is no filter.
    kept: Arc<OnceLock<Option<Kept>>>,
}

/// A filter that counts as kept in memory.
#[derive(Debug)]
struct Kept(Arc<KeyFilter>);

static KEPT_BYTES: AtomicUsize = AtomicUsize::new(0);

impl KeyFilter {
    /// With room for so many rows.
    pub(crate) fn with_room(rows: usize) -> Result<Self, ParquetError> {
        Ok(Self(Sbbf::new_with_ndv_fpp(rows.max(1) as u64, FALSE_POSITIVES)?))
    }

    pub(crate) fn of(hot: &[Arc<HotBatch>]) -> Result<Self, ParquetError> {
        let mut filter = Self::with_room(hot.iter().map(|batch| batch.rows.num_rows()).sum())?;
        hot.iter().for_each(|batch| filter.add_rows(&batch.rows));
        filter.close();
        Ok(filter)
    }

    pub(crate) fn add_rows(&mut self, rows: &RecordBatch) {
        for name in KEY_COLUMNS {
            rows.column_by_name(name).into_iter().for_each(|keys| self.add(keys));
        }
    }

    /// Adds the values of a column of texts.
    pub(crate) fn add(&mut self, keys: &dyn Array) {
        if let Some(keys) = keys.as_string_opt::<i32>() {
            keys.iter().flatten().for_each(|key| self.0.insert(key));
        }
    }

    /// Makes it as small as what it turned out to hold: it was made for as many keys as rows, but a call is several.
    pub(crate) fn close(&mut self) {
        self.0.fold_to_target_fpp(FALSE_POSITIVES);
    }

    /// `false` is certain.
    pub(crate) fn may_hold(&self, key: &str) -> bool {
        self.0.check(key)
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, ParquetError> {
        let mut bytes = Vec::new();
        self.0.write(&mut bytes)?;
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        Ok(bytes)
    }

    /// `None` if that is no filter, or a damaged one.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (filter, checksum) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(filter) != u32::from_le_bytes(*checksum) {
            return None;
        }
        let filter = Sbbf::from_bytes(filter).ok()?;
        (filter.num_blocks() > 0).then_some(Self(filter))
    }

    fn bytes(&self) -> usize {
        const BLOCK_BYTES: usize = 32;
        self.0.num_blocks() * BLOCK_BYTES
    }
}

/// The keys of all rows, in no order, as often as they are there.
pub(crate) fn keys_in(rows: &RecordBatch) -> impl Iterator<Item = &str> {
    KEY_COLUMNS
        .into_iter()
        .filter_map(|name| rows.column_by_name(name)?.as_string_opt::<i32>())
        .flat_map(|keys| keys.iter().flatten())
}

impl Keys {
    /// Those of a file that has just been written.
    pub(crate) fn known(filter: KeyFilter) -> Self {
        let keys = Self::default();
        keys.keep(&Arc::new(filter));
        keys
    }

    /// The filter; `None` if there is none or it cannot be read now, and the file may hold any call.
    pub(crate) async fn filter(&self, store: &dyn ObjectStore, path: &Path) -> Option<Arc<KeyFilter>> {
        if let Some(known) = self.kept.get() {
            return known.as_ref().map(|kept| Arc::clone(&kept.0));
        }
        let read = match store.get(path).await {
            Ok(found) => found.bytes().await,
            Err(error) => Err(error),
        };
        match read {
            Ok(bytes) => match KeyFilter::from_bytes(&bytes) {
                Some(filter) => {
                    let filter = Arc::new(filter);
                    self.keep(&filter);
                    Some(filter)
                }
                None => {
                    tracing::warn!(file = %path, "a filter is damaged: its file is read by every question");
                    self.kept.set(None).ok();
                    None
                }
            },
            // As in a lake written before there were filters.
            Err(object_store::Error::NotFound { .. }) => {
                self.kept.set(None).ok();
                None
            }
            Err(error) => {
                tracing::warn!(file = %path, %error, "cannot read a filter");
                None
            }
        }
    }

    /// If there is room. Two questions may have read it at once; both read the same.
    fn keep(&self, filter: &Arc<KeyFilter>) {
        if let Some(kept) = Kept::new(filter) {
            self.kept.set(Some(kept)).ok();
        }
    }
}

impl Kept {
    fn new(filter: &Arc<KeyFilter>) -> Option<Self> {
        let bytes = filter.bytes();
        // Counted first: if that was too much, dropping it takes the bytes away again.
        let kept = Self(Arc::clone(filter));
        let others = KEPT_BYTES.fetch_add(bytes, Ordering::Relaxed);
        (others + bytes <= KEPT_BYTES_MAX).then_some(kept)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        KEPT_BYTES.fetch_sub(self.0.bytes(), Ordering::Relaxed);
    }
}

/// The folder of the filters, below that of the table.
pub(crate) const FOLDER: &str = "_keys";

const SUFFIX: &str = ".bloom";

/// Where the filter of a file is kept.
pub(crate) fn path(table: &Path, file: &str) -> Path {
    table.clone().join(FOLDER).join(file_name(file))
}

/// Of the filter of a file.
pub(crate) fn file_name(file: &str) -> String {
    format!("{file}{SUFFIX}")
}

/// The file that a filter belongs to.
pub(crate) fn file_of(filter: &str) -> Option<&str> {
    filter.strip_suffix(SUFFIX)
}
