//! What happens to admitted packets: queue, group commit, understanding.

mod commit;
mod journal;
mod losses;
mod queue;
mod understand;

#[cfg(test)]
mod tests;

pub(crate) use commit::Committer;
pub(crate) use journal::Journal;
pub(crate) use queue::{Batch, Queue, Rejected, Spares};
pub(crate) use understand::{PUBLISH_ALARM, Understander};
