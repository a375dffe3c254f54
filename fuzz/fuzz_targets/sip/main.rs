//! The parsers of `sip`.
#![no_main]

mod message;
mod sdp;
mod values;

fuzz::room!(message sdp values);
