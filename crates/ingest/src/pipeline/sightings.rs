//! Rows of table `sip` as sightings of messages.

use std::borrow::Cow;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use arrow::array::{
    Array, ArrayRef, AsArray as _, BinaryArray, Int16Array, Int32Array, Int64Array, ListArray, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use calls::{End, Message, Sighting};
use model::COMMON;

/// The table of SIP messages.
pub(super) const TABLE: &str = "sip";

/// The columns that a sighting is made of, for who asks for rows.
pub(super) fn columns() -> impl Iterator<Item = &'static str> {
    COMMON.iter().map(|field| field.name).chain(OWN.iter().copied())
}

/// Of table `sip` alone.
const OWN: &[&str] = &["method", "cseq_method", "status", "cseq", "from_tag", "to_tag", "via_branch", "raw"];

pub(super) struct Sightings {
    rows: usize,
    id: Int64Array,
    ts: TimestampMicrosecondArray,
    received: TimestampMicrosecondArray,
    sender: StringArray,
    listener: StringArray,
    hep_version: Int16Array,
    hep_type: Int32Array,
    transport: StringArray,
    src_ip: StringArray,
    src_port: Int32Array,
    dst_ip: StringArray,
    dst_port: Int32Array,
    capture_id: Int64Array,
    node: StringArray,
    correlation_id: StringArray,
    call_id: StringArray,
    flags: ListArray,
    method: StringArray,
    cseq_method: StringArray,
    status: Int16Array,
    cseq: Int64Array,
    from_tag: StringArray,
    to_tag: StringArray,
    via_branch: StringArray,
    raw: BinaryArray,
}

impl Sightings {
    pub(super) fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let column = |name: &str| {
            batch
                .column_by_name(name)
                .cloned()
                .ok_or_else(|| ArrowError::SchemaError(format!("no column `{name}`")))
        };
        let text = |name| as_type(&column(name)?, &DataType::Utf8).map(|array| array.as_string().clone());
        let time = |name| column(name).map(|array| array.as_primitive::<TimestampMicrosecondType>().clone());
        let short = |name| column(name).map(|array| array.as_primitive::<Int16Type>().clone());
        let int = |name| column(name).map(|array| array.as_primitive::<Int32Type>().clone());
        let long = |name| column(name).map(|array| array.as_primitive::<Int64Type>().clone());
        Ok(Self {
            rows: batch.num_rows(),
            id: long("id")?,
            ts: time("ts")?,
            received: time("received")?,
            sender: text("sender")?,
            listener: text("listener")?,
            hep_version: short("hep_version")?,
            hep_type: int("hep_type")?,
            transport: text("transport")?,
            src_ip: text("src_ip")?,
            src_port: int("src_port")?,
            dst_ip: text("dst_ip")?,
            dst_port: int("dst_port")?,
            capture_id: long("capture_id")?,
            node: text("node")?,
            correlation_id: text("correlation_id")?,
            call_id: text("call_id")?,
            flags: column("flags")?.as_list().clone(),
            method: text("method")?,
            cseq_method: text("cseq_method")?,
            status: short("status")?,
            cseq: long("cseq")?,
            from_tag: text("from_tag")?,
            to_tag: text("to_tag")?,
            via_branch: text("via_branch")?,
            raw: as_type(&column("raw")?, &DataType::Binary)?.as_binary().clone(),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.rows
    }

    pub(super) fn call_id(&self, row: usize) -> Option<&str> {
        text(&self.call_id, row)
    }

    /// Hands out one row. What it borrows may have to be made first, hence not an iterator.
    pub(super) fn with<T>(&self, row: usize, take: impl FnOnce(&Sighting<'_>) -> T) -> T {
        let raw = self.raw.value(row);
        let shown = self.shown(row, raw);
        let (sender, node) = (self.sender.value(row), text(&self.node, row));
        let capture_id = (!self.capture_id.is_null(row)).then(|| self.capture_id.value(row));
        let hasher = BuildHasherDefault::<DefaultHasher>::new();
        let port = |ports: &Int32Array| (!ports.is_null(row)).then(|| ports.value(row));
        take(&Sighting {
            message: Message {
                id: self.id.value(row),
                at: self.ts.value(row),
                src: End { ip: text(&self.src_ip, row), port: port(&self.src_port) },
                dst: End { ip: text(&self.dst_ip, row), port: port(&self.dst_port) },
                call_id: self.call_id(row),
                method: text(&self.method, row).or_else(|| text(&self.cseq_method, row)),
                status: (!self.status.is_null(row)).then(|| i64::from(self.status.value(row))),
                cseq: (!self.cseq.is_null(row)).then(|| self.cseq.value(row)),
                from_tag: text(&self.from_tag, row),
                to_tag: text(&self.to_tag, row),
                via_branch: text(&self.via_branch, row),
                raw: shown.as_deref().unwrap_or(raw).into(),
            },
            received: self.received.value(row),
            point: hasher.hash_one((sender, node, capture_id)),
            sender,
            listener: self.listener.value(row),
            transport: self.transport.value(row),
            hep_version: self.hep_version.value(row),
            hep_type: self.hep_type.value(row),
            capture_id,
            node,
            correlation_id: text(&self.correlation_id, row),
        })
    }

    /// The message that is wrapped in the payload, where it is.
    fn shown<'a>(&self, row: usize, raw: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        if self.flags.value_length(row) == 0 {
            return None;
        }
        let flags = self.flags.value(row);
        let flags = flags.as_string_opt::<i32>()?;
        let flags: Vec<String> = flags.iter().flatten().map(str::to_owned).collect();
        let seconds = self.received.value(row).div_euclid(model::Micros::SECOND);
        protocols::unwrapped(raw, &flags, u32::try_from(seconds).unwrap_or(0))
    }
}

fn as_type(array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == wanted { Ok(array.clone()) } else { cast(array, wanted) }
}

fn text(texts: &StringArray, row: usize) -> Option<&str> {
    (!texts.is_null(row)).then(|| texts.value(row))
}
