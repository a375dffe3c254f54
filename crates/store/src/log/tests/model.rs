//! The log beside a list of what it promised, on a disk that fails and loses power: whatever `append` said `Ok`
//! for is read back exactly once, in order, and nothing is read back that was never appended.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::fake_disk::{FakeDisk, Fault};
use super::*;
use crate::log::Options;

#[derive(Clone, Debug)]
enum Step {
    Append {
        entries: usize,
        frame_bytes: usize,
        faults: Vec<Fault>,
        retries: usize,
    },
    Settle(prop::sample::Index, Vec<Fault>),
    CloseSegment,
    Restart,
    Crash,
    /// Power fails between write and sync.
    CrashInAppend {
        entries: usize,
        frame_bytes: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let size = || (1usize..4, prop_oneof![0usize..40, 100usize..900]);
    prop_oneof![
        10 => (size(), faults(), 0usize..4).prop_map(|((entries, frame_bytes), faults, retries)| {
            Step::Append { entries, frame_bytes, faults, retries }
        }),
        2 => (any::<prop::sample::Index>(), prop::collection::vec(Just(Fault::Remove), 0..2))
            .prop_map(|(upto, faults)| Step::Settle(upto, faults)),
        1 => Just(Step::CloseSegment),
        1 => Just(Step::Restart),
        2 => Just(Step::Crash),
        2 => size().prop_map(|(entries, frame_bytes)| Step::CrashInAppend { entries, frame_bytes }),
    ]
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let fault = prop::sample::select(Fault::ALL.to_vec());
    prop_oneof![3 => Just(Vec::new()), 2 => prop::collection::vec(fault, 1..5)]
}

/// Which entries a block was built of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Contents {
    tag: u64,
    entries: usize,
    frame_bytes: usize,
}

struct Model {
    disk: FakeDisk,
    log: Log,
    /// What `append` returned `Ok` for.
    accepted: BTreeMap<u64, Contents>,
    /// What replay has shown though `append` failed. After a failed sync a block may lie in memory alone: a restart
    /// shows it, a crash takes it away, and its number with it unless it was settled meanwhile.
    shown: BTreeMap<u64, Contents>,
    /// What `append` failed for; a crash may bring it to light if its number was not taken by another since.
    attempted: Vec<Contents>,
    settled: u64,
    tag: u64,
}

impl Model {
    const SEGMENT_BYTES_MAX: u64 = 2_000;

    fn new(seed: u64) -> Self {
        let disk = FakeDisk::new(seed);
        let log = Self::open(&disk, 0);
        Self {
            disk,
            log,
            accepted: BTreeMap::new(),
            shown: BTreeMap::new(),
            attempted: Vec::new(),
            settled: 0,
            tag: 0,
        }
    }

    fn open(disk: &FakeDisk, floor: u64) -> Log {
        let options = Options { segment_bytes_max: Self::SEGMENT_BYTES_MAX, floor };
        Log::open_on(Box::new(disk.clone()), options).expect("the disk can be read")
    }

    fn build(&mut self, entries: usize, frame_bytes: usize) -> (BlockBuilder, Contents) {
        self.tag += 1;
        (builder(self.tag, entries, frame_bytes), Contents { tag: self.tag, entries, frame_bytes })
    }

    fn accept(&mut self, block: &Block, contents: Contents) {
        assert_holds(block, contents.tag, contents.entries, contents.frame_bytes);
        let last = self.last_seq();
        assert!(block.seq() > last, "{} repeats or goes back, the last was {last}", block.seq());
        self.accepted.insert(block.seq(), contents);
    }

    fn last_seq(&self) -> u64 {
        let last = |blocks: &BTreeMap<u64, Contents>| blocks.last_key_value().map_or(0, |(seq, _)| *seq);
        last(&self.accepted).max(last(&self.shown))
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Append { entries, frame_bytes, faults, retries } => {
                let (mut builder, contents) = self.build(*entries, *frame_bytes);
                self.disk.set_faults(faults);
                for _ in 0..=*retries {
                    match self.log.append(&mut builder) {
                        Ok(block) => {
                            assert!(builder.is_empty());
                            self.attempted.retain(|attempted| *attempted != contents);
                            self.accept(&block, contents);
                            break;
                        }
                        Err(_) => {
                            assert_eq!(builder.len(), *entries, "a refused block is not lost");
                            self.attempted.push(contents);
                        }
                    }
                }
                self.disk.set_faults(&[]);
            }
            Step::Settle(upto, faults) => {
                let last = self.last_seq();
                let upto = self.settled + upto.index((last - self.settled) as usize + 1) as u64;
                self.disk.set_faults(faults);
                let _ = self.log.delete_through(upto);
                self.disk.set_faults(&[]);
                self.settled = upto;
            }
            Step::CloseSegment => self.log.close_segment(),
            Step::Restart => self.restart(),
            Step::Crash => {
                self.disk.crash();
                self.restart();
            }
            Step::CrashInAppend { entries, frame_bytes } => {
                let (mut builder, contents) = self.build(*entries, *frame_bytes);
                // A failed sync leaves any part of the block; neither the cut nor anything after it happens.
                self.disk.set_faults(&[Fault::Sync, Fault::Truncate, Fault::Remove]);
                assert!(self.log.append(&mut builder).is_err());
                self.attempted.push(contents);
                self.disk.crash();
                self.restart();
            }
        }
        self.check();
    }

    fn restart(&mut self) {
        self.log = Self::open(&self.disk, self.settled);
        let mut shown_before = self.shown.split_off(&(self.settled + 1));
        for block in self.log.replay(self.settled).flatten() {
            let seq = block.seq();
            if let Some(contents) = shown_before.remove(&seq) {
                self.shown.insert(seq, contents);
            }
            if !self.accepted.contains_key(&seq) && !self.shown.contains_key(&seq) {
                let place = self.attempted.iter().position(|contents| holds(&block, *contents));
                let contents = self.attempted[place.expect("only what was appended is read")];
                self.attempted.retain(|attempted| *attempted != contents);
                self.shown.insert(seq, contents);
            }
        }
    }

    fn check(&self) {
        let mut accepted = self.accepted.range(self.settled + 1..).peekable();
        for block in self.log.replay(self.settled).flatten() {
            let contents = match accepted.next_if(|(seq, _)| **seq == block.seq()) {
                Some((_, contents)) => contents,
                None => {
                    self.shown.get(&block.seq()).expect("only what was accepted is read, once and in order")
                }
            };
            assert_holds(&block, contents.tag, contents.entries, contents.frame_bytes);
        }
        assert_eq!(accepted.next(), None, "an accepted block is missing");
    }
}

fn holds(block: &Block, contents: Contents) -> bool {
    block.len() == contents.entries
        && block.iter().enumerate().all(|(place, read)| {
            let frame = frame(contents.tag, place, contents.frame_bytes);
            read == entry(contents.tag, place, &frame)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn what_was_accepted_is_read_back_exactly_once(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..50),
    ) {
        let mut model = Model::new(seed);
        for step in &steps {
            model.run(step);
        }
        model.disk.crash();
        model.restart();
        model.check();
    }
}

#[test]
fn a_full_disk_is_survived() {
    let mut model = Model::new(3);
    model.run(&Step::Append { entries: 2, frame_bytes: 100, faults: vec![], retries: 0 });
    let (mut builder, contents) = model.build(2, 500);
    for _ in 0..50 {
        model.disk.set_faults(&[Fault::WriteShort]);
        let error = model.log.append(&mut builder).expect_err("no space");
        assert!(error.is_disk_full(), "{error}");
        model.check();
    }
    let block = model.log.append(&mut builder).expect("space again");
    model.accept(&block, contents);
    model.check();
    assert_eq!(model.disk.file_count(), 1, "the segment is written on");
    assert_eq!(block.seq(), 2);
}

#[test]
fn failing_syncs_do_not_litter_the_folder() {
    let mut model = Model::new(4);
    let (mut builder, contents) = model.build(2, 500);
    for _ in 0..50 {
        model.disk.set_faults(&[Fault::Sync]);
        assert!(model.log.append(&mut builder).is_err());
    }
    let block = model.log.append(&mut builder).expect("the device recovered");
    model.accept(&block, contents);
    model.disk.crash();
    model.restart();
    model.check();
    assert_eq!(model.disk.file_count(), 1);
}
