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

mod bucket;
mod disk;
pub(crate) mod encode;
mod file;
mod gather;
pub(crate) mod keys;
pub(crate) mod nodes;
mod place;
mod properties;
mod reader;
mod reserve;
mod table;

use std::fs;
use std::path::PathBuf;

use model::{Micros, Table};

use crate::StoreError;

pub(crate) use disk::DurableDisk;
pub(crate) use file::{LakeFile, Payload, checksum};
pub(crate) use place::{Place, free_disk};
pub(crate) use properties::Effort;
pub(crate) use reader::FileReader;
pub(crate) use reserve::Reserve;
pub(crate) use table::{CONFLICTS_MAX, Change, Exchange, LakeTable, delete_file, files_of, settled_by};

/// All tables of the lake, as the settling thread holds them.
pub(crate) struct Lake {
    pub(crate) tables: Vec<LakeTable>,
    /// The numbers of this node's log blocks begin after it.
    first_block: u64,
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
            // It writes nothing yet, and a failure to remove one costs only its bytes.
            for path in staged(place, table.name, node) {
                if let Err(error) = fs::remove_file(&path) {
                    tracing::warn!(path = %path.display(), %error, "cannot remove a staging file");
                }
            }
            let lake_table = LakeTable::open(place, node, table).await?;
            files.push(lake_table.files()?);
            opened.push(lake_table);
        }
        Ok((Self { tables: opened, first_block: nodes::first_block(place, node).await? }, files))
    }

    /// The log's numbers go on from here, even if no segment is left.
    pub(crate) fn log_floor(&self) -> u64 {
        self.highest_position().max(self.first_block)
    }

    /// The highest position that any table's commits of this node remember.
    pub(crate) fn highest_position(&self) -> u64 {
        self.tables.iter().map(LakeTable::settled).max().unwrap_or(0)
    }
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

/// Staging files of a table, of writes of this node that a crash cut short. A bucket has none.
pub(crate) fn staged(place: &Place, table: &str, node: &str) -> Vec<PathBuf> {
    let Some(table) = place.folder().map(|lake| lake.join(table)) else { return Vec::new() };
    let entries = [table.join("_delta_log"), table.join(keys::FOLDER), table]
        .into_iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .flatten();
    entries
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| disk::is_staged_by(node, name)))
        .map(|entry| entry.path())
        .collect()
}
