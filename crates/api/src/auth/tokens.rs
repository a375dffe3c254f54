use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use model::Micros;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::access::{Permission, Role};
use super::settings::{NewToken, TokenKind, TokenRow};
use super::{Caller, address};
use crate::audit::Trail;
use crate::error::{ApiError, Code, ErrorBody};
use crate::extract::{Body, Parameters, Segment};
use crate::limits;
use crate::state::ApiState;
use crate::time::now;
use crate::view::Scope;

#[derive(Serialize, ToSchema)]
pub(crate) struct TokenList {
    tokens: Vec<Token>,
}

/// An API token, without the token: that was shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct Token {
    id: i64,
    /// Whose it is.
    user: String,
    name: String,
    /// What it may do at most; null: what its owner may.
    role: Option<String>,
    /// What records must satisfy beside the owner's scope.
    scope: Option<String>,
    /// Networks it may be used from; none: from everywhere.
    addresses: Vec<String>,
    created: String,
    expires: String,
    /// Within a minute.
    last_used: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenRequest {
    /// What it is for, to know it again in the list.
    name: String,
    /// Days until it expires; 365 if not given, at most 3,650.
    expires_days: Option<u32>,
    /// Not above one's own; it follows the owner's if not given.
    role: Option<Role>,
    /// A text of the query language that records must satisfy, so that they are shown.
    scope: Option<String>,
    /// Networks it may be used from, as `10.0.0.7` or `2001:db8::/32`; from everywhere if not given.
    #[serde(default)]
    addresses: Vec<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TokensQuery {
    /// Those of all users, for who may manage users.
    #[serde(default)]
    all: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = NewToken)]
pub(crate) struct MadeToken {
    id: i64,
    name: String,
    expires: String,
    /// For `Authorization: Bearer`. Shown this once.
    token: String,
}

/// My API tokens
#[utoipa::path(get, path = "/api/v1/tokens", tag = "login", params(TokensQuery),
    responses((status = 200, body = TokenList), (status = 403, body = ErrorBody)))]
pub(crate) async fn tokens(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Parameters(query): Parameters<TokensQuery>,
) -> Result<Json<TokenList>, ApiError> {
    if query.all {
        Permission::Users.check(&caller)?;
    }
    let user = (!query.all).then_some(caller.user);
    let rows = state.auth().settings(move |settings| settings.api_tokens(user.as_deref())).await?;
    Ok(Json(TokenList { tokens: rows.into_iter().map(Token::from).collect() }))
}

/// Make an API token
#[utoipa::path(post, path = "/api/v1/tokens", tag = "login", request_body = TokenRequest,
    responses((status = 201, body = MadeToken), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody)))]
pub(crate) async fn add_token(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    trail: Trail,
    Body(request): Body<TokenRequest>,
) -> Result<(StatusCode, Json<MadeToken>), ApiError> {
    if caller.kind == TokenKind::Api {
        // One made here would outlive the limits of the one it was made with.
        return Err(ApiError::new(Code::Forbidden, "a token cannot make tokens: log in"));
    }
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
    if let Some(role) = request.role.filter(|role| *role > caller.role) {
        let (asked, own) = (role.name(), caller.role.name());
        return Err(ApiError::new(Code::Forbidden, format!("the role {asked} is above yours, {own}")));
    }
    if let Some(scope) = &request.scope {
        Scope::check(&state, scope, now())?;
    }
    let new = NewToken {
        role: request.role,
        scope: request.scope,
        addresses: networks(&request.addresses)?,
        ..NewToken::plain(TokenKind::Api, &caller.user, &name, expires)
    };
    trail.say(&format!("tokens: {}", about(&new)));
    let added = state.auth().settings(move |settings| settings.add_token(&new, now())).await?;
    let (id, token) = added.ok_or_else(|| {
        let most = limits::TOKENS_PER_USER_MAX;
        ApiError::new(Code::BadRequest, format!("you have {most} tokens: take one back first"))
    })?;
    Ok((StatusCode::CREATED, Json(MadeToken { id, name, expires: expires.to_string(), token })))
}

/// Networks as they are kept.
fn networks(written: &[String]) -> Result<String, ApiError> {
    let most = limits::TOKEN_NETWORKS_MAX;
    if written.len() > most {
        return Err(ApiError::bad_request(format!("`addresses`: at most {most} networks")));
    }
    let read = |text: &String| {
        let network = address::network(text.trim()).ok_or_else(|| {
            ApiError::bad_request(format!(
                "`addresses`: `{text}` is no address or network; write 10.0.0.7, 10.1.0.0/16 or 2001:db8::/32"
            ))
        })?;
        Ok(address::written(&network))
    };
    Ok(written.iter().map(read).collect::<Result<Vec<_>, ApiError>>()?.join(" "))
}

/// A new token in the audit log.
fn about(new: &NewToken) -> String {
    let mut text = format!("`{}` until {}", new.name, new.expires);
    if let Some(role) = new.role {
        text += &format!(", role {}", role.name());
    }
    if let Some(scope) = &new.scope {
        text += &format!(", scope {scope}");
    }
    if !new.addresses.is_empty() {
        text += &format!(", from {}", new.addresses);
    }
    text
}

/// Take an API token back: one's own, or anybody's for who may manage users
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "login", params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(crate) async fn remove_token(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Segment(id): Segment<i64>,
) -> Result<StatusCode, ApiError> {
    let user = (!Permission::Users.is_of(&caller)).then_some(caller.user);
    let removed =
        state.auth().settings(move |settings| settings.remove_api_token(user.as_deref(), id)).await?;
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
            user: row.user,
            name: row.name,
            role: row.role,
            scope: row.scope,
            addresses: row.addresses.split_ascii_whitespace().map(str::to_owned).collect(),
            created: row.created.to_string(),
            expires: row.expires.to_string(),
            last_used: row.last_used.map(|time| time.to_string()),
        }
    }
}
