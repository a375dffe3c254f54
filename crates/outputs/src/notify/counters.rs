use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What became of the news of one notifier since the start: taken = sent + given up + dropped + waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    pub name: String,
    pub kind: &'static str,
    /// Changes of one rule at one moment are one piece of news.
    pub taken: u64,
    pub sent: u64,
    /// Refused by the other side, or it was down for too long.
    pub given_up: u64,
    /// The queue was full.
    pub dropped: u64,
    pub waiting: u64,
    /// Attempts that failed, also of what was sent later.
    pub failures: u64,
    /// Why the last attempt failed; none once one has succeeded.
    pub error: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    taken: AtomicU64,
    sent: AtomicU64,
    given_up: AtomicU64,
    dropped: AtomicU64,
    failures: AtomicU64,
    error: Mutex<Option<String>>,
}

impl Counts {
    pub(super) fn taken(&self) {
        self.taken.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn dropped(&self) {
        self.dropped.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn sent(&self, news: u64) {
        self.sent.fetch_add(news, Ordering::AcqRel);
        *self.error() = None;
    }

    pub(super) fn given_up(&self, news: u64) {
        self.given_up.fetch_add(news, Ordering::AcqRel);
    }

    pub(super) fn failed(&self, error: String) {
        self.failures.fetch_add(1, Ordering::AcqRel);
        *self.error() = Some(error);
    }

    /// Whether the last attempt failed.
    pub(super) fn is_failing(&self) -> bool {
        self.error().is_some()
    }

    pub(super) fn read(&self, name: &str, kind: &'static str) -> Counters {
        let read = |count: &AtomicU64| count.load(Ordering::Acquire);
        // What ends is read before what begins: waiting is never below zero.
        let (sent, given_up, dropped) = (read(&self.sent), read(&self.given_up), read(&self.dropped));
        let taken = read(&self.taken);
        Counters {
            name: name.to_owned(),
            kind,
            taken,
            sent,
            given_up,
            dropped,
            waiting: taken.saturating_sub(sent + given_up + dropped),
            failures: read(&self.failures),
            error: self.error().clone(),
        }
    }

    fn error(&self) -> MutexGuard<'_, Option<String>> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
