use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::block::{Block, BlockBuilder, COMPRESSION_LEVEL, SEQ_MAX};
use super::disk::{Disk, Folder, SegmentFile};
use super::replay::{Cursor, Found, Replay};
use super::segment::{Name, Segment};

/// How a log is opened.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A segment is closed before it would grow past this.
    pub segment_bytes_max: u64,
    /// The highest sequence number that any table has settled: numbers go on from there even if every segment is
    /// gone.
    pub floor: u64,
}

impl Options {
    /// 64 MiB: about a million messages, so that what settling frees comes back in useful pieces.
    pub const SEGMENT_BYTES_MAX: u64 = 64 << 20;
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes_max: Self::SEGMENT_BYTES_MAX, floor: 0 }
    }
}

/// Why the log could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("cannot open the log folder: {0}")]
    Open(#[source] io::Error),
    #[error("cannot read the last log segment {segment}: {source}")]
    Read { segment: String, source: io::Error },
    #[error("cannot create a log segment: {0}")]
    Create(#[source] io::Error),
    #[error("cannot write to log segment {segment}: {source}")]
    Write { segment: String, source: io::Error },
    #[error("cannot sync log segment {segment}: {source}")]
    Sync { segment: String, source: io::Error },
    #[error("cannot compress a log block: {0}")]
    Compress(#[source] io::Error),
    #[error("cannot delete log segment {segment}: {source}")]
    Delete { segment: String, source: io::Error },
    #[error("a log block must hold at least one entry")]
    Empty,
    #[error("the log has used up its sequence numbers, the last was {0}")]
    Exhausted(u64),
}

impl LogError {
    /// Whether room on the disk would cure it.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Open(source)
            | Self::Create(source)
            | Self::Compress(source)
            | Self::Read { source, .. }
            | Self::Write { source, .. }
            | Self::Sync { source, .. }
            | Self::Delete { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            Self::Empty | Self::Exhausted(_) => false,
        }
    }
}

/// The write-ahead log of one folder; see the module's documentation. One thread appends, others may delete.
pub struct Log {
    disk: Box<dyn Disk>,
    segment_bytes_max: u64,
    /// Held while a block is written and synced. Taken before `segments`, never after.
    writer: Mutex<Writer>,
    /// Oldest first; the one being written is the last.
    segments: Mutex<VecDeque<Segment>>,
}

struct Writer {
    compressor: zstd::bulk::Compressor<'static>,
    active: Option<Active>,
    next_seq: u64,
    next_number: u64,
}

struct Active {
    file: Box<dyn SegmentFile>,
    name: Name,
    /// Length up to the last accepted block.
    bytes: u64,
}

impl Log {
    /// Opens the log in `folder`, which is created if missing.
    pub fn open(folder: &Path, options: Options) -> Result<Self, LogError> {
        Self::open_on(Box::new(Folder::new(folder).map_err(LogError::Open)?), options)
    }

    /// Opens a log on any [`Disk`].
    pub fn open_on(disk: Box<dyn Disk>, options: Options) -> Result<Self, LogError> {
        let mut segments: Vec<Segment> = disk
            .list()
            .map_err(LogError::Open)?
            .into_iter()
            .filter_map(|(text, bytes)| {
                let name = Name::parse(&text)?;
                Some(Segment { name, last: name.first.saturating_sub(1), bytes, foreign: false })
            })
            .collect();
        segments.sort_unstable_by_key(|segment| segment.name);
        for place in 1..segments.len() {
            // What is not below the next segment's first number is void.
            segments[place - 1].last = segments[place].name.first.saturating_sub(1);
        }
        let mut last_seq = options.floor;
        if let Some(last) = segments.last_mut() {
            last.last = last_possible_seq(disk.as_ref(), last)?;
            last_seq = last_seq.max(last.last);
        }
        let next_number = segments.iter().map(|segment| segment.name.number + 1).max().unwrap_or(0);
        let compressor = zstd::bulk::Compressor::new(COMPRESSION_LEVEL).map_err(LogError::Compress)?;
        Ok(Self {
            disk,
            segment_bytes_max: options.segment_bytes_max,
            writer: Mutex::new(Writer { compressor, active: None, next_seq: last_seq + 1, next_number }),
            segments: Mutex::new(segments.into()),
        })
    }

    /// Makes the entries durable as the next block and takes them out of `builder`. After an error the builder
    /// still holds them, compressed, and the call may be repeated.
    pub fn append(&self, builder: &mut BlockBuilder) -> Result<Block, LogError> {
        if builder.is_empty() {
            return Err(LogError::Empty);
        }
        let mut writer = self.writer();
        let seq = writer.next_seq;
        if seq > SEQ_MAX {
            return Err(LogError::Exhausted(seq - 1));
        }
        let bytes = builder.seal(&mut writer.compressor).map_err(LogError::Compress)? as u64;
        let mut active = match writer.active.take() {
            Some(active) if active.bytes == 0 || active.bytes + bytes <= self.segment_bytes_max => active,
            _ => self.create_segment(&mut writer)?,
        };
        let block = builder.stamp(active.name.id, seq);
        if let Err((error, usable)) = self.write(&mut active, block) {
            if usable {
                writer.active = Some(active);
            } else if active.bytes == 0 {
                self.discard(&active);
            }
            return Err(error);
        }
        active.bytes += bytes;
        if let Some(segment) = self.segments().back_mut() {
            segment.last = seq;
            segment.bytes = active.bytes;
        }
        writer.active = Some(active);
        writer.next_seq = seq + 1;
        Ok(builder.take(seq))
    }

    /// The accepted blocks with a number above `after`, in order, and the damage met on the way.
    pub fn replay(&self, after: u64) -> Replay<'_> {
        let segments: Vec<Segment> = self.segments().iter().copied().collect();
        Replay::new(self, segments, after)
    }

    /// Deletes the segments that hold no block above `seq`; how many. Whole segments only, oldest first, the one
    /// being written stays.
    pub fn delete_through(&self, seq: u64) -> Result<usize, LogError> {
        // Held throughout, so that no segment becomes the one being written meanwhile.
        let writer = self.writer();
        let active = writer.active.as_ref().map(|active| active.name);
        let mut segments = self.segments();
        let mut deleted = 0;
        while let Some(segment) = segments.front() {
            if segment.last > seq || segment.foreign || Some(segment.name) == active {
                break;
            }
            let name = segment.name.to_string();
            match self.disk.remove(&name) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(LogError::Delete { segment: name, source });
                }
                _ => {}
            }
            segments.pop_front();
            deleted += 1;
        }
        if deleted > 0 {
            // Not needed for safety, a segment that comes back is skipped by number; it frees the room for good.
            if let Err(source) = self.disk.sync() {
                tracing::warn!(error = %source, "cannot sync the log folder after deleting segments");
            }
        }
        Ok(deleted)
    }

    /// The next block begins a segment, so that the one being written can go once all of it has settled, however
    /// small it is.
    pub fn close_segment(&self) {
        let mut writer = self.writer();
        if writer.active.as_ref().is_some_and(|active| active.bytes > 0) {
            writer.active = None;
        }
    }

    /// The highest sequence number given out or possibly on disk.
    pub fn last_seq(&self) -> u64 {
        self.writer().next_seq - 1
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.segments().iter().map(|segment| segment.bytes).sum()
    }

    /// Number of segments on disk.
    pub fn segment_count(&self) -> usize {
        self.segments().len()
    }

    pub(super) fn disk(&self) -> &dyn Disk {
        self.disk.as_ref()
    }

    pub(super) fn keep_foreign(&self, name: Name) {
        if let Some(segment) = self.segments().iter_mut().find(|segment| segment.name == name) {
            segment.foreign = true;
        }
    }

    pub(super) fn holds(&self, name: Name) -> bool {
        self.segments().iter().any(|segment| segment.name == name)
    }

    fn create_segment(&self, writer: &mut Writer) -> Result<Active, LogError> {
        let name = Name { first: writer.next_seq, number: writer.next_number, id: random_id() };
        writer.next_number += 1;
        let text = name.to_string();
        let file = self.disk.create(&text).map_err(LogError::Create)?;
        if let Err(source) = self.disk.sync() {
            // Harmless if it stays: it is empty, and numbered below its successor.
            let _ = self.disk.remove(&text);
            return Err(LogError::Create(source));
        }
        self.segments().push_back(Segment {
            name,
            last: name.first.saturating_sub(1),
            bytes: 0,
            foreign: false,
        });
        Ok(Active { file, name, bytes: 0 })
    }

    /// Writes and syncs; the error comes with whether the segment may be written again.
    fn write(&self, active: &mut Active, block: &[u8]) -> Result<(), (LogError, bool)> {
        if let Err(source) = active.file.write_all_at(block, active.bytes) {
            let cut = active.file.truncate(active.bytes).is_ok();
            return Err((LogError::Write { segment: active.name.to_string(), source }, cut));
        }
        if let Err(source) = active.file.sync() {
            // A failed sync may have dropped pages and marked them clean: a second one would prove nothing.
            let _ = active.file.truncate(active.bytes);
            return Err((LogError::Sync { segment: active.name.to_string(), source }, false));
        }
        Ok(())
    }

    /// Removes a segment that never held an accepted block, so that failing retries do not litter the folder.
    fn discard(&self, active: &Active) {
        if self.disk.remove(&active.name.to_string()).is_ok() {
            self.segments().retain(|segment| segment.name != active.name);
        }
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn segments(&self) -> MutexGuard<'_, VecDeque<Segment>> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log")
            .field("last_seq", &self.last_seq())
            .field("segments", &self.segment_count())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

/// The highest number a block of this segment has, or may have had before it was damaged. Also syncs the segment:
/// after a kill its tail may be readable yet not durable, and what replay shows must not vanish later.
fn last_possible_seq(disk: &dyn Disk, segment: &Segment) -> Result<u64, LogError> {
    let text = segment.name.to_string();
    let read = |source| LogError::Read { segment: text.clone(), source };
    let mut file = disk.open(&text).map_err(read)?;
    file.sync().map_err(read)?;
    let mut cursor = Cursor::new(file, *segment, u64::MAX);
    let mut last = segment.last;
    while let Some(found) = cursor.next_header() {
        match found {
            Found::Header { header, .. } => last = last.max(header.seq),
            Found::Damage(damage) => {
                last = damage.seq.map_or(last + damage.blocks_max(), |seq| last.max(seq));
            }
        }
    }
    Ok(last.min(SEQ_MAX))
}

/// A number that a sender of packets cannot guess, from the keys the standard library draws for its hash maps.
fn random_id() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
