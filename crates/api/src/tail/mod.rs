//! Watching over a WebSocket: `GET /api/v1/tail?q=...`, rows as they come in.
//!
//! Two tasks serve a viewer. One takes what the store publishes, keeps what the viewer may have and counts the rest
//! ([`Shelf`]); the other sends it. So a viewer whose line is slow is behind by no more than the shelf holds, is told
//! how many rows it did not get, and makes nobody else wait.

mod shelf;
mod upgrade;

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::response::Response;
use futures::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::json;
use store::{Seen, Tail};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::Message;
use utoipa::IntoParams;

use crate::ask;
use crate::auth::Pass;
use crate::error::{ApiError, Code, ErrorBody};
use crate::extract::Parameters;
use crate::limits;
use crate::row;
use crate::state::ApiState;
use crate::summary::Summary;
use crate::time::now;
use crate::view::View;

use shelf::Shelf;
use upgrade::{Socket, Upgrade};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TailQuery {
    /// Search text; empty shows everything.
    q: Option<String>,
}

/// Watch messages as they come in, over a WebSocket
///
/// JSON texts: `{"messages": [...]}` with messages as in a list but for `witness_of`, `{"skipped": n}` for what was too much,
/// `{"heartbeat": time}` now and then. A wrong query is refused before the upgrade, so that a plain GET tells why.
#[utoipa::path(get, path = "/api/v1/tail", tag = "search", params(TailQuery), responses(
    (status = 101, description = "the WebSocket is open and everything that comes in from now on is looked at"),
    (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 426, body = ErrorBody, description = "not a WebSocket handshake"), (status = 503, body = ErrorBody)))]
pub(crate) async fn tail(
    state: View,
    Extension(pass): Extension<Pass>,
    Parameters(query): Parameters<TailQuery>,
    upgrade: Result<Upgrade, ApiError>,
) -> Result<Response, ApiError> {
    let expr = ask::question(&state, query.q.as_deref(), now())?;
    if let Some(field) = expr.name_beyond(state.protocols().tables()) {
        let message = format!("`{}` is of calls: of a message it is not known when it arrives", field.name);
        return Err(ApiError::new(Code::BadQuery, message));
    }
    let upgrade = upgrade?;
    let place = Arc::clone(state.viewers()).try_acquire_owned().map_err(|_| {
        let most = limits::TAIL_VIEWERS_MAX;
        ApiError::new(Code::Busy, format!("{most} viewers are watching: close one")).retry_after(10)
    })?;
    let columns: Vec<String> =
        ask::all_but_payload(&ask::tables(&state, None)?).into_iter().map(str::to_owned).collect();
    let tail = ask::tail(&state, expr, &columns).await?;
    // Told only now: what comes in after the client hears of the upgrade is seen.
    // Watching may go on for days: it is written down when it begins.
    let state = ApiState::clone(&state);
    Ok(upgrade.accept(move |socket| watch(socket, tail, state, pass, place)))
}

/// Serves one viewer until it goes, falls silent or may no longer watch, or the server stops.
async fn watch(socket: Socket, tail: Tail, state: ApiState, pass: Pass, _place: OwnedSemaphorePermit) {
    let shelf = Arc::new(Shelf::default());
    let gathering = tokio::spawn(gather(tail, Arc::clone(&shelf), state.clone()));
    send(socket, &shelf, &state, &pass).await;
    gathering.abort();
}

/// Fills the shelf.
async fn gather(mut tail: Tail, shelf: Arc<Shelf>, state: ApiState) {
    while let Some(seen) = tail.next().await {
        match seen.map_err(ApiError::from).and_then(|seen| put(&state, &shelf, &seen)) {
            Ok(()) => {}
            Err(error) => {
                shelf.end(&json!({"error": {"code": error.code, "message": error.message}}));
                return;
            }
        }
    }
    shelf.end(&json!({"error": {"code": Code::Busy, "message": "the server is stopping"}}));
}

fn put(state: &ApiState, shelf: &Shelf, seen: &Seen) -> Result<(), ApiError> {
    let found = seen.rows.num_rows();
    let taken = shelf.room(found, Instant::now());
    let rows =
        row::rows(state.tables(), &seen.rows.slice(0, taken)).map_err(|cause| ApiError::internal(&cause))?;
    let texts = rows.iter().map(|row| {
        serde_json::to_string(&Summary::from(row)).expect("a summary becomes JSON and memory takes it")
    });
    shelf.put(seen.passed_over, texts, (found - taken) as u64);
    Ok(())
}

/// Empties the shelf into the socket.
async fn send(mut socket: Socket, shelf: &Shelf, state: &ApiState, pass: &Pass) {
    let mut heartbeat = interval(limits::TAIL_HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    loop {
        let texts = tokio::select! {
            texts = shelf.take() => texts,
            _ = heartbeat.tick() => {
                if heard.elapsed() > limits::TAIL_SILENCE_MAX || !state.auth().is_valid(pass).await {
                    break;
                }
                if timeout(limits::TAIL_SEND_TIME_MAX, socket.send(Message::Ping("".into()))).await.is_err() {
                    break;
                }
                Some(vec![json!({"heartbeat": now().to_string()}).to_string()])
            }
            message = socket.next() => match message {
                // Nothing a viewer says means anything, but that it is there.
                Some(Ok(message)) if !message.is_close() => {
                    heard = Instant::now();
                    continue;
                }
                _ => break,
            },
        };
        let Some(texts) = texts else { break };
        for text in texts {
            match timeout(limits::TAIL_SEND_TIME_MAX, socket.send(Message::Text(text.into()))).await {
                Ok(Ok(())) => {}
                // Gone, or it has not read anything for long.
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }
    // The peer may be gone already.
    let _ = timeout(limits::TAIL_SEND_TIME_MAX, socket.close(None)).await;
}

/// The messages of one frame.
fn frame(rows: &[String]) -> String {
    format!("{{\"messages\":[{}]}}", rows.join(","))
}

fn skipped(count: u64) -> String {
    json!({"skipped": count}).to_string()
}
