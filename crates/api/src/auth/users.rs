//! Managing users, and one's own password.

use axum::extract::State;
use axum::http::{Extensions, StatusCode};
use axum::{Extension, Json};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::access::Role;
use super::login::Checked;
use super::settings::{Added, Changed, TokenKind, UserChange, UserRow};
use super::{Caller, password, peer};
use crate::audit::Trail;
use crate::error::{ApiError, Code, ErrorBody};
use crate::extract::{Body, Segment};
use crate::limits;
use crate::state::ApiState;
use crate::time::now;
use crate::view::Scope;

#[derive(Serialize, ToSchema)]
pub(crate) struct UserList {
    users: Vec<User>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct User {
    name: String,
    role: String,
    /// What records must satisfy, so that they are shown; null: all are.
    scope: Option<String>,
    created: String,
    /// When they, or a program of theirs, asked last.
    last_seen: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// Letters, digits and `. _ - @ +`.
    name: String,
    role: Role,
    /// A text of the query language that records must satisfy, so that they are shown. An admin has none.
    scope: Option<String>,
    /// A random one if not given.
    password: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct MadeUser {
    name: String,
    role: Role,
    /// The random one. Shown this once.
    password: Option<String>,
}

/// What is not given stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserPatch {
    role: Option<Role>,
    /// Null: none any more.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    scope: Option<Option<String>>,
    password: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnPassword {
    /// The one so far.
    current: String,
    new: String,
}

/// Null is a value, unlike nothing at all.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// All users
#[utoipa::path(get, path = "/api/v1/users", tag = "users",
    responses((status = 200, body = UserList), (status = 403, body = ErrorBody)))]
pub(crate) async fn users(State(state): State<ApiState>) -> Result<Json<UserList>, ApiError> {
    let rows = state.auth().settings(super::settings::Settings::users).await?;
    Ok(Json(UserList { users: rows.into_iter().map(User::from).collect() }))
}

/// Make a user
#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = NewUser, responses(
    (status = 201, body = MadeUser), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 409, body = ErrorBody)))]
pub(crate) async fn add_user(
    State(state): State<ApiState>,
    trail: Trail,
    Body(request): Body<NewUser>,
) -> Result<(StatusCode, Json<MadeUser>), ApiError> {
    let NewUser { name, role, scope, password: given } = request;
    if !is_name(&name) {
        let longest = limits::USER_NAME_BYTES_MAX;
        let message = format!("`name` must have 1 to {longest} letters, digits and `. _ - @ +`");
        return Err(ApiError::bad_request(message));
    }
    trail.say(&format!("users: {name}, role {}{}", role.name(), written(scope.as_deref())));
    check(&state, Some(role), scope.as_deref(), given.as_deref())?;
    let random = match given {
        Some(_) => None,
        None => Some(password::random().map_err(|cause| ApiError::internal(&cause))?),
    };
    let password = given.or_else(|| random.clone()).unwrap_or_default();
    let user = name.clone();
    let added = state
        .auth()
        .settings(move |settings| settings.add_user(&user, role, scope.as_deref(), &password, now()))
        .await?;
    match added {
        Added::Done => Ok((StatusCode::CREATED, Json(MadeUser { name, role, password: random }))),
        Added::Taken => Err(ApiError::new(Code::Conflict, format!("there is a user `{name}`"))),
        Added::TooMany => {
            let most = limits::USERS_MAX;
            Err(ApiError::new(Code::Conflict, format!("there are {most} users, which is the most")))
        }
    }
}

/// Change a user: their sessions end
#[utoipa::path(patch, path = "/api/v1/users/{name}", tag = "users", params(("name" = String, Path)),
    request_body = UserPatch, responses((status = 204), (status = 400, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(crate) async fn change_user(
    State(state): State<ApiState>,
    trail: Trail,
    Segment(name): Segment<String>,
    Body(request): Body<UserPatch>,
) -> Result<StatusCode, ApiError> {
    let UserPatch { role, scope, password } = request;
    let mut told = format!("users/{name}:");
    if let Some(role) = role {
        told += &format!(" role {}", role.name());
    }
    match &scope {
        Some(Some(scope)) => told += &format!(" scope {scope}"),
        Some(None) => told += " no scope",
        None => {}
    }
    if password.is_some() {
        told += " password";
    }
    trail.say(&told);
    check(&state, role, scope.as_ref().and_then(Option::as_deref), password.as_deref())?;
    let change = UserChange { password, role, scope };
    let user = name.clone();
    let changed = state.auth().settings(move |settings| settings.change_user(&user, &change, None)).await?;
    answer(changed, &name)
}

/// Remove a user, with sessions and tokens
#[utoipa::path(delete, path = "/api/v1/users/{name}", tag = "users", params(("name" = String, Path)), responses(
    (status = 204), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody)))]
pub(crate) async fn remove_user(
    State(state): State<ApiState>,
    Segment(name): Segment<String>,
) -> Result<StatusCode, ApiError> {
    let user = name.clone();
    let changed = state.auth().settings(move |settings| settings.remove_user(&user)).await?;
    answer(changed, &name)
}

/// Change one's own password: one's other sessions end
#[utoipa::path(put, path = "/api/v1/me/password", tag = "login", request_body = OwnPassword, responses(
    (status = 204), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 429, body = ErrorBody)))]
pub(crate) async fn change_password(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    extensions: Extensions,
    Body(request): Body<OwnPassword>,
) -> Result<StatusCode, ApiError> {
    if caller.kind != TokenKind::Session {
        return Err(ApiError::new(Code::Forbidden, "a token cannot change a password: log in"));
    }
    check(&state, None, None, Some(&request.new))?;
    if request.current.len() > limits::PASSWORD_BYTES_MAX {
        return Err(ApiError::new(Code::Forbidden, "`current` is not your password"));
    }
    let auth = state.auth();
    // Who has found an open browser must not guess the password with it.
    let address = auth.may_try(peer(&extensions))?;
    if let Checked::Wrong { .. } = auth.compare(&caller.user, &request.current).await? {
        auth.attempts(|attempts, now| attempts.failed(address, now));
        return Err(ApiError::new(Code::Forbidden, "`current` is not your password"));
    }
    let change = UserChange { password: Some(request.new), ..UserChange::default() };
    let (user, session) = (caller.user.clone(), caller.token_id);
    let changed = auth.settings(move |settings| settings.change_user(&user, &change, Some(session))).await?;
    answer(changed, &caller.user)
}

/// Refuses what no user may be.
fn check(
    state: &ApiState,
    role: Option<Role>,
    scope: Option<&str>,
    password: Option<&str>,
) -> Result<(), ApiError> {
    if role == Some(Role::Admin) && scope.is_some() {
        return Err(scoped_admin());
    }
    if let Some(scope) = scope {
        Scope::check(state, scope, now())?;
    }
    let (least, most) = (limits::PASSWORD_BYTES_MIN, limits::PASSWORD_BYTES_MAX);
    if password.is_some_and(|password| !(least..=most).contains(&password.len())) {
        return Err(ApiError::bad_request(format!("a password must have {least} to {most} bytes")));
    }
    Ok(())
}

fn answer(changed: Changed, name: &str) -> Result<StatusCode, ApiError> {
    match changed {
        Changed::Done => Ok(StatusCode::NO_CONTENT),
        Changed::Nobody => Err(ApiError::not_found(format!("no user `{name}`"))),
        Changed::LastAdmin => {
            let message = format!("`{name}` is the last admin: make another one first");
            Err(ApiError::new(Code::Conflict, message))
        }
        Changed::ScopedAdmin => Err(scoped_admin()),
    }
}

fn scoped_admin() -> ApiError {
    ApiError::bad_request("an admin sees everything: a `scope` is for the other roles")
}

fn written(scope: Option<&str>) -> String {
    scope.map(|scope| format!(", scope {scope}")).unwrap_or_default()
}

fn is_name(name: &str) -> bool {
    (1..=limits::USER_NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@+".contains(&byte))
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            name: row.name,
            role: row.role,
            scope: row.scope,
            created: row.created.to_string(),
            last_seen: row.last_seen.map(|time| time.to_string()),
        }
    }
}
