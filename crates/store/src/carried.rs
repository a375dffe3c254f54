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

/// For which minutes a derived table of figures has a version that counts. All times are microseconds since 1970, where the
/// minute begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minutes {
    /// Before, nothing is known of any.
    pub since: i64,
    /// What they are made of has changed: in order, and each once.
    pub stale: Vec<i64>,
}

/// What is to be gone on with, also by the next start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unfinished {
    /// What goes on and has no row yet.
    pub going: Vec<Going>,
    /// `None`: as before.
    pub minutes: Option<Minutes>,
}

impl From<Vec<Going>> for Unfinished {
    fn from(going: Vec<Going>) -> Self {
        Self { going, minutes: None }
    }
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Carried {
    /// Rows, and this file, tell of all log blocks up to here.
    pub(crate) position: u64,
    pub(crate) going: Vec<Going>,
    /// Rows that were just about to settle. Whether they did is not known; telling them again does no harm.
    pub(crate) ending: Vec<Going>,
    /// `None`: nothing is known of any minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) minutes: Option<Minutes>,
    /// Minutes whose new versions were just about to settle: as for [`Carried::ending`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) ending_minutes: Vec<i64>,
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

    /// What is known of minutes when the next run begins.
    pub(crate) fn known_minutes(&self) -> Option<Minutes> {
        let mut minutes = self.minutes.clone()?;
        minutes.stale.extend(&self.ending_minutes);
        minutes.stale.sort_unstable();
        minutes.stale.dedup();
        Some(minutes)
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
