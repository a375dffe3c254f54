//! The parsers of `reach`: what brokers say. The room links TLS, which has no place in a fuzz build: files that need nothing
//! of it are included by their path.
#![no_main]

#[allow(dead_code)]
#[path = "../../../crates/reach/src/buffer.rs"]
mod buffer;
mod mqtt;
mod nats;

fuzz::room!(mqtt nats);
