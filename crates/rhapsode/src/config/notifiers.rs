//! How people hear of alerts: the `[[notifier]]` tables.

use std::ops::Range;
use std::path::PathBuf;

use anyhow::Result;
use outputs::notify::{Config, Email, Encryption, Kind};
use serde::Deserialize;
use toml::Spanned;

use super::source::{Source, WrittenEndpoint};

/// Each has a task and connections of its own.
const NOTIFIERS_MAX: usize = 50;

/// Who gets one mail; beyond it a list of the mail server is meant.
const RECIPIENTS_MAX: usize = 50;

/// `[[notifier]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Notifier {
    name: Spanned<String>,
    kind: KindName,
    user: Option<Spanned<String>>,
    password: Option<Spanned<String>>,
    tls_ca: Option<PathBuf>,
    // alertmanager and webhook
    url: Option<Spanned<String>>,
    token: Option<Spanned<String>>,
    // email
    host: Option<Spanned<String>>,
    port: Option<Spanned<u16>>,
    encryption: Option<Spanned<EncryptionName>>,
    from: Option<Spanned<String>>,
    to: Option<Spanned<Vec<Spanned<String>>>>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum KindName {
    Alertmanager,
    Webhook,
    Email,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum EncryptionName {
    Tls,
    Starttls,
    None,
}

/// Every notifier, checked.
pub(super) fn notifiers(source: &Source<'_>, written: &[Notifier]) -> Result<Vec<Config>> {
    let mut all: Vec<Config> = Vec::new();
    for notifier in written {
        let name = notifier.name.get_ref();
        let wrong = |what: String| Err(source.wrong(&notifier.name.span(), what));
        if !is_name(name) {
            return wrong(format!("notifier name = {name:?}: write letters, digits, `_`, `-` and `.`"));
        }
        if all.len() == NOTIFIERS_MAX {
            return wrong(format!("there are more than {NOTIFIERS_MAX} notifiers"));
        }
        if all.iter().any(|other| other.name == *name) {
            return wrong(format!("two notifiers have the name {name:?}"));
        }
        all.push(Config { name: name.clone(), kind: notifier.resolve(source)? });
    }
    Ok(all)
}

/// What stands in addresses and in labels as it is.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

impl Notifier {
    fn resolve(&self, source: &Source<'_>) -> Result<Kind> {
        self.refuse_keys_of_others(source)?;
        Ok(match self.kind {
            KindName::Alertmanager => Kind::Alertmanager(self.endpoint(source)?),
            KindName::Webhook => Kind::Webhook(self.endpoint(source)?),
            KindName::Email => Kind::Email(self.email(source)?),
        })
    }

    /// What means nothing for this kind is a mistake of whoever wrote it.
    fn refuse_keys_of_others(&self, source: &Source<'_>) -> Result<()> {
        fn span<T>(value: Option<&Spanned<T>>) -> Option<Range<usize>> {
            value.map(Spanned::span)
        }
        let of_mail = [
            ("host", span(self.host.as_ref())),
            ("port", span(self.port.as_ref())),
            ("encryption", span(self.encryption.as_ref())),
            ("from", span(self.from.as_ref())),
            ("to", span(self.to.as_ref())),
        ];
        let of_http = [("url", span(self.url.as_ref())), ("token", span(self.token.as_ref()))];
        let (others, of) = match self.kind {
            KindName::Email => (&of_http[..], "alertmanager and webhook"),
            KindName::Alertmanager | KindName::Webhook => (&of_mail[..], "email"),
        };
        match others.iter().find_map(|(key, span)| Some((key, span.as_ref()?))) {
            None => Ok(()),
            Some((key, span)) => {
                Err(source.wrong(span, format!("{key} means nothing for this kind; it is of {of}")))
            }
        }
    }

    fn endpoint(&self, source: &Source<'_>) -> Result<outputs::Endpoint> {
        let written = WrittenEndpoint {
            url: self.url.as_ref().ok_or_else(|| self.missing(source, "url"))?,
            user: self.user.as_ref(),
            password: self.password.as_ref(),
            token: self.token.as_ref(),
            tls_ca: self.tls_ca.clone(),
            // The secret of many webhooks stands there.
            has_query: self.kind == KindName::Webhook,
        };
        written.resolve(source)
    }

    fn email(&self, source: &Source<'_>) -> Result<Email> {
        let host = self.host.as_ref().ok_or_else(|| self.missing(source, "host"))?;
        let from = self.from.as_ref().ok_or_else(|| self.missing(source, "from"))?;
        let to = self.to.as_ref().filter(|to| !to.get_ref().is_empty());
        let to = to.ok_or_else(|| self.missing(source, "to"))?;
        if to.get_ref().len() > RECIPIENTS_MAX {
            return Err(source.wrong(&to.span(), format!("there are more than {RECIPIENTS_MAX} addresses")));
        }
        let encryption = match self.encryption.as_ref().map(|encryption| *encryption.get_ref()) {
            None | Some(EncryptionName::Starttls) => Encryption::StartTls,
            Some(EncryptionName::Tls) => Encryption::Tls,
            Some(EncryptionName::None) => Encryption::None,
        };
        let login = match (&self.user, &self.password) {
            (Some(user), Some(password)) if encryption != Encryption::None => {
                Some((user.get_ref().clone(), password.get_ref().clone()))
            }
            (Some(_), Some(password)) => {
                let what =
                    "a password does not go over the network in the clear: set encryption to starttls or tls";
                return Err(source.wrong(&password.span(), what));
            }
            (None, None) => None,
            (Some(alone), None) | (None, Some(alone)) => {
                return Err(source.wrong(&alone.span(), "user and password go together"));
            }
        };
        let address = |text: &Spanned<String>| {
            Email::address(text.get_ref()).map_err(|why| source.wrong(&text.span(), why))
        };
        let port = self.port.as_ref().map(|port| *port.get_ref());
        Ok(Email {
            host: host.get_ref().clone(),
            port: port.unwrap_or(match encryption {
                Encryption::Tls => 465,
                Encryption::StartTls => 587,
                Encryption::None => 25,
            }),
            encryption,
            tls_ca: self.tls_ca.clone(),
            login,
            from: address(from)?,
            to: to.get_ref().iter().map(address).collect::<Result<_>>()?,
        })
    }

    fn missing(&self, source: &Source<'_>, key: &str) -> anyhow::Error {
        source.wrong(&self.name.span(), format!("notifier {:?} needs {key}", self.name.get_ref()))
    }
}
