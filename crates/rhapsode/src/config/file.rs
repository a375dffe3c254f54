//! What was written: the TOML file, unknown keys refused with line and nearest known key.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use protocols::mapping::Definition;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{alerts, inputs, listeners, notifiers, outputs, scripts};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) data: Option<PathBuf>,
    /// Folder of documents that define types.
    pub(super) types: Option<PathBuf>,
    #[serde(default)]
    pub(super) r#type: Vec<Definition>,
    pub(super) listen: Option<listeners::Listen>,
    pub(super) tls: Option<listeners::Tls>,
    pub(super) listener: Option<Vec<listeners::Listener>>,
    pub(super) hep: Option<Hep>,
    pub(super) corrections: Option<BTreeMap<String, bool>>,
    pub(super) sender: Option<Vec<Sender>>,
    pub(super) redact: Option<Redact>,
    pub(super) scripts: Option<scripts::Written>,
    pub(super) calls: Option<Calls>,
    pub(super) output: Option<Vec<outputs::Output>>,
    pub(super) input: Option<Vec<inputs::Input>>,
    pub(super) alerts: Option<alerts::Common>,
    pub(super) alert: Option<Vec<alerts::Written>>,
    pub(super) notifier: Option<Vec<notifiers::Notifier>>,
    pub(super) retention: Option<Retention>,
    pub(super) storage: Option<Storage>,
    pub(super) query: Option<Query>,
    pub(super) metrics: Option<Metrics>,
    pub(super) audit: Option<Audit>,
    pub(super) log: Option<Log>,
}

/// What is overwritten in payloads before they are written to disk.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Redact {
    pub(super) digest: Option<bool>,
    pub(super) srtp: Option<bool>,
    pub(super) message_bodies: Option<bool>,
    pub(super) dtmf: Option<bool>,
}

/// Who has done what.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Audit {
    pub(super) days: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hep {
    /// Keys an agent may carry (chunk 0x000e); none means any.
    pub(super) keys: Option<Vec<String>>,
    /// Who may send; none means anybody.
    pub(super) allow: Option<Vec<String>>,
    pub(super) sender_packets_per_second_max: Option<NonZeroU32>,
    pub(super) dedup: Option<Dedup>,
}

/// How messages become calls, and legs are joined.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Calls {
    /// Whether calls and registrations have rows.
    pub(super) rows: Option<bool>,
    /// When the figures of a minute are made.
    pub(super) minute_after_seconds: Option<u64>,
    /// Instead of the default ones.
    pub(super) correlation_headers: Option<Vec<String>>,
    /// Instead of the default ones.
    pub(super) call_id_suffixes: Option<Vec<String>>,
    /// For each machine with several addresses these.
    pub(super) same_host: Option<Vec<Vec<String>>>,
    /// A document of HOMER's, whose correlation rules give further headers.
    pub(super) homer_correlation: Option<PathBuf>,
}

/// What becomes of a message that another capture point has just told of.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Dedup {
    Keep,
    Drop,
}

/// What is different for one sender, or for some.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sender {
    pub(super) address: Option<String>,
    pub(super) node: Option<String>,
    pub(super) corrections: Option<BTreeMap<String, bool>>,
    pub(super) dedup: Option<Dedup>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Retention {
    pub(super) days: Option<BTreeMap<String, u32>>,
    pub(super) payload_days: Option<BTreeMap<String, u32>>,
    pub(super) bytes_max: Option<Size>,
    pub(super) free_disk_min: Option<Size>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Storage {
    /// A folder, or `s3://BUCKET/PATH`.
    pub(super) lake: Option<String>,
    pub(super) s3: Option<S3>,
    pub(super) settle_seconds: Option<u64>,
    pub(super) hot_bytes_max: Option<Size>,
}

/// Where the bucket is. How to get in is for the environment only.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct S3 {
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    pub(super) seconds_max: Option<u64>,
    pub(super) memory_bytes_max: Option<Size>,
}

/// Who may read metrics, and under which names.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metrics {
    /// Addresses and networks that need no login.
    pub(super) allow: Option<Vec<String>>,
    pub(super) heplify_names: Option<bool>,
    /// Addresses by a name of the operator's.
    pub(super) heplify_targets: Option<BTreeMap<String, Vec<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    pub(super) level: Option<String>,
    pub(super) json: Option<bool>,
}

/// A number of bytes, plain or with a unit: `1048576`, `"200 GB"`, `"1.5TiB"`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Size {
    Bytes(u64),
    Text(String),
}

impl Size {
    pub(super) fn bytes(&self) -> Result<u64> {
        let text = match self {
            Self::Bytes(bytes) => return Ok(*bytes),
            Self::Text(text) => text.trim(),
        };
        let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        let factor = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1.0,
            "kb" => 1e3,
            "mb" => 1e6,
            "gb" => 1e9,
            "tb" => 1e12,
            "kib" => 1024.0,
            "mib" => 1_048_576.0,
            "gib" => 1_073_741_824.0,
            "tib" => 1_099_511_627_776.0,
            other => {
                return Err(anyhow!("unknown unit {other:?}; write kB, MB, GB, TB, KiB, MiB, GiB or TiB"));
            }
        };
        let number: f64 =
            number.parse().context("not a size; write a number and a unit, as in \"200 GB\"")?;
        Ok((number * factor) as u64)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{bytes}"),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).map_err(|error| explain(path, &text, &error))
}

/// `FILE:LINE: what is wrong`, with the nearest known key where one was misspelt.
fn explain(path: &Path, text: &str, error: &toml::de::Error) -> anyhow::Error {
    let start = error.span().map_or(0, |span| span.start);
    let line = text.get(..start).unwrap_or_default().matches('\n').count() + 1;
    let message = error.message();
    let mut names = message.split('`').skip(1).step_by(2);
    let hint = match names.next() {
        Some(unknown) if message.starts_with("unknown field") => names
            .min_by_key(|known| edit_distance(unknown, known))
            .map(|nearest| format!("unknown key {unknown:?}; did you mean {nearest}?")),
        Some(unknown) if message.starts_with("unknown variant") => names
            .min_by_key(|known| edit_distance(unknown, known))
            .map(|nearest| format!("unknown value {unknown:?}; did you mean {nearest}?")),
        _ => None,
    };
    anyhow!("{}:{line}: {}", path.display(), hint.unwrap_or_else(|| message.to_owned()))
}

/// Levenshtein distance: how many letters to change, add or leave out.
pub(super) fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.chars().enumerate() {
            let change = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.chars().count()]
}
