//! The description of the API for programs that make clients: derived from the handlers, committed as
//! `docs/openapi.json` and compared by a test.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::auth::COOKIE;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Rhapsode",
        description = "Search, calls, messages, downloads and SQL over captured voice traffic. Times are RFC 3339 in \
            UTC; `from` and `to` also take spans back from now (`-1h`). Errors always have the shape of `ErrorBody`. \
            An answer that was cut says so in `partial`.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT"),
    ),
    security(("token" = []), ("session" = [])),
    modifiers(&Logins),
    tags(
        (name = "search", description = "Find messages and calls"),
        (name = "calls", description = "One call, one message, downloads"),
        (name = "sql", description = "Read-only SQL"),
        (name = "status", description = "The server and who sends to it"),
        (name = "login", description = "Sessions and API tokens"),
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
        let session = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(COOKIE)));
        components.add_security_scheme("session", session);
    }
}

/// The OpenAPI document as committed.
pub fn document() -> String {
    let mut text = crate::router::described().to_pretty_json().expect("the document becomes JSON");
    text.push('\n');
    text
}

/// This document
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "about", responses((status = 200, body = Object)))]
pub(crate) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document()).into_response()
}
