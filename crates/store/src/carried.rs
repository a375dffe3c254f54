//! What goes on, over a restart: the calls whose rows may not settle yet.
//!
//! Their messages are in the lake or in the log; their names are here, in one small file that every settling replaces.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::folder::write_synced;

/// A call of which a later row will tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Going {
    pub call_id: String,
    /// Arrival of its newest message, microseconds since 1970.
    pub received: i64,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Carried {
    /// Rows, and this file, tell of all log blocks up to here.
    pub(crate) position: u64,
    pub(crate) going: Vec<Going>,
    /// Rows that were just about to settle. Whether they did is not known; telling them again does no harm.
    pub(crate) ending: Vec<Going>,
}

impl Carried {
    /// What an earlier run left; nothing if there was none.
    pub(crate) fn read(folder: &Path) -> Result<Self, StoreError> {
        let path = path(folder);
        match fs::read(&path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                // Calls that go on would be told twice, or to an end that is none; no more.
                tracing::warn!(path = %path.display(), %error, "cannot read which calls were going on");
                Self::default()
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(StoreError::Folder { path, source }),
        }
    }

    /// Replaces what was written before, or fails and leaves it.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), StoreError> {
        let path = path(folder);
        let text = serde_json::to_string(self).map_err(|error| StoreError::Internal(error.to_string()))?;
        write_synced(folder, &path, &text).map_err(|source| StoreError::Folder { path, source })
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("going-on.json")
}
