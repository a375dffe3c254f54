//! Boards that users make: kept in the settings, shown by the web. The numbers on them are asked for by whoever looks, with
//! what they may see: a shared board shares questions, never answers.

mod check;
mod document;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::audit::Trail;
use crate::auth::{BoardRow, Caller, Changing, NewBoard, NoRoom, Permission, Settings};
use crate::error::{ApiError, Code, ErrorBody};
use crate::extract::{Body, Segment};
use crate::limits;
use crate::state::ApiState;
use crate::time::now;
use check::Sent;
use document::Board;

#[derive(Serialize, ToSchema)]
pub(crate) struct BoardList {
    /// One's own first, by title.
    boards: Vec<BoardEntry>,
}

/// A board without what it shows.
#[derive(Serialize, ToSchema)]
pub(crate) struct BoardEntry {
    title: String,
    /// How many.
    panels: i64,
    #[serde(flatten)]
    kept: Kept,
}

/// What the server knows of a board.
#[derive(Serialize, ToSchema)]
#[schema(as = KeptBoard)]
pub(crate) struct Kept {
    id: i64,
    /// Who made it and may change it.
    owner: String,
    is_mine: bool,
    /// All users without a scope see it.
    shared: bool,
    /// Counts its changes.
    version: i64,
    created: String,
    changed: String,
}

/// A board. As it is it can be sent to `POST /api/v1/boards`, of this server or of another.
#[derive(Serialize, ToSchema)]
pub(crate) struct WholeBoard {
    #[serde(flatten)]
    board: Board,
    #[serde(flatten)]
    kept: Kept,
}

/// A board as it is sent.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what is read piece by piece, to say where it is wrong")]
pub(crate) struct SentBoard {
    #[schema(inline)]
    board: Board,
    /// Whether all users without a scope see it; not if not given.
    shared: Option<bool>,
    /// With a change: the version it was made from.
    version: Option<i64>,
}

/// My boards, and those that others share
#[utoipa::path(get, path = "/api/v1/boards", tag = "boards",
    responses((status = 200, body = BoardList), (status = 403, body = ErrorBody)))]
pub(crate) async fn boards(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<BoardList>, ApiError> {
    let (user, others) = (caller.user.clone(), sees_others(&caller));
    let rows = state.auth().settings(move |settings| settings.boards(&user, others)).await?;
    let entry = |row: BoardRow| BoardEntry {
        title: row.title.clone(),
        panels: row.panels,
        kept: Kept::of(&row, &caller),
    };
    Ok(Json(BoardList { boards: rows.into_iter().map(entry).collect() }))
}

/// A board
#[utoipa::path(get, path = "/api/v1/boards/{id}", tag = "boards", params(("id" = i64, Path)), responses(
    (status = 200, body = WholeBoard), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn board(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Segment(id): Segment<i64>,
) -> Result<Json<WholeBoard>, ApiError> {
    let (user, others) = (caller.user.clone(), sees_others(&caller));
    let found = state.auth().settings(move |settings| settings.board(&user, others, id)).await?;
    let (row, text) = found.ok_or_else(|| not_found(id))?;
    let board = serde_json::from_str(&text).map_err(|cause| ApiError::internal(&cause))?;
    Ok(Json(WholeBoard { board, kept: Kept::of(&row, &caller) }))
}

/// Make a board, or take one in from a file
#[utoipa::path(post, path = "/api/v1/boards", tag = "boards", request_body = SentBoard, responses(
    (status = 201, body = WholeBoard), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 409, body = ErrorBody, description = "there are too many")))]
pub(crate) async fn add_board(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    trail: Trail,
    Body(body): Body<serde_json::Value>,
) -> Result<(StatusCode, Json<WholeBoard>), ApiError> {
    let sent = check::read(&state, body)?;
    let new = kept_as(&caller, &sent)?;
    let added = state.auth().settings(move |settings: &Settings| settings.add_board(&new, now())).await?;
    let row = added.map_err(|no_room| {
        let message = match no_room {
            NoRoom::OfUser => format!("you have {} boards: remove one first", limits::BOARDS_PER_USER_MAX),
            NoRoom::InAll => format!("there are {} boards: one must be removed first", limits::BOARDS_MAX),
        };
        ApiError::new(Code::Conflict, message)
    })?;
    trail.say(&said("made", &row));
    Ok((StatusCode::CREATED, Json(WholeBoard { board: sent.board, kept: Kept::of(&row, &caller) })))
}

/// Change one's own board
///
/// `version` is the one that was changed. If the board has another by now, nothing is changed: 409.
#[utoipa::path(put, path = "/api/v1/boards/{id}", tag = "boards", params(("id" = i64, Path)), request_body = SentBoard,
    responses((status = 200, body = WholeBoard), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, body = ErrorBody, description = "it has been changed meanwhile")))]
pub(crate) async fn change_board(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    trail: Trail,
    Segment(id): Segment<i64>,
    Body(body): Body<serde_json::Value>,
) -> Result<Json<WholeBoard>, ApiError> {
    let (user, others) = (caller.user.clone(), sees_others(&caller));
    let found = state.auth().settings(move |settings| settings.board(&user, others, id)).await?;
    let (before, _) = found.ok_or_else(|| not_found(id))?;
    if before.user != caller.user {
        let message = format!("board {id} is of {}, who alone may change it: make a copy", before.user);
        return Err(ApiError::new(Code::Forbidden, message));
    }
    let sent = check::read(&state, body)?;
    let seen = sent.version.ok_or_else(|| {
        ApiError::bad_request("`version`: is missing: the version of the board that was changed")
    })?;
    let new = kept_as(&caller, &sent)?;
    let changed = state
        .auth()
        .settings(move |settings: &Settings| settings.change_board(id, seen, &new, now()))
        .await?;
    match changed {
        Changing::Changed(row) => {
            trail.say(&said("changed", &row));
            Ok(Json(WholeBoard { board: sent.board, kept: Kept::of(&row, &caller) }))
        }
        Changing::Unknown => Err(not_found(id)),
        Changing::Newer(row) => {
            let (version, changed) = (row.version, row.changed);
            let message = format!(
                "board {id} has version {version} since {changed}, and this change was made from version {seen}: \
                 read it again"
            );
            Err(ApiError::new(Code::Conflict, message))
        }
    }
}

/// Remove a board: one's own, or anybody's for who may manage users
#[utoipa::path(delete, path = "/api/v1/boards/{id}", tag = "boards", params(("id" = i64, Path)),
    responses((status = 204), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn remove_board(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    trail: Trail,
    Segment(id): Segment<i64>,
) -> Result<StatusCode, ApiError> {
    let user = (!Permission::Users.is_of(&caller)).then_some(caller.user);
    let removed = state.auth().settings(move |settings| settings.remove_board(user.as_deref(), id)).await?;
    let removed = removed.ok_or_else(|| ApiError::not_found(format!("you have no board {id}")))?;
    trail.say(&said("removed", &removed));
    Ok(StatusCode::NO_CONTENT)
}

/// The questions on a board name what their maker looks for: who may read a part only is not told what others look for.
fn sees_others(caller: &Caller) -> bool {
    caller.scopes.is_empty()
}

fn not_found(id: i64) -> ApiError {
    ApiError::not_found(format!("no board {id} of yours or shared"))
}

fn kept_as(caller: &Caller, sent: &Sent) -> Result<NewBoard, ApiError> {
    if sent.shared && !sees_others(caller) {
        let message = "`shared`: you have a scope, and who has one shares no boards";
        return Err(ApiError::new(Code::Forbidden, message));
    }
    let document = serde_json::to_string(&sent.board).map_err(|cause| ApiError::internal(&cause))?;
    let longest = limits::BOARD_BYTES_MAX;
    if document.len() > longest {
        let message = format!("the board has {} bytes, the longest has {longest}", document.len());
        return Err(ApiError::new(Code::TooLarge, message));
    }
    Ok(NewBoard {
        user: caller.user.clone(),
        shared: sent.shared,
        title: sent.board.title.trim().to_owned(),
        panels: sent.board.panels.len(),
        document,
    })
}

fn said(what: &str, row: &BoardRow) -> String {
    let shared = if row.shared { ", shared" } else { "" };
    format!("boards: {what} {} of {}, \"{}\", version {}{shared}", row.id, row.user, row.title, row.version)
}

impl Kept {
    fn of(row: &BoardRow, caller: &Caller) -> Self {
        Self {
            id: row.id,
            owner: row.user.clone(),
            is_mine: row.user == caller.user,
            shared: row.shared,
            version: row.version,
            created: row.created.to_string(),
            changed: row.changed.to_string(),
        }
    }
}
