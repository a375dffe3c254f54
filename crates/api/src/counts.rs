//! How many records a search finds over time: in all, by what a field says, or by ranges of a number.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, AsArray as _, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::error::ArrowError;
use axum::Json;
use model::{Aliases, Field, Kind, Micros, Table};
use serde::{Deserialize, Serialize};
use store::Order;
use store::columns::{as_texts, numbers};
use utoipa::{IntoParams, ToSchema};

use crate::ask::{self, Partial, Search};
use crate::call::{GROUP_POINTS_MAX, GROUPS_MAX, Grid};
use crate::catalogue::unit_name;
use crate::error::{ApiError, ErrorBody};
use crate::extract::Parameters;
use crate::facets::{Subject, VERSION, condition};
use crate::limits;
use crate::view::View;

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

/// What is told apart.
#[derive(Clone, Copy)]
enum Counting {
    All,
    Groups(&'static Field),
    Ranges(&'static Field),
}

impl Counting {
    const fn field(self) -> Option<&'static Field> {
        match self {
            Self::All => None,
            Self::Groups(field) | Self::Ranges(field) => Some(field),
        }
    }
}

struct Tally {
    grid: Grid,
    counting: Counting,
    all: Vec<u64>,
    groups: HashMap<String, Vec<u64>>,
    /// Of groups beyond the limit.
    beyond: Vec<u64>,
    ranges: BTreeMap<i32, Vec<u64>>,
    none: u64,
    oldest: i64,
    known_from: Option<i64>,
    /// The record that was read last, where records have versions: not counted before another one comes.
    last: Option<Pending>,
}

struct Pending {
    id: i64,
    judged: i64,
    at: i64,
    values: Values,
}

/// What a record says of the field.
enum Values {
    None,
    Number(f64),
    Texts(Vec<String>),
}

impl Tally {
    fn new(grid: Grid, counting: Counting) -> Self {
        Self {
            grid,
            counting,
            all: vec![0; grid.points],
            groups: HashMap::new(),
            beyond: vec![0; grid.points],
            ranges: BTreeMap::new(),
            none: 0,
            oldest: i64::MAX,
            known_from: None,
            last: None,
        }
    }

    /// Rows in the order of their time. What comes late makes another row of a call that was told: these are neighbours then,
    /// and the one that was judged last counts.
    fn add(&mut self, batch: &RecordBatch, has_versions: bool) -> Result<(), ArrowError> {
        let times = numbers(batch, "ts")?;
        let column = Column::of(batch, self.counting)?;
        let versions = has_versions
            .then(|| Ok::<_, ArrowError>((numbers(batch, VERSION[0])?, numbers(batch, VERSION[1])?)))
            .transpose()?;
        for row in 0..batch.num_rows() {
            let at = times.value(row);
            self.oldest = self.oldest.min(at);
            let values = column.values(row);
            let Some((ids, judged)) = &versions else {
                self.count(at, &values);
                continue;
            };
            let pending = Pending { id: value(ids, row), judged: value(judged, row), at, values };
            match &self.last {
                Some(last) if last.id == pending.id && last.judged > pending.judged => continue,
                Some(last) if last.id == pending.id => {}
                _ => self.finish(),
            }
            self.last = Some(pending);
        }
        Ok(())
    }

    fn finish(&mut self) {
        if let Some(Pending { at, values, .. }) = self.last.take() {
            self.count(at, &values);
        }
    }

    fn count(&mut self, at: i64, values: &Values) {
        let Some(point) = self.grid.point(at) else { return };
        self.all[point] += 1;
        match values {
            Values::None => self.none += 1,
            Values::Number(number) => {
                let points = self.grid.points;
                self.ranges.entry(range_of(*number)).or_insert_with(|| vec![0; points])[point] += 1;
            }
            Values::Texts(texts) => texts.iter().for_each(|text| self.group(text)[point] += 1),
        }
    }

    fn group(&mut self, text: &str) -> &mut Vec<u64> {
        let points = self.grid.points;
        let most = GROUPS_MAX.min(GROUP_POINTS_MAX / points.max(1));
        if self.groups.contains_key(text) || self.groups.len() < most {
            self.groups.entry(text.to_owned()).or_insert_with(|| vec![0; points])
        } else {
            &mut self.beyond
        }
    }

    fn told(
        mut self,
        of: &'static str,
        top: usize,
        aliases: &Aliases,
        partial: Option<Partial>,
        elapsed_ms: u64,
    ) -> Counts {
        self.finish();
        let (grid, known_from) = (self.grid, self.known_from);
        // A point of which a part was read is told too low: it is not known either.
        let begin = |point: usize| grid.from + grid.every * i64::try_from(point).unwrap_or(i64::MAX);
        let is_known = |point: usize| known_from.is_none_or(|from| begin(point) >= from);
        let counted = |points: Vec<u64>| Counted {
            total: points.iter().sum(),
            points: points
                .into_iter()
                .enumerate()
                .map(|(point, count)| is_known(point).then_some(count))
                .collect(),
        };
        let field = self.counting.field();
        let mut groups: Vec<(String, Vec<u64>)> = self.groups.into_iter().collect();
        let size = |points: &[u64]| points.iter().sum::<u64>();
        groups.sort_by(|a, b| size(&b.1).cmp(&size(&a.1)).then_with(|| a.0.cmp(&b.0)));
        let mut others = self.beyond;
        for (_, points) in groups.drain(top.min(groups.len())..) {
            others.iter_mut().zip(&points).for_each(|(into, from)| *into += from);
        }
        let group = |(value, points): (String, Vec<u64>), field: &'static Field| CountedGroup {
            alias: (field.kind == Kind::Ip)
                .then(|| aliases.name_of_host(&value))
                .flatten()
                .map(str::to_owned),
            only: condition(field, &value).to_string(),
            counted: counted(points),
            value,
        };
        let ranges = self.ranges.into_iter().map(|(range, points)| CountedRange {
            low: (range > NOT_ABOVE_ZERO).then(|| step(range)),
            high: if range > NOT_ABOVE_ZERO { step(range + 1) } else { 0.0 },
            counted: counted(points),
        });
        Counts {
            of,
            from: Micros(grid.from).to_string(),
            every_seconds: grid.every / Micros::SECOND,
            ranges: ranges.collect(),
            others: (size(&others) > 0).then(|| counted(others)),
            groups: field
                .map_or_else(Vec::new, |field| groups.into_iter().map(|one| group(one, field)).collect()),
            all: counted(self.all),
            none: self.none,
            unit: field.and_then(|field| field.unit).map(unit_name),
            partial,
            elapsed_ms,
        }
    }
}

/// The column of a batch that is told apart.
enum Column {
    Nothing,
    Numbers(Float64Array),
    Texts(StringArray),
    /// Where the texts of each row begin and end.
    Lists(StringArray, Vec<i32>),
}

impl Column {
    fn of(batch: &RecordBatch, counting: Counting) -> Result<Self, ArrowError> {
        let Some(column) = counting.field().and_then(|field| batch.column_by_name(field.name)) else {
            return Ok(Self::Nothing);
        };
        Ok(match counting {
            Counting::Ranges(_) => {
                Self::Numbers(cast(column, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
            }
            Counting::Groups(_) | Counting::All => match column.as_list_opt::<i32>() {
                Some(lists) => Self::Lists(as_texts(lists.values())?, lists.value_offsets().to_vec()),
                None => Self::Texts(as_texts(column)?),
            },
        })
    }

    fn values(&self, row: usize) -> Values {
        match self {
            Self::Numbers(numbers) if numbers.is_valid(row) => Values::Number(numbers.value(row)),
            Self::Texts(texts) if texts.is_valid(row) => Values::Texts(vec![texts.value(row).to_owned()]),
            Self::Lists(texts, ends) => {
                let place = |row: usize| usize::try_from(ends[row]).unwrap_or_default();
                let own = place(row)..place(row + 1);
                if own.is_empty() {
                    return Values::None;
                }
                Values::Texts(own.map(|place| texts.value(place).to_owned()).collect())
            }
            Self::Nothing | Self::Numbers(_) | Self::Texts(_) => Values::None,
        }
    }
}

fn value(numbers: &Int64Array, row: usize) -> i64 {
    if numbers.is_valid(row) { numbers.value(row) } else { 0 }
}

/// The range of all that is not above zero.
const NOT_ABOVE_ZERO: i32 = i32::MIN;

/// Ranges outside of these powers of ten are the lowest and the highest: no number of microseconds has more digits.
const POWERS: std::ops::RangeInclusive<i32> = -3..=18;

/// Three in a power of ten: from 1, from 2, from 5.
fn range_of(number: f64) -> i32 {
    // Also what is no number.
    if number.is_nan() || number <= 0.0 {
        return NOT_ABOVE_ZERO;
    }
    let (lowest, highest) = (POWERS.start() * 3, POWERS.end() * 3 + 2);
    // By comparing, since a logarithm may lie a little beside a whole number.
    (lowest + 1..=highest).find(|range| step(*range) > number).map_or(highest, |above| above - 1)
}

fn step(range: i32) -> f64 {
    let first = [1.0, 2.0, 5.0][usize::try_from(range.rem_euclid(3)).unwrap_or_default()];
    first * 10_f64.powi(range.div_euclid(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_lies_in_its_range() {
        for (number, low, high) in
            [(1.0, 1.0, 2.0), (1.99, 1.0, 2.0), (2.0, 2.0, 5.0), (700_000.0, 500_000.0, 1e6), (0.3, 0.2, 0.5)]
        {
            let range = range_of(number);
            assert!((step(range) - low).abs() < low * 1e-9, "{number}: from {}", step(range));
            assert!((step(range + 1) - high).abs() < high * 1e-9, "{number}: to {}", step(range + 1));
        }
        for odd in [0.0, -7.0, f64::NAN] {
            assert_eq!(range_of(odd), NOT_ABOVE_ZERO);
        }
        assert_eq!(range_of(f64::INFINITY), range_of(1e30));
        assert_eq!(range_of(1e-30), POWERS.start() * 3);
    }
}
