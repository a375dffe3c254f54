//! Where to send on what comes in: the `[[output]]` tables.

mod brokers;
mod influxdb;

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use model::Micros;
use model::query::{self, Catalogue, Expr};
use outputs::{
    Balance, ChunkValue, Config, Elasticsearch, Endpoint, Form, Kind, LOKI_LABELS, Line, Loki, Relay,
    SpoolConfig, Target, chunk_name,
};
use protocols::Protocols;
use serde::Deserialize;
use toml::Spanned;

use super::file::Size;
use super::source::{Source, WrittenEndpoint, tls_identity};
use crate::play::now_micros;

/// Each has memory and connections of its own.
const OUTPUTS_MAX: usize = 32;

/// Of one relay; each costs a connection.
const TARGETS_MAX: usize = 16;

/// Chunks set or deleted by one relay: more than have names.
const EDITS_MAX: usize = 64;

/// What a name is made of: it names a folder too.
const NAME_BYTES_MAX: usize = 64;

const QUEUE_BYTES_MIN: u64 = 64 << 10;

/// `[[output]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Output {
    name: Spanned<String>,
    kind: KindName,
    filter: Option<Spanned<String>>,
    queue_bytes_max: Option<Spanned<Size>>,
    batch_rows: Option<Spanned<u64>>,
    batch_bytes: Option<Spanned<Size>>,
    batch_wait_milliseconds: Option<Spanned<u64>>,
    attempt_seconds_max: Option<Spanned<u64>>,
    retry_seconds_max: Option<Spanned<u64>>,
    spool_bytes_max: Option<Spanned<Size>>,
    spool_folder: Option<Spanned<PathBuf>>,
    tls_ca: Option<PathBuf>,
    // hep
    targets: Option<Spanned<Vec<Spanned<String>>>>,
    balance: Option<Spanned<BalanceName>>,
    form: Option<Spanned<FormName>>,
    delete: Option<Spanned<Vec<Spanned<String>>>>,
    set: Option<Spanned<Vec<Spanned<Set>>>>,
    tls_certificate: Option<Spanned<PathBuf>>,
    tls_key: Option<Spanned<PathBuf>>,
    // loki, elasticsearch, influxdb, nats and mqtt
    url: Option<Spanned<String>>,
    user: Option<Spanned<String>>,
    password: Option<Spanned<String>>,
    token: Option<Spanned<String>>,
    // loki
    tenant: Option<Spanned<String>>,
    labels: Option<Spanned<Vec<Spanned<String>>>>,
    fixed_labels: Option<Spanned<BTreeMap<String, String>>>,
    line: Option<Spanned<LineName>>,
    // elasticsearch
    index: Option<Spanned<String>>,
    payload: Option<Spanned<bool>>,
    // influxdb
    database: Option<Spanned<String>>,
    retention_policy: Option<Spanned<String>>,
    org: Option<Spanned<String>>,
    bucket: Option<Spanned<String>>,
    measurement: Option<Spanned<String>>,
    groups: Option<Spanned<Vec<Spanned<String>>>>,
    fixed_tags: Option<Spanned<BTreeMap<String, String>>>,
    // nats and mqtt
    format: Option<Spanned<FormatName>>,
    subject: Option<Spanned<String>>,
    stream: Option<Spanned<String>>,
    credentials: Option<Spanned<PathBuf>>,
    nkey: Option<Spanned<PathBuf>>,
    topic: Option<Spanned<String>>,
    qos: Option<Spanned<u64>>,
    client_id: Option<Spanned<String>>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum KindName {
    Hep,
    Loki,
    Elasticsearch,
    Influxdb,
    Nats,
    Mqtt,
}

impl KindName {
    const fn name(self) -> &'static str {
        match self {
            Self::Hep => "hep",
            Self::Loki => "loki",
            Self::Elasticsearch => "elasticsearch",
            Self::Influxdb => "influxdb",
            Self::Nats => "nats",
            Self::Mqtt => "mqtt",
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BalanceName {
    Failover,
    RoundRobin,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum FormName {
    AsReceived,
    Hep3,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum FormatName {
    Hep,
    Json,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LineName {
    Payload,
    Json,
}

/// A chunk to be set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    chunk: String,
    r#type: Option<String>,
    value: Scalar,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Number(u64),
    Text(String),
}

/// Every output, checked.
pub(super) fn outputs(
    path: Option<&Path>,
    written: &[Output],
    data: &Path,
    protocols: &Protocols,
    has_call_rows: bool,
) -> Result<Vec<Config>> {
    // Without a file there are no tables.
    let Some(path) = path.filter(|_| !written.is_empty()) else { return Ok(Vec::new()) };
    let text = std::fs::read_to_string(path)?;
    let source = Source { path, text: &text };
    let catalogue = protocols.catalogue(&[]);
    let mut all: Vec<Config> = Vec::new();
    for output in written {
        let config = output.resolve(&source, data, &catalogue)?;
        let wrong = |what: String| Err(source.wrong(&output.name.span(), what));
        if output.kind == KindName::Influxdb && !has_call_rows {
            return wrong("figures of minutes are made of rows of calls, and calls.rows is false".to_owned());
        }
        if all.len() == OUTPUTS_MAX {
            return wrong(format!("there are more than {OUTPUTS_MAX} outputs"));
        }
        if all.iter().any(|other| other.name == config.name) {
            return wrong(format!("two outputs have the name {:?}", config.name));
        }
        let folder = |config: &Config| config.spool.as_ref().map(|spool| spool.folder.clone());
        if folder(&config).is_some() && all.iter().any(|other| folder(other) == folder(&config)) {
            return wrong("two outputs have the same spool_folder".to_owned());
        }
        all.push(config);
    }
    Ok(all)
}

impl Output {
    fn resolve(&self, source: &Source<'_>, data: &Path, catalogue: &Catalogue) -> Result<Config> {
        let name = self.name.get_ref();
        let is_sign = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !(1..=NAME_BYTES_MAX).contains(&name.len()) || !name.chars().all(is_sign) || name.starts_with('.')
        {
            let what = format!(
                "{name:?} is no name; letters, digits, - _ and . make one of at most {NAME_BYTES_MAX}"
            );
            return Err(source.wrong(&self.name.span(), what));
        }
        self.refuse_keys_of_others(source)?;
        let kind = match self.kind {
            KindName::Hep => Kind::Relay(self.relay(source)?),
            KindName::Loki => Kind::Loki(self.loki(source)?),
            KindName::Elasticsearch => Kind::Elasticsearch(self.elasticsearch(source)?),
            KindName::Influxdb => Kind::InfluxDb(self.influxdb(source)?),
            KindName::Nats => Kind::Nats(self.nats(source)?),
            KindName::Mqtt => Kind::Mqtt(self.mqtt(source)?),
        };
        let is_pipe = matches!(self.kind, KindName::Hep | KindName::Nats | KindName::Mqtt);
        let mut config = Config::new(name.clone(), kind, self.filter(source, catalogue)?);
        if is_pipe {
            // Nothing is gained by waiting.
            config.batch_wait = Duration::ZERO;
        }
        if let Some(bytes) = size(source, self.queue_bytes_max.as_ref(), QUEUE_BYTES_MIN)? {
            config.queue_bytes_max = usize::try_from(bytes).unwrap_or(usize::MAX);
        }
        if let Some(rows) = number(source, self.batch_rows.as_ref(), 1..=100_000)? {
            config.batch_rows = rows as usize;
        }
        if let Some(bytes) = size(source, self.batch_bytes.as_ref(), 1_024)? {
            config.batch_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        }
        if let Some(wait) = number(source, self.batch_wait_milliseconds.as_ref(), 0..=60_000)? {
            config.batch_wait = Duration::from_millis(wait);
        }
        if let Some(seconds) = number(source, self.attempt_seconds_max.as_ref(), 1..=600)? {
            config.time_max = Duration::from_secs(seconds);
        }
        if let Some(seconds) = number(source, self.retry_seconds_max.as_ref(), 1..=3_600)? {
            config.retry.1 = Duration::from_secs(seconds);
        }
        config.spool = self.spool(source, data)?;
        Ok(config)
    }

    /// What means nothing for this kind is a mistake of whoever wrote it.
    fn refuse_keys_of_others(&self, source: &Source<'_>) -> Result<()> {
        use KindName::{Elasticsearch, Hep, Influxdb, Loki, Mqtt, Nats};
        const LOGIN: &[KindName] = &[Loki, Elasticsearch, Influxdb, Nats, Mqtt];
        const PACKETS: &[KindName] = &[Hep, Nats, Mqtt];
        const BROKERS: &[KindName] = &[Nats, Mqtt];
        fn span<T>(value: Option<&Spanned<T>>) -> Option<Range<usize>> {
            value.map(Spanned::span)
        }
        #[expect(clippy::type_complexity, reason = "a key, what it fits, and where it is written")]
        let keys: [(&str, &[KindName], Option<Range<usize>>); 33] = [
            ("filter", &[Hep, Loki, Elasticsearch, Nats, Mqtt], span(self.filter.as_ref())),
            ("targets", &[Hep], span(self.targets.as_ref())),
            ("balance", &[Hep], span(self.balance.as_ref())),
            ("form", PACKETS, span(self.form.as_ref())),
            ("delete", PACKETS, span(self.delete.as_ref())),
            ("set", PACKETS, span(self.set.as_ref())),
            ("tls_certificate", PACKETS, span(self.tls_certificate.as_ref())),
            ("tls_key", PACKETS, span(self.tls_key.as_ref())),
            ("url", LOGIN, span(self.url.as_ref())),
            ("user", LOGIN, span(self.user.as_ref())),
            ("password", LOGIN, span(self.password.as_ref())),
            ("token", &[Loki, Elasticsearch, Influxdb, Nats], span(self.token.as_ref())),
            ("tenant", &[Loki], span(self.tenant.as_ref())),
            ("labels", &[Loki], span(self.labels.as_ref())),
            ("fixed_labels", &[Loki], span(self.fixed_labels.as_ref())),
            ("line", &[Loki], span(self.line.as_ref())),
            ("index", &[Elasticsearch], span(self.index.as_ref())),
            ("payload", &[Elasticsearch, Nats, Mqtt], span(self.payload.as_ref())),
            ("database", &[Influxdb], span(self.database.as_ref())),
            ("retention_policy", &[Influxdb], span(self.retention_policy.as_ref())),
            ("org", &[Influxdb], span(self.org.as_ref())),
            ("bucket", &[Influxdb], span(self.bucket.as_ref())),
            ("measurement", &[Influxdb], span(self.measurement.as_ref())),
            ("groups", &[Influxdb], span(self.groups.as_ref())),
            ("fixed_tags", &[Influxdb], span(self.fixed_tags.as_ref())),
            ("format", BROKERS, span(self.format.as_ref())),
            ("subject", &[Nats], span(self.subject.as_ref())),
            ("stream", &[Nats], span(self.stream.as_ref())),
            ("credentials", &[Nats], span(self.credentials.as_ref())),
            ("nkey", &[Nats], span(self.nkey.as_ref())),
            ("topic", &[Mqtt], span(self.topic.as_ref())),
            ("qos", &[Mqtt], span(self.qos.as_ref())),
            ("client_id", &[Mqtt], span(self.client_id.as_ref())),
        ];
        for (key, kinds, span) in keys {
            if let Some(span) = span.filter(|_| !kinds.contains(&self.kind)) {
                let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
                let (kind, kinds) = (self.kind.name(), kinds.join(" or "));
                let what = format!("{key} means nothing for kind = {kind:?}; it is of {kinds}");
                return Err(source.wrong(&span, what));
            }
        }
        Ok(())
    }

    fn filter(&self, source: &Source<'_>, catalogue: &Catalogue) -> Result<Expr> {
        let Some(filter) = &self.filter else { return Ok(Expr::Always) };
        let query = query::parse(filter.get_ref(), catalogue, Micros(now_micros()));
        Ok(query.map_err(|error| source.wrong(&filter.span(), format!("filter: {error}")))?.expr)
    }

    fn spool(&self, source: &Source<'_>, data: &Path) -> Result<Option<SpoolConfig>> {
        let Some(bytes_max) = size(source, self.spool_bytes_max.as_ref(), 1 << 20)? else {
            return match &self.spool_folder {
                None => Ok(None),
                Some(folder) => Err(source.wrong(&folder.span(), "spool_folder needs spool_bytes_max")),
            };
        };
        let folder = self.spool_folder.as_ref().map(|folder| folder.get_ref().clone());
        let folder = folder.unwrap_or_else(|| data.join("spool").join(self.name.get_ref()));
        Ok(Some(SpoolConfig { folder, bytes_max }))
    }

    fn relay(&self, source: &Source<'_>) -> Result<Relay> {
        let Some(targets) = self.targets.as_ref().filter(|targets| !targets.get_ref().is_empty()) else {
            return Err(self.missing(source, "targets"));
        };
        at_most(source, targets, TARGETS_MAX)?;
        let target = |text: &Spanned<String>| {
            text.get_ref().parse::<Target>().map_err(|error| source.wrong(&text.span(), error))
        };
        Ok(Relay {
            targets: targets.get_ref().iter().map(target).collect::<Result<_>>()?,
            balance: match self.balance.as_ref().map(|balance| *balance.get_ref()) {
                None | Some(BalanceName::Failover) => Balance::Failover,
                Some(BalanceName::RoundRobin) => Balance::RoundRobin,
            },
            form: self.form(source)?,
            tls_ca: self.tls_ca.clone(),
            tls_identity: tls_identity(source, self.tls_certificate.as_ref(), self.tls_key.as_ref())?,
        })
    }

    fn form(&self, source: &Source<'_>) -> Result<Form> {
        let edited = self.delete.as_ref().map(Spanned::span).or(self.set.as_ref().map(Spanned::span));
        match self.form.as_ref().map(|form| *form.get_ref()) {
            Some(FormName::AsReceived) if edited.is_some() => {
                let span = edited.unwrap_or_default();
                return Err(
                    source.wrong(&span, "form = \"as_received\" changes nothing; write form = \"hep3\"")
                );
            }
            Some(FormName::AsReceived) => return Ok(Form::AsReceived),
            None if edited.is_none() => return Ok(Form::AsReceived),
            None | Some(FormName::Hep3) => {}
        }
        let (mut delete, mut set) = (Vec::new(), Vec::<ChunkValue>::new());
        if let Some(names) = &self.delete {
            at_most(source, names, EDITS_MAX)?;
            for name in names.get_ref() {
                let wrong = |what: String| source.wrong(&name.span(), what);
                delete.push(chunk_name(name.get_ref()).map_err(wrong)?);
                if ["payload", "compressed_payload"].contains(&name.get_ref().as_str()) {
                    return Err(wrong("a packet without its payload says nothing".to_owned()));
                }
            }
        }
        if let Some(chunks) = &self.set {
            at_most(source, chunks, EDITS_MAX)?;
            for chunk in chunks.get_ref() {
                let Set { chunk: name, r#type, value } = chunk.get_ref();
                let value = match value {
                    Scalar::Number(number) => number.to_string(),
                    Scalar::Text(text) => text.clone(),
                };
                let wrong = |what: String| source.wrong(&chunk.span(), what);
                let chunk = ChunkValue::new(name, r#type.as_deref(), &value).map_err(wrong)?;
                if delete.contains(&chunk.id()) || set.iter().any(|other| other.id() == chunk.id()) {
                    return Err(wrong(format!("{name} is set twice, or deleted too")));
                }
                set.push(chunk);
            }
        }
        Ok(Form::Hep3 { delete, set })
    }

    fn loki(&self, source: &Source<'_>) -> Result<Loki> {
        let label = |name: &Spanned<String>| {
            LOKI_LABELS.iter().copied().find(|known| known == name.get_ref()).ok_or_else(|| {
                let what =
                    format!("{:?} is no label; the labels are {}", name.get_ref(), LOKI_LABELS.join(", "));
                source.wrong(&name.span(), what)
            })
        };
        let labels = match &self.labels {
            None => Loki::LABELS_DEFAULT.to_vec(),
            Some(labels) => labels.get_ref().iter().map(label).collect::<Result<_>>()?,
        };
        let fixed = self.fixed_labels.as_ref();
        if let Some(fixed) = fixed {
            at_most_keys(source, fixed)?;
            let is_name = |name: &str| {
                !name.starts_with(|c: char| c.is_ascii_digit())
                    && !name.is_empty()
                    && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            };
            if let Some(name) = fixed.get_ref().keys().find(|name| !is_name(name)) {
                return Err(source.wrong(&fixed.span(), format!("{name:?} is no name of a label")));
            }
        }
        Ok(Loki {
            endpoint: self.endpoint(source)?,
            tenant: self.tenant.as_ref().map(|tenant| tenant.get_ref().clone()),
            labels,
            fixed_labels: fixed.map(|labels| labels.get_ref().clone()).unwrap_or_default(),
            line: match self.line.as_ref().map(|line| *line.get_ref()) {
                None | Some(LineName::Payload) => Line::Payload,
                Some(LineName::Json) => Line::Json,
            },
        })
    }

    fn elasticsearch(&self, source: &Source<'_>) -> Result<Elasticsearch> {
        let index = match &self.index {
            None => Elasticsearch::INDEX_DEFAULT.to_owned(),
            Some(index) => {
                let plain = index.get_ref().replace("{table}", "t").replace("{date}", "d");
                let is_sign = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.+".contains(c);
                if plain.is_empty() || plain.starts_with(['-', '_', '+', '.']) || !plain.chars().all(is_sign)
                {
                    let what =
                        format!("{:?} is no name of an index, with {{table}} and {{date}}", index.get_ref());
                    return Err(source.wrong(&index.span(), what));
                }
                index.get_ref().clone()
            }
        };
        let payload = self.payload.as_ref().is_none_or(|payload| *payload.get_ref());
        Ok(Elasticsearch { endpoint: self.endpoint(source)?, index, payload })
    }

    fn endpoint(&self, source: &Source<'_>) -> Result<Endpoint> {
        let Some(url) = &self.url else { return Err(self.missing(source, "url")) };
        let written = WrittenEndpoint {
            url,
            user: self.user.as_ref(),
            password: self.password.as_ref(),
            token: self.token.as_ref(),
            tls_ca: self.tls_ca.clone(),
            has_query: false,
        };
        written.resolve(source)
    }

    fn missing(&self, source: &Source<'_>, key: &str) -> anyhow::Error {
        let what = format!("output {:?} of kind {:?} needs {key}", self.name.get_ref(), self.kind.name());
        source.wrong(&self.name.span(), what)
    }
}

fn at_most<T>(source: &Source<'_>, list: &Spanned<Vec<T>>, most: usize) -> Result<()> {
    let count = list.get_ref().len();
    if count > most {
        return Err(source.wrong(&list.span(), format!("{count} are more than the {most} allowed")));
    }
    Ok(())
}

/// Loki takes 15 labels by default; tags of InfluxDB are as costly.
fn at_most_keys(source: &Source<'_>, labels: &Spanned<BTreeMap<String, String>>) -> Result<()> {
    const FIXED_LABELS_MAX: usize = 8;
    let count = labels.get_ref().len();
    if count > FIXED_LABELS_MAX {
        return Err(
            source.wrong(&labels.span(), format!("{count} are more than the {FIXED_LABELS_MAX} allowed"))
        );
    }
    Ok(())
}

fn number(
    source: &Source<'_>,
    value: Option<&Spanned<u64>>,
    range: RangeInclusive<u64>,
) -> Result<Option<u64>> {
    let Some(value) = value else { return Ok(None) };
    let number = *value.get_ref();
    if range.contains(&number) {
        return Ok(Some(number));
    }
    let what = format!("{number} is outside {} to {}", range.start(), range.end());
    Err(source.wrong(&value.span(), what))
}

fn size(source: &Source<'_>, value: Option<&Spanned<Size>>, least: u64) -> Result<Option<u64>> {
    let Some(value) = value else { return Ok(None) };
    let bytes = value.get_ref().bytes();
    let bytes =
        bytes.map_err(|error| source.wrong(&value.span(), format!("{}: {error:#}", value.get_ref())))?;
    if bytes < least {
        let what = format!("{} is less than the {least} bytes it takes at least", value.get_ref());
        return Err(source.wrong(&value.span(), what));
    }
    Ok(Some(bytes))
}
