use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arrow::array::RecordBatch;
use calls::kpi::KPI_1M;
use model::Micros;
use store::{Derived, Store, StoreError, TailEnd};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::gather::{Feed, Made, Maker, gather};
use crate::mood::{Mood, News};
use crate::queue::{Item, Queue, Verdict};
use crate::send::{Sink, send};
use crate::spool::Spool;
use crate::window::Window;

/// Making items takes a processor, so two: one output that is busy does not keep the others from theirs.
const THREADS: usize = 2;

/// Tellings of minutes that may wait for an output to make points of them. One has ten minutes at most, and making their
/// figures takes longer than making points of them.
const MINUTES_WAITING_MAX: usize = 16;

/// All outputs, running. Dropping it stops them without waiting for what is still to be sent.
pub struct Outputs {
    outputs: Vec<Output>,
    running: Mutex<Option<Running>>,
}

struct Output {
    shared: Arc<Shared>,
    source: Source,
}

/// Where an output has from what it sends, to be ended in order.
enum Source {
    Rows(TailEnd),
    /// There until the end.
    Minutes(Mutex<Option<mpsc::Sender<RecordBatch>>>),
}

struct Running {
    runtime: Runtime,
    tasks: Vec<JoinHandle<()>>,
}

/// What an output was offered and what became of it, since the start: taken = sent + dropped + waiting.
#[derive(Clone, Debug)]
pub struct Status {
    pub name: String,
    pub kind: &'static str,
    pub state: State,
    /// Records that the filter let through; with those an earlier run left in the spool.
    pub taken: u64,
    /// Given to the other side, and where it answers, taken by it.
    pub sent: u64,
    /// By cause.
    pub dropped: BTreeMap<&'static str, u64>,
    pub waiting: u64,
    /// Of memory.
    pub waiting_bytes: u64,
    pub spool_bytes: u64,
    /// Attempts that were made again.
    pub retries: u64,
    /// Records that were published and that nobody could look at in time: whether the filter would have let them
    /// through is not known.
    pub unseen: u64,
    /// How long the oldest that waits has been here.
    pub lag: Duration,
    /// Why the other side did not have what it refused last.
    pub refusal: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Working,
    /// Since then nothing gets through, and this is the latest reason.
    Failing {
        since: Micros,
        problem: String,
    },
}

/// Why outputs cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot start the threads of outputs")]
    Threads(#[source] io::Error),
    #[error("output {output:?}: {what}")]
    Output { output: String, what: String },
    #[error("output {output:?}: cannot open its spool {folder}")]
    Spool {
        output: String,
        folder: String,
        #[source]
        source: io::Error,
    },
    #[error("output {output:?}: cannot compile its filter")]
    Filter {
        output: String,
        #[source]
        source: StoreError,
    },
}

impl Outputs {
    /// Starts them: what is published from now on is seen. `window` must be filled with the blocks that these rows are
    /// made of, if [`Outputs::need_packets`]. `node` tells the rows of this server from those of others.
    pub fn start(
        configs: Vec<Config>,
        store: &Store,
        window: &Arc<Window>,
        node: &str,
    ) -> Result<Self, StartError> {
        if configs.is_empty() {
            return Ok(Self { outputs: Vec::new(), running: Mutex::new(None) });
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("outputs")
            .enable_all()
            .build()
            .map_err(StartError::Threads)?;
        let mut running = Running { runtime, tasks: Vec::new() };
        let outputs =
            configs.into_iter().map(|config| Output::start(config, store, window, node, &mut running));
        let outputs = outputs.collect::<Result<_, _>>()?;
        Ok(Self { outputs, running: Mutex::new(Some(running)) })
    }

    /// Whether any output sends packets, not rows.
    pub fn need_packets(configs: &[Config]) -> bool {
        configs.iter().any(|config| config.kind.needs_packets())
    }

    /// What has become of rows that are made of others: figures of minutes among them. Never waits.
    pub fn told(&self, told: &[Derived]) {
        let minutes = told.iter().filter(|told| std::ptr::eq(told.table, &raw const KPI_1M));
        for rows in minutes.filter_map(|told| told.ended.as_ref()) {
            self.outputs.iter().for_each(|output| output.told(rows));
        }
    }

    pub fn status(&self) -> Vec<Status> {
        self.outputs.iter().map(|output| output.shared.status()).collect()
    }

    /// Sends what has been published, and returns when that is done or has taken too long; what is left goes to the
    /// spools or is dropped. Nothing may be published any more. Blocks.
    pub fn stop(&self, time_max: Duration) {
        let Some(Running { runtime, tasks }) = self.take() else { return };
        for output in &self.outputs {
            output.source.end();
        }
        let all = futures::future::join_all(tasks);
        // Those that are not done are cut with the runtime.
        let _ = runtime.block_on(async { tokio::time::timeout(time_max, all).await });
        runtime.shutdown_timeout(Duration::from_secs(1));
        for output in &self.outputs {
            output.shared.close();
        }
    }

    fn take(&self) -> Option<Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Outputs {
    fn drop(&mut self) {
        if let Some(running) = self.take() {
            running.runtime.shutdown_background();
        }
    }
}

impl std::fmt::Debug for Outputs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outputs").field("outputs", &self.outputs.len()).finish_non_exhaustive()
    }
}

impl Output {
    fn start(
        config: Config,
        store: &Store,
        window: &Arc<Window>,
        node: &str,
        running: &mut Running,
    ) -> Result<Self, StartError> {
        let output = || config.name.clone();
        let wrong = |what: String| StartError::Output { output: output(), what };
        let spool = match &config.spool {
            None => None,
            Some(spool) => Some(Spool::open(&spool.folder, spool.bytes_max).map_err(|source| {
                StartError::Spool { output: output(), folder: spool.folder.display().to_string(), source }
            })?),
        };
        let maker = Maker::new(&config.kind, window, node, &config.name);
        let sink = Sink::new(&config).map_err(wrong)?;
        let (feed, source) = if let Some(columns) = maker.columns(store) {
            let tail = running.runtime.block_on(store.tail(&config.filter, &columns));
            let tail = tail.map_err(|source| StartError::Filter { output: output(), source })?;
            let end = tail.end();
            (Feed::Rows(tail), Source::Rows(end))
        } else {
            let (told, minutes) = mpsc::channel(MINUTES_WAITING_MAX);
            (Feed::Minutes(minutes), Source::Minutes(Mutex::new(Some(told))))
        };
        let shared = Arc::new(Shared::new(&config, spool));
        let runtime = &running.runtime;
        running.tasks.extend([
            runtime.spawn(gather(feed, maker, Arc::clone(&shared))),
            runtime.spawn(send(sink, Arc::clone(&shared), config)),
        ]);
        Ok(Self { shared, source })
    }

    fn told(&self, rows: &RecordBatch) {
        let Source::Minutes(minutes) = &self.source else { return };
        let minutes = minutes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(minutes) = minutes.as_ref() else { return };
        if minutes.try_send(rows.clone()).is_err() {
            self.shared.put(rows.num_rows() as u64, Made::default());
        }
    }
}

impl Source {
    fn end(&self) {
        match self {
            Self::Rows(end) => end.end(),
            Self::Minutes(minutes) => {
                minutes.lock().unwrap_or_else(PoisonError::into_inner).take();
            }
        }
    }
}

/// What the tasks of an output and its status share.
pub(crate) struct Shared {
    name: String,
    kind: &'static str,
    inner: Mutex<Inner>,
    news: Notify,
    /// Nothing more will come.
    ended: AtomicBool,
}

struct Inner {
    queue: Queue<Spool>,
    unseen: u64,
    retries: u64,
    problem: Option<(Micros, String)>,
    refusal: Option<String>,
    mood: Mood,
}

impl Shared {
    fn new(config: &Config, spool: Option<Spool>) -> Self {
        let inner = Inner {
            queue: Queue::new(config.queue_bytes_max, spool),
            unseen: 0,
            retries: 0,
            problem: None,
            refusal: None,
            mood: Mood::default(),
        };
        Self {
            name: config.name.clone(),
            kind: config.kind.name(),
            inner: Mutex::new(inner),
            news: Notify::new(),
            ended: AtomicBool::new(false),
        }
    }

    /// Takes what was made of rows, behind `unseen` others.
    pub(crate) fn put(&self, unseen: u64, made: Made) {
        let mut inner = self.lock();
        inner.unseen += unseen;
        for (cause, count) in made.lost {
            inner.queue.lose(cause, count);
        }
        for item in made.items {
            inner.queue.offer(item);
        }
        self.tell(&mut inner);
        drop(inner);
        self.news.notify_one();
    }

    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.news.notify_one();
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// The next items; empty if there are none.
    pub(crate) fn batch(&self, rows_max: usize, bytes_max: usize) -> Vec<Arc<Item>> {
        self.lock().queue.batch(rows_max, bytes_max)
    }

    /// Until something was put or all has come.
    pub(crate) async fn wait(&self) {
        self.news.notified().await;
    }

    /// What became of those in hand. A `problem` keeps some of them from getting through.
    pub(crate) fn settle(
        &self,
        verdicts: impl IntoIterator<Item = Verdict>,
        problem: Option<String>,
        refusal: Option<String>,
    ) {
        let mut inner = self.lock();
        inner.queue.settle(verdicts);
        inner.retries += u64::from(problem.is_some());
        inner.problem = problem.map(|problem| {
            let since = inner.problem.as_ref().map_or_else(now, |(since, _)| *since);
            (since, problem)
        });
        inner.refusal = refusal.or(inner.refusal.take());
        self.tell(&mut inner);
    }

    /// Says what has changed, once.
    fn tell(&self, inner: &mut Inner) {
        let problem = inner.problem.as_ref().map(|(_, problem)| problem.as_str());
        let dropped = inner.queue.counts().dropped();
        let (output, waiting) = (&self.name, inner.queue.waiting());
        for news in inner.mood.look(problem, dropped, Instant::now()) {
            match news {
                News::Failing(problem) => {
                    tracing::warn!(output, waiting, %problem, "an output does not get through");
                }
                News::Recovered => tracing::info!(output, waiting, "an output gets through again"),
                News::Losing => {
                    let causes = &inner.queue.counts().dropped;
                    let refusal = inner.refusal.as_deref();
                    tracing::warn!(output, ?causes, refusal, "an output is losing records");
                }
                News::LostSome(count) => tracing::info!(output, count, "an output has lost records"),
            }
        }
    }

    fn status(&self) -> Status {
        let inner = self.lock();
        let counts = inner.queue.counts().clone();
        let oldest = inner.queue.oldest();
        let lag = oldest.map_or(0, |oldest| now().0.saturating_sub(oldest.0));
        Status {
            name: self.name.clone(),
            kind: self.kind,
            state: match &inner.problem {
                None => State::Working,
                Some((since, problem)) => State::Failing { since: *since, problem: problem.clone() },
            },
            taken: counts.taken,
            sent: counts.sent,
            dropped: counts.dropped,
            waiting: inner.queue.waiting(),
            waiting_bytes: inner.queue.bytes() as u64,
            spool_bytes: inner.queue.spool_bytes(),
            retries: inner.retries,
            unseen: inner.unseen,
            lag: Duration::from_micros(u64::try_from(lag).unwrap_or(0)),
            refusal: inner.refusal.clone(),
        }
    }

    /// The end: what waits is kept on disk or lost.
    fn close(&self) {
        let mut inner = self.lock();
        let before = inner.queue.counts().dropped();
        inner.queue.close();
        let (sent, lost) = (inner.queue.counts().sent, inner.queue.counts().dropped() - before);
        let counts = inner.queue.counts();
        let spooled = counts.taken - counts.sent - counts.dropped();
        if lost > 0 {
            tracing::warn!(output = self.name, sent, lost, spooled, "an output stopped before all was sent");
        } else {
            tracing::info!(output = self.name, sent, spooled, "an output stopped");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Consistent between any two statements that could panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
