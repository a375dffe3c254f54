//! The lake: where do settled rows live, and how does every reader see whole steps only?
//!
//! Each table is a Delta table in its own folder, unpartitioned, with flat file names
//! `<node>-<position>-<moment>.parquet`. Delta knows no commit over several tables, so each table moves on its own
//! and remembers, in the same commit that adds rows, how far it got: a `txn` action whose application is this node
//! and whose version is the number of the last log block settled. A row is in the lake exactly if its block's
//! number is not above that version.
//!
//! # Who may delete
//!
//! Only [`crate::retain`], and only files that no longer belong to a table's newest version, after a grace period.
//! A file that was written but never committed (a crash or a full disk between the two) is found at the next start,
//! or after the failed step, by belonging to no version.

mod disk;
pub(crate) mod encode;
mod file;
mod gather;
pub(crate) mod keys;
mod properties;
mod reader;
mod table;

use std::fs;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use model::{Micros, Table};
use object_store::ObjectStore;
use object_store::path::Path;
use url::Url;

use crate::StoreError;

pub(crate) use disk::DurableDisk;
pub(crate) use file::LakeFile;
pub(crate) use properties::Effort;
pub(crate) use reader::FileReader;
pub(crate) use table::{Change, LakeTable, files_of};

/// All tables of the lake, as the settling thread holds them.
pub(crate) struct Lake {
    pub(crate) tables: Vec<LakeTable>,
}

/// Where the lake is, for those who read it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Absolute.
    pub(crate) folder: PathBuf,
}

impl Lake {
    /// Opens every table, creating what is missing.
    pub(crate) async fn open(
        place: &Place,
        node: &str,
        tables: &[&'static Table],
    ) -> Result<(Self, Vec<Vec<LakeFile>>), StoreError> {
        let mut opened = Vec::with_capacity(tables.len());
        let mut files = Vec::with_capacity(tables.len());
        for table in tables {
            // Nothing writes to the folder yet, and a failure to remove one costs only its bytes.
            for path in staged(&place.folder.join(table.name)) {
                if let Err(error) = fs::remove_file(&path) {
                    tracing::warn!(path = %path.display(), %error, "cannot remove a staging file");
                }
            }
            let lake_table = LakeTable::open(place, node, table).await?;
            files.push(lake_table.files()?);
            opened.push(lake_table);
        }
        Ok((Self { tables: opened }, files))
    }

    /// The highest position that any table's commits remember.
    pub(crate) fn highest_position(&self) -> u64 {
        self.tables.iter().map(LakeTable::settled).max().unwrap_or(0)
    }
}

/// The folder of a table.
pub(crate) fn table_folder(place: &Place, table: &str) -> Result<Path, StoreError> {
    Ok(Path::from_url_path(place.url(table)?.path()).map_err(object_store::Error::from)?)
}

/// The name of a new file: who writes it, the last block of its rows, and when.
pub(crate) fn file_name(node: &str, position: u64, written: Micros) -> String {
    format!("{node}-{position:016}-{:x}.parquet", written.0)
}

/// Who wrote a file, and the last block of its rows; `None` for a name that [`file_name`] does not give.
pub(crate) fn written_by(name: &str) -> Option<(&str, u64)> {
    let mut parts = name.strip_suffix(".parquet")?.splitn(3, '-');
    let (node, position) = (parts.next()?, parts.next()?.parse().ok()?);
    i64::from_str_radix(parts.next()?, 16).is_ok().then_some((node, position))
}

impl Place {
    /// Bytes free on the disk of the lake, if that can be told.
    pub(crate) fn free_disk(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(&self.folder).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    pub(crate) fn url(&self, table: &str) -> Result<Url, StoreError> {
        let folder = self.folder.join(table);
        Url::from_directory_path(&folder)
            .map_err(|()| StoreError::Internal(format!("{} has no URL", folder.display())))
    }
}

/// Staging files of a table, of writes that a crash cut short.
pub(crate) fn staged(table: &FsPath) -> Vec<PathBuf> {
    let entries = [table.join("_delta_log"), table.join(keys::FOLDER), table.to_owned()]
        .into_iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .flatten();
    entries
        .filter(|entry| entry.file_name().to_str().is_some_and(disk::is_staged))
        .map(|entry| entry.path())
        .collect()
}
