use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use store::Store;

use crate::admit::{Keys, Shared};
use crate::alarms::{Alarm, Alarms};
use crate::clock;
use crate::config::IngestConfig;
use crate::counters::{Board, Conservation, Listener};
use crate::error::IngestError;
use crate::listen::{self, Hall, TcpDoor, UdpDoor};
use crate::pipeline::{Committer, Journal, PUBLISH_ALARM, Queue, Spares, Understander};
use crate::senders::{Sender, Senders};

/// Committed blocks that may wait to be understood: a few megabytes each at most.
const BLOCKS_MAX: usize = 32;

/// What has already arrived is taken for this long after a stop: kernel buffers are emptied in less.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(2);

/// How often a stop looks whether a thread has ended.
const JOIN_EVERY: Duration = Duration::from_millis(5);

/// Listeners and pipeline, running. Dropping it stops it as [`Ingest::shutdown`] does.
pub struct Ingest {
    hall: Hall,
    config: IngestConfig,
    alarms: Arc<Alarms>,
    give_up: Arc<AtomicBool>,
    replayed: Arc<OnceLock<Replayed>>,
    bound: BoundAddresses,
    threads: Mutex<Threads>,
}

/// Where the listeners are: the ports are known even if the configuration asked for any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BoundAddresses {
    pub udp: Option<SocketAddr>,
    pub tcp: Option<SocketAddr>,
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

#[derive(Default)]
struct Threads {
    doors: Vec<JoinHandle<()>>,
    committer: Option<JoinHandle<()>>,
    understander: Option<JoinHandle<()>>,
}

impl Ingest {
    /// Binds the listeners, then receives, while what an earlier run left in the log is replayed.
    pub fn start(config: IngestConfig, store: Arc<Store>) -> Result<Self, IngestError> {
        Self::start_on(config, store)
    }

    pub(crate) fn start_on(config: IngestConfig, journal: Arc<dyn Journal>) -> Result<Self, IngestError> {
        // First of all, so that a second program on the same ports changes nothing.
        let udp = config
            .udp
            .map(|address| bind("udp", address, |at| listen::bind_udp(at, config.udp_buffer_bytes)));
        let tcp = config.tcp.map(|address| bind("tcp", address, listen::bind_tcp));
        let (udp, tcp) = (udp.transpose()?, tcp.transpose()?);
        let bound = BoundAddresses {
            udp: udp.as_ref().map(|(_, address)| *address),
            tcp: tcp.as_ref().map(|(_, address)| *address),
        };

        let board = Board::default();
        for (listener, address) in [(Listener::Udp, bound.udp), (Listener::Tcp, bound.tcp)] {
            if let Some(address) = address {
                board.open(listener, address);
            }
        }
        let shared = Arc::new(Shared {
            keys: Keys::new(config.keys.clone()),
            board,
            senders: Senders::new(config.senders_max),
        });
        let (queue, queue_end) = Queue::new(config.queue_bytes_max);
        let hall = Hall { shared, queue: Arc::new(queue), spares: Spares::new(), stop: Arc::default() };
        let ingest = Self {
            hall: hall.clone(),
            alarms: Arc::default(),
            give_up: Arc::default(),
            replayed: Arc::default(),
            bound,
            threads: Mutex::default(),
            config,
        };

        // From here on an error drops `ingest`, which stops what runs.
        let (blocks, blocks_end) = crossbeam_channel::bounded(BLOCKS_MAX);
        let mut understander = Understander::new(
            Arc::clone(&journal),
            ingest.config.protocols,
            hall.spares.clone(),
            Arc::clone(&ingest.alarms),
            Arc::clone(&ingest.give_up),
            ingest.config.publish_every,
            ingest.config.publish_rows,
        );
        let replayed = Arc::clone(&ingest.replayed);
        ingest.threads().understander = Some(spawn("understand", move || {
            let _ = replayed.set(understander.replay());
            understander.run(&blocks_end);
        })?);
        let committer = Committer {
            queue: queue_end,
            journal,
            blocks: Some(blocks),
            spares: hall.spares.clone(),
            shared: Arc::clone(&hall.shared),
            alarms: Arc::clone(&ingest.alarms),
            commit_every: ingest.config.commit_every,
            commit_bytes: ingest.config.commit_bytes,
            give_up: Arc::clone(&ingest.give_up),
        };
        ingest.threads().committer = Some(spawn("commit", move || committer.run())?);
        if let Some((socket, _)) = udp {
            let door = UdpDoor::new(socket, hall.clone());
            ingest.threads().doors.push(spawn("hep-udp", move || door.run())?);
        }
        if let Some((socket, _)) = tcp {
            let door = TcpDoor {
                socket,
                hall,
                connections_max: ingest.config.connections_max,
                packet_time_max: ingest.config.packet_time_max,
            };
            ingest.threads().doors.push(spawn("hep-tcp-accept", move || door.run())?);
        }
        Ok(ingest)
    }

    /// Where the UDP and TCP listeners are.
    pub fn bound_addresses(&self) -> BoundAddresses {
        self.bound
    }

    /// The route `POST /hep`, for the web server's router. Serve it with connection information
    /// (`into_make_service_with_connect_info::<SocketAddr>()`), or every sender is shown as `0.0.0.0`.
    pub fn http_router(&self) -> Router {
        listen::router(self.hall.clone(), &self.config)
    }

    /// Says where [`Ingest::http_router`] is served: from now on the listener is among the counters.
    pub fn http_bound(&self, address: SocketAddr) {
        self.hall.shared.board.open(Listener::Http, address);
    }

    /// What became of everything that arrived since the start.
    pub fn counters(&self) -> Conservation {
        self.hall.shared.board.read()
    }

    /// Who sends, the latest first.
    pub fn senders(&self) -> Vec<Sender> {
        self.hall.shared.senders.list(clock::now())
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
        let deadline = Instant::now() + self.config.stop_time_max;
        let mut threads = self.threads();
        self.hall.stop.tell(DRAIN_TIME_MAX.min(self.config.stop_time_max / 2));
        for door in threads.doors.drain(..) {
            join(door, deadline);
        }
        self.hall.queue.close();
        for thread in [threads.committer.take(), threads.understander.take()].into_iter().flatten() {
            if let Some(thread) = join(thread, deadline) {
                self.give_up.store(true, Ordering::Relaxed);
                // Whoever retries sees it within a pause; whoever is blocked in the store is left there.
                join(thread, Instant::now() + Duration::from_secs(3));
            }
        }
    }

    fn threads(&self) -> MutexGuard<'_, Threads> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
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

fn bind(
    listener: &'static str,
    address: SocketAddr,
    open: impl FnOnce(SocketAddr) -> std::io::Result<socket2::Socket>,
) -> Result<(socket2::Socket, SocketAddr), IngestError> {
    let error = |source| IngestError::bind(listener, address, source);
    let socket = open(address).map_err(error)?;
    let bound = socket.local_addr().map_err(error)?;
    Ok((socket, bound.as_socket().unwrap_or(address)))
}

fn spawn(name: &'static str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, IngestError> {
    let thread = std::thread::Builder::new().name(name.to_owned());
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
