//! The WebSocket of `GET /api/v1/tail` seen from the client: the opening handshake (RFC 6455 section 4.1), then JSON
//! texts.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket};

use crate::client::{Client, Path};

/// The server sends a heartbeat every ten seconds: after this long without one it is gone.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// A head longer than this is none of ours.
const HEAD_BYTES_MAX: u64 = 16 * 1024;

/// RFC 6455 section 1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

pub(crate) struct Watch {
    socket: WebSocket<TcpStream>,
}

impl Watch {
    /// Opens the socket. Once this returns, whatever comes in is seen.
    pub(crate) fn open(client: &Client, path: &Path) -> Result<Self> {
        let host = client
            .url()
            .strip_prefix("http://")
            .with_context(|| format!("{}: watching takes http://HOST:PORT", client.url()))?;
        let host = host.split('/').next().unwrap_or(host);
        let address = if host.rsplit(']').next().is_some_and(|port| port.contains(':')) {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        let stream = TcpStream::connect(&address).map_err(|error| {
            anyhow!("cannot reach {}: {error}; is `rhapsode serve` running?", client.url())
        })?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_nodelay(true)?;
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| anyhow!("no random numbers: {error}"))?;
        let key = STANDARD.encode(nonce);
        let mut stream = BufReader::new(stream);
        write!(
            stream.get_mut(),
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n",
            client.token()
        )?;
        let head = head(&mut stream)?;
        let status = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
        if status != "101" {
            // The same request without the handshake has the reason in a form the client reads.
            client.get(path)?;
            bail!("the server answered {status} instead of opening a WebSocket");
        }
        let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        hash.update(key.as_bytes());
        hash.update(GUID);
        let accept = STANDARD.encode(hash.finish());
        let accepted = head
            .iter()
            .filter_map(|line| line.split_once(':'))
            .any(|(name, value)| name.eq_ignore_ascii_case("sec-websocket-accept") && value.trim() == accept);
        if !accepted {
            bail!("what answers at {} is no WebSocket server", client.url());
        }
        let begun = stream.buffer().to_vec();
        let socket = WebSocket::from_partially_read(stream.into_inner(), begun, Role::Client, None);
        Ok(Self { socket })
    }

    /// The next message that says something; `None` once the server has closed.
    pub(crate) fn next(&mut self) -> Result<Option<Value>> {
        loop {
            let text = match self.socket.read() {
                Ok(Message::Text(text)) => text,
                Ok(_) => continue,
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => return Ok(None),
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    bail!("the server has been silent for {} s", SILENCE_MAX.as_secs());
                }
                Err(error) => return Err(anyhow!("the connection broke: {error}")),
            };
            let message: Value =
                serde_json::from_str(&text).context("the server sent something else than JSON")?;
            if let Some(error) = message["error"]["message"].as_str() {
                bail!("{error}");
            }
            if message["heartbeat"].is_null() {
                return Ok(Some(message));
            }
        }
    }
}

/// The lines of an HTTP head.
fn head(stream: &mut BufReader<TcpStream>) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut limited = stream.take(HEAD_BYTES_MAX);
    loop {
        let mut line = String::new();
        limited.read_line(&mut line).context("the server did not answer")?;
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(lines);
        }
        lines.push(line.to_owned());
    }
}
