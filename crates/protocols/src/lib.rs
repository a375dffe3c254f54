//! What each HEP type means: how a payload becomes a record.
//!
//! One file per type declares everything about it: its HEP numbers, its table with typed columns, and the function
//! that reads a payload. [`registry`] lists them; adding one is a file and a line (see README.md). No other room
//! knows a HEP type by number.
//!
//! [`understand`] never fails: what cannot be read leaves its columns empty, raises a flag and keeps every byte.

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
mod report;
mod secrets;
mod signalling;
mod summary;
mod text;
mod voip_metrics;
mod wrapped;

pub mod corrections;
pub mod sighting;

pub use arrival::Arrival;
pub use corrections::{Correction, Corrections};
pub use draft::Draft;
pub use extra::Extra;
pub use flags::flags;
pub use secrets::{TooLarge, blank_secrets};
pub use wrapped::unwrapped;

use std::sync::LazyLock;

use corrections::{HEP_IN_HEP, Header};
use hep::Packet;
use model::query::Catalogue;
use model::{Record, Table};

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

pub fn registry() -> &'static [&'static Protocol] {
    REGISTRY
}

/// The tables of all protocols, in registry order. Several may keep their records in one.
pub fn tables() -> &'static [&'static Table] {
    static TABLES: LazyLock<Vec<&'static Table>> = LazyLock::new(|| {
        let mut tables: Vec<&'static Table> = Vec::new();
        for protocol in REGISTRY {
            if !tables.iter().any(|known| std::ptr::eq(*known, protocol.table)) {
                tables.push(protocol.table);
            }
        }
        tables
    });
    &TABLES
}

/// The names a query may use: all tables, and the flags that may be raised.
pub fn catalogue() -> Catalogue {
    Catalogue::new(tables()).with_values("flags", flags().iter().map(|(name, _)| *name))
}

/// The protocol that reads this payload type.
pub fn protocol(hep_type: u16) -> &'static Protocol {
    let known = REGISTRY.iter().find(|protocol| protocol.hep_types.contains(&hep_type));
    known.copied().unwrap_or(REGISTRY[REGISTRY.len() - 1])
}

/// Makes a record of a packet. Borrows from the packet wherever its bytes are valid text.
pub fn understand<'a>(packet: &'a Packet<'a>, arrival: &Arrival) -> Record<'a> {
    let header = Header::of(packet, arrival.corrections);
    let protocol = protocol(header.hep_type.unwrap_or(0));
    let mut draft = Draft::new(protocol.table, arrival.corrections);
    let inner = inner(packet, arrival);
    match &inner {
        Some(inner) => wrapped::note(&packet.payload, inner, arrival, &mut draft),
        None => (protocol.understand)(packet, &mut draft),
    }
    common::finish(protocol.table, packet, &header, arrival, draft)
}

/// The packet that is the payload of this one.
fn inner<'a>(packet: &'a Packet<'a>, arrival: &Arrival) -> Option<Packet<'a>> {
    let seconds = u32::try_from(arrival.received.seconds()).unwrap_or(0);
    arrival.corrections.contains(&HEP_IN_HEP).then(|| wrapped::first(&packet.payload, seconds)).flatten()
}
