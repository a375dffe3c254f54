//! Key performance indicators over time, in all and by what calls have in common.

mod by;
mod gather;
mod minutes;
mod registrations;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use axum::Json;
use calls::kpi::{KPI_1M, Minute};
use model::query::Expr;
use model::{Aliases, Micros, Table};
use serde::{Deserialize, Serialize};
use store::Order;
use utoipa::{IntoParams, ToSchema};

use super::figures::{self, Calls};
use super::rows;
use crate::ask::{self, Partial, Search, Window};
use crate::error::{ApiError, ErrorBody};
use crate::extract::Parameters;
use crate::limits;
use crate::state::ApiState;
use crate::time;
use crate::view::View;

pub(crate) use by::By;
use gather::Gathered;
pub(crate) use gather::{GROUP_POINTS_MAX, GROUPS_MAX, Grid};
use minutes::{Plan, Reading};
pub(crate) use registrations::{__path_registration_kpi, RegistrationFigures, registration_kpi};

/// Digits of a destination, if the request names none.
const PREFIX_DIGITS: usize = 4;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct KpiQuery {
    /// Search text, over what calls have (`calls` in the catalogue).
    q: Option<String>,
    /// RFC 3339 or a span back from now; -1h if not given.
    from: Option<String>,
    /// As `from`; now if not given.
    to: Option<String>,
    /// Length of a point, as `60s`, `5m`, `1h`; 1m if not given. At most 2,000 points.
    every: Option<String>,
    /// What makes groups of calls.
    by: Option<By>,
    /// Digits of a destination's prefix; 4 if not given.
    digits: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct KpiAnswer {
    /// When the first point begins.
    from: String,
    every_seconds: i64,
    /// All calls.
    all: Series,
    /// By what was asked, the largest first. Beyond 50 groups the last is `other`.
    groups: Vec<Group>,
    /// Why figures may not be complete.
    partial: Option<Partial>,
    elapsed_ms: u64,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Group {
    /// Null: calls that have no such thing.
    key: Option<String>,
    #[serde(flatten)]
    series: Series,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Series {
    total: Figures,
    points: Vec<Figures>,
}

/// Figures of a span of time. Ratios are in percent; null: there was nothing to tell of, which is not zero.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Figures {
    /// Calls begun, without those of which the fate is open. Each counts once, whatever it took (RFC 6076 3).
    pub(crate) attempts: u64,
    /// Calls begun of which the fate is open.
    pub(crate) open: u64,
    pub(crate) answered: u64,
    /// Calls begun each second.
    pub(crate) cps: f64,
    /// Conversations at a time, on average.
    pub(crate) concurrent: f64,
    /// Session establishment ratio (RFC 6076 4.6).
    pub(crate) ser: Option<f64>,
    /// Session establishment effectiveness ratio (RFC 6076 4.7).
    pub(crate) seer: Option<f64>,
    /// Ineffective session attempts (RFC 6076 4.8).
    pub(crate) isa: Option<f64>,
    /// Session completion ratio (RFC 6076 4.9).
    pub(crate) scr: Option<f64>,
    /// Answer-seizure ratio (ITU-T E.411).
    pub(crate) asr: Option<f64>,
    /// Network effectiveness ratio (ITU-T E.425).
    pub(crate) ner: Option<f64>,
    /// Average call duration of calls begun here, in seconds.
    pub(crate) acd_seconds: Option<f64>,
    /// Conversations shorter than 10 s.
    pub(crate) short_ratio: Option<f64>,
    /// Given up by the caller.
    pub(crate) abandoned_ratio: Option<f64>,
    /// Messages that were sent again.
    pub(crate) retransmission_ratio: Option<f64>,
    /// Session request delay, also post-dial delay, of calls that rang or were answered (RFC 6076 4.3.1).
    pub(crate) pdd: Quantiles,
    /// The same of calls that failed (RFC 6076 4.3.2).
    pub(crate) failed_pdd: Quantiles,
    /// Session disconnect delay (RFC 6076 4.4).
    pub(crate) disconnect_delay: Quantiles,
}

/// Milliseconds, within one percent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Quantiles {
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p95_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
}

/// Figures of calls
///
/// SER, SEER, ISA, SCR and delays by RFC 6076, ASR and NER by ITU-T E.411 and E.425, in all, for each point of time, and by
/// group. A call counts where it began.
#[utoipa::path(get, path = "/api/v1/kpi", tag = "calls", params(KpiQuery),
    responses((status = 200, body = KpiAnswer), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(crate) async fn kpi(
    state: View,
    Parameters(query): Parameters<KpiQuery>,
) -> Result<Json<KpiAnswer>, ApiError> {
    let begun = std::time::Instant::now();
    let (now, asked, table) = asked(&state, query.q.as_deref(), calls::CALLS.name)?;
    let window = ask::window(query.from.as_deref(), query.to.as_deref(), now)?;
    let grid = Grid::new(window, query.every.as_deref(), now)?;
    // A conversation that goes on may have begun before: in whole minutes, so that none is cut.
    let reaching = window.reaching_back();
    let question = Question {
        state: &state,
        table,
        asked,
        window: Window { from: Micros(Minute::around(reaching.from.0)), ..reaching },
        by: query.by,
        digits: query.digits.unwrap_or(PREFIX_DIGITS).clamp(1, 15),
        aliases: state.aliases(),
        now,
    };
    let mut gathered = Gathered::new(grid);
    let partial = question.read(grid, &mut gathered).await?;
    Ok(Json(gathered.answer(query.by.is_some(), partial, ask::milliseconds(begun.elapsed()))))
}

/// Figures of all calls of a time at once, or of each group, the largest first; `read` is when they may have begun.
pub(super) async fn whole(
    state: &View,
    text: Option<&str>,
    window: Window,
    read: Window,
    by: Option<By>,
    aliases: Arc<Aliases>,
) -> Result<(Vec<(Option<String>, Figures)>, Option<Partial>), ApiError> {
    let (now, asked, table) = asked(state, text, calls::CALLS.name)?;
    let question = Question { state, table, asked, window: read, by, digits: PREFIX_DIGITS, aliases, now };
    let mut gathered = Gathered::new(Grid::whole(window));
    let partial = question.read_rows(read, Expr::Always, |_| true, &mut gathered).await?;
    Ok((gathered.totals(by.is_some()), partial))
}

/// What is asked of calls.
struct Question<'a> {
    state: &'a View,
    /// Of calls.
    table: &'static Table,
    asked: Expr,
    window: Window,
    by: Option<By>,
    digits: usize,
    aliases: Arc<Aliases>,
    now: Micros,
}

impl Question<'_> {
    async fn read(&self, grid: Grid, gathered: &mut Gathered) -> Result<Option<Partial>, ApiError> {
        if !Plan::can_answer(self, grid) {
            return self.read_rows(self.window, Expr::Always, |_| true, gathered).await;
        }
        // First, since a call that ends meanwhile makes its minute one that is read from rows.
        let (open, cut) = self.open_rows().await?;
        let Some(plan) = Plan::new(self) else {
            return self.read_rows(self.window, Expr::Always, |_| true, gathered).await;
        };
        let mut partial = cut;
        if let Some((expr, window)) = plan.of_minutes(self.by) {
            let mut reading = Reading::new(&plan, self.by, self.digits, &self.aliases);
            let columns = minutes::columns();
            let cut = scan(self.state, &KPI_1M, expr, window, columns, |batch| reading.take(batch, gathered));
            let cut = cut.await?;
            partial = partial.or(cut);
            reading.finish(gathered);
        }
        let mut counting = Counting { question: self, gathered, last: None };
        for batch in &open {
            let is_asked = |begun| !plan.is_of_rows(begun);
            counting.take(batch, is_asked).map_err(|cause| ApiError::internal(&cause))?;
        }
        counting.finish();
        if let Some((expr, window)) = plan.of_rows() {
            let cut = self.read_rows(window, expr, |begun| plan.is_of_rows(begun), gathered).await?;
            partial = partial.or(cut);
        }
        Ok(partial)
    }

    /// Counts rows of calls that began then.
    async fn read_rows(
        &self,
        window: Window,
        begun: Expr,
        is_asked: impl Fn(i64) -> bool,
        gathered: &mut Gathered,
    ) -> Result<Option<Partial>, ApiError> {
        let expr = Expr::and([self.asked.clone(), begun]);
        let mut counting = Counting { question: self, gathered, last: None };
        let cut = scan(self.state, self.table, expr, window, self.columns(), |batch| {
            counting.take(batch, &is_asked)
        });
        let cut = cut.await?;
        counting.finish();
        Ok(cut)
    }

    /// Rows of the calls that go on.
    async fn open_rows(&self) -> Result<(Vec<RecordBatch>, Option<Partial>), ApiError> {
        let search = search(self.table, Expr::Always, self.window, self.columns());
        let mut answer = ask::begin_open(self.state, search).await?;
        let mut batches = Vec::new();
        while let Some(batch) = answer.next().await {
            batches.push(batch?);
        }
        Ok((batches, answer.cut().map(Partial::from)))
    }

    fn columns(&self) -> Vec<&'static str> {
        let own = self.by.iter().flat_map(|by| by.columns()).copied();
        figures::call_columns().chain(own).collect()
    }
}

/// Counts rows of calls in the order of their time. What comes late makes another row of a call that was told: these are
/// neighbours then, and the one that was judged last counts.
struct Counting<'a> {
    question: &'a Question<'a>,
    gathered: &'a mut Gathered,
    last: Option<(Arc<Read>, usize)>,
}

struct Read {
    rows: Calls,
    /// The group of each, if groups are asked for.
    keys: Option<Vec<Option<String>>>,
}

impl Counting<'_> {
    fn take(&mut self, batch: &RecordBatch, is_asked: impl Fn(i64) -> bool) -> Result<(), ArrowError> {
        let Question { by, digits, aliases, .. } = self.question;
        let keys = by.map(|by| by.keys(batch, *digits, aliases)).transpose()?;
        let read = Arc::new(Read { rows: Calls::of(batch)?, keys });
        for row in (0..read.rows.rows()).filter(|row| is_asked(read.rows.begun.value(*row))) {
            let judged = |read: &Read, row: usize| (read.rows.id.value(row), read.rows.judged.value(row));
            let (id, time) = judged(&read, row);
            match self.last.as_ref().map(|(read, row)| judged(read, *row)) {
                Some((last, later)) if last == id && later > time => continue,
                Some((last, _)) if last == id => {}
                _ => self.finish(),
            }
            self.last = Some((Arc::clone(&read), row));
        }
        Ok(())
    }

    /// Counts the row that was read last.
    fn finish(&mut self) {
        let Some((read, row)) = self.last.take() else { return };
        let key = read.keys.as_ref().map(|keys| keys[row].as_deref());
        self.gathered.add(&read.rows, row, key, self.question.now);
    }
}

/// The question, and the table it is about.
pub(super) fn asked(
    state: &ApiState,
    text: Option<&str>,
    table: &'static str,
) -> Result<(Micros, Expr, &'static Table), ApiError> {
    let now = time::now();
    let Some(table) = rows::table(state, table) else {
        return Err(ApiError::not_found(format!("this server keeps no {table}")));
    };
    Ok((now, ask::question_about(state, text, now, table)?, table))
}

fn search(table: &'static Table, expr: Expr, window: Window, columns: Vec<&'static str>) -> Search {
    Search {
        expr,
        tables: vec![table],
        window,
        after: None,
        columns,
        limit: limits::KPI_ROWS_MAX,
        order: Order::NewestFirst,
        time_max: limits::SEARCH_TIME_MAX,
    }
}

/// Reads all rows that fit.
pub(super) async fn scan(
    state: &View,
    table: &'static Table,
    expr: Expr,
    window: Window,
    columns: Vec<&'static str>,
    mut take: impl FnMut(&RecordBatch) -> Result<(), ArrowError>,
) -> Result<Option<Partial>, ApiError> {
    let turn = ask::turn(state).await?;
    let mut answer = ask::begin(state, search(table, expr, window, columns)).await?;
    let mut count = 0;
    while let Some(batch) = answer.next().await {
        let batch = batch?;
        count += batch.num_rows();
        take(&batch).map_err(|cause| ApiError::internal(&cause))?;
    }
    drop(turn);
    Ok(answer.cut().map(Partial::from).or_else(|| {
        (count >= limits::KPI_ROWS_MAX).then(|| Partial::new(format!("of the newest {count} rows")))
    }))
}
