//! The write-ahead log: how does an accepted packet survive a crash before it is in the lake?
//!
#![doc = include_str!("../../../../docs/formats/log.md")]

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
