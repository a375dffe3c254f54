//! Files into a backup, each with its checksum; those that are there already are left.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::error::at;
use super::{BackupError, Entry, Manifest};
use crate::check::Progress;

/// Read at a time.
const PIECE_BYTES: usize = 1 << 20;

/// Where a backup goes, and what of it is there.
pub(super) struct Target<'a> {
    folder: &'a Path,
    /// Of the backup before.
    known: HashMap<&'a str, &'a Entry>,
    entries: BTreeMap<String, Entry>,
    /// Of earlier moments of this backup.
    forgotten: HashMap<String, Entry>,
    progress: &'a Progress,
    copied: u64,
    faults: Vec<String>,
}

impl<'a> Target<'a> {
    pub(super) fn new(folder: &'a Path, before: Option<&'a Manifest>, progress: &'a Progress) -> Self {
        let known = before.into_iter().flat_map(|before| &before.files);
        Self {
            folder,
            known: known.map(|file| (file.path.as_str(), file)).collect(),
            entries: BTreeMap::new(),
            forgotten: HashMap::new(),
            progress,
            copied: 0,
            faults: Vec::new(),
        }
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    pub(super) fn expect(&self, bytes: u64) {
        self.progress.expect(bytes);
    }

    pub(super) fn copied(&self) -> u64 {
        self.copied
    }

    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries.into_values().collect()
    }

    pub(super) fn take_faults(&mut self) -> Vec<String> {
        std::mem::take(&mut self.faults)
    }

    /// What begins like this does not belong to the backup after all.
    pub(super) fn forget(&mut self, start: &str) {
        let entries = std::mem::take(&mut self.entries);
        let (forgotten, kept) = entries.into_iter().partition(|(path, _)| path.starts_with(start));
        self.forgotten.extend::<BTreeMap<_, _>>(forgotten);
        self.entries = kept;
        self.faults.clear();
    }

    /// Takes up a file that was written there by others.
    pub(super) fn note(&mut self, path: &str) -> Result<(), BackupError> {
        let file = self.path(path);
        let (bytes, crc32) = sum(&file).map_err(at(&file))?;
        self.copied += bytes;
        self.enter(path, bytes, crc32);
        Ok(())
    }

    pub(super) fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), BackupError> {
        let to = self.path(path);
        private_file(&to).and_then(|mut file| file.write_all(bytes)).map_err(at(&to))?;
        self.copied += bytes.len() as u64;
        self.enter(path, bytes.len() as u64, crc32fast::hash(bytes));
        Ok(())
    }

    /// A file that may change, or not be there.
    pub(super) fn copy_if_there(&mut self, from: &Path, path: &str) -> Result<(), BackupError> {
        match File::open(from) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            opened => self.copy(&opened.map_err(at(from))?, path).map(drop),
        }
    }

    /// As much of it as is there now.
    pub(super) fn copy_open(&mut self, mut from: &File, path: &str) -> Result<(), BackupError> {
        let bytes = from.metadata().map_err(at(&self.path(path)))?.len();
        self.expect(bytes);
        from.rewind().map_err(at(&self.path(path)))?;
        self.copy(from, path)?;
        self.progress.advance(bytes);
        Ok(())
    }

    /// A file that never changes; `false` if it is gone. `checksum` is what its writer noted; without that its bytes say
    /// whether it is the one that is there: a lake that was restored has made others under the same names.
    pub(super) fn copy_immutable(
        &mut self,
        from: &Path,
        path: &str,
        checksum: Option<u32>,
    ) -> Result<bool, BackupError> {
        let source = match File::open(from) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            opened => opened.map_err(at(from))?,
        };
        let (bytes, wanted) = match checksum {
            Some(checksum) => (source.metadata().map_err(at(from))?.len(), checksum),
            None => pour(&source, &mut io::sink()).map_err(at(from))?,
        };
        let crc32 = if self.has(path, bytes, wanted)? {
            self.enter(path, bytes, wanted);
            wanted
        } else {
            (&source).rewind().map_err(at(from))?;
            self.copy(&source, path)?
        };
        if checksum.is_some_and(|checksum| checksum != crc32) {
            self.faults.push(format!("{path} is damaged in the data folder: see rhapsode check --deep"));
        }
        if checksum.is_some() {
            self.progress.advance(bytes);
        }
        Ok(true)
    }

    /// Whether a file is there already, and is what it should be.
    fn has(&self, path: &str, bytes: u64, crc32: u32) -> Result<bool, BackupError> {
        let there = self.path(path);
        match fs::metadata(&there) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            found => {
                if found.map_err(at(&there))?.len() != bytes {
                    return Ok(false);
                }
            }
        }
        if let Some(known) = self.known.get(path).copied().or_else(|| self.forgotten.get(path))
            && (known.bytes, known.crc32) == (bytes, crc32)
        {
            return Ok(true);
        }
        // Left by a backup that was interrupted: its bytes tell.
        Ok(sum(&there).map_err(at(&there))?.1 == crc32)
    }

    fn copy(&mut self, from: &File, path: &str) -> Result<u32, BackupError> {
        let to = self.path(path);
        if let Some(folder) = to.parent() {
            private_folder(folder)?;
        }
        // Whole or not at all: what is there may belong to the backup before, which counts until this one is whole.
        let mut new = to.clone().into_os_string();
        new.push(".new");
        let new = PathBuf::from(new);
        let (bytes, crc32) =
            private_file(&new).and_then(|mut file| pour(from, &mut file)).map_err(at(&new))?;
        fs::rename(&new, &to).map_err(at(&to))?;
        self.copied += bytes;
        self.enter(path, bytes, crc32);
        Ok(crc32)
    }

    fn enter(&mut self, path: &str, bytes: u64, crc32: u32) {
        self.entries.insert(path.to_owned(), Entry { path: path.to_owned(), bytes, crc32 });
    }
}

/// Copies all, and says how much and what it was.
pub(super) fn pour(mut from: impl Read, to: &mut dyn io::Write) -> io::Result<(u64, u32)> {
    let mut hasher = crc32fast::Hasher::new();
    let mut piece = vec![0; PIECE_BYTES];
    let mut bytes = 0;
    loop {
        let count = match from.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else {
            return Ok((bytes, hasher.finalize()));
        };
        hasher.update(read);
        to.write_all(read)?;
        bytes += count as u64;
    }
}

/// Of a file: bytes and CRC-32.
pub(super) fn sum(path: &Path) -> io::Result<(u64, u32)> {
    pour(File::open(path)?, &mut io::sink())
}

/// Empty, and read by its owner alone: it may hold payloads, hashes of passwords, keys.
pub(super) fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)
}

/// With those above it that are missing; one that is there is left as it is.
pub(super) fn private_folder(path: &Path) -> Result<(), BackupError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(at(path))
}

/// All that was written is on the disk when this returns.
pub(super) fn sync(folder: &Path) -> Result<(), BackupError> {
    let open = File::open(folder).map_err(at(folder))?;
    rustix::fs::syncfs(&open).map_err(|error| at(folder)(error.into()))
}
