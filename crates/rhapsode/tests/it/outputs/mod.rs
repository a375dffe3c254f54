//! What comes in is sent on: to other servers of this program, to plain sockets, and to stand-ins that speak the
//! documented APIs of Loki, Elasticsearch and InfluxDB; and by way of real brokers, which inputs fetch from.

mod brokers;
mod http;
pub(crate) mod influxdb;
mod relay;
mod trouble;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::server::{Options, Server, wait};

use crate::BINARY;

/// A server with these outputs.
fn server(folder: &Path, name: &str, toml: &str) -> Result<Server> {
    Server::start(with(folder, name, toml)?)
}

fn with(folder: &Path, name: &str, toml: &str) -> Result<Options> {
    let config = folder.join(format!("{name}.toml"));
    std::fs::write(&config, toml)?;
    Ok(Options::new(BINARY, folder.join(name))?.argument("--config").argument(&config.to_string_lossy()))
}

/// What the status page says of an output.
fn output(server: &Server, name: &str) -> Result<Value> {
    let status = server.get("/api/v1/status")?;
    let outputs = status["outputs"].as_array().context("the status has outputs")?;
    let found = outputs.iter().find(|output| output["name"] == name);
    found.cloned().with_context(|| format!("no output {name} in {outputs:?}"))
}

fn number(output: &Value, key: &str) -> u64 {
    output[key].as_u64().unwrap_or(0)
}

fn dropped(output: &Value) -> u64 {
    output["dropped"].as_object().map_or(0, |causes| causes.values().filter_map(Value::as_u64).sum())
}

/// Waits until so many were taken and none waits; checks that each is accounted for.
fn settled(server: &Server, name: &str, taken: u64) -> Result<Value> {
    let mut last = Value::Null;
    let done = wait(Duration::from_secs(40), || {
        last = output(server, name)?;
        let (sent, waiting) = (number(&last, "sent"), number(&last, "waiting"));
        ensure!(number(&last, "taken") == sent + waiting + dropped(&last), "not conserved: {last}");
        Ok(number(&last, "taken") >= taken && waiting == 0)
    })?;
    ensure!(done, "{taken} were to be taken and none to wait, but: {last}");
    ensure!(number(&last, "taken") == taken && number(&last, "unseen") == 0, "{last}");
    Ok(last)
}
