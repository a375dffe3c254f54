//! Aliases: what people call addresses and capture points, kept in the settings and known to all who show addresses.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::{Addresses, Alias, Aliases};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::audit::Trail;
use crate::auth::{AliasRow, Settings};
use crate::error::{ApiError, ErrorBody};
use crate::extract::{Body, Segment};
use crate::limits;
use crate::state::ApiState;
use crate::time::now;

/// The aliases of this moment.
#[derive(Debug, Default)]
pub(crate) struct Known {
    aliases: RwLock<Arc<Aliases>>,
    /// Held over a change and what follows from it: of two changes the later one is known in the end.
    changing: Mutex<()>,
}

impl Known {
    pub(crate) fn new(rows: Vec<AliasRow>) -> Self {
        let known = Self::default();
        known.set(rows);
        known
    }

    pub(crate) fn get(&self) -> Arc<Aliases> {
        Arc::clone(&self.aliases.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, rows: Vec<AliasRow>) {
        let aliases = Arc::new(Aliases::new(rows.into_iter().map(|row| row.alias)));
        *self.aliases.write().unwrap_or_else(PoisonError::into_inner) = aliases;
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AliasList {
    /// By name.
    aliases: Vec<NamedAddresses>,
}

/// What people call addresses, or a capture point.
#[derive(Serialize, ToSchema)]
pub(crate) struct NamedAddresses {
    id: i64,
    name: String,
    /// Addresses that have it: `192.0.2.7`, `192.0.2.0/24`, `192.0.2.7:5060`, `[2001:db8::7]:5060`. Null: the capture
    /// point itself has it.
    #[serde(rename = "match")]
    addresses: Option<String>,
    /// Only as this capture point saw them.
    capture_id: Option<i64>,
    created: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AliasRequest {
    /// 1 to 64 bytes.
    name: String,
    /// Addresses to be called so: `192.0.2.7`, `192.0.2.0/24`, `192.0.2.7:5060`, `[2001:db8::7]:5060`. Of several that
    /// fit the most specific counts. Without it the capture point itself gets the name.
    #[serde(rename = "match")]
    addresses: Option<String>,
    /// Only as this capture point saw them (HEP chunk 12): private addresses are in use at several sites.
    capture_id: Option<u32>,
}

/// Aliases: names for addresses
#[utoipa::path(get, path = "/api/v1/aliases", tag = "aliases",
    responses((status = 200, body = AliasList), (status = 401, body = ErrorBody)))]
pub(crate) async fn aliases(State(state): State<ApiState>) -> Result<Json<AliasList>, ApiError> {
    let rows = state.auth().settings(Settings::aliases).await?;
    Ok(Json(AliasList { aliases: rows.into_iter().map(NamedAddresses::from).collect() }))
}

/// Name addresses
///
/// What has a name already gets the new one. It holds for all that is shown from now on, whenever it was captured.
#[utoipa::path(post, path = "/api/v1/aliases", tag = "aliases", request_body = AliasRequest,
    responses((status = 201, body = NamedAddresses), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(crate) async fn add_alias(
    State(state): State<ApiState>,
    trail: Trail,
    Body(request): Body<AliasRequest>,
) -> Result<(StatusCode, Json<NamedAddresses>), ApiError> {
    let alias = alias(&request)?;
    let of =
        alias.addresses.map_or_else(|| "the capture point".to_owned(), |addresses| addresses.to_string());
    let point = alias.capture_id.map(|id| format!(", capture_id {id}")).unwrap_or_default();
    trail.say(&format!("aliases: {} for {of}{point}", alias.name));
    let known = state.clone();
    let kept = state
        .auth()
        .settings(move |settings| {
            let known = known.known_aliases();
            let _changing = known.changing.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = settings.put_alias(&alias, now())?;
            known.set(settings.aliases()?);
            Ok(kept)
        })
        .await?;
    let kept = kept.ok_or_else(|| {
        let most = limits::ALIASES_MAX;
        ApiError::bad_request(format!("there are {most} aliases: remove one first, or name a network"))
    })?;
    Ok((StatusCode::CREATED, Json(kept.into())))
}

/// Take a name away
#[utoipa::path(delete, path = "/api/v1/aliases/{id}", tag = "aliases", params(("id" = i64, Path)),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn remove_alias(
    State(state): State<ApiState>,
    Segment(id): Segment<i64>,
) -> Result<StatusCode, ApiError> {
    let known = state.clone();
    let removed = state
        .auth()
        .settings(move |settings| {
            let known = known.known_aliases();
            let _changing = known.changing.lock().unwrap_or_else(PoisonError::into_inner);
            let removed = settings.remove_alias(id)?;
            known.set(settings.aliases()?);
            Ok(removed)
        })
        .await?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found(format!("no alias {id}"))) }
}

fn alias(request: &AliasRequest) -> Result<Alias, ApiError> {
    let name = request.name.trim().to_owned();
    if name.is_empty() || name.len() > limits::ALIAS_BYTES_MAX || name.contains(char::is_control) {
        let longest = limits::ALIAS_BYTES_MAX;
        return Err(ApiError::bad_request(format!("`name` must have 1 to {longest} bytes on one line")));
    }
    let addresses = request.addresses.as_deref().map(str::parse::<Addresses>).transpose();
    let addresses = addresses.map_err(|error| ApiError::bad_request(format!("`match`: {error}")))?;
    if addresses.is_none() && request.capture_id.is_none() {
        return Err(ApiError::bad_request(
            "`match` says what has the name, or `capture_id` which capture point",
        ));
    }
    Ok(Alias { name, addresses, capture_id: request.capture_id.map(i64::from) })
}

impl From<AliasRow> for NamedAddresses {
    fn from(row: AliasRow) -> Self {
        Self {
            id: row.id,
            name: row.alias.name,
            addresses: row.alias.addresses.map(|addresses| addresses.to_string()),
            capture_id: row.alias.capture_id,
            created: row.created.to_string(),
        }
    }
}
