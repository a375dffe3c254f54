//! One target while it is reached.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use reach::Tls;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpStream, UdpSocket, lookup_host};

use super::target::{Scheme, Target};
use crate::queue::{Item, Verdict};
use crate::send::Reply;

pub(super) enum Connection {
    Datagrams(UdpSocket),
    Stream(Pin<Box<dyn Stream>>),
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Send {}

impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}

impl Connection {
    pub(super) async fn open(target: &Target, tls: Option<&Arc<Tls>>) -> io::Result<Self> {
        let addresses: Vec<SocketAddr> = lookup_host((target.host(), target.port())).await?.collect();
        match (target.scheme(), tls) {
            (Scheme::Udp, _) => {
                let to = addresses.first().ok_or(io::ErrorKind::NotFound)?;
                let any: SocketAddr = match to {
                    SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                    SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
                };
                let socket = UdpSocket::bind(any).await?;
                // So that an answer that nobody listens there is heard.
                socket.connect(to).await?;
                Ok(Self::Datagrams(socket))
            }
            (Scheme::Tls, Some(tls)) => {
                let stream = connect(&addresses).await?;
                Ok(Self::Stream(Box::pin(tls.connect(target.host(), stream).await?)))
            }
            _ => Ok(Self::Stream(Box::pin(connect(&addresses).await?))),
        }
    }

    /// Whether the other side has not closed it: what is written after that is lost without a word.
    pub(super) async fn is_alive(&mut self) -> bool {
        let Self::Stream(stream) = self else { return true };
        let mut buffer = [0; 512];
        // Nothing it says means anything; a few reads are enough to come to an end that is there.
        for _ in 0..16 {
            let mut read = ReadBuf::new(&mut buffer);
            let looked = poll_fn(|context| Poll::Ready(stream.as_mut().poll_read(context, &mut read))).await;
            match looked {
                Poll::Pending => return true,
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {}
                Poll::Ready(_) => return false,
            }
        }
        true
    }

    /// Ends it in order: when the other side has closed too, it has everything.
    pub(super) async fn close(self) {
        let Self::Stream(mut stream) = self else { return };
        let _ = stream.shutdown().await;
        let mut rest = [0; 512];
        while stream.read(&mut rest).await.is_ok_and(|length| length > 0) {}
    }

    /// What becomes of a batch. The connection is given back if it can be used again.
    pub(super) async fn send(mut self, batch: &[Arc<Item>]) -> io::Result<(Option<Self>, Reply)> {
        let reply = match &mut self {
            Self::Datagrams(socket) => datagrams(socket, batch).await?,
            Self::Stream(stream) => {
                let bytes: Vec<u8> = batch.iter().flat_map(|item| item.bytes.iter().copied()).collect();
                stream.write_all(&bytes).await?;
                stream.flush().await?;
                Reply::Taken
            }
        };
        let is_broken = matches!(reply, Reply::Each { problem: Some(_), .. });
        Ok(((!is_broken).then_some(self), reply))
    }
}

async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(addresses).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One packet a datagram. An error with those that went before it is theirs: they are not sent again.
async fn datagrams(socket: &UdpSocket, batch: &[Arc<Item>]) -> io::Result<Reply> {
    let mut verdicts = Vec::with_capacity(batch.len());
    let mut refusal = None;
    for item in batch {
        match socket.send(&item.bytes).await {
            Ok(_) => verdicts.push(Verdict::Sent),
            Err(error) if is_too_long(&error) => {
                refusal = Some(format!("a packet of {} bytes is too long for a datagram", item.bytes.len()));
                verdicts.push(Verdict::Refused);
            }
            Err(error) if verdicts.is_empty() => return Err(error),
            Err(error) => {
                verdicts.resize(batch.len(), Verdict::Again);
                return Ok(Reply::Each { verdicts, problem: Some(error.to_string()), refusal, after: None });
            }
        }
    }
    Ok(match refusal {
        None => Reply::Taken,
        refusal => Reply::Each { verdicts, problem: None, refusal, after: None },
    })
}

/// EMSGSIZE, which the standard library has no stable kind for.
fn is_too_long(error: &io::Error) -> bool {
    const EMSGSIZE: i32 = 90;
    error.raw_os_error() == Some(EMSGSIZE)
}
