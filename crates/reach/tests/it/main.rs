//! Against real brokers: nats-server and mosquitto.

mod encrypted;
mod mqtt;
mod nats;

use std::future::Future;
use std::time::Duration;

/// On a runtime of its own; whatever hangs fails.
fn run<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), work).await? })
}
