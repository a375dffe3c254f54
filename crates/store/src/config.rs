use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use model::Table;
use object_store::ObjectStore;
use object_store::path::Path;
use url::Url;

use crate::StoreError;
use crate::log::Disk;

/// How a [`crate::Store`] keeps its data. [`Config::new`] gives the defaults; every limit has its reason beside it.
#[derive(Clone, Debug)]
pub struct Config {
    /// Holds everything but, perhaps, the lake: `log/`, `lake/`, `tmp/`, `lock` and `node-id`. Created if missing.
    pub dir: PathBuf,
    pub lake: LakeLocation,
    /// Most memory that published rows may take before they are settled. Settling starts at half of it, so that
    /// there is room to go on publishing; at the whole of it [`crate::Store::publish`] waits, and then refuses.
    pub hot_bytes_max: usize,
    /// Longest time a published row waits for its Parquet file. Longer makes fewer and larger files, and a longer
    /// replay after a crash.
    pub settle_every: Duration,
    /// How often small files of the lake are looked for that could become one. Most looks find none.
    pub compact_every: Duration,
    /// A log segment is closed before it would grow past this.
    pub log_segment_bytes_max: u64,
    pub retention: Retention,
    pub limits: Limits,
    /// Tables whose rows are made of other rows: see [`crate::Store::publish_derived`].
    pub derived: &'static [&'static Table],
    /// What the lake's files are read and written through, instead of what `lake` says; paths in it are the same.
    pub object_store: Option<Arc<dyn ObjectStore>>,
    /// What the log is read and written through, instead of `log/` of the folder.
    pub log_disk: Option<Arc<dyn Disk>>,
}

/// Where the lake is. Several nodes, each with a data folder of its own, may share one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LakeLocation {
    /// In `lake/` of the data folder.
    #[default]
    DataFolder,
    /// Created if missing.
    Folder(PathBuf),
    Bucket(Bucket),
}

/// A part of a bucket of S3, or of what speaks as it does. Credentials, and what is not said here, are taken from the
/// environment, from the variables that other programs use for it (`AWS_ACCESS_KEY_ID` ...).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    pub(crate) name: String,
    pub(crate) path: Path,
    /// `https://...`, if it is not Amazon's.
    pub endpoint: Option<String>,
    pub region: Option<String>,
}

/// How long data is kept. All rules hold at once; the oldest files go first.
#[derive(Clone, Debug)]
pub struct Retention {
    /// Days of a table by name, instead of what its declaration says. Counted from `received`.
    pub days: Vec<(String, u32)>,
    /// Days of a table by name after which its rows lose their payload and stay otherwise. Counted from `received`.
    pub payload_days: Vec<(String, u32)>,
    /// Most bytes of the whole lake, if limited.
    pub bytes_max: Option<u64>,
    /// Bytes of the disk that are left to others.
    pub free_disk_min: u64,
    /// How often the rules are applied.
    pub check_every: Duration,
    /// A file that left the lake stays on disk for this long, for readers that still hold an older snapshot:
    /// our own queries, and other programs that read the Delta tables.
    pub grace: Duration,
}

/// Retention as it is now: it may change while the store is open.
#[derive(Clone, Debug)]
pub(crate) struct Rules(Arc<RwLock<Arc<Retention>>>);

impl Rules {
    pub(crate) fn new(retention: Retention) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(retention))))
    }

    pub(crate) fn now(&self) -> Arc<Retention> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn replace(&self, retention: Retention) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(retention);
    }
}

/// What one question may cost. An answer that hits a limit is cut, and says so.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub time_max: Duration,
    /// Memory of all running questions together, beyond which they spill to `tmp/`.
    pub memory_bytes_max: usize,
    /// Disk that spilling may take.
    pub spill_bytes_max: u64,
    /// Questions that run at the same time; more wait their turn.
    pub concurrent_max: usize,
}

impl fmt::Display for LakeLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DataFolder => f.write_str("lake/ of the data folder"),
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Bucket(bucket) => bucket.fmt(f),
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}://{}/{}", self.name, self.path)
    }
}

impl Bucket {
    /// From `s3://NAME/PATH`.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        let wrong = |why: &str| StoreError::BucketUrl { url: url.to_owned(), why: why.to_owned() };
        let parsed = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
        if parsed.scheme() != SCHEME {
            return Err(wrong("only s3:// is known"));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            // Not shown: it may hold a password.
            let url = format!("{SCHEME}://...");
            return Err(StoreError::BucketUrl {
                url,
                why: "credentials come from the environment".to_owned(),
            });
        }
        if parsed.query().is_some() || parsed.fragment().is_some() || parsed.port().is_some() {
            return Err(wrong("write s3://BUCKET/PATH"));
        }
        let name = parsed.host_str().ok_or_else(|| wrong("it names no bucket"))?;
        let path = Path::from_url_path(parsed.path()).map_err(|error| wrong(&error.to_string()))?;
        Ok(Self { name: name.to_owned(), path, endpoint: None, region: None })
    }

    /// With a slash at the end.
    pub(crate) fn url(&self) -> Result<Url, StoreError> {
        let slash = if self.path.as_ref().is_empty() { "" } else { "/" };
        let url = format!("{self}{slash}");
        Url::parse(&url).map_err(|error| StoreError::BucketUrl { url, why: error.to_string() })
    }
}

/// Of a bucket's URL.
pub(crate) const SCHEME: &str = "s3";

impl Config {
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            lake: LakeLocation::DataFolder,
            hot_bytes_max: 256 << 20,
            settle_every: Duration::from_secs(60),
            compact_every: Duration::from_secs(5),
            log_segment_bytes_max: crate::log::Options::SEGMENT_BYTES_MAX,
            retention: Retention::default(),
            limits: Limits::default(),
            derived: &[],
            object_store: None,
            log_disk: None,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            days: Vec::new(),
            payload_days: Vec::new(),
            bytes_max: None,
            // Enough for the log and a few settled files while the rules catch up.
            free_disk_min: 1 << 30,
            check_every: Duration::from_secs(10),
            // Longer than any of our own questions may run.
            grace: Duration::from_secs(300),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time_max: Duration::from_secs(60),
            memory_bytes_max: 384 << 20,
            spill_bytes_max: 4 << 30,
            concurrent_max: 4,
        }
    }
}
