use crate::field::{Field, Kind, Unit};

/// One kind of record and where it is kept.
#[derive(Debug)]
pub struct Table {
    /// Name of the Delta table and the prefix of its fields in the query language.
    pub name: &'static str,
    pub doc: &'static str,
    /// Age, counted from `received`, after which rows go if the configuration says nothing else.
    pub retention_days: u32,
    pub rows: Rows,
    /// The fields of this kind, in column order, after the [`COMMON`] ones and before `extra` and `raw`.
    pub fields: &'static [Field],
}

/// How rows of a table belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// The column that they are sorted by before time, within a row group: rows that are asked for together are neighbours.
    pub sorted_by: &'static str,
    /// Whether some take the place of others.
    pub versions: Option<Versions>,
}

/// Of rows that have the same number here, those with the largest number there count, and no others. Numbers are integers or
/// times, which every row has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    pub of: &'static str,
    pub by: &'static str,
}

impl Rows {
    /// Each is a packet, and a call is several.
    pub const PACKETS: Self = Self { sorted_by: "call_id", versions: None };
}

impl Table {
    /// All columns in stored order: common, typed, then `extra` and `raw` (see [`TAIL`]).
    pub fn columns(&self) -> impl Iterator<Item = &Field> {
        COMMON.iter().chain(self.fields).chain(TAIL)
    }

    pub fn column(&self, name: &str) -> Option<&Field> {
        self.columns().find(|field| field.name == name)
    }
}

/// The columns every table starts with. [`crate::Common`] holds their values, in this order.
pub const COMMON: &[Field] = &[
    Field::new(
        "id",
        Kind::Int64,
        "Number of the stored packet: log block * 65536 + place in the block; grows with arrival",
    ),
    Field::new(
        "ts",
        Kind::Time,
        "When the traffic was seen: the sender's time if plausible, else arrival (flag bad_time)",
    ),
    Field::new("received", Kind::Time, "When the packet arrived here; retention counts from it"),
    Field::new("sender", Kind::Ip, "Address the HEP packet came from").facet(),
    Field::new(
        "listener",
        Kind::Text,
        "What it came over: udp, tcp, tls, sctp, http, https, ws, wss, nats, mqtt",
    )
    .facet(),
    Field::new(
        "hep_version",
        Kind::Int16,
        "HEP version 1, 2 or 3; 0 for the protocol buffers of old heplify versions",
    )
    .facet(),
    Field::new("hep_type", Kind::Int32, "HEP payload type (chunk 0x000b); 1 for HEPv1 and v2").facet(),
    Field::new(
        "transport",
        Kind::Text,
        "Transport of the captured traffic: udp, tcp, sctp, tls, ws, wss, unknown",
    )
    .facet(),
    Field::new("src_ip", Kind::Ip, "Source address of the captured traffic").facet(),
    Field::new("src_port", Kind::Int32, "Source port of the captured traffic"),
    Field::new("dst_ip", Kind::Ip, "Destination address of the captured traffic").facet(),
    Field::new("dst_port", Kind::Int32, "Destination port of the captured traffic"),
    Field::new("capture_id", Kind::Int64, "Capture agent id (chunk 0x000c)").facet(),
    Field::new("node", Kind::Text, "Capture node name (chunk 0x0013)").facet(),
    Field::new("correlation_id", Kind::Text, "Correlation id (chunk 0x0011)").indexed(),
    Field::new(
        "call_id",
        Kind::Text,
        "SIP Call-ID (RFC 3261 8.1.1.4), else the correlation id: what joins records to a call",
    )
    .indexed(),
    Field::new("size", Kind::Int32, "Bytes of payload, before storage").unit(Unit::Bytes),
    Field::new("flags", Kind::TextList, "What was odd about the packet, by name").facet(),
];

/// The columns every table ends with: read last, least often.
pub const TAIL: &[Field] = &[
    Field::new("extra", Kind::Json, "JSON of what has no column of its own"),
    Field::new(
        "raw",
        Kind::Bytes,
        "The payload after decompression, every byte; empty if the packet had none",
    ),
];

/// The view over all tables that scripts rely on, one row per stored packet: its columns, in order.
pub mod messages {
    pub const NAME: &str = "messages";
    pub const COLUMNS: &[&str] = &[
        "ts",
        "received",
        "sender",
        "hep_version",
        "hep_type",
        "transport",
        "src_ip",
        "src_port",
        "dst_ip",
        "dst_port",
        "capture_id",
        "node",
        "correlation_id",
        "call_id",
        "flags",
        "raw",
    ];
}
