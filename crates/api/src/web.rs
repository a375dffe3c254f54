//! The web part: the built files inside the binary.
//!
//! Every screen is a URL behind `#` that the browser part reads itself. Who types `/call/a@b` without it is sent there.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::{ApiError, Code};

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Files;

const START_PAGE: &str = "index.html";

/// What the browser may load, and from where: nothing but this server. Styles set on single elements (a bar's
/// width) are let through, style sheets and scripts inside a page are not. Images may be made by the page itself,
/// for the export of a drawing.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    style-src-attr 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; \
    manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Headers of every answer, the API's as well: whatever an answer holds, a browser must not run or frame it, nor
/// tell other sites the address line, which may hold numbers and Call-IDs.
pub(crate) const SAFETY_HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The build names these files after their contents.
const HASHED_FOLDER: &str = "assets/";
const CACHE_FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Kept, but asked for again each time; the answer is 304 while the file is the same.
const CACHE_AND_ASK: HeaderValue = HeaderValue::from_static("no-cache");

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Rhapsode</title>\
    <h1>Rhapsode is running</h1><p>This program was built without its web part: run \
    <code>cargo xtask web</code> and build it again. The API and the command line work without it.";

/// Serves a file of the web part, or the start page, or tells where the screen is.
pub(crate) async fn file(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return ApiError::new(Code::MethodNotAllowed, format!("{method} is not for {}", uri.path()))
            .into_response();
    }
    let path = uri.path().trim_start_matches('/');
    match Files::get(path) {
        Some(file) => serve(path, &file, &headers),
        // A missing script or picture is missing, not the start page, which a browser could not read as one.
        None if path.starts_with(HASHED_FOLDER) => {
            ApiError::not_found(format!("no file `{path}`")).into_response()
        }
        None if !path.is_empty() => {
            // Relative, so that it holds behind a proxy that serves us below a path of its own.
            let up = "../".repeat(path.matches('/').count());
            let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            match HeaderValue::from_str(&format!("./{up}#/{path}{query}")) {
                Ok(place) => (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response(),
                Err(_) => ApiError::not_found(format!("no page `{path}`")).into_response(),
            }
        }
        None => match Files::get(START_PAGE) {
            Some(file) => serve(START_PAGE, &file, &headers),
            None => {
                ([(header::CACHE_CONTROL, CACHE_AND_ASK)], axum::response::Html(NOT_BUILT)).into_response()
            }
        },
    }
}

fn serve(path: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let hash = file.metadata.sha256_hash();
    let tag: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = HeaderValue::from_str(&format!("\"{tag}\"")).expect("hexadecimal digits make a header value");
    let cache = if path.starts_with(HASHED_FOLDER) { CACHE_FOREVER } else { CACHE_AND_ASK };
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|wanted| matches_tag(wanted, &tag));
    if known {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag), (header::CACHE_CONTROL, cache)])
            .into_response();
    }
    let kind =
        HeaderValue::from_str(file.metadata.mimetype()).unwrap_or(HeaderValue::from_static("text/plain"));
    let kind = [(header::CONTENT_TYPE, kind), (header::ETAG, tag), (header::CACHE_CONTROL, cache)];
    let body = match &file.data {
        Cow::Borrowed(bytes) => Body::from(*bytes),
        Cow::Owned(bytes) => Body::from(bytes.clone()),
    };
    (kind, body).into_response()
}

/// RFC 9110 13.1.2: a list of tags, compared weakly (a proxy that compresses marks ours as weak).
fn matches_tag(wanted: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(wanted), Ok(tag)) = (wanted.to_str(), tag.to_str()) else { return false };
    wanted.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}
