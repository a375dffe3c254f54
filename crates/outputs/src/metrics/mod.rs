//! Numbers for Prometheus: what was received and kept, what SIP and media were like, what became of calls.
//!
//! ```text
//!  ingest: rows as they are published ──┐
//!          rows of calls as they change ┼─ bounded queue ─ thread "metrics" ─┐
//!  whoever asks ── a page, please ──────┘                   counts           ├─ the page
//!  receiver, store, kernel: as they are at that moment ──────────────────────┘
//! ```
//!
//! Counting has a thread of its own, fed with rows that are shared and not copied: receiving costs nothing more. A page is
//! asked for through the same queue, so that it tells of all that was handed in before.
//!
//! Everything that a packet can name is bounded ([`bounded`]); every metric is declared once ([`metrics`]), and
//! docs/metrics.md is compared with that.

mod bounded;
mod calls;
mod columns;
mod heplify;
mod histogram;
mod kept;
mod media;
mod messages;
mod metric;
mod page;
mod process;
mod receiver;
mod recent;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use ::calls::{OF_CALLS, TABLES};
use arrow::array::RecordBatch;
use crossbeam_channel::{Receiver as Queue, Sender, TrySendError};
use model::Table;
use store::{Derived, Store};

use calls::Calls;
use heplify::Heplify;
use media::Media;
use messages::Messages;
use page::Page;

pub use heplify::Targets;
pub use metric::{Kind, Metric};
pub use page::Format;
pub use receiver::{Alerts, Listener, Receiver, Script};

/// Batches that may wait to be counted: seconds of the greatest load. They are mostly in memory for search anyway.
const QUEUE_MAX: usize = 16;

/// A page is written in milliseconds. A scraper gives up after ten seconds by default.
const PAGE_TIME_MAX: Duration = Duration::from_secs(8);

static SKIPPED: Metric = Metric::counter(
    "rhapsode_metrics_skipped_rows_total",
    &[],
    "Rows that were not counted because counting could not keep up; they are stored all the same",
);

/// What is counted.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub version: &'static str,
    /// Also under the names of heplify-server.
    pub heplify: Option<Targets>,
}

/// All metrics of a page; those of heplify-server last.
pub fn metrics() -> Vec<&'static Metric> {
    let mut all: Vec<&'static Metric> = receiver::METRICS.to_vec();
    all.extend(kept::METRICS);
    all.extend(process::METRICS);
    all.extend(messages::METRICS);
    all.extend(media::METRICS);
    all.extend(calls::METRICS);
    all.push(&SKIPPED);
    all.extend(heplify::metrics());
    all
}

/// Why there is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the metrics were not counted in time, or counting has ended: the log of the server has the reason")]
pub struct Late;

/// Counts what is handed in, and writes pages. Dropping it ends its thread.
#[derive(Debug)]
pub struct Metrics {
    version: &'static str,
    /// There until the end.
    queue: Option<Sender<Fed>>,
    skipped: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

enum Fed {
    Published(Vec<(&'static Table, RecordBatch)>),
    Told(Vec<Derived>),
    /// What the thread knows is to be added to the page.
    Asked(Page, Sender<Page>),
}

impl Metrics {
    pub fn start(settings: Settings) -> std::io::Result<Self> {
        let (queue, fed) = crossbeam_channel::bounded(QUEUE_MAX);
        let skipped = Arc::new(AtomicU64::default());
        let counts = Counts::new(settings.heplify, Arc::clone(&skipped));
        let thread =
            std::thread::Builder::new().name("metrics".to_owned()).spawn(move || counts.run(&fed))?;
        Ok(Self { version: settings.version, queue: Some(queue), skipped, thread: Some(thread) })
    }

    /// Rows that have just become searchable. Never waits.
    pub fn published(&self, rows: &[(&'static Table, RecordBatch)]) {
        let count = rows.iter().map(|(_, rows)| rows.num_rows()).sum();
        self.feed(Fed::Published(rows.to_vec()), count);
    }

    /// What has become of rows that are made of others. Never waits.
    pub fn told(&self, told: &[Derived]) {
        let ended = told.iter().filter_map(|told| told.ended.as_ref());
        self.feed(Fed::Told(told.to_vec()), ended.map(RecordBatch::num_rows).sum());
    }

    /// The page at this moment. Blocks for as long as counting what waits takes.
    pub fn page(&self, format: Format, receiver: &Receiver, store: &Store) -> Result<String, Late> {
        let mut page = Page::new(format);
        let status = store.status();
        receiver::write(receiver, &status.alarms, &mut page);
        kept::write(&status, store, &mut page);
        process::write(self.version, &mut page);
        let (answer, counted) = crossbeam_channel::bounded(1);
        let queue = self.queue.as_ref().ok_or(Late)?;
        queue.send_timeout(Fed::Asked(page, answer), PAGE_TIME_MAX).map_err(|_| Late)?;
        counted.recv_timeout(PAGE_TIME_MAX).map(Page::finish).map_err(|_| Late)
    }

    fn feed(&self, fed: Fed, rows: usize) {
        let Some(queue) = &self.queue else { return };
        if let Err(TrySendError::Full(_)) = queue.try_send(fed) {
            self.skipped.fetch_add(rows as u64, Ordering::Relaxed);
        }
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        self.queue.take();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that counts metrics panicked");
        }
    }
}

/// What the thread knows.
#[derive(Debug)]
struct Counts {
    messages: Messages,
    media: Media,
    calls: Calls,
    heplify: Option<Heplify>,
    skipped: Arc<AtomicU64>,
}

impl Counts {
    fn new(targets: Option<Targets>, skipped: Arc<AtomicU64>) -> Self {
        Self {
            messages: Messages::new(),
            media: Media::new(),
            calls: Calls::new(),
            heplify: targets.map(Heplify::new),
            skipped,
        }
    }

    fn run(mut self, queue: &Queue<Fed>) {
        for fed in queue {
            match fed {
                Fed::Published(batches) => batches.iter().for_each(|(table, rows)| self.count(table, rows)),
                Fed::Told(told) => told.iter().for_each(|told| self.count_told(told)),
                Fed::Asked(mut page, answer) => {
                    self.write(&mut page);
                    // Who asked may have given up.
                    let _ = answer.send(page);
                }
            }
        }
    }

    fn count(&mut self, table: &Table, rows: &RecordBatch) {
        self.messages.count(table, rows);
        self.media.count(table, rows);
        if let Some(heplify) = &mut self.heplify {
            heplify.count(table, rows);
        }
    }

    fn count_told(&mut self, told: &Derived) {
        debug_assert!(TABLES.iter().any(|table| std::ptr::eq(*table, told.table)), "{}", told.table.name);
        // Figures of minutes are made of rows that were counted already.
        if !OF_CALLS.iter().any(|table| std::ptr::eq(*table, told.table)) {
            return;
        }
        self.calls.count(told);
        if let Some(heplify) = &mut self.heplify {
            heplify.told(told);
        }
    }

    fn write(&self, page: &mut Page) {
        self.messages.write(page);
        self.media.write(page);
        self.calls.write(page);
        page.family(&SKIPPED).series(&[], self.skipped.load(Ordering::Relaxed));
        if let Some(heplify) = &self.heplify {
            heplify.write(page);
        }
    }
}
