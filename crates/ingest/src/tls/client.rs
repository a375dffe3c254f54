//! Whose client certificates are accepted: signed by the right one, and holding a name on the list.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use webpki::EndEntityCert;

/// Checks the names of a certificate after everything else about it. What is refused is told so (`access_denied`).
#[derive(Debug)]
pub(super) struct SubjectVerifier {
    inner: Arc<dyn ClientCertVerifier>,
    subjects: Vec<String>,
}

impl SubjectVerifier {
    /// With an empty list, every certificate that `inner` accepts will do.
    pub(super) fn wrap(
        inner: Arc<dyn ClientCertVerifier>,
        subjects: &[String],
    ) -> Arc<dyn ClientCertVerifier> {
        if subjects.is_empty() { inner } else { Arc::new(Self { inner, subjects: subjects.to_vec() }) }
    }
}

impl ClientCertVerifier for SubjectVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.inner.verify_client_cert(end_entity, intermediates, now)?;
        let names = names(end_entity);
        if names.iter().any(|name| self.subjects.iter().any(|subject| matches(subject, name))) {
            return Ok(verified);
        }
        tracing::debug!(?names, "a client certificate holds no name that is on the list");
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// The names a certificate holds: alternative names of hosts and services (RFC 5280, section 4.2.1.6), and common
/// names of its subject, which agents are still issued with.
fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = EndEntityCert::try_from(certificate) else {
        return Vec::new();
    };
    let alternative = certificate.valid_dns_names().chain(certificate.valid_uri_names()).map(str::to_owned);
    let common = common_names(certificate.subject()).into_iter().map(str::to_owned);
    alternative.chain(common).collect()
}

/// Case is of no matter in host names (RFC 4343); `*.` stands for exactly one label.
fn matches(subject: &str, name: &str) -> bool {
    let name = name.trim_end_matches('.');
    match subject.strip_prefix("*.") {
        Some(domain) => name.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain)),
        None => name.eq_ignore_ascii_case(subject),
    }
}

/// `id-at-commonName` (RFC 5280, appendix A.1), as DER.
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];

/// The common names of a subject: a SEQUENCE, whose header webpki has taken off, of SETs of SEQUENCEs of type and
/// value (RFC 5280, section 4.1.2.4). Values that are no UTF-8 or ASCII are passed over.
fn common_names(subject: &[u8]) -> Vec<&str> {
    let mut names = Vec::new();
    for (_, set) in Elements(subject).filter(|(tag, _)| *tag == 0x31) {
        for (_, pair) in Elements(set).filter(|(tag, _)| *tag == 0x30) {
            // UTF8String, PrintableString, TeletexString, IA5String.
            if let Some(value) = pair.strip_prefix(COMMON_NAME)
                && let Some((0x0C | 0x13 | 0x14 | 0x16, text)) = Elements(value).next()
                && let Ok(name) = std::str::from_utf8(text)
            {
                names.push(name);
            }
        }
    }
    names
}

/// Tags and contents of DER elements one after another, up to the first that is broken (X.690, section 8.1).
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first & 0x80 != 0 {
            // The long form; two bytes are more than any certificate of ours needs.
            let (digits, after) = rest.split_at_checked(usize::from(first & 0x7F))?;
            if digits.is_empty() || digits.len() > 2 {
                return None;
            }
            length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
            rest = after;
        }
        let (content, after) = rest.split_at_checked(length)?;
        self.0 = after;
        Some((tag, content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let header = match length {
            0..0x80 => vec![tag, length as u8],
            0x80..0x100 => vec![tag, 0x81, length as u8],
            _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
        };
        [header, content.to_vec()].concat()
    }

    fn attribute(oid: &[u8], tag: u8, text: &[u8]) -> Vec<u8> {
        element(0x31, &element(0x30, &[oid.to_vec(), element(tag, text)].concat()))
    }

    #[test]
    fn common_names_of_every_length_and_kind() {
        let organisation = &[0x06, 0x03, 0x55, 0x04, 0x0A];
        let long = "x".repeat(300);
        let subject = [
            attribute(organisation, 0x0C, b"not a name"),
            attribute(COMMON_NAME, 0x0C, "k\u{00e4}m".as_bytes()),
            attribute(COMMON_NAME, 0x13, b"proxy-1"),
            attribute(COMMON_NAME, 0x0C, long.as_bytes()),
            attribute(COMMON_NAME, 0x1E, b"\0a\0b"),
            attribute(COMMON_NAME, 0x0C, b"\xff"),
        ]
        .concat();
        assert_eq!(common_names(&subject), ["k\u{00e4}m", "proxy-1", &long]);
        for length in 0..subject.len() {
            common_names(&subject[..length]);
            let mut broken = subject.clone();
            for value in [0, 0x7F, 0x80, 0x84, 0xFF] {
                broken[length] = value;
                common_names(&broken);
            }
        }
    }

    #[test]
    fn names_match_without_case_and_a_star_is_one_label() {
        assert!(matches("proxy.example.com", "PROXY.example.COM.") && !matches("proxy", "proxy2"));
        assert!(matches("*.example.com", "a.example.com") && !matches("*.example.com", "a.b.example.com"));
        assert!(!matches("*.example.com", "example.com"));
    }
}
