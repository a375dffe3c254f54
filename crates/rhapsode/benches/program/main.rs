//! Benches of the whole program: `cargo xtask bench ingest|search|space`.
//!
//! Each drives the built program in its own process through its public doors, so what is measured is the server's and
//! not the bench's. They check what the server answers: a bench of wrong answers measures nothing.
//! What each does, and its settings in the environment, stands at the top of its file.

mod disk;
mod facts;
mod footers;
mod ingest;
mod process;
mod questions;
mod rest;
mod search;
mod send;
mod set;
mod space;

use anyhow::{Context, Result, bail};

fn main() -> Result<()> {
    // Cargo adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["ingest"] => ingest::run(),
        ["search"] => search::run(),
        ["space"] => space::run(),
        [] => {
            println!("which one? cargo xtask bench ingest|search|space");
            Ok(())
        }
        ref other => bail!("no bench {other:?}: there are ingest, search and space"),
    }
}

/// The program under test.
const BINARY: &str = env!("CARGO_BIN_EXE_rhapsode");

/// A number from the environment.
fn setting(name: &str, default: u64) -> Result<u64> {
    std::env::var(name).map_or(Ok(default), |text| text.parse().with_context(|| format!("{name}={text}")))
}

/// What the figures depend on.
fn machine() -> Result<String> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo")?;
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("an unknown processor");
    let processors = std::thread::available_parallelism()?;
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    let model = model.trim_matches([' ', '\t', ':']);
    Ok(format!("{processors} processors of {model}, load average before {load}"))
}
