use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use model::Micros;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::audit::Trail;
use crate::auth::{Caller, NewShare, NoRoom, Permission, ShareRow};
use crate::error::{ApiError, Code, ErrorBody};
use crate::extract::{Body, Parameters, Segment};
use crate::state::ApiState;
use crate::time::now;
use crate::view::View;
use crate::{call, limits};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShareRequest {
    call_id: String,
    /// Hours until it expires: 24 if not given, at most 720.
    hours: Option<u32>,
    /// Numbers, names, addresses and credentials are replaced in all that it shows; so if not given.
    redacted: Option<bool>,
    /// Shown to whoever opens it.
    #[serde(default)]
    note: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = NewShare)]
pub(crate) struct MadeShare {
    #[serde(flatten)]
    share: Share,
    /// The link's secret: `/#/share/SECRET` shows the call. Told this once.
    secret: String,
}

/// A link that shows one call to whoever has it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Share {
    id: i64,
    /// Who made it.
    user: String,
    call_id: String,
    redacted: bool,
    note: String,
    created: String,
    expires: String,
    /// How often its page was opened.
    opened: i64,
    last_opened: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ShareList {
    /// The latest first.
    shares: Vec<Share>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SharesQuery {
    /// Those of all users, for who may manage users.
    #[serde(default)]
    all: bool,
    /// Of this call only.
    call_id: Option<String>,
}

/// My links to calls
#[utoipa::path(get, path = "/api/v1/shares", tag = "share", params(SharesQuery),
    responses((status = 200, body = ShareList), (status = 403, body = ErrorBody)))]
pub(crate) async fn shares(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Parameters(query): Parameters<SharesQuery>,
) -> Result<Json<ShareList>, ApiError> {
    if query.all {
        Permission::Users.check(&caller)?;
    }
    let user = (!query.all).then_some(caller.user);
    let call_id = query.call_id;
    let list =
        move |settings: &crate::auth::Settings| settings.shares(user.as_deref(), call_id.as_deref(), now());
    let rows = state.auth().settings(list).await?;
    Ok(Json(ShareList { shares: rows.into_iter().map(Share::from).collect() }))
}

/// Make a link to a call
#[utoipa::path(post, path = "/api/v1/shares", tag = "share", request_body = ShareRequest, responses(
    (status = 201, body = MadeShare), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, body = ErrorBody, description = "there are too many")))]
pub(crate) async fn add_share(
    state: View,
    Extension(caller): Extension<Caller>,
    trail: Trail,
    Body(request): Body<ShareRequest>,
) -> Result<(StatusCode, Json<MadeShare>), ApiError> {
    let hours = request.hours.unwrap_or(limits::SHARE_HOURS_DEFAULT);
    if !(1..=limits::SHARE_HOURS_MAX).contains(&hours) {
        let longest = limits::SHARE_HOURS_MAX;
        return Err(ApiError::bad_request(format!("`hours` must be 1 to {longest}, not {hours}")));
    }
    let note = request.note.trim().to_owned();
    if note.chars().count() > limits::SHARE_NOTE_LETTERS_MAX {
        let longest = limits::SHARE_NOTE_LETTERS_MAX;
        return Err(ApiError::bad_request(format!("`note` has more than {longest} letters")));
    }
    // Who sees nothing of a call shows nothing of it.
    call::gathered(&state, &request.call_id, false).await?;
    let made = now();
    let new = NewShare {
        user: caller.user,
        call_id: request.call_id,
        redacted: request.redacted.unwrap_or(true),
        note,
        expires: Micros(made.0 + i64::from(hours) * Micros::HOUR),
    };
    let kept = new.clone();
    let added = state.auth().settings(move |settings| settings.add_share(&kept, made)).await?;
    let (id, secret) = added.map_err(|no_room| {
        let message = match no_room {
            NoRoom::OfUser => format!("you have {} links: take one back first", limits::SHARES_PER_USER_MAX),
            NoRoom::InAll => format!("there are {} links: one must be taken back first", limits::SHARES_MAX),
        };
        ApiError::new(Code::Conflict, message)
    })?;
    let share = Share {
        id,
        user: new.user,
        call_id: new.call_id,
        redacted: new.redacted,
        note: new.note,
        created: made.to_string(),
        expires: new.expires.to_string(),
        opened: 0,
        last_opened: None,
    };
    let how = if share.redacted { "redacted" } else { "as it is" };
    trail.say(&format!("shares: link {id} to call {} until {}, {how}", share.call_id, share.expires));
    Ok((StatusCode::CREATED, Json(MadeShare { share, secret })))
}

/// Take a link back: one's own, or anybody's for who may manage users
#[utoipa::path(delete, path = "/api/v1/shares/{id}", tag = "share", params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(crate) async fn remove_share(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    trail: Trail,
    Segment(id): Segment<i64>,
) -> Result<StatusCode, ApiError> {
    let user = (!Permission::Users.is_of(&caller)).then_some(caller.user);
    let removed = state.auth().settings(move |settings| settings.remove_share(user.as_deref(), id)).await?;
    let removed = removed.ok_or_else(|| ApiError::not_found(format!("you have no link {id}")))?;
    trail.say(&format!("shares: took back link {id} of {} to call {}", removed.user, removed.call_id));
    Ok(StatusCode::NO_CONTENT)
}

impl From<ShareRow> for Share {
    fn from(row: ShareRow) -> Self {
        Self {
            id: row.id,
            user: row.user,
            call_id: row.call_id,
            redacted: row.redacted,
            note: row.note,
            created: row.created.to_string(),
            expires: row.expires.to_string(),
            opened: row.opened,
            last_opened: row.last_opened.map(|time| time.to_string()),
        }
    }
}
