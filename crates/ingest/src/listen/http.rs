use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::post;
use serde::Serialize;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::web::{Came, came};
use super::{Hall, give_up};
use crate::admit::{Admission, Admitted, Outcome};
use crate::clock;
use crate::config::IngestConfig;
use crate::counters::{Dropped, Listener, Refused};
use crate::pipeline::{Batch, Rejected};

/// How often a request that found the queue full tries again.
const TRY_EVERY: Duration = Duration::from_millis(20);

/// What a client is asked to wait before it tries again.
const RETRY_AFTER_SECONDS: &str = "1";

/// Media types a body of HEP packets comes as; no type at all is taken too.
const MEDIA_TYPES: &[&str] = &["application/octet-stream", "application/hep", "application/vnd.3gpp.hep"];

/// The route `POST /hep`: one or many packets in, answered once they are safe. Served by [`super::WebDoor`], which adds
/// to each request who sends it and by which door it came.
pub(super) fn router(hall: Hall, config: &IngestConfig) -> Router {
    let door = HttpDoor {
        hall,
        places: Semaphore::new(config.http_requests_max),
        body_bytes_max: config.http_body_bytes_max,
        time_max: config.http_time_max,
    };
    Router::new().route("/hep", post(take)).with_state(Arc::new(door))
}

struct HttpDoor {
    hall: Hall,
    places: Semaphore,
    body_bytes_max: usize,
    time_max: Duration,
}

/// What became of a request's packets.
#[derive(Debug, Default, Serialize)]
struct Answer {
    /// Stored: covered by fsync.
    accepted: u64,
    /// Signs of life, with nothing to keep.
    keepalives: u64,
    /// By cause.
    refused: BTreeMap<&'static str, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error>,
}

#[derive(Debug, Serialize)]
struct Error {
    code: &'static str,
    message: String,
}

async fn take(State(door): State<Arc<HttpDoor>>, request: Request) -> Response {
    let started = tokio::time::Instant::now();
    let Ok(_place) = door.places.try_acquire() else {
        return busy("too_many_requests", "too many requests at a time");
    };
    if let Some(refused) = wrong_media_type(&request) {
        return refused;
    }
    let Came { sender, listener } = came(&request);
    let body = match timeout(door.time_max, read(request.into_body(), door.body_bytes_max)).await {
        Ok(Ok(body)) => body,
        Ok(Err(refused)) => return refused,
        Err(_) => return failure(StatusCode::REQUEST_TIMEOUT, "slow", "the body did not arrive in time"),
    };
    let (outcome, batches) = door.admit(&body, sender, listener);
    drop(body);
    let left = door.time_max.saturating_sub(started.elapsed());
    if let Err(busy) = door.store(batches, listener, left).await {
        return busy;
    }
    answer(&outcome)
}

impl HttpDoor {
    fn admit(&self, body: &[u8], sender: SocketAddr, listener: Listener) -> (Outcome, Admitted) {
        let now = clock::now();
        let mut admission = Admission::new(Arc::clone(&self.hall.shared), listener);
        let mut admitted = Admitted { full: Vec::new(), current: self.hall.spares.take() };
        let outcome = admission.take(body, now, sender, &mut admitted);
        admission.tell(now, true);
        (outcome, admitted)
    }

    /// Returns once all packets are in the log.
    async fn store(
        &self,
        admitted: Admitted,
        listener: Listener,
        time_max: Duration,
    ) -> Result<(), Response> {
        let deadline = tokio::time::Instant::now() + time_max;
        let mut waiting = Vec::new();
        let mut builders = admitted.full;
        builders.push(admitted.current);
        let mut builders = builders.into_iter().filter(|builder| !builder.is_empty());
        while let Some(packets) = builders.next() {
            let (stored, told) = oneshot::channel();
            let batch = Batch { packets, listener, stored: Some(stored) };
            if let Err((lost, dropped)) =
                put(&self.hall, batch, || tokio::time::Instant::now() < deadline).await
            {
                give_up(&self.hall, listener, dropped, lost.packets);
                for packets in builders {
                    give_up(&self.hall, listener, dropped, packets);
                }
                return Err(busy("not_stored", "packets cannot be stored at the moment; send them again"));
            }
            waiting.push(told);
        }
        for told in waiting {
            match tokio::time::timeout_at(deadline, told).await {
                Ok(Ok(())) => {}
                // In the queue, and perhaps stored later: sending again may store them twice, not sending, never.
                Ok(Err(_)) | Err(_) => {
                    return Err(busy("not_stored", "packets could not be stored in time; send them again"));
                }
            }
        }
        Ok(())
    }
}

/// Gives the batch to the committer, as soon as there is room or until it is no longer `patient`; else gives it back
/// with what it is to be counted as.
pub(super) async fn put(
    hall: &Hall,
    mut batch: Batch,
    patient: impl Fn() -> bool,
) -> Result<(), (Batch, Dropped)> {
    loop {
        match hall.queue.put(batch, Duration::ZERO) {
            Ok(()) => return Ok(()),
            Err(Rejected::Full(again)) if patient() => batch = again,
            Err(Rejected::Full(lost)) => return Err((lost, Dropped::QueueFull)),
            Err(Rejected::Closed(lost)) => return Err((lost, Dropped::Stopping)),
        }
        tokio::time::sleep(TRY_EVERY).await;
    }
}

fn wrong_media_type(request: &Request) -> Option<Response> {
    let value = request.headers().get(header::CONTENT_TYPE)?;
    let text = value.to_str().unwrap_or_default();
    let media_type = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if MEDIA_TYPES.contains(&media_type.as_str()) {
        return None;
    }
    let message = format!("content type {text:?} is not taken; send {}", MEDIA_TYPES[0]);
    Some(failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", message))
}

async fn read(body: Body, bytes_max: usize) -> Result<Bytes, Response> {
    #[allow(clippy::disallowed_methods, reason = "with the limit of this listener")]
    let read = axum::body::to_bytes(body, bytes_max).await;
    read.map_err(|error| {
        let source: &dyn std::error::Error = &error;
        let mut sources = std::iter::successors(Some(source), |error| error.source());
        if sources.any(|error| error.to_string().contains("length limit exceeded")) {
            let message = format!("the body is larger than {bytes_max} bytes");
            failure(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
        } else {
            failure(StatusCode::BAD_REQUEST, "body", format!("cannot read the body: {error}"))
        }
    })
}

/// 200 if anything was of use, else 403 if it was a matter of keys, else 400.
fn answer(outcome: &Outcome) -> Response {
    let mut answer = Answer { accepted: outcome.accepted, keepalives: outcome.dropped, ..Answer::default() };
    for refused in &outcome.refused {
        *answer.refused.entry(refused.cause()).or_default() += 1;
    }
    let first = match outcome.refused.first() {
        Some(first) if outcome.accepted + outcome.dropped == 0 => *first,
        _ => return Json(answer).into_response(),
    };
    let status = match first {
        Refused::KeyMissing | Refused::KeyWrong => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    };
    answer.error = Some(Error { code: first.cause(), message: first.doc().to_owned() });
    (status, Json(answer)).into_response()
}

fn busy(code: &'static str, message: &str) -> Response {
    let mut response = failure(StatusCode::SERVICE_UNAVAILABLE, code, message);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    response
}

fn failure(status: StatusCode, code: &'static str, message: impl Into<String>) -> Response {
    let answer = Answer { error: Some(Error { code, message: message.into() }), ..Answer::default() };
    (status, Json(answer)).into_response()
}
