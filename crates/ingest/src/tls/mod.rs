//! TLS for every listener that encrypts: one certificate and key, re-read when they change on disk.

mod client;
mod files;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;

use crate::alarms::Alarms;

use files::TLS_ALARM;
pub(crate) use files::Watch;

/// Where certificate and key are, and whose certificates are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// PEM: the server's certificate and those between it and the root, in this order.
    pub certificate: PathBuf,
    /// PEM: PKCS #8, PKCS #1 or SEC1, without a password.
    pub key: PathBuf,
    /// PEM: who signs the certificates of senders. With it, HEP over TLS and WSS is taken from holders of one only.
    pub client_ca: Option<PathBuf>,
    /// Names of which a sender's certificate must hold one, as common name or alternative name; `*.example.com` is
    /// any one label. With none, every certificate that `client_ca` signed will do.
    pub client_subjects: Vec<String>,
    /// How often the files are looked at.
    pub look_every: Duration,
}

impl TlsConfig {
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            certificate: certificate.into(),
            key: key.into(),
            client_ca: None,
            client_subjects: Vec::new(),
            look_every: Duration::from_secs(2),
        }
    }
}

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} holds no {what} in PEM form: {source}")]
    Pem { path: PathBuf, what: &'static str, source: rustls::pki_types::pem::Error },
    #[error("{path} holds no {what}")]
    Empty { path: PathBuf, what: &'static str },
    #[error("cannot use the certificate {certificate} with the key {key}: {source}")]
    Unusable { certificate: PathBuf, key: PathBuf, source: rustls::Error },
    #[error("cannot use {path} to check client certificates: {message}")]
    ClientCa { path: PathBuf, message: String },
}

/// What connections are accepted with, as of now.
pub(crate) struct Tls {
    config: TlsConfig,
    current: ArcSwap<Configs>,
}

/// Asked for client certificates are senders of HEP alone: people log in.
struct Configs {
    hep: Arc<ServerConfig>,
    web: Arc<ServerConfig>,
}

impl Tls {
    /// Reads the files, and gives the watch that will read them again.
    pub(crate) fn load(config: TlsConfig) -> Result<(Arc<Self>, Watch), TlsError> {
        let watch = Watch::new(&config);
        let configs = files::configs(&config)?;
        Ok((Arc::new(Self { config, current: ArcSwap::from_pointee(configs) }), watch))
    }

    /// For HEP over TLS and WebSocket.
    pub(crate) fn hep(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.load().hep)
    }

    /// For the web, the API and `POST /hep`.
    pub(crate) fn web(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.load().web)
    }

    /// Reads the files again if they changed, or could not be used when they last did. Connections that are open stay.
    pub(crate) fn look(&self, watch: &mut Watch, alarms: &Alarms) {
        if !watch.has_changed(&self.config) {
            return;
        }
        match files::configs(&self.config) {
            Ok(configs) => {
                self.current.store(Arc::new(configs));
                watch.accept();
                alarms.clear(TLS_ALARM);
                tracing::info!(certificate = %self.config.certificate.display(), "the TLS certificate was read again");
            }
            Err(error) => alarms.raise(
                TLS_ALARM,
                format!("the TLS files have changed and cannot be used; the old certificate stays: {error}"),
            ),
        }
    }

    pub(crate) fn look_every(&self) -> Duration {
        self.config.look_every
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}
