//! Figures of a whole window at once, for rules of alerts.

use std::sync::Arc;

use arrow::array::RecordBatch;
use calls::kpi::RegistrationKpi;

use super::figures::{self, Registration, Registrations};
use super::kpi::{By, Figures, RegistrationFigures, asked, scan, whole};
use crate::ask::Window;
use crate::error::ApiError;
use crate::view::View;

/// What was found, and whether that is all that there is.
pub(crate) struct Measured<T> {
    pub(crate) found: T,
    pub(crate) is_partial: bool,
}

/// Figures of calls in all, or of each group, the largest first. Groups are called by their addresses: a rule stays the same
/// when people call them otherwise. `reaches_back`: also of conversations that began before.
pub(crate) async fn measure(
    state: &View,
    text: Option<&str>,
    window: Window,
    by: Option<By>,
    reaches_back: bool,
) -> Result<Measured<Vec<(Option<String>, Figures)>>, ApiError> {
    let read = if reaches_back { window.reaching_back() } else { window };
    let (found, partial) = whole(state, text, window, read, by, Arc::default()).await?;
    Ok(Measured { found, is_partial: partial.is_some() })
}

pub(crate) async fn measure_registrations(
    state: &View,
    text: Option<&str>,
    window: Window,
) -> Result<Measured<RegistrationFigures>, ApiError> {
    let (_, asked, table) = asked(state, text, calls::REGISTRATIONS.name)?;
    let mut kpi = RegistrationKpi::default();
    let columns = figures::REGISTRATION_COLUMNS.to_vec();
    let mut count = |told: &Registration| kpi.add(told.state, told.delay, told.is_open);
    let mut reading = Registrations::default();
    let taking = |batch: &RecordBatch| reading.take(batch, &mut count);
    let partial = scan(state, table, asked, window, columns, taking).await?;
    reading.finish(count);
    Ok(Measured { found: RegistrationFigures::from(&kpi), is_partial: partial.is_some() })
}
