//! Configuration in two steps: what was written ([`file`]), then what it means ([`Resolved`]).
//!
//! Rule of precedence, the same for every setting: command line, then environment (`RHAPSODE_` and the option's
//! name), then the TOML file, then the default.

mod file;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;

/// The port agents send HEP to by default, and HOMER's.
const HEP_PORT: u16 = 9060;
const HTTP_PORT: u16 = 9080;

/// The settings of `serve` as typed on the command line. Each may also stand in the TOML file.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ServeArguments {
    /// TOML file with settings; see docs/configuration.md
    #[arg(long, value_name = "FILE", env = "RHAPSODE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Folder for everything that is kept; created if missing [default: ./rhapsode-data]
    #[arg(long, value_name = "DIR", env = "RHAPSODE_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Address for HEP over UDP, or `off` [default: [::]:9060]
    #[arg(long, value_name = "ADDR", env = "RHAPSODE_HEP_UDP")]
    pub(crate) hep_udp: Option<String>,
    /// Address for HEP over TCP, or `off` [default: [::]:9060]
    #[arg(long, value_name = "ADDR", env = "RHAPSODE_HEP_TCP")]
    pub(crate) hep_tcp: Option<String>,
    /// Address for the web, the API and `POST /hep`, or `off` [default: [::]:9080]
    #[arg(long, value_name = "ADDR", env = "RHAPSODE_HTTP")]
    pub(crate) http: Option<String>,
}

/// What the configuration means: checked and typed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resolved {
    pub(crate) data: PathBuf,
    pub(crate) hep_udp: Option<Address>,
    pub(crate) hep_tcp: Option<Address>,
    pub(crate) http: Option<Address>,
    pub(crate) hep_keys: Vec<String>,
    pub(crate) retention_days: BTreeMap<String, u32>,
    pub(crate) retention_bytes_max: Option<u64>,
    pub(crate) retention_free_disk_min: u64,
    pub(crate) settle_every: Duration,
    pub(crate) hot_bytes_max: u64,
    pub(crate) query_seconds_max: u64,
    pub(crate) query_memory_bytes_max: u64,
    pub(crate) log_level: String,
    pub(crate) log_json: bool,
}

/// Where to listen. The unspecified IPv6 address takes IPv4 too; where the machine has no IPv6 it means `0.0.0.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address(pub(crate) SocketAddr);

/// Reads and resolves. `tables` are the names that retention may speak of.
pub(crate) fn resolve(arguments: &ServeArguments, tables: &[&str]) -> Result<Resolved> {
    let written = match &arguments.config {
        Some(path) => file::read(path)?,
        None => file::File::default(),
    };
    let listen = written.listen.unwrap_or_default();
    let retention = written.retention.unwrap_or_default();
    let storage = written.storage.unwrap_or_default();
    let query = written.query.unwrap_or_default();
    let log = written.log.unwrap_or_default();
    let hep = written.hep.unwrap_or_default();

    let days = retention.days.unwrap_or_default();
    for (table, days) in &days {
        if !tables.contains(&table.as_str()) {
            bail!(
                "retention.days names the table {table:?}, which does not exist; the tables are {}",
                tables.join(", ")
            );
        }
        if *days == 0 {
            bail!("retention.days.{table} is 0, which would delete everything at once; the least is 1");
        }
    }
    if hep.keys.iter().flatten().any(String::is_empty) {
        bail!("hep.keys holds an empty key; leave the list out to accept any key");
    }

    let address = |typed: &Option<String>, written: &Option<String>, port: u16, name: &str| {
        let text = typed.as_ref().or(written.as_ref());
        text.map_or(Ok(Some(any(port))), |text| {
            parse_address(text, port).with_context(|| format!("{name} = {text:?}"))
        })
    };
    Ok(Resolved {
        data: arguments.data.clone().or(written.data).unwrap_or_else(|| "rhapsode-data".into()),
        hep_udp: address(&arguments.hep_udp, &listen.hep_udp, HEP_PORT, "listen.hep_udp")?,
        hep_tcp: address(&arguments.hep_tcp, &listen.hep_tcp, HEP_PORT, "listen.hep_tcp")?,
        http: address(&arguments.http, &listen.http, HTTP_PORT, "listen.http")?,
        hep_keys: hep.keys.unwrap_or_default(),
        retention_days: days,
        retention_bytes_max: size(retention.bytes_max.as_ref(), "retention.bytes_max")?,
        // Below this a full disk would also stop the log, and with it acceptance.
        retention_free_disk_min: size(retention.free_disk_min.as_ref(), "retention.free_disk_min")?
            .unwrap_or(1 << 30),
        settle_every: seconds(storage.settle_seconds, 45, 1..=3600, "storage.settle_seconds")?,
        hot_bytes_max: size(storage.hot_bytes_max.as_ref(), "storage.hot_bytes_max")?.unwrap_or(256 << 20),
        query_seconds_max: seconds(query.seconds_max, 60, 1..=3600, "query.seconds_max")?.as_secs(),
        query_memory_bytes_max: size(query.memory_bytes_max.as_ref(), "query.memory_bytes_max")?
            .unwrap_or(512 << 20),
        log_level: log.level.unwrap_or_else(|| "info".to_owned()),
        log_json: log.json.unwrap_or(false),
    })
}

/// Every address of the machine, both families.
fn any(port: u16) -> Address {
    Address(SocketAddr::from(([0u16; 8], port)))
}

/// `off`, `9060`, `:9060`, `10.0.0.1`, `10.0.0.1:9060`, `[::1]:9060`.
fn parse_address(text: &str, port: u16) -> Result<Option<Address>> {
    if text.eq_ignore_ascii_case("off") {
        return Ok(None);
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(Some(Address(address)));
    }
    if let Ok(ip) = text.trim_matches(['[', ']']).parse() {
        return Ok(Some(Address(SocketAddr::new(ip, port))));
    }
    if let Ok(port) = text.trim_start_matches(':').parse() {
        return Ok(Some(any(port)));
    }
    Err(anyhow!("not an address to listen on; write IP:PORT as in 0.0.0.0:{port} or [::]:{port}, or off"))
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

/// The folder a client command finds the local token in.
pub(crate) fn client_data_folder(data: Option<&Path>) -> PathBuf {
    data.map_or_else(|| "rhapsode-data".into(), Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(toml: &str) -> Result<Resolved> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("rhapsode.toml");
        std::fs::write(&path, toml)?;
        resolve(&ServeArguments { config: Some(path), ..ServeArguments::default() }, &["sip", "rtcp"])
    }

    #[test]
    fn nothing_configured_listens_on_the_ports_agents_know() {
        let settings = resolve(&ServeArguments::default(), &[]).expect("the defaults resolve");
        assert_eq!(settings.hep_udp, Some(any(9060)));
        assert_eq!(settings.hep_tcp, Some(any(9060)));
        assert_eq!(settings.http, Some(any(9080)));
        assert_eq!(settings.data, PathBuf::from("rhapsode-data"));
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("rhapsode.toml");
        std::fs::write(
            &path,
            "data = \"/from/file\"\n[listen]\nhep_udp = \"10.0.0.1:9999\"\nhttp = \"off\"\n",
        )
        .expect("the file is written");
        let arguments = ServeArguments {
            config: Some(path),
            hep_udp: Some("127.0.0.1".into()),
            ..ServeArguments::default()
        };
        let settings = resolve(&arguments, &[]).expect("resolves");
        assert_eq!(settings.hep_udp, Some(Address("127.0.0.1:9060".parse().expect("an address"))));
        assert_eq!(settings.http, None);
        assert_eq!(settings.data, PathBuf::from("/from/file"));
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
    }

    #[test]
    fn sizes_are_read_with_units() {
        let settings =
            resolved("[retention]\nbytes_max = \"200 GB\"\nfree_disk_min = 1000\n").expect("resolves");
        assert_eq!(settings.retention_bytes_max, Some(200_000_000_000));
        assert_eq!(settings.retention_free_disk_min, 1000);
        assert!(resolved("[retention]\nbytes_max = \"200 XB\"\n").is_err());
    }
}
