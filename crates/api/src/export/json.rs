use serde::Serialize;
use serde_json::Value;

use super::Writer;
use crate::ask::Partial;
use crate::row::Row;
use crate::summary::{Summary, json_or_text};

/// One document, one message a line: `{"messages": [...], "partial": null}`.
#[derive(Default)]
pub(super) struct Json {
    bytes: Vec<u8>,
    has_rows: bool,
}

#[derive(Serialize)]
struct Exported {
    #[serde(flatten)]
    summary: Summary,
    /// The payload, every byte, as base64; null if it is not kept any more.
    raw: Option<String>,
    payload_gone: bool,
    /// The payload, if it is UTF-8.
    text: Option<String>,
    extra: Option<Value>,
}

impl Writer for Json {
    fn row(&mut self, row: &Row) {
        self.bytes.extend_from_slice(if self.has_rows { b",\n" } else { b"{\"messages\":[\n" });
        self.has_rows = true;
        let exported = Exported {
            summary: Summary::from(row),
            raw: row.base64(),
            payload_gone: row.payload_gone,
            text: row.utf8().map(str::to_owned),
            extra: row.extra.as_deref().map(json_or_text),
        };
        serde_json::to_writer(&mut self.bytes, &exported)
            .expect("a summary becomes JSON and memory takes it");
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    fn end(&mut self, partial: Option<&Partial>) {
        if !self.has_rows {
            self.bytes.extend_from_slice(b"{\"messages\":[");
        }
        self.bytes.extend_from_slice(b"\n],\"partial\":");
        serde_json::to_writer(&mut self.bytes, &partial).expect("a text becomes JSON and memory takes it");
        self.bytes.extend_from_slice(b"}\n");
    }
}
