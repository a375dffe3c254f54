use std::io;

use super::block::{Block, Header};
use super::disk::SegmentFile;
use super::segment::{Name, Segment};
use super::writer::Log;

/// Bytes read at a time while searching for the next header.
const SEARCH_BYTES: usize = 256 << 10;

/// A piece of a segment that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("log segment {segment}: {bytes} bytes lost at offset {offset}: {cause}")]
pub struct Damage {
    /// File name of the segment.
    pub segment: String,
    pub offset: u64,
    pub bytes: u64,
    pub cause: Cause,
    /// The block that was lost, if its header was sound.
    pub seq: Option<u64>,
    /// How many entries it held, if its header was sound.
    pub entries: Option<u32>,
}

impl Damage {
    /// As many blocks as can have been in there, if it is not known: nothing is smaller than a header.
    pub(crate) fn blocks_max(&self) -> u64 {
        self.bytes.div_ceil(Header::BYTES as u64)
    }

    /// The lowest number a block of the segment may have.
    pub(crate) fn segment_first(&self) -> u64 {
        Name::parse(&self.segment).map_or(0, |name| name.first)
    }
}

/// Why a piece of a segment could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// What a crash in the middle of an append leaves: such a block was never accepted.
    #[error("the file ends inside a block")]
    Torn,
    /// What a crash leaves on file systems that lengthen a file before its data is written.
    #[error("zeros where a block should be")]
    Zeros,
    #[error("no block header where one should be")]
    Garbage,
    #[error("the checksum of the block does not match its data")]
    Checksum,
    #[error("the block holds something other than what its header says")]
    Malformed,
    #[error("block number {0} is out of order")]
    OutOfOrder(u64),
    #[error("the block is of version {0}, this program reads version {version}", version = Header::VERSION)]
    UnknownVersion(u16),
    #[error("cannot read: {0}")]
    Unreadable(String),
}

/// Iterator over the accepted blocks of a log. `Err` reports what was stepped over; more blocks may follow.
pub struct Replay<'a> {
    log: &'a Log,
    segments: std::iter::Peekable<std::vec::IntoIter<Segment>>,
    cursor: Option<Cursor>,
    after: u64,
    /// Compressed data of the block being read.
    stored: Vec<u8>,
    decompressor: Option<zstd::bulk::Decompressor<'static>>,
}

impl<'a> Replay<'a> {
    pub(super) fn new(log: &'a Log, segments: Vec<Segment>, after: u64) -> Self {
        let segments = segments.into_iter().peekable();
        Self { log, segments, cursor: None, after, stored: Vec::new(), decompressor: None }
    }

    /// Opens the next segment that may hold a block wanted; `None` when there are no more.
    fn next_cursor(&mut self) -> Option<Result<Cursor, Damage>> {
        loop {
            let segment = self.segments.next()?;
            if segment.last <= self.after || segment.bytes == 0 {
                continue;
            }
            let void_from = self.segments.peek().map_or(u64::MAX, |next| next.name.first);
            match self.log.disk().open(&segment.name.to_string()) {
                Ok(file) => return Some(Ok(Cursor::new(file, segment, void_from))),
                // Settled and deleted since the replay began.
                Err(_) if !self.log.holds(segment.name) => {}
                Err(error) => {
                    let cause = Cause::Unreadable(error.to_string());
                    return Some(Err(damage(&segment, 0, segment.bytes, cause)));
                }
            }
        }
    }

    fn read_block(&mut self, offset: u64, header: &Header) -> Result<Block, Damage> {
        let cursor = self.cursor.as_ref().expect("a header was found in the open segment");
        let bytes = Header::BYTES as u64 + u64::from(header.stored_bytes);
        let lost = |cause| {
            let whole = damage(&cursor.segment, offset, bytes, cause);
            Damage { seq: Some(header.seq), entries: Some(header.entries), ..whole }
        };
        if header.version != Header::VERSION {
            self.log.keep_foreign(cursor.segment.name);
            return Err(lost(Cause::UnknownVersion(header.version)));
        }
        if !header.within_caps() {
            return Err(lost(Cause::Malformed));
        }
        self.stored.clear();
        self.stored.resize(header.stored_bytes as usize, 0);
        cursor
            .file
            .read_exact_at(&mut self.stored, offset + Header::BYTES as u64)
            .map_err(|error| lost(Cause::Unreadable(error.to_string())))?;
        if crc32fast::hash(&self.stored) != header.checksum {
            return Err(lost(Cause::Checksum));
        }
        let decompressor = match &mut self.decompressor {
            Some(decompressor) => decompressor,
            none => match zstd::bulk::Decompressor::new() {
                Ok(decompressor) => none.insert(decompressor),
                Err(error) => return Err(lost(Cause::Unreadable(error.to_string()))),
            },
        };
        let mut plain = vec![0; header.plain_bytes as usize];
        let plain_bytes = decompressor.decompress_to_buffer(&self.stored, plain.as_mut_slice());
        if plain_bytes.ok() != Some(plain.len()) {
            return Err(lost(Cause::Malformed));
        }
        Block::from_plain(header.seq, header.entries, plain).ok_or_else(|| lost(Cause::Malformed))
    }
}

impl Iterator for Replay<'_> {
    type Item = Result<Block, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(cursor) = &mut self.cursor else {
                match self.next_cursor()? {
                    Ok(cursor) => self.cursor = Some(cursor),
                    Err(damage) => return Some(Err(damage)),
                }
                continue;
            };
            match cursor.next_header() {
                None => self.cursor = None,
                Some(Found::Damage(damage)) => return Some(Err(damage)),
                Some(Found::Header { header, .. }) if header.seq <= self.after => {}
                Some(Found::Header { offset, header }) => return Some(self.read_block(offset, &header)),
            }
        }
    }
}

impl std::fmt::Debug for Replay<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replay").field("after", &self.after).finish_non_exhaustive()
    }
}

/// Steps through the headers of one segment.
pub(super) struct Cursor {
    file: Box<dyn SegmentFile>,
    segment: Segment,
    offset: u64,
    /// The number of the block before.
    last: u64,
    /// Blocks from this number on are void: they failed, and were written again in the next segment.
    void_from: u64,
}

/// What a [`Cursor`] steps over.
pub(super) enum Found {
    /// A sound header whose data lies within the file.
    Header {
        offset: u64,
        header: Header,
    },
    Damage(Damage),
}

impl Cursor {
    pub(super) fn new(file: Box<dyn SegmentFile>, segment: Segment, void_from: u64) -> Self {
        Self { file, segment, offset: 0, last: segment.name.first.saturating_sub(1), void_from }
    }

    /// The next block or damage, void blocks left out; `None` at the end.
    pub(super) fn next_header(&mut self) -> Option<Found> {
        loop {
            let offset = self.offset;
            let left = self.segment.bytes - offset;
            if left == 0 {
                return None;
            }
            let found = self.step(offset, left).unwrap_or_else(|error| {
                self.offset = self.segment.bytes;
                let cause = Cause::Unreadable(error.to_string());
                Some(Found::Damage(damage(&self.segment, offset, left, cause)))
            });
            if found.is_some() {
                return found;
            }
        }
    }

    /// Moves past what is at `offset`; `None` if it is void.
    fn step(&mut self, offset: u64, left: u64) -> io::Result<Option<Found>> {
        let mut bytes = [0; Header::BYTES];
        let header = if left < Header::BYTES as u64 {
            None
        } else {
            self.file.read_exact_at(&mut bytes, offset)?;
            Header::decode(&bytes, self.segment.name.id)
        };
        let Some(header) = header else {
            return self.search(offset, left, None).map(Some);
        };
        let block_bytes = Header::BYTES as u64 + u64::from(header.stored_bytes);
        if block_bytes > left {
            return self.search(offset, left, Some(header)).map(Some);
        }
        self.offset = offset + block_bytes;
        if header.seq >= self.void_from {
            return Ok(None);
        }
        if header.seq <= self.last {
            let cause = Cause::OutOfOrder(header.seq);
            return Ok(Some(Found::Damage(damage(&self.segment, offset, block_bytes, cause))));
        }
        self.last = header.seq;
        Ok(Some(Found::Header { offset, header }))
    }

    /// There is no whole block at `offset`: moves to the next sound header behind it, or to the end.
    fn search(&mut self, offset: u64, left: u64, torn: Option<Header>) -> io::Result<Found> {
        let end = self.segment.bytes;
        let mut zeros = torn.is_none();
        let mut at = offset;
        let mut window = Vec::new();
        let next = 'search: loop {
            // Windows overlap by a header, so that none is missed at a boundary.
            let length = (end - at).min(SEARCH_BYTES as u64) as usize;
            window.resize(length, 0);
            self.file.read_exact_at(&mut window, at)?;
            let mut from = usize::from(at == offset);
            while let Some(place) = find_magic(&window, from) {
                if Header::decode(&window[place..], self.segment.name.id).is_some() {
                    zeros &= window[..place].iter().all(|byte| *byte == 0);
                    break 'search at + place as u64;
                }
                from = place + 1;
            }
            zeros &= window.iter().all(|byte| *byte == 0);
            if at + length as u64 == end {
                break end;
            }
            at += (length - (Header::BYTES - 1)) as u64;
        };
        self.offset = next;
        let cause = match torn {
            Some(_) => Cause::Torn,
            None if zeros => Cause::Zeros,
            None if left < Header::BYTES as u64 => Cause::Torn,
            None => Cause::Garbage,
        };
        let lost = damage(&self.segment, offset, next - offset, cause);
        Ok(Found::Damage(Damage {
            seq: torn.map(|header| header.seq),
            entries: torn.map(|header| header.entries),
            ..lost
        }))
    }
}

fn find_magic(window: &[u8], from: usize) -> Option<usize> {
    let magic = &Header::MAGIC;
    let mut place = from;
    loop {
        place += window.get(place..)?.iter().position(|byte| *byte == magic[0])?;
        if window[place..].starts_with(magic) {
            return Some(place);
        }
        place += 1;
    }
}

fn damage(segment: &Segment, offset: u64, bytes: u64, cause: Cause) -> Damage {
    Damage { segment: segment.name.to_string(), offset, bytes, cause, seq: None, entries: None }
}
