//! What the API shows of the receiver: `ingest`'s values in `api`'s words.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{Alarm, CallsOpen, Counters, Listener, Live, Output, Script, Sender};
use ingest::Ingest;
use outputs::{Outputs, State};

pub(crate) struct Receiver(Arc<Ingest>, Arc<Outputs>);

impl Receiver {
    pub(crate) fn new(ingest: Arc<Ingest>, outputs: Arc<Outputs>) -> Self {
        Self(ingest, outputs)
    }
}

impl Live for Receiver {
    fn is_ready(&self) -> bool {
        self.0.is_ready()
    }

    fn listeners(&self) -> Vec<Listener> {
        let counters = self.0.counters();
        let listeners = counters.listeners.into_iter().map(|listener| Listener {
            name: listener.name.to_owned(),
            address: listener.address,
            counters: counters_of(&listener.counters),
        });
        listeners.collect()
    }

    fn senders(&self) -> Vec<Sender> {
        let senders = self.0.senders().into_iter().map(|sender| Sender {
            address: sender.sender.to_string(),
            node: sender.node,
            capture_ids: sender.capture_ids.into_iter().map(i64::from).collect(),
            hep_versions: sender.hep_versions.into_iter().collect(),
            listeners: sender.listeners.into_iter().map(str::to_owned).collect(),
            types: sender.types,
            packets: sender.packets,
            bytes: sender.bytes,
            rate_per_second: sender.rate_per_second,
            first_seen: sender.first_seen,
            last_seen: sender.last_seen,
            flags: owned(&sender.flags),
            suspected: sender.suspected.into_iter().map(str::to_owned).collect(),
            duplicates: sender.duplicates,
            refused: owned(&sender.refused),
        });
        senders.collect()
    }

    fn calls(&self) -> CallsOpen {
        let ingest::CallsGauge { open, bytes, evicted, beyond } = self.0.calls();
        CallsOpen { open, bytes, evicted, beyond }
    }

    fn alarms(&self) -> Vec<Alarm> {
        let alarms = self.0.alarms().into_iter();
        let alarms = alarms.map(|alarm| Alarm {
            name: alarm.name.to_owned(),
            since: alarm.since,
            message: alarm.message,
        });
        let failing = self.1.status().into_iter().filter_map(|output| match output.state {
            State::Working => None,
            State::Failing { since, problem } => {
                let message = format!("the output {} does not get through: {problem}", output.name);
                Some(Alarm { name: format!("output_{}", output.name), since, message })
            }
        });
        alarms.chain(failing).collect()
    }

    fn scripts(&self) -> Vec<Script> {
        let scripts = self.0.scripts().into_iter().map(|script| Script {
            name: script.name,
            path: script.path,
            runs: script.runs,
            seconds: script.seconds,
            errors: script.errors,
            limits: script.limits,
            dropped: script.dropped,
            changed: script.changed,
            is_off: script.is_off,
            last_error: script.last_error,
        });
        scripts.collect()
    }

    fn outputs(&self) -> Vec<Output> {
        let outputs = self.1.status().into_iter().map(|output| Output {
            name: output.name,
            kind: output.kind,
            problem: match output.state {
                State::Working => None,
                State::Failing { since, problem } => Some((since, problem)),
            },
            taken: output.taken,
            sent: output.sent,
            dropped: owned(&output.dropped),
            waiting: output.waiting,
            waiting_bytes: output.waiting_bytes,
            spool_bytes: output.spool_bytes,
            retries: output.retries,
            unseen: output.unseen,
            lag: output.lag,
            refusal: output.refusal,
        });
        outputs.collect()
    }
}

fn counters_of(counters: &ingest::Counters) -> Counters {
    Counters {
        received: counters.received,
        stored: counters.stored,
        refused: owned(&counters.refused),
        dropped: owned(&counters.dropped),
        duplicates: counters.duplicates,
        pending: counters.pending,
        bytes: counters.bytes,
    }
}

fn owned(counts: &BTreeMap<&'static str, u64>) -> BTreeMap<String, u64> {
    counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}
