//! Whatever no other file reads: kept exactly, found by address, time, correlation and text.

use hep::Packet;
use model::{Rows, Table};

use crate::{Draft, Protocol};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "other",
    // What the rest of the registry leaves over.
    hep_types: &[],
    table: &TABLE,
    doc: "Every other HEP type, stored as it came",
    understand,
};

static TABLE: Table = Table {
    name: "other",
    doc: "Packets of HEP types that have no columns of their own",
    retention_days: 30,
    rows: Rows::PACKETS,
    fields: &[],
};

fn understand<'a>(_packet: &'a Packet<'a>, _draft: &mut Draft<'a>) {}
