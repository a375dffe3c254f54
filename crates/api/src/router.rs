use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{OriginalUri, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use utoipa::OpenApi as _;
use utoipa::openapi::Paths;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use crate::audit::{Book, Trail};
use crate::auth::{Caller, Permission};
use crate::error::{ApiError, Code};
use crate::openapi::Document;
use crate::state::ApiState;
use crate::{
    alerts, aliases, audit, auth, boards, call, catalogue, complete, counts, differences, export, extract,
    facets, limits, message, messages, metrics, openapi, senders, share, sql, status, storage, tail, web,
};

/// Everything this room answers. Serve it with the peer's address known
/// (`into_make_service_with_connect_info::<SocketAddr>()`), else all clients share one count of failed logins.
pub fn router(state: ApiState) -> Router {
    let (public, _) = public().split_for_parts();
    let (guarded, _) = guarded().0.split_for_parts();
    let guarded = guarded
        .route("/api/{*path}", any(nothing_here))
        .method_not_allowed_fallback(method_not_allowed)
        .route_layer(from_fn_with_state(state.clone(), auth::require_login));
    let (scraped, _) = scraped().split_for_parts();
    let scraped = scraped
        .method_not_allowed_fallback(method_not_allowed)
        .route_layer(from_fn_with_state(state.clone(), metrics::require_allowed));
    let (shared, _) = shared().split_for_parts();
    let shared = shared
        .method_not_allowed_fallback(method_not_allowed)
        .route_layer(from_fn_with_state(state.clone(), share::require_link));
    public
        .method_not_allowed_fallback(method_not_allowed)
        .merge(guarded)
        .merge(shared)
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
        .merge(guarded().0)
        .merge(shared())
        .merge(scraped())
        .split_for_parts();
    document
}

/// Routes that answer anybody.
fn public() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(status::health)).routes(routes!(auth::login))
}

/// Routes that need the secret of a link, and show what it does. No session and no token opens them.
fn shared() -> OpenApiRouter<ApiState> {
    let each = [routes!(share::shared), routes!(share::shared_message), routes!(share::shared_export)];
    each.into_iter().fold(OpenApiRouter::new(), |all, (schemas, mut paths, methods)| {
        name_permission(&mut paths, "shared");
        all.routes((schemas, paths, methods))
    })
}

/// Routes that need a session, a token, or an address that is allowed to read them.
fn scraped() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(metrics::metrics))
}

/// Routes that need a session or a token, and what else they need. There is no other way to add one.
fn guarded() -> Guarded {
    use Permission::{Aliases, Audit, Boards, Export, Own, Search, Server, Share, Silence, Sql, Users};
    Guarded::default()
        .quiet(Own, routes!(auth::me))
        .quiet(Own, routes!(catalogue::catalogue))
        .quiet(Own, routes!(openapi::openapi))
        .quiet(Own, routes!(auth::tokens))
        .logged(Own, "logout", routes!(auth::logout))
        .logged(Own, "password", routes!(auth::change_password))
        .logged(Own, "tokens", routes!(auth::add_token))
        .logged(Own, "tokens", routes!(auth::remove_token))
        // At every key stroke, and what it offers is not of one message.
        .quiet(Search, routes!(complete::complete))
        .logged(Search, "messages", routes!(messages::messages))
        .logged(Search, "facets", routes!(facets::facets))
        .logged(Search, "counts", routes!(counts::counts))
        .logged(Search, "differences", routes!(differences::differences))
        .logged(Search, "tail", routes!(tail::tail))
        .logged(Search, "message", routes!(message::message))
        .logged(Search, "calls", routes!(call::calls))
        .logged(Search, "registrations", routes!(call::registrations))
        .logged(Search, "kpi", routes!(call::kpi))
        .logged(Search, "kpi", routes!(call::registration_kpi))
        .logged(Search, "signatures", routes!(call::signatures))
        .logged(Search, "call", routes!(call::call))
        // Read by every page of boards that is open; what is asked by them is written down.
        .quiet(Boards, routes!(boards::boards))
        .quiet(Boards, routes!(boards::board))
        .logged(Boards, "boards", routes!(boards::add_board))
        .logged(Boards, "boards", routes!(boards::change_board, boards::remove_board))
        .logged(Export, "export", routes!(export::export))
        .quiet(Share, routes!(share::shares))
        .logged(Share, "shares", routes!(share::add_share))
        .logged(Share, "shares", routes!(share::remove_share))
        .logged(Sql, "sql", routes!(sql::sql))
        // Every few seconds by every open page, and nobody's traffic.
        .quiet(Server, routes!(status::status))
        .quiet(Server, routes!(storage::storage))
        .quiet(Server, routes!(senders::senders))
        .quiet(Server, routes!(alerts::alerts))
        .quiet(Server, routes!(alerts::history))
        .logged(Silence, "silence", routes!(alerts::silence, alerts::unsilence))
        .quiet(Search, routes!(aliases::aliases))
        .logged(Aliases, "aliases", routes!(aliases::add_alias))
        .logged(Aliases, "aliases", routes!(aliases::remove_alias))
        .quiet(Users, routes!(auth::users))
        .logged(Users, "users", routes!(auth::add_user))
        .logged(Users, "users", routes!(auth::change_user, auth::remove_user))
        .logged(Audit, "audit", routes!(audit::audit))
}

/// Routes of which each has said what it needs.
#[derive(Default)]
struct Guarded(OpenApiRouter<ApiState>);

/// What a route needs, and what it is called in the audit log.
#[derive(Clone, Copy)]
struct Guard {
    permission: Permission,
    action: Option<&'static str>,
}

impl Guarded {
    /// Routes whose requests are written down under this name.
    fn logged(
        self,
        permission: Permission,
        action: &'static str,
        routes: UtoipaMethodRouter<ApiState>,
    ) -> Self {
        self.with(Guard { permission, action: Some(action) }, routes)
    }

    /// Routes that ask for nothing that is anybody's: their requests are not written down, unless they are refused.
    fn quiet(self, permission: Permission, routes: UtoipaMethodRouter<ApiState>) -> Self {
        self.with(Guard { permission, action: None }, routes)
    }

    fn with(self, guard: Guard, (schemas, mut paths, methods): UtoipaMethodRouter<ApiState>) -> Self {
        name_permission(&mut paths, guard.permission.name());
        let methods = methods.route_layer(from_fn_with_state(guard, enter));
        Self(self.0.routes((schemas, paths, methods)))
    }
}

/// Says in the description what routes need.
fn name_permission(paths: &mut Paths, name: &str) {
    for item in paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        for operation in operations.into_iter().filter_map(Option::as_mut) {
            let extension = ExtensionsBuilder::new().add("x-permission", name).build();
            operation.extensions.get_or_insert_default().merge(extension);
        }
    }
}

/// Lets through who may, and writes down who has done what.
async fn enter(State(guard): State<Guard>, mut request: Request, next: Next) -> Result<Response, ApiError> {
    let extensions = request.extensions();
    let caller = extensions.get::<Caller>().ok_or_else(ApiError::unauthorized)?;
    let book = extensions.get::<Arc<Book>>().ok_or_else(ApiError::unauthorized)?;
    let allowed = guard.permission.check(caller);
    let action = guard.action.or(allowed.is_err().then(|| guard.permission.name()));
    let address = auth::peer(extensions);
    let trail = action.map(|action| Trail::begin(book, caller, address, action, request.uri()));
    let trail = trail.unwrap_or_default();
    if let Err(refusal) = allowed {
        let response = refusal.into_response();
        trail.answered(response.status());
        return Ok(response);
    }
    request.extensions_mut().insert(trail.clone());
    let response = next.run(request).await;
    trail.answered(response.status());
    Ok(response)
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
