use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use model::Micros;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::shape::{NotifierRow, Row, RuleRow, SilenceRow, Told};
use super::{keep, run};
use crate::ask;
use crate::audit::Trail;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody};
use crate::extract::{Body, Parameters, Segment};
use crate::state::ApiState;
use crate::time::{now, point};

/// A silence that nobody remembers hides what it was not meant for.
const SILENCE_DAYS_MAX: i64 = 366;

const COMMENT_BYTES_MAX: usize = 1_000;

/// Silences at a time: more than a person could oversee.
const SILENCES_MAX: usize = 1_000;

const HISTORY_DEFAULT: usize = 100;
const HISTORY_MAX: usize = 1_000;

#[derive(Serialize, ToSchema)]
#[schema(as = AlertsAnswer)]
pub(crate) struct Answer {
    /// What fires first, then what is pending; the gravest first.
    alerts: Vec<Shown>,
    silences: Vec<SilenceRow>,
    rules: Vec<RuleRow>,
    notifiers: Vec<NotifierRow>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AlertShown)]
pub(crate) struct Shown {
    #[serde(flatten)]
    alert: Row,
    /// Until when nobody is told of it.
    silenced_until: Option<String>,
    /// The whole address of what it is about.
    link: String,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuery {
    /// RFC 3339 or a span back from now; -7d if not given.
    from: Option<String>,
    /// As `from`; now if not given.
    to: Option<String>,
    /// Changes, at most 1,000; 100 if not given.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AlertHistory)]
pub(crate) struct History {
    /// The newest first.
    changes: Vec<Told>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SilenceRequest {
    /// RFC 3339, or ahead of now as `+2h`; at most 366 days.
    until: String,
    /// Why.
    #[serde(default)]
    comment: String,
}

/// Alerts, silences, rules and notifiers
#[utoipa::path(get, path = "/api/v1/alerts", tag = "alerts",
    responses((status = 200, body = Answer), (status = 401, body = ErrorBody)))]
pub(crate) async fn alerts(State(state): State<ApiState>) -> Json<Answer> {
    let now = now();
    let inner = state.alerts().lock();
    let mut shown: Vec<&alerts::Alert> = inner.engine.alerts().collect();
    shown.sort_by_key(|alert| {
        let is_pending = alert.phase == alerts::Phase::Pending;
        (is_pending, std::cmp::Reverse(alert.severity), alert.pending_since)
    });
    let shown = shown.into_iter().map(|alert| Shown {
        silenced_until: inner.engine.silence_of(alert, now).map(|silence| silence.until.to_string()),
        link: alert.evidence.link(&inner.base),
        alert: Row::of(alert),
    });
    let rules = inner.rules.iter().map(|rule| {
        let looks = inner.looks.get(&rule.name).cloned().unwrap_or_default();
        RuleRow::new(rule, looks, inner.engine.beyond(&rule.name))
    });
    let current = inner.engine.silences().iter().filter(|silence| now < silence.until);
    Json(Answer {
        alerts: shown.collect(),
        silences: current.map(SilenceRow::from).collect(),
        rules: rules.collect(),
        notifiers: state.alerts().tell.notifiers().into_iter().map(NotifierRow::from).collect(),
    })
}

/// What began and ended
#[utoipa::path(get, path = "/api/v1/alerts/history", tag = "alerts", params(HistoryQuery),
    responses((status = 200, body = History), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(crate) async fn history(
    State(state): State<ApiState>,
    Parameters(query): Parameters<HistoryQuery>,
) -> Result<Json<History>, ApiError> {
    let from = query.from.as_deref().filter(|text| !text.is_empty()).unwrap_or("-7d");
    let window = ask::window(Some(from), query.to.as_deref(), now())?;
    let limit = ask::limit(query.limit, HISTORY_DEFAULT, HISTORY_MAX)?;
    let changes =
        state.auth().settings(move |settings| keep::history(settings, window.from, window.to, limit)).await?;
    Ok(Json(History { changes }))
}

/// Tell nobody of an alert, or of all alerts of a rule, until then
#[utoipa::path(post, path = "/api/v1/alerts/{id}/silence", tag = "alerts", params(("id" = String, Path,
    description = "id of an alert, or name of a rule")), request_body = SilenceRequest,
    responses((status = 200, body = SilenceRow), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
pub(crate) async fn silence(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    trail: Trail,
    Segment(id): Segment<String>,
    Body(request): Body<SilenceRequest>,
) -> Result<Json<SilenceRow>, ApiError> {
    let now = now();
    let until = point(&request.until, now).map_err(|why| ApiError::bad_request(format!("`until`: {why}")))?;
    if until <= now || until.0 > now.0 + SILENCE_DAYS_MAX * Micros::DAY {
        let message = format!("`until` ({until}) must be ahead of now, by at most {SILENCE_DAYS_MAX} days");
        return Err(ApiError::bad_request(message));
    }
    if request.comment.len() > COMMENT_BYTES_MAX {
        return Err(ApiError::bad_request(format!("`comment` is longer than {COMMENT_BYTES_MAX} bytes")));
    }
    trail.say(&format!("silence: {id} until {until}: {}", request.comment));
    let silence =
        alerts::Silence { of: id.clone(), until, comment: request.comment, by: caller.user, made: now };
    {
        let mut inner = state.alerts().lock();
        let is_known = inner.rules.iter().any(|rule| rule.name == id)
            || inner.engine.alerts().any(|alert| alert.id == id);
        if !is_known {
            return Err(ApiError::not_found(format!("there is no alert or rule `{id}`")));
        }
        if inner.engine.silences().len() >= SILENCES_MAX {
            return Err(ApiError::bad_request(format!(
                "there are {SILENCES_MAX} silences: take one back first"
            )));
        }
        inner.engine.silence(silence.clone());
    }
    kept(&state).await?;
    Ok(Json(SilenceRow::from(&silence)))
}

/// Take a silence back
#[utoipa::path(delete, path = "/api/v1/alerts/{id}/silence", tag = "alerts", params(("id" = String, Path)),
    responses((status = 204), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn unsilence(
    State(state): State<ApiState>,
    Segment(id): Segment<String>,
) -> Result<StatusCode, ApiError> {
    let events = {
        let mut inner = state.alerts().lock();
        if !inner.engine.unsilence(&id) {
            return Err(ApiError::not_found(format!("`{id}` is not silenced")));
        }
        inner.engine.pass(now())
    };
    kept(&state).await?;
    run::told(&state, events).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Writes down what is silenced now.
async fn kept(state: &ApiState) -> Result<(), ApiError> {
    let of = state.clone();
    let silences = move || of.alerts().lock().engine.silences().to_vec();
    state.auth().settings(move |settings| keep::write_silences(settings, silences)).await
}
