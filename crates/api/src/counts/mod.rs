//! How many records a search finds over time: in all, by what a field says, or by ranges of a number.

mod tally;

use axum::Json;
use model::{Field, Kind, Table};
use serde::{Deserialize, Serialize};
use store::Order;
use utoipa::{IntoParams, ToSchema};

use crate::ask::{self, Partial, Search};
use crate::call::Grid;
use crate::error::{ApiError, ErrorBody};
use crate::extract::Parameters;
use crate::facets::{Subject, VERSION};
use crate::limits;
use crate::view::View;
use tally::{Counting, Tally};

/// Groups that are told apart if the request does not say how many.
const TOP_DEFAULT: usize = 8;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CountsQuery {
    /// Search text, as for a list.
    q: Option<String>,
    /// RFC 3339 or a span back from now; -1h if not given.
    from: Option<String>,
    /// As `from`; now if not given.
    to: Option<String>,
    /// What is counted, as `facets` has it.
    table: Option<String>,
    /// Length of a point, as `60s`, `5m`, `1h`; 1m if not given. At most 2,000 points.
    every: Option<String>,
    /// Field whose values make groups.
    by: Option<String>,
    /// Field whose numbers are counted in ranges; not together with `by`.
    value: Option<String>,
    /// How many groups are told apart, 1 to 50; 8 if not given.
    top: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Counts {
    /// calls, registrations, or messages
    of: &'static str,
    /// When the first point begins.
    from: String,
    every_seconds: i64,
    all: Counted,
    /// By the values of the field, the largest first.
    groups: Vec<CountedGroup>,
    /// Records of all other groups.
    others: Option<Counted>,
    /// By ranges of the number, the lowest first.
    ranges: Vec<CountedRange>,
    /// Records without that field.
    none: u64,
    /// What the number is stored in, as the catalogue has it: s, ms, us, bytes, percent.
    unit: Option<&'static str>,
    /// Why not all were counted.
    partial: Option<Partial>,
    elapsed_ms: u64,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Counted {
    total: u64,
    /// How many at each point; null: nothing of that time was read, which is not zero.
    points: Vec<Option<u64>>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CountedGroup {
    value: String,
    /// What people call this address.
    alias: Option<String>,
    /// What a search text must say to find them.
    only: String,
    #[serde(flatten)]
    counted: Counted,
}

/// Numbers from `low` on that are below `high`. Steps are 1, 2, 5, 10 and so on; what is not above zero is one range, to 0.
#[derive(Serialize, ToSchema)]
pub(crate) struct CountedRange {
    low: Option<f64>,
    high: f64,
    #[serde(flatten)]
    counted: Counted,
}

/// Count what is found over time
///
/// How many records fit at each point of time, in all; by the values of a field; or by ranges of a number. Of lists each text
/// counts.
#[utoipa::path(get, path = "/api/v1/counts", tag = "search", params(CountsQuery),
    responses((status = 200, body = Counts), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(crate) async fn counts(
    state: View,
    Parameters(query): Parameters<CountsQuery>,
) -> Result<Json<Counts>, ApiError> {
    let begun = std::time::Instant::now();
    let now = crate::time::now();
    let window = ask::window(query.from.as_deref(), query.to.as_deref(), now)?;
    let grid = Grid::new(window, query.every.as_deref(), now)?;
    let most = limits::COUNT_GROUPS_TOLD_MAX;
    let top = query.top.unwrap_or(TOP_DEFAULT);
    if !(1..=most).contains(&top) {
        return Err(ApiError::bad_request(format!("`top` must be 1 to {most}, not {top}")));
    }
    let turn = ask::turn(&state).await?;
    let asked = (query.q.as_deref(), query.table.as_deref());
    let Subject { of, expr, tables, is_made, of_calls } = Subject::of(&state, asked, window, now).await?;
    let told = |name: &str, what: String| ApiError::bad_request(format!("`{name}`: {what}"));
    let by = named(query.by.as_deref()).map(|name| group_field(&tables, name)).transpose();
    let by = by.map_err(|what| told("by", what))?;
    let value = named(query.value.as_deref()).map(|name| number_field(&tables, name)).transpose();
    let value = value.map_err(|what| told("value", what))?;
    let counting = match (by, value) {
        (None, None) => Counting::All,
        (Some(field), None) => Counting::Groups(field),
        (None, Some(field)) => Counting::Ranges(field),
        (Some(_), Some(_)) => return Err(told("value", "stands beside `by`: one of both".to_owned())),
    };
    let mut columns = vec!["ts"];
    columns.extend(counting.field().map(|field| field.name));
    columns.extend(is_made.then_some(VERSION).into_iter().flatten());
    let search = Search {
        expr,
        tables,
        window,
        after: None,
        columns,
        limit: limits::COUNT_ROWS_MAX,
        order: Order::NewestFirst,
        time_max: limits::SEARCH_TIME_MAX,
    };
    let mut answer = ask::begin(&state, search).await?;
    let mut tally = Tally::new(grid, counting);
    let mut found = 0;
    while let Some(batch) = answer.next().await {
        let batch = batch?;
        found += batch.num_rows();
        tally.add(&batch, is_made).map_err(|cause| ApiError::internal(&cause))?;
    }
    drop(turn);
    let cut = answer.cut().map(Partial::from).or_else(|| {
        (found >= limits::COUNT_ROWS_MAX).then(|| Partial::new(format!("of the newest {found} that fit")))
    });
    // Newest first: what is older than the oldest that was read is not known.
    tally.known_from = cut.as_ref().map(|_| tally.oldest);
    let elapsed_ms = ask::milliseconds(begun.elapsed());
    Ok(Json(tally.told(of, top, &state.aliases(), cut.or(of_calls), elapsed_ms)))
}

fn named(name: Option<&str>) -> Option<&str> {
    name.filter(|name| !name.is_empty())
}

/// The field of this name whose values may make groups, or why there is none.
pub(crate) fn group_field(tables: &[&'static Table], name: &str) -> Result<&'static Field, String> {
    let field = field(tables, name)?;
    match field.kind {
        Kind::Text | Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Bool | Kind::Ip | Kind::TextList => {
            Ok(field)
        }
        Kind::Float | Kind::Time | Kind::Bytes | Kind::Json => Err(format!("`{name}` makes no groups")),
    }
}

/// The field of this name that has numbers, or why there is none.
pub(crate) fn number_field(tables: &[&'static Table], name: &str) -> Result<&'static Field, String> {
    let field = field(tables, name)?;
    match field.kind {
        Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Float => Ok(field),
        Kind::Text | Kind::Bool | Kind::Ip | Kind::TextList | Kind::Time | Kind::Bytes | Kind::Json => {
            Err(format!("`{name}` is no number"))
        }
    }
}

fn field(tables: &[&'static Table], name: &str) -> Result<&'static Field, String> {
    let own = tables.iter().flat_map(|table| table.fields).chain(model::COMMON);
    let whose = || tables.iter().map(|table| table.name).collect::<Vec<_>>().join(", ");
    own.into_iter()
        .find(|field| field.name == name)
        .ok_or_else(|| format!("no field `{name}` in {}", whose()))
}
