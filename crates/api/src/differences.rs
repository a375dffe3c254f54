//! How records inside of a box (a stretch of time, a range of a number) differ from those outside of it: for every facet,
//! which values are more or less frequent inside.

use std::collections::HashSet;

use arrow::array::{Array as _, AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch, not};
use arrow::datatypes::{DataType, Float64Type};
use arrow::error::ArrowError;
use axum::Json;
use model::query::Expr;
use model::{Aliases, Field, Kind};
use serde::{Deserialize, Serialize};
use store::columns::numbers;
use utoipa::{IntoParams, ToSchema};

use crate::ask::{self, Partial};
use crate::error::{ApiError, ErrorBody};
use crate::extract::Parameters;
use crate::facets::{Subject, Tally, VERSION, condition, fields, latest};
use crate::view::View;
use crate::{counts, limits, time};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DifferencesQuery {
    /// Search text, as for a list: what is compared at all.
    q: Option<String>,
    /// RFC 3339 or a span back from now; -1h if not given.
    from: Option<String>,
    /// As `from`; now if not given.
    to: Option<String>,
    /// What is compared, as `facets` has it.
    table: Option<String>,
    /// From when on a record is inside; `from` if not given.
    inside_from: Option<String>,
    /// Up to when, without that moment itself; `to` if not given.
    inside_to: Option<String>,
    /// Field whose number decides too.
    value: Option<String>,
    /// From which number on a record is inside, as it is stored; without it from the lowest.
    low: Option<f64>,
    /// Up to which number, without it itself; without it to the highest.
    high: Option<f64>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Differences {
    /// calls, registrations, or messages
    of: &'static str,
    /// Records inside of the box.
    inside: u64,
    /// All others that fit.
    outside: u64,
    /// Fields in which they differ, most first.
    fields: Vec<DifferentField>,
    /// Why not all were compared.
    partial: Option<Partial>,
    elapsed_ms: u64,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct DifferentField {
    field: &'static str,
    /// What the field is.
    doc: &'static str,
    /// The largest difference of its values, 0 to 1.
    difference: f64,
    /// The most different first.
    values: Vec<DifferentValue>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct DifferentValue {
    value: String,
    /// What people call this address.
    alias: Option<String>,
    /// Records inside that have it, and its share of them, 0 to 1.
    inside: u64,
    inside_share: f64,
    outside: u64,
    outside_share: f64,
    /// What a search text must say to find them, and to leave them out.
    only: String,
    without: String,
}

/// Compare a part of what is found with the rest
///
/// What is inside of a stretch of time and a range of a number, against all else that fits: for each field that the catalogue
/// calls a `facet` the values whose shares differ most.
#[utoipa::path(get, path = "/api/v1/differences", tag = "search", params(DifferencesQuery),
    responses((status = 200, body = Differences), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(crate) async fn differences(
    state: View,
    Parameters(query): Parameters<DifferencesQuery>,
) -> Result<Json<Differences>, ApiError> {
    let begun = std::time::Instant::now();
    let now = time::now();
    let window = ask::window(query.from.as_deref(), query.to.as_deref(), now)?;
    let moment = |name: &str, text: Option<&str>, otherwise: i64| match text.filter(|text| !text.is_empty()) {
        None => Ok(otherwise),
        Some(text) => time::point(text, now)
            .map(|at| at.0)
            .map_err(|reason| ApiError::bad_request(format!("`{name}`: {reason}"))),
    };
    let from = moment("inside_from", query.inside_from.as_deref(), window.from.0)?;
    let to = moment("inside_to", query.inside_to.as_deref(), window.to.0.saturating_add(1))?;
    let turn = ask::turn(&state).await?;
    let asked = (query.q.as_deref(), query.table.as_deref());
    let subject = Subject::of(&state, asked, window, now).await?;
    let named = query.value.as_deref().filter(|name| !name.is_empty());
    let value = named.map(|name| counts::number_field(&subject.tables, name)).transpose();
    let value = value.map_err(|what| ApiError::bad_request(format!("`value`: {what}")))?;
    let has_range = query.low.is_some() || query.high.is_some();
    if value.is_some() != has_range {
        return Err(ApiError::bad_request("`value` goes together with `low`, `high` or both"));
    }
    let bounds = Inside { from, to, value: value.map(|field| (field, query.low, query.high)) };
    let (of, fields) = (subject.of, fields(&subject.tables));
    let mut columns: Vec<&'static str> = vec!["ts"];
    let further = fields.iter().map(|field| field.name).chain(value.map(|field| field.name));
    for name in further.chain(subject.is_made.then_some(VERSION).into_iter().flatten()) {
        if !columns.contains(&name) {
            columns.push(name);
        }
    }
    let (batches, partial) = subject.newest(&state, window, columns).await?;
    let compared = Compared::of(batches, &bounds, &fields).map_err(|cause| ApiError::internal(&cause))?;
    drop(turn);
    let aliases = state.aliases();
    let (inside, outside) = (compared.inside, compared.outside);
    Ok(Json(Differences {
        of,
        inside,
        outside,
        fields: compared.ranked(&fields, &aliases),
        partial,
        elapsed_ms: ask::milliseconds(begun.elapsed()),
    }))
}

/// The box.
struct Inside {
    from: i64,
    to: i64,
    value: Option<(&'static Field, Option<f64>, Option<f64>)>,
}

impl Inside {
    fn of(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let times = numbers(batch, "ts")?;
        let in_time = |row: usize| (self.from..self.to).contains(&times.value(row));
        let Some((field, low, high)) = self.value else {
            return Ok((0..batch.num_rows()).map(|row| Some(in_time(row))).collect());
        };
        let Some(column) = batch.column_by_name(field.name) else {
            return Ok(BooleanArray::from(vec![false; batch.num_rows()]));
        };
        let column = cast(column, &DataType::Float64)?;
        let values = column.as_primitive::<Float64Type>();
        let in_range = |row: usize| {
            let value = values.value(row);
            values.is_valid(row) && low.is_none_or(|low| value >= low) && high.is_none_or(|high| value < high)
        };
        Ok((0..batch.num_rows()).map(|row| Some(in_time(row) && in_range(row))).collect())
    }
}

/// Counts of both sides, field by field.
struct Compared {
    inside: u64,
    outside: u64,
    tallies: Vec<(Tally, Tally)>,
}

impl Compared {
    fn of(batches: Vec<RecordBatch>, inside: &Inside, fields: &[&'static Field]) -> Result<Self, ArrowError> {
        let tallies = fields.iter().map(|_| (Tally::default(), Tally::default())).collect();
        let mut compared = Self { inside: 0, outside: 0, tallies };
        for batch in latest(batches)? {
            let mask = inside.of(&batch)?;
            let (within, beyond) =
                (filter_record_batch(&batch, &mask)?, filter_record_batch(&batch, &not(&mask)?)?);
            compared.inside += within.num_rows() as u64;
            compared.outside += beyond.num_rows() as u64;
            for (field, (one, other)) in fields.iter().zip(&mut compared.tallies) {
                one.add(&within, field.name)?;
                other.add(&beyond, field.name)?;
            }
        }
        Ok(compared)
    }

    fn ranked(self, fields: &[&'static Field], aliases: &Aliases) -> Vec<DifferentField> {
        // Nothing to compare with is no difference.
        if self.inside == 0 || self.outside == 0 {
            return Vec::new();
        }
        let share = |count: u64, of: u64| count as f64 / of as f64;
        let (all_inside, all_outside) = (self.inside, self.outside);
        let mut found: Vec<DifferentField> = Vec::new();
        for (field, (inside, outside)) in fields.iter().zip(self.tallies) {
            let names: HashSet<&String> = inside.counts.keys().chain(outside.counts.keys()).collect();
            let count = |tally: &Tally, name: &String| tally.counts.get(name).copied().unwrap_or(0);
            let mut values: Vec<(f64, &String, u64, u64)> = names
                .into_iter()
                .map(|name| {
                    let (one, other) = (count(&inside, name), count(&outside, name));
                    ((share(one, all_inside) - share(other, all_outside)).abs(), name, one, other)
                })
                .filter(|(difference, ..)| *difference > 0.0)
                .collect();
            values.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
            values.truncate(limits::DIFFERENCE_VALUES_MAX);
            let Some((difference, ..)) = values.first().copied() else { continue };
            let told = values.into_iter().map(|(_, value, one, other)| {
                let only = condition(field, value);
                DifferentValue {
                    alias: (field.kind == Kind::Ip)
                        .then(|| aliases.name_of_host(value))
                        .flatten()
                        .map(str::to_owned),
                    inside: one,
                    inside_share: share(one, all_inside),
                    outside: other,
                    outside_share: share(other, all_outside),
                    without: Expr::Not(Box::new(only.clone())).to_string(),
                    only: only.to_string(),
                    value: value.clone(),
                }
            });
            found.push(DifferentField {
                field: field.name,
                doc: field.doc,
                difference,
                values: told.collect(),
            });
        }
        found.sort_by(|a, b| b.difference.total_cmp(&a.difference));
        found.truncate(limits::DIFFERENCE_FIELDS_MAX);
        found
    }
}
