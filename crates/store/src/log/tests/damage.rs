//! Segments that are not as they were written: replay reads all it can, says what it could not, never panics.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::log::block::Header;
use crate::log::{Cause, Options};

const BLOCKS: u64 = 6;

/// A folder with one segment of [`BLOCKS`] blocks; its file, its id and where each block starts.
fn segment() -> (tempfile::TempDir, PathBuf, u64, Vec<usize>) {
    let folder = tempfile::tempdir().expect("a folder");
    let log = Log::open(folder.path(), Options::default()).expect("the folder opens");
    let mut starts = Vec::new();
    for tag in 1..=BLOCKS {
        starts.push(log.bytes() as usize);
        log.append(&mut builder(tag, 3, 200)).expect("an append");
    }
    starts.push(log.bytes() as usize);
    let file =
        std::fs::read_dir(&folder).expect("a folder").next().expect("a segment").expect("an entry").path();
    let name = file.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    let id = crate::log::segment::Name::parse(&name).expect("a segment's name").id;
    (folder, file, id, starts)
}

fn reopen(folder: &Path) -> Log {
    Log::open(folder, Options::default()).expect("a damaged folder opens")
}

fn edit(file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(file).expect("a segment");
    change(&mut bytes);
    std::fs::write(file, bytes).expect("a segment");
}

#[test]
fn a_torn_tail_loses_only_itself() {
    let (folder, file, _, starts) = segment();
    let whole = std::fs::read(&file).expect("a segment");
    for cut in starts[5] + 1..starts[6] {
        edit(&file, |bytes| bytes.truncate(cut));
        let log = reopen(folder.path());
        let (seqs, damages) = replayed(&log, 0);
        assert_eq!(seqs, [1, 2, 3, 4, 5]);
        assert_eq!(damages.len(), 1);
        assert_eq!((damages[0].offset, damages[0].bytes), (starts[5] as u64, (cut - starts[5]) as u64));
        assert_eq!(damages[0].cause, Cause::Torn);
        assert!(log.last_seq() >= 6, "the number of a torn block is not given out again");
        std::fs::write(&file, &whole).expect("a segment");
    }
}

#[test]
fn a_bit_flip_in_the_data_loses_that_block_and_says_which() {
    let (folder, file, _, starts) = segment();
    edit(&file, |bytes| bytes[starts[2] + Header::BYTES + 17] ^= 1);
    let (seqs, damages) = replayed(&reopen(folder.path()), 0);
    assert_eq!(seqs, [1, 2, 4, 5, 6]);
    assert_eq!(damages.len(), 1);
    let damage = &damages[0];
    assert_eq!((damage.seq, damage.entries), (Some(3), Some(3)));
    assert_eq!((damage.offset, damage.bytes), (starts[2] as u64, (starts[3] - starts[2]) as u64));
    assert_eq!(damage.cause, Cause::Checksum);
    let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
    let bytes = starts[3] - starts[2];
    assert_eq!(
        damage.to_string(),
        format!(
            "log segment {name}: {bytes} bytes lost at offset {}: the checksum of the block does not match its data",
            starts[2]
        )
    );
}

#[test]
fn a_bit_flip_in_a_header_is_searched_past() {
    let (folder, file, _, starts) = segment();
    for place in 0..Header::BYTES {
        edit(&file, |bytes| bytes[starts[2] + place] ^= 0x80);
        let (seqs, damages) = replayed(&reopen(folder.path()), 0);
        assert_eq!(seqs, [1, 2, 4, 5, 6], "flip at {place}");
        assert_eq!(damages.len(), 1);
        assert_eq!(damages[0].cause, Cause::Garbage);
        assert_eq!((damages[0].offset, damages[0].bytes), (starts[2] as u64, (starts[3] - starts[2]) as u64));
        edit(&file, |bytes| bytes[starts[2] + place] ^= 0x80);
    }
}

#[test]
fn a_tail_of_zeros_is_told_apart() {
    let (folder, file, _, starts) = segment();
    edit(&file, |bytes| {
        bytes.truncate(starts[4]);
        bytes.resize(starts[4] + 1_000_000, 0);
    });
    let log = reopen(folder.path());
    let (seqs, damages) = replayed(&log, 0);
    assert_eq!(seqs, [1, 2, 3, 4]);
    assert_eq!(
        damages.iter().map(|damage| (damage.bytes, &damage.cause)).collect::<Vec<_>>(),
        [(1_000_000, &Cause::Zeros)]
    );
    let seq = log.append(&mut builder(7, 1, 10)).expect("an append").seq();
    assert!(seq > 6, "block 5 and 6 were there once: {seq}");
    assert_eq!(replayed(&log, 4).0, [seq]);
}

#[test]
fn garbage_between_blocks_is_stepped_over() {
    let (folder, file, _, starts) = segment();
    let noise = frame(77, 0, 700_000);
    edit(&file, |bytes| drop(bytes.splice(starts[1]..starts[1], noise.iter().copied())));
    let (seqs, damages) = replayed(&reopen(folder.path()), 0);
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6]);
    assert_eq!((damages.len(), damages[0].bytes), (1, 700_000));
}

#[test]
fn a_header_across_search_windows_is_found() {
    let (folder, file, _, starts) = segment();
    let plain = std::fs::read(&file).expect("a segment");
    for noise_bytes in (256 << 10) - 50..(256 << 10) + 3 {
        let mut bytes = plain[..starts[1]].to_vec();
        bytes.resize(starts[1] + noise_bytes, 0xEE);
        bytes.extend_from_slice(&plain[starts[1]..]);
        std::fs::write(&file, &bytes).expect("a segment");
        let (seqs, damages) = replayed(&reopen(folder.path()), 0);
        assert_eq!(seqs, [1, 2, 3, 4, 5, 6]);
        assert_eq!(damages[0].bytes, noise_bytes as u64);
    }
}

#[test]
fn a_packet_cannot_pass_for_a_block() {
    // A sender who knows the format puts a whole block into a packet that does not compress; the header of the block
    // it lies in is damaged, and the search comes upon it.
    let (folder, file, id, _) = segment();
    let mut compressor = zstd::bulk::Compressor::new(1).expect("a compressor");
    for (guessed_id, found) in [(id ^ 1, 0), (id, 1)] {
        let mut smuggled = builder(99, 1, 50);
        smuggled.seal(&mut compressor).expect("it compresses");
        let mut bytes = frame(1, 0, 300);
        bytes.extend_from_slice(smuggled.stamp(guessed_id, 2));
        bytes.extend(frame(1, 1, 300));
        std::fs::write(&file, bytes).expect("a segment");
        let (seqs, _) = replayed(&reopen(folder.path()), 0);
        assert_eq!(seqs.len(), found, "only who can read the folder knows the id");
    }
}

#[test]
fn a_block_of_a_later_version_is_kept_for_the_program_that_knows_it() {
    let (folder, file, id, starts) = segment();
    edit(&file, |bytes| {
        let header = &bytes[starts[3]..starts[3] + Header::BYTES];
        let header = Header { version: 2, ..Header::decode(header, id).expect("a header") };
        bytes[starts[3]..starts[3] + Header::BYTES].copy_from_slice(&header.encode());
    });
    let log = reopen(folder.path());
    let (seqs, damages) = replayed(&log, 0);
    assert_eq!(seqs, [1, 2, 3, 5, 6]);
    assert_eq!(damages[0].cause, Cause::UnknownVersion(2));
    assert_eq!(damages[0].seq, Some(4));
    assert_eq!(log.delete_through(u64::MAX).expect("a deletion"), 0);
    assert!(file.exists());
}

#[test]
fn numbers_in_a_sound_header_are_still_not_trusted() {
    let (folder, file, id, starts) = segment();
    let plain = std::fs::read(&file).expect("a segment");
    let first = Header::decode(&plain, id).expect("a header");
    let lies = [
        Header { plain_bytes: u32::MAX, ..first },
        Header { plain_bytes: first.plain_bytes - 1, ..first },
        Header { plain_bytes: first.plain_bytes + 1, ..first },
        Header { entries: u32::MAX, ..first },
        Header { entries: first.entries - 1, ..first },
        Header { entries: first.entries + 1, ..first },
        Header { entries: 0, ..first },
        Header { seq: 0, ..first },
    ];
    for lie in lies {
        edit(&file, |bytes| bytes[..Header::BYTES].copy_from_slice(&lie.encode()));
        let (seqs, damages) = replayed(&reopen(folder.path()), 0);
        assert_eq!(seqs, [2, 3, 4, 5, 6], "{lie:?}");
        assert_eq!((damages.len(), damages[0].bytes), (1, starts[1] as u64), "{lie:?}");
    }
    edit(&file, |bytes| {
        bytes[..Header::BYTES].copy_from_slice(&Header { stored_bytes: u32::MAX, ..first }.encode());
    });
    let (seqs, damages) = replayed(&reopen(folder.path()), 0);
    assert_eq!(seqs, [2, 3, 4, 5, 6]);
    assert_eq!(damages[0].cause, Cause::Torn);
}

#[test]
fn a_block_copied_over_another_is_out_of_order() {
    let (folder, file, _, starts) = segment();
    edit(&file, |bytes| {
        let copy = bytes[starts[0]..starts[1]].to_vec();
        drop(bytes.splice(starts[3]..starts[3], copy));
    });
    let (seqs, damages) = replayed(&reopen(folder.path()), 0);
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6]);
    assert_eq!(damages[0].cause, Cause::OutOfOrder(1));
}

#[derive(Clone, Debug)]
enum Harm {
    Flip { place: prop::sample::Index, bit: u8 },
    Cut(prop::sample::Index),
    Zero { from: prop::sample::Index, bytes: usize },
    Insert { place: prop::sample::Index, noise: Vec<u8> },
    Remove { from: prop::sample::Index, bytes: usize },
}

fn harm() -> impl Strategy<Value = Harm> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        (index(), 0u8..8).prop_map(|(place, bit)| Harm::Flip { place, bit }),
        index().prop_map(Harm::Cut),
        (index(), 1usize..2_000).prop_map(|(from, bytes)| Harm::Zero { from, bytes }),
        (index(), prop::collection::vec(any::<u8>(), 1..300))
            .prop_map(|(place, noise)| Harm::Insert { place, noise }),
        (index(), 1usize..2_000).prop_map(|(from, bytes)| Harm::Remove { from, bytes }),
    ]
}

fn inflict(bytes: &mut Vec<u8>, harm: &Harm) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match harm {
        Harm::Flip { place, bit } => bytes[place.index(length)] ^= 1 << bit,
        Harm::Cut(at) => bytes.truncate(at.index(length)),
        Harm::Zero { from, bytes: count } => {
            let from = from.index(length);
            bytes[from..(from + count).min(length)].fill(0);
        }
        Harm::Insert { place, noise } => {
            let place = place.index(length);
            drop(bytes.splice(place..place, noise.iter().copied()));
        }
        Harm::Remove { from, bytes: count } => {
            let from = from.index(length);
            drop(bytes.drain(from..(from + count).min(length)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever happens to the file, what is read is what was written, in order; every byte is either read or
    /// reported; and the log goes on with numbers of its own.
    #[test]
    fn what_is_read_is_what_was_written(harms in prop::collection::vec(harm(), 1..4)) {
        let (folder, file, _, starts) = segment();
        edit(&file, |bytes| harms.iter().for_each(|harm| inflict(bytes, harm)));
        let length = std::fs::metadata(&file).expect("metadata").len();
        let log = reopen(folder.path());
        let mut last = 0;
        let mut accounted = 0;
        for item in log.replay(0) {
            match item {
                Ok(block) => {
                    prop_assert!(block.seq() > last && block.seq() <= BLOCKS);
                    last = block.seq();
                    assert_holds(&block, last, 3, 200);
                    accounted += (starts[last as usize] - starts[last as usize - 1]) as u64;
                }
                Err(damage) => accounted += damage.bytes,
            }
        }
        prop_assert_eq!(accounted, length);
        let seq = log.append(&mut builder(50, 2, 20)).expect("an append").seq();
        prop_assert!(seq > last);
        let (seqs, _) = replayed(&reopen(folder.path()), 0);
        prop_assert_eq!(seqs.last(), Some(&seq));
    }

    /// Arbitrary bytes in a segment's place.
    #[test]
    fn noise_is_survived(noise in prop::collection::vec(any::<u8>(), 0..4_000)) {
        let folder = tempfile::tempdir().expect("a folder");
        let name = "00000000000000000001-0000000000-0000000000000007.log";
        std::fs::write(folder.path().join(name), &noise).expect("a file");
        let log = reopen(folder.path());
        let (seqs, damages) = replayed(&log, 0);
        prop_assert!(seqs.is_empty());
        prop_assert_eq!(damages.iter().map(|damage| damage.bytes).sum::<u64>(), noise.len() as u64);
    }
}
