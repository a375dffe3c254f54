//! Figures of registrations over time.

use arrow::array::RecordBatch;
use axum::Json;
use calls::kpi::RegistrationKpi;
use model::Micros;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::gather::Grid;
use super::{Quantiles, asked, scan};
use crate::ask::{self, Partial};
use crate::call::figures::{self, Registration, Registrations};
use crate::error::{ApiError, ErrorBody};
use crate::extract::Parameters;
use crate::view::View;

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
    pub(crate) attempts: u64,
    pub(crate) succeeded: u64,
    pub(crate) open: u64,
    /// Ineffective registration attempts, in percent (RFC 6076 4.2).
    pub(crate) ira: Option<f64>,
    /// Registration request delay (RFC 6076 4.1).
    pub(crate) delay: Quantiles,
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
    let mut count = |told: &Registration| {
        if let Some(point) = grid.point(told.begun) {
            points[point].add(told.state, told.delay, told.is_open);
        }
    };
    let mut reading = Registrations::default();
    let taking = |batch: &RecordBatch| reading.take(batch, &mut count);
    let partial = scan(&state, table, asked, window, columns, taking).await?;
    reading.finish(count);
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
