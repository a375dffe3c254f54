//! Read-only SQL: one query in, rows out as they come, in one of three formats.

mod format;

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body as AnswerBody, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt as _, stream};
use serde::Deserialize;
use store::{Answer, StoreError};
use tokio::sync::OwnedSemaphorePermit;
use utoipa::ToSchema;

use crate::ask::{self, Partial, SqlRefusal};
use crate::error::{ApiError, Code, ErrorBody};
use crate::extract::Body;
use crate::limits;
use crate::view::View;
use format::{Encoder, Format};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SqlRequest {
    /// One SELECT over the tables and the view `messages`.
    #[schema(example = "SELECT ts, src_ip, call_id FROM messages ORDER BY ts DESC LIMIT 10")]
    sql: String,
}

/// The answer as `application/json`.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what the encoder writes piece by piece")]
pub(crate) struct SqlAnswer {
    columns: Vec<SqlColumn>,
    /// One list a row, one value a column: binary as base64, times as RFC 3339 in UTC with six digits.
    #[schema(value_type = Vec<Vec<Object>>)]
    rows: Vec<Vec<serde_json::Value>>,
    partial: Option<Partial>,
}

#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what the encoder writes piece by piece")]
pub(crate) struct SqlColumn {
    name: String,
    /// Its Arrow type.
    r#type: String,
}

/// Ask in SQL
///
/// The `Accept` header chooses: `application/x-ndjson` (one object a row), `text/csv`, or `application/json`.
/// Rows are sent as they come, without a limit on their number. An answer that ran out of time or memory says so
/// in its last line: `{"partial":{"reason":...}}`, `# partial: ...`, or the field `partial`.
#[utoipa::path(post, path = "/api/v1/sql", tag = "sql", request_body = SqlRequest, responses(
    (status = 200, content((SqlAnswer = "application/json"), (String = "application/x-ndjson"), (String = "text/csv"))),
    (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(crate) async fn sql(
    state: View,
    headers: HeaderMap,
    Body(request): Body<SqlRequest>,
) -> Result<Response, ApiError> {
    if request.sql.len() > limits::SQL_BYTES_MAX {
        return Err(ApiError::bad_request(format!("`sql` is longer than {} bytes", limits::SQL_BYTES_MAX)));
    }
    let format = Format::accepted(&headers);
    let turn = ask::turn(&state).await?;
    let time_max = ask::limited_to(limits::SQL_TIME_MAX);
    state.trail().say(&request.sql);
    let mut answer = ask::sql(&state, &request.sql, time_max).await.map_err(|refused| match refused {
        SqlRefusal::Scoped => {
            ApiError::new(Code::Forbidden, "SQL is of all that is kept, and you have a scope")
        }
        SqlRefusal::Store(error) => refusal(error),
    })?;
    // The first rows are awaited before anything is sent: what fails by then gets a status of its own.
    let first = answer.next().await.transpose().map_err(refusal)?;
    let mut encoder = Encoder::new(format, Arc::clone(answer.schema()));
    encoder.head();
    if let Some(first) = &first {
        state.tell_rows(first.num_rows());
        encoder.rows(first);
    }
    let body = Streaming { state, encoder, answer, is_over: false, _turn: turn };
    let mut response = AnswerBody::from_stream(stream::unfold(body, Streaming::step).fuse()).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    Ok(response)
}

/// An answer under way.
struct Streaming {
    state: View,
    encoder: Encoder,
    answer: Answer,
    is_over: bool,
    _turn: OwnedSemaphorePermit,
}

impl Streaming {
    /// The next piece of the answer.
    async fn step(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if self.is_over {
            return None;
        }
        while self.encoder.pending_bytes() < limits::CHUNK_BYTES {
            let partial = match self.answer.next().await {
                Some(Ok(batch)) => {
                    self.state.tell_rows(batch.num_rows());
                    self.encoder.rows(&batch);
                    continue;
                }
                Some(Err(error)) => Some(Partial::new(error.to_string())),
                None => self.answer.cut().map(Partial::from),
            };
            self.encoder.end(partial.as_ref());
            self.is_over = true;
            break;
        }
        Some((Ok(Bytes::from(self.encoder.take())), self))
    }
}

/// What the store says to a statement is for the person who wrote it.
fn refusal(error: StoreError) -> ApiError {
    match error {
        StoreError::Closed | StoreError::Internal(_) => error.into(),
        other => ApiError::new(Code::BadSql, other.to_string()),
    }
}
