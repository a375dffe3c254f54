use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use model::Micros;

/// Entries a block may hold: the place of an entry takes the low 16 bits of a row id.
pub const BLOCK_ENTRIES_MAX: usize = 65_536;

/// Bytes of entries a block may hold before compression: 16 times what a group commit gathers, and what a reader
/// may have to allocate twice.
pub const BLOCK_BYTES_MAX: usize = 16 << 20;

/// Bytes of one frame: HEPv3 ends at 65,535, a frame that arrived compressed may be larger once inflated.
pub const FRAME_BYTES_MAX: usize = 1 << 20;

/// The highest sequence number: with 16 bits of place below it a row id stays a positive 64-bit integer.
pub(super) const SEQ_MAX: u64 = (1 << 47) - 1;

/// The fields of an entry before its frame, the address aside.
const ENTRY_FIXED_BYTES: usize = 8 + 1 + 1 + 2 + 4;

/// The log is read once, if ever, and deleted within minutes: time counts more than size. Against level 1 this takes a
/// third less time and a third more room (4.4 instead of 6.2 times smaller, lifelike SIP).
pub(super) const COMPRESSION_LEVEL: i32 = -3;

/// One accepted packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub received: Micros,
    pub sender: SocketAddr,
    /// Number of the listener; `ingest` knows the names.
    pub listener: u8,
    /// The HEP packet as received, its key blanked: secrets never reach the disk.
    pub frame: &'a [u8],
}

/// Why an entry was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// Append the block, then push into the next.
    #[error("the block is full")]
    Full,
    /// No block takes it.
    #[error("frame of {0} bytes is over the limit of {FRAME_BYTES_MAX}")]
    FrameTooLarge(usize),
}

/// Gathers entries for one block. Keeps its buffers when the block is appended and given back by
/// [`Block::into_builder`].
#[derive(Default)]
pub struct BlockBuilder {
    plain: Vec<u8>,
    entries: u32,
    /// Room for the header, then the compressed data. Its length is the high-water mark, not the content's.
    stored: Vec<u8>,
    /// How much of `stored` is header and data of `plain`; `None` until compressed.
    sealed: Option<usize>,
}

impl BlockBuilder {
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether [`Self::push`] would take this entry; the bytes it would add.
    pub fn check(&self, entry: &Entry<'_>) -> Result<usize, PushError> {
        if entry.frame.len() > FRAME_BYTES_MAX {
            return Err(PushError::FrameTooLarge(entry.frame.len()));
        }
        let address_bytes = if entry.sender.is_ipv4() { 4 } else { 16 };
        let bytes = ENTRY_FIXED_BYTES + address_bytes + entry.frame.len();
        if self.len() == BLOCK_ENTRIES_MAX || self.plain.len() + bytes > BLOCK_BYTES_MAX {
            return Err(PushError::Full);
        }
        Ok(bytes)
    }

    /// Adds an entry as the last of the block; gives its frame in the block, for secrets to be blanked.
    pub fn push(&mut self, entry: &Entry<'_>) -> Result<&mut [u8], PushError> {
        let bytes = self.check(entry)?;
        self.sealed = None;
        self.plain.reserve(bytes);
        self.plain.extend_from_slice(&entry.received.0.to_le_bytes());
        match entry.sender.ip() {
            IpAddr::V4(address) => {
                self.plain.extend_from_slice(&[entry.listener, 4]);
                self.plain.extend_from_slice(&address.octets());
            }
            IpAddr::V6(address) => {
                self.plain.extend_from_slice(&[entry.listener, 6]);
                self.plain.extend_from_slice(&address.octets());
            }
        }
        self.plain.extend_from_slice(&entry.sender.port().to_le_bytes());
        self.plain.extend_from_slice(&(entry.frame.len() as u32).to_le_bytes());
        let start = self.plain.len();
        self.plain.extend_from_slice(entry.frame);
        self.entries += 1;
        Ok(&mut self.plain[start..])
    }

    /// Moves all entries of `other` behind those of this builder, or none if they do not fit.
    pub fn take_from(&mut self, other: &mut Self) -> Result<(), PushError> {
        // Into the larger buffer: if this one has been a block before, growing the other to one costs more than a copy.
        if self.is_empty() && self.plain.capacity() < other.plain.capacity() {
            std::mem::swap(self, other);
            return Ok(());
        }
        let fits = self.len() + other.len() <= BLOCK_ENTRIES_MAX
            && self.plain.len() + other.plain.len() <= BLOCK_BYTES_MAX;
        if !fits {
            return Err(PushError::Full);
        }
        self.sealed = None;
        self.plain.extend_from_slice(&other.plain);
        self.entries += other.entries;
        other.clear();
        Ok(())
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries as usize
    }

    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Bytes of entries, before compression.
    pub fn bytes(&self) -> usize {
        self.plain.len()
    }

    /// Bytes of memory its buffers keep.
    pub fn capacity(&self) -> usize {
        self.plain.capacity() + self.stored.capacity()
    }

    /// Forgets the entries, keeps the buffers.
    pub fn clear(&mut self) {
        self.plain.clear();
        self.entries = 0;
        self.sealed = None;
    }

    /// Compresses the entries unless that was done by an earlier attempt; the size on disk, header included.
    pub(super) fn seal(&mut self, compressor: &mut zstd::bulk::Compressor<'_>) -> io::Result<usize> {
        if let Some(bytes) = self.sealed {
            return Ok(bytes);
        }
        let room = Header::BYTES + zstd::zstd_safe::compress_bound(self.plain.len());
        if self.stored.len() < room {
            self.stored.resize(room, 0);
        }
        let data = compressor.compress_to_buffer(&self.plain, &mut self.stored[Header::BYTES..])?;
        self.sealed = Some(Header::BYTES + data);
        Ok(Header::BYTES + data)
    }

    /// Writes the header for this segment and number; the bytes of the whole block. Call after [`Self::seal`].
    pub(super) fn stamp(&mut self, segment: u64, seq: u64) -> &[u8] {
        let end = self.sealed.expect("a block is sealed before it is stamped");
        let header = Header {
            segment,
            seq,
            version: Header::VERSION,
            entries: self.entries,
            stored_bytes: (end - Header::BYTES) as u32,
            plain_bytes: self.plain.len() as u32,
            checksum: crc32fast::hash(&self.stored[Header::BYTES..end]),
        };
        self.stored[..Header::BYTES].copy_from_slice(&header.encode());
        &self.stored[..end]
    }

    /// Moves the entries out as the accepted block, leaving the builder empty.
    pub(super) fn take(&mut self, seq: u64) -> Block {
        let taken = std::mem::take(self);
        Block { seq, entries: taken.entries, plain: taken.plain, spare: taken.stored }
    }
}

impl fmt::Debug for BlockBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockBuilder")
            .field("entries", &self.entries)
            .field("bytes", &self.plain.len())
            .finish_non_exhaustive()
    }
}

/// An accepted block: on disk and synced.
pub struct Block {
    seq: u64,
    entries: u32,
    plain: Vec<u8>,
    /// The builder's second buffer, kept for the next block.
    spare: Vec<u8>,
}

impl Block {
    /// From decompressed data; `None` unless it holds exactly `entries` well-formed entries.
    pub(super) fn from_plain(seq: u64, entries: u32, plain: Vec<u8>) -> Option<Self> {
        let mut rest = plain.as_slice();
        for _ in 0..entries {
            take_entry(&mut rest)?;
        }
        rest.is_empty().then(|| Self { seq, entries, plain, spare: Vec::new() })
    }

    /// Its sequence number: grows by one from block to block, never repeats.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries as usize
    }

    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Bytes of entries, before compression.
    pub fn bytes(&self) -> usize {
        self.plain.len()
    }

    /// The row id of the entry at `place`.
    pub fn row_id(&self, place: usize) -> i64 {
        debug_assert!(place < BLOCK_ENTRIES_MAX);
        (self.seq << 16) as i64 | place as i64
    }

    /// The entries in the order they were pushed.
    pub fn iter(&self) -> Entries<'_> {
        Entries { rest: &self.plain }
    }

    /// An empty builder with the buffers of this block.
    pub fn into_builder(self) -> BlockBuilder {
        let mut builder = BlockBuilder { plain: self.plain, stored: self.spare, ..BlockBuilder::default() };
        builder.clear();
        builder
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block")
            .field("seq", &self.seq)
            .field("entries", &self.entries)
            .field("bytes", &self.plain.len())
            .finish_non_exhaustive()
    }
}

impl<'a> IntoIterator for &'a Block {
    type Item = Entry<'a>;
    type IntoIter = Entries<'a>;

    fn into_iter(self) -> Entries<'a> {
        self.iter()
    }
}

/// Iterator over the entries of a block.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        take_entry(&mut self.rest)
    }
}

/// The fixed part of a block; layout in the module's documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) segment: u64,
    pub(super) seq: u64,
    pub(super) version: u16,
    pub(super) entries: u32,
    pub(super) stored_bytes: u32,
    pub(super) plain_bytes: u32,
    pub(super) checksum: u32,
}

impl Header {
    pub(super) const BYTES: usize = 48;
    pub(super) const VERSION: u16 = 1;
    pub(super) const MAGIC: [u8; 8] = *b"\x89RHLOG\r\n";

    pub(super) fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[0..8].copy_from_slice(&Self::MAGIC);
        bytes[8..16].copy_from_slice(&self.segment.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.seq.to_le_bytes());
        bytes[24..26].copy_from_slice(&self.version.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.entries.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.stored_bytes.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.plain_bytes.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.checksum.to_le_bytes());
        let own = crc32fast::hash(&bytes[..44]);
        bytes[44..48].copy_from_slice(&own.to_le_bytes());
        bytes
    }

    /// `None` unless the magic, the segment and the checksum hold.
    pub(super) fn decode(mut bytes: &[u8], segment: u64) -> Option<Self> {
        let own = crc32fast::hash(bytes.get(..44)?);
        let rest = &mut bytes;
        if take::<8>(rest)? != Self::MAGIC || u64::from_le_bytes(take(rest)?) != segment {
            return None;
        }
        let seq = u64::from_le_bytes(take(rest)?);
        let version = u16::from_le_bytes(take(rest)?);
        let _zero = take::<2>(rest)?;
        let header = Self {
            segment,
            seq,
            version,
            entries: u32::from_le_bytes(take(rest)?),
            stored_bytes: u32::from_le_bytes(take(rest)?),
            plain_bytes: u32::from_le_bytes(take(rest)?),
            checksum: u32::from_le_bytes(take(rest)?),
        };
        (u32::from_le_bytes(take(rest)?) == own).then_some(header)
    }

    /// Whether the numbers are such as this version writes.
    pub(super) fn within_caps(&self) -> bool {
        let stored_max = zstd::zstd_safe::compress_bound(BLOCK_BYTES_MAX);
        (1..=SEQ_MAX).contains(&self.seq)
            && (1..=BLOCK_ENTRIES_MAX).contains(&(self.entries as usize))
            && (1..=stored_max).contains(&(self.stored_bytes as usize))
            && (1..=BLOCK_BYTES_MAX).contains(&(self.plain_bytes as usize))
    }
}

fn take_entry<'a>(rest: &mut &'a [u8]) -> Option<Entry<'a>> {
    let received = Micros(i64::from_le_bytes(take(rest)?));
    let [listener, family] = take(rest)?;
    let address = match family {
        4 => IpAddr::V4(Ipv4Addr::from(take::<4>(rest)?)),
        6 => IpAddr::V6(Ipv6Addr::from(take::<16>(rest)?)),
        _ => return None,
    };
    let port = u16::from_le_bytes(take(rest)?);
    let length = u32::from_le_bytes(take(rest)?) as usize;
    if length > FRAME_BYTES_MAX {
        return None;
    }
    let (frame, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(Entry { received, sender: SocketAddr::new(address, port), listener, frame })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*head)
}
