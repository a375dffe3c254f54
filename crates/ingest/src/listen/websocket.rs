//! HEP over WebSocket (RFC 6455): a binary message holds one or many packets.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use super::web::{self, Came, Stay, came};
use super::{Hall, give_up, http};
use crate::admit::{Admission, Admitted};
use crate::clock;
use crate::counters::{Listener, Refused};
use crate::pipeline::Batch;
use crate::transport::Transport;

/// A message, whole or in fragments: four packets of the largest kind, hundreds of the ordinary one. A thousand
/// connections in the middle of one hold a quarter of a gigabyte.
const MESSAGE_BYTES_MAX: usize = 256 << 10;

/// Read at a time; allocated for every connection, also an idle one.
const READ_BYTES: usize = 16 << 10;

/// What we have to say and the peer does not read: some hundred pongs and a goodbye. Further pongs are left out, as
/// section 5.5.3 allows.
const WRITE_BYTES_MAX: usize = 16 << 10;

/// A peer that does not take a ping or a goodbye is not waited for longer.
const WRITE_TIME_MAX: Duration = Duration::from_secs(5);

/// Section 1.3: what a key is hashed with.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Send HEP packets over a WebSocket
///
/// A binary message holds one packet or many, at most 256 KiB. Nothing is answered; a message of text ends it.
#[utoipa::path(get, path = "/hep", tag = "ingest", operation_id = "hep_websocket", security(()), responses(
    (status = 101, description = "the WebSocket is open"),
    (status = 400, body = String, description = "no key of the handshake", content_type = "text/plain"),
    (status = 403, body = String, description = "a page of another site, where no HEP keys are configured",
        content_type = "text/plain"),
    (status = 426, body = String, description = "not a WebSocket handshake", content_type = "text/plain")))]
pub(super) async fn upgrade(State(hall): State<Hall>, mut request: Request) -> Response {
    if let Some(refused) = no_handshake(&request) {
        return refused;
    }
    let Came { sender, listener } = came(&request);
    let encrypted = listener.transport.is_encrypted();
    let transport = if encrypted { Transport::Wss } else { Transport::Ws };
    let listener = Listener { transport, ..listener };
    // A page of any web site could make the browser of someone near us send here. With keys, packets say that they may.
    if hall.shared.orders.load().keys(listener).are_none() && is_of_another_site(request.headers()) {
        return refusal(
            StatusCode::FORBIDDEN,
            "pages of other sites may send only where HEP keys are configured",
        );
    }
    let stay =
        request.extensions().get::<Stay>().cloned().expect("the web server says so with every request");
    let accept = request.headers().get(header::SEC_WEBSOCKET_KEY).map(|key| accept(key.as_bytes()));
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let upgraded = match upgrade.await {
            Ok(upgraded) => TokioIo::new(upgraded),
            Err(error) => return tracing::debug!(%error, "a WebSocket did not come to be"),
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(WRITE_BYTES_MAX)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let socket = WebSocketStream::from_raw_socket(upgraded, Role::Server, Some(config)).await;
        let admission = Admission::new(Arc::clone(&hall.shared), listener);
        Conversation { socket, hall, listener, admission, came: Came { sender, listener }, stay }.run().await;
    });
    let switching = [
        (header::UPGRADE, Some(HeaderValue::from_static("websocket"))),
        (header::CONNECTION, Some(HeaderValue::from_static("upgrade"))),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
    ];
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    response.headers_mut().extend(switching.into_iter().filter_map(|(name, value)| Some((name, value?))));
    response
}

/// Section 4.2.1; what is wrong with an opening handshake, as an answer.
fn no_handshake(request: &Request) -> Option<Response> {
    let headers = request.headers();
    let holds = |name, word: &str| {
        let values = headers.get_all(name).into_iter().filter_map(|value: &HeaderValue| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|found| found.trim().eq_ignore_ascii_case(word))
    };
    if request.method() != Method::GET
        || !holds(header::UPGRADE, "websocket")
        || !holds(header::CONNECTION, "upgrade")
    {
        let mut response = refusal(StatusCode::UPGRADE_REQUIRED, "this takes HEP over WebSocket");
        response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        return Some(response);
    }
    if !holds(header::SEC_WEBSOCKET_VERSION, "13") {
        let mut response = refusal(StatusCode::UPGRADE_REQUIRED, "only version 13 of WebSocket is known");
        response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Some(response);
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).and_then(|key| STANDARD.decode(key.as_bytes()).ok());
    if key.is_none_or(|key| key.len() != 16) {
        return Some(refusal(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key is not 16 bytes in base64"));
    }
    None
}

fn refusal(status: StatusCode, message: &'static str) -> Response {
    (status, format!("{message}\n")).into_response()
}

/// Section 10.2: a browser states the site whose page opens a WebSocket.
fn is_of_another_site(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    headers.get(header::ORIGIN).is_some_and(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        origin.split_once("://").is_none_or(|(_, site)| Some(site) != host)
    })
}

fn accept(key: &[u8]) -> HeaderValue {
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &[key, GUID].concat());
    HeaderValue::from_str(&STANDARD.encode(hash)).expect("base64 is ASCII")
}

/// One WebSocket after its handshake.
struct Conversation<S> {
    socket: WebSocketStream<S>,
    hall: Hall,
    listener: Listener,
    admission: Admission,
    came: Came,
    stay: Stay,
}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Conversation<S> {
    async fn run(mut self) {
        let mut stop = self.stay.stop.clone();
        let mut asked = false;
        loop {
            let message = tokio::select! {
                message = timeout(self.stay.silence_max, self.socket.next()) => message,
                () = web::told(&mut stop) => {
                    self.close(CloseCode::Away, "the collector is stopping").await;
                    break;
                }
            };
            let Ok(message) = message else {
                // Whoever is in the middle of a message cannot answer, nor can who is gone (section 5.5.2).
                if asked || !self.ask().await {
                    self.close(CloseCode::Policy, "no sign of life").await;
                    break;
                }
                asked = true;
                continue;
            };
            asked = false;
            match message {
                Some(Ok(Message::Binary(bytes))) => self.take(&bytes).await,
                Some(Ok(Message::Text(_))) => {
                    self.refuse(Refused::WebSocketText);
                    self.close(CloseCode::Unsupported, "send HEP packets as binary messages").await;
                    break;
                }
                // Pings are answered, and a goodbye returned, as the next message is waited for.
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    if let Some((refused, code)) = cause(&error) {
                        self.refuse(refused);
                        self.close(code, refused.doc()).await;
                    }
                    break;
                }
                None => break,
            }
        }
        self.admission.tell(clock::now(), true);
    }

    /// Not reading on while there is no room pushes back on the sender.
    async fn take(&mut self, bytes: &[u8]) {
        let now = clock::now();
        let mut admitted = Admitted { full: Vec::new(), current: self.hall.spares.take() };
        self.admission.take(bytes, now, self.came.sender, &mut admitted);
        self.admission.tell(now, false);
        let stop = Arc::clone(&self.hall.stop);
        let builders = admitted.full.into_iter().chain([admitted.current]);
        for packets in builders.filter(|builder| !builder.is_empty()) {
            let batch = Batch { packets, listener: self.listener, stored: None };
            if let Err((lost, dropped)) = http::put(&self.hall, batch, || !stop.is_over()).await {
                give_up(&self.hall, self.listener, dropped, lost.packets);
            }
        }
    }

    fn refuse(&mut self, refused: Refused) {
        self.admission.refuse(refused, self.came.sender, clock::now());
    }

    /// Asks for a sign of life; false if the peer takes nothing any more.
    async fn ask(&mut self) -> bool {
        let ping = self.socket.send(Message::Ping(Bytes::new()));
        matches!(timeout(WRITE_TIME_MAX, ping).await, Ok(Ok(())))
    }

    /// Section 7.4. Whether it arrives is the peer's affair.
    async fn close(&mut self, code: CloseCode, reason: &str) {
        let goodbye = CloseFrame { code, reason: reason.to_owned().into() };
        match timeout(WRITE_TIME_MAX, self.socket.close(Some(goodbye))).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a WebSocket could not be told why it is closed"),
            Err(_) => tracing::debug!("a WebSocket does not take why it is closed"),
        }
    }
}

/// What an error is counted and answered as; nothing if the peer has just gone.
fn cause(error: &Error) -> Option<(Refused, CloseCode)> {
    match error {
        Error::Capacity(_) => Some((Refused::TooLarge, CloseCode::Size)),
        Error::Protocol(error) if is_end(error) => None,
        Error::Protocol(_) => Some((Refused::WebSocketFrame, CloseCode::Protocol)),
        Error::Utf8(_) => Some((Refused::WebSocketText, CloseCode::Unsupported)),
        _ => None,
    }
}

fn is_end(error: &tokio_tungstenite::tungstenite::error::ProtocolError) -> bool {
    use tokio_tungstenite::tungstenite::error::ProtocolError;
    matches!(error, ProtocolError::ResetWithoutClosingHandshake)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_answered_as_the_rfc_shows() {
        assert_eq!(accept(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_page_of_the_same_site_is_told_from_others() {
        let other = |origin: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("collector:9080"));
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            is_of_another_site(&headers)
        };
        assert!(!other("http://collector:9080") && !other("https://collector:9080"));
        assert!(other("http://collector") && other("https://evil.example") && other("null"));
        assert!(!is_of_another_site(&HeaderMap::new()), "programs state none");
    }
}
