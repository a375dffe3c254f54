use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use model::Micros;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Caller;
use super::settings::{TokenKind, TokenRow};
use crate::error::{ApiError, Code, ErrorBody};
use crate::extract::{Body, Segment};
use crate::limits;
use crate::state::ApiState;
use crate::time::now;

#[derive(Serialize, ToSchema)]
pub(crate) struct TokenList {
    tokens: Vec<Token>,
}

/// An API token, without the token: that was shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct Token {
    id: i64,
    name: String,
    created: String,
    expires: String,
    last_used: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenRequest {
    /// What it is for, to know it again in the list.
    name: String,
    /// Days until it expires; 365 if not given, at most 3,650.
    expires_days: Option<u32>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct NewToken {
    id: i64,
    name: String,
    expires: String,
    /// For `Authorization: Bearer`. Shown this once.
    token: String,
}

/// My API tokens
#[utoipa::path(get, path = "/api/v1/tokens", tag = "login", responses((status = 200, body = TokenList)))]
pub(crate) async fn tokens(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<TokenList>, ApiError> {
    let rows = state.auth().settings(move |settings| settings.api_tokens(&caller.user)).await?;
    Ok(Json(TokenList { tokens: rows.into_iter().map(Token::from).collect() }))
}

/// Make an API token
#[utoipa::path(post, path = "/api/v1/tokens", tag = "login", request_body = TokenRequest,
    responses((status = 201, body = NewToken), (status = 400, body = ErrorBody)))]
pub(crate) async fn add_token(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<TokenRequest>,
) -> Result<(StatusCode, Json<NewToken>), ApiError> {
    let name = request.name.trim().to_owned();
    if name.is_empty() || name.len() > limits::TOKEN_NAME_BYTES_MAX {
        let longest = limits::TOKEN_NAME_BYTES_MAX;
        return Err(ApiError::bad_request(format!("`name` must have 1 to {longest} bytes")));
    }
    let days = request.expires_days.unwrap_or(limits::TOKEN_DAYS_DEFAULT);
    if !(1..=limits::TOKEN_DAYS_MAX).contains(&days) {
        let longest = limits::TOKEN_DAYS_MAX;
        return Err(ApiError::bad_request(format!("`expires_days` must be 1 to {longest}, not {days}")));
    }
    let expires = Micros(now().0 + i64::from(days) * Micros::DAY);
    let stored = name.clone();
    let added = state
        .auth()
        .settings(move |settings| settings.add_token(TokenKind::Api, &caller.user, &stored, now(), expires))
        .await?;
    let (id, token) = added.ok_or_else(|| {
        let most = limits::TOKENS_PER_USER_MAX;
        ApiError::new(Code::BadRequest, format!("you have {most} tokens: take one back first"))
    })?;
    Ok((StatusCode::CREATED, Json(NewToken { id, name, expires: expires.to_string(), token })))
}

/// Take an API token back
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "login", params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(crate) async fn remove_token(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Segment(id): Segment<i64>,
) -> Result<StatusCode, ApiError> {
    let removed = state.auth().settings(move |settings| settings.remove_api_token(&caller.user, id)).await?;
    if removed {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::not_found(format!("you have no token {id}")))
    }
}

impl From<TokenRow> for Token {
    fn from(row: TokenRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            created: row.created.to_string(),
            expires: row.expires.to_string(),
            last_used: row.last_used.map(|time| time.to_string()),
        }
    }
}
