use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;

/// How a [`crate::Store`] keeps its data. [`Config::new`] gives the defaults; every limit has its reason beside it.
#[derive(Clone, Debug)]
pub struct Config {
    /// Holds everything: `log/`, `lake/`, `tmp/`, `lock` and `node-id`. Created if missing.
    pub dir: PathBuf,
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
    /// Where the lake's files are kept, if not on the disk that holds `dir`. Paths in it are those below the
    /// root of the file system, as with `object_store`'s `LocalFileSystem::new()`.
    pub object_store: Option<Arc<dyn ObjectStore>>,
}

/// How long data is kept. All three rules hold at once; the oldest files go first.
#[derive(Clone, Debug)]
pub struct Retention {
    /// Days of a table by name, instead of what its declaration says. Counted from `received`.
    pub days: Vec<(String, u32)>,
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

impl Config {
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            hot_bytes_max: 256 << 20,
            settle_every: Duration::from_secs(60),
            compact_every: Duration::from_secs(5),
            log_segment_bytes_max: crate::log::Options::SEGMENT_BYTES_MAX,
            retention: Retention::default(),
            limits: Limits::default(),
            object_store: None,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            days: Vec::new(),
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
