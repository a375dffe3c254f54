use std::collections::hash_map::RandomState;
use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::config::LakeLocation;

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
    pub(crate) fn open(path: &Path, lake: &LakeLocation) -> Result<Self, StoreError> {
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
        take(&lock, path)?;
        whole(path)?;
        fs::create_dir_all(path.join("log")).map_err(unusable)?;
        // Spilled rows of questions that a crash ended.
        match fs::remove_dir_all(path.join("tmp")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(error)),
            _ => fs::create_dir_all(path.join("tmp")).map_err(unusable)?,
        }
        let has_lake = match lake {
            LakeLocation::DataFolder => has_content(&path.join("lake")),
            LakeLocation::Folder(folder) => has_content(folder),
            // It may, and that is not found out here.
            LakeLocation::Bucket(_) => true,
        };
        let node = node_id(path, has_lake)?;
        Ok(Self { path: path.to_owned(), node, _lock: lock })
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    pub(crate) fn spill(&self) -> PathBuf {
        self.path.join("tmp")
    }
}

/// Keeps servers out of a folder that is only looked at, and in which nothing is made: without a lock there, as where
/// no server has been yet, `None`. Whoever changes something makes one.
pub(crate) fn hold(path: &Path, changes: bool) -> Result<Option<File>, StoreError> {
    whole(path)?;
    let lock =
        File::options().read(true).write(changes).create(changes).truncate(false).open(path.join("lock"));
    match lock {
        Ok(lock) => take(&lock, path).map(|()| Some(lock)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !changes => Ok(None),
        Err(source) => Err(StoreError::Folder { path: path.to_owned(), source }),
    }
}

/// In a data folder while a backup is restored into it.
pub(crate) const RESTORING: &str = "restoring";

/// A part of a backup looks like a whole folder of a server that kept less.
fn whole(folder: &Path) -> Result<(), StoreError> {
    if folder.join(RESTORING).exists() {
        return Err(StoreError::Restoring { path: folder.to_owned() });
    }
    Ok(())
}

fn take(lock: &File, folder: &Path) -> Result<(), StoreError> {
    lock.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => StoreError::InUse { path: folder.to_owned() },
        TryLockError::Error(source) => StoreError::Folder { path: folder.to_owned(), source },
    })
}

/// Reads the node id, or makes one for a new folder.
///
/// Without it nobody knows which log blocks the lake already holds. So if it is missing beside a lake and a log
/// that have content, the start is refused rather than rows doubled.
fn node_id(folder: &Path, has_lake: bool) -> Result<String, StoreError> {
    if let Some(id) = written_node_id(folder)? {
        return Ok(id);
    }
    let path = folder.join("node-id");
    if has_lake && has_content(&folder.join("log")) {
        return Err(StoreError::NodeId { path, text: String::new() });
    }
    let id = format!("{:016x}", RandomState::new().build_hasher().finish());
    write_synced(folder, &path, &id).map_err(|source| StoreError::Folder { path, source })?;
    Ok(id)
}

/// `None` if there is none.
pub(crate) fn written_node_id(folder: &Path) -> Result<Option<String>, StoreError> {
    let path = folder.join("node-id");
    match fs::read_to_string(&path) {
        Ok(text) => {
            let id = text.trim();
            let valid = id.len() == NODE_ID_LEN && id.bytes().all(|byte| byte.is_ascii_hexdigit());
            if valid { Ok(Some(id.to_owned())) } else { Err(StoreError::NodeId { path, text }) }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::Folder { path, source }),
    }
}

const NODE_ID_LEN: usize = 16;

fn has_content(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// Writes a small file that is there whole or as it was before.
pub(crate) fn write_synced(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    let staging = path.with_extension("new");
    let mut file = File::create(&staging)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&staging, path)?;
    File::open(folder)?.sync_all()
}
