//! The receiver at this moment, as whoever wires the program hands it in: its counters are its own.

use std::collections::BTreeMap;

use super::metric::{Metric, Reading};
use super::page::Page;

/// A metric, and where its value by cause is read.
type Causes = (&'static Metric, fn(&Listener) -> &BTreeMap<String, u64>);

static RECEIVED: Metric = Metric::counter(
    "rhapsode_packets_received_total",
    &["listener"],
    "Packets that arrived: stored + refused + dropped + duplicates + pending",
);
static STORED: Metric = Metric::counter(
    "rhapsode_packets_stored_total",
    &["listener"],
    "Packets that are safe in the log (fsync)",
);
static REFUSED: Metric = Metric::counter(
    "rhapsode_packets_refused_total",
    &["listener", "cause"],
    "Packets refused for what their sender did, by cause",
);
static DROPPED: Metric = Metric::counter(
    "rhapsode_packets_dropped_total",
    &["listener", "cause"],
    "Packets not kept by us or the kernel, by cause; kernel is a full receive buffer",
);
static DUPLICATES: Metric = Metric::counter(
    "rhapsode_packets_duplicate_total",
    &["listener"],
    "Packets dropped as copies of what another capture point told, where that is wanted",
);
static PENDING: Metric =
    Metric::gauge("rhapsode_packets_pending", &["listener"], "Packets on their way to the log");
static BYTES: Metric = Metric::counter(
    "rhapsode_received_bytes_total",
    &["listener"],
    "Bytes of packets that arrived, as they were on the wire",
);
static SENDERS: Metric = Metric::gauge("rhapsode_senders", &[], "Senders that are remembered");
static READY: Metric = Metric::gauge(
    "rhapsode_ready",
    &[],
    "1 if all listeners are bound and what an earlier run accepted is searchable, as /health tells",
);
static ALARMS: Metric = Metric::gauge("rhapsode_alarms", &[], "Alarms that are up");
static ALARM: Metric = Metric::gauge("rhapsode_alarm", &["alarm"], "1 for each alarm that is up, by name");
static ALERTS: Metric = Metric::gauge(
    "rhapsode_alerts",
    &["rule", "severity", "state"],
    "Alerts of each rule: pending, firing or silenced",
);
static FOLLOWED: Metric =
    Metric::gauge("rhapsode_calls_followed", &[], "Calls and registrations in memory that may go on");
static FOLLOWED_BYTES: Metric =
    Metric::gauge("rhapsode_calls_followed_bytes", &[], "What their messages take in memory");
static EVICTED: Metric = Metric::counter(
    "rhapsode_calls_evicted_total",
    &[],
    "Calls and registrations told before their end for want of room",
);
static BEYOND: Metric = Metric::counter(
    "rhapsode_call_messages_beyond_total",
    &[],
    "Messages of calls that have more than are followed",
);

static SCRIPT_RUNS: Metric = Metric::counter(
    "rhapsode_script_runs_total",
    &["script"],
    "Runs of a script, one for a packet at each stage that it has a function for",
);
static SCRIPT_SECONDS: Metric =
    Metric::counter("rhapsode_script_seconds_total", &["script"], "Time that runs of a script took");
static SCRIPT_ERRORS: Metric = Metric::counter(
    "rhapsode_script_errors_total",
    &["script"],
    "Runs of a script that failed and left the packet as it was",
);
static SCRIPT_LIMITS: Metric = Metric::counter(
    "rhapsode_script_limits_total",
    &["script"],
    "Runs of a script that met a limit of instructions, time or memory",
);
static SCRIPT_DROPPED: Metric =
    Metric::counter("rhapsode_script_dropped_total", &["script"], "Packets that a script dropped");
static SCRIPT_CHANGED: Metric = Metric::counter(
    "rhapsode_script_changed_total",
    &["script"],
    "Packets that a script changed or marked, counted once at each stage",
);
static SCRIPT_OFF: Metric = Metric::gauge(
    "rhapsode_script_off",
    &["script"],
    "1 while a script is switched off, since it met its limits again and again",
);

pub(super) static METRICS: [&Metric; 23] = [
    &RECEIVED,
    &STORED,
    &REFUSED,
    &DROPPED,
    &DUPLICATES,
    &PENDING,
    &BYTES,
    &SENDERS,
    &READY,
    &ALARMS,
    &ALARM,
    &ALERTS,
    &FOLLOWED,
    &FOLLOWED_BYTES,
    &EVICTED,
    &BEYOND,
    &SCRIPT_RUNS,
    &SCRIPT_SECONDS,
    &SCRIPT_ERRORS,
    &SCRIPT_LIMITS,
    &SCRIPT_DROPPED,
    &SCRIPT_CHANGED,
    &SCRIPT_OFF,
];

/// The receiver at one moment.
#[derive(Clone, Debug, Default)]
pub struct Receiver {
    pub listeners: Vec<Listener>,
    pub senders: u64,
    pub is_ready: bool,
    /// Names of the alarms that are up, beside those of the store.
    pub alarms: Vec<String>,
    pub alerts: Vec<Alerts>,
    /// Calls and registrations that are followed, and what their messages take.
    pub followed: u64,
    pub followed_bytes: u64,
    pub evicted: u64,
    pub beyond: u64,
    pub scripts: Vec<Script>,
}

/// What a script did since the start.
#[derive(Clone, Debug, Default)]
pub struct Script {
    pub name: String,
    pub runs: u64,
    pub seconds: f64,
    pub errors: u64,
    pub limits: u64,
    pub dropped: u64,
    pub changed: u64,
    pub is_off: bool,
}

/// How many alerts of a rule are in a state.
#[derive(Clone, Debug)]
pub struct Alerts {
    pub rule: String,
    pub severity: &'static str,
    pub state: &'static str,
    pub count: u64,
}

/// What became of everything that came by one listener.
#[derive(Clone, Debug, Default)]
pub struct Listener {
    pub name: String,
    pub received: u64,
    pub stored: u64,
    /// By cause.
    pub refused: BTreeMap<String, u64>,
    /// By cause.
    pub dropped: BTreeMap<String, u64>,
    pub duplicates: u64,
    pub pending: u64,
    pub bytes: u64,
}

pub(super) fn write(receiver: &Receiver, store_alarms: &[store::Alarm], page: &mut Page) {
    let listeners = &receiver.listeners;
    let of: [Reading<Listener>; 5] = [
        (&RECEIVED, |listener| listener.received),
        (&STORED, |listener| listener.stored),
        (&DUPLICATES, |listener| listener.duplicates),
        (&PENDING, |listener| listener.pending),
        (&BYTES, |listener| listener.bytes),
    ];
    for (metric, value) in of {
        let mut family = page.family(metric);
        for listener in listeners {
            family.series(&[&listener.name], value(listener));
        }
    }
    let causes: [Causes; 2] =
        [(&REFUSED, |listener| &listener.refused), (&DROPPED, |listener| &listener.dropped)];
    for (metric, counts) in causes {
        let mut family = page.family(metric);
        for listener in listeners {
            for (cause, count) in counts(listener) {
                family.series(&[&listener.name, cause], *count);
            }
        }
    }
    page.family(&SENDERS).series(&[], receiver.senders);
    page.family(&READY).series(&[], receiver.is_ready);
    // One may be up in both.
    let mut alarms: Vec<&str> = store_alarms.iter().map(|alarm| alarm.name).collect();
    alarms.extend(receiver.alarms.iter().map(String::as_str));
    alarms.sort_unstable();
    alarms.dedup();
    page.family(&ALARMS).series(&[], alarms.len() as u64);
    let mut family = page.family(&ALARM);
    for alarm in &alarms {
        family.series(&[alarm], 1_u64);
    }
    let mut family = page.family(&ALERTS);
    for Alerts { rule, severity, state, count } in &receiver.alerts {
        family.series(&[rule, severity, state], *count);
    }
    page.family(&FOLLOWED).series(&[], receiver.followed);
    page.family(&FOLLOWED_BYTES).series(&[], receiver.followed_bytes);
    page.family(&EVICTED).series(&[], receiver.evicted);
    page.family(&BEYOND).series(&[], receiver.beyond);
    let of: [Reading<Script>; 5] = [
        (&SCRIPT_RUNS, |script| script.runs),
        (&SCRIPT_ERRORS, |script| script.errors),
        (&SCRIPT_LIMITS, |script| script.limits),
        (&SCRIPT_DROPPED, |script| script.dropped),
        (&SCRIPT_CHANGED, |script| script.changed),
    ];
    for (metric, value) in of {
        let mut family = page.family(metric);
        for script in &receiver.scripts {
            family.series(&[&script.name], value(script));
        }
    }
    let mut family = page.family(&SCRIPT_SECONDS);
    for script in &receiver.scripts {
        family.series(&[&script.name], script.seconds);
    }
    let mut family = page.family(&SCRIPT_OFF);
    for script in &receiver.scripts {
        family.series(&[&script.name], script.is_off);
    }
}
