//! The whole store beside a list of what it promised, on a log disk and in a bucket that fail by chance, and in a program
//! that dies by chance: every accepted row is there exactly once, none appears that was never appended, and once the
//! faults stop the store recovers by itself.
//!
//! A seed decides what is done, and what fails; when the store's threads do their work decides the machine. So a seed
//! that has failed fails again mostly, not always:
//!
//! ```text
//! STORE_SEEDS=17 cargo nextest run --release -p store -E 'test(model)'         that one, a hundred times
//! STORE_SEEDS=0..5000 cargo nextest run --release -p store -E 'test(model)'    all of these
//! ```

mod lake;
#[path = "../../../src/log/tests/fake_disk.rs"]
mod log_disk;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use model::Micros;
use store::check::{Options, Progress, Severity, check};
use store::log::{BlockBuilder, Entry};
use store::{Bucket, Config, LakeLocation, Store};

use self::lake::ChanceLake;
use self::log_disk::{FakeDisk, Fault};
use crate::rows::{NOW, TABLES, config, numbers, sql, texts, understand, wait};

/// As many as take about a minute on two processors.
const SEEDS: u64 = 800;

const STEPS: usize = 24;

/// A block that was appended.
#[derive(Clone, Copy, Debug)]
struct Appended {
    rows: usize,
    /// It was accepted, and retention does not take it. Of others any rows may come to light, each once: a table may
    /// settle what a failed sync has left in memory, and a crash take it from the other.
    is_kept: bool,
}

struct World {
    random: fastrand::Rng,
    log: FakeDisk,
    lake: ChanceLake,
    folder: tempfile::TempDir,
    store: Option<Store>,
    /// By the tag that begins the Call-IDs of their rows.
    blocks: BTreeMap<u64, Appended>,
    course: Vec<String>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            random: fastrand::Rng::with_seed(seed),
            log: FakeDisk::new(seed.wrapping_mul(2)),
            lake: ChanceLake::new(seed),
            folder: tempfile::tempdir().expect("a folder"),
            store: None,
            blocks: BTreeMap::new(),
            course: Vec::new(),
        };
        world.open();
        world
    }

    fn config(&mut self) -> Config {
        let mut config = config(self.folder.path());
        config.lake = LakeLocation::Bucket(Bucket::parse("s3://traffic").expect("a bucket"));
        config.object_store = Some(Arc::new(self.lake.clone()));
        config.log_disk = Some(Arc::new(self.log.clone()));
        config.log_segment_bytes_max = 400;
        config.retention.check_every = Duration::from_millis(2);
        if self.random.bool() {
            config.compact_every = Duration::from_millis(1);
        }
        if self.random.bool() {
            config.retention.payload_days = vec![("sip".to_owned(), 1)];
        }
        config
    }

    /// Starts, in spite of faults if it can.
    fn open(&mut self) {
        let config = self.config();
        let store = Store::open(config.clone(), TABLES).or_else(|error| {
            self.course.push(format!("no start: {error}"));
            self.lake.heal();
            Store::open(config, TABLES)
        });
        let store = store.expect("it starts once nothing fails");
        // What is void or was never accepted is stepped over.
        for block in store.replay().flatten() {
            understand(&store, &block);
        }
        self.store = Some(store);
    }

    fn store(&self) -> &Store {
        self.store.as_ref().expect("it is open between the steps")
    }

    fn step(&mut self) {
        match self.random.u32(..20) {
            0..8 => self.append(),
            8..12 => {
                let outcome = self.store().settle();
                self.course.push(format!("settle: {outcome:?}"));
            }
            12..14 => {
                let percent = self.random.choice([0, 3, 10, 30]).expect("there are some");
                self.course.push(format!("{percent} % fail"));
                self.lake.fail(percent);
            }
            14 => {
                let requests = self.random.u32(..25);
                self.course.push(format!("dies after {requests} requests"));
                self.lake.die_after(requests);
            }
            15 => {
                self.course.push("late requests take effect".to_owned());
                wait(self.lake.deliver());
            }
            16 => std::thread::sleep(Duration::from_millis(self.random.u64(..15))),
            17 | 18 => self.crash(),
            _ => self.look("meanwhile"),
        }
    }

    fn append(&mut self) {
        let faults: Vec<Fault> = Fault::ALL.into_iter().filter(|_| self.random.u32(..12) == 0).collect();
        self.append_with(&faults);
    }

    /// Those faults that appending does not meet, settling does.
    fn append_with(&mut self, faults: &[Fault]) {
        let tag = self.blocks.len() as u64;
        let rows = self.random.usize(1..4);
        let is_old = self.random.u32(..6) == 0;
        let mut builder = BlockBuilder::new();
        for place in 0..rows {
            let table = if self.random.u32(..3) == 0 { "rtcp" } else { "sip" };
            let frame = format!("{table}|{}|{tag}-{place}", NOW.0 + tag as i64 * Micros::SECOND);
            let received = if is_old { Micros(NOW.0 - 200_000 * Micros::DAY) } else { NOW };
            let sender = SocketAddr::from(([192, 0, 2, 1], 9060));
            builder.push(&Entry { received, sender, listener: 0, frame: frame.as_bytes() }).expect("room");
        }
        self.log.set_faults(faults);
        self.blocks.insert(tag, Appended { rows, is_kept: false });
        for _ in 0..self.random.u32(1..4) {
            let appended = self.store().log().append(&mut builder);
            let told = appended.as_ref().map(store::log::Block::seq);
            self.course.push(format!("append {tag}, {faults:?}: {told:?}"));
            if let Ok(block) = appended {
                self.blocks.insert(tag, Appended { rows, is_kept: !is_old });
                understand(self.store(), &block);
                break;
            }
        }
    }

    /// The program ends wherever it is, and power fails: what the log had not synced is lost or torn.
    fn crash(&mut self) {
        self.store = None;
        if self.random.bool() {
            self.course.push("crash".to_owned());
            self.log.crash();
        } else {
            self.course.push("restart".to_owned());
            self.log.set_faults(&[]);
        }
        self.lake.heal();
        if self.random.bool() {
            self.lake.fail(5);
        }
        self.open();
    }

    /// Compares what is found with what was promised.
    fn look(&mut self, when: &str) {
        self.course.push(format!("look: {when}"));
        let faults = self.lake.pause();
        let found = sql(
            self.store(),
            "SELECT id, call_id FROM sip UNION ALL SELECT id, call_id FROM rtcp ORDER BY id",
        );
        let ids = numbers(&found, "id");
        assert!(ids.is_sorted_by(|a, b| a < b), "{when}: an id is there twice: {ids:?}");
        let mut rows: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for call_id in texts(&found, "call_id") {
            let tag = call_id.split('-').next().and_then(|tag| tag.parse().ok());
            rows.entry(tag.expect("a tag")).or_default().push(call_id);
        }
        for (tag, call_ids) in &mut rows {
            let all = call_ids.len();
            call_ids.sort();
            call_ids.dedup();
            assert_eq!(all, call_ids.len(), "{when}: rows of block {tag} are there twice");
            assert!(self.blocks.contains_key(tag), "{when}: block {tag} was never appended");
        }
        for (tag, block) in &self.blocks {
            let found = rows.get(tag).map_or(0, Vec::len);
            let is_right = if block.is_kept { found == block.rows } else { found <= block.rows };
            assert!(is_right, "{when}: {found} rows of block {tag}: {block:?}");
        }
        self.lake.resume(faults);
    }

    /// Nothing fails any more.
    fn recover(&mut self) {
        self.course.push("recovers".to_owned());
        self.lake.heal();
        self.append_with(&[]);
        let started = Instant::now();
        while let Err(error) = self.store().settle() {
            assert!(started.elapsed() < Duration::from_secs(120), "it does not recover: {error}");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(self.store().status().hot_rows, 0);
        let names: Vec<&str> = self.store().status().alarms.iter().map(|alarm| alarm.name).collect();
        assert!(!names.contains(&"settle"), "{names:?}");
        self.look("recovered");
        // Old segments go; the last is written on, and a failed sync may have left one behind it.
        assert!(self.log.file_count() <= 2, "{} segments are left", self.log.file_count());
        wait(self.lake.deliver());
        self.store = None;
        self.log.crash();
        self.open();
        self.look("after a start");
        self.store = None;
        let options = Options { deep: true, repair: false, give_up_broken: false };
        let report = check(&self.config(), options, &Progress::default()).expect("checked").expect("data");
        let wrong: Vec<_> =
            report.findings.iter().filter(|finding| finding.problem.severity() == Severity::Wrong).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

/// What has happened up to the failure, if there is one.
fn fails(seed: u64) -> Option<Vec<String>> {
    let mut world = None;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let world = world.insert(World::new(seed));
        for _ in 0..STEPS {
            world.step();
        }
        world.recover();
    }));
    outcome.is_err().then(|| world.map(|world| world.course).unwrap_or_default())
}

#[test]
fn every_accepted_row_is_there_exactly_once() {
    let asked = std::env::var("STORE_SEEDS").ok();
    let number = |text: &str| text.parse::<u64>().expect("STORE_SEEDS is a number, or two with .. between");
    let (first, last, times) = match asked.as_deref().map(|asked| asked.split_once("..").ok_or(asked)) {
        None => (0, SEEDS, 1),
        Some(Ok((first, last))) => (number(first), number(last), 1),
        Some(Err(one)) => (number(one), number(one) + 1, 100),
    };
    let next = AtomicU64::new(first * times);
    let started = Instant::now();
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed) / times;
                    if seed >= last {
                        break;
                    }
                    if let Some(course) = fails(seed) {
                        next.store(last * times, Ordering::Relaxed);
                        panic!(
                            "seed {seed} fails after\n  {}\nagain: STORE_SEEDS={seed} cargo nextest run --release \
                             -p store -E 'test(model)'",
                            course.join("\n  ")
                        );
                    }
                }
            });
        }
    });
    eprintln!("{} seeds in {:?}", (last - first) * times, started.elapsed());
}
