//! A type as its document defines it, whichever form the document has: what is written, not yet what it means.

use model::{Kind, Unit};
use serde::{Deserialize, Serialize};

/// One `[[type]]` of a TOML document; HOMER's rows become the same.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The name of its table is made from this: `Kamailio CDRs` becomes `kamailio_cdrs`.
    pub name: String,
    /// The payload types of HEP that carry it.
    pub hep_types: Vec<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doc: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub correlation_mapping: Vec<Correlation>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub field: Vec<FieldDefinition>,
}

impl Definition {
    /// Of the table its records go to; nothing if its name makes none.
    pub fn table_name(&self) -> Option<String> {
        super::table_name(&self.name).ok()
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FieldDefinition {
    /// Where the value is in the payload; see `path.rs`.
    pub path: String,
    /// Of the column; without it, the last names of the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `text` if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub indexed: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub facet: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub private: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doc: Option<String>,
}

/// A rule in HOMER's words: records of this type belong to those of type `lookup_id` whose `lookup_field` has the
/// value of `source_field`, if they are between the two ends of `lookup_range` away from it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Correlation {
    pub source_field: String,
    pub lookup_id: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookup_profile: Option<String>,
    pub lookup_field: String,
    /// Seconds before and after; HOMER's own rules have these.
    #[serde(default = "default_range")]
    pub lookup_range: [i64; 2],
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
fn is_false(truth: &bool) -> bool {
    !truth
}

pub(super) fn default_range() -> [i64; 2] {
    [-300, 200]
}

pub(super) const KINDS: &[(&str, Kind)] = &[
    ("text", Kind::Text),
    ("int", Kind::Int64),
    ("float", Kind::Float),
    ("bool", Kind::Bool),
    ("time", Kind::Time),
    ("ip", Kind::Ip),
];

/// As the catalogue names them.
pub(super) const UNITS: &[(&str, Unit)] = &[
    ("s", Unit::Seconds),
    ("ms", Unit::Milliseconds),
    ("us", Unit::Microseconds),
    ("bytes", Unit::Bytes),
    ("percent", Unit::Percent),
];
