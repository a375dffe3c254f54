//! Instructions per message of the hottest steps, counted by callgrind: times say little on a busy machine, these
//! repeat to a fraction of a percent.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::run::{cargo, repository, run};

const STEPS: [&str; 3] = ["decode", "sip", "batch"];

/// What a step may need beyond what is noted.
const GROWTH_MAX_PERCENT: f64 = 5.0;

/// Fails if a step needs more than is noted beside the example; with `UPDATE=1` notes what it needs now.
pub(crate) fn check() -> Result<()> {
    run(cargo(&["build", "--release", "--workspace", "--all-targets"]))?;
    let mut measured = BTreeMap::new();
    for step in STEPS {
        measured.insert(step.to_owned(), count(step)?);
    }
    let noted = read()?;
    let mut grown = Vec::new();
    println!("instructions per message     noted       now");
    for (step, now) in &measured {
        let before = noted.get(step).copied();
        let change = before.map_or(0.0, |before| (now / before - 1.0) * 100.0);
        println!("  {step:24} {:>8.0}  {now:>8.0}  {change:+.1} %", before.unwrap_or(0.0));
        if before.is_none() || change > GROWTH_MAX_PERCENT {
            grown.push(step.clone());
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        return write(&measured);
    }
    ensure!(
        grown.is_empty(),
        "more than {GROWTH_MAX_PERCENT} % grown: {}; if that is worth it, note it by \
         UPDATE=1 cargo xtask test instructions",
        grown.join(", ")
    );
    Ok(())
}

fn count(step: &str) -> Result<f64> {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    let example = target.join("release/examples/instructions");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .arg(format!("--toggle-collect=*counted_{step}*"))
        .arg(&example)
        .arg(step)
        .output()
        .context("cannot start valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("valgrind {} {step} failed: {said}", example.display());
    }
    let messages: f64 =
        String::from_utf8_lossy(&output.stdout).trim().parse().context("no number of messages")?;
    let collected =
        said.lines().find_map(|line| line.split_once("Collected :")).context("nothing was counted")?;
    let instructions: f64 = collected.1.trim().parse().context("no number of instructions")?;
    ensure!(
        instructions > messages,
        "step {step} was not counted: is its function still called counted_{step}?"
    );
    Ok(instructions / messages)
}

fn file() -> PathBuf {
    repository().join("crates/ingest/examples/instructions.txt")
}

/// Lines of a step and its instructions per message.
fn read() -> Result<BTreeMap<String, f64>> {
    let text = fs::read_to_string(file()).with_context(|| format!("cannot read {}", file().display()))?;
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (step, number) =
                line.split_once(' ').with_context(|| format!("not a step and a number: {line}"))?;
            Ok((step.to_owned(), number.trim().parse().with_context(|| line.to_owned())?))
        })
        .collect()
}

fn write(measured: &BTreeMap<String, f64>) -> Result<()> {
    let mut text = "# Instructions per message; UPDATE=1 cargo xtask test instructions\n".to_owned();
    for (step, number) in measured {
        writeln!(text, "{step} {number:.0}")?;
    }
    fs::write(file(), text)?;
    println!("noted in {}", file().display());
    Ok(())
}
