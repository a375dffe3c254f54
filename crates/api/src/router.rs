use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{OriginalUri, Request};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::any;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::{ApiError, Code};
use crate::openapi::Document;
use crate::state::ApiState;
use crate::{
    aliases, auth, call, catalogue, complete, export, extract, limits, message, messages, metrics, openapi,
    senders, sql, status, storage, tail, web,
};

/// Everything this room answers. Serve it with the peer's address known
/// (`into_make_service_with_connect_info::<SocketAddr>()`), else all clients share one count of failed logins.
pub fn router(state: ApiState) -> Router {
    let (public, _) = public().split_for_parts();
    let (guarded, _) = guarded().split_for_parts();
    let guarded = guarded
        .route("/api/{*path}", any(nothing_here))
        .method_not_allowed_fallback(method_not_allowed)
        .route_layer(from_fn_with_state(state.clone(), auth::require_login));
    let (scraped, _) = scraped().split_for_parts();
    let scraped = scraped
        .method_not_allowed_fallback(method_not_allowed)
        .route_layer(from_fn_with_state(state.clone(), metrics::require_allowed));
    public
        .method_not_allowed_fallback(method_not_allowed)
        .merge(guarded)
        .merge(scraped)
        .layer(from_fn(never_cached))
        .fallback(web::file)
        .layer(from_fn(whole_body))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(CompressionLayer::new().compress_when(compressed()))
        .layer(from_fn(safety_headers))
        .with_state(state)
}

/// What is worth compressing; not lines that are to arrive as they are written.
fn compressed() -> impl Predicate {
    DefaultPredicate::new().and(NotForContentType::const_new(extract::LINES))
}

/// The description of all routes.
pub(crate) fn described() -> utoipa::openapi::OpenApi {
    let (_, document) = OpenApiRouter::with_openapi(Document::openapi())
        .merge(public())
        .merge(guarded())
        .merge(scraped())
        .split_for_parts();
    document
}

/// Routes that answer anybody.
fn public() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(status::health)).routes(routes!(auth::login))
}

/// Routes that need a session, a token, or an address that is allowed to read them.
fn scraped() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(metrics::metrics))
}

/// Routes that need a session or a token.
fn guarded() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(auth::logout))
        .routes(routes!(auth::me))
        .routes(routes!(auth::tokens, auth::add_token))
        .routes(routes!(auth::remove_token))
        .routes(routes!(aliases::aliases, aliases::add_alias))
        .routes(routes!(aliases::remove_alias))
        .routes(routes!(status::status))
        .routes(routes!(storage::storage))
        .routes(routes!(senders::senders))
        .routes(routes!(catalogue::catalogue))
        .routes(routes!(complete::complete))
        .routes(routes!(messages::messages))
        .routes(routes!(tail::tail))
        .routes(routes!(message::message))
        .routes(routes!(call::calls))
        .routes(routes!(call::registrations))
        .routes(routes!(call::kpi))
        .routes(routes!(call::registration_kpi))
        .routes(routes!(call::signatures))
        .routes(routes!(call::call))
        .routes(routes!(export::export))
        .routes(routes!(sql::sql))
        .routes(routes!(openapi::openapi))
}

async fn nothing_here(OriginalUri(uri): OriginalUri) -> ApiError {
    ApiError::not_found(format!("no route `{}`: see /api/v1/openapi.json", uri.path()))
}

async fn method_not_allowed(method: Method, OriginalUri(uri): OriginalUri) -> ApiError {
    ApiError::new(Code::MethodNotAllowed, format!("{method} is not for `{}`", uri.path()))
}

/// Reads the body to its end before anything answers. An answer given earlier, a refusal or one of a route that
/// takes no body, would end the connection, and with it the next request that a client has already sent on it.
#[allow(clippy::disallowed_methods, reason = "read up to BODY_BYTES_MAX")]
async fn whole_body(request: Request, next: Next) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let most = limits::BODY_BYTES_MAX;
    match tokio::time::timeout(limits::BODY_TIME_MAX, to_bytes(body, most)).await {
        Ok(Ok(body)) => Ok(next.run(Request::from_parts(parts, Body::from(body))).await),
        // Or it broke off; then nobody reads this.
        Ok(Err(_)) => Err(ApiError::new(Code::TooLarge, format!("the body is longer than {most} bytes"))),
        Err(_) => Err(ApiError::bad_request("the body did not arrive in time")),
    }
}

/// Answers of the API are of this moment and for this caller.
async fn never_cached(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn safety_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in web::SAFETY_HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// A bug of ours ends one request, not the server.
#[allow(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    axum::response::IntoResponse::into_response(ApiError::internal(&format_args!("panic: {message}")))
}
