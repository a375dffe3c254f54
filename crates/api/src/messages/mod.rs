//! Lists of messages.

mod lines;

use axum::Json;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use protocols::sighting::Seen;
use serde::{Deserialize, Serialize};
use store::Order;
use utoipa::{IntoParams, ToSchema};

use crate::ask::{self, Cursor, Partial, Search};
use crate::call::fold;
use crate::error::{ApiError, ErrorBody};
use crate::extract::{self, Parameters};
use crate::limits;
use crate::row::Row;
use crate::summary::Summary;
use crate::view::View;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessagesQuery {
    /// Search text; empty finds everything.
    q: Option<String>,
    /// RFC 3339 or a span back from now; -1h if not given.
    from: Option<String>,
    /// As `from`; now if not given.
    to: Option<String>,
    /// Rows, at most 10,000; 200 if not given.
    limit: Option<usize>,
    /// `next` of the page before.
    before: Option<String>,
    /// One table only.
    table: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Messages {
    /// Newest first.
    messages: Vec<Listed>,
    /// Why there may be more than this and its next pages.
    partial: Option<Partial>,
    elapsed_ms: u64,
    /// Goes into `before` for the next page; null: this was the last.
    next: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Listed {
    #[serde(flatten)]
    summary: Summary,
    /// The record on this page that shows the same message as another capture point saw it before.
    witness_of: Option<String>,
}

/// Find messages
///
/// With `Accept: application/x-ndjson` they come as they are found, an object a line, without `witness_of`. The last line
/// has no `id`: it is an object of `witnesses` (what would be `witness_of`, by `id`), `partial`, `elapsed_ms` and `next`.
#[utoipa::path(get, path = "/api/v1/messages", tag = "search", params(MessagesQuery), responses(
    (status = 200, content((Messages = "application/json"), (String = "application/x-ndjson"))),
    (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(crate) async fn messages(
    state: View,
    headers: HeaderMap,
    Parameters(query): Parameters<MessagesQuery>,
) -> Result<Response, ApiError> {
    let begun = std::time::Instant::now();
    let now = crate::time::now();
    let cursor = query.before.as_deref().map(Cursor::read).transpose()?;
    let window = ask::window(query.from.as_deref(), query.to.as_deref(), now)?;
    let limit = ask::limit(query.limit, limits::MESSAGES_DEFAULT, limits::MESSAGES_MAX)?;
    let tables = ask::tables(&state, query.table.as_deref())?;
    let asked = ask::question(&state, query.q.as_deref(), now)?;

    let turn = ask::turn(&state).await?;
    let is_derived =
        state.store().derived().iter().any(|derived| tables.iter().any(|table| table.name == derived.name));
    let (expr, partial) = match is_derived {
        true => (asked, None),
        false => ask::about_messages(&state, asked, window).await?,
    };
    let search = Search {
        expr,
        tables: tables.clone(),
        window,
        after: cursor,
        columns: ask::all_but_payload(&tables),
        // One more tells whether there is a next page.
        limit: limit + 1,
        order: Order::NewestFirst,
        time_max: limits::SEARCH_TIME_MAX,
    };
    if extract::accepted(&headers).find(|kind| known(kind)).is_some_and(extract::is_lines) {
        return lines::answer(state, search, partial, limit, begun, turn).await;
    }
    let mut found = ask::search(&state, search).await?;
    drop(turn);
    let more = found.rows.len() > limit;
    found.rows.truncate(limit);
    state.tell_rows(found.rows.len());
    let next = found.rows.last().filter(|_| more).map(|row| Cursor::at(row, row.id).write());
    Ok(Json(Messages {
        messages: listed(&found.rows),
        partial: found.partial.or(partial),
        elapsed_ms: ask::milliseconds(begun.elapsed()),
        next,
    })
    .into_response())
}

/// The content types a list comes in.
fn known(kind: &str) -> bool {
    kind == "application/json" || extract::is_lines(kind)
}

/// The rows of a page, newest first, and which of them show a message that another one shows too.
fn listed(rows: &[Row]) -> Vec<Listed> {
    let oldest_first: Vec<&Row> = rows.iter().rev().collect();
    let seen = fold(oldest_first.iter().copied());
    let listed = oldest_first.iter().zip(seen).map(|(row, seen)| Listed {
        summary: Summary::from(*row),
        witness_of: if let Seen::Witness(of) = seen { Some(oldest_first[of].id.to_string()) } else { None },
    });
    let mut listed: Vec<Listed> = listed.collect();
    listed.reverse();
    listed
}
