use std::io;
use std::net::SocketAddr;

/// Why ingest could not start.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error("cannot listen on {address} ({listener}): the address is in use by another program")]
    InUse { listener: &'static str, address: SocketAddr },
    #[error("cannot listen on {address} ({listener}): {source}")]
    Bind { listener: &'static str, address: SocketAddr, source: io::Error },
    #[error("cannot start the {name} thread: {source}")]
    Thread { name: &'static str, source: io::Error },
}

impl IngestError {
    pub(crate) fn bind(listener: &'static str, address: SocketAddr, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::AddrInUse {
            Self::InUse { listener, address }
        } else {
            Self::Bind { listener, address, source }
        }
    }
}
