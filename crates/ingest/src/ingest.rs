use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use axum::Router;
use scripts::{ScriptStatus, Scripts};
use store::Store;
use tokio::sync::watch;

use crate::admit::{Orders, Shared};
use crate::alarms::{Alarm, Alarms};
use crate::clock;
use crate::config::IngestConfig;
use crate::counters::{Board, Conservation};
use crate::doors::{Bound, Door, Doors};
use crate::error::IngestError;
use crate::listen::{
    self, AcceptDoor, Associations, Away, Hall, InputDoor, Places, Streams, UdpDoor, WebDoor,
};
use crate::pace::Pace;
use crate::pipeline::{Committer, Feed, Gauge, Joiner, Journal, PUBLISH_ALARM, Queue, Spares, Understander};
use crate::senders::{Sender, Senders};
use crate::tls::{Tls, Watch};
use crate::transport::Transport;

/// Committed blocks that may wait to be understood: a few megabytes each at most.
const BLOCKS_MAX: usize = 32;

/// Published batches that may wait to be joined to calls: some 16 MB each at most, and mostly in memory anyway.
const FEED_MAX: usize = 16;

/// What has already arrived is taken for this long after a stop: kernel buffers are emptied in less.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(2);

/// How often the thread that looks at the TLS files looks whether it should stop.
const WATCH_EVERY: Duration = Duration::from_millis(200);

/// How often a stop looks whether a thread has ended.
const JOIN_EVERY: Duration = Duration::from_millis(5);

/// How long a stop waits for requests that are being answered; then they are cut.
const WEB_STOP_TIME_MAX: Duration = Duration::from_secs(3);

/// Listeners and pipeline, running. Dropping it stops it as [`Ingest::shutdown`] does.
pub struct Ingest {
    hall: Hall,
    config: IngestConfig,
    alarms: Arc<Alarms>,
    give_up: Arc<AtomicBool>,
    replayed: Arc<OnceLock<Replayed>>,
    gauge: Arc<Gauge>,
    bound: Vec<Bound>,
    tls: Option<Arc<Tls>>,
    /// Doors of the web, until they are served.
    web_doors: Mutex<Vec<Door>>,
    web_stop: watch::Sender<bool>,
    threads: Mutex<Threads>,
}

/// What the start found in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    pub blocks: u64,
    /// Rows that had not yet been settled.
    pub rows: u64,
    /// What could not be read, in words.
    pub damages: Vec<String>,
}

/// Calls and registrations that go on, as they are followed in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallsGauge {
    pub open: u64,
    /// What their messages take.
    pub bytes: u64,
    /// Told before their end for want of room, since the start.
    pub evicted: u64,
    /// Messages of calls that have more than are kept, since the start.
    pub beyond: u64,
}

#[derive(Default)]
struct Threads {
    web: Vec<tokio::task::JoinHandle<()>>,
    doors: Vec<JoinHandle<()>>,
    committer: Option<JoinHandle<()>>,
    understander: Option<JoinHandle<()>>,
    joiner: Option<JoinHandle<()>>,
}

impl Ingest {
    /// Binds the listeners, then receives, while what an earlier run left in the log is replayed.
    pub fn start(config: IngestConfig, store: Arc<Store>) -> Result<Self, IngestError> {
        Self::start_on(Doors::open(config)?, store)
    }

    /// The same with listeners that are bound already.
    pub fn start_with(doors: Doors, store: Arc<Store>) -> Result<Self, IngestError> {
        Self::start_on(doors, store)
    }

    pub(crate) fn start_on(doors: Doors, journal: Arc<dyn Journal>) -> Result<Self, IngestError> {
        let bound = doors.bound();
        let Doors { config, doors, inputs, tls } = doors;
        let allow = |door: &Door| door.config.allow.clone().unwrap_or_else(|| config.allow.clone());
        // We go there: nobody else can send by it.
        let anybody = inputs.iter().map(|_| Vec::new());
        let named = bound.iter().map(|bound| (bound.name.clone(), bound.address.to_string()));
        let of_inputs = config.inputs.iter().map(|input| (input.name.clone(), input.address.place()));
        let shared = Arc::new(Shared {
            allow: doors.iter().map(allow).chain(anybody).collect(),
            pace: config.sender_packets_per_second_max.map(Pace::new),
            redactions: config.redactions,
            protocols: config.protocols,
            board: Board::new(named.chain(of_inputs)),
            senders: Senders::new(config.senders_max),
            orders: ArcSwap::from_pointee(Orders::new(&config, None)),
        });
        let (queue, queue_end) = Queue::new(config.queue_bytes_max);
        let hall = Hall { shared, queue: Arc::new(queue), spares: Spares::default(), stop: Arc::default() };
        let (tls, tls_watch) = tls.unzip();
        let ingest = Self {
            hall: hall.clone(),
            alarms: Arc::default(),
            give_up: Arc::default(),
            replayed: Arc::default(),
            gauge: Arc::default(),
            bound,
            tls,
            web_doors: Mutex::default(),
            web_stop: watch::Sender::new(false),
            threads: Mutex::default(),
            config,
        };

        // From here on an error drops `ingest`, which stops what runs.
        let (blocks, blocks_end) = crossbeam_channel::bounded(BLOCKS_MAX);
        let spare_blocks = Spares::default();
        let feed = ingest.join(&journal)?;
        let mut understander = Understander::new(
            Arc::clone(&journal),
            &ingest.config,
            Arc::clone(&hall.shared),
            spare_blocks.clone(),
            Arc::clone(&ingest.alarms),
            Arc::clone(&ingest.give_up),
            feed,
        );
        let replayed = Arc::clone(&ingest.replayed);
        ingest.threads().understander = Some(spawn("understand".to_owned(), move || {
            let _ = replayed.set(understander.replay());
            understander.run(&blocks_end);
        })?);
        let committer = Committer {
            queue: queue_end,
            journal,
            blocks: Some(blocks),
            spare_batches: hall.spares.clone(),
            spare_blocks,
            shared: Arc::clone(&hall.shared),
            alarms: Arc::clone(&ingest.alarms),
            commit_every: ingest.config.commit_every,
            commit_bytes: ingest.config.commit_bytes,
            give_up: Arc::clone(&ingest.give_up),
        };
        ingest.threads().committer = Some(spawn("commit".to_owned(), move || committer.run())?);
        if let (Some(tls), Some(watch)) = (&ingest.tls, tls_watch) {
            ingest.watch_files(Arc::clone(tls), watch)?;
        }
        for door in doors {
            ingest.open(door)?;
        }
        let away = Arc::new(Away::new(Arc::clone(&ingest.alarms)));
        for input in inputs {
            ingest.fetch(input, Arc::clone(&away))?;
        }
        Ok(ingest)
    }

    /// Starts the thread that makes rows of calls, if the store has tables for them.
    fn join(
        &self,
        journal: &Arc<dyn Journal>,
    ) -> Result<Option<crossbeam_channel::Sender<Feed>>, IngestError> {
        if journal.derived().is_empty() {
            return Ok(None);
        }
        let (feed, feed_end) = crossbeam_channel::bounded(FEED_MAX);
        let joiner = Joiner::new(
            Arc::clone(journal),
            Arc::clone(&self.alarms),
            Arc::clone(&self.gauge),
            Arc::clone(&self.replayed),
            Arc::clone(&self.give_up),
            self.config.watchers.clone(),
            self.config.minute_after,
        );
        self.threads().joiner = Some(spawn("calls".to_owned(), move || joiner.run(&feed_end))?);
        Ok(Some(feed))
    }

    /// Starts the thread of a listener; those of the web wait for [`Ingest::serve_web`].
    fn open(&self, door: Door) -> Result<(), IngestError> {
        let transport = door.listener.transport;
        if transport.is_web() {
            lock(&self.web_doors).push(door);
            return Ok(());
        }
        let Door { socket, config, listener, .. } = door;
        let hall = self.hall.clone();
        let name = format!("hep-{transport}");
        let places = Places::new(config.connections_max, config.connections_per_peer_max);
        let proxies = config.proxies;
        let packet_time_max = config.packet_time_max;
        let thread = match transport {
            Transport::Udp => {
                let door = UdpDoor::new(socket, hall, listener);
                spawn(name, move || door.run())
            }
            Transport::Sctp => {
                let serve = Arc::new(Associations { packet_time_max });
                let door = AcceptDoor { socket, hall, listener, places, proxies, serve };
                spawn(name, move || door.run())
            }
            _ => {
                let serve = Arc::new(Streams {
                    tls: self.tls.clone().filter(|_| transport.is_encrypted()),
                    proxied: !proxies.is_empty(),
                    packet_time_max,
                    handshake_time_max: config.handshake_time_max,
                });
                let door = AcceptDoor { socket, hall, listener, places, proxies, serve };
                spawn(name, move || door.run())
            }
        };
        self.threads().doors.push(thread?);
        Ok(())
    }

    /// Starts the thread of an input.
    fn fetch(&self, input: InputDoor, away: Arc<Away>) -> Result<(), IngestError> {
        let name = format!("hep-{}", input.transport());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| IngestError::Thread { name: name.clone(), source })?;
        // It is told with the web, before the other doors: what comes after that the broker keeps.
        let (hall, stop) = (self.hall.clone(), self.web_stop.subscribe());
        let thread = spawn(name, move || {
            runtime.block_on(input.run(hall, away, stop));
            // Whoever still looks for the address of a name is not waited for.
            runtime.shutdown_background();
        })?;
        self.threads().doors.push(thread);
        Ok(())
    }

    fn watch_files(&self, tls: Arc<Tls>, mut watch: Watch) -> Result<(), IngestError> {
        let (stop, alarms) = (Arc::clone(&self.hall.stop), Arc::clone(&self.alarms));
        let thread = spawn("tls-files".to_owned(), move || {
            let mut looked = Instant::now();
            while !stop.is_told() {
                if looked.elapsed() >= tls.look_every() {
                    looked = Instant::now();
                    tls.look(&mut watch, &alarms);
                }
                std::thread::sleep(WATCH_EVERY.min(tls.look_every()));
            }
        })?;
        self.threads().doors.push(thread);
        Ok(())
    }

    /// Serves the listeners of the web on this runtime: those for HTTP with `pages` beside `POST /hep` and `GET /hep`
    /// (WebSocket), those for WebSocket with that alone. Requests carry `ConnectInfo<SocketAddr>`.
    pub fn serve_web(&self, runtime: &tokio::runtime::Handle, pages: Router) -> Result<(), IngestError> {
        let pages = listen::pages(self.hall.clone(), &self.config, pages);
        let _runtime = runtime.enter();
        for door in std::mem::take(&mut *lock(&self.web_doors)) {
            let Door { socket, config, listener, bound } = door;
            let error = |source| IngestError::bind(bound.transport, bound.address, source);
            socket.set_nonblocking(true).map_err(error)?;
            let socket = tokio::net::TcpListener::from_std(socket.into()).map_err(error)?;
            let door = WebDoor {
                hall: self.hall.clone(),
                listener,
                places: Places::new(config.connections_max, config.connections_per_peer_max),
                tls: self.tls.clone().filter(|_| bound.transport.is_encrypted()),
                pages: bound.transport.has_pages().then(|| pages.clone()),
                handshake_time_max: config.handshake_time_max,
                headers_time_max: config.packet_time_max,
                proxies: config.proxies,
            };
            let task = runtime.spawn(door.run(socket, self.web_stop.subscribe()));
            self.threads().web.push(task);
        }
        Ok(())
    }

    /// Takes over what may change while packets come: HEP keys, for all and by listener, the rules for senders, scripts. The
    /// listeners of the configuration must be those this was started with, in their order.
    pub fn reload(&self, config: &IngestConfig) {
        assert_eq!(config.listeners.len(), self.config.listeners.len(), "the caller compares them");
        let orders = &self.hall.shared.orders;
        let earlier = orders.load_full();
        orders.store(Arc::new(Orders::new(config, Some(&earlier))));
    }

    /// Shows among the alarms that something about the running of the program is wrong, or no longer.
    pub fn tell(&self, alarm: &'static str, message: Option<String>) {
        match message {
            Some(message) => self.alarms.raise(alarm, message),
            None => self.alarms.clear(alarm),
        }
    }

    /// Where the listeners are, in the order of the configuration.
    pub fn bound(&self) -> &[Bound] {
        &self.bound
    }

    /// Where the first listener of this kind is.
    pub fn address_of(&self, transport: Transport) -> Option<SocketAddr> {
        self.bound.iter().find(|bound| bound.transport == transport).map(|bound| bound.address)
    }

    /// What became of everything that arrived since the start.
    pub fn counters(&self) -> Conservation {
        self.hall.shared.board.read()
    }

    /// Who sends, the latest first.
    pub fn senders(&self) -> Vec<Sender> {
        self.hall.shared.senders.list(clock::now())
    }

    /// The scripts that run.
    pub fn loaded_scripts(&self) -> Option<Arc<Scripts>> {
        self.hall.shared.orders.load().scripts.clone()
    }

    /// How each script does.
    pub fn scripts(&self) -> Vec<ScriptStatus> {
        let orders = self.hall.shared.orders.load();
        orders.scripts.as_ref().map_or_else(Vec::new, |scripts| scripts.status())
    }

    /// How many senders are remembered.
    pub fn senders_count(&self) -> usize {
        self.hall.shared.senders.count()
    }

    /// The calls that go on.
    pub fn calls(&self) -> CallsGauge {
        let read = |gauge: &std::sync::atomic::AtomicU64| gauge.load(Ordering::Relaxed);
        let Gauge { open, bytes, evicted, beyond } = &*self.gauge;
        CallsGauge { open: read(open), bytes: read(bytes), evicted: read(evicted), beyond: read(beyond) }
    }

    /// What an operator must look at.
    pub fn alarms(&self) -> Vec<Alarm> {
        self.alarms.list()
    }

    /// Whether what an earlier run accepted is searchable again; or cannot be for now, and an alarm says so: waiting
    /// any longer would keep from work what does work.
    pub fn is_ready(&self) -> bool {
        self.replayed().is_some() || self.alarms().iter().any(|alarm| alarm.name == PUBLISH_ALARM)
    }

    /// What the start found in the log; `None` while that is still being read.
    pub fn replayed(&self) -> Option<&Replayed> {
        self.replayed.get()
    }

    /// Closes the listeners, takes what has arrived, stores it and publishes it, and returns when that is done or
    /// has taken too long; what is in the log by then is replayed by the next start. May be called again.
    ///
    /// Blocks: call it from a plain thread or through `spawn_blocking`.
    pub fn shutdown(&self) {
        let mut threads = self.threads();
        lock(&self.web_doors).clear();
        self.web_stop.send_replace(true);
        let deadline = Instant::now() + WEB_STOP_TIME_MAX;
        for task in threads.web.drain(..) {
            while !task.is_finished() && Instant::now() < deadline {
                std::thread::sleep(JOIN_EVERY);
            }
            task.abort();
        }
        let deadline = Instant::now() + self.config.stop_time_max;
        self.hall.stop.tell(DRAIN_TIME_MAX.min(self.config.stop_time_max / 2));
        for door in threads.doors.drain(..) {
            join(door, deadline);
        }
        self.hall.queue.close();
        let pipeline = [threads.committer.take(), threads.understander.take(), threads.joiner.take()];
        for thread in pipeline.into_iter().flatten() {
            if let Some(thread) = join(thread, deadline) {
                self.give_up.store(true, Ordering::Relaxed);
                // Whoever retries sees it within a pause; whoever is blocked in the store is left there.
                join(thread, Instant::now() + Duration::from_secs(3));
            }
        }
    }

    fn threads(&self) -> MutexGuard<'_, Threads> {
        lock(&self.threads)
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl std::fmt::Debug for Ingest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ingest").field("bound", &self.bound).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, IngestError> {
    let thread = std::thread::Builder::new().name(name.clone());
    thread.spawn(run).map_err(|source| IngestError::Thread { name, source })
}

/// Waits for the thread until the deadline; gives it back if it has not ended.
fn join(thread: JoinHandle<()>, deadline: Instant) -> Option<JoinHandle<()>> {
    while !thread.is_finished() {
        if Instant::now() >= deadline {
            return Some(thread);
        }
        std::thread::sleep(JOIN_EVERY);
    }
    let name = thread.thread().name().unwrap_or_default().to_owned();
    if thread.join().is_err() {
        tracing::error!(thread = name, "a thread panicked");
    }
    None
}
