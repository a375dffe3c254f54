use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What went wrong, as a word that programs may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    /// A parameter or the body is not what the route takes.
    BadRequest,
    /// The search text cannot be read; `column` and `suggestion` may help.
    BadQuery,
    /// The SQL was refused or failed.
    BadSql,
    /// More requests than can run at once; try again.
    Busy,
    /// It is there already, or something else stands against it.
    Conflict,
    /// The server failed; the reason is in its log.
    Internal,
    /// Wrong user or password.
    LoginFailed,
    /// The route exists, the method does not.
    MethodNotAllowed,
    /// Nothing of that name.
    NotFound,
    /// Not for this caller.
    Forbidden,
    /// The body is larger than the limit.
    TooLarge,
    /// Too many failed logins from this address.
    TooManyAttempts,
    /// No login and no valid token.
    Unauthorized,
    /// The route is a WebSocket, the request no handshake for one.
    UpgradeRequired,
}

/// The one shape of all errors: `{"error": {...}}`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ErrorBody {
    pub(crate) error: ErrorDetail,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ErrorDetail {
    pub(crate) code: Code,
    pub(crate) message: String,
    /// Where in the query text, counted in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<usize>,
    /// What may have been meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) suggestion: Option<String>,
}

/// An answer that is not the one asked for.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) column: Option<usize>,
    pub(crate) suggestion: Option<String>,
    pub(crate) retry_after_seconds: Option<u64>,
}

impl ApiError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), column: None, suggestion: None, retry_after_seconds: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(Code::BadRequest, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(Code::Unauthorized, "log in at POST /api/v1/login or send a token as Authorization: Bearer")
    }

    /// The cause goes to the log, not to the caller.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(Code::Internal, "the server failed to answer; its log has the reason")
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    fn status(&self) -> StatusCode {
        match self.code {
            Code::BadRequest | Code::BadQuery | Code::BadSql => StatusCode::BAD_REQUEST,
            Code::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Code::Conflict => StatusCode::CONFLICT,
            Code::Forbidden => StatusCode::FORBIDDEN,
            Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Code::LoginFailed | Code::Unauthorized => StatusCode::UNAUTHORIZED,
            Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
            Code::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        let retry_after = self.retry_after_seconds;
        let challenge = self.code == Code::Unauthorized;
        let detail = ErrorDetail {
            code: self.code,
            message: self.message,
            column: self.column,
            suggestion: self.suggestion,
        };
        let mut response = (status, Json(ErrorBody { error: detail })).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == Code::UpgradeRequired {
            // RFC 9110 15.5.22 and RFC 6455 4.2.2: to what, and to which version of it.
            response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        if challenge {
            // RFC 9110 11.6.1: a 401 names the scheme that would help.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
