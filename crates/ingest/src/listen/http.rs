use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::post;
use model::Micros;
use serde::Serialize;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::described::{Answers, JsonBody};
use super::web::{Came, came};
use super::{Hall, give_up, json};
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
pub(super) const MEDIA_TYPES: &[&str] =
    &["application/octet-stream", "application/hep", "application/vnd.3gpp.hep"];

/// The routes `POST /hep` and `POST /api/v1/ingest`: one or many packets in, answered once they are safe. Served by
/// [`super::WebDoor`], which adds to each request who sends it and by which door it came.
pub(super) fn router(hall: Hall, config: &IngestConfig) -> Router {
    let door = HttpDoor {
        hall,
        places: Semaphore::new(config.http_requests_max),
        body_bytes_max: config.http_body_bytes_max,
        time_max: config.http_time_max,
    };
    Router::new()
        .route("/hep", post(take))
        .route("/api/v1/ingest", post(take_json))
        .with_state(Arc::new(door))
}

pub(super) struct HttpDoor {
    hall: Hall,
    places: Semaphore,
    body_bytes_max: usize,
    time_max: Duration,
}

/// What became of a request's packets.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = IngestAnswer)]
pub(super) struct Answer {
    /// Stored: covered by fsync.
    accepted: u64,
    /// Signs of life, with nothing to keep.
    keepalives: u64,
    /// Messages that another capture point has just told of, where its sender's copies are dropped.
    #[serde(skip_serializing_if = "is_zero")]
    duplicates: u64,
    /// By cause; the catalogue explains them.
    refused: BTreeMap<&'static str, u64>,
    /// Why single items of JSON were refused: the first hundred.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) items: Vec<json::Item>,
    /// Keys of JSON packets that stand for nothing here.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) unknown_keys: BTreeSet<String>,
    /// Why nothing was of use, or the request was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error>,
    /// The first cause of all: that of a request of which nothing was of use.
    #[serde(skip)]
    first: Option<Refused>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IngestError)]
struct Error {
    /// A cause of refusal, or `body`, `media_type`, `not_stored`, `slow`, `too_large`, `too_many_requests`.
    code: &'static str,
    message: String,
}

impl Answer {
    pub(super) fn add(&mut self, outcome: &Outcome) {
        self.accepted += outcome.accepted;
        self.keepalives += outcome.dropped;
        self.duplicates += outcome.duplicates;
        for refused in &outcome.refused {
            self.refuse(*refused);
        }
    }

    pub(super) fn refuse(&mut self, refused: Refused) {
        *self.refused.entry(refused.cause()).or_default() += 1;
        self.first.get_or_insert(refused);
    }
}

impl IntoResponse for Answer {
    /// 200 if anything was of use, else 403 if it was a matter of who sends, 429 of how fast, else 400.
    fn into_response(mut self) -> Response {
        let first = match self.first {
            Some(first) if self.accepted + self.keepalives + self.duplicates == 0 => first,
            _ => return Json(self).into_response(),
        };
        let status = match first {
            Refused::KeyMissing | Refused::KeyWrong | Refused::SenderNotAllowed => StatusCode::FORBIDDEN,
            Refused::TooFast => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::BAD_REQUEST,
        };
        self.error = Some(Error { code: first.cause(), message: first.doc().to_owned() });
        (status, Json(self)).into_response()
    }
}

/// Send HEP packets
///
/// One packet or many, one after the other, of version 3; or one of an older version. Good packets are taken from between
/// bad ones. Where HEP keys are configured every packet holds one.
#[utoipa::path(post, path = "/hep", tag = "ingest", operation_id = "hep", security(()),
    request_body(description = "packets; the content type may be missing", content(
        ("application/octet-stream"), ("application/hep"), ("application/vnd.3gpp.hep"))),
    responses(Answers))]
pub(super) async fn take(State(door): State<Arc<HttpDoor>>, request: Request) -> Response {
    door.receive(request, MEDIA_TYPES, |entry, _, body| {
        let mut answer = Answer::default();
        answer.add(&entry.take(body));
        answer
    })
    .await
}

/// Send packets in JSON, or events of media servers
///
/// One object, a list, an object on each line, or any mixture. Good items are taken from between bad ones. Where HEP keys
/// are configured, that of an item is its `capturePass`, or else that of the request: `X-Hep-Key`, a bearer token, or the
/// password of basic authentication.
#[utoipa::path(post, path = "/api/v1/ingest", tag = "ingest", operation_id = "ingest",
    security((), ("hep_key" = []), ("hep_key_bearer" = []), ("hep_key_basic" = [])),
    request_body(description = "items; the content type may be missing", content(
        (JsonBody = "application/json"), (String = "application/x-ndjson"), (String = "application/ndjson"),
        (String = "application/jsonl"), (String = "text/plain"))),
    responses(Answers))]
pub(super) async fn take_json(State(door): State<Arc<HttpDoor>>, request: Request) -> Response {
    door.receive(request, json::MEDIA_TYPES, json::admit).await
}

/// One request's way in.
pub(super) struct Entry {
    pub(super) sender: SocketAddr,
    pub(super) now: Micros,
    admission: Admission,
    admitted: Admitted,
}

impl Entry {
    fn new(hall: &Hall, Came { sender, listener }: Came) -> Self {
        let admission = Admission::new(Arc::clone(&hall.shared), listener);
        let admitted = Admitted { full: Vec::new(), current: hall.spares.take() };
        Self { sender, now: clock::now(), admission, admitted }
    }

    pub(super) fn may_send(&self) -> bool {
        self.admission.may_send(self.sender.ip())
    }

    pub(super) fn take(&mut self, bytes: &[u8]) -> Outcome {
        self.admission.take(bytes, self.now, self.sender, &mut self.admitted)
    }

    pub(super) fn refuse(&mut self, refused: Refused) {
        self.admission.refuse(refused, self.sender, self.now);
    }

    fn end(mut self) -> Admitted {
        self.admission.tell(self.now, true);
        self.admitted
    }
}

impl HttpDoor {
    /// Reads a request, lets `admit` take what is in its body, and answers once that is safe.
    async fn receive(
        &self,
        request: Request,
        media_types: &[&str],
        admit: impl FnOnce(&mut Entry, &HeaderMap, &[u8]) -> Answer,
    ) -> Response {
        let started = tokio::time::Instant::now();
        let Ok(_place) = self.places.try_acquire() else {
            return busy("too_many_requests", "too many requests at a time");
        };
        if let Some(refused) = wrong_media_type(&request, media_types) {
            return refused;
        }
        let came = came(&request);
        let (head, body) = request.into_parts();
        let body = match timeout(self.time_max, read(body, self.body_bytes_max)).await {
            Ok(Ok(body)) => body,
            Ok(Err(refused)) => return refused,
            Err(_) => {
                return failure(StatusCode::REQUEST_TIMEOUT, "slow", "the body did not arrive in time");
            }
        };
        let (answer, admitted) = {
            let mut entry = Entry::new(&self.hall, came);
            (admit(&mut entry, &head.headers, &body), entry.end())
        };
        drop(body);
        let left = self.time_max.saturating_sub(started.elapsed());
        match self.store(admitted, came.listener, left).await {
            Ok(()) => answer.into_response(),
            Err(busy) => busy,
        }
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

fn wrong_media_type(request: &Request, media_types: &[&str]) -> Option<Response> {
    let value = request.headers().get(header::CONTENT_TYPE)?;
    let text = value.to_str().unwrap_or_default();
    let media_type = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if media_types.contains(&media_type.as_str()) {
        return None;
    }
    let message = format!("content type {text:?} is not taken; send {}", media_types[0]);
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

fn busy(code: &'static str, message: &str) -> Response {
    let mut response = failure(StatusCode::SERVICE_UNAVAILABLE, code, message);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    response
}

fn failure(status: StatusCode, code: &'static str, message: impl Into<String>) -> Response {
    let answer = Answer { error: Some(Error { code, message: message.into() }), ..Answer::default() };
    (status, Json(answer)).into_response()
}
