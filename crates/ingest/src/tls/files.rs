//! From PEM files to what rustls accepts connections with; and whether the files have changed.

use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::client::SubjectVerifier;
use super::{Configs, TlsConfig, TlsError, read};

/// The alarm that is up while changed files cannot be used.
pub(super) const TLS_ALARM: &str = "tls_certificate";

pub(super) fn configs(config: &TlsConfig) -> Result<Configs, TlsError> {
    let chain = certificates(&config.certificate, "certificate")?;
    let key = PrivateKeyDer::from_pem_slice(&read(&config.key)?).map_err(|source| TlsError::Pem {
        path: config.key.clone(),
        what: "private key",
        source,
    })?;
    let verifier = client_verifier(config)?;
    let build = |verifier: Option<Arc<dyn ClientCertVerifier>>, protocols: &[&str]| {
        // TLS 1.3 and 1.2: nothing older is built in.
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?;
        let builder = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut built = builder.with_single_cert(chain.clone(), key.clone_key())?;
        // Few agents ever read. With bytes unread on their side, the kernel answers their close with a reset, and that
        // throws away what lies unread on ours: so nothing is sent that the handshake does not need.
        built.send_tls13_tickets = if protocols.is_empty() { 0 } else { built.send_tls13_tickets };
        built.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(Arc::new(built))
    };
    let unusable = |source| TlsError::Unusable {
        certificate: config.certificate.clone(),
        key: config.key.clone(),
        source,
    };
    Ok(Configs {
        hep: build(verifier, &[]).map_err(unusable)?,
        web: build(None, &["http/1.1"]).map_err(unusable)?,
    })
}

fn certificates(
    path: &std::path::Path,
    what: &'static str,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    let chain = chain.map_err(|source| TlsError::Pem { path: path.to_owned(), what, source })?;
    if chain.is_empty() {
        return Err(TlsError::Empty { path: path.to_owned(), what });
    }
    Ok(chain)
}

fn client_verifier(config: &TlsConfig) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    let Some(path) = &config.client_ca else {
        return Ok(None);
    };
    let unusable = |message: String| TlsError::ClientCa { path: path.clone(), message };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, "certificate")? {
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| unusable(error.to_string()))?;
    Ok(Some(SubjectVerifier::wrap(verifier, &config.client_subjects)))
}

/// What the files looked like when they were last read. Not whether they were touched since: a link that now points
/// elsewhere, as certificates in containers are renewed, is a change too.
pub(crate) struct Watch {
    accepted: Vec<Look>,
    seen: Vec<Look>,
}

/// Device, inode, length and time of change; `None` if there is no such file.
type Look = Option<(u64, u64, u64, i64, i64)>;

impl Watch {
    pub(super) fn new(config: &TlsConfig) -> Self {
        let seen = look(config);
        Self { accepted: seen.clone(), seen }
    }

    /// Whether the files are others than those accepted.
    pub(super) fn has_changed(&mut self, config: &TlsConfig) -> bool {
        self.seen = look(config);
        self.seen != self.accepted
    }

    /// The files as they were last looked at are in use now.
    pub(super) fn accept(&mut self) {
        self.accepted.clone_from(&self.seen);
    }
}

fn look(config: &TlsConfig) -> Vec<Look> {
    let files = [Some(&config.certificate), Some(&config.key), config.client_ca.as_ref()];
    let look = |path| {
        let file = std::fs::metadata(path).ok()?;
        Some((file.dev(), file.ino(), file.len(), file.mtime(), file.mtime_nsec()))
    };
    files.into_iter().flatten().map(look).collect()
}
