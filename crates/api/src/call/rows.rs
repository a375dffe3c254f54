//! Pages of rows that are made of messages: of calls and of registrations.

use std::collections::HashMap;

use model::query::Expr;
use model::{Micros, Table};
use store::Order;

use super::session::State;
use crate::ask::{self, Cursor, Partial, Search, Window};
use crate::error::ApiError;
use crate::limits;
use crate::row::{Cell, Row};
use crate::state::ApiState;
use crate::view::View;

/// A page of a list, the latest begun first.
pub(super) struct Page {
    pub(super) rows: Vec<Row>,
    pub(super) partial: Option<Partial>,
    pub(super) next: Option<String>,
}

/// The derived table of this name, if the store has it.
pub(crate) fn table(state: &ApiState, name: &str) -> Option<&'static Table> {
    state.store().derived().iter().find(|table| table.name == name).copied()
}

pub(super) async fn page(
    state: &View,
    table: &'static Table,
    expr: Expr,
    window: Window,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Page, ApiError> {
    let search = Search {
        expr,
        tables: vec![table],
        window,
        after: cursor,
        columns: ask::all_but_payload(&[table]),
        // One more tells whether there is a next page.
        limit: limit + 1,
        order: Order::NewestFirst,
        time_max: limits::SEARCH_TIME_MAX,
    };
    let mut found = ask::search(state, search).await?;
    let more = found.rows.len() > limit;
    found.rows.truncate(limit);
    let next = found.rows.last().filter(|_| more).map(|row| Cursor::at(row, row.id).write());
    Ok(Page { rows: latest(found.rows), partial: found.partial, next })
}

/// Of rows with one id the one that was made last: late messages make another row of a call that had been told.
fn latest(rows: Vec<Row>) -> Vec<Row> {
    let judged = |row: &Row| time(row, "judged").unwrap_or(Micros(0));
    let mut newest: HashMap<i64, Micros> = HashMap::new();
    for row in &rows {
        let known = newest.entry(row.id).or_insert(judged(row));
        *known = (*known).max(judged(row));
    }
    rows.into_iter().filter(|row| newest.get(&row.id) == Some(&judged(row))).collect()
}

pub(super) fn time(row: &Row, field: &str) -> Option<Micros> {
    match row.cell(field)? {
        Cell::Time(time) => Some(*time),
        _ => None,
    }
}

pub(super) fn is_open(row: &Row) -> Option<bool> {
    match row.cell("is_open")? {
        Cell::Bool(is_open) => Some(*is_open),
        _ => None,
    }
}

pub(super) fn findings(row: &Row) -> Vec<String> {
    match row.cell("finding") {
        Some(Cell::TextList(findings)) => findings.clone(),
        _ => Vec::new(),
    }
}

pub(super) fn state(row: &Row) -> State {
    row.text("state").and_then(calls::State::named).unwrap_or(calls::State::Unknown).into()
}
