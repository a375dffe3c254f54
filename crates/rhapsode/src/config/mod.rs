//! Configuration in two steps: what was written ([`file`]), then what it means ([`Resolved`]).
//!
//! Rule of precedence, the same for every setting: command line, then environment (`RHAPSODE_` and the option's
//! name), then the TOML file, then the default.

mod alerts;
mod brokers;
mod calls;
mod changes;
mod file;
mod inputs;
mod lake;
mod listeners;
mod memory;
mod metrics;
mod notifiers;
mod origin;
mod outputs;
mod scripts;
mod senders;
mod source;
mod types;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use ingest::{ListenerConfig, TlsConfig};

use protocols::{Protocols, Redactions};
use store::LakeLocation;

pub(crate) use alerts::Alerts;
pub(crate) use changes::Changes;
pub(crate) use listeners::{ListenArguments, short_listeners};
pub(crate) use memory::Memory;
pub(crate) use metrics::Metrics;
pub(crate) use origin::{Origin, Origins};
pub(crate) use scripts::script;
pub(crate) use types::Types;

/// A year: what an inquiry asks for is rarely older.
const AUDIT_DAYS_DEFAULT: u32 = 365;

/// Ten years.
const AUDIT_DAYS_MAX: u32 = 3_650;

/// The settings of `serve` as typed on the command line. Each may also stand in the TOML file.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ServeArguments {
    /// TOML file with settings; see docs/configuration.md
    #[arg(long, value_name = "FILE", env = "RHAPSODE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Folder for everything that is kept; created if missing [default: ./rhapsode-data]
    #[arg(long, value_name = "DIR", env = "RHAPSODE_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Folder of documents that define types of your own; see docs/types.md
    #[arg(long, value_name = "DIR", env = "RHAPSODE_TYPES")]
    pub(crate) types: Option<PathBuf>,
    /// Where settled rows are kept: a folder, or s3://BUCKET/PATH [default: lake/ of the data folder]
    #[arg(long, value_name = "PLACE", env = "RHAPSODE_LAKE")]
    pub(crate) lake: Option<String>,
    #[command(flatten)]
    pub(crate) listen: ListenArguments,
}

/// What the configuration means: checked and typed.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    pub(crate) data: PathBuf,
    pub(crate) lake: LakeLocation,
    /// Types that documents define.
    pub(crate) types: Types,
    /// Those of earlier runs.
    pub(crate) memory: Memory,
    /// The built-in types and both of those.
    pub(crate) protocols: &'static Protocols,
    pub(crate) listeners: Vec<ListenerConfig>,
    pub(crate) tls: Option<TlsConfig>,
    pub(crate) hep_keys: Vec<String>,
    pub(crate) hep_allow: Vec<ingest::Network>,
    pub(crate) sender_packets_per_second_max: Option<u32>,
    pub(crate) senders: ingest::SenderRules,
    pub(crate) redactions: Redactions,
    pub(crate) scripts: Option<::scripts::Settings>,
    pub(crate) legs: calls::Legs,
    /// Whether calls and registrations have rows.
    pub(crate) call_rows: bool,
    /// The figures of a minute are made so long after the first of its calls has ended.
    pub(crate) minute_after: Duration,
    pub(crate) outputs: Vec<::outputs::Config>,
    pub(crate) inputs: Vec<ingest::InputConfig>,
    pub(crate) alerts: Alerts,
    pub(crate) retention_days: BTreeMap<String, u32>,
    pub(crate) retention_payload_days: BTreeMap<String, u32>,
    pub(crate) retention_bytes_max: Option<u64>,
    pub(crate) retention_free_disk_min: u64,
    pub(crate) settle_every: Duration,
    pub(crate) hot_bytes_max: u64,
    pub(crate) query_seconds_max: u64,
    pub(crate) query_memory_bytes_max: u64,
    pub(crate) metrics: Metrics,
    pub(crate) audit_days: u32,
    pub(crate) log_level: String,
    pub(crate) log_json: bool,
}

/// Days by table.
fn ages(
    written: Option<BTreeMap<String, u32>>,
    tables: &[&str],
    setting: &str,
) -> Result<BTreeMap<String, u32>> {
    let days = written.unwrap_or_default();
    for (table, days) in &days {
        if !tables.contains(&table.as_str()) {
            bail!(
                "{setting} names the table {table:?}, which does not exist; the tables are {}",
                tables.join(", ")
            );
        }
        if *days == 0 {
            bail!("{setting}.{table} is 0, which would delete everything at once; the least is 1");
        }
    }
    Ok(days)
}

/// Reads and resolves.
pub(crate) fn resolve(arguments: &ServeArguments) -> Result<Resolved> {
    resolve_beside(arguments, None)
}

/// The same while a server runs with what it read at its start. Where the types are the same, so is what they mean:
/// that is made once and never given back.
pub(crate) fn resolve_beside(arguments: &ServeArguments, running: Option<&Resolved>) -> Result<Resolved> {
    let written = match &arguments.config {
        Some(path) => file::read::<file::File>(path)?,
        None => file::File::default(),
    };
    let retention = written.retention.unwrap_or_default();
    let storage = written.storage.unwrap_or_default();
    let query = written.query.unwrap_or_default();
    let log = written.log.unwrap_or_default();
    let hep = written.hep.unwrap_or_default();

    let data = arguments.data.clone().or(written.data).unwrap_or_else(|| "rhapsode-data".into());
    let folder = arguments.types.as_ref().or(written.types.as_ref());
    let types = Types::read(arguments.config.as_deref(), written.r#type, folder.map(PathBuf::as_path))?;
    let (memory, protocols) = match running.filter(|running| running.types == types) {
        Some(running) => (running.memory.clone(), running.protocols),
        None => {
            let memory = Memory::read(&data)?;
            types.check_against(&memory.all())?;
            let protocols = types.protocols(&memory.after(&types).former)?;
            (memory, protocols)
        }
    };
    let tables: Vec<&str> =
        protocols.tables().iter().chain(::calls::TABLES).map(|table| table.name).collect();
    if let Some(taken) = protocols.tables().iter().find(|table| is_derived(table.name)) {
        bail!(
            "a type is called {}, which is a table that the server makes itself; choose another name",
            taken.name
        );
    }

    let days = ages(retention.days, &tables, "retention.days")?;
    let payload_days = ages(retention.payload_days, &tables, "retention.payload_days")?;
    if hep.keys.iter().flatten().any(String::is_empty) {
        bail!("hep.keys holds an empty key; leave the list out to accept any key");
    }

    let tls = listeners::tls(&arguments.listen, &written.tls.unwrap_or_default())?;
    let listeners = listeners::listeners(
        &arguments.listen,
        &written.listen.unwrap_or_default(),
        &written.listener.unwrap_or_default(),
        tls.as_ref(),
    )?;
    let senders = senders::rules(
        written.corrections.as_ref(),
        hep.dedup,
        written.sender.as_deref().unwrap_or_default(),
    )?;
    let call_rows = written.calls.as_ref().and_then(|calls| calls.rows).unwrap_or(true);
    let minute_after = written.calls.as_ref().and_then(|calls| calls.minute_after_seconds);
    let outputs = outputs::outputs(
        arguments.config.as_deref(),
        written.output.as_deref().unwrap_or_default(),
        &data,
        protocols,
        call_rows,
    )?;
    let inputs = inputs::inputs(
        arguments.config.as_deref(),
        written.input.as_deref().unwrap_or_default(),
        &listeners,
    )?;
    // Rules are taken over while it runs: by then they must fit what it has.
    let (known, has_call_rows) =
        running.map_or((protocols, call_rows), |running| (running.protocols, running.call_rows));
    let alerts = alerts::WrittenAlerts {
        common: written.alerts.unwrap_or_default(),
        rules: written.alert.unwrap_or_default(),
        notifiers: written.notifier.unwrap_or_default(),
    };
    let alerts = alerts::alerts(arguments.config.as_deref(), alerts, known, has_call_rows)?;
    let hep_allow = hep.allow.iter().flatten().map(|text| text.parse().context("hep.allow"));
    let hep_allow = hep_allow.collect::<Result<Vec<ingest::Network>>>()?;
    let redact = written.redact.unwrap_or_default();
    let redactions = Redactions {
        digest: redact.digest.unwrap_or(false),
        srtp: redact.srtp.unwrap_or(false),
        message_bodies: redact.message_bodies.unwrap_or(false),
        dtmf: redact.dtmf.unwrap_or(false),
    };
    let audit_days = written.audit.unwrap_or_default().days.unwrap_or(AUDIT_DAYS_DEFAULT);
    if !(1..=AUDIT_DAYS_MAX).contains(&audit_days) {
        bail!("audit.days = {audit_days} is outside 1 to {AUDIT_DAYS_MAX}");
    }
    let lake = arguments.lake.as_deref().or(storage.lake.as_deref());
    Ok(Resolved {
        lake: lake::location(lake, storage.s3.unwrap_or_default())?,
        data,
        types,
        memory,
        protocols,
        outputs,
        inputs,
        senders,
        redactions,
        scripts: scripts::scripts(&written.scripts.unwrap_or_default())?,
        audit_days,
        call_rows,
        minute_after: seconds(minute_after, 600, 1..=3600, "calls.minute_after_seconds")?,
        alerts,
        legs: calls::legs(written.calls.unwrap_or_default())?,
        listeners,
        tls,
        hep_keys: hep.keys.unwrap_or_default(),
        hep_allow,
        sender_packets_per_second_max: hep.sender_packets_per_second_max.map(NonZeroU32::get),
        retention_days: days,
        retention_payload_days: payload_days,
        retention_bytes_max: size(retention.bytes_max.as_ref(), "retention.bytes_max")?,
        // Below this a full disk would also stop the log, and with it acceptance.
        retention_free_disk_min: size(retention.free_disk_min.as_ref(), "retention.free_disk_min")?
            .unwrap_or(1 << 30),
        settle_every: seconds(storage.settle_seconds, 45, 1..=3600, "storage.settle_seconds")?,
        hot_bytes_max: size(storage.hot_bytes_max.as_ref(), "storage.hot_bytes_max")?.unwrap_or(256 << 20),
        query_seconds_max: seconds(query.seconds_max, 60, 1..=3600, "query.seconds_max")?.as_secs(),
        query_memory_bytes_max: size(query.memory_bytes_max.as_ref(), "query.memory_bytes_max")?
            .unwrap_or(512 << 20),
        metrics: metrics::metrics(written.metrics.unwrap_or_default())?,
        log_level: log.level.unwrap_or_else(|| "info".to_owned()),
        log_json: log.json.unwrap_or(false),
    })
}

fn seconds(
    value: Option<u64>,
    default: u64,
    range: std::ops::RangeInclusive<u64>,
    name: &str,
) -> Result<Duration> {
    let value = value.unwrap_or(default);
    if !range.contains(&value) {
        bail!("{name} = {value} is outside {} to {}", range.start(), range.end());
    }
    Ok(Duration::from_secs(value))
}

fn size(value: Option<&file::Size>, name: &str) -> Result<Option<u64>> {
    value.map(|size| size.bytes().with_context(|| format!("{name} = {size}"))).transpose()
}

/// Whether the server makes a table of this name from others.
fn is_derived(name: &str) -> bool {
    ::calls::TABLES.iter().any(|table| table.name == name)
}

/// The folder a client command finds the local token in.
pub(crate) fn client_data_folder(data: Option<&Path>) -> PathBuf {
    let here = || PathBuf::from("rhapsode-data");
    // Of the service, unless somebody runs a server right here.
    let default = || Some(PathBuf::from(SERVICE_DATA)).filter(|data| !here().exists() && data.exists());
    data.map(Path::to_path_buf).or_else(default).unwrap_or_else(here)
}

/// Where the packaged service keeps everything: packaging/rhapsode.toml.
const SERVICE_DATA: &str = "/var/lib/rhapsode";

#[cfg(test)]
mod tests {
    use ingest::Transport;

    use super::*;

    fn resolved(toml: &str) -> Result<Resolved> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("rhapsode.toml");
        std::fs::write(&path, toml)?;
        resolve(&ServeArguments { config: Some(path), ..ServeArguments::default() })
    }

    /// Transport and address of every listener.
    fn listening(settings: &Resolved) -> Vec<(Transport, String)> {
        let listeners = settings.listeners.iter();
        listeners.map(|listener| (listener.transport, listener.address.to_string())).collect()
    }

    /// The blocks of a page that are settings.
    fn settings_of(page: &str) -> Vec<String> {
        let blocks = page.split("```toml\n").skip(1);
        blocks.filter_map(|block| Some(block.split_once("```")?.0.to_owned())).collect()
    }

    #[test]
    fn every_block_of_settings_in_the_manual_is_understood() {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")];
        let mut count = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a folder of the manual") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                if path.extension().is_none_or(|ending| ending != "md") {
                    continue;
                }
                for block in settings_of(&std::fs::read_to_string(&path).expect("a page")) {
                    // It names a file, which is read.
                    let block: Vec<&str> =
                        block.lines().filter(|line| !line.starts_with("homer_correlation")).collect();
                    if let Err(error) = resolved(&block.join("\n")) {
                        panic!("{}: {error:#}", path.display());
                    }
                    count += 1;
                }
            }
        }
        assert!(count >= 10, "{count} blocks were found");
        let packaged = include_str!("../../../../packaging/rhapsode.toml");
        resolved(packaged).expect("the package's settings");
        // And with those made that stand behind a #.
        let made: Vec<&str> = packaged.lines().map(|line| line.strip_prefix("# ").unwrap_or(line)).collect();
        let settings = made.iter().filter(|line| {
            let key = line.split(" = ").next().unwrap_or_default();
            line.starts_with('[')
                || line.contains(" = ") && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        });
        let settings: Vec<&str> = settings.copied().collect();
        resolved(&settings.join("\n")).expect("all settings that the package's file shows");
    }

    #[test]
    fn nothing_configured_listens_on_the_ports_agents_know() {
        let settings = resolve(&ServeArguments::default()).expect("the defaults resolve");
        let expected = [
            (Transport::Udp, "[::]:9060".to_owned()),
            (Transport::Tcp, "[::]:9060".to_owned()),
            (Transport::Http, "[::]:9080".to_owned()),
        ];
        assert_eq!(listening(&settings), expected);
        assert_eq!(settings.data, PathBuf::from("rhapsode-data"));
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("rhapsode.toml");
        std::fs::write(
            &path,
            "data = \"/from/file\"\n[listen]\nhep_udp = \"10.0.0.1:9999\"\nhep_tcp = \":7\"\nhttp = \"off\"\n",
        )
        .expect("the file is written");
        let listen = ListenArguments { hep_udp: Some("127.0.0.1".into()), ..ListenArguments::default() };
        let arguments = ServeArguments { config: Some(path), listen, ..ServeArguments::default() };
        let settings = resolve(&arguments).expect("resolves");
        let expected = [(Transport::Udp, "127.0.0.1:9060".to_owned()), (Transport::Tcp, "[::]:7".to_owned())];
        assert_eq!(listening(&settings), expected);
        assert_eq!(settings.data, PathBuf::from("/from/file"));
    }

    #[test]
    fn many_listeners_of_a_kind_each_with_its_own_settings() {
        let settings = resolved(
            "[listen]\nhep_udp = \"off\"\nhep_tls = \"10.0.0.1\"\nhttp = \"off\"\n\
             [tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\nclient_ca = \"ca.pem\"\nclient_subjects = [\"*.example.com\"]\n\
             [[listener]]\nkind = \"tcp\"\naddress = \":9070\"\nname = \"edge\"\nkeys = [\"k\"]\n\
             proxy_protocol_from = [\"10.0.0.7\", \"10.1.0.0/16\"]\nconnections_max = 5\n\
             connections_per_peer_max = 2\npacket_seconds_max = 9\n\
             [[listener]]\nkind = \"https\"\naddress = \"0.0.0.0\"\n",
        )
        .expect("resolves");
        let expected = [
            (Transport::Tcp, "[::]:9060".to_owned()),
            (Transport::Tls, "10.0.0.1:9061".to_owned()),
            (Transport::Tcp, "[::]:9070".to_owned()),
            (Transport::Https, "0.0.0.0:9443".to_owned()),
        ];
        assert_eq!(listening(&settings), expected);
        let edge = &settings.listeners[2];
        assert_eq!((edge.name.as_deref(), &edge.keys), (Some("edge"), &Some(vec![b"k".to_vec()])));
        assert_eq!((edge.connections_max, edge.connections_per_peer_max), (5, 2));
        assert_eq!((edge.proxies.len(), edge.packet_time_max), (2, Duration::from_secs(9)));
        let tls = settings.tls.expect("it is configured");
        assert_eq!(tls.client_subjects, ["*.example.com"]);
    }

    #[test]
    fn wrong_listeners_name_what_is_wrong() {
        for (toml, line, words) in [
            ("[[listener]]\nkind = \"tpc\"\naddress = \":1\"\n", 2, "\"tpc\"; did you mean tcp?"),
            ("[[listener]]\nkind = \"tcp\"\nadress = \":1\"\n", 3, "did you mean address?"),
            ("[[listener]]\nkind = \"tcp\"\n", 1, "missing field `address`"),
            ("[[listener]]\nkind = \"tcp\"\naddress = \"nowhere\"\n", 3, "\"nowhere\" is not an address"),
            (
                "[[listener]]\nkind = \"tcp\"\naddress = \":1\"\nproxy_protocol_from = [\"10.0.0.0/40\"]\n",
                4,
                "\"10.0.0.0/40\" is no address or network",
            ),
            ("[[listener]]\nkind = \"tcp\"\naddress = \":1\"\nconnections_max = 0\n", 4, "nonzero"),
        ] {
            let message = format!("{:#}", resolved(toml).expect_err("refused"));
            assert!(message.contains(&format!("rhapsode.toml:{line}: ")), "{message}");
            assert!(message.contains(words), "{message}");
        }
        for (toml, words) in [
            ("[listen]\nhep_tls = \":1\"\n", "listen.hep_tls needs a certificate"),
            ("[tls]\ncertificate = \"c.pem\"\n", "tls.certificate needs tls.key"),
            ("[tls]\nclient_subjects = [\"a\"]\n", "tls.client_subjects needs tls.client_ca"),
            (
                "[[listener]]\nkind = \"udp\"\naddress = \":1\"\nproxy_protocol_from = [\"::1\"]\n",
                "number 1: proxy_protocol_from: the PROXY protocol does not exist over udp",
            ),
            ("[[listener]]\nkind = \"wss\"\naddress = \":1\"\n", "kind = \"wss\" needs a certificate"),
            (
                "[[listener]]\nkind = \"tcp\"\naddress = \":1\"\nname = \"a\"\n\
                 [[listener]]\nkind = \"tcp\"\naddress = \":2\"\nname = \"a\"\n",
                "two listeners have the name \"a\"",
            ),
        ] {
            let message = format!("{:#}", resolved(toml).expect_err("refused"));
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn a_wrong_key_names_file_line_and_the_nearest_key() {
        let message = format!("{:#}", resolved("[listen]\nhep_upd = \"off\"\n").expect_err("refused"));
        assert!(message.contains("rhapsode.toml:2"), "{message}");
        assert!(message.contains("hep_upd") && message.contains("did you mean hep_udp"), "{message}");
    }

    #[test]
    fn a_wrong_value_names_the_line_and_what_is_expected() {
        let message =
            format!("{:#}", resolved("\n[storage]\nsettle_seconds = \"soon\"\n").expect_err("refused"));
        assert!(message.contains("rhapsode.toml:3"), "{message}");
        let message = format!("{:#}", resolved("[listen]\nhttp = \"nowhere\"\n").expect_err("refused"));
        assert!(message.contains("listen.http") && message.contains("IP:PORT"), "{message}");
        let message = format!("{:#}", resolved("[retention.days]\nsipp = 3\n").expect_err("refused"));
        assert!(message.contains("sipp") && message.contains("sip, rtcp"), "{message}");
        let message = format!("{:#}", resolved("[retention.payload_days]\nsip = 0\n").expect_err("refused"));
        assert!(message.contains("retention.payload_days.sip is 0"), "{message}");
    }

    #[test]
    fn who_reads_metrics_and_under_which_names() {
        let settings = resolved("").expect("resolves");
        assert!(settings.metrics.allow.is_empty() && settings.metrics.heplify.is_none());
        let settings = resolved(
            "[metrics]\nallow = [\"10.0.0.5\", \"10.20.0.0/16\"]\nheplify_names = true\n\
             heplify_targets = { sbc = [\"10.0.0.1\", \"10.0.0.2\"], carrier = [\"192.0.2.10\"] }\n",
        )
        .expect("resolves");
        let reads = |address: &str| {
            let address = address.parse().expect("an address");
            settings.metrics.allow.iter().any(|network| network.contains(address))
        };
        assert!(reads("10.0.0.5") && reads("::ffff:10.20.3.4") && !reads("10.0.0.6"));
        assert!(settings.metrics.heplify.is_some());
        for (toml, words) in [
            ("[metrics]\nalow = []\n", "rhapsode.toml:2: unknown key \"alow\"; did you mean allow?"),
            (
                "[metrics]\nallow = [\"10.0.0.0/40\"]\n",
                "metrics.allow: \"10.0.0.0/40\" is no address or network",
            ),
            ("[metrics]\nheplify_targets = { a = [] }\n", "is for metrics.heplify_names = true"),
            (
                "[metrics]\nheplify_names = true\nheplify_targets = { a = [\"sbc.example\"] }\n",
                "metrics.heplify_targets.a: \"sbc.example\" is not an IP address",
            ),
            (
                "[metrics]\nheplify_names = true\nheplify_targets = { a = [\"::1\"], b = [\"::1\"] }\n",
                "::1 is of a and of b",
            ),
        ] {
            let message = format!("{:#}", resolved(toml).expect_err("refused"));
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn rules_for_senders_are_read_and_wrong_ones_named() {
        let settings = resolved(
            "[corrections]\nchannel_name = false\n[hep]\ndedup = \"keep\"\n\
             [[sender]]\naddress = \"192.0.2.0/24\"\nnode = \"edge\"\ndedup = \"drop\"\n\
             corrections = { milliseconds = true }\n",
        )
        .expect("resolves");
        let rule = |name| protocols::corrections::find(name).expect("a rule");
        assert!(!settings.senders.all.corrections.contains(rule("channel_name")));
        assert!(settings.senders.all.corrections.contains(rule("shifted_capture_id")));
        let edge = &settings.senders.some[0];
        assert_eq!(
            (edge.corrections.as_slice(), edge.drops_duplicates),
            (&[(rule("milliseconds"), true)][..], Some(true))
        );
        assert_eq!(edge.node.as_deref(), Some("edge"));
        for (toml, words) in [
            (
                "[corrections]\nshifted_captur_id = false\n",
                &["shifted_captur_id", "did you mean shifted_capture_id"][..],
            ),
            ("[[sender]]\naddress = \"10.0.0.0/99\"\n", &["sender[0].address", "10.0.0.0/99"]),
            ("[[sender]]\ndedup = \"drop\"\n", &["sender[0]", "address", "node"]),
            (
                "[[sender]]\nnode = \"a\"\ncorrections = { nonsense = true }\n",
                &["sender[0].corrections", "nonsense"],
            ),
            ("[[sender]]\nnode = \"a\"\ndedup = \"maybe\"\n", &["rhapsode.toml:", "maybe"]),
        ] {
            let message = format!("{:#}", resolved(toml).expect_err("refused"));
            assert!(words.iter().all(|word| message.contains(word)), "{toml}: {message}");
        }
    }

    #[test]
    fn outputs_are_read_and_wrong_ones_named_with_their_line() {
        let settings = resolved(
            "data = \"/srv/r\"\n[[output]]\nname = \"central\"\nkind = \"hep\"\nfilter = \"status = 5xx\"\n\
             targets = [\"tls://a\", \"10.0.0.1:9070\"]\nbalance = \"round_robin\"\ndelete = [\"vlan\"]\n\
             set = [{ chunk = \"node\", value = \"edge\" }, { chunk = \"capture_id\", value = 7 }]\n\
             queue_bytes_max = \"1 MiB\"\nspool_bytes_max = \"1 GB\"\n\
             [[output]]\nname = \"logs\"\nkind = \"loki\"\nurl = \"http://loki:3100\"\nlabels = [\"table\"]\n\
             [[output]]\nname = \"index\"\nkind = \"elasticsearch\"\nurl = \"https://es:9200\"\nuser = \"u\"\npassword = \"p\"\n\
             [[output]]\nname = \"kpi\"\nkind = \"influxdb\"\nurl = \"http://influx:8086\"\norg = \"o\"\nbucket = \"b\"\ntoken = \"t\"\n\
             groups = [\"all\", \"user_agent\"]\nfixed_tags = { site = \"pop 3\" }\n",
        )
        .expect("resolves");
        let [central, logs, index, kpi] = settings.outputs.as_slice() else { panic!("four outputs") };
        let ::outputs::Kind::Relay(relay) = &central.kind else { panic!("a relay") };
        let targets: Vec<String> = relay.targets.iter().map(ToString::to_string).collect();
        assert_eq!(targets, ["tls://a:9061", "udp://10.0.0.1:9070"]);
        assert_eq!(central.queue_bytes_max, 1 << 20);
        let spool = central.spool.as_ref().expect("a spool");
        assert_eq!(
            (spool.folder.as_path(), spool.bytes_max),
            (Path::new("/srv/r/spool/central"), 1_000_000_000)
        );
        assert_eq!((logs.kind.name(), index.kind.name()), ("loki", "elasticsearch"));
        let ::outputs::Kind::InfluxDb(kpi) = &kpi.kind else { panic!("figures") };
        let place = ::outputs::Place::Bucket { org: "o".to_owned(), bucket: "b".to_owned() };
        assert_eq!((&kpi.place, kpi.measurement.as_str()), (&place, "rhapsode_kpi_1m"));
        assert_eq!(kpi.groups, [::calls::kpi::By::All, ::calls::kpi::By::UserAgent]);
        let head = "[[output]]\nname = \"a\"\nkind = \"hep\"\n";
        let influx = "[[output]]\nname = \"k\"\nkind = \"influxdb\"\nurl = \"http://i\"\ndatabase = \"d\"\n";
        for (toml, line, words) in [
            ("[[output]]\nname = \"a\"\nkind = \"help\"\n".to_owned(), 3, "did you mean hep?"),
            (format!("{head}target = [\"a\"]\n"), 4, "did you mean targets?"),
            (head.to_owned(), 2, "needs targets"),
            (format!("{head}targets = [\"http://a\"]\n"), 4, "\"http://a\" is no target"),
            (format!("{head}targets = [\"a\"]\nfilter = \"statu = 5xx\"\n"), 5, "filter: "),
            (format!("{head}targets = [\"a\"]\nfilter = \"finding = x\"\n"), 5, "filter: "),
            (
                format!("{head}targets = [\"a\"]\nurl = \"http://a\"\n"),
                5,
                "url means nothing for kind = \"hep\"",
            ),
            (
                format!("{head}targets = [\"a\"]\nset = [{{ chunk = \"nod\", value = 1 }}]\n"),
                5,
                "did you mean node?",
            ),
            (format!("{head}targets = [\"a\"]\ndelete = [\"payload\"]\n"), 5, "without its payload"),
            (
                format!("{head}targets = [\"a\"]\ndelete = [\"vlan\"]\nform = \"as_received\"\n"),
                5,
                "changes nothing",
            ),
            (format!("{head}targets = [\"a\"]\nqueue_bytes_max = \"1 kB\"\n"), 5, "is less than"),
            (format!("{head}targets = [\"a\"]\nspool_folder = \"/x\"\n"), 5, "needs spool_bytes_max"),
            (format!("{head}targets = [\"a\"]\nbatch_rows = 0\n"), 5, "0 is outside 1 to"),
            (
                format!("{head}targets = [\"a\"]\n{head}targets = [\"b\"]\n"),
                6,
                "two outputs have the name \"a\"",
            ),
            ("[[output]]\nname = \"../x\"\nkind = \"hep\"\ntargets = [\"a\"]\n".to_owned(), 2, "is no name"),
            (
                "[[output]]\nname = \"l\"\nkind = \"loki\"\nurl = \"http://l\"\nlabels = [\"call_id\"]\n"
                    .to_owned(),
                5,
                "\"call_id\" is no label",
            ),
            (
                "[[output]]\nname = \"l\"\nkind = \"loki\"\nurl = \"http://u:secret@l\"\n".to_owned(),
                4,
                "user and password",
            ),
            (
                "[[output]]\nname = \"e\"\nkind = \"elasticsearch\"\nurl = \"http://e\"\nindex = \"A\"\n"
                    .to_owned(),
                5,
                "is no name of an index",
            ),
            (influx.replace("database", "databse"), 5, "did you mean database?"),
            (influx.replace("database = \"d\"\n", ""), 2, "needs database, or org and bucket"),
            (format!("{influx}org = \"o\"\n"), 6, "exclude each other"),
            (influx.replace("database", "bucket"), 5, "bucket needs org"),
            (
                format!("{influx}filter = \"method = INVITE\"\n"),
                6,
                "filter means nothing for kind = \"influxdb\"",
            ),
            (
                format!("{influx}groups = [\"all\",\n\"trunks\"]\n"),
                7,
                "\"trunks\" is no group; the groups are all, trunk",
            ),
            (format!("{influx}groups = []\n"), 6, "nothing is sent"),
            (format!("{influx}measurement = \"a b\"\n"), 6, "is no name of a measurement"),
            (format!("{influx}fixed_tags = {{ src_ip = \"a\" }}\n"), 6, "has a meaning already"),
            (format!("{influx}fixed_tags = {{ site = \"\" }}\n"), 6, "the value of the tag site"),
            (format!("{influx}[calls]\nrows = false\n"), 2, "calls.rows is false"),
            (format!("{head}targets = [\"a\"]\nbucket = \"b\"\n"), 5, "it is of influxdb"),
        ] {
            let message = format!("{:#}", resolved(&toml).expect_err("refused"));
            assert!(message.contains(&format!("rhapsode.toml:{line}: ")), "{toml}: {message}");
            assert!(message.contains(words), "{toml}: {message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn what_joins_legs_is_read_and_wrong_words_named() {
        assert!(resolved("").expect("resolves").legs.headers.contains(&"X-CID".to_owned()));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let homer = folder.path().join("mapping.json");
        let rules = r#"[{"source_field": "data_header.X-Our-Call", "lookup_id": 1, "lookup_field": "sid"},
            {"source_field": "data_header.callid", "lookup_id": 1, "lookup_field": "sid", "input_function_js": "x"}]"#;
        let row = format!("{{\"hepid\": 1, \"profile\": \"call\", \"correlation_mapping\": {rules}}}");
        std::fs::write(&homer, row).expect("the document is written");
        let settings = resolved(&format!(
            "[calls]\ncorrelation_headers = [\"X-Mine\"]\nhomer_correlation = {homer:?}\n\
             same_host = [[\"10.0.0.5\", \"203.0.113.5\"]]\n"
        ))
        .expect("resolves");
        assert_eq!(settings.legs.headers, ["X-Mine", "X-Our-Call"]);
        assert_eq!(settings.legs.notes.len(), 1);
        assert!(settings.legs.notes[0].contains("input_function_js"), "{:?}", settings.legs.notes);
        for (toml, words) in [
            ("[calls]\ncorrelation_header = []\n", "did you mean correlation_headers"),
            ("[calls]\ncorrelation_headers = [\"X CID\"]\n", "\"X CID\" is no name of a header"),
            ("[calls]\nsame_host = [[\"here\"]]\n", "\"here\" is no address"),
            ("[calls]\nsame_host = [[\"::1\"], [\"0:0::1\"]]\n", "::1 stands there twice"),
            ("[calls]\ncall_id_suffixes = [\"#\"]\n", "calls.call_id_suffixes"),
            ("[calls]\nhomer_correlation = \"nowhere.json\"\n", "nowhere.json"),
        ] {
            let message = format!("{:#}", resolved(toml).expect_err("refused"));
            assert!(message.contains(words), "{toml}: {message}");
        }
    }

    #[test]
    fn the_lake_is_in_the_data_folder_a_folder_or_a_bucket() {
        assert_eq!(resolved("").expect("resolves").lake, LakeLocation::DataFolder);
        let folder = resolved("[storage]\nlake = \"/srv/lake\"\n").expect("resolves").lake;
        assert_eq!(folder, LakeLocation::Folder("/srv/lake".into()));
        let toml =
            "[storage]\nlake = \"s3://traffic/voice/all\"\n[storage.s3]\nendpoint = \"http://minio:9000\"\n";
        let LakeLocation::Bucket(bucket) = resolved(toml).expect("resolves").lake else { panic!("a bucket") };
        assert_eq!(bucket.to_string(), "s3://traffic/voice/all");
        assert_eq!(bucket.endpoint.as_deref(), Some("http://minio:9000"));
        for (toml, words) in [
            ("[storage]\nlake = \"gs://traffic\"\n", "only s3:// is known"),
            ("[storage]\nlake = \"s3://key:secret@traffic\"\n", "credentials come from the environment"),
            ("[storage]\nlake = \"s3:///voice\"\n", "storage.lake"),
            ("[storage.s3]\nregion = \"eu-central-1\"\n", "storage.s3 says where a bucket is"),
        ] {
            let message = format!("{:#}", resolved(toml).expect_err("refused"));
            assert!(message.contains(words), "{toml}: {message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn sizes_are_read_with_units() {
        let settings =
            resolved("[retention]\nbytes_max = \"200 GB\"\nfree_disk_min = 1000\n").expect("resolves");
        assert_eq!(settings.retention_bytes_max, Some(200_000_000_000));
        assert_eq!(settings.retention_free_disk_min, 1000);
        assert!(resolved("[retention]\nbytes_max = \"200 XB\"\n").is_err());
    }

    #[test]
    fn ages_are_by_table() {
        let settings = resolved("[retention.days]\nsip = 30\n[retention.payload_days]\nsip = 7\nrtcp = 3\n");
        let settings = settings.expect("resolves");
        let days = |days: &BTreeMap<String, u32>| days.clone().into_iter().collect::<Vec<_>>();
        assert_eq!(days(&settings.retention_days), [("sip".to_owned(), 30)]);
        let expected = [("rtcp".to_owned(), 3), ("sip".to_owned(), 7)];
        assert_eq!(days(&settings.retention_payload_days), expected);
    }
}
