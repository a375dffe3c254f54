use std::io;
use std::net::SocketAddr;

use crate::tls::TlsError;
use crate::transport::Transport;

/// Why ingest could not start.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error("cannot listen on {address} ({transport}): the address is in use by another program")]
    InUse { transport: Transport, address: SocketAddr },
    #[error("cannot listen on {address} ({transport}): {source}")]
    Bind { transport: Transport, address: SocketAddr, source: io::Error },
    #[error(
        "cannot listen on {address} (sctp): this kernel offers no SCTP; load its module (modprobe sctp; on Ubuntu it is \
         in linux-modules-extra), or turn the listener off"
    )]
    NoSctp { address: SocketAddr },
    #[error("cannot listen on {address} ({transport}): no TLS certificate and key are configured")]
    NoCertificate { transport: Transport, address: SocketAddr },
    #[error("cannot listen on {address} ({transport}): the PROXY protocol does not exist there")]
    NoProxyProtocol { transport: Transport, address: SocketAddr },
    #[error("input {input:?}: {what}")]
    Input { input: String, what: String },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("cannot start the {name} thread: {source}")]
    Thread { name: String, source: io::Error },
}

impl IngestError {
    pub(crate) fn bind(transport: Transport, address: SocketAddr, source: io::Error) -> Self {
        let unsupported = [libc::EPROTONOSUPPORT, libc::ESOCKTNOSUPPORT];
        if source.kind() == io::ErrorKind::AddrInUse {
            Self::InUse { transport, address }
        } else if transport == Transport::Sctp
            && source.raw_os_error().is_some_and(|code| unsupported.contains(&code))
        {
            Self::NoSctp { address }
        } else {
            Self::Bind { transport, address, source }
        }
    }
}
