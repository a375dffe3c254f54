use std::collections::{HashMap, HashSet};

use axum::Json;
use model::query::{Expr, Literal};
use model::{Micros, Table};
use serde::{Deserialize, Serialize};
use store::Order;
use utoipa::{IntoParams, ToSchema};

use super::{CallSummary, rows, summary_columns};
use crate::ask::{self, Cursor, Partial, Search, Window};
use crate::error::{ApiError, ErrorBody};
use crate::extract::Parameters;
use crate::limits;
use crate::row::Row;
use crate::view::View;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Search text. Of calls it may be about messages: then a call is found when one of them is.
    pub(super) q: Option<String>,
    /// RFC 3339 or a span back from now; -1h if not given.
    pub(super) from: Option<String>,
    /// As `from`; now if not given.
    pub(super) to: Option<String>,
    /// Rows, at most 1,000; 100 if not given.
    pub(super) limit: Option<usize>,
    /// `next` of the page before.
    pub(super) before: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Calls {
    /// The latest first.
    calls: Vec<CallSummary>,
    /// Why the list or a call in it may not be complete.
    partial: Option<Partial>,
    elapsed_ms: u64,
    /// Goes into `before` for the next page; null: this was the last.
    next: Option<String>,
}

/// Find calls
///
/// Where the search text names only what calls have (`calls` in the catalogue), the rows of calls are read, one for each
/// INVITE dialog, the latest begun first. Else messages are: then all records that share a Call-ID are a call, whatever
/// their kind, and what only rows of calls tell is null.
#[utoipa::path(get, path = "/api/v1/calls", tag = "search", params(ListQuery),
    responses((status = 200, body = Calls), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(crate) async fn calls(
    state: View,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Json<Calls>, ApiError> {
    let begun = std::time::Instant::now();
    let now = crate::time::now();
    let cursor = query.before.as_deref().map(Cursor::read).transpose()?;
    let window = ask::window(query.from.as_deref(), query.to.as_deref(), now)?;
    let limit = ask::limit(query.limit, limits::CALLS_DEFAULT, limits::CALLS_MAX)?;
    let asked = ask::question(&state, query.q.as_deref(), now)?;
    let aliases = state.aliases();

    let turn = ask::turn(&state).await?;
    // A scope that rows of calls do not know is put to their messages.
    let may_ask = |table: &&Table| asked.is_about(table) && state.scope().knows(table);
    if let Some(table) = rows::table(&state, calls::CALLS.name).filter(|table| may_ask(table)) {
        let page = rows::page(&state, table, asked, window, cursor, limit).await?;
        state.tell_rows(page.rows.len());
        let calls = page.rows.iter().map(|row| CallSummary::of_row(row, &aliases)).collect();
        let elapsed_ms = ask::milliseconds(begun.elapsed());
        return Ok(Json(Calls { calls, partial: page.partial, elapsed_ms, next: page.next }));
    }
    let (asked, of_calls) = ask::about_messages(&state, asked, window).await?;
    let found = call_ids(&state, &asked, window, cursor, limit).await?;
    let mut partial = found.partial.or(of_calls);
    let mut calls = Vec::with_capacity(found.call_ids.len());
    if !found.call_ids.is_empty() {
        let (rows, cut) = rows_of(&state, &found.call_ids, window).await?;
        partial = partial.or(cut);
        let mut by_call: HashMap<String, Vec<Row>> = HashMap::new();
        for row in rows {
            let call_id = row.call_id.clone().unwrap_or_default();
            by_call.entry(call_id).or_default().push(row);
        }
        for call_id in found.call_ids {
            if let Some(rows) = by_call.remove(&call_id) {
                calls.push(CallSummary::new(call_id, &rows, &aliases));
            }
        }
    }
    drop(turn);
    state.tell_rows(calls.len());
    let elapsed_ms = ask::milliseconds(begun.elapsed());
    Ok(Json(Calls { calls, partial, elapsed_ms, next: found.next.map(Cursor::write) }))
}

struct FoundCalls {
    /// In the order of the list.
    call_ids: Vec<String>,
    next: Option<Cursor>,
    partial: Option<Partial>,
}

/// Reads matching messages from the newest on until enough calls are together.
async fn call_ids(
    state: &View,
    asked: &Expr,
    window: Window,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<FoundCalls, ApiError> {
    let mut found = FoundCalls { call_ids: Vec::new(), next: None, partial: None };
    let mut seen: HashSet<String> = HashSet::new();
    let mut place = cursor;
    let mut highest_id = cursor.map_or(i64::MIN, Cursor::highest_id);
    let mut rows_read = 0;
    loop {
        let search = Search {
            expr: Expr::and([asked.clone(), ask::exists("call_id")]),
            tables: ask::tables(state, None)?,
            window,
            after: place,
            columns: vec!["id", "ts", "call_id"],
            limit: limits::CALL_SCAN_STEP_ROWS,
            order: Order::NewestFirst,
            time_max: limits::SEARCH_TIME_MAX,
        };
        let step = ask::search(state, search).await?;
        rows_read += step.rows.len();
        highest_id = step.rows.iter().map(|row| row.id).fold(highest_id, i64::max);
        let at = |row: &Row| Cursor::at(row, highest_id);
        let is_last = step.rows.len() < limits::CALL_SCAN_STEP_ROWS;
        let fresh = not_on_earlier_pages(state, asked, window, cursor, &step.rows, &seen).await?;
        for row in &step.rows {
            let Some(call_id) = &row.call_id else { continue };
            if seen.contains(call_id) || !fresh.contains(call_id) {
                continue;
            }
            if found.call_ids.len() == limit {
                // `place` still points at the row before this one: the next page begins here.
                found.next = place;
                return Ok(found);
            }
            seen.insert(call_id.clone());
            found.call_ids.push(call_id.clone());
            place = Some(at(row));
        }
        if let Some(cut) = step.partial {
            found.next = step.rows.last().map(at);
            found.partial = Some(cut);
            return Ok(found);
        }
        if is_last {
            return Ok(found);
        }
        place = step.rows.last().map(at);
        if rows_read >= limits::CALL_SCAN_ROWS_MAX {
            found.partial = Some(Partial::new(format!(
                "stopped after reading {rows_read} matching messages; the next page goes on from there"
            )));
            found.next = place;
            return Ok(found);
        }
    }
}

/// The calls of these rows that no earlier page has shown: those without a matching message newer than where this
/// page begins.
async fn not_on_earlier_pages(
    state: &View,
    asked: &Expr,
    window: Window,
    cursor: Option<Cursor>,
    rows: &[Row],
    seen: &HashSet<String>,
) -> Result<HashSet<String>, ApiError> {
    let mut fresh: HashSet<String> =
        rows.iter().filter_map(|row| row.call_id.clone()).filter(|call_id| !seen.contains(call_id)).collect();
    let Some(cursor) = cursor.filter(|_| !fresh.is_empty()) else { return Ok(fresh) };
    let search = Search {
        expr: Expr::and([asked.clone(), any_of(&fresh), cursor.on_earlier_pages()]),
        tables: ask::tables(state, None)?,
        window,
        after: None,
        columns: vec!["id", "ts", "call_id"],
        limit: limits::CALL_LIST_RECORDS_MAX,
        order: Order::NewestFirst,
        time_max: limits::SEARCH_TIME_MAX,
    };
    for row in ask::search(state, search).await?.rows {
        if let Some(call_id) = row.call_id {
            fresh.remove(&call_id);
        }
    }
    Ok(fresh)
}

/// All records of these calls in time order.
async fn rows_of(
    state: &View,
    call_ids: &[String],
    window: Window,
) -> Result<(Vec<Row>, Option<Partial>), ApiError> {
    let tables: Vec<&'static Table> = ask::tables(state, None)?;
    let search = Search {
        expr: any_of(call_ids),
        tables,
        // A call that rang before and ended after is told whole. The call's own page has no such bound.
        window: Window { to: Micros(window.to.0.saturating_add(Window::REACH)), ..window.reaching_back() },
        after: None,
        columns: summary_columns(),
        limit: limits::CALL_LIST_RECORDS_MAX,
        order: Order::OldestFirst,
        time_max: limits::SEARCH_TIME_MAX,
    };
    let found = ask::search(state, search).await?;
    let partial = found.partial.or_else(|| {
        (found.rows.len() >= limits::CALL_LIST_RECORDS_MAX).then(|| {
            Partial::new(format!("the calls have more than {} records; the counts are cut", found.rows.len()))
        })
    });
    Ok((found.rows, partial))
}

fn any_of<'a>(call_ids: impl IntoIterator<Item = &'a String>) -> Expr {
    let values = call_ids.into_iter().map(|call_id| Literal::Text(call_id.clone())).collect();
    Expr::InList { field: ask::field("call_id"), values }
}
