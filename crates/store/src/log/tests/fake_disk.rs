//! A disk in memory that tears writes, forgets what was not synced and fails when told to.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::log::{Disk, SegmentFile};

/// A call that fails once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// No space: nothing is written.
    WriteNothing,
    /// No space after a part was written.
    WriteShort,
    /// The device fails: what was dirty may be on it or not, and will not be tried again.
    Sync,
    Truncate,
    Create,
    Remove,
    FolderSync,
}

impl Fault {
    pub(super) const ALL: [Self; 7] = [
        Self::WriteNothing,
        Self::WriteShort,
        Self::Sync,
        Self::Truncate,
        Self::Create,
        Self::Remove,
        Self::FolderSync,
    ];
}

/// Handle on the disk; clones share it.
#[derive(Clone, Debug)]
pub(super) struct FakeDisk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    files: BTreeMap<String, Contents>,
    /// Removed since the folder was last synced: a crash may bring them back.
    removed: BTreeMap<String, Contents>,
    /// Names that survive a crash.
    durable_names: BTreeSet<String>,
    faults: BTreeSet<Fault>,
    random: u64,
}

#[derive(Clone, Debug, Default)]
struct Contents {
    /// What reads see.
    cached: Vec<u8>,
    /// What survives a crash.
    durable: Vec<u8>,
    /// What happened to `cached` since the last sync.
    pending: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate(usize),
}

impl FakeDisk {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            files: BTreeMap::new(),
            removed: BTreeMap::new(),
            durable_names: BTreeSet::new(),
            faults: BTreeSet::new(),
            random: seed | 1,
        })))
    }

    pub(super) fn set_faults(&self, faults: &[Fault]) {
        self.state().faults = faults.iter().copied().collect();
    }

    pub(super) fn file_count(&self) -> usize {
        self.state().files.len()
    }

    /// Power is cut: of what was not synced any part may have reached the disk.
    pub(super) fn crash(&self) {
        let mut state = self.state();
        let state = &mut *state;
        state.faults.clear();
        let mut random = state.random;
        state.files.append(&mut state.removed);
        state.files.retain(|name, contents| {
            for change in std::mem::take(&mut contents.pending) {
                contents.apply_partly(change, &mut random);
            }
            contents.cached.clone_from(&contents.durable);
            state.durable_names.contains(name) || draw(&mut random, 2) == 0
        });
        state.random = random;
        state.durable_names = state.files.keys().cloned().collect();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic while the disk is locked")
    }
}

impl State {
    fn fails(&mut self, fault: Fault) -> bool {
        self.faults.remove(&fault)
    }
}

impl Contents {
    fn apply(target: &mut Vec<u8>, change: &Change) {
        match change {
            Change::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if target.len() < end {
                    target.resize(end, 0);
                }
                target[*offset..end].copy_from_slice(bytes);
            }
            Change::Truncate(length) => target.resize(*length, 0),
        }
    }

    /// Nothing, all, a beginning, or scattered pieces with zeros between.
    fn apply_partly(&mut self, change: Change, random: &mut u64) {
        match (draw(random, 4), change) {
            (0, _) => {}
            (1, change) => Self::apply(&mut self.durable, &change),
            (2, Change::Write { offset, mut bytes }) => {
                bytes.truncate(draw(random, bytes.len() as u64 + 1) as usize);
                Self::apply(&mut self.durable, &Change::Write { offset, bytes });
            }
            (_, Change::Write { offset, mut bytes }) => {
                for piece in bytes.chunks_mut(64) {
                    if draw(random, 2) == 0 {
                        piece.fill(0);
                    }
                }
                Self::apply(&mut self.durable, &Change::Write { offset, bytes });
            }
            (_, change @ Change::Truncate(_)) => Self::apply(&mut self.durable, &change),
        }
    }
}

impl Disk for FakeDisk {
    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        Ok(self.state().files.iter().map(|(name, file)| (name.clone(), file.cached.len() as u64)).collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn SegmentFile>> {
        let mut state = self.state();
        if state.fails(Fault::Create) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        assert!(state.files.insert(name.to_owned(), Contents::default()).is_none(), "{name} exists");
        Ok(Box::new(FakeFile { disk: self.clone(), name: name.to_owned() }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn SegmentFile>> {
        if !self.state().files.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Box::new(FakeFile { disk: self.clone(), name: name.to_owned() }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        if state.fails(Fault::Remove) {
            return Err(io::Error::from_raw_os_error(5));
        }
        let contents = state.files.remove(name).ok_or(io::ErrorKind::NotFound)?;
        // Whether the removal itself reaches the disk is a toss until the folder is synced.
        if draw(&mut state.random, 2) == 0 {
            state.durable_names.remove(name);
        }
        state.removed.insert(name.to_owned(), contents);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state();
        if state.fails(Fault::FolderSync) {
            return Err(io::Error::from_raw_os_error(5));
        }
        state.durable_names = state.files.keys().cloned().collect();
        state.removed.clear();
        Ok(())
    }
}

struct FakeFile {
    disk: FakeDisk,
    name: String,
}

impl FakeFile {
    fn change(&self, contents: &mut Contents, change: Change) {
        Contents::apply(&mut contents.cached, &change);
        contents.pending.push(change);
    }

    fn with<T>(&self, act: impl FnOnce(&mut State, &mut Contents) -> T) -> T {
        let mut state = self.disk.state();
        // A removed file stays usable through its handle; what is written to it goes nowhere.
        let Some(mut contents) = state.files.remove(&self.name) else {
            return act(&mut state, &mut Contents::default());
        };
        let result = act(&mut state, &mut contents);
        state.files.insert(self.name.clone(), contents);
        result
    }
}

impl SegmentFile for FakeFile {
    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.with(|state, contents| {
            let offset = offset as usize;
            if state.fails(Fault::WriteNothing) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            if state.fails(Fault::WriteShort) {
                let part = draw(&mut state.random, bytes.len() as u64 + 1) as usize;
                self.change(contents, Change::Write { offset, bytes: bytes[..part].to_vec() });
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.change(contents, Change::Write { offset, bytes: bytes.to_vec() });
            Ok(())
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        self.with(|state, contents| {
            let fails = state.fails(Fault::Sync);
            for change in std::mem::take(&mut contents.pending) {
                if fails {
                    contents.apply_partly(change, &mut state.random);
                } else {
                    Contents::apply(&mut contents.durable, &change);
                }
            }
            if fails { Err(io::Error::from_raw_os_error(5)) } else { Ok(()) }
        })
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.with(|state, contents| {
            if state.fails(Fault::Truncate) {
                return Err(io::Error::from_raw_os_error(5));
            }
            self.change(contents, Change::Truncate(length as usize));
            Ok(())
        })
    }

    fn length(&self) -> io::Result<u64> {
        self.with(|_, contents| Ok(contents.cached.len() as u64))
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.with(|_, contents| {
            let from = offset as usize;
            let read = contents.cached.get(from..from + buffer.len());
            buffer.copy_from_slice(read.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }
}

/// Below `limit`, from a xorshift state that is never zero.
fn draw(state: &mut u64, limit: u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) % limit
}
