use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use model::query::{Expr, Literal, Op};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Order;
use utoipa::{IntoParams, ToSchema};

use crate::ask::{self, Search, Window};
use crate::error::{ApiError, ErrorBody};
use crate::extract::{Parameters, Segment};
use crate::hepjs;
use crate::limits;
use crate::row::Row;
use crate::summary::{Summary, json_or_text};
use crate::view::View;

/// A stored packet with everything about it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Message {
    #[serde(flatten)]
    summary: Summary,
    /// The payload, every byte, as base64; null if it is not kept any more.
    raw: Option<String>,
    /// The payload's age has passed (`retention.payload_days`): what is left are the columns.
    payload_gone: bool,
    /// The payload, if it is UTF-8.
    text: Option<String>,
    /// What the payload is read as, where that is something else: the SIP inside JSON, the payload of a HEP packet
    /// inside HEP, a text without the zero bytes behind it. Places below are places in it.
    shown: Option<String>,
    /// Where the headers of a SIP message stand in the payload.
    headers: Vec<HeaderPlace>,
    /// The session description of a SIP message.
    sdp: Option<SessionDescription>,
    /// What is odd about the SIP message.
    problems: Vec<Problem>,
    /// What has no field of its own.
    #[schema(value_type = Object)]
    extra: Value,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MessageFormat {
    Json,
    /// The packet as hep-js and HEPop write it and `POST /api/v1/ingest` takes it.
    Hepjs,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessageQuery {
    /// json if not given.
    #[param(inline)]
    format: Option<MessageFormat>,
}

/// Start and end in bytes of the payload.
type Place = [usize; 2];

#[derive(Serialize, ToSchema)]
pub(crate) struct HeaderPlace {
    #[schema(value_type = Vec<usize>)]
    name: Place,
    #[schema(value_type = Vec<usize>)]
    value: Place,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Problem {
    message: &'static str,
    #[schema(value_type = Vec<usize>)]
    at: Place,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SessionDescription {
    /// Where it stands in the payload.
    #[schema(value_type = Vec<usize>)]
    at: Place,
    media: Vec<Media>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Media {
    /// audio, video, image, ...
    kind: String,
    address: Option<String>,
    port: Option<u16>,
    /// RTP/AVP, RTP/SAVPF, udptl, ...
    transport: String,
    /// By name where the description or the RTP profile names them.
    codecs: Vec<String>,
    /// sendrecv, sendonly, recvonly, inactive
    direction: &'static str,
}

/// One message
#[utoipa::path(get, path = "/api/v1/messages/{id}", tag = "calls", params(("id" = String, Path), MessageQuery), responses(
    (status = 200, body = Message), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn message(
    state: View,
    Segment(id): Segment<String>,
    Parameters(query): Parameters<MessageQuery>,
) -> Result<Response, ApiError> {
    let number: i64 =
        id.parse().map_err(|_| ApiError::not_found(format!("no message `{id}`: ids are numbers")))?;
    let tables = ask::tables(&state, None)?;
    let turn = ask::turn(&state).await?;
    let search = Search {
        expr: Expr::Compare { field: ask::field("id"), op: Op::Eq, value: Literal::Int(number) },
        columns: ask::all(&tables),
        tables,
        window: Window::ALL,
        after: None,
        limit: 1,
        order: Order::NewestFirst,
        time_max: limits::SEARCH_TIME_MAX,
    };
    let found = ask::search(&state, search).await?;
    drop(turn);
    state.tell_rows(found.rows.len());
    let Some(row) = found.rows.first() else {
        return Err(ApiError::not_found(format!("no message `{id}`: it may have passed its retention")));
    };
    Ok(match query.format.unwrap_or(MessageFormat::Json) {
        MessageFormat::Json => Json(Message::from(row)).into_response(),
        MessageFormat::Hepjs if row.payload_gone => {
            return Err(ApiError::not_found(format!("the payload of message `{id}` has passed its age")));
        }
        MessageFormat::Hepjs => {
            let mut text = String::new();
            hepjs::write(row, &mut text);
            ([(header::CONTENT_TYPE, "application/json")], text).into_response()
        }
    })
}

impl From<&Row> for Message {
    fn from(row: &Row) -> Self {
        let shown = row.shown();
        let mut message = Self {
            summary: Summary::from(row),
            raw: row.base64(),
            payload_gone: row.payload_gone,
            text: row.utf8().map(str::to_owned),
            shown: shown.as_deref().map(|shown| String::from_utf8_lossy(shown).into_owned()),
            headers: Vec::new(),
            sdp: None,
            problems: Vec::new(),
            extra: row.extra.as_deref().map_or_else(|| Value::Object(serde_json::Map::new()), json_or_text),
        };
        if row.table.name == "sip" && !row.payload_gone {
            // Places are those in the text that is handed out.
            let text = message.shown.clone();
            message.read_sip(text.as_ref().map_or(&row.raw, |text| text.as_bytes()));
        }
        message
    }
}

impl Message {
    fn read_sip(&mut self, raw: &[u8]) {
        let sip = sip::parse(raw);
        let headers = sip.headers().map(|header| HeaderPlace {
            name: place(&header.name_range()),
            value: place(&header.value_range()),
        });
        self.headers = headers.collect();
        let problems = sip
            .problems()
            .into_iter()
            .map(|problem| Problem { message: problem.kind.message(), at: place(&problem.range) });
        self.problems = problems.collect();
        self.sdp = sip.sdp().map(|sdp| SessionDescription {
            at: sip.range_of(sdp.raw).map_or([0, 0], |range| place(&range)),
            media: sdp.media().map(|media| Media::from(&media)).collect(),
        });
    }
}

impl From<&sip::sdp::Media<'_>> for Media {
    fn from(media: &sip::sdp::Media<'_>) -> Self {
        Self {
            kind: text(media.kind),
            address: media.connection().map(|connection| text(connection.address)),
            port: media.port,
            transport: text(media.protocol),
            codecs: media.codecs().map(|codec| text(codec.name)).collect(),
            direction: media.direction().as_str(),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn place(range: &std::ops::Range<usize>) -> Place {
    [range.start, range.end]
}
