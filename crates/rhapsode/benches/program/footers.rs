//! What takes the space of a lake: its files as the Delta log names them, and what their Parquet footers say.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::Value;

use crate::disk;

/// A table of the lake.
pub(crate) struct Table {
    pub(crate) name: String,
    /// Of files that were made of others.
    pub(crate) merged: Weights,
    /// Of files as they settled, and of the Delta log.
    pub(crate) settled: Weights,
}

/// Some files of a lake.
#[derive(Default)]
pub(crate) struct Weights {
    pub(crate) rows: u64,
    pub(crate) files: u64,
    pub(crate) file_bytes: u64,
    pub(crate) row_groups: u64,
    pub(crate) columns: BTreeMap<String, Column>,
    /// Parquet's own filters inside the files.
    pub(crate) bloom_bytes: u64,
    /// Filters of calls beside the files.
    pub(crate) key_bytes: u64,
    pub(crate) delta_log_bytes: u64,
}

#[derive(Default)]
pub(crate) struct Column {
    pub(crate) bytes: u64,
    pub(crate) bytes_plain: u64,
}

impl Weights {
    fn add_file(&mut self, table: &Path, name: &str) -> Result<()> {
        let path = table.join(name);
        let keys = table.join("_keys").join(format!("{name}.bloom"));
        self.key_bytes += fs::metadata(&keys).map_or(0, |about| about.len());
        self.files += 1;
        self.file_bytes += fs::metadata(&path)?.len();
        let reader = SerializedFileReader::new(File::open(path)?)?;
        for group in reader.metadata().row_groups() {
            self.row_groups += 1;
            self.rows += u64::try_from(group.num_rows())?;
            for chunk in group.columns() {
                let column = self.columns.entry(chunk.column_path().string()).or_default();
                column.bytes += u64::try_from(chunk.compressed_size())?;
                column.bytes_plain += u64::try_from(chunk.uncompressed_size())?;
                self.bloom_bytes += u64::try_from(chunk.bloom_filter_length().unwrap_or(0))?;
            }
        }
        Ok(())
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.files += other.files;
        self.file_bytes += other.file_bytes;
        self.row_groups += other.row_groups;
        self.bloom_bytes += other.bloom_bytes;
        self.key_bytes += other.key_bytes;
        self.delta_log_bytes += other.delta_log_bytes;
        for (name, column) in &other.columns {
            let sum = self.columns.entry(name.clone()).or_default();
            sum.bytes += column.bytes;
            sum.bytes_plain += column.bytes_plain;
        }
    }

    /// Footers and page indexes.
    pub(crate) fn footer_bytes(&self) -> u64 {
        let columns: u64 = self.columns.values().map(|column| column.bytes).sum();
        self.file_bytes - columns - self.bloom_bytes
    }

    pub(crate) fn bytes_per_row(&self) -> f64 {
        self.total_bytes() as f64 / self.rows as f64
    }

    pub(crate) fn total_bytes(&self) -> u64 {
        self.file_bytes + self.key_bytes + self.delta_log_bytes
    }
}

impl Table {
    /// Every table that has rows.
    pub(crate) fn all(lake: &Path) -> Result<Vec<Self>> {
        let mut tables = Vec::new();
        for entry in fs::read_dir(lake).with_context(|| lake.display().to_string())? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // Of no table: who writes here.
            if name.starts_with('_') {
                continue;
            }
            let table =
                Self::read(name, &entry.path()).with_context(|| entry.path().display().to_string())?;
            if table.merged.rows + table.settled.rows > 0 {
                tables.push(table);
            }
        }
        tables.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(tables)
    }

    fn read(name: String, folder: &Path) -> Result<Self> {
        let log = folder.join("_delta_log");
        let mut table = Self {
            name,
            merged: Weights::default(),
            settled: Weights { delta_log_bytes: disk::bytes(&log)?, ..Weights::default() },
        };
        for (file, merged) in live_files(&log)? {
            let weights = if merged { &mut table.merged } else { &mut table.settled };
            weights.add_file(folder, &file)?;
        }
        Ok(table)
    }
}

/// What the commits have added and not removed, and whether it was made of others. More may lie in the folder: it waits
/// to be deleted.
fn live_files(log: &Path) -> Result<BTreeMap<String, bool>> {
    let mut commits: Vec<_> = disk::files(log)?
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    commits.sort();
    let first = commits.first().and_then(|path| path.file_stem()).context("no commits")?;
    ensure!(first.to_string_lossy().parse() == Ok(0_u64), "the first commits are gone: make the set anew");
    let mut live = BTreeMap::new();
    for path in commits {
        for line in fs::read_to_string(&path)?.lines() {
            let action: Value = serde_json::from_str(line).with_context(|| path.display().to_string())?;
            if let Some(name) = action["add"]["path"].as_str() {
                live.insert(name.to_owned(), action["add"]["dataChange"] == false);
            }
            if let Some(name) = action["remove"]["path"].as_str() {
                live.remove(name);
            }
        }
    }
    Ok(live)
}
