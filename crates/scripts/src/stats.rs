//! How a script does: counted over all threads, and kept when scripts are loaded anew.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines of one script that are logged in [`LOG_EVERY`]: a script that fails for every packet must not fill the log.
const LOG_LINES_MAX: u32 = 10;
const LOG_EVERY: Duration = Duration::from_secs(10);

/// A script that was switched off is tried again after this: whoever can send packets that it cannot cope with must not be
/// rid of it for good.
const OFF_FOR: Duration = Duration::from_secs(60);

/// What is counted of a script since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScriptStatus {
    pub name: String,
    pub path: String,
    pub runs: u64,
    pub seconds: f64,
    /// Runs that failed, those that met a limit among them.
    pub errors: u64,
    pub limits: u64,
    pub dropped: u64,
    pub changed: u64,
    /// It met limits too often in a row and is not run for a while.
    pub is_off: bool,
    /// `PATH:LINE: reason` of the last failure.
    pub last_error: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Stats {
    pub(crate) path: String,
    runs: AtomicU64,
    nanos: AtomicU64,
    errors: AtomicU64,
    limits: AtomicU64,
    dropped: AtomicU64,
    changed: AtomicU64,
    in_a_row: AtomicU32,
    is_off: AtomicBool,
    off_since: Mutex<Option<Instant>>,
    last_error: Mutex<Option<String>>,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    since: Option<Instant>,
    lines: u32,
    left_out: u64,
}

impl Stats {
    pub(crate) fn new(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            runs: AtomicU64::default(),
            nanos: AtomicU64::default(),
            errors: AtomicU64::default(),
            limits: AtomicU64::default(),
            dropped: AtomicU64::default(),
            changed: AtomicU64::default(),
            in_a_row: AtomicU32::default(),
            is_off: AtomicBool::default(),
            off_since: Mutex::default(),
            last_error: Mutex::default(),
            log: Mutex::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    pub(crate) fn ran(&self, took: Duration) {
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn changed(&self) {
        self.changed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn succeeded(&self) {
        self.in_a_row.store(0, Ordering::Relaxed);
    }

    /// Counts a failure; how it is told.
    pub(crate) fn fail(&self, line: Option<u32>, reason: &str) -> String {
        self.errors.fetch_add(1, Ordering::Relaxed);
        let place = line.map_or_else(|| self.path.clone(), |line| format!("{}:{line}", self.path));
        let told = format!("{place}: {reason}");
        if self.may_log() {
            tracing::warn!(script = self.name(), "{told}");
        }
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(told.clone());
        told
    }

    pub(crate) fn met_limit(&self, in_a_row_max: u32) {
        self.limits.fetch_add(1, Ordering::Relaxed);
        let in_a_row = self.in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        if in_a_row >= in_a_row_max && !self.is_off() {
            *self.off_since.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            self.is_off.store(true, Ordering::Relaxed);
            tracing::error!(
                script = self.name(),
                in_a_row,
                "switched off for {} s: it meets its limits again and again",
                OFF_FOR.as_secs()
            );
        }
    }

    pub(crate) fn switch_on(&self) {
        self.in_a_row.store(0, Ordering::Relaxed);
        self.is_off.store(false, Ordering::Relaxed);
    }

    pub(crate) fn is_off(&self) -> bool {
        if !self.is_off.load(Ordering::Relaxed) {
            return false;
        }
        let since = *self.off_since.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = since.is_none_or(|since| since.elapsed() >= OFF_FOR);
        if is_over {
            self.switch_on();
        }
        !is_over
    }

    pub(crate) fn say(&self, lines: &[String]) {
        for line in lines {
            if self.may_log() {
                tracing::info!(script = self.name(), "{line}");
            }
        }
    }

    pub(crate) fn read(&self) -> ScriptStatus {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ScriptStatus {
            name: self.name().to_owned(),
            path: self.path.clone(),
            runs: read(&self.runs),
            seconds: Duration::from_nanos(read(&self.nanos)).as_secs_f64(),
            errors: read(&self.errors),
            limits: read(&self.limits),
            dropped: read(&self.dropped),
            changed: read(&self.changed),
            is_off: self.is_off(),
            last_error: self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    fn may_log(&self) -> bool {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.since.is_none_or(|since| since.elapsed() >= LOG_EVERY) {
            if log.left_out > 0 {
                tracing::warn!(script = self.name(), lines = log.left_out, "lines of a script were left out");
            }
            *log = Log { since: Some(Instant::now()), ..Log::default() };
        }
        log.lines += 1;
        let may = log.lines <= LOG_LINES_MAX;
        log.left_out += u64::from(!may);
        may
    }
}
