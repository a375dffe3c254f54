use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::{Event, Login, Parser};
use crate::buffer::Buffer;
use crate::stream::{Stream, connect, encrypt, send};
use crate::{Address, ReachError, Tls};

/// Read at a time.
const READ_BYTES: usize = 64 << 10;

/// A look at what has come takes this many at most.
const LOOKS_MAX: usize = 64;

/// Where to, and as whom.
#[derive(Clone)]
pub struct Options {
    pub address: Address,
    pub login: Login,
    /// Needed for an encrypted address; used also where the server asks for it.
    pub tls: Option<Arc<Tls>>,
    /// What we are called in the server's lists.
    pub name: String,
    /// Messages to us beyond this lose their payload.
    pub message_bytes_max: usize,
}

/// What the server says of itself first.
#[derive(Debug, Default, Deserialize)]
struct Info {
    max_payload: Option<usize>,
    #[serde(default)]
    tls_required: bool,
    #[serde(default)]
    headers: bool,
    nonce: Option<String>,
}

/// A connection to a server that has let us in.
pub struct Connection {
    stream: Stream,
    peer: SocketAddr,
    parser: Parser,
    out: Buffer,
    read: Vec<u8>,
    info: Info,
}

impl Connection {
    /// Says who we are, and returns when the server has taken that.
    pub async fn open(options: &Options) -> Result<Self, ReachError> {
        let (mut tcp, peer) = connect(&options.address).await?;
        let mut parser = Parser::new(options.message_bytes_max);
        let mut read = vec![0; READ_BYTES];
        // In plain, whatever comes then.
        let said = next(&mut tcp, &mut parser, &mut read).await?;
        let Event::Info(info) = said else { return Err(wire("the server does not say who it is")) };
        let info: Info = serde_json::from_slice(&info).map_err(|error| wire(&error.to_string()))?;
        let stream = match (&options.tls, options.address.is_encrypted() || info.tls_required) {
            (Some(tls), true) => {
                // What came in plain behind it is nobody's word.
                parser = Parser::new(options.message_bytes_max);
                encrypt(&options.address, tls, tcp).await?
            }
            (None, true) => {
                let what = format!("{} asks for TLS; write tls:// in its address", options.address);
                return Err(ReachError::Setting(what));
            }
            (_, false) => Box::pin(tcp),
        };
        let mut connection = Self { stream, peer, parser, out: Buffer::default(), read, info };
        connection.hello(options)?;
        connection.ping();
        connection.flush().await?;
        loop {
            match connection.next().await {
                Ok(Event::Pong) => return Ok(connection),
                Ok(_) => {}
                Err(ReachError::Told(reason)) => {
                    return Err(ReachError::Login { address: options.address.clone(), reason });
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn hello(&mut self, options: &Options) -> Result<(), ReachError> {
        let mut hello = json!({
            "verbose": false, "pedantic": false, "lang": "rust", "version": env!("CARGO_PKG_VERSION"), "protocol": 1,
            "tls_required": options.address.is_encrypted(), "headers": true, "no_responders": true,
            "name": options.name,
        });
        let mut say = |key: &str, value: &str| hello[key] = value.into();
        match &options.login {
            Login::User { user, password } => {
                say("user", user);
                say("pass", password);
            }
            Login::Token(token) => say("auth_token", token),
            Login::Nobody | Login::Nkey(_) | Login::Credentials(_) => {}
        }
        if let Some(credentials) = options.login.credentials().map_err(ReachError::Setting)? {
            // A server that knows no nkeys gives nothing to sign, and refuses us in its own words.
            say("sig", &credentials.key.sign(self.info.nonce.as_deref().unwrap_or_default()));
            match &credentials.jwt {
                Some(jwt) => say("jwt", jwt),
                None => say("nkey", credentials.key.public()),
            }
        }
        self.out.push(format!("CONNECT {hello}\r\n").as_bytes());
        Ok(())
    }

    /// Who the server is.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Bytes of the largest message it takes, headers included.
    pub fn message_bytes_max(&self) -> usize {
        // That of a server that does not say.
        self.info.max_payload.unwrap_or(1 << 20)
    }

    /// Whether messages may have headers.
    pub fn has_headers(&self) -> bool {
        self.info.headers
    }

    /// Written with the next [`Connection::flush`]. The subject and the headers must hold no line ends.
    pub fn publish(&mut self, subject: &str, reply: Option<&str>, headers: &[(&str, &str)], payload: &[u8]) {
        let reply = reply.map_or_else(String::new, |reply| format!(" {reply}"));
        if headers.is_empty() {
            self.out.push(format!("PUB {subject}{reply} {}\r\n", payload.len()).as_bytes());
        } else {
            let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let head = format!("NATS/1.0\r\n{lines}\r\n");
            let lengths = format!("{} {}", head.len(), head.len() + payload.len());
            self.out.push(format!("HPUB {subject}{reply} {lengths}\r\n{head}").as_bytes());
        }
        self.out.push(payload);
        self.out.push(b"\r\n");
    }

    /// Messages of `subject` come as those of `subscription`; of all who say the same `group`, one has each.
    pub fn subscribe(&mut self, subject: &str, group: Option<&str>, subscription: u64) {
        let group = group.map_or_else(String::new, |group| format!(" {group}"));
        self.out.push(format!("SUB {subject}{group} {subscription}\r\n").as_bytes());
    }

    /// Answered by [`Event::Pong`] when all that was written before has been dealt with.
    pub fn ping(&mut self) {
        self.out.push(b"PING\r\n");
    }

    /// Sends what was written. May be given up and begun again.
    pub async fn flush(&mut self) -> Result<(), ReachError> {
        Ok(send(&mut self.out, &mut self.stream).await?)
    }

    /// What the server says next; what needs no one's attention is dealt with. What it complains of is an error, which
    /// ends nothing unless the server closes. May be given up and begun again.
    pub async fn next(&mut self) -> Result<Event, ReachError> {
        loop {
            self.flush().await?;
            match next(&mut self.stream, &mut self.parser, &mut self.read).await? {
                Event::Ping => self.out.push(b"PONG\r\n"),
                // Of other servers of the cluster, for instance.
                Event::Info(_) | Event::Ok => {}
                Event::Error(text) => return Err(ReachError::Told(text)),
                event @ (Event::Pong | Event::Message(_)) => return Ok(event),
            }
        }
    }

    /// Whether the server has not closed the connection; what it has said meanwhile is dealt with.
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

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("peer", &self.peer).finish_non_exhaustive()
    }
}

async fn next<S: AsyncRead + Unpin>(
    stream: &mut S,
    parser: &mut Parser,
    read: &mut [u8],
) -> Result<Event, ReachError> {
    loop {
        if let Some(event) = parser.next_event().map_err(|what| wire(&what))? {
            return Ok(event);
        }
        match stream.read(read).await? {
            0 => return Err(ReachError::Closed),
            count => parser.push(read.get(..count).unwrap_or_default()),
        }
    }
}

fn wire(what: &str) -> ReachError {
    ReachError::Wire { protocol: "NATS", what: what.to_owned() }
}
