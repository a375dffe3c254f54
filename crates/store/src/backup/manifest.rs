//! What says that a folder is a backup, and what belongs to it.

use std::fs;
use std::io;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use super::error::at;
use super::{BackupError, Wanted, lake_of};
use crate::clock::now;
use crate::config::Config;
use crate::folder::write_synced;

pub(super) const MANIFEST: &str = "manifest.json";

/// There while a backup is made; holds the node's id.
pub(super) const UNFINISHED: &str = "unfinished";

/// Raised when a program that knows only the former could not restore it.
const FORMAT: u32 = 1;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// Version of the program that made it.
    pub program: String,
    /// When, by RFC 3339.
    pub made: String,
    /// Whose data it is.
    pub node: String,
    pub scope: Scope,
    pub lake: BackedUpLake,
    /// The folder of what changes.
    pub state: String,
    pub tables: Vec<TableSummary>,
    pub files: Vec<Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    All,
    /// Users, tokens, aliases, alerts, the audit log and types; no traffic.
    Settings,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackedUpLake {
    Copied,
    /// Where it is; it was not copied.
    Bucket(String),
    None,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TableSummary {
    pub name: String,
    /// Of the Delta table.
    pub version: u64,
    pub files: u64,
    pub rows: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Below the backup's folder.
    pub path: String,
    pub bytes: u64,
    /// CRC-32 of all bytes.
    pub crc32: u32,
}

impl Manifest {
    pub(super) fn new(wanted: &Wanted<'_>, node: &str, state: String, config: &Config) -> Self {
        Self {
            format: FORMAT,
            program: wanted.program.to_owned(),
            made: now().to_string(),
            node: node.to_owned(),
            scope: wanted.scope,
            lake: lake_of(&config.lake, wanted.scope),
            state,
            tables: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Bytes of all its files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    pub(super) fn read(folder: &Path) -> Result<Self, BackupError> {
        let path = folder.join(MANIFEST);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let path = folder.to_owned();
                let is_begun = folder.join(UNFINISHED).exists();
                return Err(if is_begun {
                    BackupError::Unfinished { path }
                } else {
                    BackupError::NotOne { path }
                });
            }
            bytes => bytes.map_err(at(&path))?,
        };
        let wrong = |why: String| BackupError::Manifest { path: path.clone(), why };
        // Only this, first: a later format may have other members.
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let format =
            serde_json::from_slice::<Format>(&bytes).map_err(|error| wrong(error.to_string()))?.format;
        if format != FORMAT {
            return Err(wrong(format!("it has format {format}, and this program knows {FORMAT}")));
        }
        let manifest: Self = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        let mut names = manifest.files.iter().map(|file| &file.path).chain([&manifest.state]);
        if let Some(path) = names.find(|path| !is_below(path)) {
            return Err(wrong(format!("it names {path:?}, which is not below its folder")));
        }
        drop(names);
        Ok(manifest)
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), BackupError> {
        let path = folder.join(MANIFEST);
        let text = serde_json::to_string_pretty(self).map_err(|error| at(&path)(error.into()))?;
        write_synced(folder, &path, &text).map_err(at(&path))
    }
}

/// Whether a path leads to something below the folder it is joined to.
pub(super) fn is_below(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_folder() {
        for path in ["lake/sip/a.parquet", "state-1/log/x.log", "a"] {
            assert!(is_below(path), "{path}");
        }
        for path in ["", "/etc/passwd", "../x", "lake/../../x", "./../x"] {
            assert!(!is_below(path), "{path}");
        }
    }

    #[test]
    fn a_manifest_that_leads_elsewhere_or_is_newer_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let read = |text: &str| {
            fs::write(folder.path().join(MANIFEST), text).expect("written");
            Manifest::read(folder.path())
                .map(|manifest| manifest.files.len())
                .map_err(|error| error.to_string())
        };
        let with = |format: u32, path: &str| {
            format!(
                r#"{{"format":{format},"program":"0","made":"","node":"n","scope":"all","lake":"copied","state":"state-1",
                "tables":[],"files":[{{"path":"{path}","bytes":1,"crc32":1}}]}}"#
            )
        };
        assert_eq!(read(&with(1, "lake/a")), Ok(1));
        assert!(read(&with(1, "../a")).is_err_and(|error| error.contains("not below its folder")));
        assert!(read(&with(2, "lake/a")).is_err_and(|error| error.contains("format 2")));
        assert!(read("{").is_err_and(|error| error.contains("cannot be understood")));
    }
}
