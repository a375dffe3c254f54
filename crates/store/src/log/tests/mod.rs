mod damage;
mod fake_disk;
mod format;
mod model;

use std::net::SocketAddr;

use super::{Block, BlockBuilder, Damage, Entry, Log};
use ::model::Micros;

/// A block's worth of entries, told apart by `tag`.
fn builder(tag: u64, entries: usize, frame_bytes: usize) -> BlockBuilder {
    let mut builder = BlockBuilder::new();
    for place in 0..entries {
        let frame = frame(tag, place, frame_bytes);
        builder.push(&entry(tag, place, &frame)).expect("a small entry fits");
    }
    builder
}

fn entry(tag: u64, place: usize, frame: &[u8]) -> Entry<'_> {
    let sender: SocketAddr = if tag.is_multiple_of(2) { "192.0.2.7:5060" } else { "[2001:db8::7]:9060" }
        .parse()
        .expect("an address");
    Entry { received: Micros(tag as i64 * 1_000 + place as i64), sender, listener: (tag % 3) as u8, frame }
}

/// Bytes that do not compress, so that tearing them shows.
fn frame(tag: u64, place: usize, bytes: usize) -> Vec<u8> {
    let mut state = tag.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ place as u64;
    (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}

fn assert_holds(block: &Block, tag: u64, entries: usize, frame_bytes: usize) {
    assert_eq!(block.len(), entries);
    for (place, entry_read) in block.iter().enumerate() {
        let frame = frame(tag, place, frame_bytes);
        assert_eq!(entry_read, entry(tag, place, &frame));
    }
}

/// What replay gives: the numbers of the blocks read, and the damage.
fn replayed(log: &Log, after: u64) -> (Vec<u64>, Vec<Damage>) {
    let mut seqs = Vec::new();
    let mut damages = Vec::new();
    for item in log.replay(after) {
        match item {
            Ok(block) => seqs.push(block.seq()),
            Err(damage) => damages.push(damage),
        }
    }
    (seqs, damages)
}
