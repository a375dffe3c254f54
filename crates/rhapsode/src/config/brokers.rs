//! What outputs and inputs say of a broker: where it is, and who we are there.

use std::path::PathBuf;

use anyhow::Result;
use reach::mqtt::{self, Quality};
use reach::{Address, AddressError, TlsFiles, nats};
use toml::Spanned;

use super::source::{Source, tls_identity};

/// What the keys of one table hold.
pub(super) struct WrittenBroker<'a> {
    pub(super) user: Option<&'a Spanned<String>>,
    pub(super) password: Option<&'a Spanned<String>>,
    pub(super) token: Option<&'a Spanned<String>>,
    pub(super) credentials: Option<&'a Spanned<PathBuf>>,
    pub(super) nkey: Option<&'a Spanned<PathBuf>>,
    pub(super) tls_ca: Option<&'a PathBuf>,
    pub(super) tls_certificate: Option<&'a Spanned<PathBuf>>,
    pub(super) tls_key: Option<&'a Spanned<PathBuf>>,
}

impl WrittenBroker<'_> {
    pub(super) fn nats_address(&self, source: &Source<'_>, url: &Spanned<String>) -> Result<Address> {
        address(source, url, Address::nats)
    }

    pub(super) fn mqtt_address(&self, source: &Source<'_>, url: &Spanned<String>) -> Result<Address> {
        address(source, url, Address::mqtt)
    }

    /// One of the four ways.
    pub(super) fn nats_login(&self, source: &Source<'_>) -> Result<nats::Login> {
        let mut ways = [
            self.user.map(Spanned::span),
            self.token.map(Spanned::span),
            self.credentials.map(Spanned::span),
            self.nkey.map(Spanned::span),
        ]
        .into_iter()
        .flatten();
        if let (Some(_), Some(second)) = (ways.next(), ways.next()) {
            return Err(source.wrong(&second, "user, token, credentials and nkey exclude each other"));
        }
        let text = |value: &Spanned<String>| value.get_ref().clone();
        Ok(match (self.user, self.password, self.token, self.credentials, self.nkey) {
            (None, Some(alone), ..) => return Err(source.wrong(&alone.span(), "password needs user")),
            (Some(user), password, ..) => {
                nats::Login::User { user: text(user), password: password.map(text).unwrap_or_default() }
            }
            (_, _, Some(token), ..) => nats::Login::Token(text(token)),
            (_, _, _, Some(path), _) => nats::Login::Credentials(path.get_ref().clone()),
            (_, _, _, _, Some(path)) => nats::Login::Nkey(path.get_ref().clone()),
            _ => nats::Login::Nobody,
        })
    }

    pub(super) fn mqtt_login(&self, source: &Source<'_>) -> Result<Option<mqtt::Login>> {
        match (self.user, self.password) {
            (None, Some(alone)) => Err(source.wrong(&alone.span(), "password needs user")),
            (None, None) => Ok(None),
            (Some(user), password) => Ok(Some(mqtt::Login {
                user: user.get_ref().clone(),
                password: password.map(|password| password.get_ref().clone()),
            })),
        }
    }

    /// Files for an address that is not encrypted would say that it is.
    pub(super) fn tls(
        &self,
        source: &Source<'_>,
        url: &Spanned<String>,
        address: &Address,
    ) -> Result<TlsFiles> {
        let identity = tls_identity(source, self.tls_certificate, self.tls_key)?;
        if !address.is_encrypted() && (self.tls_ca.is_some() || identity.is_some()) {
            let what = format!(
                "{address} is not encrypted: tls_ca, tls_certificate and tls_key are of tls:// and mqtts://"
            );
            return Err(source.wrong(&url.span(), what));
        }
        Ok(TlsFiles { ca: self.tls_ca.cloned(), identity })
    }
}

fn address(
    source: &Source<'_>,
    url: &Spanned<String>,
    read: fn(&str) -> Result<Address, AddressError>,
) -> Result<Address> {
    read(url.get_ref()).map_err(|error| source.wrong(&url.span(), error))
}

/// Of a stream or a consumer: a token of the subjects at which JetStream is asked.
pub(super) fn jetstream_name(source: &Source<'_>, name: &Spanned<String>) -> Result<String> {
    let text = name.get_ref();
    let is_sign = |sign: char| nats::is_token_sign(sign) && !matches!(sign, '/' | '\\');
    if text.is_empty() || text.len() > 255 || !text.chars().all(is_sign) {
        let what = format!("{text:?} is no name of a stream or consumer: no dots, spaces, slashes, * and >");
        return Err(source.wrong(&name.span(), what));
    }
    Ok(text.clone())
}

/// Section 3.1.3.1 of MQTT 5: more than 23 bytes need not be taken, and are by all brokers of today.
pub(super) fn client_id(source: &Source<'_>, id: &Spanned<String>) -> Result<String> {
    let text = id.get_ref();
    if text.is_empty() || text.len() > 128 || text.chars().any(char::is_control) {
        return Err(source.wrong(&id.span(), format!("{text:?} is no client_id of 1 to 128 bytes")));
    }
    Ok(text.clone())
}

/// 1 where none is written.
pub(super) fn quality(source: &Source<'_>, qos: Option<&Spanned<u64>>) -> Result<Quality> {
    match qos.map(|qos| (*qos.get_ref(), qos.span())) {
        None | Some((1, _)) => Ok(Quality::AtLeastOnce),
        Some((0, _)) => Ok(Quality::AtMostOnce),
        Some((other, span)) => Err(source.wrong(&span, format!("qos = {other} is not spoken; write 0 or 1"))),
    }
}
