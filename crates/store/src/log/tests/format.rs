//! The layout on disk, and the log's ordinary life in a real folder.

use std::path::{Path, PathBuf};

use super::*;
use crate::log::block::Header;
use crate::log::{BLOCK_BYTES_MAX, BLOCK_ENTRIES_MAX, FRAME_BYTES_MAX, LogError, Options, PushError};

fn open(folder: &Path, floor: u64) -> Log {
    Log::open(folder, Options { floor, ..Options::default() }).expect("the folder opens")
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

#[test]
fn the_header_is_laid_out_as_documented() {
    let header = Header {
        segment: 0x0102_0304_0506_0708,
        seq: 9,
        version: 1,
        entries: 3,
        stored_bytes: 10,
        plain_bytes: 20,
        checksum: 0xAABB_CCDD,
    };
    let bytes = header.encode();
    assert_eq!(&bytes[..8], b"\x89RHLOG\r\n");
    assert_eq!(&bytes[8..16], &[8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(&bytes[16..24], &[9, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(&bytes[24..44], &[1, 0, 0, 0, 3, 0, 0, 0, 10, 0, 0, 0, 20, 0, 0, 0, 0xDD, 0xCC, 0xBB, 0xAA]);
    assert_eq!(Header::decode(&bytes, header.segment), Some(header));
    assert_eq!(Header::decode(&bytes, 1), None, "a block of another segment");
    for place in 0..bytes.len() {
        let mut flipped = bytes;
        flipped[place] ^= 0x10;
        assert_eq!(Header::decode(&flipped, header.segment), None, "bit flip at {place}");
        assert_eq!(Header::decode(&bytes[..place], header.segment), None, "cut at {place}");
    }
}

#[test]
fn an_entry_is_laid_out_as_documented() {
    let mut builder = BlockBuilder::new();
    let sender = "192.0.2.1:258".parse().expect("an address");
    builder.push(&Entry { received: Micros(-2), sender, listener: 5, frame: b"HEP" }).expect("it fits");
    let block = builder.take(1);
    let mut expected =
        vec![0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 5, 4, 192, 0, 2, 1, 2, 1, 3, 0, 0, 0];
    expected.extend_from_slice(b"HEP");
    assert_eq!(block.bytes(), expected.len());
    assert!(Block::from_plain(1, 1, expected).is_some());
}

#[test]
fn blocks_come_back_in_order_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = open(folder.path(), 0);
    for tag in 1..=3 {
        let block = log.append(&mut builder(tag, 4, 100)).expect("an append");
        assert_eq!(block.seq(), tag);
        assert_holds(&block, tag, 4, 100);
    }
    drop(log);
    let log = open(folder.path(), 0);
    let blocks: Vec<Block> = log.replay(0).collect::<Result<_, _>>().expect("no damage");
    assert_eq!(blocks.len(), 3);
    for (block, tag) in blocks.iter().zip(1..) {
        assert_eq!(block.seq(), tag);
        assert_holds(block, tag, 4, 100);
        assert_eq!(block.row_id(3), (tag as i64) << 16 | 3);
    }
    assert_eq!(replayed(&log, 2).0, [3], "only what is wanted is read");
    assert_eq!(log.append(&mut builder(9, 1, 1)).expect("an append").seq(), 4);
    assert_eq!(log.segment_count(), 2, "an old segment is not written again");
}

#[test]
fn numbers_go_on_from_the_floor_when_every_segment_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = open(folder.path(), 0);
    for tag in 1..=5 {
        log.append(&mut builder(tag, 1, 10)).expect("an append");
    }
    drop(log);
    let log = open(folder.path(), 5);
    assert_eq!(log.delete_through(4).expect("a deletion"), 0, "block 5 is still wanted");
    assert_eq!(log.delete_through(5).expect("a deletion"), 1);
    assert!(segments(folder.path()).is_empty());
    drop(log);
    assert_eq!(open(folder.path(), 5).append(&mut builder(6, 1, 10)).expect("an append").seq(), 6);
}

#[test]
fn segments_are_bounded_and_deleted_whole_oldest_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { segment_bytes_max: 3_000, floor: 0 };
    let log = Log::open(folder.path(), options).expect("the folder opens");
    for tag in 1..=10 {
        log.append(&mut builder(tag, 1, 1_000)).expect("an append");
    }
    assert_eq!(segments(folder.path()).len(), 5);
    for file in segments(folder.path()) {
        assert!(file.metadata().expect("metadata").len() <= 3_000);
    }
    assert_eq!(log.delete_through(5).expect("a deletion"), 2, "1-2 and 3-4 go, 5-6 stays");
    assert_eq!(replayed(&log, 0).0, [5, 6, 7, 8, 9, 10]);
    assert_eq!(log.delete_through(u64::MAX).expect("a deletion"), 2, "the one being written stays");
    assert_eq!(log.append(&mut builder(11, 1, 5_000)).expect("larger than a segment").seq(), 11);
    assert_eq!(replayed(&log, 10).0, [11]);
    let on_disk: u64 =
        segments(folder.path()).iter().map(|file| file.metadata().expect("metadata").len()).sum();
    assert_eq!(log.bytes(), on_disk);
}

#[test]
fn caps_hold() {
    let mut builder = BlockBuilder::new();
    let huge = vec![0; FRAME_BYTES_MAX + 1];
    assert_eq!(builder.push(&entry(0, 0, &huge)), Err(PushError::FrameTooLarge(FRAME_BYTES_MAX + 1)));
    for place in 0..BLOCK_ENTRIES_MAX {
        builder.push(&entry(0, place, b"")).expect("up to the limit");
    }
    assert_eq!(builder.push(&entry(0, 0, b"")), Err(PushError::Full));
    builder.clear();
    while builder.push(&entry(0, 0, &huge[1..])).is_ok() {}
    assert!(builder.bytes() <= BLOCK_BYTES_MAX && builder.bytes() > BLOCK_BYTES_MAX - FRAME_BYTES_MAX - 64);

    let folder = tempfile::tempdir().expect("a folder");
    let log = open(folder.path(), 0);
    log.append(&mut builder).expect("the largest block");
    assert!(matches!(log.append(&mut builder), Err(LogError::Empty)));
    assert_eq!(log.replay(0).map(|block| block.expect("no damage").len()).collect::<Vec<_>>(), [15]);
}

#[test]
fn builders_are_joined_whole_or_not_at_all() {
    let mut all = BlockBuilder::new();
    all.take_from(&mut builder(1, 2, 100)).expect("an empty one takes all");
    let mut second = builder(2, 3, 50);
    all.take_from(&mut second).expect("it fits");
    assert!(second.is_empty());
    let block = all.take(1);
    assert_eq!(block.iter().map(|entry| entry.frame.len()).collect::<Vec<_>>(), [100, 100, 50, 50, 50]);

    let mut nearly_full = builder(3, BLOCK_ENTRIES_MAX - 1, 0);
    let mut two = builder(4, 2, 10);
    assert_eq!(nearly_full.take_from(&mut two), Err(PushError::Full));
    assert_eq!((nearly_full.len(), two.len()), (BLOCK_ENTRIES_MAX - 1, 2));
}

#[test]
fn a_pushed_frame_can_be_blanked_in_place() {
    let mut builder = BlockBuilder::new();
    builder.push(&entry(1, 0, b"key=secret")).expect("it fits")[4..].fill(b'*');
    assert_eq!(builder.take(1).iter().next().map(|entry| entry.frame), Some(b"key=******".as_slice()));
}

#[test]
fn buffers_are_used_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = open(folder.path(), 0);
    let mut first = builder(1, 10, 1_000);
    let mut again = log.append(&mut first).expect("an append").into_builder();
    assert!(first.is_empty() && again.is_empty());
    let frame = frame(2, 0, 1_000);
    again.push(&entry(2, 0, &frame)).expect("it fits");
    assert_holds(&log.append(&mut again).expect("an append"), 2, 1, 1_000);
}

#[test]
fn files_that_are_not_segments_are_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["README.log", "1-1-1.log", "00000000000000000001-0000000000-00000000000000ZZ.log"] {
        std::fs::write(folder.path().join(name), b"not ours").expect("a file");
    }
    let log = open(folder.path(), 0);
    log.append(&mut builder(1, 1, 10)).expect("an append");
    assert_eq!(replayed(&log, 0), (vec![1], vec![]));
    drop(log);
    open(folder.path(), 1).delete_through(1).expect("a deletion");
    assert_eq!(segments(folder.path()).len(), 3);
}
