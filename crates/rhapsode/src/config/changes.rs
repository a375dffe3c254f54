//! What a running server takes over of a changed configuration, and what waits for a restart.

use ingest::ListenerConfig;

use super::Resolved;

/// Settings by their key in the TOML file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) taken: Vec<&'static str>,
    pub(crate) waiting: Vec<&'static str>,
}

impl Resolved {
    /// Takes over what may change while a server runs. What waits stays as it was, so that it is named again the next
    /// time.
    pub(crate) fn take_over(&mut self, new: &Self) -> Changes {
        let waiting = self.waiting(new);
        let mut taken = Vec::new();
        let mut take = |key: &'static str, has_changed: bool| {
            if has_changed {
                taken.push(key);
            }
        };
        take("hep.keys", replace(&mut self.hep_keys, &new.hep_keys));
        let listeners = rekeyed(&self.listeners, &new.listeners);
        take("listener.keys", replace(&mut self.listeners, &listeners));
        take("hep.dedup, corrections or sender", replace(&mut self.senders, &new.senders));
        take("scripts", replace(&mut self.scripts, &new.scripts));
        take("calls", replace(&mut self.legs.rules, &new.legs.rules));
        self.legs = new.legs.clone();
        take("retention.days", replace(&mut self.retention_days, &new.retention_days));
        let payload_days = replace(&mut self.retention_payload_days, &new.retention_payload_days);
        take("retention.payload_days", payload_days);
        take("retention.bytes_max", replace(&mut self.retention_bytes_max, &new.retention_bytes_max));
        let free_disk = replace(&mut self.retention_free_disk_min, &new.retention_free_disk_min);
        take("retention.free_disk_min", free_disk);
        take("alert, alerts or notifier", replace(&mut self.alerts, &new.alerts));
        take("log.level", replace(&mut self.log_level, &new.log_level));
        Changes { taken, waiting }
    }

    fn waiting(&self, new: &Self) -> Vec<&'static str> {
        let same = [
            ("data", self.data == new.data),
            ("types or type", self.types == new.types),
            ("listen or listener", doors(&self.listeners) == doors(&new.listeners)),
            ("tls", self.tls == new.tls),
            ("hep.allow", self.hep_allow == new.hep_allow),
            (
                "hep.sender_packets_per_second_max",
                self.sender_packets_per_second_max == new.sender_packets_per_second_max,
            ),
            ("redact", self.redactions == new.redactions),
            ("output", self.outputs == new.outputs),
            ("input", self.inputs == new.inputs),
            ("metrics", self.metrics == new.metrics),
            ("audit.days", self.audit_days == new.audit_days),
            ("calls.rows", self.call_rows == new.call_rows),
            ("calls.minute_after_seconds", self.minute_after == new.minute_after),
            ("storage.lake or storage.s3", self.lake == new.lake),
            ("storage.settle_seconds", self.settle_every == new.settle_every),
            ("storage.hot_bytes_max", self.hot_bytes_max == new.hot_bytes_max),
            ("query.seconds_max", self.query_seconds_max == new.query_seconds_max),
            ("query.memory_bytes_max", self.query_memory_bytes_max == new.query_memory_bytes_max),
            ("log.json", self.log_json == new.log_json),
        ];
        same.into_iter().filter(|(_, same)| !same).map(|(key, _)| key).collect()
    }
}

/// Whether it was another.
fn replace<T: PartialEq + Clone>(running: &mut T, new: &T) -> bool {
    let has_changed = running != new;
    running.clone_from(new);
    has_changed
}

/// Listeners but for their keys.
fn doors(listeners: &[ListenerConfig]) -> Vec<ListenerConfig> {
    listeners.iter().map(|listener| ListenerConfig { keys: None, ..listener.clone() }).collect()
}

/// The listeners that are open, each with the keys it has in the new configuration if it is there.
fn rekeyed(open: &[ListenerConfig], new: &[ListenerConfig]) -> Vec<ListenerConfig> {
    let new_doors = doors(new);
    let rekey = |(listener, door): (&ListenerConfig, ListenerConfig)| {
        let place = new_doors.iter().position(|new| *new == door);
        let keys = place.map_or_else(|| listener.keys.clone(), |place| new[place].keys.clone());
        ListenerConfig { keys, ..door }
    };
    open.iter().zip(doors(open)).map(rekey).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ServeArguments, resolve, resolve_beside};

    #[test]
    fn each_setting_is_taken_or_waits_by_its_name() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("rhapsode.toml");
        let arguments = ServeArguments { config: Some(path.clone()), ..ServeArguments::default() };
        let edge = "[[listener]]\nkind = \"tcp\"\naddress = \":9070\"\n";
        std::fs::write(&path, format!("[hep]\nkeys = [\"a\"]\n{edge}keys = [\"c\"]\n")).expect("written");
        let mut running = resolve(&arguments).expect("resolves");
        let mut change = |toml: &str| {
            std::fs::write(&path, toml).expect("written");
            let new = resolve_beside(&arguments, Some(&running)).expect("resolves");
            let changes = running.take_over(&new);
            (changes, running.clone())
        };

        let (changes, _) = change(&format!("[hep]\nkeys = [\"a\"]\n{edge}keys = [\"c\"]\n"));
        assert_eq!(changes, Changes::default());

        // Another listener waits, and the one that is open has its new key at once.
        let other = "[[listener]]\nkind = \"udp\"\naddress = \":9071\"\n";
        let written = format!(
            "data = \"/elsewhere\"\n[hep]\nkeys = [\"b\"]\n[retention.days]\nsip = 3\n[log]\nlevel = \"debug\"\n\
             [query]\nseconds_max = 5\n[alerts]\nshipped = false\n[calls]\ncall_id_suffixes = [\"-x#\"]\n{other}{edge}keys = [\"d\"]\n"
        );
        let (changes, settings) = change(&written);
        let alerts = "alert, alerts or notifier";
        let taken = ["hep.keys", "listener.keys", "calls", "retention.days", alerts, "log.level"];
        assert_eq!(changes.taken, taken);
        let waiting = ["data", "listen or listener", "query.seconds_max"];
        assert_eq!(changes.waiting, waiting);
        assert_eq!(settings.hep_keys, ["b"]);
        assert_eq!(settings.listeners.last().and_then(|edge| edge.keys.clone()), Some(vec![b"d".to_vec()]));
        assert_eq!(settings.data, std::path::Path::new("rhapsode-data"));

        let (changes, _) = change(&written);
        assert_eq!(changes.taken, [""; 0]);
        assert_eq!(changes.waiting, waiting, "what waits is named until it is done");
    }
}
