//! The pipeline on a log that fails: nothing is accepted without being stored, nothing is lost without being counted,
//! nothing stored is shown twice.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use model::Table;
use std::net::UdpSocket;
use store::StoreError;
use store::log::{Block, BlockBuilder, Damage, Log, LogError, Options};

use super::Journal;
use super::commit::LOG_ALARM;
use super::losses::LOSS_ALARM;
use super::understand::PUBLISH_ALARM;
use crate::{Counters, Doors, Ingest, IngestConfig, ListenerConfig, Transport};

/// A real log in a temporary folder, with switches to make it fail, and a list for a lake.
struct Fake {
    _folder: tempfile::TempDir,
    log: Log,
    log_fails: AtomicBool,
    publish_fails: AtomicBool,
    /// Settled position by table, as an earlier run left it.
    settled: BTreeMap<&'static str, u64>,
    published: Mutex<Vec<i64>>,
    /// Bytes of the largest batch published.
    largest: AtomicUsize,
    upto: AtomicU64,
}

impl Fake {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let log = Log::open(folder.path(), Options::default()).expect("a log");
        Self {
            _folder: folder,
            log,
            log_fails: AtomicBool::new(false),
            publish_fails: AtomicBool::new(false),
            settled: BTreeMap::new(),
            published: Mutex::default(),
            largest: AtomicUsize::new(0),
            upto: AtomicU64::new(0),
        }
    }

    fn ids(&self) -> Vec<i64> {
        self.published.lock().expect("no panic").clone()
    }
}

impl Journal for Fake {
    fn append(&self, builder: &mut BlockBuilder) -> Result<Block, LogError> {
        if self.log_fails.load(Ordering::Relaxed) {
            let source = io::ErrorKind::StorageFull.into();
            return Err(LogError::Write { segment: "test".to_owned(), source });
        }
        self.log.append(builder)
    }

    fn last_seq(&self) -> u64 {
        self.log.last_seq()
    }

    fn replay(&self, after: u64) -> Box<dyn Iterator<Item = Result<Block, Damage>> + '_> {
        Box::new(self.log.replay(after))
    }

    fn settled(&self, table: &'static Table) -> u64 {
        self.settled.get(table.name).copied().unwrap_or(0)
    }

    fn publish(&self, upto: u64, batches: Vec<(&'static Table, RecordBatch)>) -> Result<(), StoreError> {
        if self.publish_fails.load(Ordering::Relaxed) {
            return Err(StoreError::Closed);
        }
        assert!(upto >= self.upto.swap(upto, Ordering::Relaxed), "positions never go back");
        let mut published = self.published.lock().expect("no panic");
        for (table, batch) in batches {
            let ids = batch.column_by_name("id").expect("every table has an id").as_primitive::<Int64Type>();
            assert_eq!(batch.num_columns(), table.columns().count());
            published.extend(ids.values());
            self.largest.fetch_max(batch.get_array_memory_size(), Ordering::Relaxed);
        }
        Ok(())
    }

    fn derived(&self) -> &'static [&'static Table] {
        &[]
    }

    fn publish_derived(
        &self,
        _: u64,
        _: Vec<store::Derived>,
        _: store::Unfinished,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    fn carried(&self) -> Vec<store::Going> {
        Vec::new()
    }

    fn messages_of(&self, _: &[String]) -> Result<Vec<RecordBatch>, StoreError> {
        Ok(Vec::new())
    }

    fn minutes(&self) -> Option<store::Minutes> {
        None
    }

    fn calls_of(&self, _: (i64, i64)) -> Result<Vec<RecordBatch>, StoreError> {
        Ok(Vec::new())
    }

    fn figures_of(&self, _: (i64, i64)) -> Result<Vec<RecordBatch>, StoreError> {
        Ok(Vec::new())
    }
}

fn start(config: IngestConfig, journal: Arc<dyn Journal>) -> Result<Ingest, crate::IngestError> {
    Ingest::start_on(Doors::open(config)?, journal)
}

fn config() -> IngestConfig {
    let any = "127.0.0.1:0".parse().expect("an address");
    IngestConfig {
        listeners: [Transport::Udp, Transport::Tcp]
            .map(|transport| ListenerConfig::new(transport, any))
            .into(),
        stop_time_max: Duration::from_secs(2),
        ..IngestConfig::default()
    }
}

fn packet(payload: &[u8]) -> Vec<u8> {
    let address = "192.0.2.1:5060".parse().expect("an address");
    let mut bytes = Vec::new();
    let outgoing = hep::Outgoing { payload, ..hep::Outgoing::new(address, address) };
    outgoing.encode_v3(&mut bytes).expect("a small packet");
    bytes
}

fn send(ingest: &Ingest, count: usize, bytes: &[u8]) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    for _ in 0..count {
        socket
            .send_to(bytes, ingest.address_of(Transport::Udp).expect("listening"))
            .expect("a datagram sent");
    }
}

fn wait_for(what: &str, ingest: &Ingest, reached: impl Fn(&Counters) -> bool) -> Counters {
    let started = Instant::now();
    loop {
        let total = ingest.counters().total;
        if reached(&total) {
            return total;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{what}: {total:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn wait_until(what: &str, reached: impl Fn() -> bool) {
    let started = Instant::now();
    while !reached() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_full_disk_raises_an_alarm_and_loses_nothing_that_fits_the_queue() {
    let fake = Arc::new(Fake::new());
    let ingest = start(config(), fake.clone()).expect("a start");
    fake.log_fails.store(true, Ordering::Relaxed);
    send(&ingest, 20, &packet(b"x"));
    wait_for("all received", &ingest, |total| total.received == 20);
    wait_until("an alarm", || !ingest.alarms().is_empty());
    let alarm = &ingest.alarms()[0];
    assert_eq!(alarm.name, LOG_ALARM);
    assert!(alarm.message.contains("free some space"), "{}", alarm.message);
    let total = ingest.counters().total;
    assert_eq!((total.stored, total.pending), (0, 20), "accepted means stored");

    fake.log_fails.store(false, Ordering::Relaxed);
    let total = wait_for("stored", &ingest, |total| total.stored == 20);
    assert_eq!(total.pending, 0);
    ingest.shutdown();
    assert!(ingest.alarms().is_empty());
    assert_eq!(fake.ids().len(), 20);
}

#[test]
fn beyond_the_queue_udp_drops_and_counts() {
    let fake = Arc::new(Fake::new());
    fake.log_fails.store(true, Ordering::Relaxed);
    let config = IngestConfig { queue_bytes_max: 200_000, ..config() };
    let ingest = start(config, fake.clone()).expect("a start");
    for _ in 0..50 {
        send(&ingest, 1, &packet(&[b'x'; 20_000]));
        std::thread::sleep(Duration::from_millis(1));
    }
    let total = wait_for("all received", &ingest, |total| total.received == 50);
    let dropped = total.dropped["queue_full"];
    assert!((1..50).contains(&dropped), "{total:?}");
    assert_eq!(total.pending, 50 - dropped);
    fake.log_fails.store(false, Ordering::Relaxed);
    let total = wait_for("stored", &ingest, |total| total.pending == 0);
    assert_eq!((total.stored, total.dropped["queue_full"]), (50 - dropped, dropped));
    wait_until("the alarm about it", || ingest.alarms().iter().any(|alarm| alarm.name == LOSS_ALARM));
}

#[test]
fn beyond_the_queue_tcp_waits_and_loses_nothing() {
    use std::io::Write;
    let fake = Arc::new(Fake::new());
    fake.log_fails.store(true, Ordering::Relaxed);
    let commit_every = Duration::from_millis(1);
    let config = IngestConfig { queue_bytes_max: 200_000, commit_every, ..config() };
    let ingest = start(config, fake.clone()).expect("a start");
    let mut stream = std::net::TcpStream::connect(ingest.address_of(Transport::Tcp).expect("listening"))
        .expect("a stream");
    let sender = std::thread::spawn(move || {
        for _ in 0..1_000 {
            stream.write_all(&packet(&[b'x'; 20_000])).expect("a packet sent");
        }
    });
    wait_for("the queue to fill", &ingest, |total| total.pending * 20_000 > 100_000);
    assert!(!sender.is_finished(), "20 MB do not fit into the buffers of the kernel");
    fake.log_fails.store(false, Ordering::Relaxed);
    let total = wait_for("stored", &ingest, |total| total.stored == 1_000);
    assert_eq!((total.received, total.dropped.len(), total.refused.len()), (1_000, 0, 0));
    sender.join().expect("the sender gets through");
}

#[test]
fn a_stop_while_the_log_fails_ends_in_time_and_counts() {
    let fake = Arc::new(Fake::new());
    fake.log_fails.store(true, Ordering::Relaxed);
    let ingest = start(config(), fake).expect("a start");
    send(&ingest, 7, &packet(b"x"));
    wait_for("all received", &ingest, |total| total.received == 7);
    ingest.shutdown();
    let total = ingest.counters().total;
    assert_eq!((total.received, total.dropped.get("log_failed"), total.pending), (7, Some(&7), 0));
}

#[test]
fn rows_the_store_refuses_are_offered_again() {
    let fake = Arc::new(Fake::new());
    fake.publish_fails.store(true, Ordering::Relaxed);
    let ingest = start(config(), fake.clone()).expect("a start");
    send(&ingest, 5, &packet(b"x"));
    wait_for("stored", &ingest, |total| total.stored == 5);
    wait_until("an alarm", || !ingest.alarms().is_empty());
    assert_eq!(ingest.alarms()[0].name, PUBLISH_ALARM);
    assert!(fake.ids().is_empty());
    fake.publish_fails.store(false, Ordering::Relaxed);
    ingest.shutdown();
    assert_eq!(fake.ids().len(), 5);
    assert!(ingest.alarms().is_empty());
}

/// A compressed payload is up to a hundred times what was received: few rows may be large.
#[test]
fn large_rows_are_published_before_they_are_many() {
    use std::io::Write;
    let fake = Arc::new(Fake::new());
    let config = IngestConfig { publish_every: Duration::from_secs(60), ..config() };
    let ingest = start(config, fake.clone()).expect("a start");
    let mut stream = std::net::TcpStream::connect(ingest.address_of(Transport::Tcp).expect("listening"))
        .expect("a stream");
    for _ in 0..1_000 {
        stream.write_all(&packet(&[b'x'; 60_000])).expect("a packet sent");
    }
    wait_until("published long before its time", || fake.ids().len() > 700);
    ingest.shutdown();
    assert_eq!(fake.ids().len(), 1_000);
    let largest = fake.largest.load(Ordering::Relaxed);
    assert!((10 << 20..24 << 20).contains(&largest), "{largest} bytes at once");
}

#[test]
fn replay_brings_each_table_what_it_has_not_settled() {
    let mut fake = Fake::new();
    let sender = "192.0.2.9:9060".parse().expect("an address");
    let sip = packet(b"OPTIONS sip:a@b SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n");
    // A type that nothing stands for, put where the encoder wrote that of SIP.
    let mut other = packet(b"x");
    let place = other.windows(6).position(|chunk| chunk == [0, 0, 0, 0x0b, 0, 7]).expect("a type chunk") + 6;
    other[place] = 250;
    for _ in 0..4 {
        let mut builder = BlockBuilder::new();
        for frame in [&sip, &other] {
            let received = model::Micros(1_700_000_000_000_000);
            let entry = store::log::Entry { received, sender, listener: 1, frame };
            builder.push(&entry).expect("it fits");
        }
        fake.log.append(&mut builder).expect("an append");
    }
    let names: Vec<&str> = protocols::Protocols::built_in().tables().iter().map(|table| table.name).collect();
    fake.settled = names.iter().map(|name| (*name, if *name == "sip" { 3 } else { 1 })).collect();
    let fake = Arc::new(fake);
    let ingest = start(config(), fake.clone()).expect("a start");
    ingest.shutdown();
    let mut ids = fake.ids();
    ids.sort_unstable();
    assert_eq!(ids, [2 << 16 | 1, 3 << 16 | 1, 4 << 16, 4 << 16 | 1]);
    let replayed = ingest.replayed().expect("it is over");
    assert_eq!((replayed.blocks, replayed.rows, replayed.damages.len()), (3, 4, 0));
    assert_eq!(fake.upto.load(Ordering::Relaxed), 4);
    assert_eq!(ingest.counters().total, Counters::default(), "replayed packets are not received again");
}
