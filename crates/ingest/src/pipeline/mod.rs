//! What happens to admitted packets: queue, group commit, understanding, joining to calls.

mod commit;
mod current;
mod join;
mod journal;
mod losses;
mod minutes;
mod over;
mod queue;
mod sightings;
mod understand;

#[cfg(test)]
mod tests;

pub(crate) use commit::Committer;
pub(crate) use join::{Feed, Gauge, Joiner};
pub(crate) use journal::Journal;
pub(crate) use queue::{Batch, Queue, Rejected, Spares};
pub(crate) use understand::{PUBLISH_ALARM, Understander};
