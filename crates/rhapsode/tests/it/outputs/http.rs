//! Loki and Elasticsearch, by stand-ins that answer as their documentation says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::server::{options_packet, send_udp, wait};

use super::{number, output, server, settled};
use testkit::stand_in::{Response, serve};

fn packets(names: impl Iterator<Item = String>) -> Vec<Vec<u8>> {
    names.map(|name| options_packet(&name)).collect()
}

/// Labels, then time and line.
type Streams = BTreeMap<String, Vec<(i64, String)>>;

/// Reads a push as <https://grafana.com/docs/loki/latest/reference/loki-http-api/> has it.
fn pushed(body: &str) -> Result<Streams> {
    let body: Value = serde_json::from_str(body)?;
    let mut streams = Streams::new();
    for stream in body["streams"].as_array().context("streams")? {
        let labels = stream["stream"].as_object().context("labels")?;
        ensure!(!labels.is_empty() && labels.values().all(Value::is_string), "{stream}");
        let entries = streams.entry(stream["stream"].to_string()).or_default();
        for value in stream["values"].as_array().context("values")? {
            let time = value[0].as_str().context("nanoseconds as text")?.parse()?;
            entries.push((time, value[1].as_str().context("a line")?.to_owned()));
        }
    }
    Ok(streams)
}

#[test]
fn loki_gets_streams_and_its_refusals_cost_only_what_it_refuses() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let kept: Arc<Mutex<Streams>> = Arc::default();
    let (asked, keeps) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&kept));
    let address = serve(move |request| {
        let streams = match pushed(&request.body) {
            Ok(streams) if request.path == "/loki/api/v1/push" => streams,
            Ok(_) => return Response::new(404, "no such path"),
            Err(error) => return Response::new(400, format!("{error:#}")),
        };
        if request.header("x-scope-orgid") != Some("voice") || request.header("authorization").is_none() {
            return Response::new(401, "no org id");
        }
        match asked.fetch_add(1, Ordering::SeqCst) {
            0 => {
                return Response {
                    headers: "Retry-After: 1\r\n",
                    ..Response::new(429, "Ingestion rate limit exceeded")
                };
            }
            1 => return Response::new(500, "the ring is not ready"),
            _ => {}
        }
        if streams.values().flatten().any(|(_, line)| line.contains("poison")) {
            return Response::new(400, "entry has timestamp too old");
        }
        keeps.lock().unwrap_or_else(PoisonError::into_inner).extend_all(streams);
        Response::new(204, "")
    })?;
    let from = server(
        folder.path(),
        "from",
        &format!(
            "[[output]]\nname = \"logs\"\nkind = \"loki\"\nurl = \"http://{address}\"\ntenant = \"voice\"\nuser = \"u\"\npassword = \"p\"\n\
             fixed_labels = {{ site = \"pop-3\" }}\nretry_seconds_max = 2\nfilter = \"method = OPTIONS\"\n"
        ),
    )?;
    let mut names: Vec<String> = (0..40).map(|n| format!("loki-{n}")).collect();
    names.insert(17, "poison".to_owned());
    send_udp(&from.options.hep_udp, &packets(names.into_iter()))?;
    let output = settled(&from, "logs", 41)?;
    ensure!(output["sent"] == 40 && output["dropped"] == json!({"refused": 1}), "{output}");
    ensure!(number(&output, "retries") >= 2, "{output}");
    ensure!(output["last_refusal"].as_str().is_some_and(|text| text.contains("too old")), "{output}");
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let labels: Vec<Value> =
        kept.keys().map(|labels| serde_json::from_str(labels)).collect::<Result<_, _>>()?;
    ensure!(
        labels == [json!({"job": "rhapsode", "site": "pop-3", "table": "sip", "method": "OPTIONS"})],
        "{labels:?}"
    );
    let lines: BTreeSet<&String> = kept.values().flatten().map(|(_, line)| line).collect();
    ensure!(
        lines.len() == 40
            && lines.iter().all(|line| line.starts_with("OPTIONS sip:test@10.0.0.2 SIP/2.0\r\n"))
    );
    Ok(())
}

trait ExtendAll {
    fn extend_all(&mut self, streams: Streams);
}

impl ExtendAll for Streams {
    fn extend_all(&mut self, streams: Streams) {
        for (labels, entries) in streams {
            self.entry(labels).or_default().extend(entries);
        }
    }
}

/// Documents by id, with their index.
type Documents = BTreeMap<String, (String, Value)>;

#[test]
fn elasticsearch_gets_each_document_once_and_refuses_some() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let kept: Arc<Mutex<Documents>> = Arc::default();
    let (asked, keeps) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&kept));
    let address = serve(move |request| {
        if request.header("authorization") != Some("Bearer t0ken") {
            return Response::new(401, r#"{"error":{"type":"security_exception"},"status":401}"#);
        }
        if !request.path.starts_with("/_bulk")
            || request.header("content-type") != Some("application/x-ndjson")
        {
            return Response::new(406, "not a bulk request");
        }
        let turn = asked.fetch_add(1, Ordering::SeqCst);
        if turn == 0 {
            return Response::new(429, r#"{"error":{"type":"circuit_breaking_exception"},"status":429}"#);
        }
        let mut keeps = keeps.lock().unwrap_or_else(PoisonError::into_inner);
        match bulk(&request.body, turn, &mut keeps) {
            // It has them, and a proxy in front answers for it.
            Ok(_) if turn == 1 => Response::new(200, "<html>busy</html>"),
            Ok(items) => {
                let errors = items.iter().any(|item| item["create"]["error"].is_object());
                Response::new(200, json!({"took": 1, "errors": errors, "items": items}).to_string())
            }
            Err(error) => Response::new(400, format!("{error:#}")),
        }
    })?;
    let from = server(
        folder.path(),
        "from",
        &format!(
            "[[output]]\nname = \"index\"\nkind = \"elasticsearch\"\nurl = \"http://{address}/\"\ntoken = \"t0ken\"\n\
             retry_seconds_max = 1\nbatch_wait_milliseconds = 0\n"
        ),
    )?;
    let names = (0..30).map(|n| format!("es-{n}")).chain(["poison".to_owned(), "busy".to_owned()]);
    send_udp(&from.options.hep_udp, &packets(names))?;
    let output = settled(&from, "index", 32)?;
    ensure!(output["sent"] == 31 && output["dropped"] == json!({"refused": 1}), "{output}");
    ensure!(output["last_refusal"].as_str().is_some_and(|text| text.contains("mapper_parsing")), "{output}");
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    ensure!(kept.len() == 31, "{}", kept.len());
    for (index, document) in kept.values() {
        ensure!(
            index.starts_with("rhapsode-sip-20") && index.len() == "rhapsode-sip-2026.11.21".len(),
            "{index}"
        );
        ensure!(document["@timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{document}");
        ensure!(document["method"] == "OPTIONS" && document["src_port"] == 5060, "{document}");
        ensure!(document["payload"].as_str().is_some_and(|text| text.starts_with("OPTIONS ")), "{document}");
    }
    Ok(())
}

/// What <https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk> says of `create`.
fn bulk(body: &str, turn: usize, kept: &mut Documents) -> Result<Vec<Value>> {
    ensure!(body.ends_with('\n'), "the last line ends too");
    let lines: Vec<Value> = body.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let mut items = Vec::new();
    for pair in lines.chunks(2) {
        let [action, document] = pair else { anyhow::bail!("an action without a document") };
        let text = |key: &str| action["create"][key].as_str().map(str::to_owned).context("create");
        let (index, id) = (text("_index")?, text("_id")?);
        let call_id = document["call_id"].as_str().unwrap_or_default();
        let error = match call_id {
            "poison" => Some((400, "mapper_parsing_exception")),
            "busy" if turn < 4 => Some((429, "es_rejected_execution_exception")),
            _ if kept.contains_key(&id) => Some((409, "version_conflict_engine_exception")),
            _ => None,
        };
        items.push(match error {
            Some((status, kind)) => {
                json!({"create": {"status": status, "error": {"type": kind, "reason": "r"}}})
            }
            None => {
                kept.insert(id, (index, document.clone()));
                json!({"create": {"status": 201}})
            }
        });
    }
    Ok(items)
}

#[test]
fn a_store_that_says_yes_to_everything_and_keeps_nothing_is_not_believed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let address = serve(|_| Response::new(200, "{\"errors\":false,\"items\":[]}"))?;
    let toml = format!("[[output]]\nname = \"liar\"\nkind = \"elasticsearch\"\nurl = \"http://{address}\"\n");
    let from = server(folder.path(), "from", &toml)?;
    send_udp(&from.options.hep_udp, &packets((0..5).map(|n| n.to_string())))?;
    let mut last = Value::Null;
    let failing = wait(Duration::from_secs(20), || {
        last = output(&from, "liar")?;
        Ok(last["state"] == "failing")
    })?;
    ensure!(failing && number(&last, "sent") == 0, "{last}");
    ensure!(last["problem"].as_str().is_some_and(|text| text.contains("answered for 0 of")), "{last}");
    Ok(())
}
