//! One piece of news at a time, tried until it is taken, refused, or too old.

use std::sync::Arc;
use std::time::Duration;

use alerts::Event;
use reach::Backoff;
use tokio::time::Instant;

use super::config::Timing;
use super::counters::Counts;
use crate::send::Failure;

/// Changes of one rule at one moment.
#[derive(Clone, Debug)]
pub(super) struct News {
    pub(super) events: Vec<Event>,
}

/// What every task has.
pub(super) struct Errand {
    pub(super) name: String,
    /// Where the web is, for links.
    pub(super) base: String,
    pub(super) timing: Timing,
    pub(super) counts: Arc<Counts>,
}

impl Errand {
    pub(super) fn backoff(&self) -> Backoff {
        Backoff::new(self.timing.retry.0, self.timing.retry.1)
    }

    /// An attempt, cut off when it takes too long.
    pub(super) async fn attempt<T>(
        &self,
        attempt: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let time_max = self.timing.attempt_max;
        tokio::time::timeout(time_max, attempt).await.unwrap_or_else(|_| Err(Failure::late(time_max)))
    }

    /// Notes a failure, and says how long to wait for another attempt; not at all where it would fail alike.
    pub(super) fn failed(&self, failure: Failure, backoff: &mut Backoff) -> Option<Duration> {
        let notifier = &self.name;
        match failure {
            Failure::Refused { refusal } => {
                tracing::error!(notifier, refusal, "the news of an alert was refused");
                self.counts.failed(refusal);
                None
            }
            Failure::Down { problem, after } => {
                // Said once, not at each attempt.
                if !self.counts.is_failing() {
                    tracing::warn!(notifier, problem, "could not tell of an alert; trying again");
                }
                self.counts.failed(problem);
                Some(backoff.failed(after, fastrand::f64()))
            }
        }
    }

    /// So many pieces of news were too old, or refused.
    pub(super) fn given_up(&self, news: u64) {
        if news > 0 {
            tracing::error!(notifier = self.name, news, "gave up telling of alerts");
        }
        self.counts.given_up(news);
    }
}

/// Tries until one attempt succeeds.
pub(super) async fn deliver<T, F: Future<Output = Result<T, Failure>>>(
    errand: &Errand,
    mut attempt: impl FnMut() -> F,
) {
    let begun = Instant::now();
    let mut backoff = errand.backoff();
    loop {
        let Err(failure) = errand.attempt(attempt()).await else { return errand.counts.sent(1) };
        let pause = errand.failed(failure, &mut backoff);
        match pause.filter(|pause| begun.elapsed() + *pause <= errand.timing.give_up_after) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return errand.given_up(1),
        }
    }
}
