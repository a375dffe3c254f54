//! Tests of the crate through its public doors.
#![allow(clippy::indexing_slicing, reason = "a wrong index is a failing test")]

mod chunks;
mod compression;
mod edits;
mod framing;
mod json;
mod legacy;
mod properties;
mod protobuf;
mod recordings;
mod retime;
mod stream;
mod support;
mod vectors;
