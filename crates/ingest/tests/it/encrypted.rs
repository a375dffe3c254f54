//! Certificates made for a test, and clients that use them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ingest::{TlsConfig, Transport};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

use crate::server::Server;

/// An authority, and a folder for what it signs.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

/// Certificate and key as PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority");
        let authority = Self { issuer, folder: tempfile::tempdir().expect("a folder") };
        std::fs::write(authority.path("ca.pem"), authority.issuer.pem()).expect("a file");
        authority
    }

    /// A certificate with a common name and alternative names.
    pub(crate) fn issue(&self, common_name: &str, alternative_names: &[&str]) -> Identity {
        let names: Vec<String> = alternative_names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// The configuration of a server whose certificate, for `localhost`, is from here.
    pub(crate) fn tls(&self) -> TlsConfig {
        self.install(&self.issue("collector", &["localhost"]));
        TlsConfig::new(self.path("cert.pem"), self.path("key.pem"))
    }

    /// Puts the server's certificate where [`Authority::tls`] says.
    pub(crate) fn install(&self, identity: &Identity) {
        std::fs::write(self.path("cert.pem"), &identity.certificate).expect("a file");
        std::fs::write(self.path("key.pem"), &identity.key).expect("a file");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn client(&self) -> Client<'_> {
        Client { authority: self, identity: None, versions: rustls::ALL_VERSIONS }
    }
}

/// How to connect.
pub(crate) struct Client<'a> {
    authority: &'a Authority,
    identity: Option<&'a Identity>,
    versions: &'a [&'static SupportedProtocolVersion],
}

impl<'a> Client<'a> {
    pub(crate) fn with(self, identity: &'a Identity) -> Self {
        Self { identity: Some(identity), ..self }
    }

    pub(crate) fn only(self, versions: &'a [&'static SupportedProtocolVersion]) -> Self {
        Self { versions, ..self }
    }

    pub(crate) fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_file(self.authority.path("ca.pem")).expect("the authority");
        roots.add(ca).expect("an authority");
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(self.versions)
            .expect("known versions")
            .with_root_certificates(roots);
        match self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes());
                let chain: Vec<_> = chain.collect::<Result<_, _>>().expect("certificates");
                let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("a key");
                builder.with_client_auth_cert(chain, key).expect("they fit")
            }
        }
    }

    /// Over a connection that is there already.
    pub(crate) fn over(&self, stream: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(Arc::new(self.config()), name).expect("a client");
        StreamOwned::new(connection, stream)
    }

    pub(crate) fn connect(
        &self,
        server: &Server,
        transport: Transport,
    ) -> StreamOwned<ClientConnection, TcpStream> {
        self.over(server.connect_to(transport))
    }

    /// Sends the bytes and goes; whether the server took part until the end.
    pub(crate) fn send(&self, server: &Server, bytes: &[u8]) -> std::io::Result<()> {
        let mut stream = self.connect(server, Transport::Tls);
        let sent = stream.write_all(bytes).and_then(|()| {
            stream.conn.send_close_notify();
            stream.flush()?;
            stream.sock.shutdown(std::net::Shutdown::Write)
        });
        // The alert says more than that writing is over.
        match (stream.read(&mut [0; 1]), sent) {
            (Ok(0), sent) => sent,
            (Ok(_), _) => Err(std::io::Error::other("an answer")),
            (Err(error), _) => Err(error),
        }
    }
}

/// Replaces a file as a careful program does: at once.
pub(crate) fn replace(path: &Path, content: &str) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, content).expect("a file");
    std::fs::rename(&beside, path).expect("a file");
}
