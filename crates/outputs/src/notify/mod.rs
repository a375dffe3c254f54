//! How people hear of alerts: Alertmanager, webhooks, mail.
//!
//! [`Notifiers::tell`] never waits: each notifier has a queue of its own and a task that empties it, tries again while the
//! other side is down, and gives up after a while. What became of everything is counted:
//! taken = sent + given up + dropped + waiting.

mod alertmanager;
mod config;
mod counters;
mod delivery;
mod mail;
mod notifiers;
mod smtp;
mod webhook;

pub use config::{Config, Email, Encryption, Kind, Timing};
pub use counters::Counters;
pub use notifiers::{Notifiers, NotifyError, Prepared};
