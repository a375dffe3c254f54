//! The built program, driven through its public doors by recordings, real programs and faults.

mod alerts;
mod backup;
mod browser;
mod calls;
mod check;
mod commands;
mod configuration;
mod crash;
mod export;
mod foreign_readers;
mod full_disk;
mod hepjs;
mod import;
mod live;
mod live_calls;
mod live_influxdb;
mod live_janus;
mod live_prometheus;
mod live_transports;
mod object_storage;
mod openapi;
mod outputs;
mod redact;
mod reload;
mod replay;
mod scripts;
mod secrets;
mod shared_lake;
mod stage;
mod types;
mod users;

use anyhow::Result;
use testkit::server::Options;

/// The program under test.
const BINARY: &str = env!("CARGO_BIN_EXE_rhapsode");

/// A server on free ports with its data in a folder that goes with the test.
fn options(folder: &tempfile::TempDir) -> Result<Options> {
    Options::new(BINARY, folder.path().join("data"))
}
