//! The write-ahead log: how does an accepted packet survive a crash before it is in the lake?
//!
//! # Format, version 1
//!
//! A log is a folder of **segments**. A segment is a file named `<first>-<number>-<id>.log`:
//!
//! * `first`: 20 decimal digits, the lowest sequence number a block in it may have;
//! * `number`: 10 decimal digits, counts segments of this folder, so that two with the same `first` have an order;
//! * `id`: 16 hexadecimal digits, random.
//!
//! A segment is a sequence of **blocks** from offset 0, without a header or a footer of its own. A block is a
//! header of 48 bytes and its data. All integers are little-endian.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 8 | magic `89 52 48 4C 4F 47 0D 0A` |
//! | 8 | 8 | id of the segment |
//! | 16 | 8 | sequence number, 1 or more, growing by 1 from block to block |
//! | 24 | 2 | version, 1 |
//! | 26 | 2 | zero |
//! | 28 | 4 | number of entries, 1..=65,536 |
//! | 32 | 4 | bytes of data that follow the header |
//! | 36 | 4 | bytes of data once decompressed |
//! | 40 | 4 | CRC-32 (IEEE) of the data |
//! | 44 | 4 | CRC-32 (IEEE) of the 44 bytes before: it covers the header and, through the field at 40, the data |
//!
//! A later version keeps this header, so that an older reader can step over a block it does not understand.
//! The id makes a block belong to its file: packets are chosen by strangers, and without it a packet could carry
//! the bytes of a block, to be found by a reader that searches for the next one after damage.
//!
//! The data is one zstd frame, lightly compressed. Inside are the **entries**, back to back:
//!
//! | size | field |
//! |---|---|
//! | 8 | arrival time, microseconds since 1970 UTC, signed |
//! | 1 | listener, a number that `ingest` gives out |
//! | 1 | address family of the sender, 4 or 6 |
//! | 4 or 16 | address of the sender |
//! | 2 | port of the sender |
//! | 4 | length of the frame, at most 1 MiB |
//! | n | the HEP packet as received, its key blanked |
//!
//! # Caps
//!
//! 65,536 entries a block, since a row id is `sequence number << 16 | place in the block`; 16 MiB of entries a
//! block, 1 MiB a frame, so that a reader knows what it may have to allocate; a segment is closed before it would
//! pass `Options::segment_bytes_max`, unless a single block is larger.
//!
//! # Writing
//!
//! [`Log::append`] compresses a block, writes it with one write and calls `fdatasync` before it returns; a new
//! segment's folder is synced as well. Only then is the block accepted. If a step fails, the block is not accepted, the
//! file is cut back to its last accepted block, and the block may be appended again under the same number. After a
//! failed sync (or cut) nothing is known about the file's tail, so it is never written again: the next block opens
//! a segment whose `first` is that same number. Hence the one rule of precedence: **a block is void if its number
//! is not below the `first` of a later segment.**
//!
//! A start never writes into an old segment, so what a crash left behind stays as it was found.
//!
//! # Reading
//!
//! [`Log::replay`] reads segments in order. What it cannot read it reports as [`Damage`] and steps over: by the
//! length in the header if the header is sound, else by searching for the next sound header of this segment. It
//! allocates nothing on the word of a header whose checksum does not hold.
//!
//! # Who may delete
//!
//! Only [`Log::delete_through`], called by the settling task once every table holds all rows up to a number. It
//! deletes whole segments, oldest first, never the one being written, and none in which replay saw a block of an
//! unknown version: a newer program can still read it. The number of the last settled block must be kept elsewhere
//! (the lake's commits do) and passed to [`Log::open`], since an empty folder remembers nothing.

mod block;
mod disk;
mod replay;
mod segment;
mod writer;

#[cfg(test)]
mod tests;

pub use block::{
    BLOCK_BYTES_MAX, BLOCK_ENTRIES_MAX, Block, BlockBuilder, Entries, Entry, FRAME_BYTES_MAX, PushError,
};
pub use disk::{Disk, Folder, SegmentFile};
pub use replay::{Cause, Damage, Replay};
pub use writer::{Log, LogError, Options};
