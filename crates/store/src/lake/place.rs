//! Where is the lake: in a folder, or in a bucket?

use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::path::Path;
use url::Url;

use crate::StoreError;
use crate::config::{Config, LakeLocation};
use crate::lake::{DurableDisk, bucket};

/// Where the lake is, for those who read and write it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// The lake's own, as the object store names it.
    pub(crate) path: Path,
    url: Url,
    /// Whether other nodes may write here too: all but the folder in the data folder is open to them.
    pub(crate) is_shared: bool,
    /// Absolute; none in a bucket.
    folder: Option<PathBuf>,
}

impl Place {
    /// `data` is the data folder, `node` who will write.
    pub(crate) fn of(config: &Config, data: &FsPath, node: &str) -> Result<Self, StoreError> {
        match &config.lake {
            LakeLocation::DataFolder => Self::in_folder(config, &data.join("lake"), node),
            LakeLocation::Folder(folder) => Self::in_folder(config, folder, node),
            LakeLocation::Bucket(found) => {
                bucket::register();
                let store = config.object_store.clone().map_or_else(|| bucket::open(found), Ok)?;
                Ok(Self { store, path: found.path.clone(), url: found.url()?, is_shared: true, folder: None })
            }
        }
    }

    fn in_folder(config: &Config, folder: &FsPath, node: &str) -> Result<Self, StoreError> {
        // One that is still to be made has no other name.
        let folder = std::fs::canonicalize(folder)
            .or_else(|_| std::path::absolute(folder))
            .map_err(|source| StoreError::LakeFolder { path: folder.to_owned(), source })?;
        let url = Url::from_directory_path(&folder)
            .map_err(|()| StoreError::Internal(format!("{} has no URL", folder.display())))?;
        Ok(Self {
            store: config.object_store.clone().unwrap_or_else(|| Arc::new(DurableDisk::new(node))),
            path: Path::from_absolute_path(&folder).map_err(object_store::Error::from)?,
            url,
            is_shared: config.lake != LakeLocation::DataFolder,
            folder: Some(folder),
        })
    }

    /// Makes the folder, where it is to be one.
    pub(crate) fn make(&self) -> Result<(), StoreError> {
        let Some(folder) = self.folder() else { return Ok(()) };
        std::fs::create_dir_all(folder)
            .map_err(|source| StoreError::LakeFolder { path: folder.to_owned(), source })
    }

    /// The folder, if it is one of this machine.
    pub(crate) fn folder(&self) -> Option<&FsPath> {
        self.folder.as_deref()
    }

    /// Bytes free on the disk of the lake, if it is on one and that can be told.
    pub(crate) fn free_disk(&self) -> Option<u64> {
        self.folder().and_then(free_disk)
    }

    /// That of a table, as the object store names it.
    pub(crate) fn table(&self, table: &str) -> Path {
        self.path.clone().join(table)
    }

    /// Of a table, with a slash at the end.
    pub(crate) fn url(&self, table: &str) -> Result<Url, StoreError> {
        self.url
            .join(&format!("{table}/"))
            .map_err(|error| StoreError::Internal(format!("table {table} has no URL: {error}")))
    }
}

/// Of the disk that a folder is on.
pub(crate) fn free_disk(folder: &FsPath) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
