//! A short run of every fuzz target, on the toolchain that is here.
//!
//! The targets are laid out for cargo-fuzz; this builds them without it, with the same flags, so that nothing
//! has to be installed. For a long run: `cargo fuzz run TARGET` in `fuzz/`, or the printed program.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::demo::target_folder;
use crate::run::{cargo, command, repository, run};

const SECONDS_PER_TARGET: u32 = 15;

/// Inputs longer than this find nothing new: every length field of the formats is 16 bits or text.
const INPUT_BYTES_MAX: u32 = 8192;

/// Coverage feedback for libFuzzer, overflow and debug checks on, as cargo-fuzz sets them.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Cdebug-assertions -Coverflow-checks \
    -Ccodegen-units=1";

pub(crate) fn smoke() -> Result<()> {
    let folder = target_folder()?.join("fuzz");
    let targets = targets()?;
    let mut build = cargo(&["build", "--release", "--bins", "--target", "x86_64-unknown-linux-gnu"]);
    build
        .current_dir(repository().join("fuzz"))
        .env("CARGO_TARGET_DIR", &folder)
        .env("RUSTFLAGS", FLAGS)
        // The coverage pass is reached by an unstable flag; the stable compiler carries it.
        .env("RUSTC_BOOTSTRAP", "1");
    run(build)?;
    for (index, target) in targets.iter().enumerate() {
        println!("[{}/{}] {target}, {SECONDS_PER_TARGET} s", index + 1, targets.len());
        one(&folder, target)?;
    }
    Ok(())
}

fn one(folder: &std::path::Path, target: &str) -> Result<()> {
    let found = folder.join("corpus").join(target);
    std::fs::create_dir_all(&found)?;
    let seeds = repository().join("fuzz/seeds").join(target);
    let artifacts = folder.join("artifacts").join(target);
    std::fs::create_dir_all(&artifacts)?;

    let mut fuzzer = command(folder.join("x86_64-unknown-linux-gnu/release").join(target), &[]);
    fuzzer.arg(&found);
    if seeds.is_dir() {
        fuzzer.arg(&seeds);
    }
    fuzzer
        // The same inputs every time: a red run says that the change broke something. New ground is for long runs.
        .arg("-seed=1")
        .arg(format!("-max_total_time={SECONDS_PER_TARGET}"))
        .arg(format!("-max_len={INPUT_BYTES_MAX}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-timeout=5", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=0"]);
    run(fuzzer).with_context(|| format!("{target} failed; the input is in {}", artifacts.display()))
}

/// The targets by the files that hold them.
fn targets() -> Result<Vec<String>> {
    let folder: PathBuf = repository().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "rs") {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    if names.is_empty() {
        bail!("no fuzz targets in {}", folder.display());
    }
    Ok(names)
}
