//! What one run of a script may still do.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Instructions between two looks at what is left: a few microseconds.
pub(crate) const EVERY: u32 = 1_000;

/// Which limit was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exceeded {
    Instructions,
    Time,
    Memory,
}

impl Exceeded {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Instructions => "more instructions than scripts.instructions_max allows",
            Self::Time => "more time than scripts.milliseconds_max allows",
            Self::Memory => "more memory than scripts.memory_bytes_max allows",
        }
    }
}

/// Shared by the hook, the functions and the patterns of one state.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    left: AtomicU64,
    exceeded: AtomicU8,
    deadline: Mutex<Option<Instant>>,
}

impl Budget {
    pub(crate) fn begin(&self, instructions: u64, time: Duration) {
        self.left.store(instructions, Ordering::Relaxed);
        self.exceeded.store(0, Ordering::Relaxed);
        *self.deadline() = Some(Instant::now() + time);
    }

    /// Takes some of it. Once it has failed it fails until the next run, so that no `pcall` gets around it.
    pub(crate) fn spend(&self, instructions: u64) -> Result<(), Exceeded> {
        if let Some(exceeded) = self.exceeded() {
            return Err(exceeded);
        }
        let left = self.left.load(Ordering::Relaxed);
        if left < instructions {
            self.exceeded.store(1, Ordering::Relaxed);
            return Err(Exceeded::Instructions);
        }
        let now = left - instructions;
        self.left.store(now, Ordering::Relaxed);
        // The clock is asked once in a while.
        if left / u64::from(EVERY) != now / u64::from(EVERY)
            && self.deadline().is_some_and(|deadline| Instant::now() > deadline)
        {
            self.exceeded.store(2, Ordering::Relaxed);
            return Err(Exceeded::Time);
        }
        Ok(())
    }

    /// Lua has refused to allocate.
    pub(crate) fn is_out_of_memory(&self) {
        self.exceeded.store(3, Ordering::Relaxed);
    }

    pub(crate) fn exceeded(&self) -> Option<Exceeded> {
        match self.exceeded.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(Exceeded::Instructions),
            2 => Some(Exceeded::Time),
            _ => Some(Exceeded::Memory),
        }
    }

    fn deadline(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
