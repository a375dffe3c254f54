//! From a request to a WebSocket: the opening handshake of a server (RFC 6455 section 4.2).

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::error::{ApiError, Code};
use crate::limits;

pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// A request that asks for a WebSocket as it should.
pub(crate) struct Upgrade {
    connection: OnUpgrade,
    accept: HeaderValue,
}

/// Section 1.3: what the key of every handshake is answered with.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let headers = &parts.headers;
        let refused = |what: &str| {
            ApiError::new(Code::UpgradeRequired, format!("this route is a WebSocket (RFC 6455): {what}"))
        };
        if !has_token(headers, header::UPGRADE, "websocket") {
            return Err(refused("the request has no `Upgrade: websocket`"));
        }
        if !has_token(headers, header::CONNECTION, "upgrade") {
            return Err(refused("the request has no `Connection: Upgrade`"));
        }
        if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            return Err(refused("its version is 13"));
        }
        let key = headers
            .get(header::SEC_WEBSOCKET_KEY)
            .ok_or_else(|| refused("`Sec-WebSocket-Key` is missing"))?;
        let accept = accept(key.as_bytes());
        let connection = parts.extensions.remove::<OnUpgrade>();
        // Only a connection that is not plain HTTP/1.1 has none.
        let connection = connection.ok_or_else(|| refused("it needs HTTP/1.1"))?;
        Ok(Self { connection, accept })
    }
}

impl Upgrade {
    /// Answers, and serves the socket once the connection has changed over.
    pub(super) fn accept<F>(self, serve: impl FnOnce(Socket) -> F + Send + 'static) -> Response
    where
        F: Future<Output = ()> + Send,
    {
        tokio::spawn(async move {
            // The client went before it heard the answer.
            let Ok(connection) = self.connection.await else { return };
            let config = WebSocketConfig::default()
                .max_write_buffer_size(limits::TAIL_WRITE_BYTES_MAX)
                .max_message_size(Some(limits::TAIL_RECEIVED_BYTES_MAX))
                .max_frame_size(Some(limits::TAIL_RECEIVED_BYTES_MAX));
            let socket =
                WebSocketStream::from_raw_socket(TokioIo::new(connection), Role::Server, Some(config)).await;
            serve(socket).await;
        });
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept);
        response
    }
}

/// Section 4.2.2, point 5.4.
fn accept(key: &[u8]) -> HeaderValue {
    let mut hash = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key);
    hash.update(GUID);
    HeaderValue::from_str(&STANDARD.encode(hash.finish())).expect("base64 makes a header value")
}

/// Whether a header that is a list of words holds this one.
fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_answered_as_the_rfc_shows() {
        // Section 1.3.
        assert_eq!(accept(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn words_are_found_in_lists() {
        let mut headers = HeaderMap::new();
        headers.append(header::CONNECTION, HeaderValue::from_static("keep-alive, Upgrade"));
        assert!(has_token(&headers, header::CONNECTION, "upgrade"));
        assert!(!has_token(&headers, header::UPGRADE, "websocket"));
    }
}
