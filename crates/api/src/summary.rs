//! A stored packet as the lists show it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::label::label;
use crate::row::{Cell, Row};

/// A stored packet, without its payload.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Summary {
    /// A text, since browsers round large numbers.
    pub(crate) id: String,
    /// Name of the table: sip, rtcp, report, log, other and more
    pub(crate) table: &'static str,
    /// When the traffic was seen.
    pub(crate) ts: String,
    /// When it arrived here.
    pub(crate) received: String,
    pub(crate) sender: Option<String>,
    pub(crate) node: Option<String>,
    pub(crate) capture_id: Option<i64>,
    pub(crate) hep_version: Option<i64>,
    pub(crate) hep_type: Option<i64>,
    pub(crate) listener: Option<String>,
    pub(crate) transport: Option<String>,
    pub(crate) src_ip: Option<String>,
    pub(crate) src_port: Option<i32>,
    pub(crate) dst_ip: Option<String>,
    pub(crate) dst_port: Option<i32>,
    pub(crate) call_id: Option<String>,
    pub(crate) correlation_id: Option<String>,
    /// Bytes of payload.
    pub(crate) size: i64,
    /// What was odd about it; the catalogue explains each.
    pub(crate) flags: Vec<String>,
    /// What it is, in a few words.
    pub(crate) label: String,
    pub(crate) method: Option<String>,
    pub(crate) status: Option<i64>,
    pub(crate) cseq: Option<i64>,
    pub(crate) cseq_method: Option<String>,
    pub(crate) from_user: Option<String>,
    pub(crate) to_user: Option<String>,
    /// Who took part where a host tells of what happened inside it: `session 1`, `handle 2`, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) actors: Vec<String>,
    /// The fields of its table that have a value.
    #[schema(value_type = Object)]
    pub(crate) detail: BTreeMap<&'static str, Value>,
}

impl From<&Row> for Summary {
    fn from(row: &Row) -> Self {
        let text = |field| row.text(field).map(str::to_owned);
        Self {
            id: row.id.to_string(),
            table: row.table.name,
            ts: row.ts.to_string(),
            received: row.received.to_string(),
            sender: row.sender.clone(),
            node: row.node.clone(),
            capture_id: row.capture_id,
            hep_version: row.hep_version,
            hep_type: row.hep_type,
            listener: row.listener.clone(),
            transport: row.transport.clone(),
            src_ip: row.src_ip.clone(),
            src_port: row.src_port,
            dst_ip: row.dst_ip.clone(),
            dst_port: row.dst_port,
            call_id: row.call_id.clone(),
            correlation_id: row.correlation_id.clone(),
            size: row.size,
            flags: row.flags.clone(),
            label: label(row),
            method: text("method"),
            status: row.int("status"),
            cseq: row.int("cseq"),
            cseq_method: text("cseq_method"),
            from_user: text("from_user"),
            to_user: text("to_user"),
            actors: actors(row),
            detail: row.cells.iter().map(|(name, cell)| (*name, Value::from(cell))).collect(),
        }
    }
}

/// None in traffic from one host to another: there the hosts are who took part.
fn actors(row: &Row) -> Vec<String> {
    if (&row.src_ip, row.src_port) != (&row.dst_ip, row.dst_port) {
        return Vec::new();
    }
    let fields = row.table.fields.iter().filter(|field| field.actor);
    fields
        .filter_map(|field| {
            let kind = field.name.strip_suffix("_id").unwrap_or(field.name);
            Some(format!("{kind} {}", row.text(field.name)?))
        })
        .collect()
}

impl From<&Cell> for Value {
    fn from(cell: &Cell) -> Self {
        match cell {
            Cell::Text(text) => Self::from(text.as_str()),
            Cell::Int(number) => Self::from(*number),
            Cell::Float(number) => Self::from(*number),
            Cell::Bool(value) => Self::from(*value),
            Cell::Time(time) => Self::from(time.to_string()),
            Cell::Bytes(bytes) => Self::from(STANDARD.encode(bytes)),
            Cell::TextList(texts) => Self::from(texts.clone()),
            Cell::Json(text) => json_or_text(text),
        }
    }
}

/// JSON kept as text in a column, as JSON again; a broken one as the text it is.
pub(crate) fn json_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}
