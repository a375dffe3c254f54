use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::{Socket, TcpKeepalive};

use super::socket::LOOK_EVERY;
use super::{Hall, Way};
use crate::clock;
use crate::counters::{Listener, Refused};

/// Bytes read at a time: the largest packet there is.
const READ_BYTES: usize = 65_536;

/// A connection's thread needs little: its buffers are on the heap.
const STACK_BYTES: usize = 256 << 10;

/// How long a read waits before the thread looks whether a packet is late. Idle connections are many.
const READ_TIME: Duration = Duration::from_secs(1);

/// How long one wait for room in the queue takes before the thread looks whether it should stop.
const PUSHBACK_TIME: Duration = Duration::from_millis(200);

/// After this long without a byte the kernel asks the peer whether it is still there; agents keep connections open
/// for days, and those of crashed ones must not take the places of others.
const PROBE_AFTER: Duration = Duration::from_secs(60);

/// What a web browser is told.
const HTTP_ANSWER: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n\
    This port takes HEP packets over TCP. The web interface and POST /hep are on the HTTP port.\n";

/// The TCP listener: one thread that accepts, and one for each connection.
pub(crate) struct TcpDoor {
    pub(crate) socket: Socket,
    pub(crate) hall: Hall,
    pub(crate) connections_max: usize,
    pub(crate) packet_time_max: Duration,
}

/// The open connections, for the end of the program to close them.
type Connections = Arc<Mutex<HashMap<u64, Arc<TcpStream>>>>;

impl TcpDoor {
    /// Runs until told to stop and every connection has ended.
    pub(crate) fn run(self) {
        let connections = Connections::default();
        let mut threads: HashMap<u64, JoinHandle<()>> = HashMap::new();
        // Counts refused connections.
        let mut way = Way::new(self.hall.clone(), Listener::Tcp);
        let mut number = 0_u64;
        let mut failing = false;
        loop {
            let stopping = self.hall.stop.is_told();
            if stopping && self.socket.set_nonblocking(true).is_err() {
                break;
            }
            let (stream, peer) = match self.socket.accept() {
                Ok((socket, peer)) => (TcpStream::from(socket), peer.as_socket()),
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted | ErrorKind::ConnectionAborted => continue,
                    ErrorKind::WouldBlock | ErrorKind::TimedOut if stopping => break,
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => continue,
                    _ => {
                        // Out of file descriptors, most likely: others may be closed meanwhile.
                        if !failing {
                            tracing::warn!(%error, "cannot accept TCP connections; trying on");
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
            match self.serve(stream, peer, number, &connections, threads.len()) {
                Some(thread) => drop(threads.insert(number, thread)),
                None => {
                    let now = clock::now();
                    way.refuse(Refused::TooManyConnections, peer, now);
                    way.pass(now, Duration::ZERO, || false);
                }
            }
        }
        way.end(clock::now());
        // What has arrived is still read; then the stream ends for the thread that reads it.
        for stream in lock(&connections).values() {
            let _ = stream.shutdown(Shutdown::Read);
        }
        for (_, thread) in threads {
            if thread.join().is_err() {
                tracing::error!("a TCP connection thread panicked");
            }
        }
    }

    /// A thread for the connection; `None` if there are too many already.
    fn serve(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        number: u64,
        connections: &Connections,
        open: usize,
    ) -> Option<JoinHandle<()>> {
        if open >= self.connections_max {
            return None;
        }
        let keepalive =
            TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_AFTER / 4).with_retries(4);
        if let Err(error) = socket2::SockRef::from(&stream).set_tcp_keepalive(&keepalive) {
            tracing::debug!(%error, "cannot ask for TCP keep-alive");
        }
        // Shared, and not a second file descriptor: those are counted.
        let stream = Arc::new(stream);
        lock(connections).insert(number, Arc::clone(&stream));
        let connection = Connection {
            stream,
            peer,
            hall: self.hall.clone(),
            way: Way::new(self.hall.clone(), Listener::Tcp),
            framer: hep::Framer::new(),
            packet_time_max: self.packet_time_max,
            begun: None,
        };
        let own = Arc::clone(connections);
        let thread =
            std::thread::Builder::new().name("hep-tcp".to_owned()).stack_size(STACK_BYTES).spawn(move || {
                connection.run();
                lock(&own).remove(&number);
            });
        if thread.is_err() {
            lock(connections).remove(&number);
        }
        thread.ok()
    }
}

fn lock(connections: &Connections) -> MutexGuard<'_, HashMap<u64, Arc<TcpStream>>> {
    connections.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One TCP connection.
struct Connection {
    stream: Arc<TcpStream>,
    peer: SocketAddr,
    hall: Hall,
    way: Way,
    framer: hep::Framer,
    packet_time_max: Duration,
    /// Since when the packet in the framer has been incomplete.
    begun: Option<Instant>,
}

impl Connection {
    fn run(mut self) {
        if let Err(error) = self.stream.set_read_timeout(Some(READ_TIME.min(self.packet_time_max / 4))) {
            tracing::debug!(%error, "cannot set a timeout on a TCP connection");
        }
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match self.stream.as_ref().read(&mut buffer) {
                Ok(0) => break self.finish(),
                Ok(count) => {
                    if !self.take(&buffer[..count]) {
                        break;
                    }
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => self.way.tell(clock::now()),
                    _ => break self.finish(),
                },
            }
            if self.hall.stop.is_over() {
                break self.finish();
            }
            if self.begun.is_some_and(|begun| begun.elapsed() > self.packet_time_max) {
                self.way.refuse(Refused::Slow, self.peer, clock::now());
                break;
            }
        }
        let now = clock::now();
        self.pass();
        self.way.end(now);
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Takes what was read; false if the connection is to be closed.
    fn take(&mut self, bytes: &[u8]) -> bool {
        let now = clock::now();
        self.framer.push(bytes, clock::hep_seconds(now));
        let mut progress = false;
        while let Some(frame) = self.framer.next_frame() {
            progress = true;
            match frame {
                Ok(frame) => drop(self.way.take(frame, now, self.peer)),
                Err(refusal) => {
                    self.way.refuse(Refused::Hep(refusal), self.peer, now);
                    if refusal == hep::Refusal::Http {
                        let _ = self.stream.set_write_timeout(Some(LOOK_EVERY));
                        let _ = self.stream.as_ref().write_all(HTTP_ANSWER);
                    }
                }
            }
        }
        self.pass();
        if self.framer.pending_bytes() == 0 {
            self.begun = None;
        } else if progress || self.begun.is_none() {
            // Time spent waiting for room is ours, not the sender's.
            self.begun = Some(Instant::now());
        }
        !self.framer.is_closed()
    }

    /// The stream has ended: what is left in the framer is no packet.
    fn finish(&mut self) {
        if let Some(refusal) = self.framer.finish() {
            self.way.refuse(Refused::Hep(refusal), self.peer, clock::now());
        }
    }

    /// Not reading while there is no room pushes back on the sender.
    fn pass(&mut self) {
        let stop = Arc::clone(&self.hall.stop);
        self.way.pass(clock::now(), PUSHBACK_TIME, || !stop.is_over());
    }
}
