//! The parsers of `ingest`. The room links the query engine, which has no place in a fuzz build: files that need nothing
//! of it are included by their path.
#![no_main]

mod body;
mod network;
mod proxy;

fuzz::room!(body network proxy);
