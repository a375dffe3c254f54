//! A list of messages as they are found: each a line, sent at once, and a last line with what is known at the end.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Instant;

use arrow::array::RecordBatch;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt as _, stream};
use serde::Serialize;
use store::Answer;
use tokio::sync::OwnedSemaphorePermit;

use super::listed;
use crate::ask::{self, Cursor, Partial, Search};
use crate::error::ApiError;
use crate::extract;
use crate::row::Row;
use crate::summary::Summary;
use crate::view::View;

/// The last line.
#[derive(Serialize)]
struct End {
    /// `witness_of` of the rows that have one, by their ids: an older row decides it, which comes later.
    witnesses: BTreeMap<String, String>,
    partial: Option<Partial>,
    elapsed_ms: u64,
    next: Option<String>,
}

/// An answer under way.
struct Lines {
    state: View,
    answer: Answer,
    /// What was found before anything was sent.
    first: Option<RecordBatch>,
    /// Those sent.
    rows: Vec<Row>,
    /// What is known beforehand to be missing.
    partial: Option<Partial>,
    limit: usize,
    more: bool,
    begun: Instant,
    is_over: bool,
    _turn: OwnedSemaphorePermit,
}

/// Answers with at most `limit` rows; the search may find more.
pub(super) async fn answer(
    state: View,
    search: Search,
    partial: Option<Partial>,
    limit: usize,
    begun: Instant,
    turn: OwnedSemaphorePermit,
) -> Result<Response, ApiError> {
    let mut answer = ask::begin(&state, search).await?;
    // Awaited before anything is sent: what fails by then gets a status of its own.
    let first = answer.next().await.transpose()?;
    let (rows, more, is_over) = (Vec::new(), false, false);
    let lines = Lines { state, answer, first, rows, partial, limit, more, begun, is_over, _turn: turn };
    let mut response = Body::from_stream(stream::unfold(lines, Lines::step).fuse()).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(extract::LINES));
    Ok(response)
}

impl Lines {
    /// The next lines.
    async fn step(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if self.is_over {
            return None;
        }
        let mut out = Vec::new();
        while out.is_empty() {
            let found = match self.first.take() {
                Some(batch) => Some(Ok(batch)),
                None => self.answer.next().await,
            };
            match found.map(|batch| ask::read(&self.state, &batch?)) {
                Some(Ok(rows)) => self.tell(rows, &mut out),
                Some(Err(error)) => self.end(Some(Partial::new(error.message)), &mut out),
                None => {
                    let partial = self.answer.cut().map(Partial::from).or_else(|| self.partial.take());
                    self.end(partial, &mut out);
                }
            }
        }
        Some((Ok(Bytes::from(out)), self))
    }

    fn tell(&mut self, rows: Vec<Row>, out: &mut Vec<u8>) {
        for row in rows {
            if self.rows.len() == self.limit {
                self.more = true;
                return;
            }
            line(&Summary::from(&row), out);
            self.rows.push(row);
        }
    }

    fn end(&mut self, partial: Option<Partial>, out: &mut Vec<u8>) {
        self.state.tell_rows(self.rows.len());
        let next = self.rows.last().filter(|_| self.more).map(|row| Cursor::at(row, row.id).write());
        let witness = |row: super::Listed| Some((row.summary.id, row.witness_of?));
        let witnesses = listed(&self.rows).into_iter().filter_map(witness).collect();
        line(&End { witnesses, partial, elapsed_ms: ask::milliseconds(self.begun.elapsed()), next }, out);
        self.is_over = true;
    }
}

fn line(value: &impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, value).expect("text keys, and a Vec takes everything");
    out.push(b'\n');
}
