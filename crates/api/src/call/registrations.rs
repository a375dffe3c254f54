//! Registrations: one row for each time one is made, renewed or removed.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::list::ListQuery;
use super::session::State;
use super::{endpoint, rows};
use crate::ask::{self, Cursor, Partial};
use crate::error::{ApiError, ErrorBody};
use crate::extract::Parameters;
use crate::limits;
use crate::row::Row;
use crate::view::View;

#[derive(Serialize, ToSchema)]
pub(crate) struct Registrations {
    /// The latest first.
    registrations: Vec<Registration>,
    /// Why the list may not be complete.
    partial: Option<Partial>,
    elapsed_ms: u64,
    /// Goes into `before` for the next page; null: this was the last.
    next: Option<String>,
}

/// A REGISTER and what came of it (RFC 3261 10).
#[derive(Serialize, ToSchema)]
pub(crate) struct Registration {
    call_id: String,
    /// When it was asked for.
    at: String,
    /// The address of record: user and host of To.
    user: Option<String>,
    host: Option<String>,
    /// URI of the first Contact.
    contact: Option<String>,
    /// Who asked, and who was asked: `192.0.2.1:5060`.
    src: Option<String>,
    dst: Option<String>,
    user_agent: Option<String>,
    state: State,
    /// The status that decided it.
    status: Option<i64>,
    /// What the registrar granted; 0: removed.
    expires_seconds: Option<i64>,
    /// Registration request delay (RFC 6076 4.1).
    register_delay_ms: Option<i64>,
    /// Requests that were answered with 401 or 407.
    challenges: i64,
    /// SIP messages, each hop's message once.
    messages: i64,
    /// Rules that found something, the worst first: docs/findings.md.
    findings: Vec<String>,
    /// The worst of them: error, warning, info.
    severity: Option<String>,
    /// Further messages may come.
    is_open: Option<bool>,
}

/// Find registrations
#[utoipa::path(get, path = "/api/v1/registrations", tag = "search", params(ListQuery),
    responses((status = 200, body = Registrations), (status = 400, body = ErrorBody),
    (status = 401, body = ErrorBody)))]
pub(crate) async fn registrations(
    state: View,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Json<Registrations>, ApiError> {
    let begun = std::time::Instant::now();
    let now = crate::time::now();
    let cursor = query.before.as_deref().map(Cursor::read).transpose()?;
    let window = ask::window(query.from.as_deref(), query.to.as_deref(), now)?;
    let limit = ask::limit(query.limit, limits::CALLS_DEFAULT, limits::CALLS_MAX)?;
    let Some(table) = rows::table(&state, calls::REGISTRATIONS.name) else {
        return Err(ApiError::not_found("this server keeps no registrations"));
    };
    let asked = ask::question_about(&state, query.q.as_deref(), now, table)?;
    let turn = ask::turn(&state).await?;
    let page = rows::page(&state, table, asked, window, cursor, limit).await?;
    drop(turn);
    state.tell_rows(page.rows.len());
    Ok(Json(Registrations {
        registrations: page.rows.iter().map(Registration::from).collect(),
        partial: page.partial,
        elapsed_ms: ask::milliseconds(begun.elapsed()),
        next: page.next,
    }))
}

impl From<&Row> for Registration {
    fn from(row: &Row) -> Self {
        let text = |field| row.text(field).map(str::to_owned);
        Self {
            call_id: row.call_id.clone().unwrap_or_default(),
            at: row.ts.to_string(),
            user: text("to_user"),
            host: text("to_host"),
            contact: text("contact"),
            src: endpoint(row.src_ip.as_deref(), row.src_port),
            dst: endpoint(row.dst_ip.as_deref(), row.dst_port),
            user_agent: text("user_agent"),
            state: rows::state(row),
            status: row.int("status"),
            expires_seconds: row.int("expires"),
            register_delay_ms: row.int("register_delay").map(|micros| micros / 1_000),
            challenges: row.int("challenges").unwrap_or(0),
            messages: row.int("messages").unwrap_or(0),
            findings: rows::findings(row),
            severity: text("severity"),
            is_open: rows::is_open(row),
        }
    }
}
