use std::collections::hash_map::RandomState;
use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::StoreError;

/// The data folder, held by this process alone.
#[derive(Debug)]
pub(crate) struct DataFolder {
    /// Absolute.
    pub(crate) path: PathBuf,
    /// Who writes here: the application id of our Delta transactions, and the start of our file names.
    pub(crate) node: String,
    /// Locked as long as it is open.
    _lock: File,
}

impl DataFolder {
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let unusable = |source| StoreError::Folder { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(unusable)?;
        let path = &fs::canonicalize(path).map_err(unusable)?;
        let unusable = |source| StoreError::Folder { path: path.to_owned(), source };
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        for name in ["log", "lake"] {
            fs::create_dir_all(path.join(name)).map_err(unusable)?;
        }
        // Spilled rows of questions that a crash ended.
        match fs::remove_dir_all(path.join("tmp")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(error)),
            _ => fs::create_dir_all(path.join("tmp")).map_err(unusable)?,
        }
        let node = node_id(path)?;
        Ok(Self { path: path.to_owned(), node, _lock: lock })
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    pub(crate) fn lake(&self) -> PathBuf {
        self.path.join("lake")
    }

    pub(crate) fn spill(&self) -> PathBuf {
        self.path.join("tmp")
    }
}

/// Reads the node id, or makes one for a new folder.
///
/// Without it nobody knows which log blocks the lake already holds. So if it is missing beside a lake and a log
/// that have content, the start is refused rather than rows doubled.
fn node_id(folder: &Path) -> Result<String, StoreError> {
    let path = folder.join("node-id");
    let unusable = |source| StoreError::Folder { path: path.clone(), source };
    match fs::read_to_string(&path) {
        Ok(text) => {
            let id = text.trim();
            let valid = id.len() == NODE_ID_LEN && id.bytes().all(|byte| byte.is_ascii_hexdigit());
            if valid { Ok(id.to_owned()) } else { Err(StoreError::NodeId { path, text }) }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if has_content(&folder.join("lake")) && has_content(&folder.join("log")) {
                return Err(StoreError::NodeId { path, text: String::new() });
            }
            let id = format!("{:016x}", RandomState::new().build_hasher().finish());
            write_synced(folder, &path, &id).map_err(unusable)?;
            Ok(id)
        }
        Err(error) => Err(unusable(error)),
    }
}

const NODE_ID_LEN: usize = 16;

fn has_content(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

fn write_synced(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    let staging = path.with_extension("new");
    let mut file = File::create(&staging)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&staging, path)?;
    File::open(folder)?.sync_all()
}
