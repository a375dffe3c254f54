//! What do the operator's scripts make of a packet?
//!
//! Scripts are Lua 5.1, as those of heplify-server are. They see a packet once, before it is logged: a packet that they
//! change is logged as they changed it, one that they drop is counted and not logged. So a replay of the log, which runs
//! no script, makes the same rows, and scripts need not say the same twice.
//!
//! * Each script has a Lua state of its own for each thread that runs it, with the libraries `string`, `table` and
//!   `math` and nothing that reaches files, other programs or the clock.
//! * Instructions, time and memory of a run are limited, in patterns of `string` too. What fails leaves the packet as it
//!   was before this script.

mod budget;
mod cache;
mod handle;
mod heplify;
mod patterns;
mod program;
mod sample;
mod stats;
mod strings;
mod work;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use hep::Packet;
use protocols::{Arrival, Protocols};

use crate::cache::Cache;
use crate::program::Program;
use crate::stats::Stats;
use crate::work::Work;

pub use sample::{arrival, sample, wrapped};
pub use stats::ScriptStatus;

/// A script as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// As errors show it; its last part is the script's name.
    pub path: String,
    pub text: String,
}

/// What one run may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub instructions_max: u64,
    pub time_max: Duration,
    /// Of one Lua state.
    pub memory_bytes_max: usize,
    /// Runs one after another that meet a limit: then the script is switched off.
    pub in_a_row_max: u32,
}

impl Default for Limits {
    /// A run of an ordinary script takes some hundred instructions and a few microseconds.
    fn default() -> Self {
        Self {
            instructions_max: 1_000_000,
            time_max: Duration::from_millis(20),
            memory_bytes_max: 16 << 20,
            in_a_row_max: 20,
        }
    }
}

/// Which scripts there are, and what they may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// In the order they are run.
    pub sources: Vec<Source>,
    /// The payload types they see.
    pub hep_types: Vec<u16>,
    pub limits: Limits,
}

/// When a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// `packet(p)`: decoded, not yet understood.
    Packet,
    /// `record(r)`: with the columns of the row to be.
    Record,
}

impl Stage {
    fn of(name: &str) -> Option<Self> {
        match name {
            "packet" => Some(Self::Packet),
            "record" => Some(Self::Record),
            _ => None,
        }
    }
}

/// Why a script is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct LoadError {
    pub path: String,
    pub line: Option<u32>,
    pub reason: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.reason),
            None => write!(f, "{}: {}", self.path, self.reason),
        }
    }
}

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Unchanged,
    Dropped,
    /// The frame to be taken instead.
    Changed(Vec<u8>),
}

/// What scripts did with one packet, for people who try them.
#[derive(Clone, Debug)]
pub struct Report {
    pub outcome: Outcome,
    /// The reason that was given.
    pub dropped: Option<String>,
    /// One line each.
    pub changes: Vec<String>,
    pub prints: Vec<String>,
    /// `PATH:LINE: reason`.
    pub errors: Vec<String>,
    pub took: Duration,
}

/// Scripts that are ready to run, for all threads.
pub struct Scripts {
    settings: Settings,
    cache: Arc<Cache>,
    stats: Vec<Arc<Stats>>,
    machines: Vec<Mutex<Machine>>,
    next: AtomicUsize,
    has_records: bool,
}

/// All scripts, for one thread at a time.
type Machine = Vec<Program>;

impl fmt::Debug for Scripts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripts").field("stats", &self.stats).finish_non_exhaustive()
    }
}

/// Loads scripts to see whether they can be: each is compiled, its outermost part run, and its functions once with an
/// ordinary packet, where calling a function that does not exist is a mistake.
///
/// # Errors
/// The first that cannot be loaded.
pub fn check(settings: &Settings) -> Result<(), LoadError> {
    let scripts = Scripts::load(settings, 1, None)?;
    let (frame, received) = sample();
    let Ok((packet, _)) = hep::decode(&frame, received) else { return Ok(()) };
    let machine = scripts.machine();
    for (program, source) in machine.iter().zip(&settings.sources) {
        let mut work = Work::of(&packet, &arrival(received));
        if let Err(failure) = program.run(Stage::Packet, &mut work, &settings.limits)
            && failure.reason.starts_with("attempt to call global")
        {
            return Err(LoadError { path: source.path.clone(), line: failure.line, reason: failure.reason });
        }
    }
    Ok(())
}

impl Scripts {
    /// Ready for so many threads at a time. What `earlier` ones counted and remember goes on.
    ///
    /// # Errors
    /// The first script that cannot be loaded.
    pub fn load(settings: &Settings, threads: usize, earlier: Option<&Self>) -> Result<Self, LoadError> {
        let cache = earlier.map_or_else(Arc::default, |earlier| Arc::clone(&earlier.cache));
        let machine = || {
            let programs = settings.sources.iter();
            programs
                .map(|source| Program::load(source, &settings.limits, Arc::clone(&cache)))
                .collect::<Result<Machine, LoadError>>()
        };
        let machines = (0..threads.max(1)).map(|_| machine()).collect::<Result<Vec<Machine>, LoadError>>()?;
        let has_records = machines.iter().take(1).flatten().any(|program| program.has(Stage::Record));
        let stats = settings.sources.iter().map(|source| {
            let known = earlier.into_iter().flat_map(|earlier| &earlier.stats);
            known
                .clone()
                .find(|stats| stats.path == source.path)
                .map_or_else(|| Arc::new(Stats::new(&source.path)), Arc::clone)
        });
        Ok(Self {
            stats: stats.collect(),
            settings: settings.clone(),
            cache,
            machines: machines.into_iter().map(Mutex::new).collect(),
            next: AtomicUsize::new(0),
            has_records,
        })
    }

    /// What they were made of.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Those that were switched off run again: what was wrong with them may have been mended.
    pub fn switch_on(&self) {
        self.stats.iter().for_each(|stats| stats.switch_on());
    }

    /// How each of them does.
    #[must_use]
    pub fn status(&self) -> Vec<ScriptStatus> {
        self.stats.iter().map(|stats| stats.read()).collect()
    }

    /// Paths of those that are switched off. Asked for often, and nearly always empty.
    #[must_use]
    pub fn off(&self) -> Vec<String> {
        self.stats.iter().filter(|stats| stats.is_off()).map(|stats| stats.path.clone()).collect()
    }

    /// Whether they want to see packets of this type.
    #[must_use]
    pub fn are_for(&self, packet: &Packet<'_>) -> bool {
        self.settings.hep_types.contains(&packet.hep_type.unwrap_or(0))
    }

    /// What becomes of the packet in this frame.
    #[must_use]
    pub fn run(
        &self,
        packet: &Packet<'_>,
        frame: &[u8],
        arrival: &Arrival,
        protocols: &Protocols,
    ) -> Outcome {
        if !self.are_for(packet) {
            return Outcome::Unchanged;
        }
        self.examine(packet, frame, arrival, protocols).0
    }

    /// The same, whatever the type, in detail.
    #[must_use]
    pub fn report(
        &self,
        packet: &Packet<'_>,
        frame: &[u8],
        arrival: &Arrival,
        protocols: &Protocols,
    ) -> Report {
        let begun = Instant::now();
        let (outcome, work, errors) = self.examine(packet, frame, arrival, protocols);
        Report {
            outcome,
            changes: work.changes(),
            dropped: work.effects.dropped,
            prints: work.prints,
            errors,
            took: begun.elapsed(),
        }
    }

    fn examine(
        &self,
        packet: &Packet<'_>,
        frame: &[u8],
        arrival: &Arrival,
        protocols: &Protocols,
    ) -> (Outcome, Work, Vec<String>) {
        let received = u32::try_from(arrival.received.seconds()).unwrap_or(0);
        let machine = self.machine();
        let mut work = Work::of(packet, arrival);
        let mut errors = Vec::new();
        self.stage(Stage::Packet, &machine, &mut work, &mut errors);
        if self.has_records && work.effects.dropped.is_none() {
            let changed = work.is_changed().then(|| work.frame(frame, received)).transpose();
            // What cannot be carried is told below.
            if let Ok(changed) = changed
                && let Ok((now, _)) = hep::decode(changed.as_deref().unwrap_or(frame), received)
            {
                work.look_at(&protocols.understand(&now, arrival));
                self.stage(Stage::Record, &machine, &mut work, &mut errors);
            }
        }
        drop(machine);
        let outcome = if work.effects.dropped.is_some() {
            Outcome::Dropped
        } else if work.is_changed() {
            match work.frame(frame, received) {
                Ok(frame) => Outcome::Changed(frame),
                Err(reason) => {
                    let last = work.effects.said.by.last().cloned();
                    let stats = self.stats.iter().find(|stats| Some(stats.name()) == last.as_deref());
                    if let Some(stats) = stats {
                        errors.push(stats.fail(None, &reason));
                    }
                    // What a script has taken out of it must not be kept because a sender made it so long.
                    if work.is_rewritten() {
                        stats.into_iter().for_each(|stats| stats.dropped());
                        work.effects.dropped = Some(reason);
                        Outcome::Dropped
                    } else {
                        Outcome::Unchanged
                    }
                }
            }
        } else {
            Outcome::Unchanged
        };
        (outcome, work, errors)
    }

    fn stage(&self, stage: Stage, machine: &Machine, work: &mut Work, errors: &mut Vec<String>) {
        for (program, stats) in machine.iter().zip(&self.stats) {
            if work.effects.dropped.is_some() {
                return;
            }
            if !program.has(stage) || stats.is_off() {
                continue;
            }
            let before = work.effects.clone();
            let printed = work.prints.len();
            let begun = Instant::now();
            let ended = program.run(stage, work, &self.settings.limits);
            stats.ran(begun.elapsed());
            stats.say(work.prints.get(printed..).unwrap_or_default());
            match ended {
                Ok(()) => {
                    stats.succeeded();
                    if work.effects.dropped.is_some() {
                        stats.dropped();
                    } else if work.effects != before {
                        stats.changed();
                        let by = &mut work.effects.said.by;
                        if !by.iter().any(|name| name == stats.name()) {
                            by.push(stats.name().to_owned());
                        }
                    }
                }
                Err(failure) => {
                    // The packet goes on as it was before this script.
                    work.effects = before;
                    errors.push(stats.fail(failure.line, &failure.reason));
                    if failure.is_limit {
                        stats.met_limit(self.settings.limits.in_a_row_max);
                    } else {
                        stats.succeeded();
                    }
                }
            }
        }
    }

    /// One that no other thread has, or the one whose turn it is.
    fn machine(&self) -> MutexGuard<'_, Machine> {
        for machine in &self.machines {
            match machine.try_lock() {
                Ok(machine) => return machine,
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.machines.len();
        self.machines[turn].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
