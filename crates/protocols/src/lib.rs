//! What each HEP type means: how a payload becomes a record.
//!
//! One file per type declares everything about it: its HEP numbers, its table with typed columns, and the function
//! that reads a payload. [`registry`] lists them; adding one is a file and a line (see README.md). No other room
//! knows a HEP type by number. [`Protocols`] is what a running server understands.
//!
//! [`Protocols::understand`] never fails: what cannot be read leaves its columns empty, raises a flag and keeps every
//! byte.

mod arrival;
mod bencode;
pub mod cdr_csv;
mod civil_time;
mod common;
mod draft;
mod event;
mod extra;
mod flags;
mod json;
mod members;
mod posted;
mod redact;
mod registry;
mod report;
mod secrets;
mod signalling;
mod summary;
mod text;
mod voip_metrics;
mod wrapped;

pub mod corrections;
pub mod mapping;
pub mod scripted;
pub mod sighting;

pub use arrival::Arrival;
pub use corrections::{Correction, Corrections};
pub use draft::Draft;
pub use extra::Extra;
pub use flags::flags;
pub use posted::{Posted, posted};
pub use redact::Redactions;
pub use registry::{MAPPINGS_MAX, Protocols};
pub use secrets::{TooLarge, blank_secrets, may_need_another_frame};
pub use wrapped::unwrapped;

use hep::Packet;
use model::Table;

/// One kind of traffic.
#[derive(Debug)]
pub struct Protocol {
    /// Lower case.
    pub name: &'static str,
    /// The payload types of chunk 0x000b that carry it; no two protocols share one.
    pub hep_types: &'static [u16],
    /// Where its records go. Types that say the same kind of thing share a table; its name is their prefix in the query
    /// language.
    pub table: &'static Table,
    /// A sentence for people who choose what to search.
    pub doc: &'static str,
    /// Reads the payload into the draft: one value per field of the table, in its order. What is left out is null.
    pub understand: for<'a> fn(&'a Packet<'a>, &mut Draft<'a>),
}

/// A line here makes a file a protocol.
macro_rules! registry {
    ($($file:ident;)+) => {
        $(mod $file;)+

        const REGISTRY: &[&Protocol] = &[$(&$file::PROTOCOL),+];
    };
}

registry! {
    sip;
    sip_json;
    rtcp;
    rtp;
    sdp;
    rtp_report;
    vq_rtcpxr;
    qos;
    horaclifix;
    rtcp_xr;
    log;
    dns;
    opensips;
    control;
    json_event;
    janus;
    mediasoup;
    ss7;
    sigtran;
    diameter;
    cdr;
    rtsp;
    xmpp;
    mgcp;
    megaco;
    iax;
    h32x;
    opaque; // the last one takes whatever no other does
}

/// The kinds of traffic that have a file here.
pub fn registry() -> &'static [&'static Protocol] {
    REGISTRY
}
