use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::audit::Trail;
use crate::auth::{self, ShareRow, Shared};
use crate::error::{ApiError, Code};
use crate::state::ApiState;
use crate::time::now;

/// The name of what links show, in the audit log.
const ACTION: &str = "shared";

/// The link that a request came with.
#[derive(Clone)]
pub(crate) struct Link(pub(crate) Arc<ShareRow>);

/// Lets a request pass only with the secret of a link, and tells the handlers which call it shows and as whom.
pub(crate) async fn require_link(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let known = auth::peer(request.extensions());
    let address = state.auth().may_try_link(known)?;
    // The secret comes as `Authorization: Bearer` alone: no cookie follows a link, and no address line holds it.
    let shared = match auth::bearer(request.headers()) {
        Some(hash) => state.auth().settings(move |settings| settings.shared(&hash, now())).await?,
        None => None,
    };
    let Some(Shared { link, caller }) = shared else {
        state.auth().link_failed(address);
        state.book().unknown_link(ACTION, known);
        let message = "this link opens nothing: it has expired, was taken back, or was not copied whole";
        return Err(ApiError::new(Code::Unauthorized, message));
    };
    let trail = Trail::begin(state.book(), &caller, known, ACTION, request.uri());
    let path = request.uri().path_and_query().map_or("", |path| path.as_str());
    trail.say(&format!("{} of call {}", path.trim_start_matches("/api/v1/"), link.call_id));
    let extensions = request.extensions_mut();
    extensions.insert(trail.clone());
    extensions.insert(caller);
    extensions.insert(Link(Arc::new(link)));
    let response = next.run(request).await;
    trail.answered(response.status());
    Ok(response)
}
