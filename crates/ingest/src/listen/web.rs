//! The web server: HTTP/1.1 (RFC 9112), with and without TLS. axum's own has neither a time nor a number that bounds
//! connections; hyper has, if asked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::accept::enter;
use super::places::{Place, Places};
use super::proxy::{self, Parsed};
use super::stream::keep_alive;
use super::{Hall, carrier, http, websocket};
use crate::admit::Admission;
use crate::clock;
use crate::config::IngestConfig;
use crate::counters::{Listener, Refused};
use crate::network::Network;
use crate::tls::Tls;

/// A request's line and headers; browsers stay under 16 KiB.
const HEADERS_BYTES_MAX: usize = 64 << 10;

/// How long accepting pauses when the system has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// How a request came: by which door, and from whom if a proxy said so. Beside it stands who that is for those who
/// need nothing else ([`ConnectInfo`]).
#[derive(Clone, Copy, Debug)]
pub(super) struct Came {
    pub(super) sender: SocketAddr,
    pub(super) listener: Listener,
}

/// A connection's place, and when to leave; for those who go on after its HTTP has ended.
#[derive(Clone)]
pub(super) struct Stay {
    /// Held for as long as the connection is.
    pub(super) _place: Arc<Place>,
    /// After so long without a sign of life the peer is asked for one, and after as long again given up.
    pub(super) silence_max: Duration,
    pub(super) stop: watch::Receiver<bool>,
}

pub(super) fn came(request: &Request) -> Came {
    *request.extensions().get::<Came>().expect("the web server says so with every request")
}

/// Returns when it is time to stop.
pub(super) async fn told(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop too.
    stop.wait_for(|stop| *stop).await.ok();
}

/// What an HTTP listener serves: the pages of others, `POST /hep`, and HEP over WebSocket on `GET /hep`.
pub(crate) fn pages(hall: Hall, config: &IngestConfig, others: Router) -> Router {
    others
        .merge(http::router(hall.clone(), config))
        .merge(Router::new().route("/hep", get(websocket::upgrade)).with_state(hall))
}

/// One listener of the web server.
pub(crate) struct WebDoor {
    pub(crate) hall: Hall,
    pub(crate) listener: Listener,
    pub(crate) places: Arc<Places>,
    pub(crate) proxies: Vec<Network>,
    pub(crate) tls: Option<Arc<Tls>>,
    /// [`pages`]; a WebSocket listener has none, and takes HEP whatever path is asked for.
    pub(crate) pages: Option<Router>,
    pub(crate) handshake_time_max: Duration,
    /// From the first byte of a connection, or the last of a request, to the end of the next request's headers: bounds
    /// both who sends them drop by drop and who holds an idle connection.
    pub(crate) headers_time_max: Duration,
}

impl WebDoor {
    /// Runs until told to stop and every connection has ended. Aborting it ends them at once.
    pub(crate) async fn run(self, socket: TcpListener, mut stop: watch::Receiver<bool>) {
        let door = Arc::new(self);
        let router = door.router();
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                Some(ended) = connections.join_next() => {
                    report(ended);
                    continue;
                }
                () = told(&mut stop) => break,
            };
            match accepted {
                Ok((stream, peer)) => match enter(&door.places, &door.proxies, peer.ip()) {
                    Ok(place) => {
                        let connection =
                            Arc::clone(&door).serve(stream, peer, place, router.clone(), stop.clone());
                        connections.spawn(connection);
                    }
                    Err(refused) => door.refuse(refused, peer),
                },
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::debug!(%error, "cannot accept a connection to the web; trying on");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(socket);
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    }

    fn router(&self) -> Router {
        let hall = self.hall.clone();
        self.pages.clone().unwrap_or_else(|| Router::new().fallback(websocket::upgrade).with_state(hall))
    }

    async fn serve(
        self: Arc<Self>,
        mut stream: TcpStream,
        peer: SocketAddr,
        mut place: Place,
        router: Router,
        stop: watch::Receiver<bool>,
    ) {
        keep_alive(&stream);
        // Bounds who asks and never reads the answer, and who is gone before it (RFC 793, section 3.8).
        if let Err(error) = SockRef::from(&stream).set_tcp_user_timeout(Some(self.headers_time_max)) {
            tracing::debug!(%error, "cannot bound how long an answer may lie unread");
        }
        // Answers are written whole.
        let _ = stream.set_nodelay(true);
        let mut sender = peer;
        let opening = self.open(&mut stream, &mut sender, &mut place);
        let opened = tokio::time::timeout(self.handshake_time_max, opening).await;
        match opened.unwrap_or(Err(Some(Refused::Slow))) {
            Ok(()) => {}
            Err(refused) => {
                if let Some(refused) = refused {
                    self.refuse(refused, sender);
                }
                return;
            }
        }
        let came = Came { sender, listener: self.listener };
        let stay = Stay { _place: Arc::new(place), silence_max: self.headers_time_max, stop };
        let Some(tls) = &self.tls else {
            return self.http(stream, came, stay, router).await;
        };
        let config = if self.pages.is_some() { tls.web() } else { tls.hep() };
        let handshake = TlsAcceptor::from(config).accept(stream);
        match tokio::time::timeout(self.handshake_time_max, handshake).await {
            Ok(Ok(stream)) => self.http(stream, came, stay, router).await,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a TLS handshake failed");
                let broken = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
                self.refuse(broken.map_or(Refused::TlsFailed, carrier::cause), sender);
            }
            Err(_) => self.refuse(Refused::Slow, sender),
        }
    }

    /// Reads the PROXY header, if one is due, and looks whether TLS comes, if it is due. The error is `None` if the
    /// peer left without a byte.
    async fn open(
        &self,
        stream: &mut TcpStream,
        sender: &mut SocketAddr,
        place: &mut Place,
    ) -> Result<(), Option<Refused>> {
        if !self.proxies.is_empty() {
            if let proxy::Source::Of(source) = proxy_header(stream).await? {
                *sender = source;
            }
            place.name(sender.ip()).map_err(Some)?;
        }
        if self.tls.is_some() {
            let mut first = [0];
            match stream.peek(&mut first).await {
                Ok(1..) if first[0] == carrier::TLS_HANDSHAKE => {}
                Ok(1..) => return Err(Some(Refused::NotTls)),
                Ok(0) | Err(_) => return Err(None),
            }
        }
        Ok(())
    }

    /// Serves the requests of one connection.
    async fn http<S>(&self, stream: S, came: Came, stay: Stay, router: Router)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut stop = stay.stop.clone();
        let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
            let answered = if is_ambiguous(&request) {
                None
            } else {
                let extensions = request.extensions_mut();
                extensions.insert(ConnectInfo(came.sender));
                extensions.insert(came);
                extensions.insert(stay.clone());
                Some(router.clone().oneshot(request.map(Body::new)))
            };
            async move {
                match answered {
                    Some(answered) => answered.await,
                    None => Ok(ambiguous()),
                }
            }
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.headers_time_max)
            .max_buf_size(HEADERS_BYTES_MAX);
        let mut connection =
            std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service).with_upgrades());
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = told(&mut stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, sender = %came.sender, "an HTTP connection broke");
        }
    }

    fn refuse(&self, refused: Refused, sender: SocketAddr) {
        let now = clock::now();
        let mut admission = Admission::new(Arc::clone(&self.hall.shared), self.listener);
        admission.refuse(refused, sender, now);
        admission.tell(now, true);
    }
}

/// Reads a PROXY header, and not a byte more.
async fn proxy_header(stream: &mut TcpStream) -> Result<proxy::Source, Option<Refused>> {
    let mut header = Vec::new();
    loop {
        let needs = match proxy::parse(&header) {
            Parsed::Whole(source) => return Ok(source),
            Parsed::Bad => return Err(Some(Refused::ProxyHeader)),
            Parsed::Needs(needs) => needs,
        };
        let had = header.len();
        header.resize(had + needs, 0);
        let count = stream.read(&mut header[had..]).await.unwrap_or(0);
        header.truncate(had + count);
        if count == 0 {
            return Err((had > 0).then_some(Refused::ProxyHeader));
        }
    }
}

/// A request whose end two readers may see in different places is refused, whatever it asks (RFC 9112, section 6.3):
/// behind a proxy, what is a body to one would be a second request to the other.
fn is_ambiguous<B>(request: &hyper::Request<B>) -> bool {
    let headers = request.headers();
    headers.contains_key(header::TRANSFER_ENCODING) && headers.contains_key(header::CONTENT_LENGTH)
        || headers.get_all(header::TRANSFER_ENCODING).iter().count() > 1
}

fn ambiguous() -> Response {
    let mut response = (StatusCode::BAD_REQUEST, "where the request ends is ambiguous\n").into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection to the web panicked");
    }
}
