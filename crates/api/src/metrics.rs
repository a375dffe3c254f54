use std::net::IpAddr;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::alerts::AlertCount;
use crate::auth::{self, Caller, Permission};
use crate::error::{ApiError, Code, ErrorBody};
use crate::extract::accepted;
use crate::state::ApiState;
use crate::time::now;

/// Whoever counts writes the page of metrics; this room serves it.
pub trait Metrics: Send + Sync + 'static {
    /// The page, in OpenMetrics 1.0 or in the older format of Prometheus, with its content type; or why there is none.
    /// `alerts` are those of this moment. May block for as long as counting what waits takes.
    fn page(&self, is_openmetrics: bool, alerts: Vec<AlertCount>) -> Result<(&'static str, String), String>;

    /// Whether this address needs no login to read it.
    fn is_open_to(&self, peer: IpAddr) -> bool;
}

const OPENMETRICS: &str = "application/openmetrics-text";

/// Metrics for Prometheus
///
/// OpenMetrics 1.0 if `Accept` names it, else the text format 0.0.4. What they mean: docs/metrics.md.
#[utoipa::path(get, path = "/metrics", tag = "status", extensions(("x-permission" = json!("server"))), responses(
    (status = 200, description = "all metrics at this moment",
        content((String = "application/openmetrics-text"), (String = "text/plain"))),
    (status = 401, body = ErrorBody, description = "neither a login or token, nor an address of `metrics.allow`"),
    (status = 403, body = ErrorBody, description = "a scope: metrics are of all that is kept"),
    (status = 404, body = ErrorBody, description = "this server counts none"),
    (status = 503, body = ErrorBody, description = "what waits could not be counted in time")))]
pub(crate) async fn metrics(
    State(state): State<ApiState>,
    caller: Option<Extension<Caller>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    // They are of all that is kept, and exemplars name calls.
    if let Some(Extension(caller)) = caller {
        Permission::Server.check(&caller)?;
    }
    let metrics =
        state.metrics().cloned().ok_or_else(|| ApiError::not_found("this server counts no metrics"))?;
    let is_openmetrics = accepted(&headers).any(|kind| kind.eq_ignore_ascii_case(OPENMETRICS));
    let alerts = state.alerts().counts(now());
    let page = tokio::task::spawn_blocking(move || metrics.page(is_openmetrics, alerts))
        .await
        .map_err(|cause| ApiError::internal(&cause))?;
    match page {
        Ok((kind, page)) => Ok(([(header::CONTENT_TYPE, kind)], page).into_response()),
        Err(reason) => Err(ApiError::new(Code::Busy, reason)),
    }
}

/// Lets a request pass from an address that needs no login, any other with one.
pub(crate) async fn require_allowed(
    State(state): State<ApiState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let peer = auth::peer(request.extensions());
    let is_open = state.metrics().zip(peer).is_some_and(|(metrics, peer)| metrics.is_open_to(peer));
    if is_open { Ok(next.run(request).await) } else { auth::require_login(State(state), request, next).await }
}
