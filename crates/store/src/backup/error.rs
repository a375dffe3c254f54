use std::io;
use std::path::{Path, PathBuf};

use crate::StoreError;

/// Why a backup could not be made or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} holds no data of a server", .path.display())]
    NoData { path: PathBuf },
    #[error("{} is inside of what is to be copied; choose a folder elsewhere", .path.display())]
    Inside { path: PathBuf },
    #[error("{} is in use by another backup", .path.display())]
    Busy { path: PathBuf },
    #[error("{} is not empty and holds no backup; choose an empty folder", .path.display())]
    Occupied { path: PathBuf },
    #[error("{} holds the backup of another server (node {of}); choose another folder", .path.display())]
    OtherNode { path: PathBuf, of: String },
    #[error("{} holds a whole backup, which one of the settings alone would replace; choose another folder", .path.display())]
    HoldsAll { path: PathBuf },
    #[error("{} holds no backup: it has no manifest.json", .path.display())]
    NotOne { path: PathBuf },
    #[error("the backup in {} was interrupted before it was whole: make it again", .path.display())]
    Unfinished { path: PathBuf },
    #[error("{} cannot be understood: {why}", .path.display())]
    Manifest { path: PathBuf, why: String },
    #[error("{} is damaged: {why}", .path.display())]
    Damaged { path: PathBuf, why: String },
    #[error("files of the lake were removed faster than they could be copied, {attempts} times in a row")]
    Restless { attempts: usize },
    #[error(
        "the folder changed all the time for {seconds} seconds, so that no one moment of it could be taken"
    )]
    NeverStill { seconds: u64 },
    #[error(
        "table {table} names the file {file:?}, which is not in its folder: another program has put it there"
    )]
    Elsewhere { table: String, file: String },
    #[error("{} is not empty: a backup is restored into a folder that is empty or not there yet", .path.display())]
    NotEmpty { path: PathBuf },
    #[error(
        "the lake of this backup is {bucket}, and is not in it: restore with --lake {bucket}, or storage.lake in the \
         configuration"
    )]
    Bucket { bucket: String },
    #[error("the lake of this backup was in a folder, and cannot be restored into {bucket}; give --lake DIR")]
    IntoBucket { bucket: String },
}

/// Says which file it was.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> BackupError + use<> {
    let path = path.to_owned();
    move |source| BackupError::File { path, source }
}
