//! Elasticsearch and OpenSearch: `POST /_bulk`, a document a record.

use std::sync::Arc;

use arrow::array::RecordBatch;
use model::Micros;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::json;

use super::client::{Answer, Endpoint, Post};
use crate::document::{label, stamped};
use crate::gather::{Made, arrivals, unreadable};
use crate::queue::{Item, Verdict, cause};
use crate::send::{Failure, Reply};

/// How records become documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elasticsearch {
    pub endpoint: Endpoint,
    /// Name of the index or data stream; `{table}` stands for the table, `{date}` for the day (UTC) of the record's time.
    pub index: String,
    /// Whether documents hold the payload.
    pub payload: bool,
}

impl Elasticsearch {
    pub const INDEX_DEFAULT: &str = "rhapsode-{table}-{date}";
}

pub(crate) struct ElasticsearchMaker {
    config: Elasticsearch,
    node: String,
}

impl ElasticsearchMaker {
    pub(crate) fn new(config: &Elasticsearch, node: &str) -> Self {
        Self { config: config.clone(), node: node.to_owned() }
    }

    pub(crate) fn has_payload(&self) -> bool {
        self.config.payload
    }

    pub(crate) fn make(&self, rows: &RecordBatch) -> Made {
        let Some(arrivals) = arrivals(rows) else { return unreadable(rows) };
        let mut made = Made::default();
        for (row, (id, received)) in arrivals.enumerate() {
            match self.lines(rows, row, id, received) {
                Ok(bytes) => made.items.push(Item { received, bytes: bytes.into() }),
                Err(_) => made.lose(cause::UNSENDABLE),
            }
        }
        made
    }

    /// Action and document. `create` under a name of its own: what is sent twice is there once, and data streams take
    /// nothing else.
    fn lines(
        &self,
        rows: &RecordBatch,
        row: usize,
        id: i64,
        received: Micros,
    ) -> serde_json::Result<Vec<u8>> {
        let table = label(rows, "table", row).unwrap_or_default();
        // Of arrival: a wrong clock of a sender must not make an index for every day.
        let date = received.to_string().get(..10).unwrap_or_default().replace('-', ".");
        let index = self.config.index.replace("{table}", &table).replace("{date}", &date);
        let action = json!({"create": {"_index": index, "_id": format!("{}-{id}", self.node)}});
        let mut lines = serde_json::to_vec(&action)?;
        lines.push(b'\n');
        serde_json::to_writer(&mut lines, &stamped(rows, row, received))?;
        lines.push(b'\n');
        Ok(lines)
    }
}

pub(crate) struct ElasticsearchSink {
    post: Post,
}

/// What a bulk request is answered with.
#[derive(Deserialize)]
struct Bulk {
    errors: bool,
    items: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    create: Created,
}

#[derive(Deserialize)]
struct Created {
    status: u16,
    error: Option<Wrong>,
}

#[derive(Deserialize)]
struct Wrong {
    r#type: Option<String>,
    reason: Option<String>,
}

impl ElasticsearchSink {
    pub(crate) fn new(config: &Elasticsearch) -> Result<Self, String> {
        // The rest of the answer is large and not looked at.
        let path = "/_bulk?filter_path=errors,items.*.status,items.*.error";
        Ok(Self { post: Post::new(&config.endpoint, path, "application/x-ndjson", HeaderMap::new())? })
    }

    pub(crate) async fn send(&mut self, batch: &[Arc<Item>]) -> Reply {
        let body: Vec<u8> = batch.iter().flat_map(|item| item.bytes.iter().copied()).collect();
        match self.post.send(body).await {
            Ok(answer) => understand(&answer, batch.len()),
            Err(failure) => failure.into(),
        }
    }
}

/// One verdict an item. An answer that does not speak of all of them cannot be believed.
fn understand(answer: &Answer, count: usize) -> Reply {
    let bulk: Bulk = match serde_json::from_slice(&answer.body) {
        Ok(bulk) => bulk,
        Err(error) => {
            return Failure::down(format!("its answer is not that of a bulk request: {error}")).into();
        }
    };
    if bulk.items.len() != count {
        return Failure::down(format!("it answered for {} of {count} documents", bulk.items.len())).into();
    }
    if !bulk.errors && bulk.items.iter().all(|outcome| outcome.create.status < 300) {
        return Reply::Taken;
    }
    let (mut problem, mut refusal) = (None, None);
    let verdicts = bulk.items.iter().map(|outcome| {
        let created = &outcome.create;
        let verdict = match created.status {
            // It is there already: an earlier attempt was answered too late.
            200..=299 | 409 => return Verdict::Sent,
            429 | 500.. => Verdict::Again,
            _ => Verdict::Refused,
        };
        let failure = created.error.as_ref();
        let part = |part: Option<&String>| part.map_or_else(String::new, |text| format!(" {text}"));
        let words = format!(
            "{}{}{}",
            created.status,
            part(failure.and_then(|failure| failure.r#type.as_ref())),
            part(failure.and_then(|failure| failure.reason.as_ref())),
        );
        if verdict == Verdict::Again {
            problem.get_or_insert(words)
        } else {
            refusal.get_or_insert(words)
        };
        verdict
    });
    let verdicts = verdicts.collect();
    Reply::Each { verdicts, problem, refusal, after: answer.after }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;

    fn answered(body: &str, count: usize) -> Reply {
        understand(&Answer { status: StatusCode::OK, after: None, body: body.as_bytes().to_vec() }, count)
    }

    #[test]
    fn each_document_has_its_own_verdict() {
        assert_eq!(answered(r#"{"errors":false,"items":[{"create":{"status":201}}]}"#, 1), Reply::Taken);
        let mixed = r#"{"errors":true,"items":[{"create":{"status":201}},
            {"create":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"exists"}}},
            {"create":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"queue full"}}},
            {"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"no date"}}}]}"#;
        let expected = Reply::Each {
            verdicts: vec![Verdict::Sent, Verdict::Sent, Verdict::Again, Verdict::Refused],
            problem: Some("429 es_rejected_execution_exception queue full".to_owned()),
            refusal: Some("400 mapper_parsing_exception no date".to_owned()),
            after: None,
        };
        assert_eq!(answered(mixed, 4), expected);
    }

    #[test]
    fn an_answer_that_cannot_be_true_is_no_success() {
        for body in ["", "OK", "{}", r#"{"errors":false,"items":[]}"#] {
            assert!(matches!(answered(body, 1), Reply::Failed(Failure::Down { .. })), "{body}");
        }
    }
}
