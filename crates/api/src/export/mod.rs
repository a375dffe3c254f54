//! Downloads: the messages of a call or of a search as a capture file, as text, or as JSON.

mod hepjs;
mod json;
mod pcap;
mod text;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use futures::stream;
use model::query::{Expr, Literal, Op};
use serde::Deserialize;
use store::Order;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::{IntoParams, ToSchema};

use crate::ask::{self, Partial, RowStream, Search};
use crate::call;
use crate::error::{ApiError, ErrorBody};
use crate::extract::{Parameters, attachment};
use crate::limits;
use crate::row::Row;
use crate::view::View;

/// Says why an export does not hold everything: a capture file has no place for it.
const PARTIAL: HeaderName = HeaderName::from_static("x-rhapsode-partial");

/// How many messages have no payload any more. Text and JSON have them without it, the others leave them out.
const PAYLOAD_GONE: HeaderName = HeaderName::from_static("x-rhapsode-payload-gone");

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    Pcap,
    Text,
    Json,
    /// A packet on each line, as hep-js and HEPop write it and `POST /api/v1/ingest` takes it.
    Hepjs,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    #[param(inline)]
    format: Format,
    /// One call with everything that belongs to it; then without `q`, `from`, `to`, `limit`.
    call_id: Option<String>,
    /// Search text; empty finds everything.
    q: Option<String>,
    /// RFC 3339 or a span back from now; -1h if not given.
    from: Option<String>,
    /// As `from`; now if not given.
    to: Option<String>,
    /// Messages, at most 1,000,000; 100,000 if not given. The oldest come first.
    limit: Option<usize>,
}

/// Writes rows in one format.
trait Writer: Send + 'static {
    fn row(&mut self, row: &Row);
    /// Takes what has been written since the last call.
    fn take(&mut self) -> Vec<u8>;
    /// The end of the file.
    fn end(&mut self, partial: Option<&Partial>);
}

/// Download messages
#[utoipa::path(get, path = "/api/v1/export", tag = "calls", params(ExportQuery), responses(
    (status = 200, description = "the file; header x-rhapsode-partial says why it does not hold everything, \
         x-rhapsode-payload-gone how many messages have no payload any more",
        content((Vec<u8> = "application/vnd.tcpdump.pcap"), (String = "text/plain"), (Object = "application/json"),
            (String = "application/x-ndjson"))),
    (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn export(
    state: View,
    Parameters(query): Parameters<ExportQuery>,
) -> Result<Response, ApiError> {
    let turn = ask::turn(&state).await?;
    let exported = match &query.call_id {
        Some(call_id) => {
            if query.q.is_some() || query.from.is_some() || query.to.is_some() || query.limit.is_some() {
                return Err(ApiError::bad_request("`call_id` goes without `q`, `from`, `to` and `limit`"));
            }
            let found = call::records(&state, call_id).await?;
            if found.rows.is_empty() {
                return Err(ApiError::not_found(format!("no records of call `{call_id}`")));
            }
            Exported {
                payloads_gone: found.rows.iter().filter(|row| row.payload_gone).count(),
                rows: stream::iter([Ok(found.rows)]).boxed(),
                partial: found.partial,
                name: call_id.clone(),
            }
        }
        None => searched(&state, &query).await?,
    };
    Ok(file(state, query.format, exported, Some(turn)))
}

/// Writes the file while it is sent. `turn` is held until its last byte is out.
pub(crate) fn file(
    state: View,
    format: Format,
    exported: Exported,
    turn: Option<OwnedSemaphorePermit>,
) -> Response {
    let Exported { rows, partial, payloads_gone, name } = exported;
    let (mut writer, kind, ending): (Box<dyn Writer>, _, _) = match format {
        Format::Pcap => (Box::new(pcap::Pcap::default()), "application/vnd.tcpdump.pcap", "pcap"),
        Format::Text => (Box::new(text::Text::default()), "text/plain; charset=utf-8", "txt"),
        Format::Json => (Box::new(json::Json::default()), "application/json", "json"),
        Format::Hepjs => (Box::new(hepjs::HepJs::default()), "application/x-ndjson", "ndjson"),
    };
    let header = partial.as_ref().and_then(|partial| HeaderValue::from_str(&partial.reason).ok());
    // A failure in the middle breaks the connection, so that half a file is not taken for a whole one.
    let ended = stream::iter([Ok(None)]);
    let body = rows.map(|rows| rows.map(Some)).chain(ended).map(move |rows| {
        let _turn = &turn;
        match rows? {
            Some(rows) => {
                state.tell_rows(rows.len());
                rows.iter().for_each(|row| writer.row(row));
            }
            None => writer.end(partial.as_ref()),
        }
        Ok::<_, ApiError>(Bytes::from(writer.take()))
    });
    let mut response = Body::from_stream(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let (disposition, value) = attachment(&format!("{name}.{ending}"));
    headers.insert(disposition, value);
    if let Some(header) = header {
        headers.insert(PARTIAL, header);
    }
    if payloads_gone > 0 {
        headers.insert(PAYLOAD_GONE, HeaderValue::from(payloads_gone));
    }
    response
}

/// What goes into a file.
pub(crate) struct Exported {
    pub(crate) rows: RowStream,
    /// Why they are not all.
    pub(crate) partial: Option<Partial>,
    pub(crate) payloads_gone: usize,
    /// Of the file, without its ending.
    pub(crate) name: String,
}

async fn searched(state: &View, query: &ExportQuery) -> Result<Exported, ApiError> {
    let now = crate::time::now();
    let window = ask::window(query.from.as_deref(), query.to.as_deref(), now)?;
    let limit = ask::limit(query.limit, limits::EXPORT_RECORDS_DEFAULT, limits::EXPORT_RECORDS_MAX)?;
    let tables = ask::tables(state, None)?;
    let asked = ask::question(state, query.q.as_deref(), now)?;
    let (expr, of_calls) = ask::about_messages(state, asked, window).await?;
    let search = |columns, limit| -> Result<Search, ApiError> {
        Ok(Search {
            expr: expr.clone(),
            tables: tables.clone(),
            window,
            after: None,
            columns,
            limit,
            order: Order::OldestFirst,
            time_max: limits::SQL_TIME_MAX,
        })
    };
    // Counted first, as the file itself may have no place to say that it was cut.
    let counted = ask::count(state, search(vec!["id"], limit + 1)?).await?;
    let partial = (counted > limit)
        .then(|| Partial::new(format!("more than {limit} messages match; these are the oldest {limit}")))
        .or(of_calls);
    let mut payloads_gone = 0;
    if state.store().status().tables.iter().any(|table| table.rows_without_payload > 0) {
        let mut gone = search(vec!["id"], limit)?;
        let was_one = Expr::Compare { field: ask::field("size"), op: Op::Gt, value: Literal::Int(0) };
        gone.expr = Expr::And(vec![gone.expr, was_one, Expr::Not(Box::new(ask::exists("raw")))]);
        payloads_gone = ask::count(state, gone).await?;
    }
    let rows = ask::rows(state, search(ask::all(&tables), limit)?).await?;
    let name = format!("rhapsode-{}", window.from.to_string().replace(':', ""));
    Ok(Exported { rows, partial, payloads_gone, name })
}
