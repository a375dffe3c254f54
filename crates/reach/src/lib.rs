//! How other programs are reached: TLS to them ([`Tls`]), pauses between attempts ([`Backoff`]), and what brokers of messages
//! speak: NATS with JetStream ([`nats`]) and MQTT 5 ([`mqtt`]).
//!
//! * **A connection is driven by who holds it**: no task, no queue and no attempt of its own. What was written and what the
//!   broker has answered for is known at every moment, which is what counting and acknowledging need.
//! * **Parsers are pure** (`wire`): bytes in, values out, bounded, never a panic.
//! * **Waiting for the next event may be given up** at any time; nothing is lost by it.

mod address;
mod backoff;
mod buffer;
mod error;
pub mod mqtt;
pub mod nats;
mod stream;
mod tls;

pub use address::{Address, AddressError};
pub use backoff::Backoff;
pub use error::ReachError;
pub use tls::{Tls, TlsFiles};
