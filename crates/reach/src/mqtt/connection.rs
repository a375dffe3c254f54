use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use super::wire::{self, Connect, Connected};
use super::{Packet, Parser, Quality};
use crate::buffer::Buffer;
use crate::stream::{Stream, connect, encrypt, send};
use crate::{Address, ReachError, Tls};

/// Read at a time.
const READ_BYTES: usize = 64 << 10;

/// A look at what has come takes this many packets at most.
const LOOKS_MAX: usize = 64;

/// Who we are to the broker. Never shown with its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: Option<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Where to, and as whom.
#[derive(Clone)]
pub struct Options {
    pub address: Address,
    pub login: Option<Login>,
    pub client_id: String,
    /// Needed for an encrypted address.
    pub tls: Option<Arc<Tls>>,
    /// How long the broker keeps what is for us when we are away; `None`: it forgets us at once.
    pub session: Option<Duration>,
    /// We say that we live at least so often; `None`: the broker need not watch.
    pub keep_alive: Option<Duration>,
    /// Messages to us that we have not acknowledged, at most.
    pub receive_max: u16,
    /// Of a packet to us.
    pub packet_bytes_max: u32,
}

/// A connection to a broker that has let us in.
pub struct Connection {
    stream: Stream,
    peer: SocketAddr,
    parser: Parser,
    out: Buffer,
    read: Vec<u8>,
    connected: Connected,
}

impl Connection {
    /// Says who we are, and returns when the broker has taken that.
    pub async fn open(options: &Options) -> Result<Self, ReachError> {
        let (tcp, peer) = connect(&options.address).await?;
        let stream: Stream = match (&options.tls, options.address.is_encrypted()) {
            (Some(tls), true) => encrypt(&options.address, tls, tcp).await?,
            (None, true) => return Err(ReachError::Setting(format!("no TLS for {}", options.address))),
            (_, false) => Box::pin(tcp),
        };
        let seconds = |time: Duration| time.as_secs();
        let mut out = Buffer::default();
        Connect {
            client_id: &options.client_id,
            user: options.login.as_ref().map(|login| login.user.as_str()),
            password: options.login.as_ref().and_then(|login| login.password.as_deref()),
            keep_alive_seconds: options.keep_alive.map_or(0, seconds).try_into().unwrap_or(u16::MAX),
            session_seconds: options.session.map(|session| seconds(session).try_into().unwrap_or(u32::MAX)),
            receive_max: options.receive_max,
            packet_bytes_max: options.packet_bytes_max,
        }
        .write(&mut out);
        let mut parser = Parser::new(options.packet_bytes_max as usize);
        let mut read = vec![0; READ_BYTES];
        let mut stream = stream;
        send(&mut out, &mut stream).await?;
        let login = |reason| ReachError::Login { address: options.address.clone(), reason };
        match next(&mut stream, &mut parser, &mut read).await? {
            Packet::Connected(connected) => match connected.refusal {
                Some(reason) => Err(login(reason)),
                None => Ok(Self { stream, peer, parser, out, read, connected }),
            },
            Packet::Disconnected(reason) => Err(login(reason)),
            _ => Err(wire("the broker does not say whether we may come in")),
        }
    }

    /// Who the broker is.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Of ours so many may be unacknowledged at a time.
    pub fn receive_max(&self) -> u16 {
        self.connected.receive_max
    }

    pub fn takes_at_least_once(&self) -> bool {
        self.connected.takes_at_least_once
    }

    /// The broker wants a sign of life within this time, whatever we said.
    pub fn keep_alive(&self) -> Option<Duration> {
        self.connected.keep_alive_seconds.map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// Whether the broker takes a packet this large.
    pub fn takes(&self, topic: &str, payload: &[u8]) -> bool {
        wire::published_bytes(topic, payload) <= self.connected.packet_bytes_max
    }

    /// Written with the next [`Connection::flush`]. With an `id` the broker acknowledges it.
    pub fn publish(&mut self, topic: &str, payload: &[u8], id: Option<u16>) {
        wire::publish(&mut self.out, topic, payload, id);
    }

    pub fn acknowledge(&mut self, id: u16) {
        wire::acknowledge(&mut self.out, id);
    }

    pub fn subscribe(&mut self, id: u16, filter: &str, quality: Quality) {
        wire::subscribe(&mut self.out, id, filter, quality);
    }

    /// Answered by [`Packet::Pong`] when all that was written before has been read.
    pub fn ping(&mut self) {
        wire::ping(&mut self.out);
    }

    /// We go of our own will.
    pub fn disconnect(&mut self) {
        wire::disconnect(&mut self.out);
    }

    /// Sends what was written. May be given up and begun again.
    pub async fn flush(&mut self) -> Result<(), ReachError> {
        Ok(send(&mut self.out, &mut self.stream).await?)
    }

    /// What the broker says next. May be given up and begun again.
    pub async fn next(&mut self) -> Result<Packet, ReachError> {
        self.flush().await?;
        match next(&mut self.stream, &mut self.parser, &mut self.read).await? {
            Packet::Disconnected(reason) => Err(ReachError::Told(reason)),
            Packet::Connected(_) => Err(wire("it lets us in twice")),
            packet => Ok(packet),
        }
    }

    /// Whether the broker has not closed the connection; what it has said meanwhile is dropped.
    pub async fn is_alive(&mut self) -> bool {
        for _ in 0..LOOKS_MAX {
            match tokio::time::timeout(Duration::ZERO, self.next()).await {
                Err(_) => return true,
                Ok(Ok(_)) => {}
                Ok(Err(_)) => return false,
            }
        }
        true
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("peer", &self.peer).finish_non_exhaustive()
    }
}

async fn next(stream: &mut Stream, parser: &mut Parser, read: &mut [u8]) -> Result<Packet, ReachError> {
    loop {
        if let Some(packet) = parser.next_packet().map_err(|what| wire(&what))? {
            return Ok(packet);
        }
        match stream.read(read).await? {
            0 => return Err(ReachError::Closed),
            count => parser.push(read.get(..count).unwrap_or_default()),
        }
    }
}

fn wire(what: &str) -> ReachError {
    ReachError::Wire { protocol: "MQTT", what: what.to_owned() }
}
