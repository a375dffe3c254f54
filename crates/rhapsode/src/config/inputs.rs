//! Brokers to fetch packets from: the `[[input]]` tables.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use ingest::{InputConfig, InputKind, ListenerConfig, MqttInput, NatsFrom, NatsInput};
use reach::{mqtt, nats};
use serde::Deserialize;
use toml::Spanned;

use super::brokers::{self, WrittenBroker};
use super::source::Source;

/// How long a broker keeps what is for a server that is away, where nothing is written: a weekend.
const SESSION_SECONDS_DEFAULT: u64 = 3 * 24 * 3_600;

const SESSION_SECONDS_MAX: u64 = 30 * 24 * 3_600;

const NAME_BYTES_MAX: usize = 64;

/// `[[input]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    name: Spanned<String>,
    kind: KindName,
    url: Spanned<String>,
    user: Option<Spanned<String>>,
    password: Option<Spanned<String>>,
    keys: Option<Spanned<Vec<String>>>,
    tls_ca: Option<PathBuf>,
    tls_certificate: Option<Spanned<PathBuf>>,
    tls_key: Option<Spanned<PathBuf>>,
    // nats
    subject: Option<Spanned<String>>,
    queue_group: Option<Spanned<String>>,
    stream: Option<Spanned<String>>,
    durable: Option<Spanned<String>>,
    token: Option<Spanned<String>>,
    credentials: Option<Spanned<PathBuf>>,
    nkey: Option<Spanned<PathBuf>>,
    // mqtt
    topic: Option<Spanned<String>>,
    qos: Option<Spanned<u64>>,
    client_id: Option<Spanned<String>>,
    session_seconds: Option<Spanned<u64>>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum KindName {
    Nats,
    Mqtt,
}

impl KindName {
    const fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Mqtt => "mqtt",
        }
    }
}

/// Every input, checked. Its name stands among those of the listeners.
pub(super) fn inputs(
    path: Option<&Path>,
    written: &[Input],
    listeners: &[ListenerConfig],
) -> Result<Vec<InputConfig>> {
    // Without a file there are no tables.
    let Some(path) = path.filter(|_| !written.is_empty()) else { return Ok(Vec::new()) };
    let text = std::fs::read_to_string(path)?;
    let source = Source { path, text: &text };
    let mut all: Vec<InputConfig> = Vec::new();
    for input in written {
        let config = input.resolve(&source)?;
        let wrong = |what: String| Err(source.wrong(&input.name.span(), what));
        if all.len() == InputConfig::INPUTS_MAX {
            return wrong(format!("there are more than {} inputs", InputConfig::INPUTS_MAX));
        }
        if all.iter().any(|other| other.name == config.name) {
            return wrong(format!("two inputs have the name {:?}", config.name));
        }
        let is_listener = listeners
            .iter()
            .any(|listener| listener.name.as_deref().unwrap_or(listener.transport.name()) == config.name);
        if is_listener {
            return wrong(format!("a listener has the name {:?}", config.name));
        }
        all.push(config);
    }
    Ok(all)
}

impl Input {
    fn resolve(&self, source: &Source<'_>) -> Result<InputConfig> {
        let name = self.name.get_ref();
        let is_sign = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !(1..=NAME_BYTES_MAX).contains(&name.len()) || !name.chars().all(is_sign) {
            let what = format!(
                "{name:?} is no name; letters, digits, - _ and . make one of at most {NAME_BYTES_MAX}"
            );
            return Err(source.wrong(&self.name.span(), what));
        }
        self.refuse_keys_of_others(source)?;
        if let Some(keys) = self.keys.as_ref().filter(|keys| keys.get_ref().iter().any(String::is_empty)) {
            return Err(source.wrong(&keys.span(), "an empty key; write keys = [] to accept any key"));
        }
        let broker = self.broker();
        let (address, kind) = match self.kind {
            KindName::Nats => (broker.nats_address(source, &self.url)?, InputKind::Nats(self.nats(source)?)),
            KindName::Mqtt => (broker.mqtt_address(source, &self.url)?, InputKind::Mqtt(self.mqtt(source)?)),
        };
        let keys = self.keys.as_ref().map(Spanned::get_ref);
        let tls = broker.tls(source, &self.url, &address)?;
        Ok(InputConfig {
            name: name.clone(),
            address,
            tls,
            keys: keys.map(|keys| keys.iter().map(|key| key.clone().into_bytes()).collect()),
            kind,
        })
    }

    fn nats(&self, source: &Source<'_>) -> Result<NatsInput> {
        let Some(subject) = &self.subject else { return Err(self.missing(source, "subject")) };
        if !nats::is_subject(subject.get_ref(), true) {
            let what = format!(
                "{:?} is no subject: tokens between dots, * for one, > at the end",
                subject.get_ref()
            );
            return Err(source.wrong(&subject.span(), what));
        }
        let group = self.queue_group.as_ref();
        if let Some(group) = group.filter(|group| !nats::is_subject(group.get_ref(), false)) {
            return Err(source.wrong(&group.span(), format!("{:?} is no queue group", group.get_ref())));
        }
        let from = match (&self.stream, &self.durable, group) {
            (None, None, group) => NatsFrom::Now { queue_group: group.map(|group| group.get_ref().clone()) },
            (Some(stream), Some(durable), None) => NatsFrom::Stream {
                stream: brokers::jetstream_name(source, stream)?,
                durable: brokers::jetstream_name(source, durable)?,
            },
            (Some(_), Some(_), Some(group)) => {
                let what = "a consumer needs no queue_group: all who name the same durable share it";
                return Err(source.wrong(&group.span(), what));
            }
            (Some(alone), None, _) => return Err(source.wrong(&alone.span(), "stream needs durable")),
            (None, Some(alone), _) => return Err(source.wrong(&alone.span(), "durable needs stream")),
        };
        let login = self.broker().nats_login(source)?;
        Ok(NatsInput { login, subject: subject.get_ref().clone(), from })
    }

    fn mqtt(&self, source: &Source<'_>) -> Result<MqttInput> {
        let Some(topic) = &self.topic else { return Err(self.missing(source, "topic")) };
        let Some(client_id) = &self.client_id else { return Err(self.missing(source, "client_id")) };
        if !mqtt::is_topic(topic.get_ref(), true) {
            let what =
                format!("{:?} is no topic: levels between slashes, + for one, # at the end", topic.get_ref());
            return Err(source.wrong(&topic.span(), what));
        }
        let session = self.session_seconds.as_ref();
        let seconds = session.map_or(SESSION_SECONDS_DEFAULT, |seconds| *seconds.get_ref());
        if let Some(session) = session.filter(|_| !(1..=SESSION_SECONDS_MAX).contains(&seconds)) {
            let what = format!("{seconds} is outside 1 to {SESSION_SECONDS_MAX}");
            return Err(source.wrong(&session.span(), what));
        }
        Ok(MqttInput {
            login: self.broker().mqtt_login(source)?,
            client_id: brokers::client_id(source, client_id)?,
            topic: topic.get_ref().clone(),
            quality: brokers::quality(source, self.qos.as_ref())?,
            session: Duration::from_secs(seconds),
        })
    }

    /// What means nothing for this kind is a mistake of whoever wrote it.
    fn refuse_keys_of_others(&self, source: &Source<'_>) -> Result<()> {
        use KindName::{Mqtt, Nats};
        fn span<T>(value: Option<&Spanned<T>>) -> Option<Range<usize>> {
            value.map(Spanned::span)
        }
        for (key, kind, span) in [
            ("subject", Nats, span(self.subject.as_ref())),
            ("queue_group", Nats, span(self.queue_group.as_ref())),
            ("stream", Nats, span(self.stream.as_ref())),
            ("durable", Nats, span(self.durable.as_ref())),
            ("token", Nats, span(self.token.as_ref())),
            ("credentials", Nats, span(self.credentials.as_ref())),
            ("nkey", Nats, span(self.nkey.as_ref())),
            ("topic", Mqtt, span(self.topic.as_ref())),
            ("qos", Mqtt, span(self.qos.as_ref())),
            ("client_id", Mqtt, span(self.client_id.as_ref())),
            ("session_seconds", Mqtt, span(self.session_seconds.as_ref())),
        ] {
            if let Some(span) = span.filter(|_| kind != self.kind) {
                let (own, other) = (self.kind.name(), kind.name());
                let what = format!("{key} means nothing for kind = {own:?}; it is of {other}");
                return Err(source.wrong(&span, what));
            }
        }
        Ok(())
    }

    fn broker(&self) -> WrittenBroker<'_> {
        WrittenBroker {
            user: self.user.as_ref(),
            password: self.password.as_ref(),
            token: self.token.as_ref(),
            credentials: self.credentials.as_ref(),
            nkey: self.nkey.as_ref(),
            tls_ca: self.tls_ca.as_ref(),
            tls_certificate: self.tls_certificate.as_ref(),
            tls_key: self.tls_key.as_ref(),
        }
    }

    fn missing(&self, source: &Source<'_>, key: &str) -> anyhow::Error {
        let what = format!("input {:?} of kind {:?} needs {key}", self.name.get_ref(), self.kind.name());
        source.wrong(&self.name.span(), what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Resolved, ServeArguments, resolve};

    fn resolved(toml: &str) -> Result<Resolved> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("rhapsode.toml");
        std::fs::write(&path, toml)?;
        resolve(&ServeArguments { config: Some(path), ..ServeArguments::default() })
    }

    #[test]
    fn inputs_are_read() {
        let settings = resolved(
            "[[input]]\nname = \"bus\"\nkind = \"nats\"\nurl = \"tls://nats.example.com\"\nsubject = \"hep.>\"\n\
             stream = \"HEP\"\ndurable = \"lake\"\ncredentials = \"/etc/user.creds\"\nkeys = [\"k\"]\ntls_ca = \"/ca.pem\"\n\
             [[input]]\nname = \"now\"\nkind = \"nats\"\nurl = \"nats://b:4333\"\nsubject = \"hep.*\"\nqueue_group = \"g\"\n\
             token = \"t\"\n\
             [[input]]\nname = \"sites\"\nkind = \"mqtt\"\nurl = \"mqtt://m\"\ntopic = \"$share/g/hep/+\"\nqos = 0\n\
             client_id = \"lake-1\"\nuser = \"u\"\npassword = \"p\"\nsession_seconds = 60\n",
        );
        let settings = settings.expect("resolves");
        let [bus, now, sites] = settings.inputs.as_slice() else { panic!("three inputs") };
        let stream = NatsFrom::Stream { stream: "HEP".to_owned(), durable: "lake".to_owned() };
        let expected = InputConfig {
            name: "bus".to_owned(),
            address: reach::Address::nats("tls://nats.example.com:4222").expect("an address"),
            tls: reach::TlsFiles { ca: Some("/ca.pem".into()), identity: None },
            keys: Some(vec![b"k".to_vec()]),
            kind: InputKind::Nats(NatsInput {
                login: nats::Login::Credentials("/etc/user.creds".into()),
                subject: "hep.>".to_owned(),
                from: stream,
            }),
        };
        assert_eq!(*bus, expected);
        let InputKind::Nats(now) = &now.kind else { panic!("NATS") };
        assert_eq!(now.from, NatsFrom::Now { queue_group: Some("g".to_owned()) });
        let InputKind::Mqtt(sites) = &sites.kind else { panic!("MQTT") };
        assert_eq!((sites.quality, sites.session), (mqtt::Quality::AtMostOnce, Duration::from_secs(60)));
        assert!(!format!("{settings:?}").contains("\"p\""));
    }

    #[test]
    fn wrong_inputs_are_named_with_their_line() {
        let nats = "[[input]]\nname = \"a\"\nkind = \"nats\"\nurl = \"nats://b\"\nsubject = \"hep.>\"\n";
        let mqtt = "[[input]]\nname = \"a\"\nkind = \"mqtt\"\nurl = \"mqtt://b\"\ntopic = \"hep/#\"\nclient_id = \"c\"\n";
        for (toml, line, words) in [
            (nats.replace("nats\"", "nat\""), 3, "did you mean nats?"),
            (nats.replace("subject", "subjects"), 5, "did you mean subject?"),
            (nats.replace("subject = \"hep.>\"\n", ""), 2, "needs subject"),
            (nats.replace("hep.>", "hep.>.x"), 5, "is no subject"),
            (nats.replace("nats://b", "mqtt://b"), 4, "write nats://HOST:PORT or tls://HOST:PORT"),
            (nats.replace("nats://b", "nats://u:secret@b"), 4, "is no address"),
            (nats.replace("\"a\"", "\"a b\""), 2, "is no name"),
            (format!("{nats}{nats}"), 7, "two inputs have the name \"a\""),
            (nats.replace("\"a\"", "\"udp\""), 2, "a listener has the name \"udp\""),
            (format!("{nats}stream = \"S\"\n"), 6, "stream needs durable"),
            (format!("{nats}durable = \"S\"\n"), 6, "durable needs stream"),
            (format!("{nats}durable = \"d\"\nstream = \"a.b\"\n"), 7, "is no name of a stream"),
            (
                format!("{nats}stream = \"S\"\ndurable = \"d\"\nqueue_group = \"g\"\n"),
                8,
                "needs no queue_group",
            ),
            (format!("{nats}queue_group = \"a b\"\n"), 6, "is no queue group"),
            (format!("{nats}topic = \"a\"\n"), 6, "topic means nothing for kind = \"nats\"; it is of mqtt"),
            (format!("{nats}user = \"u\"\ntoken = \"t\"\n"), 7, "exclude each other"),
            (format!("{nats}password = \"secret\"\n"), 6, "password needs user"),
            (format!("{nats}keys = [\"\"]\n"), 6, "an empty key"),
            (format!("{nats}tls_key = \"/k\"\n"), 6, "tls_key needs tls_certificate"),
            (format!("{nats}tls_ca = \"/ca.pem\"\n"), 4, "is not encrypted"),
            (mqtt.replace("client_id = \"c\"\n", ""), 2, "needs client_id"),
            (mqtt.replace("hep/#", "hep/#/x"), 5, "is no topic"),
            (format!("{mqtt}qos = 2\n"), 7, "qos = 2 is not spoken"),
            (format!("{mqtt}session_seconds = 0\n"), 7, "0 is outside 1 to"),
            (format!("{mqtt}nkey = \"/x\"\n"), 7, "nkey means nothing for kind = \"mqtt\"; it is of nats"),
        ] {
            let message = format!("{:#}", resolved(&toml).expect_err(words));
            assert!(message.contains(&format!("rhapsode.toml:{line}: ")), "{toml}: {message}");
            assert!(message.contains(words), "{toml}: {message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
