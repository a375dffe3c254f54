use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use axum::http::HeaderMap;

use crate::ask::Partial;
use crate::{encode, extract};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    NdJson,
    Csv,
}

impl Format {
    /// The first of ours that the client names; JSON if it names none.
    pub(super) fn accepted(headers: &HeaderMap) -> Self {
        extract::accepted(headers)
            .find_map(|kind| match kind {
                "text/csv" => Some(Self::Csv),
                "application/json" => Some(Self::Json),
                kind => extract::is_lines(kind).then_some(Self::NdJson),
            })
            .unwrap_or(Self::Json)
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::NdJson => extract::LINES,
            Self::Csv => "text/csv; charset=utf-8",
        }
    }
}

/// Writes rows in one format.
pub(super) struct Encoder {
    format: Format,
    schema: SchemaRef,
    out: Vec<u8>,
    has_rows: bool,
}

impl Encoder {
    pub(super) fn new(format: Format, schema: SchemaRef) -> Self {
        Self { format, schema, out: Vec::new(), has_rows: false }
    }

    pub(super) fn pending_bytes(&self) -> usize {
        self.out.len()
    }

    /// Takes what has been written since the last call.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    pub(super) fn head(&mut self) {
        let out = &mut self.out;
        match self.format {
            Format::NdJson => {}
            Format::Json => {
                out.extend_from_slice(b"{\"columns\":[");
                for (position, field) in self.schema.fields().iter().enumerate() {
                    out.extend_from_slice(if position == 0 { b"{\"name\":" } else { b",{\"name\":" });
                    encode::json_text(out, field.name());
                    out.extend_from_slice(b",\"type\":");
                    encode::json_text(out, &field.data_type().to_string());
                    out.push(b'}');
                }
                out.extend_from_slice(b"],\"rows\":[");
            }
            Format::Csv => {
                for (position, field) in self.schema.fields().iter().enumerate() {
                    if position > 0 {
                        out.push(b',');
                    }
                    encode::csv_text(out, field.name());
                }
                out.extend_from_slice(b"\n");
            }
        }
    }

    pub(super) fn rows(&mut self, batch: &RecordBatch) {
        for row in 0..batch.num_rows() {
            match self.format {
                Format::NdJson => self.object(batch, row),
                Format::Json => self.list(batch, row),
                Format::Csv => self.line(batch, row),
            }
            self.has_rows = true;
        }
    }

    pub(super) fn end(&mut self, partial: Option<&Partial>) {
        let as_json = |out: &mut Vec<u8>| {
            serde_json::to_writer(out, &partial).expect("a text becomes JSON and memory takes it");
        };
        let out = &mut self.out;
        match (self.format, partial) {
            (Format::Json, _) => {
                out.extend_from_slice(if self.has_rows { b"\n],\"partial\":" } else { b"],\"partial\":" });
                as_json(out);
                out.extend_from_slice(b"}\n");
            }
            (Format::NdJson, Some(_)) => {
                out.extend_from_slice(b"{\"partial\":");
                as_json(out);
                out.extend_from_slice(b"}\n");
            }
            (Format::Csv, Some(partial)) => {
                let reason = partial.reason.replace(['\r', '\n'], " ");
                out.extend_from_slice(format!("# partial: {reason}\n").as_bytes());
            }
            (Format::NdJson | Format::Csv, None) => {}
        }
    }

    fn object(&mut self, batch: &RecordBatch, row: usize) {
        self.out.push(b'{');
        for (position, (field, column)) in self.schema.fields().iter().zip(batch.columns()).enumerate() {
            if position > 0 {
                self.out.push(b',');
            }
            encode::json_text(&mut self.out, field.name());
            self.out.push(b':');
            encode::json(&mut self.out, column, row);
        }
        self.out.extend_from_slice(b"}\n");
    }

    fn list(&mut self, batch: &RecordBatch, row: usize) {
        self.out.extend_from_slice(if self.has_rows { b",\n[" } else { b"\n[" });
        for (position, column) in batch.columns().iter().enumerate() {
            if position > 0 {
                self.out.push(b',');
            }
            encode::json(&mut self.out, column, row);
        }
        self.out.push(b']');
    }

    fn line(&mut self, batch: &RecordBatch, row: usize) {
        for (position, column) in batch.columns().iter().enumerate() {
            if position > 0 {
                self.out.push(b',');
            }
            encode::csv(&mut self.out, column, row);
        }
        self.out.extend_from_slice(b"\n");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, BinaryArray, StringArray};
    use axum::http::{HeaderValue, header};

    use super::*;

    fn written(format: Format, partial: Option<&str>, rows: bool) -> String {
        let batch = RecordBatch::try_from_iter([
            ("call_id", Arc::new(StringArray::from(vec![Some("a,b"), None])) as ArrayRef),
            ("raw", Arc::new(BinaryArray::from(vec![&b"\0x"[..], &b""[..]]))),
        ])
        .expect("a batch");
        let mut encoder = Encoder::new(format, batch.schema());
        encoder.head();
        if rows {
            encoder.rows(&batch.slice(0, 1));
            encoder.rows(&batch.slice(1, 1));
        }
        encoder.end(partial.map(Partial::new).as_ref());
        String::from_utf8(encoder.take()).expect("UTF-8")
    }

    #[test]
    fn ndjson_is_one_object_a_row() {
        let rows = "{\"call_id\":\"a,b\",\"raw\":\"AHg=\"}\n{\"call_id\":null,\"raw\":\"\"}\n";
        assert_eq!(written(Format::NdJson, None, true), rows);
        let cut = written(Format::NdJson, Some("stopped after 1 s"), true);
        assert_eq!(cut, format!("{rows}{{\"partial\":{{\"reason\":\"stopped after 1 s\"}}}}\n"));
        assert_eq!(written(Format::NdJson, None, false), "");
    }

    #[test]
    fn json_is_one_document() {
        for (partial, rows) in [(None, true), (None, false), (Some("why"), true)] {
            let text = written(Format::Json, partial, rows);
            let document: serde_json::Value = serde_json::from_str(&text).expect(&text);
            assert_eq!(document["columns"][1]["name"], "raw");
            assert_eq!(document["rows"].as_array().map(Vec::len), Some(if rows { 2 } else { 0 }));
            assert_eq!(document["partial"]["reason"].as_str(), partial);
        }
    }

    #[test]
    fn csv_has_a_heading_and_quotes() {
        assert_eq!(
            written(Format::Csv, Some("a\nb"), true),
            "call_id,raw\n\"a,b\",AHg=\n,\n# partial: a b\n"
        );
    }

    #[test]
    fn the_client_chooses() {
        for (accept, format) in [
            ("application/x-ndjson", Format::NdJson),
            ("text/csv;q=0.9, application/json", Format::Csv),
            ("*/*", Format::Json),
            ("text/html", Format::Json),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(Format::accepted(&headers), format, "{accept}");
        }
        assert_eq!(Format::accepted(&HeaderMap::new()), Format::Json);
    }
}
