//! The description of the API for programs that make clients: derived from the handlers, joined with that of the doors for
//! packets, which `ingest` has. What the program hands out is committed as `docs/openapi.json`; a test of `rhapsode`
//! compares them.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::auth::COOKIE;
use crate::state::ApiState;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Rhapsode",
        description = "Search, calls, messages, downloads and SQL over captured voice traffic. Times are RFC 3339 in \
            UTC; `from` and `to` also take spans back from now (`-1h`). Errors have the shape of `ErrorBody`; where \
            packets are sent, the answer also says what became of them. An answer that was cut says so in `partial`.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT"),
    ),
    security(("token" = []), ("session" = [])),
    modifiers(&Logins),
    tags(
        (name = "search", description = "Find messages and calls"),
        (name = "calls", description = "One call, one message, downloads"),
        (name = "share", description = "Links that show one call to whoever has them"),
        (name = "sql", description = "Read-only SQL"),
        (name = "alerts", description = "What is worth a person's attention, and who was told"),
        (name = "status", description = "The server and who sends to it"),
        (name = "boards", description = "Boards that users make"),
        (name = "aliases", description = "Names for addresses"),
        (name = "login", description = "Sessions and API tokens"),
        (name = "users", description = "Users, and who has done what: for admins"),
        (name = "about", description = "What can be asked"),
    ),
)]
pub(crate) struct Document;

struct Logins;

impl Modify for Logins {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("token", SecurityScheme::Http(token));
        let link = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
        let link = link.description(Some("The secret of a link to a call: POST /api/v1/shares.")).build();
        components.add_security_scheme("link", SecurityScheme::Http(link));
        let session = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(COOKIE)));
        components.add_security_scheme("session", session);
    }
}

/// The OpenAPI document of this room's routes and of what is served `beside` them.
pub fn document(beside: fn() -> utoipa::openapi::OpenApi) -> String {
    let document = crate::router::described().merge_from(beside());
    let mut text = document.to_pretty_json().expect("the document becomes JSON");
    text.push('\n');
    text
}

/// This document
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "about", responses((status = 200, body = Object)))]
pub(crate) async fn openapi(State(state): State<ApiState>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document(state.beside())).into_response()
}
