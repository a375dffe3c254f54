//! The names of heplify-server 1.60, for boards and alerts made for it: the same labels and units, where a value of ours
//! says the same.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::net::IpAddr;

use arrow::array::RecordBatch;
use arrow::datatypes::{Float64Type, Int16Type, Int32Type, Int64Type};
use calls::CALLS;
use model::Table;
use store::Derived;

use super::bounded::{Bounded, OTHER};
use super::columns::{Numbers, Texts};
use super::media::REPORT;
use super::messages::{SIP, known};
use super::metric::Metric;
use super::page::Page;
use super::recent::Recent;

/// Machines by a name of the operator's: `PromTargetName` and `PromTargetIP` of heplify-server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Targets(HashMap<String, String>);

impl Targets {
    pub fn new(named: impl IntoIterator<Item = (String, IpAddr)>) -> Self {
        Self(named.into_iter().map(|(name, address)| (address.to_canonical().to_string(), name)).collect())
    }

    fn name(&self, address: Option<&str>) -> Option<&str> {
        self.0.get(address?).map(String::as_str)
    }
}

static PACKETS: Metric =
    Metric::counter("heplify_packets_total", &["node_id", "type"], "Packets by agent and HEP type");
static SIZE: Metric = Metric::gauge(
    "heplify_packets_size",
    &["node_id", "type"],
    "Payload of the last packet by agent and HEP type, in bytes",
);
static METHOD_RESPONSE: Metric = Metric::counter(
    "heplify_method_response",
    &["target_name", "direction", "node_id", "response", "method"],
    "SIP messages by status code, or method of a request, and CSeq method; each once a call where there are no targets",
);
static REASON: Metric = Metric::counter(
    "heplify_reason_isup_total",
    &["target_name", "cause", "method"],
    "SIP messages whose Reason header has a cause of Q.850, by it and by status code or method",
);
static SRD: Metric = Metric::gauge(
    "heplify_kpi_srd",
    &["target_name", "node_id"],
    "Session request delay of the last call, in nanoseconds",
);
static RRD: Metric = Metric::gauge(
    "heplify_kpi_rrd",
    &["target_name", "node_id"],
    "Registration request delay of the last registration, in nanoseconds",
);

/// Gauges that hold the last value of a column, with the table, the kind of report and a factor.
struct Last {
    metric: Metric,
    table: &'static str,
    kind: Option<&'static str>,
    column: &'static str,
    factor: f64,
}

const NODE: &[&str] = &["node_id"];
const DIRECTED: &[&str] = &["target_name", "direction", "node_id"];

const fn rtcp(name: &'static str, column: &'static str, factor: f64, help: &'static str) -> Last {
    Last { metric: Metric::gauge(name, DIRECTED, help), table: "rtcp", kind: None, column, factor }
}

const fn report(name: &'static str, kind: &'static str, column: &'static str, help: &'static str) -> Last {
    Last { metric: Metric::gauge(name, NODE, help), table: REPORT, kind: Some(kind), column, factor: 1.0 }
}

static LAST: [Last; 12] = [
    // Of 256, as RTCP has it; ours are percent.
    rtcp("heplify_rtcp_fraction_lost", "fraction_lost", 2.56, "Fraction lost of the last report, of 256"),
    rtcp("heplify_rtcp_packets_lost", "packets_lost", 1.0, "Packets lost of the last report"),
    rtcp(
        "heplify_rtcp_jitter",
        "jitter",
        1.0,
        "Interarrival jitter of the last report, in units of the RTP clock",
    ),
    rtcp("heplify_rtcp_dlsr", "delay_since_last_sr", 1.0, "Delay since the last sender report, in 1/65536 s"),
    report("heplify_vqrtcpxr_nlr", "vq_rtcpxr", "loss", "NLR of the last report (RFC 6035 4.6)"),
    report("heplify_vqrtcpxr_jdr", "vq_rtcpxr", "discard", "JDR of the last report (RFC 6035 4.6)"),
    report("heplify_vqrtcpxr_iaj", "vq_rtcpxr", "jitter_mean", "IAJ of the last report (RFC 6035 4.6)"),
    report("heplify_vqrtcpxr_moslq", "vq_rtcpxr", "mos_lq", "MOSLQ of the last report (RFC 6035 4.6)"),
    report("heplify_vqrtcpxr_moscq", "vq_rtcpxr", "mos_cq", "MOSCQ of the last report (RFC 6035 4.6)"),
    report(
        "heplify_rtpagent_jitter",
        "rtp_report",
        "jitter_mean",
        "JITTER of the last report of an RTP agent",
    ),
    report("heplify_rtpagent_mos", "rtp_report", "mos", "MOS of the last report of an RTP agent"),
    report(
        "heplify_rtpagent_packets_lost",
        "rtp_report",
        "packets_lost",
        "PACKET_LOSS of the last report of an RTP agent",
    ),
];

/// All of them.
pub(super) fn metrics() -> impl Iterator<Item = &'static Metric> {
    [&PACKETS, &SIZE, &METHOD_RESPONSE, &REASON, &SRD, &RRD]
        .into_iter()
        .chain(LAST.iter().map(|last| &last.metric))
}

/// What heplify-server calls the HEP types that it knows; by our tables and kinds of report.
const TYPES: &[(&str, &str)] = &[
    (SIP, "sip"),
    ("rtcp", "rtcp"),
    ("rtp_report", "rtpagent"),
    ("vq_rtcpxr", "rtcpxr"),
    ("horaclifix", "horaclifix"),
    ("dns", "dns"),
    ("log", "log"),
];

const SERIES_MAX: usize = 1_000;

/// heplify-server remembers messages for ten minutes; this is as much at three hundred a second.
const MESSAGES_MAX: usize = 200_000;

#[derive(Debug)]
pub(super) struct Heplify {
    targets: Targets,
    packets: Bounded<u64>,
    size: Bounded<f64>,
    method_response: Bounded<u64>,
    reason: Bounded<u64>,
    srd: Bounded<f64>,
    rrd: Bounded<f64>,
    last: Vec<Bounded<f64>>,
    seen: Recent<u64>,
}

impl Heplify {
    pub(super) fn new(targets: Targets) -> Self {
        Self {
            targets,
            packets: Bounded::new(SERIES_MAX),
            size: Bounded::new(SERIES_MAX),
            method_response: Bounded::new(SERIES_MAX),
            reason: Bounded::new(SERIES_MAX),
            srd: Bounded::new(SERIES_MAX),
            rrd: Bounded::new(SERIES_MAX),
            last: LAST.iter().map(|_| Bounded::new(SERIES_MAX)).collect(),
            seen: Recent::new(MESSAGES_MAX),
        }
    }

    pub(super) fn count(&mut self, table: &Table, rows: &RecordBatch) {
        self.count_packets(table, rows);
        if table.name == SIP {
            self.count_sip(rows);
        }
        let nodes = Nodes::of(rows);
        let kinds = Texts::of(rows, "kind");
        for (last, values) in LAST.iter().zip(&mut self.last).filter(|(last, _)| last.table == table.name) {
            let whole = Numbers::<Int64Type>::of(rows, last.column);
            let real = Numbers::<Float64Type>::of(rows, last.column);
            for row in 0..rows.num_rows() {
                let value = real.get(row).or_else(|| whole.get(row).map(|value| value as f64));
                let Some(value) = value.filter(|_| last.kind.is_none() || kinds.get(row) == last.kind) else {
                    continue;
                };
                let node = nodes.get(row);
                let labels: &[&str] = if last.kind.is_none() { &["", "", &node] } else { &[&node] };
                *values.at(labels, || 0.0) = value * last.factor;
            }
        }
    }

    fn count_packets(&mut self, table: &Table, rows: &RecordBatch) {
        let nodes = Nodes::of(rows);
        let kinds = Texts::of(rows, "kind");
        let types = Numbers::<Int32Type>::of(rows, "hep_type");
        let sizes = Numbers::<Int32Type>::of(rows, "size");
        let mut counts: BTreeMap<(String, String), (u64, f64)> = BTreeMap::new();
        for row in 0..rows.num_rows() {
            let kind = kinds.get(row).filter(|_| table.name == REPORT).unwrap_or(table.name);
            let named = TYPES.iter().find(|(own, _)| *own == kind).map(|(_, name)| (*name).to_owned());
            let name = named.unwrap_or_else(|| types.get(row).unwrap_or_default().to_string());
            let count = counts.entry((nodes.get(row), name)).or_default();
            count.0 += 1;
            count.1 = f64::from(sizes.get(row).unwrap_or_default());
        }
        for ((node, name), (packets, size)) in counts {
            self.packets.add(&[&node, &name], packets);
            *self.size.at(&[&node, &name], || 0.0) = size;
        }
    }

    fn count_sip(&mut self, rows: &RecordBatch) {
        let nodes = Nodes::of(rows);
        let column = |name| Texts::of(rows, name);
        let (methods, cseq_methods, call_ids) = (column("method"), column("cseq_method"), column("call_id"));
        let (sources, destinations, reasons) = (column("src_ip"), column("dst_ip"), column("reason"));
        let statuses = Numbers::<Int16Type>::of(rows, "status");
        for row in 0..rows.num_rows() {
            let response = match statuses.get(row) {
                Some(status @ 100..=699) => status.to_string(),
                Some(_) => OTHER.to_owned(),
                None => known(methods.get(row)).to_owned(),
            };
            let method = known(cseq_methods.get(row));
            let node = nodes.get(row);
            let cause = reasons.get(row).and_then(cause);
            if self.targets.0.is_empty() {
                let hasher = BuildHasherDefault::<DefaultHasher>::new();
                if self.seen.is_new(hasher.hash_one((call_ids.get(row), &response, method))) {
                    self.method_response.add(&["", "", &node, &response, method], 1);
                    if let Some(cause) = cause {
                        self.reason.add(&["", &cause.to_string(), &response], 1);
                    }
                }
                continue;
            }
            let source = self.targets.name(sources.get(row));
            let destination = self.targets.name(destinations.get(row));
            if let Some(target) = source {
                self.method_response.add(&[target, "src", &node, &response, method], 1);
                if let Some(cause) = cause {
                    self.reason.add(&[target, &cause.to_string(), &response], 1);
                }
            }
            if let Some(target) = destination {
                self.method_response.add(&[target, "dst", &node, &response, method], 1);
            }
            if source.is_none() && destination.is_none() {
                self.method_response.add(&["unknown", "", &node, &response, method], 1);
            }
        }
    }

    pub(super) fn told(&mut self, told: &Derived) {
        let (delay, gauge) = if std::ptr::eq(told.table, &CALLS) {
            ("pdd", &mut self.srd)
        } else {
            ("register_delay", &mut self.rrd)
        };
        let Some(rows) = &told.ended else { return };
        let nodes = Nodes::of(rows);
        let (sources, destinations) = (Texts::of(rows, "src_ip"), Texts::of(rows, "dst_ip"));
        let delays = Numbers::<Int64Type>::of(rows, delay);
        for row in 0..rows.num_rows() {
            let Some(micros) = delays.get(row) else { continue };
            let target =
                self.targets.name(destinations.get(row)).or_else(|| self.targets.name(sources.get(row)));
            *gauge.at(&[target.unwrap_or_default(), &nodes.get(row)], || 0.0) = micros as f64 * 1e3;
        }
    }

    pub(super) fn write(&self, page: &mut Page) {
        self.packets.write(page.family(&PACKETS));
        self.size.write(page.family(&SIZE));
        self.method_response.write(page.family(&METHOD_RESPONSE));
        self.reason.write(page.family(&REASON));
        self.srd.write(page.family(&SRD));
        self.rrd.write(page.family(&RRD));
        for (last, values) in LAST.iter().zip(&self.last) {
            values.write(page.family(&last.metric));
        }
    }
}

/// The agent's name, or its number where it gives none.
struct Nodes<'b> {
    names: Texts<'b>,
    ids: Numbers<'b, Int64Type>,
}

impl<'b> Nodes<'b> {
    fn of(rows: &'b RecordBatch) -> Self {
        Self { names: Texts::of(rows, "node"), ids: Numbers::of(rows, "capture_id") }
    }

    fn get(&self, row: usize) -> String {
        let id = || self.ids.get(row).map(|id| id.to_string());
        self.names.get(row).map(str::to_owned).or_else(id).unwrap_or_default()
    }
}

/// The cause of a Reason header that speaks of Q.850 (RFC 3326 2).
fn cause(reason: &str) -> Option<u8> {
    reason
        .split(',')
        .filter(|value| value.trim_start().get(..5).is_some_and(|name| name.eq_ignore_ascii_case("Q.850")))
        .find_map(|value| {
            let parameters = value.split(';').filter_map(|parameter| parameter.split_once('='));
            let (_, number) =
                parameters.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("cause"))?;
            number.trim().parse().ok()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_that_of_q850() {
        assert_eq!(cause("Q.850;cause=16;text=\"Terminated\""), Some(16));
        assert_eq!(cause("SIP ;cause=580, q.850 ; cause=102"), Some(102));
        assert_eq!(cause("SIP;cause=200;text=\"Call completed elsewhere\""), None);
        assert_eq!(cause("Q.850;cause=300"), None);
    }

    #[test]
    fn targets_are_found_by_address_however_it_is_written() {
        let targets = Targets::new([("sbc".to_owned(), "::ffff:10.0.0.1".parse().expect("an address"))]);
        assert_eq!(targets.name(Some("10.0.0.1")), Some("sbc"));
        assert_eq!((targets.name(Some("10.0.0.2")), targets.name(None)), (None, None));
    }
}
