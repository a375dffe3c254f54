use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, State};
use axum::http::{Extensions, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use model::Micros;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::settings::TokenKind;
use super::{Auth, COOKIE, Caller, password};
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
    role: String,
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
    Body(request): Body<LoginRequest>,
) -> Result<Response, ApiError> {
    let auth = state.auth();
    let address = peer(&extensions);
    if let Some(seconds) = auth.attempts(|attempts, now| attempts.wait_seconds(address, now)) {
        let message = format!("too many failed logins from this address: wait {seconds} s");
        return Err(ApiError::new(Code::TooManyAttempts, message).retry_after(seconds));
    }
    let Some(role) = role_if_right(auth, &request).await? else {
        auth.attempts(|attempts, now| attempts.failed(address, now));
        tracing::warn!("a login failed");
        return Err(ApiError::new(Code::LoginFailed, "wrong user or password"));
    };
    auth.attempts(|attempts, _| attempts.succeeded(address));

    let user = request.user.clone();
    let life = limits::SESSION_LIFE.as_secs();
    let expires = Micros(now().0 + life as i64 * Micros::SECOND);
    let (_, token) = auth
        .settings(move |settings| settings.add_token(TokenKind::Session, &user, "", now(), expires))
        .await?
        .expect("sessions have no limit, the oldest goes");
    let cookie = format!("{COOKIE}={token}; Path=/; Max-Age={life}; HttpOnly; SameSite=Strict");
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
    Json(Me { user: caller.user, role: caller.role })
}

/// The user's role if the password is the right one. Takes as long for a user that does not exist.
async fn role_if_right(auth: &Auth, request: &LoginRequest) -> Result<Option<String>, ApiError> {
    if request.password.len() > limits::PASSWORD_BYTES_MAX || request.user.len() > limits::PASSWORD_BYTES_MAX
    {
        return Ok(None);
    }
    let turn = auth.password_turns.acquire();
    let Ok(turn) = tokio::time::timeout(limits::PASSWORD_CHECK_WAIT, turn).await else {
        return Err(ApiError::new(Code::Busy, "too many logins at once: try again").retry_after(1));
    };
    let _turn = turn.map_err(|cause| ApiError::internal(&cause))?;
    let (user, given) = (request.user.clone(), request.password.clone());
    let nobodys_hash = auth.nobodys_hash.clone();
    auth.settings(move |settings| {
        let stored = settings.stored_login(&user)?;
        let right =
            password::matches(&given, stored.as_ref().map_or(&nobodys_hash, |stored| &stored.password));
        Ok(stored.filter(|_| right).map(|stored| stored.role))
    })
    .await
}

/// Where the request comes from. Whoever serves the router says so; without it all share one count.
fn peer(extensions: &Extensions) -> IpAddr {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip())
}
