//! From socket to log to store: listeners, framing, admission, group commit and understanding.
//!
//! ```text
//!  UDP thread ──┐                                 ┌─ log (fsync: accepted)
//!  TCP threads ─┼─ admission ─ bounded queue ─ committer ─ bounded queue ─ understander ─ store (searchable)
//!  POST /hep ───┘  decode, key,                                            replay at start, then live
//!                  keep-alives
//! ```
//!
//! * **Conservation**: whatever arrives is counted once as `received`, and once more as `stored`, `refused` by cause,
//!   `dropped` by cause or `duplicates`; what is still on its way is `pending`. See [`Counters`].
//! * **Accepted means covered by fsync.** `stored` moves, and `POST /hep` answers, only then.
//! * **Everything is bounded.** When the log cannot keep up, UDP drops the newest and counts it, TCP stops reading,
//!   HTTP answers 503; see [`IngestConfig`] for the limits.
//! * Threads, not tasks: only the HTTP door is asynchronous, since it lives in the web server's router.

mod admit;
mod alarms;
mod clock;
mod config;
mod counters;
mod error;
mod ingest;
mod listen;
mod pipeline;
mod senders;

pub use alarms::Alarm;
pub use config::IngestConfig;
pub use counters::{Conservation, Counters, ListenerCounters};
pub use error::IngestError;
pub use ingest::{BoundAddresses, Ingest, Replayed};
pub use senders::Sender;
