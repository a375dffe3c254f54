//! What leaves the program: numbers for Prometheus ([`metrics`]), what comes in, sent on to other collectors and stores, and
//! news of alerts ([`notify`]).
//!
//! ```text
//!  store: rows as they are published ── filter ──┐                  ┌─ memory ─┐
//!  ingest: packets as received ── window ────────┼─ items ─ queue ──┤          ├─ batches ─ relay | Loki | Elasticsearch |
//!  ingest: figures of minutes ───────────────────┘                  └─ spool ──┘            InfluxDB | NATS | MQTT
//! ```
//!
//! * **An output sees what is published**, by a filter in the query language that is compiled as those of searches are.
//!   Publishing hands over and never waits; an output that is too slow loses its own items and nobody else's.
//! * **Conservation**: taken = sent + dropped by cause + waiting, for each output. See [`Status`].
//! * **Bounded**: memory and disk of each output, the time of each attempt, the pause between them.
//! * **At least once**: what was not answered is sent again, so it may arrive twice. [`Config`] has the limits.

mod broker;
mod config;
mod document;
mod gather;
mod http;
pub mod metrics;
mod mood;
pub mod notify;
mod outputs;
mod portion;
mod queue;
mod relay;
mod send;
mod spool;
mod window;

pub use broker::{Format, Mqtt, Nats, Topic, TopicError};
pub use config::{Config, Kind, SpoolConfig};
pub use http::{Elasticsearch, Endpoint, InfluxDb, LOKI_LABELS, Line, Loki, Place};
pub use outputs::{Outputs, StartError, State, Status};
pub use relay::{Balance, ChunkValue, Form, Relay, Target, TargetError, chunk_name};
pub use window::Window;
