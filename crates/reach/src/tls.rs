//! TLS to whom we send to.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Address;

/// Makes connections that are encrypted.
pub struct Tls(TlsConnector);

/// Files that a connection over TLS needs, all PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Who signs the certificates of others; without it, whom the system trusts.
    pub ca: Option<PathBuf>,
    /// Our certificate and its key, for those who ask for one.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl TlsFiles {
    /// What connects to this address: there if it is encrypted, or if there are files for it.
    pub fn connector(&self, address: &Address) -> Result<Option<Arc<Tls>>, String> {
        if !address.is_encrypted() && *self == Self::default() {
            return Ok(None);
        }
        Tls::new(self.ca.as_deref(), self.identity.as_ref()).map(|tls| Some(Arc::new(tls)))
    }
}

impl Tls {
    /// `ca`: who signs the certificates of others, instead of whom the system trusts; `identity`: our certificate and its
    /// key.
    pub fn new(ca: Option<&Path>, identity: Option<&(PathBuf, PathBuf)>) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        match ca {
            Some(path) => {
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
                }
            }
            None => {
                // Some of a system's are unusable; that is no harm as long as any is usable.
                let found = rustls_native_certs::load_native_certs();
                let (usable, _) = roots.add_parsable_certificates(found.certs);
                if usable == 0 {
                    return Err("this system trusts no certificates; set tls_ca".to_owned());
                }
            }
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates(certificate)?;
                let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", key.display());
                let key = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| wrong(&error))?;
                builder.with_client_auth_cert(chain, key).map_err(|error| {
                    format!("certificate {} cannot be used: {error}", certificate.display())
                })?
            }
        };
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    pub async fn connect(&self, host: &str, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        self.0.connect(name, stream).await
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    let found = found.map_err(|error| format!("{}: {error}", path.display()))?;
    if found.is_empty() {
        return Err(format!("{} holds no certificate", path.display()));
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}
