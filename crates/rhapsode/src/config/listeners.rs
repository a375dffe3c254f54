//! Where to listen: the short settings (one listener of a kind) and the `[[listener]]` tables, as one list.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use ingest::{IngestConfig, ListenerConfig, Network, TlsConfig, Transport};
use serde::Deserialize;

/// The settings of `serve` about listeners as typed on the command line.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ListenArguments {
    /// Address for HEP over UDP, or `off` [default: [::]:9060]
    #[arg(long, value_name = "ADDR", env = "RHAPSODE_HEP_UDP")]
    pub(crate) hep_udp: Option<String>,
    /// Address for HEP over TCP, or `off` [default: [::]:9060]
    #[arg(long, value_name = "ADDR", env = "RHAPSODE_HEP_TCP")]
    pub(crate) hep_tcp: Option<String>,
    /// Address for HEP over TLS; needs a certificate [default: off; port 9061]
    #[arg(long, value_name = "ADDR", env = "RHAPSODE_HEP_TLS")]
    pub(crate) hep_tls: Option<String>,
    /// Address for HEP over WebSocket; it is also taken on the web's ports, path /hep [default: off; port 9062]
    #[arg(long, value_name = "ADDR", env = "RHAPSODE_HEP_WS")]
    pub(crate) hep_ws: Option<String>,
    /// Address for HEP over WebSocket and TLS; needs a certificate [default: off; port 9063]
    #[arg(long, value_name = "ADDR", env = "RHAPSODE_HEP_WSS")]
    pub(crate) hep_wss: Option<String>,
    /// Address for HEP over SCTP, where the kernel has it [default: off; port 9060]
    #[arg(long, value_name = "ADDR", env = "RHAPSODE_HEP_SCTP")]
    pub(crate) hep_sctp: Option<String>,
    /// Address for the web, the API and `POST /hep`, or `off` [default: [::]:9080]
    #[arg(long, value_name = "ADDR", env = "RHAPSODE_HTTP")]
    pub(crate) http: Option<String>,
    /// Address for the same over TLS; needs a certificate [default: off; port 9443]
    #[arg(long, value_name = "ADDR", env = "RHAPSODE_HTTPS")]
    pub(crate) https: Option<String>,
    /// PEM file with the server's certificate and those it is signed by; read again when it changes
    #[arg(long, value_name = "FILE", env = "RHAPSODE_TLS_CERTIFICATE")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// PEM file with the certificate's private key
    #[arg(long, value_name = "FILE", env = "RHAPSODE_TLS_KEY")]
    pub(crate) tls_key: Option<PathBuf>,
}

/// `[listen]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listen {
    hep_udp: Option<String>,
    hep_tcp: Option<String>,
    hep_tls: Option<String>,
    hep_ws: Option<String>,
    hep_wss: Option<String>,
    hep_sctp: Option<String>,
    http: Option<String>,
    https: Option<String>,
}

/// `[tls]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    client_ca: Option<PathBuf>,
    client_subjects: Option<Vec<String>>,
}

/// `[[listener]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listener {
    kind: Kind,
    address: Place,
    name: Option<String>,
    keys: Option<Vec<String>>,
    allow: Option<Vec<Proxy>>,
    proxy_protocol_from: Option<Vec<Proxy>>,
    connections_max: Option<NonZeroUsize>,
    connections_per_peer_max: Option<NonZeroUsize>,
    packet_seconds_max: Option<NonZeroUsize>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Udp,
    Tcp,
    Tls,
    Ws,
    Wss,
    Sctp,
    Http,
    Https,
}

impl Kind {
    const fn transport(self) -> Transport {
        match self {
            Self::Udp => Transport::Udp,
            Self::Tcp => Transport::Tcp,
            Self::Tls => Transport::Tls,
            Self::Ws => Transport::Ws,
            Self::Wss => Transport::Wss,
            Self::Sctp => Transport::Sctp,
            Self::Http => Transport::Http,
            Self::Https => Transport::Https,
        }
    }
}

/// The port a kind has where none is written: those of HOMER, and of the web.
const fn default_port(transport: Transport) -> u16 {
    match transport {
        Transport::Udp | Transport::Tcp | Transport::Sctp => IngestConfig::PORT,
        Transport::Tls => 9061,
        Transport::Ws => 9062,
        Transport::Wss => 9063,
        Transport::Http => 9080,
        Transport::Https => 9443,
        // Inputs go to an address of their own.
        Transport::Nats | Transport::Mqtt => 0,
    }
}

/// The settings that stand for one listener of a kind, by their key in the TOML file.
pub(crate) const fn short_listeners() -> [(&'static str, Transport); 8] {
    [
        ("listen.hep_udp", Transport::Udp),
        ("listen.hep_tcp", Transport::Tcp),
        ("listen.hep_tls", Transport::Tls),
        ("listen.hep_ws", Transport::Ws),
        ("listen.hep_wss", Transport::Wss),
        ("listen.hep_sctp", Transport::Sctp),
        ("listen.http", Transport::Http),
        ("listen.https", Transport::Https),
    ]
}

/// Every listener, in the order of the status page: short settings first.
pub(super) fn listeners(
    typed: &ListenArguments,
    written: &Listen,
    tables: &[Listener],
    tls: Option<&TlsConfig>,
) -> Result<Vec<ListenerConfig>> {
    // Transport, setting, typed, written, and whether it is on unasked.
    let short = [
        (Transport::Udp, "hep_udp", &typed.hep_udp, &written.hep_udp, true),
        (Transport::Tcp, "hep_tcp", &typed.hep_tcp, &written.hep_tcp, true),
        (Transport::Tls, "hep_tls", &typed.hep_tls, &written.hep_tls, false),
        (Transport::Ws, "hep_ws", &typed.hep_ws, &written.hep_ws, false),
        (Transport::Wss, "hep_wss", &typed.hep_wss, &written.hep_wss, false),
        (Transport::Sctp, "hep_sctp", &typed.hep_sctp, &written.hep_sctp, false),
        (Transport::Http, "http", &typed.http, &written.http, true),
        (Transport::Https, "https", &typed.https, &written.https, false),
    ];
    let mut listeners = Vec::new();
    for (transport, setting, typed, written, on) in short {
        let port = default_port(transport);
        let place = match typed.as_ref().or(written.as_ref()) {
            Some(text) if text.eq_ignore_ascii_case("off") => continue,
            Some(text) => Place::from_str(text)
                .map_err(|error| anyhow!("{error}, or off"))
                .with_context(|| format!("listen.{setting} = {text:?}"))?,
            None if on => Place { ip: None, port: None },
            None => continue,
        };
        if transport.is_encrypted() && tls.is_none() {
            bail!("listen.{setting} needs a certificate: set tls.certificate and tls.key");
        }
        listeners.push(ListenerConfig::new(transport, place.address(port)));
    }
    for (number, table) in (1..).zip(tables) {
        let listener = table.resolve(tls).with_context(|| format!("[[listener]] number {number}"))?;
        if let Some(name) = &listener.name
            && listeners.iter().any(|other: &ListenerConfig| other.name.as_ref() == Some(name))
        {
            bail!("two listeners have the name {name:?}");
        }
        listeners.push(listener);
    }
    Ok(listeners)
}

impl Listener {
    fn resolve(&self, tls: Option<&TlsConfig>) -> Result<ListenerConfig> {
        let transport = self.kind.transport();
        if transport.is_encrypted() && tls.is_none() {
            bail!("kind = \"{transport}\" needs a certificate: set tls.certificate and tls.key");
        }
        let proxies = self.proxy_protocol_from.iter().flatten().map(|proxy| proxy.0).collect::<Vec<_>>();
        if self.proxy_protocol_from.is_some() && proxies.is_empty() {
            bail!("proxy_protocol_from is empty, which would take no connection; leave it out for none");
        }
        if !proxies.is_empty() && !transport.takes_proxy_protocol() {
            bail!("proxy_protocol_from: the PROXY protocol does not exist over {transport}");
        }
        if transport == Transport::Udp && (self.connections_max.or(self.connections_per_peer_max)).is_some() {
            bail!(
                "connections_max and connections_per_peer_max mean nothing over udp, which has no connections"
            );
        }
        let mut config = ListenerConfig::new(transport, self.address.address(default_port(transport)));
        if self.keys.iter().flatten().any(String::is_empty) {
            bail!("keys holds an empty key; write keys = [] to accept any key");
        }
        config.name.clone_from(&self.name);
        config.keys =
            self.keys.as_ref().map(|keys| keys.iter().map(|key| key.clone().into_bytes()).collect());
        config.allow = self.allow.as_ref().map(|networks| networks.iter().map(|network| network.0).collect());
        config.proxies = proxies;
        if let Some(most) = self.connections_max {
            config.connections_max = most.get();
        }
        if let Some(most) = self.connections_per_peer_max {
            config.connections_per_peer_max = most.get();
        }
        if let Some(seconds) = self.packet_seconds_max {
            config.packet_time_max = Duration::from_secs(seconds.get() as u64);
        }
        Ok(config)
    }
}

pub(super) fn tls(typed: &ListenArguments, written: &Tls) -> Result<Option<TlsConfig>> {
    let certificate = typed.tls_certificate.as_ref().or(written.certificate.as_ref());
    let key = typed.tls_key.as_ref().or(written.key.as_ref());
    let subjects = written.client_subjects.clone().unwrap_or_default();
    if !subjects.is_empty() && written.client_ca.is_none() {
        bail!("tls.client_subjects needs tls.client_ca, which says who signs the certificates of senders");
    }
    let (certificate, key) = match (certificate, key) {
        (Some(certificate), Some(key)) => (certificate, key),
        (None, None) if written.client_ca.is_some() => {
            bail!("tls.client_ca needs tls.certificate and tls.key")
        }
        (None, None) => return Ok(None),
        (Some(_), None) => bail!("tls.certificate needs tls.key"),
        (None, Some(_)) => bail!("tls.key needs tls.certificate"),
    };
    Ok(Some(TlsConfig {
        client_ca: written.client_ca.clone(),
        client_subjects: subjects,
        ..TlsConfig::new(certificate, key)
    }))
}

/// `9060`, `:9060`, `10.0.0.1`, `10.0.0.1:9060`, `[::1]:9060`; without an address every one of the machine, both
/// families.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
struct Place {
    ip: Option<IpAddr>,
    port: Option<u16>,
}

impl Place {
    fn address(self, default_port: u16) -> SocketAddr {
        let any = IpAddr::from([0_u16; 8]);
        SocketAddr::new(self.ip.unwrap_or(any), self.port.unwrap_or(default_port))
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self { ip: Some(address.ip()), port: Some(address.port()) });
        }
        if let Ok(ip) = text.trim_matches(['[', ']']).parse() {
            return Ok(Self { ip: Some(ip), port: None });
        }
        if let Ok(port) = text.trim_start_matches(':').parse() {
            return Ok(Self { ip: None, port: Some(port) });
        }
        Err(format!("{text:?} is not an address to listen on; write IP:PORT as in 0.0.0.0:9060 or [::]:9060"))
    }
}

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Proxy(Network);

impl TryFrom<String> for Proxy {
    type Error = ingest::NetworkError;

    fn try_from(text: String) -> Result<Self, ingest::NetworkError> {
        text.parse().map(Self)
    }
}
