//! How a request becomes a question to the store: its time, its text, its turn, and the rows that come back.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use model::query::{self, Expr, FieldRef, Literal, Op, QueryError};
use model::{Field, Micros, Table};
use serde::Serialize;
use store::{Answer, Order, SearchRequest, StoreError, Tail};
use tokio::sync::OwnedSemaphorePermit;
use utoipa::ToSchema;

use crate::error::{ApiError, Code};
use crate::limits;
use crate::row::{self, Row};
use crate::state::{ApiState, catalogue_of};
use crate::time;
use crate::view::View;

/// Why an answer does not hold everything.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Partial {
    pub(crate) reason: String,
}

impl Partial {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// The time asked about, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from: Micros,
    pub(crate) to: Micros,
}

impl Window {
    pub(crate) const ALL: Self = Self { from: Micros(i64::MIN), to: Micros(i64::MAX) };

    /// When the request names no time.
    const DEFAULT: i64 = Micros::HOUR;

    /// How far before the asked time a call may have begun that has messages in it.
    pub(crate) const REACH: i64 = 4 * Micros::HOUR;

    pub(crate) fn reaching_back(self) -> Self {
        Self { from: Micros(self.from.0.saturating_sub(Self::REACH)), ..self }
    }

    /// An agent's clock may be ahead of ours: a window that ends now would hide its newest messages.
    const CLOCK_SLACK: i64 = 5 * Micros::MINUTE;
}

/// Where a page of a list ended. Written into `next` and read back from `before`; opaque to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    ts: Micros,
    id: i64,
    /// The highest id on the pages so far. What has a higher one arrived while somebody turned pages.
    highest_id: i64,
}

impl Cursor {
    pub(crate) fn at(row: &Row, highest_id: i64) -> Self {
        Self { ts: row.ts, id: row.id, highest_id }
    }

    pub(crate) fn highest_id(self) -> i64 {
        self.highest_id
    }

    pub(crate) fn write(self) -> String {
        format!("{}.{}.{}", self.ts.0, self.id, self.highest_id)
    }

    pub(crate) fn read(text: &str) -> Result<Self, ApiError> {
        let mut numbers = text.splitn(3, '.').map(str::parse::<i64>);
        match (numbers.next(), numbers.next(), numbers.next()) {
            (Some(Ok(ts)), Some(Ok(id)), Some(Ok(highest_id))) => Ok(Self { ts: Micros(ts), id, highest_id }),
            _ => Err(ApiError::bad_request(format!("`before` is not a `next` of this server: `{text}`"))),
        }
    }

    /// What earlier pages have read: all at the cursor or before it in a list with the newest first, but for what
    /// arrived since. Lists are ordered by time and then by id, since many messages may share a time.
    pub(crate) fn on_earlier_pages(self) -> Expr {
        let (ts, id) = (Literal::Time(self.ts), Literal::Int(self.id));
        let newer = Expr::or([
            Expr::Compare { field: field("ts"), op: Op::Gt, value: ts.clone() },
            Expr::and([
                Expr::Compare { field: field("ts"), op: Op::Eq, value: ts },
                Expr::Compare { field: field("id"), op: Op::Ge, value: id },
            ]),
        ]);
        let highest = Literal::Int(self.highest_id);
        Expr::and([newer, Expr::Compare { field: field("id"), op: Op::Le, value: highest }])
    }

    fn place(self) -> store::Cursor {
        store::Cursor { ts: self.ts, id: self.id }
    }
}

/// A question to the store.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    pub(crate) expr: Expr,
    pub(crate) tables: Vec<&'static Table>,
    pub(crate) window: Window,
    /// Go on after this row.
    pub(crate) after: Option<Cursor>,
    pub(crate) columns: Vec<&'static str>,
    pub(crate) limit: usize,
    pub(crate) order: Order,
    pub(crate) time_max: Duration,
}

pub(crate) struct Found {
    pub(crate) rows: Vec<Row>,
    pub(crate) partial: Option<Partial>,
}

/// Rows as they come.
pub(crate) type RowStream = BoxStream<'static, Result<Vec<Row>, ApiError>>;

/// Reads `from` and `to` of a request; the last hour if it names none.
pub(crate) fn window(from: Option<&str>, to: Option<&str>, now: Micros) -> Result<Window, ApiError> {
    let read = |name: &str, text: &str| {
        time::point(text, now).map_err(|reason| ApiError::bad_request(format!("`{name}`: {reason}")))
    };
    let to = match to {
        Some(text) if !text.is_empty() => read("to", text)?,
        _ => Micros(now.0 + Window::CLOCK_SLACK),
    };
    let from = match from {
        Some(text) if !text.is_empty() => read("from", text)?,
        _ => Micros(to.0.min(now.0) - Window::DEFAULT),
    };
    if from > to {
        return Err(ApiError::bad_request(format!("`from` ({from}) is after `to` ({to})")));
    }
    Ok(Window { from, to })
}

pub(crate) fn limit(asked: Option<usize>, default: usize, most: usize) -> Result<usize, ApiError> {
    match asked {
        None => Ok(default),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(limit) => Err(ApiError::bad_request(format!("`limit` must be 1 to {most}, not {limit}"))),
    }
}

/// The table of that name, or all of messages.
pub(crate) fn tables(state: &ApiState, name: Option<&str>) -> Result<Vec<&'static Table>, ApiError> {
    let all = state.tables();
    match name.filter(|name| !name.is_empty()) {
        // Rows that are made of messages are no messages.
        None => Ok(state.protocols().tables().to_vec()),
        Some(name) => match all.iter().find(|table| table.name == name) {
            Some(table) => Ok(vec![table]),
            None => {
                let names: Vec<&str> = all.iter().map(|table| table.name).collect();
                Err(ApiError::bad_request(format!("no table `{name}`: there are {}", names.join(", "))))
            }
        },
    }
}

/// Reads the search text.
pub(crate) fn question(state: &ApiState, text: Option<&str>, now: Micros) -> Result<Expr, ApiError> {
    let text = text.unwrap_or_default();
    if text.len() > limits::QUERY_BYTES_MAX {
        return Err(ApiError::bad_request(format!("`q` is longer than {} bytes", limits::QUERY_BYTES_MAX)));
    }
    Ok(query::parse(text, state.catalogue(), now)?.expr)
}

/// The same of a question about one table alone. A bare word is looked for in what that has; a name that it does not have is
/// a mistake.
pub(crate) fn question_about(
    state: &ApiState,
    text: Option<&str>,
    now: Micros,
    table: &'static Table,
) -> Result<Expr, ApiError> {
    let asked = question(state, text, now)?;
    let Some(field) = asked.name_beyond(&[table]) else { return Ok(asked) };
    let text = text.unwrap_or_default();
    // A name that nobody wrote is of what a bare word stands for among all tables.
    let narrow = (!text.contains(field.name)).then(|| query::parse(text, &catalogue_of(table), now));
    match narrow {
        Some(Ok(parsed)) => Ok(parsed.expr),
        _ => Err(ApiError::bad_request(format!("{} have no `{}`", table.name, field.name))),
    }
}

/// What a question about messages says of their calls, and of which table of calls; and the rest.
pub(crate) struct Split {
    about_calls: Option<(Expr, &'static Table)>,
    rest: Vec<Expr>,
}

impl Split {
    /// Fails, in words, if one cannot be told from the other.
    pub(crate) fn of(
        asked: Expr,
        messages: &[&'static Table],
        derived: &[&'static Table],
    ) -> Result<Self, String> {
        if asked.name_beyond(messages).is_none() {
            return Ok(Self { about_calls: None, rest: vec![asked] });
        }
        let terms = if let Expr::And(terms) = asked { terms } else { vec![asked] };
        let (about_calls, rest): (Vec<Expr>, Vec<Expr>) =
            terms.into_iter().partition(|term| term.name_beyond(messages).is_some());
        let table = derived.iter().find(|table| about_calls.iter().all(|term| term.is_about(table)));
        let Some(table) = table else {
            let name = about_calls.iter().find_map(|term| term.name_beyond(messages));
            return Err(format!(
                "`{}` is of calls and stands beside names of messages within one `or` or `not`: join them by `and`",
                name.map_or("", |field| field.name)
            ));
        };
        Ok(Self { about_calls: Some((Expr::and(about_calls), *table)), rest })
    }
}

/// A question about messages. What it says about their calls, such as `finding = ACK_MISSING`, is answered first: what is
/// left names these calls.
pub(crate) async fn about_messages(
    state: &View,
    asked: Expr,
    window: Window,
) -> Result<(Expr, Option<Partial>), ApiError> {
    let split = Split::of(asked, state.protocols().tables(), state.store().derived());
    let Split { about_calls, mut rest } = split.map_err(|why| ApiError::new(Code::BadQuery, why))?;
    let Some((about_calls, table)) = about_calls else { return Ok((Expr::and(rest), None)) };
    let search = Search {
        expr: about_calls,
        tables: vec![table],
        window: window.reaching_back(),
        after: None,
        columns: vec!["id", "ts", "call_id"],
        limit: limits::CALLS_MAX,
        order: Order::NewestFirst,
        time_max: limits::SEARCH_TIME_MAX,
    };
    let found = self::search(state, search).await?;
    let partial = found.partial.or_else(|| {
        (found.rows.len() >= limits::CALLS_MAX)
            .then(|| Partial::new(format!("of the newest {} calls that fit", limits::CALLS_MAX)))
    });
    let call_ids: Vec<Literal> =
        found.rows.into_iter().filter_map(|row| row.call_id).map(Literal::Text).collect();
    rest.push(match call_ids.is_empty() {
        true => Expr::Never,
        false => Expr::InList { field: field("call_id"), values: call_ids },
    });
    Ok((Expr::and(rest), partial))
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        Self {
            column: Some(error.column),
            suggestion: error.suggestion,
            ..Self::new(Code::BadQuery, error.message)
        }
    }
}

/// A column that every table has.
pub(crate) fn field(name: &'static str) -> FieldRef {
    FieldRef::new(None, common(name))
}

pub(crate) fn exists(name: &'static str) -> Expr {
    Expr::Exists { field: field(name) }
}

fn common(name: &'static str) -> &'static Field {
    model::COMMON
        .iter()
        .chain(model::TAIL)
        .find(|field| field.name == name)
        .expect("the name of a common column")
}

/// Every column of these tables, once.
pub(crate) fn all(tables: &[&'static Table]) -> Vec<&'static str> {
    let mut names = Vec::new();
    for field in tables.iter().flat_map(|table| table.columns()) {
        if !names.contains(&field.name) {
            names.push(field.name);
        }
    }
    names
}

/// Every column of these tables but those that lists do not show.
pub(crate) fn all_but_payload(tables: &[&'static Table]) -> Vec<&'static str> {
    let mut names = all(tables);
    names.retain(|name| !model::TAIL.iter().any(|field| field.name == *name));
    names
}

/// Waits for a turn among the queries that may run at once. Hold it until the last row is out.
pub(crate) async fn turn(state: &ApiState) -> Result<OwnedSemaphorePermit, ApiError> {
    let turn = Arc::clone(state.turns()).acquire_owned();
    match tokio::time::timeout(limits::QUEUE_WAIT, turn).await {
        Ok(turn) => turn.map_err(|cause| ApiError::internal(&cause)),
        Err(_) => {
            let at_once = limits::QUERIES_AT_ONCE;
            Err(ApiError::new(Code::Busy, format!("{at_once} queries are running: try again")).retry_after(1))
        }
    }
}

/// Asks and gathers all rows. An answer that ran out of time or memory is what there was until then.
pub(crate) async fn search(state: &View, search: Search) -> Result<Found, ApiError> {
    let mut answer = begin(state, search).await?;
    let mut found = Found { rows: Vec::new(), partial: None };
    while let Some(batch) = answer.next().await {
        found.rows.extend(read(state, &batch?)?);
    }
    found.partial = answer.cut().map(Partial::from);
    Ok(found)
}

/// Asks and hands out the rows as they come. Ends with an error if not all could be found.
pub(crate) async fn rows(state: &View, search: Search) -> Result<RowStream, ApiError> {
    let answer = begin(state, search).await?;
    let state = state.clone();
    let rows = stream::unfold(Some((state, answer)), |unfolding| async {
        let (state, mut answer) = unfolding?;
        match answer.next().await {
            Some(Ok(batch)) => Some((read(&state, &batch), Some((state, answer)))),
            Some(Err(error)) => Some((Err(error.into()), None)),
            None => answer.cut().map(|cut| (Err(ApiError::new(Code::Internal, cut.to_string())), None)),
        }
    });
    // What compresses an answer asks again after its end.
    Ok(rows.fuse().boxed())
}

/// How many rows there are, up to the limit of the search.
pub(crate) async fn count(state: &View, search: Search) -> Result<usize, ApiError> {
    let mut answer = begin(state, search).await?;
    let mut count = 0;
    while let Some(batch) = answer.next().await {
        count += batch?.num_rows();
    }
    Ok(count)
}

/// The one place where a question to the store begins, and where the scope of who asks becomes part of it.
pub(crate) async fn begin(state: &View, search: Search) -> Result<Answer, ApiError> {
    Ok(state.store().search(request(state, search)?).await?)
}

/// As [`begin`], of what goes on.
pub(crate) async fn begin_open(state: &View, search: Search) -> Result<Answer, ApiError> {
    let request = SearchRequest { only_open: true, ..request(state, search)? };
    Ok(state.store().search(request).await?)
}

fn request(state: &View, search: Search) -> Result<SearchRequest, ApiError> {
    let limit = state.scope().limit(&search.tables, state.store().derived())?;
    Ok(SearchRequest {
        expr: Expr::and([search.expr, limit]),
        tables: search.tables.iter().map(|table| table.name.to_owned()).collect(),
        from: Some(search.window.from),
        to: Some(Micros(search.window.to.0.saturating_add(1))),
        after: search.after.map(Cursor::place),
        columns: search.columns.iter().map(|name| (*name).to_owned()).collect(),
        limit: Some(search.limit),
        order: search.order,
        only_open: false,
        limits: Some(limited_to(search.time_max)),
    })
}

/// Watches messages as they come in, those that the caller may see.
pub(crate) async fn tail(state: &View, expr: Expr, columns: &[String]) -> Result<Tail, ApiError> {
    let tables = tables(state, None)?;
    let limit = state.scope().limit(&tables, state.store().derived())?;
    Ok(state.store().tail(&Expr::and([expr, limit]), columns).await?)
}

/// Asks in SQL. A statement may join and count whatever it likes, so that no scope can be put into it.
pub(crate) async fn sql(state: &View, text: &str, limits: store::Limits) -> Result<Answer, SqlRefusal> {
    if !state.scope().is_everything() {
        return Err(SqlRefusal::Scoped);
    }
    state.store().sql(text, Some(limits)).await.map_err(SqlRefusal::Store)
}

/// Why a statement is not run.
pub(crate) enum SqlRefusal {
    Scoped,
    Store(StoreError),
}

pub(crate) fn read(state: &ApiState, batch: &RecordBatch) -> Result<Vec<Row>, ApiError> {
    row::rows(state.tables(), batch).map_err(|cause| ApiError::internal(&cause))
}

/// The store's own limits, with another time.
pub(crate) fn limited_to(time_max: Duration) -> store::Limits {
    store::Limits { time_max, ..store::Limits::default() }
}

impl From<&store::Cut> for Partial {
    fn from(cut: &store::Cut) -> Self {
        Self::new(cut.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Closed => Self::new(Code::Busy, "the server is stopping").retry_after(5),
            other => Self::internal(&other),
        }
    }
}

pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(1_795_231_200_000_000);

    #[test]
    fn the_last_hour_is_asked_unless_said_otherwise() {
        let window = window(None, None, NOW).expect("read");
        assert_eq!(window.from.0, NOW.0 - Micros::HOUR);
        assert!(window.to > NOW, "agents' clocks may be ahead");
        let ends = super::window(Some("-2h"), Some("-1h"), NOW).expect("read");
        assert_eq!((NOW.0 - ends.from.0, NOW.0 - ends.to.0), (2 * Micros::HOUR, Micros::HOUR));
        assert!(super::window(Some("now"), Some("-1h"), NOW).is_err());
    }

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        let cursor = Cursor { ts: NOW, id: 65_537, highest_id: 65_540 };
        assert_eq!(Cursor::read(&cursor.write()).expect("read"), cursor);
        for text in ["", "1", "1.2", "a.b.c", "1.2.3.4"] {
            assert!(Cursor::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn limits_are_told() {
        assert_eq!(limit(None, 10, 100).expect("default"), 10);
        assert_eq!(limit(Some(100), 10, 100).expect("most"), 100);
        for wrong in [0, 101] {
            let refusal = limit(Some(wrong), 10, 100).expect_err("refused");
            assert!(refusal.message.contains("1 to 100"), "{}", refusal.message);
        }
    }
}
