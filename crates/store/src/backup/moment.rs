//! What a data folder held at one moment, found without stopping who writes there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use deltalake::{DeltaTableBuilder, DeltaTableError};

use super::BackupError;
use super::error::at;
use crate::StoreError;
use crate::lake::{LakeFile, Place, files_of};

/// See the module above.
pub(super) struct Moment {
    /// `going-on.json`, if there is one.
    pub(super) going: Option<Vec<u8>>,
    /// The newest version of each table.
    pub(super) versions: BTreeMap<String, u64>,
    /// Open, so that they can be read after they were removed.
    pub(super) segments: BTreeMap<String, File>,
}

/// A look takes milliseconds, and the least that lies between two settlings is a second: a server that never leaves a
/// gap for one is none.
const STILL_TIME_MAX: Duration = Duration::from_secs(60);

const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);

impl Moment {
    /// `lake` is its folder; none where it is in a bucket.
    pub(super) fn take(data: &Path, lake: Option<&Path>) -> Result<Self, BackupError> {
        let begun = Instant::now();
        while begun.elapsed() < STILL_TIME_MAX {
            let before = look(data, lake)?;
            let segments = open_segments(&data.join("log"))?;
            if look(data, lake)? == before {
                let (going, versions) = before;
                return Ok(Self { going, versions, segments });
            }
            thread::sleep(LOOK_AGAIN_AFTER);
        }
        Err(BackupError::NeverStill { seconds: STILL_TIME_MAX.as_secs() })
    }

    /// The files that the versions consist of.
    pub(super) async fn tables(&self, place: &Place) -> Result<Vec<(String, Vec<LakeFile>)>, StoreError> {
        let mut tables = Vec::new();
        for (name, version) in &self.versions {
            let url = place.url(name)?;
            let files = files_at(place, url, *version).await;
            let files = files.map_err(|error| StoreError::Internal(format!("table {name}: {error}")))?;
            tables.push((name.clone(), files));
        }
        Ok(tables)
    }
}

async fn files_at(place: &Place, url: url::Url, version: u64) -> Result<Vec<LakeFile>, DeltaTableError> {
    let delta = DeltaTableBuilder::from_url(url.clone())?
        .with_storage_backend(Arc::clone(&place.store), url)
        .with_version(version)
        .load()
        .await?;
    Ok(files_of(delta.snapshot()?))
}

type Look = (Option<Vec<u8>>, BTreeMap<String, u64>);

fn look(data: &Path, lake: Option<&Path>) -> Result<Look, BackupError> {
    let path = data.join("going-on.json");
    let going = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        read => Some(read.map_err(at(&path))?),
    };
    let mut versions = BTreeMap::new();
    for (name, is_folder) in lake.map_or(Ok(Vec::new()), |lake| list(lake).map_err(at(lake)))? {
        let Some(folder) = lake.map(|lake| lake.join(&name)).filter(|_| is_folder) else { continue };
        let newest = commits(&folder).map_err(at(&folder))?.into_iter().map(|(version, _)| version).max();
        if let Some(newest) = newest {
            versions.insert(name, newest);
        }
    }
    Ok((going, versions))
}

/// The commits and checkpoints of a table, by version; none if it is no Delta table.
pub(super) fn commits(table: &Path) -> io::Result<Vec<(u64, String)>> {
    let names = list(&table.join("_delta_log"))?.into_iter().map(|(name, _)| name);
    Ok(names.filter_map(|name| Some((version(&name)?, name))).collect())
}

/// Delta protocol, "Delta Log Entries" and "Checkpoints": twenty digits, then what it is.
fn version(name: &str) -> Option<u64> {
    const DIGITS: usize = 20;
    let (digits, kind) = name.split_at_checked(DIGITS)?;
    let is_part = kind == ".json" || (kind.starts_with(".checkpoint") && kind.ends_with(".parquet"));
    if is_part && digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// One that is gone when it is to be opened held nothing that is not settled.
fn open_segments(log: &Path) -> Result<BTreeMap<String, File>, BackupError> {
    let mut segments = BTreeMap::new();
    for (name, is_folder) in list(log).map_err(at(log))? {
        if is_folder {
            continue;
        }
        let path = log.join(&name);
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => {
                segments.insert(name, opened.map_err(at(&path))?);
            }
        }
    }
    Ok(segments)
}

/// Names, and whether each is a folder; nothing where there is no folder.
fn list(folder: &Path) -> io::Result<Vec<(String, bool)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string() {
            names.push((name, entry.file_type()?.is_dir()));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn commits_and_checkpoints_have_a_version_and_nothing_else_does() {
        assert_eq!(version("00000000000000000012.json"), Some(12));
        assert_eq!(version("00000000000000000050.checkpoint.parquet"), Some(50));
        assert_eq!(version("00000000000000000050.checkpoint.0000000001.0000000002.parquet"), Some(50));
        for name in
            ["_last_checkpoint", "00000000000000000012.json.tmp", "0012.json", "0000000000000000001x.json"]
        {
            assert_eq!(version(name), None, "{name}");
        }
    }
}
