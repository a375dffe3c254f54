//! HEP over TCP and TLS: a connection is the bare concatenation of packets.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};

use super::accept::{PUSHBACK_TIME, READ_TIME, Serve, Visit};
use super::carrier::Carrier;
use super::places::Place;
use super::proxy;
use super::{Hall, Way};
use crate::clock;
use crate::counters::Refused;
use crate::tls::Tls;

/// Bytes read at a time: the largest packet there is.
const READ_BYTES: usize = 65_536;

/// A peer that does not take our few bytes (handshake, alert, answer to a browser) is not waited for longer.
const WRITE_TIME_MAX: Duration = Duration::from_secs(5);

/// After this long without a byte the kernel asks the peer whether it is still there; agents keep connections open
/// for days, and those of crashed ones must not take the places of others.
const PROBE_AFTER: Duration = Duration::from_secs(60);

/// What a web browser is told.
const HTTP_ANSWER: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n\
    This port takes HEP packets over TCP. The web interface and POST /hep are on the HTTP port.\n";

/// How the connections of one listener are read.
pub(crate) struct Streams {
    pub(crate) tls: Option<Arc<Tls>>,
    /// Whether a PROXY header comes first.
    pub(crate) proxied: bool,
    pub(crate) packet_time_max: Duration,
    pub(crate) handshake_time_max: Duration,
}

impl Serve for Streams {
    fn serve(&self, visit: Visit) {
        let Visit { socket, peer, mut place, mut way, hall } = visit;
        keep_alive(&*socket);
        let timeouts = socket
            .set_read_timeout(Some(READ_TIME.min(self.packet_time_max / 4)))
            .and_then(|()| socket.set_write_timeout(Some(WRITE_TIME_MAX)));
        if let Err(error) = timeouts {
            tracing::debug!(%error, "cannot set a timeout on a connection");
        }
        let mut carrier = Carrier::plain(socket);
        let mut sender = peer;
        match self.open(&mut carrier, &mut sender, &mut place, &hall) {
            Ok(()) => Connection {
                carrier,
                sender,
                way,
                hall,
                framer: hep::Framer::new(),
                proxied: self.proxied,
                packet_time_max: self.packet_time_max,
                begun: None,
                fresh: true,
            }
            .run(),
            Err(refused) => {
                let now = clock::now();
                // A peer that says nothing at all, as one that only asks whether the port is open, did nothing wrong.
                if let Some(refused) = refused {
                    way.refuse(refused, sender, now);
                }
                way.end(now);
                carrier.close();
            }
        }
    }
}

impl Streams {
    /// PROXY header and TLS handshake; afterwards `sender` is who really sends.
    fn open(
        &self,
        carrier: &mut Carrier,
        sender: &mut SocketAddr,
        place: &mut Place,
        hall: &Hall,
    ) -> Result<(), Option<Refused>> {
        let deadline = Instant::now() + self.handshake_time_max;
        let late = || hall.stop.is_over() || Instant::now() >= deadline;
        if self.proxied {
            if let proxy::Source::Of(source) = carrier.proxy_header(late)? {
                *sender = source;
            }
            place.name(sender.ip()).map_err(Some)?;
        }
        match &self.tls {
            Some(tls) => carrier.encrypt(tls.hep(), late),
            None => Ok(()),
        }
    }
}

/// Asks the kernel to find out about peers that are gone.
pub(super) fn keep_alive<'a>(socket: impl Into<SockRef<'a>>) {
    let keepalive = TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_AFTER / 4).with_retries(4);
    if let Err(error) = socket.into().set_tcp_keepalive(&keepalive) {
        tracing::debug!(%error, "cannot ask for TCP keep-alive");
    }
}

/// One connection, ready for packets.
struct Connection {
    carrier: Carrier,
    sender: SocketAddr,
    hall: Hall,
    way: Way,
    framer: hep::Framer,
    proxied: bool,
    packet_time_max: Duration,
    /// Since when the packet in the framer has been incomplete.
    begun: Option<Instant>,
    /// Nothing has been read yet.
    fresh: bool,
}

impl Connection {
    fn run(mut self) {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match self.carrier.read(&mut buffer) {
                Ok(0) => break self.finish(),
                Ok(count) => {
                    if !self.take(&buffer[..count]) {
                        break;
                    }
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => self.way.tell(clock::now()),
                    ErrorKind::InvalidData => {
                        self.way.refuse(Refused::TlsFailed, self.sender, clock::now());
                        break;
                    }
                    _ => break self.finish(),
                },
            }
            if self.hall.stop.is_over() {
                break self.finish();
            }
            if self.begun.is_some_and(|begun| begun.elapsed() > self.packet_time_max) {
                self.way.refuse(Refused::Slow, self.sender, clock::now());
                break;
            }
        }
        self.pass();
        self.way.end(clock::now());
        self.carrier.close();
    }

    /// Takes what was read; false if the connection is to be closed.
    fn take(&mut self, bytes: &[u8]) -> bool {
        let now = clock::now();
        if std::mem::take(&mut self.fresh) && !self.proxied && proxy::is_header(bytes) {
            self.way.refuse(Refused::ProxyUnexpected, self.sender, now);
            return false;
        }
        self.framer.push(bytes, clock::hep_seconds(now));
        let mut progress = false;
        while let Some(frame) = self.framer.next_frame() {
            progress = true;
            match frame {
                Ok(frame) => drop(self.way.take(frame, now, self.sender)),
                Err(refusal) => {
                    self.way.refuse(Refused::Hep(refusal), self.sender, now);
                    if refusal == hep::Refusal::Http {
                        let _ = self.carrier.write_all(HTTP_ANSWER);
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
            self.way.refuse(Refused::Hep(refusal), self.sender, clock::now());
        }
    }

    /// Not reading while there is no room pushes back on the sender.
    fn pass(&mut self) {
        let stop = Arc::clone(&self.hall.stop);
        self.way.pass(clock::now(), PUSHBACK_TIME, || !stop.is_over());
    }
}
