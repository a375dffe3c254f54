//! Doors that connections come in by: one thread that accepts, and one for each connection.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::Socket;

use super::places::{Place, Places};
use super::socket::LOOK_EVERY;
use super::{Hall, Way};
use crate::clock;
use crate::counters::{Listener, Refused};
use crate::network::Network;

/// A connection's thread needs little: its buffers are on the heap.
const STACK_BYTES: usize = 256 << 10;

/// What is done with the connections of a listener.
pub(crate) trait Serve: Send + Sync + 'static {
    /// Runs on the connection's own thread until it ends.
    fn serve(&self, visit: Visit);
}

/// An accepted connection.
pub(crate) struct Visit {
    /// Shared, and not a second file descriptor: those are counted.
    pub(crate) socket: Arc<Socket>,
    /// Who is at the other end of it: a proxy, perhaps.
    pub(crate) peer: SocketAddr,
    pub(crate) place: Place,
    pub(crate) way: Way,
    pub(crate) hall: Hall,
}

pub(crate) struct AcceptDoor<S> {
    pub(crate) socket: Socket,
    pub(crate) hall: Hall,
    pub(crate) listener: Listener,
    pub(crate) places: Arc<Places>,
    pub(crate) proxies: Vec<Network>,
    pub(crate) serve: Arc<S>,
}

/// The open connections, for the end of the program to close them.
type Connections = Arc<Mutex<HashMap<u64, Arc<Socket>>>>;

impl<S: Serve> AcceptDoor<S> {
    /// Runs until told to stop and every connection has ended.
    pub(crate) fn run(self) {
        let connections = Connections::default();
        let mut threads: HashMap<u64, JoinHandle<()>> = HashMap::new();
        // Counts refused connections.
        let mut way = Way::new(self.hall.clone(), self.listener);
        let mut number = 0_u64;
        let mut failing = false;
        loop {
            let stopping = self.hall.stop.is_told();
            if stopping && self.socket.set_nonblocking(true).is_err() {
                break;
            }
            let (socket, peer) = match self.socket.accept() {
                Ok((socket, peer)) => (socket, peer.as_socket()),
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted | ErrorKind::ConnectionAborted => continue,
                    ErrorKind::WouldBlock | ErrorKind::TimedOut if stopping => break,
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                        way.tell(clock::now());
                        continue;
                    }
                    _ => {
                        // Out of file descriptors, most likely: others may be closed meanwhile.
                        if !failing {
                            let transport = self.listener.transport;
                            tracing::warn!(%error, %transport, "cannot accept connections; trying on");
                        }
                        failing = true;
                        if stopping {
                            break;
                        }
                        std::thread::sleep(LOOK_EVERY);
                        continue;
                    }
                },
            };
            failing = false;
            let Some(peer) = peer else {
                continue;
            };
            threads.retain(|_, thread| !thread.is_finished());
            number += 1;
            match self.open(Arc::new(socket), peer, number, &connections) {
                Ok(thread) => drop(threads.insert(number, thread)),
                Err(refused) => {
                    let now = clock::now();
                    way.refuse(refused, peer, now);
                    way.tell(now);
                }
            }
        }
        way.end(clock::now());
        // What has arrived is still read; then the stream ends for the thread that reads it.
        for socket in lock(&connections).values() {
            let _ = socket.shutdown(Shutdown::Read);
        }
        for (_, thread) in threads {
            if thread.join().is_err() {
                tracing::error!("the thread of a connection panicked");
            }
        }
    }

    /// A thread for the connection, unless there are too many already.
    fn open(
        &self,
        socket: Arc<Socket>,
        peer: SocketAddr,
        number: u64,
        connections: &Connections,
    ) -> Result<JoinHandle<()>, Refused> {
        let place = enter(&self.places, &self.proxies, peer.ip())?;
        lock(connections).insert(number, Arc::clone(&socket));
        let hall = self.hall.clone();
        let visit = Visit { socket, peer, place, way: Way::new(hall.clone(), self.listener), hall };
        let serve = Arc::clone(&self.serve);
        let own = Arc::clone(connections);
        let name = format!("hep-{}", self.listener.transport);
        let thread = std::thread::Builder::new().name(name).stack_size(STACK_BYTES).spawn(move || {
            serve.serve(visit);
            lock(&own).remove(&number);
        });
        thread.map_err(|error| {
            lock(connections).remove(&number);
            tracing::warn!(%error, "cannot start the thread of a connection");
            Refused::TooManyConnections
        })
    }
}

/// A place for a connection: the peer's, or if it must be one of the proxies, that of whoever it will name.
pub(super) fn enter(places: &Arc<Places>, proxies: &[Network], peer: IpAddr) -> Result<Place, Refused> {
    let mut place = places.take()?;
    if proxies.is_empty() {
        place.name(peer)?;
    } else if !proxies.iter().any(|proxy| proxy.contains(peer)) {
        return Err(Refused::ProxyUnknown);
    }
    Ok(place)
}

fn lock(connections: &Connections) -> MutexGuard<'_, HashMap<u64, Arc<Socket>>> {
    connections.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a read waits before the thread looks whether a packet is late. Idle connections are many.
pub(super) const READ_TIME: Duration = Duration::from_secs(1);

/// How long one wait for room in the queue takes before the thread looks whether it should stop.
pub(super) const PUSHBACK_TIME: Duration = Duration::from_millis(200);
