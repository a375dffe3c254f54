//! Room on the lake's disk that is kept for one thing: the commits that make room.
//!
//! A disk filled to its last byte, by whatever program, has no room for the commit that takes the oldest files out of
//! their table, and without it none may be deleted. So a file of some size waits to be given up then.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::lake::Place;

/// For commits that remove thousands of files: each takes less than a kilobyte there.
const BYTES: u64 = 4 << 20;

/// Of a lake in a bucket there is none.
pub(crate) struct Reserve {
    path: Option<PathBuf>,
    /// It could not be made when that was tried last, which was told.
    has_failed: bool,
}

impl Reserve {
    /// Each node has its own, since several may write to one lake. What begins with `_` is no table, to those who list
    /// them by their folders.
    pub(crate) fn of(place: &Place, node: &str) -> Self {
        Self { path: place.folder().map(|folder| folder.join(format!("_reserve-{node}"))), has_failed: false }
    }

    /// Sets the room aside, where `free_disk` leaves enough for others.
    pub(crate) fn keep(&mut self, free_disk: Option<u64>) {
        let Some(path) = &self.path else { return };
        let is_kept = fs::metadata(path).is_ok_and(|file| file.len() == BYTES);
        if is_kept || free_disk.is_none_or(|free| free < 2 * BYTES) {
            return;
        }
        let written = write(path);
        if let Err(error) = &written {
            if !self.has_failed {
                tracing::warn!(path = %path.display(), %error, "cannot set room aside for a full disk");
            }
            self.give_up();
        }
        self.has_failed = written.is_err();
    }

    /// Whether there was any room to give.
    pub(crate) fn give_up(&self) -> bool {
        self.path.as_ref().is_some_and(|path| fs::remove_file(path).is_ok())
    }
}

/// Bytes that no file system compresses away.
fn write(path: &Path) -> io::Result<()> {
    let mut bytes = vec![0; BYTES as usize];
    fastrand::Rng::with_seed(1).fill(&mut bytes);
    let mut file = File::create(path)?;
    file.write_all(&bytes)?;
    file.sync_all()
}
