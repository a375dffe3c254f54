use axum::Json;
use axum::extract::State;
use model::Micros;
use rusqlite::params;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Book;
use crate::ask;
use crate::auth::SettingsError;
use crate::error::{ApiError, ErrorBody};
use crate::extract::Parameters;
use crate::limits;
use crate::state::ApiState;
use crate::time;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Of this user only.
    user: Option<String>,
    /// Of this action only, as `export`.
    action: Option<String>,
    /// RFC 3339 or a span back from now; all that is kept if not given.
    from: Option<String>,
    /// As `from`.
    to: Option<String>,
    /// Entries, at most 10,000; 200 if not given.
    limit: Option<usize>,
    /// `next` of the page before.
    before: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AuditLog {
    /// The latest first.
    entries: Vec<AuditEntry>,
    /// Goes into `before` for the next page; null: this was the last.
    next: Option<i64>,
}

/// What somebody did.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    id: i64,
    /// When the request came.
    at: String,
    /// Null: nobody that is known, as a failed login under a name that no user has.
    user: Option<String>,
    /// How they were known: session, api, local; link: whoever has one that the user made. Null for a login.
    kind: Option<String>,
    /// What the token is called, or which link it was.
    token: Option<String>,
    /// Where the request came from.
    address: Option<String>,
    /// messages, call, export, sql, login, users, ...: docs/security.md has them.
    action: String,
    /// Path and query of the request, the statement, or what was changed.
    what: String,
    /// HTTP status of the answer: 403 is what was refused.
    status: i64,
    /// Rows, calls or messages in the answer, where they are counted.
    rows: Option<i64>,
    /// Until the last byte of the answer.
    elapsed_ms: i64,
}

/// Who has done what
#[utoipa::path(get, path = "/api/v1/audit", tag = "users", params(AuditQuery), responses(
    (status = 200, body = AuditLog), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody)))]
pub(crate) async fn audit(
    State(state): State<ApiState>,
    Parameters(query): Parameters<AuditQuery>,
) -> Result<Json<AuditLog>, ApiError> {
    let limit = ask::limit(query.limit, limits::AUDIT_DEFAULT, limits::AUDIT_MAX)?;
    let now = time::now();
    let point = |name: &str, text: &Option<String>, otherwise: i64| match text.as_deref() {
        None | Some("") => Ok(Micros(otherwise)),
        Some(text) => time::point(text, now).map_err(|why| ApiError::bad_request(format!("`{name}`: {why}"))),
    };
    let (from, to) = (point("from", &query.from, i64::MIN)?, point("to", &query.to, i64::MAX)?);
    let book = state.book();
    // What has just been done is in the answer.
    book.flush().await;
    let reading = std::sync::Arc::clone(book);
    let mut entries = tokio::task::spawn_blocking(move || read(&reading, &query, from, to, limit + 1))
        .await
        .map_err(|cause| ApiError::internal(&cause))?
        .map_err(|cause| ApiError::internal(&cause))?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().filter(|_| more).map(|entry| entry.id);
    Ok(Json(AuditLog { entries, next }))
}

fn read(
    book: &Book,
    query: &AuditQuery,
    from: Micros,
    to: Micros,
    limit: usize,
) -> Result<Vec<AuditEntry>, SettingsError> {
    let connection = book.reader()?;
    let mut statement = connection.prepare(
        "SELECT id, at, user, kind, token, address, action, what, status, rows, elapsed_ms FROM entry
         WHERE (?1 IS NULL OR user = ?1) AND (?2 IS NULL OR action = ?2) AND at BETWEEN ?3 AND ?4
            AND (?5 IS NULL OR id < ?5)
         ORDER BY id DESC LIMIT ?6",
    )?;
    let bound = params![query.user, query.action, from.0, to.0, query.before, limit as i64];
    let rows = statement.query_map(bound, |row| {
        let filled =
            |column| row.get::<_, String>(column).map(|text| Some(text).filter(|text| !text.is_empty()));
        Ok(AuditEntry {
            id: row.get(0)?,
            at: Micros(row.get(1)?).to_string(),
            user: filled(2)?,
            kind: filled(3)?,
            token: filled(4)?,
            address: row.get(5)?,
            action: row.get(6)?,
            what: row.get(7)?,
            status: row.get(8)?,
            rows: row.get(9)?,
            elapsed_ms: row.get(10)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
