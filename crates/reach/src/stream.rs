//! The connection below a protocol: TCP or TLS.

use std::net::SocketAddr;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::buffer::Buffer;
use crate::{Address, ReachError, Tls};

pub(crate) trait ReadWrite: AsyncRead + AsyncWrite + Send + Sync {}

impl<S: AsyncRead + AsyncWrite + Send + Sync> ReadWrite for S {}

pub(crate) type Stream = Pin<Box<dyn ReadWrite>>;

pub(crate) async fn connect(address: &Address) -> Result<(TcpStream, SocketAddr), ReachError> {
    let opened = async {
        let stream = TcpStream::connect((address.host(), address.port())).await?;
        stream.set_nodelay(true)?;
        let peer = stream.peer_addr()?;
        Ok((stream, peer))
    };
    opened.await.map_err(|source| ReachError::Connect { address: address.clone(), source })
}

pub(crate) async fn encrypt(address: &Address, tls: &Tls, stream: TcpStream) -> Result<Stream, ReachError> {
    let encrypted = tls.connect(address.host(), stream).await;
    let encrypted = encrypted.map_err(|source| ReachError::Connect { address: address.clone(), source })?;
    Ok(Box::pin(encrypted))
}

/// Sends what was written. May be given up at any time: what was sent is noted.
pub(crate) async fn send(out: &mut Buffer, stream: &mut Stream) -> std::io::Result<()> {
    while !out.is_empty() {
        let count = stream.write(out.waiting()).await?;
        if count == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        out.done(count);
    }
    stream.flush().await
}
