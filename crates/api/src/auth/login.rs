use std::net::IpAddr;

use axum::extract::State;
use axum::http::{Extensions, HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use model::Micros;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Permission, Role};
use super::settings::{NewToken, TokenKind};
use super::{Auth, COOKIE, Caller, may_try, password, peer};
use crate::audit::Login;
use crate::error::{ApiError, Code, ErrorBody};
use crate::extract::Body;
use crate::limits;
use crate::state::ApiState;
use crate::time::now;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginRequest {
    user: String,
    password: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct LoginAnswer {
    /// For `Authorization: Bearer`; browsers get the same as a cookie.
    token: String,
    user: String,
    role: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    user: String,
    role: Role,
    /// What records must satisfy, so that they are shown: a text of the query language. Null: all are.
    scope: Option<String>,
    /// What routes may be asked: those that name one of these as `x-permission` in the description of this API.
    permissions: Vec<Permission>,
}

/// Log in
#[utoipa::path(post, path = "/api/v1/login", tag = "login", security(()), request_body = LoginRequest,
    responses(
        (status = 200, body = LoginAnswer, headers(("set-cookie" = String, description = "the session, for browsers"))),
        (status = 401, body = ErrorBody, description = "wrong user or password"),
        (status = 429, body = ErrorBody, description = "too many failed logins from this address"),
    ))]
pub(crate) async fn login(
    State(state): State<ApiState>,
    extensions: Extensions,
    headers: HeaderMap,
    Body(request): Body<LoginRequest>,
) -> Result<Response, ApiError> {
    let auth = state.auth();
    let known = peer(&extensions);
    let address = auth.may_try(known)?;
    let role = match checked(auth, &request).await? {
        Checked::Right(role) => role,
        Checked::Wrong { is_user } => {
            auth.attempts(|attempts, now| attempts.failed(address, now));
            tracing::warn!(%address, "a login failed");
            // People type passwords where names belong: what is no name is not written down.
            let name = if is_user { request.user.as_str() } else { "" };
            state.book().login(name, known, Login::Failed);
            return Err(ApiError::new(Code::LoginFailed, "wrong user or password"));
        }
    };
    auth.attempts(|attempts, _| attempts.succeeded(address));

    state.book().login(&request.user, known, Login::Succeeded);
    let life = limits::SESSION_LIFE.as_secs();
    let expires = Micros(now().0 + life as i64 * Micros::SECOND);
    let session = NewToken::plain(TokenKind::Session, &request.user, "", expires);
    let (_, token) = auth
        .settings(move |settings| settings.add_token(&session, now()))
        .await?
        .expect("sessions have no limit, the oldest goes");
    let secure = if came_over_tls(&headers) { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={token}; Path=/; Max-Age={life}; HttpOnly; SameSite=Strict{secure}");
    Ok(([(header::SET_COOKIE, cookie)], Json(LoginAnswer { token, user: request.user, role }))
        .into_response())
}

/// Log out: the session ends, the cookie goes
#[utoipa::path(post, path = "/api/v1/logout", tag = "login", responses((status = 204)))]
pub(crate) async fn logout(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, ApiError> {
    state.auth().settings(move |settings| settings.end_session(caller.token_id)).await?;
    let cookie = format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Who am I
#[utoipa::path(get, path = "/api/v1/me", tag = "login", responses((status = 200, body = Me)))]
pub(crate) async fn me(Extension(caller): Extension<Caller>) -> Json<Me> {
    let permissions = Permission::ALL.into_iter().filter(|permission| permission.is_of(&caller)).collect();
    let scope = match caller.scopes.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(several.iter().map(|scope| format!("({scope})")).collect::<Vec<_>>().join(" and ")),
    };
    Json(Me { user: caller.user, role: caller.role, scope, permissions })
}

/// As the browser sees it, which is what counts: a proxy may end TLS before us.
fn came_over_tls(headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

/// What came of comparing a password.
pub(super) enum Checked {
    Right(String),
    Wrong { is_user: bool },
}

/// Compares the password. Takes as long for a user that does not exist.
async fn checked(auth: &Auth, request: &LoginRequest) -> Result<Checked, ApiError> {
    if request.password.len() > limits::PASSWORD_BYTES_MAX || request.user.len() > limits::PASSWORD_BYTES_MAX
    {
        return Ok(Checked::Wrong { is_user: false });
    }
    auth.compare(&request.user, &request.password).await
}

impl Auth {
    /// Whether a password may be tried from there now; the address that counts.
    pub(super) fn may_try(&self, known: Option<IpAddr>) -> Result<IpAddr, ApiError> {
        may_try(&self.attempts, known, "failed logins")
    }

    /// Compares a password in its turn.
    pub(super) async fn compare(&self, user: &str, password: &str) -> Result<Checked, ApiError> {
        let turn = self.password_turns.acquire();
        let Ok(turn) = tokio::time::timeout(limits::PASSWORD_CHECK_WAIT, turn).await else {
            return Err(ApiError::new(Code::Busy, "too many logins at once: try again").retry_after(1));
        };
        let _turn = turn.map_err(|cause| ApiError::internal(&cause))?;
        let (user, given) = (user.to_owned(), password.to_owned());
        let nobodys_hash = self.nobodys_hash.clone();
        self.settings(move |settings| {
            let stored = settings.stored_login(&user)?;
            let hash = stored.as_ref().map_or(&nobodys_hash, |stored| &stored.password);
            Ok(match (password::matches(&given, hash), stored) {
                (true, Some(stored)) => Checked::Right(stored.role),
                (_, stored) => Checked::Wrong { is_user: stored.is_some() },
            })
        })
        .await
    }
}
