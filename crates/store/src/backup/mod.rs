//! Backup and restore: a plain folder with what a data folder held at one moment, and a manifest that says what belongs to it.
//!
//! ```text
//! DIR/manifest.json     written last: the backup is what it names, whatever else is there
//! DIR/state-MICROS/     what changes: log/, settings.sqlite, audit.sqlite, going-on.json, node-id, types.toml
//! DIR/lake/TABLE/       files of the lake, which never change: the next backup copies only those that are not there
//! DIR/unfinished        there while a backup is made
//! ```
//!
//! # One moment of a folder that is in use
//!
//! What a server does to its folder may be cut off at any moment by `kill -9`, and the next start makes it whole: so a copy
//! of what the disk held at one moment is a backup. The moment is found by looking twice: if neither
//! `going-on.json` nor the newest version of any table has changed meanwhile, nothing has settled, and the log's segments
//! opened in between hold all that had not. Files that a version names stay on the disk for a while after they left it
//! ([`crate::Retention::grace`]); where copying took longer and one is gone, another moment is taken, for which most is
//! copied already. The server is not asked, and not held up.

mod copy;
mod error;
mod manifest;
mod moment;
mod restore;

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::check::Progress;
use crate::clock::now;
use crate::config::{Config, LakeLocation};
use crate::folder::{self, write_synced};
use crate::lake::{LakeFile, Place, keys, nodes};
use crate::store::{STACK_BYTES, threads, wait_for};

pub use error::BackupError;
pub use manifest::{BackedUpLake, Entry, Manifest, Scope, TableSummary};
pub use restore::{restore, verify};

use copy::Target;
use error::at;
use manifest::UNFINISHED;
use moment::Moment;

/// What becomes part of a backup.
#[derive(Debug)]
pub struct Wanted<'a> {
    pub scope: Scope,
    /// The program's version, for whoever reads the manifest.
    pub program: &'a str,
    /// Databases of others in the data folder: copies are written into the folder given. The names of the files.
    pub databases: fn(from: &Path, to: &Path) -> io::Result<Vec<String>>,
}

/// What was made, and what an operator must know of it.
#[derive(Debug)]
pub struct Made {
    pub manifest: Manifest,
    /// Bytes that were not there already.
    pub copied: u64,
    /// What the data folder itself has lost or damaged: the backup is no better than that.
    pub faults: Vec<String>,
}

/// Held while a backup is made.
const LOCK: &str = "lock";

/// What file systems make in their topmost folder.
const LOST_AND_FOUND: &str = "lost+found";

/// A moment of which files are gone before they are copied is taken again so often. Each time less is left to copy.
const ATTEMPTS_MAX: usize = 10;

/// Makes a backup of a data folder, whether a server has it open or not, or brings the one in `to` up to date. What was
/// there is a whole backup until the new one is.
pub fn back_up(
    config: &Config,
    to: &Path,
    wanted: &Wanted<'_>,
    progress: &Progress,
) -> Result<Made, BackupError> {
    let no_data = || BackupError::NoData { path: config.dir.clone() };
    let data = match fs::canonicalize(&config.dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(no_data()),
        found => found.map_err(at(&config.dir))?,
    };
    let node = folder::written_node_id(&data)?.ok_or_else(no_data)?;
    let place = Place::of(config, &data, &node)?;
    let to = prepare(to, &[Some(data.as_path()), place.folder()])?;
    suitable(&to, &node, wanted.scope)?;
    let _held = hold(&to)?;
    // Another may have been at work until now.
    let before = suitable(&to, &node, wanted.scope)?;
    write_synced(&to, &to.join(UNFINISHED), &node).map_err(at(&to.join(UNFINISHED)))?;

    let state = format!("state-{}", now().0);
    let mut target = Target::new(&to, before.as_ref(), progress);
    copy::private_folder(&to.join(&state))?;
    for name in (wanted.databases)(&data, &to.join(&state)).map_err(at(&data))? {
        target.note(&format!("{state}/{name}"))?;
    }
    let mut manifest = Manifest::new(wanted, &node, state.clone(), config);
    target.copy_if_there(&data.join("types.toml"), &format!("{state}/types.toml"))?;
    let mut faults = Vec::new();
    if wanted.scope == Scope::All {
        target.write(&format!("{state}/node-id"), format!("{node}\n").as_bytes())?;
        let (tables, found) = all(&data, &place, &state, &mut target)?;
        manifest.tables = tables;
        faults = found;
    }
    let copied = target.copied();
    manifest.files = target.into_entries();
    copy::sync(&to)?;
    manifest.write(&to)?;
    // From here on the new backup is the one that counts.
    tidy(&to, &manifest)?;
    fs::remove_file(to.join(UNFINISHED)).map_err(at(&to.join(UNFINISHED)))?;
    Ok(Made { manifest, copied, faults })
}

/// Log and lake of one moment.
fn all(
    data: &Path,
    place: &Place,
    state: &str,
    target: &mut Target<'_>,
) -> Result<(Vec<TableSummary>, Vec<String>), BackupError> {
    let runtime = threads("backup", 1, STACK_BYTES)?;
    let mut gone: HashSet<String> = HashSet::new();
    for _ in 0..ATTEMPTS_MAX {
        target.forget(&format!("{state}/log/"));
        target.forget("lake/");
        let moment = Moment::take(data, place.folder())?;
        if let Some(going) = &moment.going {
            target.write(&format!("{state}/going-on.json"), going)?;
        }
        copy::private_folder(&target.path(&format!("{state}/log")))?;
        for (name, segment) in &moment.segments {
            target.copy_open(segment, &format!("{state}/log/{name}"))?;
        }
        let Some(lake) = place.folder() else { return Ok((Vec::new(), Vec::new())) };
        let tables = wait_for(&runtime, moment.tables(place));
        // Its oldest commits were tidied away between the look and this.
        let Ok(tables) = tables else { continue };
        let mut missing = HashSet::new();
        // All commits first: copying files takes long, and old commits go.
        for (name, _) in &tables {
            copy_commits(lake, name, moment.versions.get(name).copied(), target, &mut missing)?;
        }
        for (name, files) in &tables {
            copy_files(lake, name, files, target, &mut missing)?;
        }
        copy_folder(lake, nodes::FOLDER, target)?;
        // What was gone before, and is still named, was never there.
        if missing.is_subset(&gone) {
            let mut faults: Vec<String> =
                missing.into_iter().map(|file| format!("{file} is missing in the data folder")).collect();
            faults.extend(target.take_faults());
            faults.sort();
            return Ok((summaries(&moment.versions, &tables), faults));
        }
        gone = missing;
    }
    Err(BackupError::Restless { attempts: ATTEMPTS_MAX })
}

fn summaries(versions: &BTreeMap<String, u64>, tables: &[(String, Vec<LakeFile>)]) -> Vec<TableSummary> {
    let of = |(name, files): &(String, Vec<LakeFile>)| TableSummary {
        name: name.clone(),
        version: versions.get(name).copied().unwrap_or_default(),
        files: files.len() as u64,
        rows: files.iter().map(|file| file.rows).sum(),
    };
    tables.iter().map(of).collect()
}

/// The commits up to a version.
fn copy_commits(
    lake: &Path,
    name: &str,
    version: Option<u64>,
    target: &mut Target<'_>,
    missing: &mut HashSet<String>,
) -> Result<(), BackupError> {
    let folder = lake.join(name);
    let commits = moment::commits(&folder).map_err(at(&folder))?;
    for (commit, file) in commits {
        if version.is_some_and(|version| commit <= version) {
            let path = format!("lake/{name}/_delta_log/{file}");
            if !target.copy_immutable(&folder.join("_delta_log").join(&file), &path, None)? {
                missing.insert(path);
            }
        }
    }
    Ok(())
}

/// The files that a version names, and their filters.
fn copy_files(
    lake: &Path,
    name: &str,
    files: &[LakeFile],
    target: &mut Target<'_>,
    missing: &mut HashSet<String>,
) -> Result<(), BackupError> {
    let folder = lake.join(name);
    target.expect(files.iter().filter(|file| file.checksum.is_some()).map(|file| file.bytes).sum());
    for file in files {
        let path = format!("lake/{name}/{}", file.name);
        if !manifest::is_below(&path) {
            return Err(BackupError::Elsewhere { table: name.to_owned(), file: file.name.clone() });
        }
        if !target.copy_immutable(&folder.join(&file.name), &path, file.checksum)? {
            missing.insert(path);
        }
        // A file without a filter is read by every question, and that is all.
        let filter = keys::file_name(&file.name);
        let path = format!("lake/{name}/{}/{filter}", keys::FOLDER);
        target.copy_immutable(&folder.join(keys::FOLDER).join(&filter), &path, None)?;
    }
    Ok(())
}

fn copy_folder(lake: &Path, name: &str, target: &mut Target<'_>) -> Result<(), BackupError> {
    let folder = lake.join(name);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(at(&folder))?,
    };
    for entry in entries {
        let file = entry.map_err(at(&folder))?.file_name();
        if let Some(file) = file.to_str() {
            target.copy_immutable(&folder.join(file), &format!("lake/{name}/{file}"), None)?;
        }
    }
    Ok(())
}

/// Makes the folder, and sees that it is not inside of what is copied.
fn prepare(to: &Path, sources: &[Option<&Path>]) -> Result<PathBuf, BackupError> {
    let absolute = std::path::absolute(to).map_err(at(to))?;
    // Before anything is made: of a folder that is not there yet, the nearest above it that is.
    let there = absolute.ancestors().find(|folder| folder.exists()).unwrap_or(&absolute);
    let there = fs::canonicalize(there).map_err(at(to))?;
    if sources.iter().flatten().any(|source| there.starts_with(source)) {
        return Err(BackupError::Inside { path: to.to_owned() });
    }
    copy::private_folder(&absolute)?;
    fs::canonicalize(&absolute).map_err(at(to))
}

/// One backup at a time goes into a folder.
fn hold(to: &Path) -> Result<File, BackupError> {
    let path = to.join(LOCK);
    // Written, because a lock on a network file system asks for that.
    let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(at(&path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(BackupError::Busy { path: to.to_owned() }),
        Err(fs::TryLockError::Error(source)) => Err(at(&path)(source)),
    }
}

/// Whether a backup of this node may go there: the one that is there, if there is one.
fn suitable(to: &Path, node: &str, scope: Scope) -> Result<Option<Manifest>, BackupError> {
    let other = |of: &str| BackupError::OtherNode { path: to.to_owned(), of: of.to_owned() };
    match Manifest::read(to) {
        Ok(before) if before.node != node => Err(other(&before.node)),
        Ok(before) if before.scope == Scope::All && scope == Scope::Settings => {
            Err(BackupError::HoldsAll { path: to.to_owned() })
        }
        Ok(before) => Ok(Some(before)),
        Err(BackupError::Unfinished { .. }) => {
            let of = fs::read_to_string(to.join(UNFINISHED)).map_err(at(&to.join(UNFINISHED)))?;
            if of.trim() == node { Ok(None) } else { Err(other(of.trim())) }
        }
        Err(BackupError::NotOne { .. }) => {
            if is_empty(to, &[LOCK])? {
                Ok(None)
            } else {
                Err(BackupError::Occupied { path: to.to_owned() })
            }
        }
        Err(error) => Err(error),
    }
}

/// But for what a file system makes in its topmost folder, and what else does not count.
fn is_empty(folder: &Path, without: &[&str]) -> Result<bool, BackupError> {
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let name = entry.map_err(at(folder))?.file_name();
        if name != LOST_AND_FOUND && !without.iter().any(|other| name == *other) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Removes what earlier backups named and this one does not: states, and files of the lake.
fn tidy(to: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    for entry in fs::read_dir(to).map_err(at(to))? {
        let name = entry.map_err(at(to))?.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.starts_with("state-") && name != manifest.state {
            fs::remove_dir_all(to.join(name)).map_err(at(&to.join(name)))?;
        }
    }
    let named: HashSet<&str> = manifest.files.iter().map(|file| file.path.as_str()).collect();
    let mut folders = vec!["lake".to_owned()];
    while let Some(below) = folders.pop() {
        let folder = to.join(&below);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(at(&folder))?,
        };
        for entry in entries {
            let entry = entry.map_err(at(&folder))?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let below = format!("{below}/{name}");
            if entry.file_type().map_err(at(&folder))?.is_dir() {
                folders.push(below);
            } else if !named.contains(below.as_str()) {
                fs::remove_file(entry.path()).map_err(at(&entry.path()))?;
            }
        }
    }
    Ok(())
}

/// What the manifest says of where the lake is.
fn lake_of(location: &LakeLocation, scope: Scope) -> BackedUpLake {
    match (location, scope) {
        (_, Scope::Settings) => BackedUpLake::None,
        (LakeLocation::Bucket(bucket), Scope::All) => BackedUpLake::Bucket(bucket.to_string()),
        (LakeLocation::DataFolder | LakeLocation::Folder(_), Scope::All) => BackedUpLake::Copied,
    }
}
