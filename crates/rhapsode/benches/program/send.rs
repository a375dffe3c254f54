//! Sending at a pace.

use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use testkit::server::Server;

/// What packets are sent over, each by a call of its own, as agents do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
    Tls,
}

impl Transport {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }
}

/// An agent.
pub(crate) enum Sender {
    Udp(UdpSocket),
    Stream(Box<dyn Write>),
}

impl Sender {
    pub(crate) fn connect(server: &Server, over: Transport, certificate: &Certificate) -> Result<Self> {
        let stream = |to: &str| -> Result<TcpStream> {
            let stream = TcpStream::connect(to).with_context(|| to.to_owned())?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        Ok(match over {
            Transport::Udp => Self::Udp(udp(&server.options.hep_udp)?),
            Transport::Tcp => Self::Stream(Box::new(stream(&server.options.hep_tcp)?)),
            Transport::Tls => {
                let config = Arc::new(certificate.client()?);
                let session = ClientConnection::new(config, ServerName::try_from(NAME)?)?;
                Self::Stream(Box::new(StreamOwned::new(session, stream(&certificate.listener)?)))
            }
        })
    }

    fn send(&mut self, packet: &[u8]) -> Result<()> {
        match self {
            Self::Udp(socket) => {
                socket.send(packet)?;
            }
            Self::Stream(stream) => stream.write_all(packet)?,
        }
        Ok(())
    }
}

pub(crate) fn udp(to: &str) -> Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(to)?;
    Ok(socket)
}

const NAME: &str = "localhost";

/// What the server's TLS listener shows, and where it listens.
pub(crate) struct Certificate {
    der: CertificateDer<'static>,
    listener: String,
    folder: PathBuf,
}

impl Certificate {
    /// Made now, into this folder.
    pub(crate) fn new(folder: &Path, listener: String) -> Result<Self> {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
        std::fs::write(folder.join("certificate.pem"), made.cert.pem())?;
        std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem())?;
        Ok(Self { der: made.cert.der().clone(), listener, folder: folder.to_owned() })
    }

    /// Arguments of the server that shows it.
    pub(crate) fn arguments(&self) -> [String; 6] {
        let file = |name: &str| self.folder.join(name).to_string_lossy().into_owned();
        let words = [
            "--hep-tls",
            &self.listener,
            "--tls-certificate",
            &file("certificate.pem"),
            "--tls-key",
            &file("key.pem"),
        ];
        words.map(str::to_owned)
    }

    fn client(&self) -> Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone())?;
        Ok(ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth())
    }
}

/// Sends at this rate, calling back after each; how many bytes that were.
pub(crate) fn paced<P: AsRef<[u8]>>(
    sender: &mut Sender,
    rate: u64,
    packets: impl Iterator<Item = (u64, P)>,
    mut after: impl FnMut(u64) -> Result<()>,
) -> Result<u64> {
    let started = Instant::now();
    let mut bytes = 0;
    for (number, packet) in packets {
        let due = Duration::from_micros(number * 1_000_000 / rate);
        if due > started.elapsed() + Duration::from_millis(1) {
            std::thread::sleep(due.saturating_sub(started.elapsed()));
        }
        let packet = packet.as_ref();
        bytes += packet.len() as u64;
        sender.send(packet)?;
        after(number)?;
    }
    Ok(bytes)
}
