//! Path, query and body of a request, refused in the one error shape.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// A JSON body. The content type is not looked at: `curl -d` sends another one.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| ApiError::bad_request(rejection.body_text()))?;
        serde_json::from_slice(&bytes).map(Body).map_err(|error| {
            ApiError::bad_request(format!("the body is not the JSON this route takes: {error}"))
        })
    }
}

/// The query string.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(parameters) = Query::<T>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| ApiError::bad_request(rejection.body_text()))?;
        Ok(Self(parameters))
    }
}

/// The variable part of the path.
pub(crate) struct Segment<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segment<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(segment) = Path::<T>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| ApiError::bad_request(rejection.body_text()))?;
        Ok(Self(segment))
    }
}

/// The content types of `Accept`, in its order.
pub(crate) fn accepted(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let named = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    named.flat_map(|value| value.split(',')).map(|kind| kind.split(';').next().unwrap_or_default().trim())
}

/// JSON, one object a line. Not compressed on its way: a compressor would keep lines back until it has enough.
pub(crate) const LINES: &str = "application/x-ndjson";

/// Whether this content type is [`LINES`], under any of its names.
pub(crate) fn is_lines(kind: &str) -> bool {
    matches!(kind, LINES | "application/ndjson" | "application/jsonl")
}

/// The value of an attachment's header, safe whatever the name was made of (RFC 6266).
pub(crate) fn attachment(name: &str) -> (header::HeaderName, HeaderValue) {
    let safe: String = name
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || "-_.@".contains(letter) { letter } else { '_' })
        .collect();
    let value = HeaderValue::from_str(&format!("attachment; filename=\"{safe}\""))
        .expect("letters, digits and four signs make a header value");
    (header::CONTENT_DISPOSITION, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_cannot_leave_its_header() {
        let (_, value) = attachment("a\"; x=\r\n/../é@host.pcap");
        assert_eq!(value, "attachment; filename=\"a___x____..__@host.pcap\"");
    }
}
