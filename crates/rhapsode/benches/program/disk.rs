//! Files of a data folder: how large, copied, and out of the kernel's memory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{Advice, fadvise, statvfs};

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

/// Copies a data folder without its server. The files of the lake are hard links, since the server writes each of them
/// once and replaces it by another: a copy costs nothing and changes to it do not touch what it was made from.
pub(crate) fn copy_data(from: &Path, to: &Path) -> Result<()> {
    for file in files(from)? {
        let place = file.strip_prefix(from)?;
        let target = to.join(place);
        fs::create_dir_all(target.parent().context("a file has a folder")?)?;
        if place.starts_with("lake") {
            fs::hard_link(&file, &target).with_context(|| target.display().to_string())?;
        } else {
            fs::copy(&file, &target).with_context(|| target.display().to_string())?;
        }
    }
    Ok(())
}

/// Takes the files below a folder out of the page cache; those of nobody else, as `drop_caches` would.
pub(crate) fn forget(folder: &Path) -> Result<()> {
    for path in files(folder)? {
        let Ok(file) = File::open(&path) else { continue };
        // Only what is on disk can be forgotten.
        file.sync_data().ok();
        fadvise(&file, 0, None, Advice::DontNeed).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
