//! Which rows show a message that another row has shown: seen by a further capture point, or sent again. Pure.
//!
//! Everything is stored; this is where lists and ladders fold.

use std::hash::{DefaultHasher, Hasher as _};

use protocols::sighting::{Identity, Seen, Sightings, WITNESS_TIME_MAX, ports_tell};

use super::is_sip;
use crate::row::Row;

/// The fields of a row that decide.
pub(crate) const FOLD_COLUMNS: &[&str] = &[
    "id",
    "ts",
    "sender",
    "node",
    "capture_id",
    "transport",
    "src_ip",
    "src_port",
    "dst_ip",
    "dst_port",
    "call_id",
    "size",
    "method",
    "status",
    "cseq",
    "cseq_method",
    "via_branch",
    "to_tag",
];

/// What each row is in view of those before it, by their places. The rows are in time order.
pub(crate) fn fold<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<Seen<usize>> {
    let mut sightings = Sightings::new(WITNESS_TIME_MAX);
    let rows = rows.into_iter().enumerate();
    rows.map(|(place, row)| match identity(row) {
        Some(identity) => sightings.see(identity, point(row), bytes(row), row.ts, place),
        None => Seen::First,
    })
    .collect()
}

/// Whether the row is a further sighting.
pub(crate) fn is_witness(seen: &Seen<usize>) -> bool {
    matches!(seen, Seen::Witness(_))
}

fn identity(row: &Row) -> Option<Identity<'_>> {
    if !is_sip(row) {
        return None;
    }
    let via_branch = row.text("via_branch");
    let transport = row.transport.as_deref().unwrap_or_default();
    let has_ports = ports_tell(transport, via_branch.map(str::as_bytes));
    Some(Identity {
        call_id: row.call_id.as_deref()?,
        cseq: Some(row.int("cseq")?),
        method: row.text("method").or_else(|| row.text("cseq_method")),
        status: row.int("status"),
        via_branch,
        to_tag: row.text("to_tag"),
        src: (row.src_ip.as_deref(), row.src_port.filter(|_| has_ports)),
        dst: (row.dst_ip.as_deref(), row.dst_port.filter(|_| has_ports)),
    })
}

/// Who saw it: the agent by its address, its name and its id.
fn point(row: &Row) -> u64 {
    hash(&(row.sender.as_deref(), row.node.as_deref(), row.capture_id))
}

/// Lists do not read payloads; there their length stands for them.
fn bytes(row: &Row) -> u64 {
    if row.raw.is_empty() { hash(&row.size) } else { hash(&row.raw) }
}

fn hash(value: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
