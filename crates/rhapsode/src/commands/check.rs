mod data;

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};
use clap::Args;
use ingest::{Doors, IngestConfig};
use jiff::Timestamp;
use protocols::Redactions;

use super::progress::size;
use super::serve;
use crate::alerting;
use crate::config::{self, Origin, Origins, Resolved, ServeArguments};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    settings: ServeArguments,
    #[command(flatten)]
    how: data::Arguments,
}

const EXAMPLES: &str = "\
Examples:
  rhapsode check
  rhapsode check --config /etc/rhapsode.toml
  rhapsode check --data /var/lib/rhapsode --https :9443 --tls-certificate cert.pem --tls-key key.pem
  rhapsode check --data /var/lib/rhapsode --deep          reads everything that is kept
  rhapsode check --data /var/lib/rhapsode --repair        mends filters, removes leftovers

Takes the options of `rhapsode serve`. Says what is wrong with the configuration, then with what is
kept in the data folder, which no server may have open for that; changes nothing unless told to.
Exits with 1 if a server could not start like this, or something that is kept is damaged and was not
mended. See docs/lake.md.";

/// A clock before this was never set: this program is younger.
const CLOCK_MIN: &str = "2026-01-01T00:00:00Z";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let settings = config::resolve(&arguments.settings)?;
    let origins = Origins::of(&arguments.settings)?;
    show(&settings, &origins);
    println!();
    let tell = |findings: Vec<Finding>| findings.iter().filter(|finding| !say(finding)).count();
    let hindrances = tell(examine(&settings));
    println!();
    let mut config = serve::store_config(&settings);
    // Whether they are made now or not.
    config.derived = calls::TABLES;
    let damages = tell(data::verify(&config, arguments.how)?);
    match (hindrances, damages) {
        (0, 0) => Ok(()),
        (hindrances, 0) => bail!("{hindrances} of these keep a server from starting"),
        (0, damages) => bail!("{damages} of these are damage to what is kept"),
        (hindrances, damages) => {
            bail!("{hindrances} of these keep a server from starting, {damages} are damage to what is kept")
        }
    }
}

/// What was looked at, and what is to be said of it.
enum Finding {
    Good(String),
    /// A server starts, and something is worse than it could be.
    Note(String),
    Wrong(String),
}

/// Prints it; false if it is wrong.
fn say(finding: &Finding) -> bool {
    let (word, text) = match finding {
        Finding::Good(text) => ("ok   ", text),
        Finding::Note(text) => ("note ", text),
        Finding::Wrong(text) => ("wrong", text),
    };
    println!("{word}  {text}");
    !matches!(finding, Finding::Wrong(_))
}

/// Every setting, by its key in the TOML file.
fn show(settings: &Resolved, origins: &Origins) {
    let line = |key: &str, value: String, origin: &Origin| println!("{key:<28} {value:<28} {origin}");
    let setting = |key: &str, value: String| line(key, value, &origins.get(key));

    setting("data", settings.data.display().to_string());
    let own_types: Vec<String> = settings.types.names().collect();
    setting("types", if own_types.is_empty() { "none".to_owned() } else { own_types.join(", ") });
    let (short, tables) =
        settings.listeners.split_at(settings.listeners.len().saturating_sub(origins.listeners().len()));
    for (key, transport) in config::short_listeners() {
        let found = short.iter().find(|listener| listener.transport == transport);
        setting(key, found.map_or_else(|| "off".to_owned(), |listener| listener.address.to_string()));
    }
    for (listener, origin) in tables.iter().zip(origins.listeners()) {
        let name = listener.name.as_deref().unwrap_or_default();
        line("listener", format!("{} {} {name}", listener.transport, listener.address), origin);
    }
    if let Some(tls) = &settings.tls {
        setting("tls.certificate", tls.certificate.display().to_string());
        setting("tls.key", tls.key.display().to_string());
        let client_ca = tls.client_ca.as_ref().map(|path| path.display().to_string());
        setting("tls.client_ca", client_ca.unwrap_or_else(|| "none: clients need no certificate".to_owned()));
    }
    // How many, never what they are.
    let keys = match settings.hep_keys.len() {
        0 => "none: any packet is taken".to_owned(),
        count => format!("{count}, not shown"),
    };
    setting("hep.keys", keys);
    let allow: Vec<String> = settings.hep_allow.iter().map(ToString::to_string).collect();
    setting("hep.allow", if allow.is_empty() { "anybody".to_owned() } else { allow.join(", ") });
    let pace = settings.sender_packets_per_second_max;
    setting(
        "hep.sender_packets_per_second_max",
        pace.map_or_else(|| "none".to_owned(), |most| most.to_string()),
    );
    setting("hep.dedup", if settings.senders.all.drops_duplicates { "drop" } else { "keep" }.to_owned());
    for rule in protocols::corrections::ALL {
        let is_on = settings.senders.all.corrections.contains(rule);
        if is_on != rule.is_default {
            setting(&format!("corrections.{}", rule.name), is_on.to_string());
        }
    }
    let Redactions { digest, srtp, message_bodies, dtmf } = settings.redactions;
    for (name, is_on) in
        [("digest", digest), ("srtp", srtp), ("message_bodies", message_bodies), ("dtmf", dtmf)]
    {
        setting(&format!("redact.{name}"), is_on.to_string());
    }
    let scripts = settings.scripts.iter().flat_map(|scripts| &scripts.sources);
    let scripts: Vec<&str> = scripts.map(|source| source.path.as_str()).collect();
    setting("scripts", if scripts.is_empty() { "none".to_owned() } else { scripts.join(", ") });
    setting("sender", format!("{} with rules of their own", settings.senders.some.len()));
    for (input, origin) in settings.inputs.iter().zip(origins.inputs()) {
        line("input", format!("{} {}", input.address, input.name), origin);
    }
    for (output, origin) in settings.outputs.iter().zip(origins.outputs()) {
        line("output", format!("{} {}", output.kind.name(), output.name), origin);
    }
    for table in settings.protocols.tables().iter().chain(calls::TABLES) {
        let days = settings.retention_days.get(table.name).copied().unwrap_or(table.retention_days);
        setting(&format!("retention.days.{}", table.name), format!("{days}"));
        if let Some(days) = settings.retention_payload_days.get(table.name) {
            setting(&format!("retention.payload_days.{}", table.name), format!("{days}"));
        }
    }
    let size_or_none = |bytes: Option<u64>| bytes.map_or_else(|| "no limit".to_owned(), size);
    setting("retention.bytes_max", size_or_none(settings.retention_bytes_max));
    setting("retention.free_disk_min", size(settings.retention_free_disk_min));
    setting("storage.lake", settings.lake.to_string());
    setting("storage.settle_seconds", settings.settle_every.as_secs().to_string());
    setting("storage.hot_bytes_max", size(settings.hot_bytes_max));
    setting("calls.rows", settings.call_rows.to_string());
    setting("calls.minute_after_seconds", settings.minute_after.as_secs().to_string());
    setting("calls.correlation_headers", settings.legs.headers.join(", "));
    let rules: Vec<&str> = settings.alerts.rules.iter().map(|rule| rule.name.as_str()).collect();
    setting("alert", rules.join(", "));
    setting("alerts.url", settings.alerts.url.clone().unwrap_or_else(|| "where the web listens".to_owned()));
    let notifiers = settings.alerts.notifiers.iter();
    let notifiers = notifiers.map(|notifier| format!("{} ({})", notifier.name, notifier.kind.name()));
    setting("notifier", notifiers.collect::<Vec<_>>().join(", "));
    setting("query.seconds_max", settings.query_seconds_max.to_string());
    setting("query.memory_bytes_max", size(settings.query_memory_bytes_max));
    let allowed: Vec<String> = settings.metrics.allow.iter().map(ToString::to_string).collect();
    setting(
        "metrics.allow",
        if allowed.is_empty() { "none: a token is needed".to_owned() } else { allowed.join(", ") },
    );
    setting("metrics.heplify_names", settings.metrics.heplify.is_some().to_string());
    setting("audit.days", settings.audit_days.to_string());
    setting("log.level", settings.log_level.clone());
    setting("log.json", settings.log_json.to_string());
}

fn examine(settings: &Resolved) -> Vec<Finding> {
    let mut findings = vec![Finding::Good("the configuration is understood".to_owned())];
    let notes = settings.types.notes.iter().chain(&settings.legs.notes);
    findings.extend(notes.cloned().map(Finding::Note));
    findings.extend(folder(settings));
    findings.extend(listeners(settings));
    findings.extend(notifiers(settings));
    findings.extend(receive_buffer());
    findings.push(clock());
    findings
}

/// The data folder: there, or to be made; writable; with room.
fn folder(settings: &Resolved) -> Vec<Finding> {
    let data = &settings.data;
    // A folder that is still to be made is made in the nearest one that is there.
    let absolute = std::path::absolute(data).unwrap_or_else(|_| data.clone());
    let Some(there) = absolute.ancestors().find(|folder| folder.exists()) else {
        return vec![Finding::Wrong(format!("{}: no folder above it exists", data.display()))];
    };
    if let Err(error) = try_writing(there) {
        return vec![Finding::Wrong(format!("{} cannot be written: {error}", there.display()))];
    }
    let state = if there == absolute { "can be written" } else { "will be made" };
    let mut findings = vec![Finding::Good(format!("{} {state}", data.display()))];
    match rustix::fs::statvfs(there) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let floor = settings.retention_free_disk_min;
            findings.push(if free > floor {
                Finding::Good(format!("{} of its disk are free", size(free)))
            } else {
                Finding::Note(format!(
                    "{} of its disk are free, {} are to stay so: the oldest data will be deleted at once",
                    size(free),
                    size(floor)
                ))
            });
        }
        Err(error) => findings.push(Finding::Note(format!("cannot read how full its disk is: {error}"))),
    }
    findings
}

fn try_writing(folder: &Path) -> std::io::Result<()> {
    if !folder.is_dir() {
        return Err(std::io::Error::new(std::io::ErrorKind::NotADirectory, "not a folder"));
    }
    let probe = folder.join(format!(".rhapsode-check-{}", std::process::id()));
    fs::File::create_new(&probe)?;
    fs::remove_file(&probe)
}

/// Addresses, certificates and passwords of those who carry alerts to people; nothing is sent.
fn notifiers(settings: &Resolved) -> Option<Finding> {
    let count = settings.alerts.notifiers.len();
    (count > 0).then(|| match alerting::prepare(&settings.alerts, "http://localhost:9080") {
        Ok(_) => Finding::Good(format!("{count} notifiers are configured")),
        Err(error) => Finding::Wrong(error.to_string()),
    })
}

/// Each on its own, so that all that is wrong is told at once.
fn listeners(settings: &Resolved) -> Vec<Finding> {
    let open = |listener: &ingest::ListenerConfig| {
        let config = IngestConfig {
            listeners: vec![listener.clone()],
            ..serve::ingest_config(settings, settings.protocols)
        };
        match Doors::open(config) {
            Ok(_) => Finding::Good(format!("{} on {} can be opened", listener.transport, listener.address)),
            Err(error) => Finding::Wrong(chain(&error)),
        }
    };
    settings.listeners.iter().map(open).collect()
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = Vec::new();
    for cause in causes.map(ToString::to_string) {
        // Some say their cause themselves.
        if !texts.iter().any(|text| text.contains(&cause)) {
            texts.push(cause);
        }
    }
    texts.join(": ")
}

/// Bursts wait in the kernel's buffer; without privilege it is as large as the system allows.
fn receive_buffer() -> Option<Finding> {
    let wanted = IngestConfig::default().udp_buffer_bytes as u64;
    let limit: u64 = fs::read_to_string("/proc/sys/net/core/rmem_max").ok()?.trim().parse().ok()?;
    if limit >= wanted {
        return Some(Finding::Good(format!("the UDP receive buffer may have {}", size(wanted))));
    }
    Some(Finding::Note(format!(
        "the UDP receive buffer may have {} and should have {}: a server without CAP_NET_ADMIN may lose bursts; set \
         sysctl net.core.rmem_max={wanted}",
        size(limit),
        size(wanted)
    )))
}

/// Messages without a time of their own get that of this machine.
fn clock() -> Finding {
    let now = Timestamp::now();
    let earliest: Timestamp = CLOCK_MIN.parse().expect("a time");
    if now < earliest {
        Finding::Wrong(format!("the clock says {now}: it was never set"))
    } else {
        Finding::Good(format!("the clock says {}", now.strftime("%Y-%m-%dT%H:%M:%SZ")))
    }
}
