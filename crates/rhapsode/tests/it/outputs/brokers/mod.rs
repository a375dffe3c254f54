//! By way of real brokers: what outputs publish is what inputs of another server get, whatever becomes of the broker in
//! between.

mod mqtt;
mod nats;

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::server::{Server, options_packet, send_tcp, wait};

/// Brokers are gone for a second or two, and the pauses between attempts double meanwhile.
const PATIENCE: Duration = Duration::from_secs(40);

/// On a runtime of its own; whatever hangs fails.
fn run<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), work).await? })
}

/// Packets of so many calls.
fn send(server: &Server, name: &str, count: u64) -> Result<()> {
    let packets: Vec<u8> = (0..count).flat_map(|n| options_packet(&format!("{name}-{n}"))).collect();
    send_tcp(&server.options.hep_tcp, &packets, &[])
}

/// What every row says but when and how it came. A packet of version 1, which says neither, has a capture id as one of version 3.
fn rows(server: &Server) -> Result<Vec<Value>> {
    let columns = "hep_type, src_ip, src_port, dst_ip, dst_port, node, call_id, raw";
    server.sql(&format!("SELECT {columns} FROM messages ORDER BY {columns}"))
}

/// Waits until `to` has every row of `from`, of which there are so many; each byte of it, and none more.
fn all_arrived(from: &Server, to: &Server, count: u64) -> Result<()> {
    from.wait_for_count("SELECT count(*) AS n FROM messages", count)?;
    to.wait_for_count("SELECT count(*) AS n FROM messages", count)?;
    let (sent, received) = (rows(from)?, rows(to)?);
    ensure!(sent.len() as u64 == count, "{} were to be sent, not {}", count, sent.len());
    let other = sent.iter().zip(&received).find(|(sent, received)| sent != received);
    ensure!(other.is_none(), "a row is not as it was sent: {other:?}");
    ensure!(sent.len() == received.len(), "{} rows came of {}", received.len(), sent.len());
    Ok(())
}

/// What the status page says of a listener or an input.
fn listener(server: &Server, name: &str) -> Result<Value> {
    let status = server.get("/api/v1/status")?;
    let listeners = status["listeners"].as_array().context("the status has listeners")?;
    let found = listeners.iter().find(|listener| listener["name"] == name);
    found.cloned().with_context(|| format!("no {name} in {listeners:?}"))
}

/// The message of an alarm that is up.
fn alarm(server: &Server, name: &str) -> Result<Option<String>> {
    let status = server.get("/api/v1/status")?;
    let alarms = status["alarms"].as_array().context("the status has alarms")?;
    let found = alarms.iter().find(|alarm| alarm["name"] == name);
    Ok(found.and_then(|alarm| alarm["message"].as_str()).map(str::to_owned))
}

/// Waits until an alarm says this.
fn alarm_says(server: &Server, name: &str, words: &str) -> Result<()> {
    let mut last = None;
    let said = wait(PATIENCE, || {
        last = alarm(server, name)?;
        Ok(last.as_ref().is_some_and(|message| message.contains(words)))
    })?;
    ensure!(said, "the alarm {name} is to say {words:?}, and is {last:?}");
    Ok(())
}

fn alarm_is_over(server: &Server, name: &str) -> Result<()> {
    let mut last = None;
    let is_over = wait(PATIENCE, || {
        last = alarm(server, name)?;
        Ok(last.is_none())
    })?;
    ensure!(is_over, "the alarm {name} is still up: {last:?}");
    Ok(())
}

/// What is no HEP.
const POISON: &[u8] = b"{\"this\": \"is no HEP\"}";

/// Publishes what is no HEP until an input has refused it: then it listens. How often it has.
fn until_it_listens(server: &Server, name: &str, mut publish: impl FnMut() -> Result<()>) -> Result<u64> {
    let refused = || -> Result<u64> {
        let causes = listener(server, name)?["refused"].clone();
        Ok(causes.as_object().map_or(0, |causes| causes.values().filter_map(Value::as_u64).sum()))
    };
    for _ in 0..20 {
        publish()?;
        if wait(Duration::from_secs(2), || Ok(refused()? > 0))? {
            return refused();
        }
    }
    anyhow::bail!("the input {name} refuses nothing: {}", server.printed())
}
