//! Grafana Loki: `POST /loki/api/v1/push` with JSON.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use reqwest::header::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::client::{Endpoint, Post};
use crate::document::{bytes, document, label, micros};
use crate::gather::{Made, arrivals, unreadable};
use crate::queue::{Item, cause};
use crate::send::{Failure, Reply};

/// Columns that may be labels: few values each. Whatever names a single call, number or person stands in the line, where
/// Loki finds it as well; as a label it would make a stream of its own of every call.
pub const LABELS: [&str; 13] = [
    "table",
    "node",
    "listener",
    "transport",
    "hep_type",
    "capture_id",
    "sender",
    "src_ip",
    "dst_ip",
    "method",
    "cseq_method",
    "status",
    "severity",
];

/// Streams one output may make. Loki's own limit is 5,000 active ones of a tenant; what comes beyond goes into one
/// stream that says so.
const STREAMS_MAX: usize = 1_000;

/// The label of that stream.
const BEYOND: &str = "beyond_limit";

/// Longest label value that is sent; Loki refuses 2,048.
const LABEL_BYTES_MAX: usize = 256;

/// How records become streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loki {
    pub endpoint: Endpoint,
    /// `X-Scope-OrgID`, of installations with several tenants.
    pub tenant: Option<String>,
    /// Columns, of [`LABELS`].
    pub labels: Vec<&'static str>,
    /// Labels with a fixed value.
    pub fixed_labels: BTreeMap<String, String>,
    pub line: Line,
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// The payload, as text.
    Payload,
    /// The whole row as JSON, its payload included.
    Json,
}

impl Loki {
    pub const LABELS_DEFAULT: [&str; 4] = ["table", "node", "method", "status"];

    /// The label every stream has.
    pub const JOB: (&str, &str) = ("job", "rhapsode");
}

/// An item: what the queue keeps.
#[derive(Serialize, Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    labels: &'a RawValue,
    nanos: i64,
    #[serde(borrow)]
    line: &'a RawValue,
}

pub(crate) struct LokiMaker {
    config: Loki,
    /// Labels of the streams so far, as JSON.
    streams: HashSet<String>,
}

impl LokiMaker {
    pub(crate) fn new(config: &Loki) -> Self {
        Self { config: config.clone(), streams: HashSet::new() }
    }

    pub(crate) fn make(&mut self, rows: &RecordBatch) -> Made {
        let Some(arrivals) = arrivals(rows) else { return unreadable(rows) };
        let mut made = Made::default();
        for (row, (_, received)) in arrivals.enumerate() {
            match self.entry(rows, row) {
                Ok(bytes) => made.items.push(Item { received, bytes: bytes.into() }),
                Err(_) => made.lose(cause::UNSENDABLE),
            }
        }
        made
    }

    fn entry(&mut self, rows: &RecordBatch, row: usize) -> serde_json::Result<Vec<u8>> {
        let line = match self.config.line {
            Line::Payload => serde_json::to_string(&String::from_utf8_lossy(bytes(rows, "raw", row)))?,
            Line::Json => serde_json::to_string(&serde_json::to_string(&document(rows, row))?)?,
        };
        let labels = self.stream(rows, row)?;
        let nanos = micros(rows, "ts", row).map_or(0, |time| time.0.saturating_mul(1_000));
        let (labels, line) = (RawValue::from_string(labels)?, RawValue::from_string(line)?);
        serde_json::to_vec(&Entry { labels: &labels, nanos, line: &line })
    }

    /// The labels of a row's stream, as JSON.
    fn stream(&mut self, rows: &RecordBatch, row: usize) -> serde_json::Result<String> {
        let mut labels = self.config.fixed_labels.clone();
        labels.insert(Loki::JOB.0.to_owned(), Loki::JOB.1.to_owned());
        let fixed = labels.clone();
        for name in &self.config.labels {
            if let Some(mut value) = label(rows, name, row).filter(|value| !value.is_empty()) {
                if value.len() > LABEL_BYTES_MAX {
                    value.truncate(value.floor_char_boundary(LABEL_BYTES_MAX));
                }
                labels.insert((*name).to_owned(), value);
            }
        }
        let text = serde_json::to_string(&labels)?;
        if self.streams.contains(&text) {
            return Ok(text);
        }
        if self.streams.len() < STREAMS_MAX {
            self.streams.insert(text.clone());
            return Ok(text);
        }
        let mut labels = fixed;
        labels.insert(BEYOND.to_owned(), "true".to_owned());
        serde_json::to_string(&labels)
    }
}

pub(crate) struct LokiSink {
    post: Post,
}

#[derive(Serialize)]
struct Push<'a> {
    streams: Vec<Stream<'a>>,
}

#[derive(Serialize)]
struct Stream<'a> {
    stream: &'a RawValue,
    values: Vec<(String, &'a RawValue)>,
}

impl LokiSink {
    pub(crate) fn new(config: &Loki) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        if let Some(tenant) = &config.tenant {
            let value = HeaderValue::try_from(tenant).map_err(|_| "tenant holds signs no header may have")?;
            headers.insert("X-Scope-OrgID", value);
        }
        let post = Post::new(&config.endpoint, "/loki/api/v1/push", "application/json", headers)?;
        Ok(Self { post })
    }

    pub(crate) async fn send(&mut self, batch: &[Arc<Item>]) -> Reply {
        let body = match push(batch) {
            Ok(body) => body,
            // Not what was put into the spool.
            Err(error) => {
                return Failure::Refused { refusal: format!("an item cannot be read: {error}") }.into();
            }
        };
        match self.post.send(body).await {
            Ok(_) => Reply::Taken,
            Err(failure) => failure.into(),
        }
    }
}

/// The body of a push: entries by stream, in the order of time.
fn push(batch: &[Arc<Item>]) -> serde_json::Result<Vec<u8>> {
    let entries: Vec<Entry<'_>> =
        batch.iter().map(|item| serde_json::from_slice(&item.bytes)).collect::<Result<_, _>>()?;
    let mut streams: BTreeMap<&str, Vec<&Entry<'_>>> = BTreeMap::new();
    for entry in &entries {
        streams.entry(entry.labels.get()).or_default().push(entry);
    }
    let streams = streams.into_values().map(|mut entries| {
        entries.sort_by_key(|entry| entry.nanos);
        Stream {
            stream: entries[0].labels,
            values: entries.into_iter().map(|entry| (entry.nanos.to_string(), entry.line)).collect(),
        }
    });
    serde_json::to_vec(&Push { streams: streams.collect() })
}
