//! Fuzzing, on the toolchain that is here: one program for each room, with an entry for each parser.
//!
//! The programs are laid out for cargo-fuzz; this builds them without it, with the same flags, so that nothing has to
//! be installed.

mod seeds;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};

use crate::demo::target_folder;
use crate::run::{cargo, command, repository, run};

/// All entries together, in every run of all tests. Long runs find new ground; this one tells whether a change broke
/// something.
const SECONDS: u32 = 600;

/// What anybody may send, or type: these get three times as long as others.
const HEAVY: &[&str] = &["hep/decode", "hep/stream", "model/query", "protocols/understand", "sip/message"];
const HEAVY_SHARE: u32 = 3;

/// Inputs longer than this find nothing new: every length field of the formats is 16 bits or text.
const INPUT_BYTES_MAX: u32 = 4096;

/// Of one input. The slowest compile sixteen regular expressions, in a fraction of a second where nothing else runs.
const INPUT_SECONDS_MAX: u32 = 10;

/// How libFuzzer ends when an input took longer.
const TOO_SLOW: i32 = 70;

/// Types that documents define live as long as the program does, so the entry that makes them by the thousand grows.
const MEMORY_MIB_MAX: u32 = 2048;

/// Coverage feedback for libFuzzer, overflow and debug checks on, as cargo-fuzz sets them.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Cdebug-assertions -Coverflow-checks \
    -Ccodegen-units=1";

/// A short run of every entry, as many at a time as there are cores.
pub(crate) fn smoke() -> Result<()> {
    let folders = Folders::built()?;
    let entries = entries()?;
    let shares: u32 = entries.iter().map(|entry| share(entry)).sum();
    println!("{} entries, {SECONDS} s", entries.len());
    let waiting = Mutex::new(VecDeque::from(entries));
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let worker = || {
        while let Some(entry) = next() {
            short(&folders, &entry, SECONDS * share(&entry) / shares)?;
        }
        Ok(())
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("no panic is caught here"))
    })
}

/// One entry, for as long as one likes: `arguments` are libFuzzer's. Files among them are run once each.
pub(crate) fn one(entry: &str, arguments: &[&str]) -> Result<()> {
    if !entries()?.iter().any(|known| known == entry) {
        bail!("no entry {entry:?}; there are {}", entries()?.join(" "));
    }
    let folders = Folders::built()?;
    let mut fuzzer = folders.fuzzer(entry)?;
    // The fuzzer runs in the repository's root, whoever names a file may be elsewhere.
    let (inputs, options): (Vec<&str>, Vec<&str>) =
        arguments.iter().partition(|argument| Path::new(argument).is_file());
    fuzzer.args(options);
    if inputs.is_empty() {
        fuzzer.args(folders.corpora(entry)?);
    }
    for input in inputs {
        fuzzer.arg(Path::new(input).canonicalize()?);
    }
    run(fuzzer).with_context(|| folders.advice(entry))
}

fn share(entry: &str) -> u32 {
    if HEAVY.contains(&entry) { HEAVY_SHARE } else { 1 }
}

/// What once broke an entry, then new inputs for some seconds.
fn short(folders: &Folders, entry: &str, seconds: u32) -> Result<()> {
    let regressions = files(&repository().join("fuzz/regressions").join(entry))?;
    if !regressions.is_empty() {
        let mut fuzzer = folders.fuzzer(entry)?;
        fuzzer.args(&regressions);
        logged(fuzzer, folders, entry)
            .with_context(|| format!("{entry} broke again by what once broke it"))?;
    }
    let mut fuzzer = folders.fuzzer(entry)?;
    // The same inputs every time: a red run says that the change broke something.
    fuzzer.args(["-seed=1", &format!("-max_total_time={seconds}")]).args(folders.corpora(entry)?);
    let log = logged(fuzzer, folders, entry)?;
    println!("{entry}: {seconds} s, {}", told(&log));
    Ok(())
}

/// Runs it with its words in a file; what they are.
fn logged(mut fuzzer: Command, folders: &Folders, entry: &str) -> Result<String> {
    let path = folders.target.join(format!("{}.log", entry.replace('/', "-")));
    let file = std::fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let status = fuzzer.stdout(Stdio::null()).stderr(file).status().context("cannot start a fuzzer")?;
    let log = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
    if status.code() == Some(TOO_SLOW) && is_quick_alone(&log, folders, entry)? {
        println!("{entry}: ended early, since this machine stood still; the input is quick by itself");
    } else if !status.success() {
        let panic = log.find(" panicked at ").and_then(|at| log[..at].rfind('\n')).unwrap_or(0);
        let shown: String = log[panic..].lines().take(30).map(|line| format!("{line:.500}\n")).collect();
        bail!("{entry}: {status}\n{shown}\n{}", folders.advice(entry));
    }
    Ok(log)
}

/// Whether the input that took too long takes no time once more: then it was the machine that did something else.
fn is_quick_alone(log: &str, folders: &Folders, entry: &str) -> Result<bool> {
    let written = log.lines().find_map(|line| line.split_once("Test unit written to "));
    let Some((_, input)) = written else { return Ok(false) };
    let mut fuzzer = folders.fuzzer(entry)?;
    fuzzer.arg(input.trim()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(fuzzer.status().context("cannot start a fuzzer")?.success())
}

/// How much was done, from what libFuzzer prints at its end.
fn told(log: &str) -> String {
    let number = |before: &str| {
        let after = log.rsplit_once(before).map_or("", |(_, after)| after).trim_start();
        after.split(|letter: char| !letter.is_ascii_digit()).next().unwrap_or_default().to_owned()
    };
    format!("{} executions, {} edges", number("stat::number_of_executed_units:"), number(" cov:"))
}

/// Where things are.
struct Folders {
    target: PathBuf,
}

impl Folders {
    /// Builds the programs and gathers the seeds.
    fn built() -> Result<Self> {
        let target = target_folder()?.join("fuzz");
        let mut build = cargo(&["build", "--release", "--bins", "--target", "x86_64-unknown-linux-gnu"]);
        build
            .current_dir(repository().join("fuzz"))
            .env("CARGO_TARGET_DIR", &target)
            .env("RUSTFLAGS", FLAGS)
            // The coverage pass is reached by an unstable flag; the stable compiler carries it.
            .env("RUSTC_BOOTSTRAP", "1");
        run(build)?;
        seeds::gather(&target.join("seeds"))?;
        Ok(Self { target })
    }

    fn fuzzer(&self, entry: &str) -> Result<Command> {
        let (room, name) = entry.split_once('/').context("an entry is ROOM/NAME")?;
        let artifacts = self.artifacts(entry);
        std::fs::create_dir_all(&artifacts)?;
        let mut fuzzer = command(self.target.join("x86_64-unknown-linux-gnu/release").join(room), &[]);
        fuzzer
            .env("RHAPSODE_FUZZ_ENTRY", name)
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .arg(format!("-max_len={INPUT_BYTES_MAX}"))
            .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
            .arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"))
            .arg("-print_final_stats=1");
        Ok(fuzzer)
    }

    /// What was found, which grows with every run, and the seeds.
    fn corpora(&self, entry: &str) -> Result<Vec<PathBuf>> {
        let found = self.target.join("corpus").join(entry);
        std::fs::create_dir_all(&found)?;
        let seeds = [self.target.join("seeds").join(entry), repository().join("fuzz/seeds").join(entry)];
        Ok(std::iter::once(found).chain(seeds.into_iter().filter(|folder| folder.is_dir())).collect())
    }

    fn artifacts(&self, entry: &str) -> PathBuf {
        self.target.join("artifacts").join(entry)
    }

    fn advice(&self, entry: &str) -> String {
        let artifacts = self.artifacts(entry);
        let artifacts = artifacts.display();
        format!(
            "the input is in {artifacts}/\n\
             to run it once more:  cargo xtask fuzz {entry} {artifacts}/FILE\n\
             once it is mended, move it to fuzz/regressions/{entry}/, which every run begins with"
        )
    }
}

/// The entries by the files that hold them, as `ROOM/NAME`.
fn entries() -> Result<Vec<String>> {
    let mut entries = Vec::new();
    for room in listed(&repository().join("fuzz/fuzz_targets"))? {
        for path in files(&room)? {
            let (Some(room), Some(name)) = (room.file_name(), path.file_stem()) else { continue };
            if name != "main" {
                entries.push(format!("{}/{}", room.to_string_lossy(), name.to_string_lossy()));
            }
        }
    }
    if entries.is_empty() {
        bail!("no entries in fuzz/fuzz_targets");
    }
    // The long ones first, so that none is left alone at the end.
    entries.sort_by_key(|entry| (std::cmp::Reverse(share(entry)), entry.clone()));
    Ok(entries)
}

/// The files of a folder by name; none if there is no folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    Ok(listed(folder)?.into_iter().filter(|path| path.is_file()).collect())
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
