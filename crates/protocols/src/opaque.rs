//! Whatever no other file reads: kept exactly, found by address, time, correlation and text.

use hep::Packet;
use model::Table;

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
    fields: &[],
};

/// OpenSIPS management commands (87) and connection events (89) correlate by a cookie and by the number of the
/// connection, which name no call.
const NOT_BY_CALL: &[u16] = &[87, 89];

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    if packet.hep_type.is_some_and(|hep_type| NOT_BY_CALL.contains(&hep_type)) {
        draft.forget_correlation();
    }
}
