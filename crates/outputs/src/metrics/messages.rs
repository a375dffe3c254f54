//! Packets by what they hold and who sent them, and SIP messages by method and status.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use arrow::datatypes::{Int16Type, Int32Type, Int64Type};
use model::Table;
use model::query::METHODS;

use super::bounded::{Bounded, OTHER};
use super::columns::{Numbers, Texts};
use super::metric::Metric;
use super::page::Page;

static PACKETS: Metric = Metric::counter(
    "rhapsode_hep_packets_total",
    &["hep_type", "table"],
    "Packets that became rows, by HEP payload type and the table they went to",
);
static PAYLOAD_BYTES: Metric = Metric::counter(
    "rhapsode_hep_payload_bytes_total",
    &["hep_type", "table"],
    "Payload of these packets, after decompression",
);
static AGENT_PACKETS: Metric = Metric::counter(
    "rhapsode_agent_packets_total",
    &["node", "capture_id"],
    "Packets by capture agent: node name (chunk 0x0013) and capture id (chunk 0x000c), each empty where the agent gives none",
);
static REQUESTS: Metric =
    Metric::counter("rhapsode_sip_requests_total", &["method"], "SIP requests as captured, on every hop");
static RESPONSES: Metric = Metric::counter(
    "rhapsode_sip_responses_total",
    &["method", "class", "status"],
    "SIP responses as captured, on every hop, by CSeq method, class (1xx to 6xx) and status code",
);

pub(super) static METRICS: [&Metric; 5] = [&PACKETS, &PAYLOAD_BYTES, &AGENT_PACKETS, &REQUESTS, &RESPONSES];

/// Types in use are a few dozen; those that documents define come on top.
const TYPES_MAX: usize = 256;

/// A large network has some hundred agents.
const AGENTS_MAX: usize = 500;

/// Methods times the status codes that are registered would be a thousand; a network uses some fifty of these.
const RESPONSES_MAX: usize = 500;

/// The table of SIP messages.
pub(super) const SIP: &str = "sip";

#[derive(Debug)]
pub(super) struct Messages {
    packets: Bounded<u64>,
    bytes: Bounded<u64>,
    agents: Bounded<u64>,
    requests: Bounded<u64>,
    responses: Bounded<u64>,
}

impl Messages {
    pub(super) fn new() -> Self {
        Self {
            packets: Bounded::new(TYPES_MAX),
            bytes: Bounded::new(TYPES_MAX),
            agents: Bounded::new(AGENTS_MAX),
            requests: Bounded::new(METHODS.len() + 1),
            responses: Bounded::new(RESPONSES_MAX),
        }
    }

    pub(super) fn count(&mut self, table: &Table, rows: &RecordBatch) {
        self.count_packets(table, rows);
        self.count_agents(rows);
        if table.name == SIP {
            self.count_sip(rows);
        }
    }

    // A batch has few different labels: they are counted as they stand there, and only then by name.

    fn count_packets(&mut self, table: &Table, rows: &RecordBatch) {
        let (types, sizes) =
            (Numbers::<Int32Type>::of(rows, "hep_type"), Numbers::<Int32Type>::of(rows, "size"));
        let mut counts: HashMap<i32, (u64, u64)> = HashMap::new();
        for row in 0..rows.num_rows() {
            let count = counts.entry(types.get(row).unwrap_or_default()).or_default();
            count.0 += 1;
            count.1 += u64::try_from(sizes.get(row).unwrap_or_default()).unwrap_or_default();
        }
        for (hep_type, (packets, bytes)) in counts {
            let labels = [&*hep_type.to_string(), table.name];
            self.packets.add(&labels, packets);
            self.bytes.add(&labels, bytes);
        }
    }

    fn count_agents(&mut self, rows: &RecordBatch) {
        let (nodes, ids) = (Texts::of(rows, "node"), Numbers::<Int64Type>::of(rows, "capture_id"));
        let mut counts: HashMap<(Option<&str>, Option<i64>), u64> = HashMap::new();
        for row in 0..rows.num_rows() {
            *counts.entry((nodes.get(row), ids.get(row))).or_default() += 1;
        }
        for ((node, id), packets) in counts {
            let id = id.map(|id| id.to_string()).unwrap_or_default();
            self.agents.add(&[node.unwrap_or_default(), &id], packets);
        }
    }

    fn count_sip(&mut self, rows: &RecordBatch) {
        let (methods, statuses) = (Texts::of(rows, "method"), Numbers::<Int16Type>::of(rows, "status"));
        let mut counts: HashMap<(&str, Option<i16>), u64> = HashMap::new();
        for row in 0..rows.num_rows() {
            let method = methods.get(row);
            // What is no SIP has neither.
            if method.is_none() && statuses.get(row).is_none() {
                continue;
            }
            *counts.entry((known(method), statuses.get(row))).or_default() += 1;
        }
        for ((method, status), messages) in counts {
            match status {
                None => self.requests.add(&[method], messages),
                Some(status @ 100..=699) => {
                    let class = format!("{}xx", status / 100);
                    self.responses.add(&[method, &class, &status.to_string()], messages);
                }
                Some(_) => self.responses.add(&[OTHER; 3], messages),
            }
        }
    }

    pub(super) fn write(&self, page: &mut Page) {
        self.packets.write(page.family(&PACKETS));
        self.bytes.write(page.family(&PAYLOAD_BYTES));
        self.agents.write(page.family(&AGENT_PACKETS));
        self.requests.write(page.family(&REQUESTS));
        self.responses.write(page.family(&RESPONSES));
    }
}

/// A method that may be a label: what is not registered is a sender's invention.
pub(super) fn known(method: Option<&str>) -> &'static str {
    METHODS.iter().copied().find(|known| Some(*known) == method).unwrap_or(OTHER)
}
