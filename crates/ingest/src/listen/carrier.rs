//! What the bytes of a connection come through: TCP, or TLS over it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection};
use socket2::Socket;

use super::proxy::{self, Parsed};
use crate::counters::Refused;

/// First byte of every TLS connection: a record of type handshake (RFC 8446, section 5.1).
pub(super) const TLS_HANDSHAKE: u8 = 0x16;

/// How long a peer has to take leave.
const GOODBYE_TIME_MAX: Duration = Duration::from_millis(300);

pub(super) struct Carrier {
    socket: Arc<Socket>,
    tls: Option<Box<ServerConnection>>,
}

impl Carrier {
    pub(super) fn plain(socket: Arc<Socket>) -> Self {
        Self { socket, tls: None }
    }

    /// Reads the PROXY header, and not a byte more. The error is `None` if the peer left without a byte.
    pub(super) fn proxy_header(&self, late: impl Fn() -> bool) -> Result<proxy::Source, Option<Refused>> {
        let mut header = Vec::new();
        loop {
            let needs = match proxy::parse(&header) {
                Parsed::Whole(source) => return Ok(source),
                Parsed::Bad => return Err(Some(Refused::ProxyHeader)),
                Parsed::Needs(needs) => needs,
            };
            let had = header.len();
            header.resize(had + needs, 0);
            let count = read_in_time(&self.socket, &mut header[had..], &late)?;
            header.truncate(had + count);
            if count == 0 {
                return Err((had > 0).then_some(Refused::ProxyHeader));
            }
        }
    }

    /// Shakes hands. The error is `None` if the peer left without a byte.
    pub(super) fn encrypt(
        &mut self,
        config: Arc<ServerConfig>,
        late: impl Fn() -> bool,
    ) -> Result<(), Option<Refused>> {
        let tls = ServerConnection::new(config).map_err(|error| {
            tracing::warn!(%error, "cannot accept TLS");
            Some(Refused::TlsFailed)
        })?;
        let tls = self.tls.insert(Box::new(tls));
        let mut buffer = [0; 4_096];
        let mut first = true;
        while tls.is_handshaking() {
            let count = read_in_time(&self.socket, &mut buffer, &late)?;
            if count == 0 {
                return Err((!first).then_some(Refused::TlsFailed));
            }
            if std::mem::take(&mut first) && buffer[0] != TLS_HANDSHAKE {
                self.tls = None;
                return Err(Some(Refused::NotTls));
            }
            let mut bytes = &buffer[..count];
            while !bytes.is_empty() {
                // From memory: no error, and never less than something while bytes are wanted.
                let taken = tls.read_tls(&mut bytes).map_err(|_| Some(Refused::TlsFailed))?;
                let processed = tls.process_new_packets();
                // What is to be said: our part of the handshake, or an alert that tells what was wrong.
                while tls.wants_write() && tls.write_tls(&mut &*self.socket).is_ok_and(|count| count > 0) {}
                if let Err(error) = processed {
                    tracing::debug!(%error, "a TLS handshake failed");
                    return Err(Some(cause(&error)));
                }
                if taken == 0 {
                    return Err(Some(Refused::TlsFailed));
                }
            }
        }
        Ok(())
    }

    /// Some bytes; zero at the end, with or without a TLS goodbye: few agents send one, and a packet that was cut is
    /// counted anyway. `WouldBlock` after a while without any, `InvalidData` if TLS is broken.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return (&*self.socket).read(buffer);
        };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                done => return done,
            }
            if tls.read_tls(&mut &*self.socket)? == 0 {
                return Ok(0);
            }
            let processed = tls.process_new_packets();
            while tls.wants_write() && tls.write_tls(&mut &*self.socket).is_ok_and(|count| count > 0) {}
            if let Err(error) = processed {
                tracing::debug!(%error, "a TLS connection broke");
                return Err(io::Error::new(ErrorKind::InvalidData, error));
            }
        }
    }

    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls.as_mut(), &mut &*self.socket).write_all(bytes),
            None => (&*self.socket).write_all(bytes),
        }
    }

    /// Says goodbye, and stays a moment: to close with bytes unread resets the connection, and the peer may never read
    /// the alert that tells what was wrong.
    pub(super) fn close(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            while tls.wants_write() && tls.write_tls(&mut &*self.socket).is_ok_and(|count| count > 0) {}
        }
        let _ = self.socket.shutdown(Shutdown::Write);
        let deadline = Instant::now() + GOODBYE_TIME_MAX;
        let mut unread = [0; 4_096];
        if self.socket.set_read_timeout(Some(GOODBYE_TIME_MAX)).is_ok() {
            while (&*self.socket).read(&mut unread).is_ok_and(|count| count > 0) && Instant::now() < deadline
            {
            }
        }
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

/// What a failed handshake is counted as.
pub(super) fn cause(error: &rustls::Error) -> Refused {
    match error {
        rustls::Error::NoCertificatesPresented | rustls::Error::InvalidCertificate(_) => {
            Refused::ClientCertificate
        }
        _ => Refused::TlsFailed,
    }
}

/// Reads some bytes, zero at the end, unless it is too late.
fn read_in_time(
    mut socket: &Socket,
    buffer: &mut [u8],
    late: &impl Fn() -> bool,
) -> Result<usize, Option<Refused>> {
    loop {
        if late() {
            return Err(Some(Refused::Slow));
        }
        match socket.read(buffer) {
            Ok(count) => return Ok(count),
            Err(error) => match error.kind() {
                ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut => {}
                // Reset by the peer: the end, too.
                _ => return Ok(0),
            },
        }
    }
}
