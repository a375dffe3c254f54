//! Quality reports as JSON (HEP type 32): paStash and early hepipe.js; the score may be in chunk 0x0020.

use crate::Protocol;
use crate::report;

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "qos",
    hep_types: &[32],
    table: &report::TABLE,
    doc: "Quality of a call as media servers sum it up at its end",
    understand: |packet, draft| report::understand("qos", packet, draft),
};
