//! What records that fit have in common: for fields of few values, the most frequent ones with their counts.

use std::collections::HashMap;

use arrow::array::{Array as _, AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::error::ArrowError;
use axum::Json;
use model::query::{Expr, FieldRef, Literal, Op};
use model::{Aliases, Field, Kind, Micros, Table};
use serde::{Deserialize, Serialize};
use store::Order;
use store::columns::{as_texts, numbers};
use utoipa::{IntoParams, ToSchema};

use crate::ask::{self, Partial, Search, Window};
use crate::error::{ApiError, ErrorBody};
use crate::extract::Parameters;
use crate::limits;
use crate::view::View;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FacetsQuery {
    /// Search text, as for a list.
    q: Option<String>,
    /// RFC 3339 or a span back from now; -1h if not given.
    from: Option<String>,
    /// As `from`; now if not given.
    to: Option<String>,
    /// What is counted: `calls`, `registrations`, or messages of one table; messages of all tables if not given. If the text is
    /// about messages, or a scope is, those of the calls are counted.
    table: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Facets {
    /// calls, registrations, or messages
    of: &'static str,
    /// Records that were counted: all that fit, or the newest of them.
    rows: u64,
    /// Fields in which they differ.
    facets: Vec<Facet>,
    /// Why not all were counted.
    partial: Option<Partial>,
    elapsed_ms: u64,
}

/// The values of a field.
#[derive(Serialize, ToSchema)]
pub(crate) struct Facet {
    field: &'static str,
    /// What the field is.
    doc: &'static str,
    /// The most frequent first.
    values: Vec<FacetValue>,
    /// Records that have other values.
    others: u64,
    /// Records without a value.
    none: u64,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct FacetValue {
    value: String,
    /// What people call this address.
    alias: Option<String>,
    /// Records that have it.
    count: u64,
    /// What a search text must say to find them, and to leave them out.
    only: String,
    without: String,
}

/// Count what was found by its fields
///
/// For each field of few values that the catalogue calls a `facet`: the most frequent values among the records that fit, with
/// the conditions that include or exclude them. Of lists each text counts.
#[utoipa::path(get, path = "/api/v1/facets", tag = "search", params(FacetsQuery),
    responses((status = 200, body = Facets), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(crate) async fn facets(
    state: View,
    Parameters(query): Parameters<FacetsQuery>,
) -> Result<Json<Facets>, ApiError> {
    let begun = std::time::Instant::now();
    let now = crate::time::now();
    let window = ask::window(query.from.as_deref(), query.to.as_deref(), now)?;
    let aliases = state.aliases();
    let turn = ask::turn(&state).await?;
    let asked = (query.q.as_deref(), query.table.as_deref());
    let subject = Subject::of(&state, asked, window, now).await?;
    let (of, fields) = (subject.of, fields(&subject.tables));
    let versions = subject.is_made.then_some(VERSION).into_iter().flatten();
    let columns = fields.iter().map(|field| field.name).chain(versions).collect();
    let (batches, partial) = subject.newest(&state, window, columns).await?;
    let mut tallies: Vec<Tally> = fields.iter().map(|_| Tally::default()).collect();
    let rows = count(batches, &fields, &mut tallies).map_err(|cause| ApiError::internal(&cause))?;
    drop(turn);
    let told = fields.iter().zip(tallies).filter(|(_, tally)| tally.tells_apart());
    Ok(Json(Facets {
        of,
        rows: rows as u64,
        facets: told.map(|(field, tally)| tally.told(field, &aliases)).collect(),
        partial,
        elapsed_ms: ask::milliseconds(begun.elapsed()),
    }))
}

/// What is counted.
pub(crate) struct Subject {
    /// calls, registrations, or messages
    pub(crate) of: &'static str,
    pub(crate) expr: Expr,
    pub(crate) tables: Vec<&'static Table>,
    /// Its rows are made of messages, and have versions.
    pub(crate) is_made: bool,
    /// Why not all calls are looked into whose messages are counted.
    pub(crate) of_calls: Option<Partial>,
}

impl Subject {
    /// Of a search text and the name of a table, as a request has them.
    pub(crate) async fn of(
        state: &View,
        (text, table): (Option<&str>, Option<&str>),
        window: Window,
        now: Micros,
    ) -> Result<Self, ApiError> {
        let mut tables = ask::tables(state, table)?;
        let asked = ask::question(state, text, now)?;
        // As the list beside it: calls that are not to be found by their rows are found by their messages.
        let by_messages = |table: &Table| {
            table.name == calls::CALLS.name && !(asked.is_about(table) && state.scope().knows(table))
        };
        if let [table] = tables[..]
            && by_messages(table)
        {
            tables = ask::tables(state, None)?;
        }
        let made =
            tables.iter().find(|table| state.store().derived().iter().any(|made| made.name == table.name));
        let of = made.map_or("messages", |table| table.name);
        let is_made = made.is_some();
        let (expr, of_calls) = match made {
            None => ask::about_messages(state, asked, window).await?,
            Some(table) => (ask::question_about(state, text, now, table)?, None),
        };
        Ok(Self { of, expr, tables, is_made, of_calls })
    }

    /// The newest records of it, all at once, as they are needed to compare them; and why they are not all.
    pub(crate) async fn newest(
        self,
        state: &View,
        window: Window,
        columns: Vec<&'static str>,
    ) -> Result<(Vec<RecordBatch>, Option<Partial>), ApiError> {
        let search = Search {
            expr: self.expr,
            tables: self.tables,
            window,
            after: None,
            columns,
            limit: limits::FACET_ROWS_MAX,
            order: Order::NewestFirst,
            time_max: limits::SEARCH_TIME_MAX,
        };
        let mut answer = ask::begin(state, search).await?;
        let mut batches = Vec::new();
        while let Some(batch) = answer.next().await {
            batches.push(batch?);
        }
        let found: usize = batches.iter().map(RecordBatch::num_rows).sum();
        let cut = answer.cut().map(Partial::from).or_else(|| {
            (found >= limits::FACET_ROWS_MAX).then(|| Partial::new(format!("of the newest {found} that fit")))
        });
        Ok((batches, cut.or(self.of_calls)))
    }
}

/// What tells the rows of one call apart: late messages make another row of a call that had been told, and the one that was
/// made last counts.
pub(crate) const VERSION: [&str; 2] = ["id", "judged"];

/// Answers how many records were counted.
fn count(
    batches: Vec<RecordBatch>,
    fields: &[&'static Field],
    tallies: &mut [Tally],
) -> Result<usize, ArrowError> {
    let mut rows = 0;
    for batch in latest(batches)? {
        rows += batch.num_rows();
        for (field, tally) in fields.iter().zip(&mut *tallies) {
            tally.add(&batch, field.name)?;
        }
    }
    Ok(rows)
}

/// Of the rows of one call the one that was judged last.
pub(crate) fn latest(batches: Vec<RecordBatch>) -> Result<Vec<RecordBatch>, ArrowError> {
    let mut newest: HashMap<i64, i64> = HashMap::new();
    for batch in &batches {
        for (id, judged) in versions(batch)?.into_iter().flatten() {
            let known = newest.entry(id).or_insert(judged);
            *known = (*known).max(judged);
        }
    }
    let mut found = Vec::with_capacity(batches.len());
    for batch in batches {
        found.push(match versions(&batch)? {
            Some(versions) => {
                // Once for each, also if two rows were made at one moment.
                let is_last =
                    |(id, judged)| (newest.get(&id) == Some(&judged)).then(|| newest.remove(&id)).is_some();
                let last: Vec<bool> = versions.into_iter().map(is_last).collect();
                filter_record_batch(&batch, &BooleanArray::from(last))?
            }
            None => batch,
        });
    }
    Ok(found)
}

/// Of each row, where rows have versions.
fn versions(batch: &RecordBatch) -> Result<Option<Vec<(i64, i64)>>, ArrowError> {
    if VERSION.iter().any(|name| batch.column_by_name(name).is_none()) {
        return Ok(None);
    }
    let (ids, judged) = (numbers(batch, VERSION[0])?, numbers(batch, VERSION[1])?);
    Ok(Some(ids.values().iter().copied().zip(judged.values().iter().copied()).collect()))
}

/// Each once, and what only some tables have before what all do.
pub(crate) fn fields(tables: &[&'static Table]) -> Vec<&'static Field> {
    let mut fields: Vec<&'static Field> = Vec::new();
    let own = tables.iter().flat_map(|table| table.fields);
    for field in own.chain(model::COMMON).filter(|field| field.facet) {
        if fields.iter().all(|known| known.name != field.name) {
            fields.push(field);
        }
    }
    fields
}

/// How many records have which value.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) counts: HashMap<String, u64>,
    /// Of values beyond the limit.
    others: u64,
    none: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, batch: &RecordBatch, name: &str) -> Result<(), ArrowError> {
        let Some(column) = batch.column_by_name(name) else {
            self.none += batch.num_rows() as u64;
            return Ok(());
        };
        if let Some(lists) = column.as_list_opt::<i32>() {
            let texts = as_texts(lists.values())?;
            for (row, ends) in lists.value_offsets().windows(2).enumerate() {
                let (from, to) = (ends[0] as usize, ends[1] as usize);
                if lists.is_null(row) || from == to {
                    self.none += 1;
                }
                (from..to).for_each(|place| self.count(texts.value(place)));
            }
            return Ok(());
        }
        for value in &as_texts(column)? {
            match value {
                Some(value) => self.count(value),
                None => self.none += 1,
            }
        }
        Ok(())
    }

    fn count(&mut self, value: &str) {
        if let Some(count) = self.counts.get_mut(value) {
            *count += 1;
        } else if self.counts.len() < limits::FACET_DISTINCT_MAX {
            self.counts.insert(value.to_owned(), 1);
        } else {
            self.others += 1;
        }
    }

    /// What all have alike, or none has, is no choice.
    fn tells_apart(&self) -> bool {
        self.counts.len() + usize::from(self.none > 0) > 1
    }

    fn told(self, field: &'static Field, aliases: &Aliases) -> Facet {
        let mut counts: Vec<(String, u64)> = self.counts.into_iter().collect();
        counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let beyond = counts.split_off(counts.len().min(limits::FACET_VALUES_MAX));
        let value = |(value, count): (String, u64)| {
            let only = condition(field, &value);
            FacetValue {
                alias: (field.kind == Kind::Ip)
                    .then(|| aliases.name_of_host(&value))
                    .flatten()
                    .map(str::to_owned),
                without: Expr::Not(Box::new(only.clone())).to_string(),
                only: only.to_string(),
                value,
                count,
            }
        };
        Facet {
            field: field.name,
            doc: field.doc,
            others: self.others + beyond.iter().map(|(_, count)| count).sum::<u64>(),
            values: counts.into_iter().map(value).collect(),
            none: self.none,
        }
    }
}

/// What finds the records that have this value.
pub(crate) fn condition(field: &'static Field, value: &str) -> Expr {
    let text = || Literal::Text(value.to_owned());
    let literal = match field.kind {
        Kind::Int16 | Kind::Int32 | Kind::Int64 => value.parse().map_or_else(|_| text(), Literal::Int),
        Kind::Bool => value.parse().map_or_else(|_| text(), Literal::Bool),
        Kind::Ip => value.parse().map_or_else(|_| text(), Literal::Ip),
        _ => text(),
    };
    Expr::Compare { field: FieldRef::new(None, field), op: Op::Eq, value: literal }
}
