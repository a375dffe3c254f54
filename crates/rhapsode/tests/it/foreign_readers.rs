//! The lake belongs to whoever runs the server: programs of others find in it what the server finds.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::programs;
use testkit::server::{Server, send_udp, wait};
use traffic::{Generator, Rate, Settings};

use crate::options;

const MESSAGES: u64 = 6_000;

/// Settled in so many steps, so that tables consist of several files and commits.
const STEPS: u64 = 3;

#[test]
fn deltalake_and_duckdb_find_what_the_server_finds() -> Result<()> {
    let Some(mut readers) = programs::find_lake_readers()? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("rhapsode.toml");
    // Rows of calls that go on are not in the lake yet, which nobody else can know.
    std::fs::write(&config, "[storage]\nsettle_seconds = 1\n[calls]\nrows = false\n")?;
    let server = Server::start(options(&folder)?.argument("--config").argument(&config.to_string_lossy()))?;
    let mut generator = Generator::new(&Settings::new(1, 1_790_000_000_000_000, Rate::Messages(500.0)));
    for step in 1..=STEPS {
        let packets: Vec<Vec<u8>> = (0..MESSAGES / STEPS)
            .map(|_| {
                let mut packet = Vec::new();
                generator.append(&mut packet);
                packet
            })
            .collect();
        for burst in packets.chunks(100) {
            send_udp(&server.options.hep_udp, burst)?;
        }
        let sent = step * MESSAGES / STEPS;
        let settled = wait(Duration::from_secs(60), || {
            Ok(server.get("/api/v1/status")?["store"]["lake_rows"].as_u64() == Some(sent))
        })?;
        ensure!(settled, "{}", server.get("/api/v1/status")?["store"]);
    }

    // The server runs on meanwhile, as it would.
    let output = readers.arg(server.options.data.join("lake")).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout)?;
    let read = read.as_object().context("no object")?;
    let mut rows = 0;
    for (table, read) in read {
        let sql = format!(
            "SELECT count(*) AS rows, count(DISTINCT id) AS ids, count(DISTINCT call_id) AS calls,
                    sum(size) AS payload_bytes, sum(length(encode(raw, 'hex')) / 2) AS raw_bytes FROM {table}"
        );
        let expected = server.sql(&sql)?.into_iter().next().context("no row")?;
        ensure!(read["deltalake"] == expected, "{table}: deltalake {}, here {expected}", read["deltalake"]);
        ensure!(read["duckdb"] == expected, "{table}: DuckDB {}, here {expected}", read["duckdb"]);
        rows += expected["rows"].as_u64().context("no count")?;
    }
    ensure!(rows == MESSAGES, "{rows} rows in {:?}", read.keys());
    ensure!(read["sip"]["files"].as_u64() >= Some(STEPS), "{}", read["sip"]);
    Ok(())
}
