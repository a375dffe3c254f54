use std::collections::HashMap;

use deltalake::kernel::{Add, Remove};
use model::Micros;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use serde::{Deserialize, Serialize};

use crate::lake::keys::Keys;
use crate::view::{Range, Ranges};

/// A Parquet file that a table of the lake consists of.
#[derive(Clone, Debug)]
pub(crate) struct LakeFile {
    /// Below the table's folder.
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    /// Milliseconds since 1970, as Delta notes it.
    pub(crate) modified_millis: i64,
    /// `None` for a file that another program wrote without these statistics: it is read by every question.
    pub(crate) ranges: Option<Ranges>,
    /// CRC-32 of the whole file; `None` if its writer did not note one. Pages have none: the Parquet writer cannot.
    pub(crate) checksum: Option<u32>,
    pub(crate) payload: Payload,
    pub(crate) keys: Keys,
}

/// What a file has of the payloads of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// All, but its writer did not note how many bytes they are.
    Unmeasured,
    /// All: so many bytes, as they were received.
    Kept(u64),
    /// None: they were too old. The column is there, without values.
    Gone,
}

/// The tag of a commit's `add` (Delta protocol, "Add File") that holds the checksum, as eight hexadecimal digits.
const CHECKSUM_TAG: &str = "crc32";

/// Another, for [`Payload`]: a number of bytes, or [`PAYLOAD_GONE`].
const PAYLOAD_TAG: &str = "payload";
const PAYLOAD_GONE: &str = "gone";

/// Delta's per-file statistics (Delta protocol, "Per-file Statistics"), for the columns that files are chosen by.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    num_records: u64,
    min_values: Option<Values>,
    max_values: Option<Values>,
    null_count: Option<HashMap<String, serde_json::Value>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Values {
    id: Option<i64>,
    ts: Option<String>,
    received: Option<String>,
}

impl LakeFile {
    /// `data_change` says whether the rows are new to the table, or were in files that leave it.
    pub(crate) fn to_add(&self, data_change: bool) -> Add {
        Add {
            path: self.name.clone(),
            partition_values: HashMap::new(),
            size: self.bytes as i64,
            modification_time: self.modified_millis,
            data_change,
            stats: Some(self.stats()),
            tags: self.tags(),
            ..Add::default()
        }
    }

    fn tags(&self) -> Option<HashMap<String, Option<String>>> {
        let checksum = self.checksum.map(|sum| (CHECKSUM_TAG, format!("{sum:08x}")));
        let payload = match self.payload {
            Payload::Unmeasured => None,
            Payload::Kept(bytes) => Some((PAYLOAD_TAG, bytes.to_string())),
            Payload::Gone => Some((PAYLOAD_TAG, PAYLOAD_GONE.to_owned())),
        };
        let tags: HashMap<_, _> =
            checksum.into_iter().chain(payload).map(|(tag, value)| (tag.to_owned(), Some(value))).collect();
        (!tags.is_empty()).then_some(tags)
    }

    /// `data_change` says whether the rows leave the table, or come again in other files.
    pub(crate) fn to_remove(&self, now: Micros, data_change: bool) -> Remove {
        Remove {
            path: self.name.clone(),
            data_change,
            deletion_timestamp: Some(now.0 / 1000),
            extended_file_metadata: Some(true),
            partition_values: Some(HashMap::new()),
            size: Some(self.bytes as i64),
            ..Remove::default()
        }
    }

    pub(crate) fn from_add(add: Add) -> Self {
        let stats: Option<Stats> = add.stats.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let tag = |name| add.tags.as_ref()?.get(name)?.as_deref();
        let payload = match tag(PAYLOAD_TAG) {
            Some(PAYLOAD_GONE) => Payload::Gone,
            Some(bytes) => bytes.parse().map_or(Payload::Unmeasured, Payload::Kept),
            None => Payload::Unmeasured,
        };
        Self {
            checksum: tag(CHECKSUM_TAG).and_then(|sum| u32::from_str_radix(sum, 16).ok()),
            payload,
            name: add.path,
            bytes: add.size.max(0) as u64,
            rows: stats.as_ref().map_or(0, |stats| stats.num_records),
            modified_millis: add.modification_time,
            keys: Keys::default(),
            ranges: stats.and_then(|stats| ranges(&stats.min_values?, &stats.max_values?)),
        }
    }

    /// Whether its rows have lost their payloads.
    pub(crate) fn is_without_payload(&self) -> bool {
        self.payload == Payload::Gone
    }

    fn stats(&self) -> String {
        let values = |pick: fn(Range) -> i64| {
            self.ranges.map(|ranges| Values {
                id: Some(pick(ranges.id)),
                ts: Some(Micros(pick(ranges.ts)).to_string()),
                received: Some(Micros(pick(ranges.received)).to_string()),
            })
        };
        let stats = Stats {
            num_records: self.rows,
            min_values: values(|range| range.min),
            max_values: values(|range| range.max),
            null_count: Some(["id", "ts", "received"].map(|name| (name.to_owned(), 0.into())).into()),
        };
        serde_json::to_string(&stats).expect("numbers and texts always fit JSON")
    }
}

impl Payload {
    /// Of a file with the rows of both.
    pub(crate) fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Kept(a), Self::Kept(b)) => Self::Kept(a.saturating_add(b)),
            (Self::Gone, Self::Gone) => Self::Gone,
            _ => Self::Unmeasured,
        }
    }
}

/// CRC-32 of all bytes of a file.
pub(crate) async fn checksum(store: &dyn ObjectStore, path: &Path, bytes: u64) -> object_store::Result<u32> {
    /// Read at a time: few requests, and memory for every core that reads.
    const PIECE_BYTES: u64 = 8 << 20;
    let mut hasher = crc32fast::Hasher::new();
    let mut start = 0;
    while start < bytes {
        let end = bytes.min(start + PIECE_BYTES);
        hasher.update(&store.get_range(path, start..end).await?);
        start = end;
    }
    Ok(hasher.finalize())
}

fn ranges(min: &Values, max: &Values) -> Option<Ranges> {
    let time = |low: &Option<String>, high: &Option<String>| {
        Some(Range { min: micros(low.as_deref()?)?, max: micros_rounded_up(high.as_deref()?)? })
    };
    Some(Ranges {
        id: Range { min: min.id?, max: max.id? },
        ts: time(&min.ts, &max.ts)?,
        received: time(&min.received, &max.received)?,
    })
}

fn micros(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond)
}

/// Writers may cut a maximum to milliseconds (Delta protocol, same section): then it is not one.
fn micros_rounded_up(text: &str) -> Option<i64> {
    let micros = micros(text)?;
    Some(if micros % 1000 == 0 { micros.saturating_add(999) } else { micros })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_survive_the_commit() {
        let file = LakeFile {
            name: "n-1.parquet".to_owned(),
            bytes: 10,
            rows: 3,
            modified_millis: 5,
            ranges: Some(Ranges {
                id: Range { min: 65_536, max: 65_538 },
                ts: Range { min: -1, max: 1_592_975_786_669_278 },
                received: Range { min: 0, max: 1_592_975_786_000_000 },
            }),
            checksum: Some(0x00c0_ffee),
            payload: Payload::Kept(599),
            keys: Keys::default(),
        };
        let read = LakeFile::from_add(file.to_add(true));
        let ranges = read.ranges.expect("ranges are read back");
        assert_eq!(ranges.id, Range { min: 65_536, max: 65_538 });
        assert_eq!(ranges.ts, Range { min: -1, max: 1_592_975_786_669_278 });
        assert_eq!(
            ranges.received,
            Range { min: 0, max: 1_592_975_786_000_999 },
            "a whole millisecond may be cut"
        );
        assert_eq!((read.rows, read.checksum, read.payload), (3, Some(0x00c0_ffee), Payload::Kept(599)));
        for payload in [Payload::Unmeasured, Payload::Kept(0), Payload::Gone] {
            let file = LakeFile { payload, checksum: None, ..file.clone() };
            assert_eq!(LakeFile::from_add(file.to_add(true)).payload, payload);
        }
    }

    #[test]
    fn a_foreign_file_without_statistics_has_no_ranges() {
        for stats in [None, Some("{\"numRecords\":5}"), Some("nonsense")] {
            let add = Add { stats: stats.map(str::to_owned), ..Add::default() };
            let file = LakeFile::from_add(add);
            assert!(file.ranges.is_none() && file.checksum.is_none(), "{stats:?}");
            assert_eq!(file.payload, Payload::Unmeasured);
        }
    }
}
