//! What a link shows: the records of its call and nothing beside them, redacted if it was made so.

use axum::response::Response;
use axum::{Extension, Json};
use futures::StreamExt as _;
use futures::stream;
use model::Aliases;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::guard::Link;
use super::redact::{Redactor, WORDS_MAX};
use crate::auth::ShareRow;
use crate::call::{self, Call, Gathered};
use crate::error::{ApiError, Code, ErrorBody};
use crate::export::{Exported, Format, file};
use crate::extract::{Parameters, Segment};
use crate::message::Message;
use crate::row::Row;
use crate::time::now;
use crate::view::View;

#[derive(Serialize, ToSchema)]
pub(crate) struct SharedCall {
    /// Who made the link.
    shared_by: String,
    expires: String,
    /// Other words stand for numbers, names, addresses and credentials, and payloads that are no text are left out.
    redacted: bool,
    note: String,
    #[schema(value_type = Call)]
    call: Value,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SharedExportQuery {
    #[param(inline)]
    format: Format,
}

/// The call as it is shown.
struct Told {
    gathered: Gathered,
    /// One for each record, if they are not shown as they are.
    redacted: Option<Vec<Row>>,
    call_id: String,
    /// Of a link that redacts.
    redactor: Option<Redactor>,
}

impl Told {
    fn rows(&self) -> &[Row] {
        self.redacted.as_ref().unwrap_or(&self.gathered.rows)
    }
}

/// The call that a link shows
///
/// With the link's secret as `Authorization: Bearer`. It counts as opened.
#[utoipa::path(get, path = "/api/v1/shared", tag = "share", security(("link" = [])), responses(
    (status = 200, body = SharedCall), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 429, body = ErrorBody, description = "too many unknown links from this address")))]
pub(crate) async fn shared(
    state: View,
    Extension(Link(link)): Extension<Link>,
) -> Result<Json<SharedCall>, ApiError> {
    let Told { gathered, redacted, call_id, redactor } = told(&state, &link).await?;
    let rows = redacted.as_ref().unwrap_or(&gathered.rows);
    state.tell_rows(rows.len());
    let aliases = match redactor {
        // A name that was given to a host says as much as its address.
        Some(_) => Aliases::default(),
        None => (*state.aliases()).clone(),
    };
    let call = Call::new(&link.call_id, &gathered, (&call_id, rows), &aliases);
    let call = written(call, redactor).await?;
    let id = link.id;
    state.auth().settings(move |settings| settings.share_opened(id, now())).await?;
    Ok(Json(SharedCall {
        shared_by: link.user.clone(),
        expires: link.expires.to_string(),
        redacted: link.redacted,
        note: link.note.clone(),
        call,
    }))
}

/// A message of the call that a link shows
#[utoipa::path(get, path = "/api/v1/shared/messages/{id}", tag = "share", params(("id" = String, Path)),
    security(("link" = [])), responses(
    (status = 200, body = Message), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn shared_message(
    state: View,
    Extension(Link(link)): Extension<Link>,
    Segment(id): Segment<String>,
) -> Result<Json<Message>, ApiError> {
    let told = told(&state, &link).await?;
    let row = told.rows().iter().find(|row| row.id.to_string() == id);
    let row = row.ok_or_else(|| ApiError::not_found(format!("no message `{id}` in this call")))?;
    state.tell_rows(1);
    Ok(Json(Message::from(row)))
}

/// Download the call that a link shows
#[utoipa::path(get, path = "/api/v1/shared/export", tag = "share", params(SharedExportQuery), security(("link" = [])),
    responses((status = 200, description = "the file, as `export` makes it",
        content((Vec<u8> = "application/vnd.tcpdump.pcap"), (String = "text/plain"), (Object = "application/json"),
            (String = "application/x-ndjson"))),
    (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn shared_export(
    state: View,
    Extension(Link(link)): Extension<Link>,
    Parameters(query): Parameters<SharedExportQuery>,
) -> Result<Response, ApiError> {
    let told = told(&state, &link).await?;
    let rows = told.redacted.unwrap_or(told.gathered.rows);
    let exported = Exported {
        payloads_gone: rows.iter().filter(|row| row.payload_gone).count(),
        rows: stream::iter([Ok(rows)]).boxed(),
        partial: told.gathered.partial,
        name: told.call_id,
    };
    Ok(file(state, query.format, exported, None))
}

/// Reads the call and redacts it, if the link does.
async fn told(state: &View, link: &ShareRow) -> Result<Told, ApiError> {
    let gathered = call::gathered(state, &link.call_id, true).await;
    let mut gathered = gathered.map_err(|error| match error.code {
        // Its own words name the call, which a link that redacts does not.
        Code::NotFound => {
            ApiError::not_found("the call is not kept any more, or is not for who made this link")
        }
        _ => error,
    })?;
    // Calls that may be of it are other calls.
    gathered.legs.retain(call::Leg::is_of_call);
    let call_id = link.call_id.clone();
    if !link.redacted {
        return Ok(Told { gathered, redacted: None, call_id, redactor: None });
    }
    let redacted = tokio::task::spawn_blocking(move || {
        let mut redactor = Redactor::of(&gathered.rows)?;
        let rows = gathered.rows.iter().map(|row| redactor.row(row)).collect();
        let call_id = redactor.text(&call_id);
        Some(Told { gathered, redacted: Some(rows), call_id, redactor: Some(redactor) })
    });
    redacted.await.map_err(|cause| ApiError::internal(&cause))?.ok_or_else(|| {
        let message =
            format!("this call names more than {WORDS_MAX} users and hosts: it is not shown redacted");
        ApiError::new(Code::TooLarge, message)
    })
}

/// As JSON. Records are redacted by now; what was made of them, as they were, is here: a finding that depends on what
/// kind of address a host has stays true.
async fn written(call: Call, redactor: Option<Redactor>) -> Result<Value, ApiError> {
    let write = move || {
        let mut value = serde_json::to_value(call)?;
        if let Some(mut redactor) = redactor {
            for part in ["sessions", "findings", "legs", "streams"] {
                redactor.value(&mut value[part]);
            }
        }
        Ok::<_, serde_json::Error>(value)
    };
    let written = tokio::task::spawn_blocking(write).await.map_err(|cause| ApiError::internal(&cause))?;
    written.map_err(|cause| ApiError::internal(&cause))
}
