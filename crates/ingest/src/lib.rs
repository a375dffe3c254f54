//! From socket to log to store: listeners, framing, admission, group commit and understanding.
//!
//! ```text
//!  UDP threads ───────────┐                                 ┌─ log (fsync: accepted)
//!  TCP, TLS, SCTP threads ┼─ admission ─ bounded queue ─ committer ─ bounded queue ─ understander ─ store
//!  web: HTTP(S), WS(S) ───┤  decode, key,                                            replay,       (searchable)
//!  inputs: NATS, MQTT ────┘  keep-alives                                             then live
//! ```
//!
//! * **Conservation**: whatever arrives is counted once as `received`, and once more as `stored`, `refused` by cause,
//!   `dropped` by cause or `duplicates`; what is still on its way is `pending`. See [`Counters`].
//! * **Accepted means covered by fsync.** `stored` moves, `POST /hep` answers, and messages of brokers are
//!   acknowledged, only then.
//! * **Everything is bounded.** When the log cannot keep up, UDP drops the newest and counts it, TCP stops reading,
//!   HTTP answers 503; see [`IngestConfig`] for the limits.
//! * Threads, not tasks: only the web's doors are asynchronous, since others' pages are served there too; and inside the
//!   thread of an input what waits for its broker.

mod admit;
mod alarms;
mod clock;
mod config;
mod counters;
mod doors;
mod duplicates;
mod error;
mod ingest;
mod listen;
mod network;
mod pace;
mod pipeline;
mod rules;
mod senders;
mod tls;
mod transport;
mod watch;

pub use alarms::Alarm;
pub use config::{IngestConfig, InputConfig, InputKind, ListenerConfig, MqttInput, NatsFrom, NatsInput, Tap};
pub use counters::{Conservation, Counters, ListenerCounters};
pub use doors::{Bound, Doors};
pub use error::IngestError;
pub use ingest::{CallsGauge, Ingest, Replayed};
pub use listen::openapi;
pub use network::{Network, NetworkError};
pub use rules::{SenderRule, SenderRules, Treatment};
pub use senders::Sender;
pub use tls::{TlsConfig, TlsError};
pub use transport::Transport;
pub use watch::{Published, Watcher};
