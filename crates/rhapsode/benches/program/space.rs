//! Bytes of disk a message: of the generator's mix, and of every recording of real programs.
//!
//! `cargo xtask bench space`. Event time is that of a day of 100 million messages, 1,157 a second: how many messages of
//! a call lie in the same file depends on it, and with it how often a Call-ID is stored.
//! Environment: `BENCH_MESSAGES` (default 4,000,000: enough for some files to be merged at once), `BENCH_DATA` (where the set is kept), `RHAPSODE_SHARED` (more
//! recordings than those of the repository).

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testkit::recordings::{FIXTURES, recording, shared_folder};
use testkit::server::{Options, Server, send_tcp, send_udp};

use crate::footers::{Table, Weights};
use crate::rest::wait_until_at_rest;
use crate::set::Set;
use crate::{BINARY, machine, setting};

/// 100 million messages a day.
const MESSAGES_PER_SECOND: f64 = 100e6 / 86_400.0;

const GOAL: f64 = 85.0;
const GOAL_WITHOUT_RAW: f64 = 28.0;

/// Columns below this are summed up, in bytes a message.
const SHOWN_MIN: f64 = 0.1;

pub(crate) fn run() -> Result<()> {
    let messages = setting("BENCH_MESSAGES", 4_000_000)?;
    println!("{}", machine()?);
    let span = Duration::from_secs_f64((messages as f64 / MESSAGES_PER_SECOND).ceil());
    let set = Set::obtain(messages, span)?;
    let mean = set.facts.payload_bytes as f64 / messages as f64;
    println!("\nThe generator's mix, {messages} messages of {mean:.0} B of payload");
    let (total, without_raw) = show(&set.data().join("lake"), messages)?;
    println!("goals: {GOAL} B ({}), {GOAL_WITHOUT_RAW} B without raw ({})", met(total, GOAL), {
        met(without_raw, GOAL_WITHOUT_RAW)
    });
    recordings()
}

fn met(value: f64, goal: f64) -> &'static str {
    if value <= goal { "met" } else { "NOT met" }
}

/// What real programs sent, each recording once.
fn recordings() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(Options::new(BINARY, folder.path().join("data"))?)?;
    let mut names: BTreeSet<String> = FIXTURES.iter().map(|name| (*name).to_owned()).collect();
    if let Some(shared) = shared_folder() {
        for entry in std::fs::read_dir(shared.join("corpus"))? {
            names.insert(entry?.file_name().to_string_lossy().into_owned());
        }
    }
    // Datagrams, and streams of HEPv3: older versions have no frames, and the rest are requests of HTTP.
    names.retain(|name| name.ends_with(".pcap") || (name.contains("hep3") && name.ends_with(".bin")));
    let (mut sent, mut payload_bytes) = (0, 0);
    for name in &names {
        let recording = recording(name)?.with_context(|| format!("{name} is gone"))?;
        if recording.is_stream() {
            send_tcp(&server.options.hep_tcp, &recording.stream(), &[])?;
        } else {
            send_udp(&server.options.hep_udp, &recording.pieces)?;
        }
        sent += recording.expected.count as u64;
        payload_bytes +=
            recording.expected.packets.iter().filter_map(|packet| packet.payload_len).sum::<usize>();
    }
    let totals = server.wait_for_received(sent)?;
    wait_until_at_rest(&server)?;
    server.terminate()?;
    let mean = payload_bytes as f64 / sent as f64;
    println!(
        "\n{} recordings of real programs, {} messages, {sent} sent with {mean:.0} B of payload",
        names.len(),
        totals.stored
    );
    show(&folder.path().join("data/lake"), totals.stored)?;
    Ok(())
}

/// Prints the table of a lake; bytes a message in all once every file is merged, and now without `raw`.
fn show(lake: &Path, messages: u64) -> Result<(f64, f64)> {
    let tables = Table::all(lake)?;
    let mut all = Weights::default();
    tables
        .iter()
        .for_each(|table| [&table.merged, &table.settled].into_iter().for_each(|part| all.add(part)));
    // Rows of calls come on top, and their bytes count.
    let is_derived = |table: &&Table| calls::TABLES.iter().any(|derived| derived.name == table.name);
    let rows: u64 = tables
        .iter()
        .filter(|table| !is_derived(table))
        .map(|table| table.merged.rows + table.settled.rows)
        .sum();
    ensure!(rows == messages, "the lake has {rows} rows of {messages} messages");
    let per_message = |bytes: u64| bytes as f64 / messages as f64;

    println!("{:<24}{:>12}{:>12}{:>8}", "table", "rows", "B a row", "files");
    let mut merged_bytes = 0.0;
    for Table { name, merged, settled } in &tables {
        for (name, part) in [(name.clone(), settled), (format!("{name}, merged"), merged)] {
            if part.rows > 0 {
                println!("{name:<24}{:>12}{:>12.1}{:>8}", part.rows, part.bytes_per_row(), part.files);
            }
        }
        let kept = if merged.rows > 0 { merged } else { settled };
        merged_bytes += kept.bytes_per_row() * (merged.rows + settled.rows) as f64;
    }
    println!("{:<24}{:>12}{:>12}{:>8}", "column", "B a message", "as pages", "");
    let mut columns: Vec<_> = all.columns.iter().collect();
    columns.sort_by_key(|(_, column)| std::cmp::Reverse(column.bytes));
    let (mut rest, mut rest_plain, mut rest_count) = (0, 0, 0);
    for (name, column) in columns {
        let bytes = per_message(column.bytes);
        if bytes >= SHOWN_MIN {
            println!("{name:<24}{bytes:>12.2}{:>12.2}", per_message(column.bytes_plain));
        } else {
            (rest, rest_plain) = (rest + column.bytes, rest_plain + column.bytes_plain);
            rest_count += 1;
        }
    }
    let row = |name: &str, bytes: u64| println!("{name:<24}{:>12.2}", per_message(bytes));
    println!(
        "{:<24}{:>12.2}{:>12.2}",
        format!("{rest_count} others"),
        per_message(rest),
        per_message(rest_plain)
    );
    row("footers, page indexes", all.footer_bytes());
    row("Parquet bloom filters", all.bloom_bytes);
    row("filters of calls", all.key_bytes);
    row("Delta log", all.delta_log_bytes);
    let raw = all.columns.get("raw").map_or(0, |column| column.bytes);
    println!("{:<24}{:>12.2}", "all, once merged", merged_bytes / messages as f64);
    row("all", all.total_bytes());
    row("all without raw", all.total_bytes() - raw);
    println!("{} files, {} row groups", all.files, all.row_groups);
    Ok((merged_bytes / messages as f64, per_message(all.total_bytes() - raw)))
}
