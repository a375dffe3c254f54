//! Key performance indicators over time, in all and by what calls have in common.

use std::collections::HashMap;

use arrow::array::{RecordBatch, StringArray};
use axum::Json;
use calls::kpi::{Kpi, RegistrationKpi, Sketch, family, prefix};
use model::query::Expr;
use model::{Aliases, Micros, Table};
use serde::{Deserialize, Serialize};
use store::Order;
use utoipa::{IntoParams, ToSchema};

use super::figures::{self, Calls, Registrations, number};
use super::rows;
use crate::ask::{self, Partial, Search, Window};
use crate::error::{ApiError, ErrorBody};
use crate::extract::Parameters;
use crate::limits;
use crate::state::ApiState;
use crate::time;
use crate::view::View;

/// Points of a series: more than a screen has columns.
const POINTS_MAX: i64 = 2_000;

/// Groups that are told one by one; all others are one more, so that no search can make a million of them.
const GROUPS_TOLD: usize = 50;

/// Groups that are counted apart while reading; what comes after is with the others.
const GROUPS_MAX: usize = 5_000;

/// Points in all groups together.
const GROUP_POINTS_MAX: usize = 200_000;

/// The group of all that is in no other.
const OTHER: &str = "other";

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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum By {
    /// Address the first INVITE came from, or its alias.
    Src,
    /// Address it went to, or its alias.
    Dst,
    /// Both: a trunk in one direction.
    Trunk,
    FromHost,
    /// Host of the request URI.
    RuriHost,
    /// First digits of who was called.
    Prefix,
    /// User-Agent of the caller, without its version.
    UserAgent,
    /// User-Agent or Server of who answered, without its version.
    #[serde(rename = "answered_by")]
    Answerer,
    Status,
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
    attempts: u64,
    /// Calls begun of which the fate is open.
    open: u64,
    answered: u64,
    /// Calls begun each second.
    cps: f64,
    /// Conversations at a time, on average.
    concurrent: f64,
    /// Session establishment ratio (RFC 6076 4.6).
    ser: Option<f64>,
    /// Session establishment effectiveness ratio (RFC 6076 4.7).
    seer: Option<f64>,
    /// Ineffective session attempts (RFC 6076 4.8).
    isa: Option<f64>,
    /// Session completion ratio (RFC 6076 4.9).
    scr: Option<f64>,
    /// Answer-seizure ratio (ITU-T E.411).
    asr: Option<f64>,
    /// Network effectiveness ratio (ITU-T E.425).
    ner: Option<f64>,
    /// Average call duration of calls begun here, in seconds.
    acd_seconds: Option<f64>,
    /// Conversations shorter than 10 s.
    short_ratio: Option<f64>,
    /// Given up by the caller.
    abandoned_ratio: Option<f64>,
    /// Messages that were sent again.
    retransmission_ratio: Option<f64>,
    /// Session request delay, also post-dial delay, of calls that rang or were answered (RFC 6076 4.3.1).
    pdd: Quantiles,
    /// The same of calls that failed (RFC 6076 4.3.2).
    failed_pdd: Quantiles,
    /// Session disconnect delay (RFC 6076 4.4).
    disconnect_delay: Quantiles,
}

/// Milliseconds, within one percent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Quantiles {
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
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
    let by = query.by;
    let digits = query.digits.unwrap_or(4).clamp(1, 15);
    let aliases = state.aliases();
    let mut gathered = Gathered::new(grid);
    let columns: Vec<&str> =
        figures::CALL_COLUMNS.iter().copied().chain(by.iter().flat_map(|by| by.columns()).copied()).collect();
    // A conversation that goes on may have begun before.
    let partial = scan(&state, table, asked, window.reaching_back(), columns, |batch| {
        let rows = Calls::of(batch)?;
        let keys = by.map(|by| by.keys(batch, digits, &aliases)).transpose()?;
        for row in 0..rows.rows {
            gathered.add(&rows, row, keys.as_ref().map(|keys| keys[row].as_deref()), now);
        }
        Ok(())
    })
    .await?;
    Ok(Json(gathered.answer(by.is_some(), partial, ask::milliseconds(begun.elapsed()))))
}

/// The question, and the table it is about.
fn asked(
    state: &ApiState,
    text: Option<&str>,
    table: &'static str,
) -> Result<(Micros, Expr, &'static Table), ApiError> {
    let now = time::now();
    let asked = ask::question(state, text, now)?;
    let Some(table) = rows::table(state, table) else {
        return Err(ApiError::not_found(format!("this server keeps no {table}")));
    };
    match asked.name_beyond(&[table]) {
        Some(field) => Err(ApiError::bad_request(format!("{} have no `{}`", table.name, field.name))),
        None => Ok((now, asked, table)),
    }
}

/// Reads all rows that fit.
async fn scan(
    state: &View,
    table: &'static Table,
    expr: Expr,
    window: Window,
    columns: Vec<&'static str>,
    mut take: impl FnMut(&RecordBatch) -> Result<(), arrow::error::ArrowError>,
) -> Result<Option<Partial>, ApiError> {
    let turn = ask::turn(state).await?;
    let search = Search {
        expr,
        tables: vec![table],
        window,
        after: None,
        columns,
        limit: limits::KPI_ROWS_MAX,
        order: Order::NewestFirst,
        time_max: limits::SEARCH_TIME_MAX,
    };
    let mut answer = ask::begin(state, search).await?;
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

/// The points of a series.
#[derive(Clone, Copy, Debug)]
struct Grid {
    from: i64,
    every: i64,
    points: usize,
}

impl Grid {
    fn new(window: Window, every: Option<&str>, now: Micros) -> Result<Self, ApiError> {
        let text = every.filter(|text| !text.is_empty()).unwrap_or("1m");
        let wrong = |why: &str| ApiError::bad_request(format!("`every`: {why}: `{text}`"));
        let before =
            time::point(&format!("-{}", text.trim_start_matches('-')), now).map_err(|why| wrong(&why))?;
        let every = now.0 - before.0;
        if every < Micros::SECOND {
            return Err(wrong("shorter than a second"));
        }
        // Points are where clocks have them, so that one asked again is the same.
        let from = window.from.0.div_euclid(every) * every;
        let to = window.to.0.min(now.0.max(window.from.0));
        let points = (to - from) / every + 1;
        if points > POINTS_MAX {
            return Err(wrong(&format!("{points} points are more than {POINTS_MAX}: make them longer")));
        }
        Ok(Self { from, every, points: usize::try_from(points).unwrap_or(1) })
    }

    fn point(&self, at: i64) -> Option<usize> {
        let point = usize::try_from((at - self.from).div_euclid(self.every)).ok()?;
        (point < self.points).then_some(point)
    }
}

#[derive(Clone, Default)]
struct Point {
    kpi: Kpi,
    /// Microseconds of conversations.
    talking: i64,
}

struct Gathered {
    grid: Grid,
    all: Vec<Point>,
    /// A group for each key that calls have.
    groups: HashMap<Option<String>, Vec<Point>>,
    others: Option<Vec<Point>>,
}

impl Gathered {
    fn new(grid: Grid) -> Self {
        Self { grid, all: vec![Point::default(); grid.points], groups: HashMap::new(), others: None }
    }

    fn add(&mut self, rows: &Calls, row: usize, key: Option<Option<&str>>, now: Micros) {
        let told = rows.told(row);
        let begun = self.grid.point(rows.begun.value(row));
        let talked = number(&rows.answered, row).map(|answered| {
            let is_open = rows.is_open.value(row);
            let end = number(&rows.ended, row)
                .or_else(|| if is_open { Some(now.0) } else { number(&rows.last, row) });
            (answered, end.unwrap_or(answered))
        });
        let grid = self.grid;
        let add = |points: &mut Vec<Point>| {
            if let Some(point) = begun {
                points[point].kpi.add(&told);
            }
            if let Some((answered, ended)) = talked {
                talk(points, grid, answered, ended);
            }
        };
        add(&mut self.all);
        let Some(key) = key else { return };
        let groups_max = GROUPS_MAX.min(GROUP_POINTS_MAX / grid.points.max(1));
        let key = key.map(str::to_owned);
        if self.groups.contains_key(&key) || self.groups.len() < groups_max {
            add(self.groups.entry(key).or_insert_with(|| vec![Point::default(); grid.points]));
        } else {
            add(self.others.get_or_insert_with(|| vec![Point::default(); grid.points]));
        }
    }

    fn answer(self, grouped: bool, partial: Option<Partial>, elapsed_ms: u64) -> KpiAnswer {
        let grid = self.grid;
        let series = |points: &[Point]| Series {
            total: total(points, grid),
            points: points.iter().map(|point| Figures::of(point, grid.every)).collect(),
        };
        let size =
            |points: &[Point]| points.iter().map(|point| point.kpi.attempts + point.kpi.open).sum::<u64>();
        let mut groups: Vec<(Option<String>, Vec<Point>)> = self.groups.into_iter().collect();
        // A conversation that began before is no call of this time.
        groups.retain(|(_, points)| size(points) > 0);
        groups.sort_by(|a, b| size(&b.1).cmp(&size(&a.1)).then_with(|| a.0.cmp(&b.0)));
        let mut others = self.others;
        for (_, points) in groups.drain(GROUPS_TOLD.min(groups.len())..) {
            let others = others.get_or_insert_with(|| vec![Point::default(); grid.points]);
            for (into, from) in others.iter_mut().zip(&points) {
                into.kpi.join(&from.kpi);
                into.talking += from.talking;
            }
        }
        let told = groups.into_iter().chain(others.map(|points| (Some(OTHER.to_owned()), points)));
        let groups = told.map(|(key, points)| Group { key, series: series(&points) });
        KpiAnswer {
            from: Micros(grid.from).to_string(),
            every_seconds: grid.every / Micros::SECOND,
            all: series(&self.all),
            groups: if grouped { groups.collect() } else { Vec::new() },
            partial,
            elapsed_ms,
        }
    }
}

/// Spreads a conversation over the points it is in.
fn talk(points: &mut [Point], grid: Grid, answered: i64, ended: i64) {
    let begin = answered.max(grid.from);
    let end = ended.min(grid.from + grid.every * i64::try_from(grid.points).unwrap_or(i64::MAX));
    let mut at = begin;
    while at < end {
        let Some(point) = grid.point(at) else { break };
        let until = end.min(grid.from + grid.every * (i64::try_from(point).unwrap_or(0) + 1));
        points[point].talking += until - at;
        at = until;
    }
}

fn total(points: &[Point], grid: Grid) -> Figures {
    let mut all = Point::default();
    for point in points {
        all.kpi.join(&point.kpi);
        all.talking += point.talking;
    }
    Figures::of(&all, grid.every * i64::try_from(points.len()).unwrap_or(1))
}

impl Figures {
    /// Of calls in a span of so many microseconds.
    fn of(point: &Point, span: i64) -> Self {
        let kpi = &point.kpi;
        let seconds = span.max(1) as f64 / 1e6;
        Self {
            attempts: kpi.attempts,
            open: kpi.open,
            answered: kpi.answered,
            cps: (kpi.attempts + kpi.open) as f64 / seconds,
            concurrent: point.talking as f64 / 1e6 / seconds,
            ser: kpi.ser(),
            seer: kpi.seer(),
            isa: kpi.isa(),
            scr: kpi.scr(),
            asr: kpi.asr(),
            ner: kpi.ner(),
            acd_seconds: kpi.acd(),
            short_ratio: kpi.short_ratio(),
            abandoned_ratio: kpi.abandoned_ratio(),
            retransmission_ratio: kpi.retransmission_ratio(),
            pdd: Quantiles::of(&kpi.pdd),
            failed_pdd: Quantiles::of(&kpi.failed_pdd),
            disconnect_delay: Quantiles::of(&kpi.disconnect_delay),
        }
    }
}

impl Quantiles {
    fn of(sketch: &Sketch) -> Self {
        let quantile = |part| sketch.quantile(part).map(|micros| micros / 1e3);
        Self { p50_ms: quantile(0.5), p95_ms: quantile(0.95), p99_ms: quantile(0.99) }
    }
}

impl By {
    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Src => &["src_ip"],
            Self::Dst => &["dst_ip"],
            Self::Trunk => &["src_ip", "dst_ip"],
            Self::FromHost => &["from_host"],
            Self::RuriHost => &["ruri_host"],
            Self::Prefix => &["ruri_user"],
            Self::UserAgent => &["user_agent"],
            Self::Answerer => &["answered_by"],
            // Read as text, beside the number.
            Self::Status => &[],
        }
    }

    /// The group of each row.
    fn keys(
        self,
        batch: &RecordBatch,
        digits: usize,
        aliases: &Aliases,
    ) -> Result<Vec<Option<String>>, arrow::error::ArrowError> {
        let of = |name: &str| figures::texts(batch, name);
        let owned = |texts: StringArray| texts.iter().map(|text| text.map(str::to_owned)).collect();
        Ok(match self {
            Self::Trunk => {
                let (from, to) = (of("src_ip")?, of("dst_ip")?);
                let (from, to) = (hosts(&from, aliases), hosts(&to, aliases));
                let pairs = from.into_iter().zip(to);
                pairs.map(|(from, to)| Some(format!("{} > {}", from?, to?))).collect()
            }
            Self::Src | Self::Dst => {
                let addresses = of(self.columns()[0])?;
                hosts(&addresses, aliases).into_iter().map(|host| host.map(str::to_owned)).collect()
            }
            Self::Prefix => of("ruri_user")?.iter().map(|user| prefix(user?, digits)).collect(),
            Self::UserAgent | Self::Answerer => {
                let agents = of(self.columns()[0])?;
                agents.iter().map(|agent| Some(family(agent?).to_owned())).collect()
            }
            Self::Status => owned(of("status")?),
            Self::FromHost | Self::RuriHost => owned(of(self.columns()[0])?),
        })
    }
}

/// What people call these addresses, or the addresses themselves. Calls of one trunk leave from many ports: aliases for a
/// port name none of them.
fn hosts<'a>(addresses: &'a StringArray, aliases: &'a Aliases) -> Vec<Option<&'a str>> {
    // Most rows have one of few addresses.
    let mut known: HashMap<&str, &str> = HashMap::new();
    let mut name = |ip: &'a str| match aliases.is_empty() {
        true => ip,
        false => *known.entry(ip).or_insert_with(|| aliases.name_of_host(ip).unwrap_or(ip)),
    };
    addresses.iter().map(|ip| ip.map(&mut name)).collect()
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RegistrationKpiQuery {
    /// Search text, over what registrations have (`registrations` in the catalogue).
    q: Option<String>,
    /// RFC 3339 or a span back from now; -1h if not given.
    from: Option<String>,
    /// As `from`; now if not given.
    to: Option<String>,
    /// Length of a point, as `60s`, `5m`, `1h`; 1m if not given. At most 2,000 points.
    every: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RegistrationKpiAnswer {
    /// When the first point begins.
    from: String,
    every_seconds: i64,
    total: RegistrationFigures,
    points: Vec<RegistrationFigures>,
    /// Why figures may not be complete.
    partial: Option<Partial>,
    elapsed_ms: u64,
}

/// Figures of a span of time. Null: there was nothing to tell of, which is not zero.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RegistrationFigures {
    attempts: u64,
    succeeded: u64,
    open: u64,
    /// Ineffective registration attempts, in percent (RFC 6076 4.2).
    ira: Option<f64>,
    /// Registration request delay (RFC 6076 4.1).
    delay: Quantiles,
}

/// Figures of registrations
#[utoipa::path(get, path = "/api/v1/kpi/registrations", tag = "calls", params(RegistrationKpiQuery),
    responses((status = 200, body = RegistrationKpiAnswer), (status = 400, body = ErrorBody),
    (status = 401, body = ErrorBody)))]
pub(crate) async fn registration_kpi(
    state: View,
    Parameters(query): Parameters<RegistrationKpiQuery>,
) -> Result<Json<RegistrationKpiAnswer>, ApiError> {
    let begun = std::time::Instant::now();
    let (now, asked, table) = asked(&state, query.q.as_deref(), calls::REGISTRATIONS.name)?;
    let window = ask::window(query.from.as_deref(), query.to.as_deref(), now)?;
    let grid = Grid::new(window, query.every.as_deref(), now)?;
    let mut points = vec![RegistrationKpi::default(); grid.points];
    let columns = figures::REGISTRATION_COLUMNS.to_vec();
    let partial = scan(&state, table, asked, window, columns, |batch| {
        let rows = Registrations::of(batch)?;
        for row in 0..rows.rows {
            if let Some(point) = grid.point(rows.begun.value(row)) {
                points[point].add(rows.state(row), rows.delay(row), rows.is_open.value(row));
            }
        }
        Ok(())
    })
    .await?;
    let mut total = RegistrationKpi::default();
    points.iter().for_each(|point| total.join(point));
    Ok(Json(RegistrationKpiAnswer {
        from: Micros(grid.from).to_string(),
        every_seconds: grid.every / Micros::SECOND,
        total: RegistrationFigures::from(&total),
        points: points.iter().map(RegistrationFigures::from).collect(),
        partial,
        elapsed_ms: ask::milliseconds(begun.elapsed()),
    }))
}

impl From<&RegistrationKpi> for RegistrationFigures {
    fn from(kpi: &RegistrationKpi) -> Self {
        let RegistrationKpi { attempts, open, succeeded, delay } = kpi;
        Self {
            attempts: *attempts,
            succeeded: *succeeded,
            open: *open,
            ira: kpi.ira(),
            delay: Quantiles::of(delay),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_spread_over_the_points_it_is_in() {
        let grid = Grid { from: 100, every: 10, points: 3 };
        let mut points = vec![Point::default(); 3];
        talk(&mut points, grid, 95, 112);
        talk(&mut points, grid, 118, 500);
        talk(&mut points, grid, 0, 50);
        assert_eq!(points.iter().map(|point| point.talking).collect::<Vec<_>>(), [10, 4, 10]);
    }
}
