//! From a backup to a data folder: into an empty one, every byte against its checksum.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::copy::{self, pour, private_file, private_folder, sum};
use super::error::at;
use super::{BackedUpLake, BackupError, Entry, LOST_AND_FOUND, Manifest, Scope, is_empty};
use crate::check::Progress;
use crate::config::LakeLocation;
use crate::folder::RESTORING;

/// Reads a backup whole, against its checksums.
pub fn verify(from: &Path, progress: &Progress) -> Result<Manifest, BackupError> {
    let manifest = Manifest::read(from)?;
    let sizes = sizes(from, &manifest)?;
    progress.expect(sizes);
    for file in &manifest.files {
        let path = from.join(&file.path);
        agree(&path, file, sum(&path).map_err(at(&path))?)?;
        progress.advance(file.bytes);
    }
    Ok(manifest)
}

/// Makes a data folder of a backup, and the lake's where that is to be another. A folder in which this did not come to
/// its end is emptied again; one that was killed meanwhile is opened by no server.
pub fn restore(
    from: &Path,
    data: &Path,
    lake: &LakeLocation,
    progress: &Progress,
) -> Result<Manifest, BackupError> {
    let manifest = Manifest::read(from)?;
    let lake = match (&manifest.lake, lake) {
        (BackedUpLake::Bucket(bucket), lake) if lake.to_string() != *bucket => {
            return Err(BackupError::Bucket { bucket: bucket.clone() });
        }
        (BackedUpLake::Copied, LakeLocation::Folder(folder)) => Some(folder.clone()),
        (BackedUpLake::Copied, LakeLocation::DataFolder) => Some(data.join("lake")),
        // What a bucket holds is not known, so nothing is put there.
        (BackedUpLake::Copied, LakeLocation::Bucket(bucket)) => {
            return Err(BackupError::IntoBucket { bucket: bucket.to_string() });
        }
        (BackedUpLake::Bucket(_) | BackedUpLake::None, _) => None,
    };
    // Before anything is written.
    let bytes = sizes(from, &manifest)?;
    for folder in [Some(data), lake.as_deref()].into_iter().flatten() {
        let is_free = match is_empty(folder, &[]) {
            Err(BackupError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => true,
            empty => empty?,
        };
        if !is_free {
            return Err(BackupError::NotEmpty { path: folder.to_owned() });
        }
    }
    progress.expect(bytes);
    let places = Places { from, data, lake: lake.as_deref(), state: &manifest.state };
    let done = fill(&places, &manifest, progress);
    if done.is_err() {
        // They were empty before; what cannot be removed is told by the marker.
        for folder in [lake.as_deref(), Some(data)].into_iter().flatten() {
            empty(folder);
        }
    }
    done.map(|()| manifest)
}

/// What goes where.
struct Places<'a> {
    from: &'a Path,
    data: &'a Path,
    lake: Option<&'a Path>,
    state: &'a str,
}

impl Places<'_> {
    fn of(&self, file: &Entry) -> Option<PathBuf> {
        if let Some(below) = file.path.strip_prefix("lake/") {
            return self.lake.map(|lake| lake.join(below));
        }
        let below = file.path.strip_prefix(self.state)?.strip_prefix('/')?;
        Some(self.data.join(below))
    }
}

fn fill(places: &Places<'_>, manifest: &Manifest, progress: &Progress) -> Result<(), BackupError> {
    private_folder(places.data)?;
    let marker = places.data.join(RESTORING);
    File::create(&marker).and_then(|file| file.sync_all()).map_err(at(&marker))?;
    if manifest.scope == Scope::All {
        private_folder(&places.data.join("log"))?;
    }
    for file in &manifest.files {
        let from = places.from.join(&file.path);
        let Some(to) = places.of(file) else {
            return Err(BackupError::Damaged {
                path: from,
                why: "it is no part of a data folder".to_owned(),
            });
        };
        if let Some(folder) = to.parent() {
            private_folder(folder)?;
        }
        let source = File::open(&from).map_err(at(&from))?;
        let copied = private_file(&to).and_then(|mut to| pour(source, &mut to)).map_err(at(&to))?;
        agree(&from, file, copied)?;
        progress.advance(file.bytes);
    }
    for folder in [Some(places.data), places.lake].into_iter().flatten() {
        if folder.exists() {
            copy::sync(folder)?;
        }
    }
    fs::remove_file(&marker).map_err(at(&marker))?;
    copy::sync(places.data)
}

/// Whether all files are there and as long as they should be; how long they are together.
fn sizes(from: &Path, manifest: &Manifest) -> Result<u64, BackupError> {
    for file in &manifest.files {
        let path = from.join(&file.path);
        let found = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BackupError::Damaged { path, why: "it is missing".to_owned() });
            }
            found => found.map_err(at(&path))?.len(),
        };
        if found != file.bytes {
            let why = format!("it has {found} bytes instead of {}", file.bytes);
            return Err(BackupError::Damaged { path, why });
        }
    }
    Ok(manifest.bytes())
}

fn agree(path: &Path, file: &Entry, found: (u64, u32)) -> Result<(), BackupError> {
    if found == (file.bytes, file.crc32) {
        return Ok(());
    }
    let why = format!("its checksum is {:08x} instead of {:08x}", found.1, file.crc32);
    Err(BackupError::Damaged { path: path.to_owned(), why })
}

fn empty(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    // The marker last: as long as anything is left, no server opens the folder.
    let (markers, others): (Vec<_>, Vec<_>) =
        entries.flatten().partition(|entry| entry.file_name() == RESTORING);
    for entry in others.into_iter().chain(markers) {
        if entry.file_name() == LOST_AND_FOUND {
            continue;
        }
        let path = entry.path();
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        if let Err(error) = removed {
            tracing::warn!(path = %path.display(), %error, "cannot remove what was restored");
            return;
        }
    }
}
