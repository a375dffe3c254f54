use crate::bytes::{split_once, trim};

use super::params::{Params, unquoted};

/// Identity (RFC 8224 4): a signed statement of who calls, a PASSporT (RFC 8225) in JWS compact form. The parts are
/// base64url as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The whole token. Before RFC 8224 (RFC 4474) it was a quoted signature alone.
    pub token: &'a [u8],
    /// The JOSE header; empty in compact form (RFC 8225 7), where the verifier rebuilds it.
    pub header: &'a [u8],
    /// The claims; empty in compact form.
    pub payload: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
    /// The parameters, without the first semicolon.
    pub params: &'a [u8],
}

impl<'a> Identity<'a> {
    /// Reads one element.
    pub fn parse(element: &'a [u8]) -> Self {
        let (token, params) = split_once(element, b';');
        let token = unquoted(trim(token));
        let mut segments = token.split(|&byte| byte == b'.');
        let (header, payload, signature) = match (segments.next(), segments.next(), segments.next()) {
            (Some(header), Some(payload), Some(signature)) => (header, payload, signature),
            _ => (&[][..], &[][..], token),
        };
        Self { token, header, payload, signature, params: params.unwrap_or_default() }
    }

    /// The parameters.
    pub fn params(&self) -> Params<'a> {
        Params::outside_brackets(self.params)
    }

    /// Where the certificate is: the inside of `info=<...>`.
    pub fn info(&self) -> Option<&'a [u8]> {
        let info = self.params().value(b"info")?;
        Some(match info {
            [b'<', inside @ .., b'>'] => inside,
            other => other,
        })
    }

    /// The signature algorithm, `ES256`.
    pub fn algorithm(&self) -> Option<&'a [u8]> {
        self.params().value(b"alg")
    }

    /// The PASSporT extension: `shaken` (RFC 8588), `div` (RFC 8946), `rph`.
    pub fn extension(&self) -> Option<&'a [u8]> {
        self.params().value(b"ppt")
    }

    /// Whether the token is in compact form: `..signature`.
    pub fn is_compact(&self) -> bool {
        self.token.starts_with(b"..")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_signed_caller() {
        let identity =
            Identity::parse(b"eyJh.eyJi.c2ln;info=<https://cert.example/a;b.pem>;alg=ES256;ppt=\"shaken\"");
        assert_eq!(
            (identity.header, identity.payload, identity.signature),
            (&b"eyJh"[..], &b"eyJi"[..], &b"c2ln"[..])
        );
        assert_eq!((identity.algorithm(), identity.extension()), (Some(&b"ES256"[..]), Some(&b"shaken"[..])));
        assert_eq!(identity.info(), Some(&b"https://cert.example/a;b.pem"[..]));
    }

    #[test]
    fn compact_and_old_forms() {
        let compact = Identity::parse(b"..c2ln;info=<https://c>");
        assert!(compact.is_compact());
        assert_eq!((compact.header, compact.payload, compact.signature), (&b""[..], &b""[..], &b"c2ln"[..]));
        assert_eq!(Identity::parse(b"\"ZYNB\"").signature, b"ZYNB");
    }
}
