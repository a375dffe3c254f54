//! Files of a data folder: how many, how large, and what room there is for more.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::statvfs;

/// All files below a folder.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    Ok(files)
}

/// Bytes below a folder, which may change meanwhile.
pub(crate) fn bytes(folder: &Path) -> Result<u64> {
    Ok(files(folder)?.iter().filter_map(|file| fs::metadata(file).ok()).map(|about| about.len()).sum())
}

/// What may still be written there.
pub(crate) fn free_bytes(folder: &Path) -> Result<u64> {
    let about = statvfs(folder).with_context(|| folder.display().to_string())?;
    Ok(about.f_bavail * about.f_frsize)
}
