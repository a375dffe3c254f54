use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryBuilder, BooleanBuilder, Float64Builder, Int16Builder, Int32Builder, Int64Builder,
    ListBuilder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::SchemaRef;
use model::{COMMON, Kind, Record, TAIL, Table, Value};

use crate::schema::{UTC, arrow_schema, list_item};

/// Records of one table on their way into Arrow.
///
/// Pushing is the hottest code of the room: one call per packet, some forty columns each. Builders grow as rows
/// come, nothing is sized ahead: at low rates a batch holds a handful of rows.
#[derive(Debug)]
pub struct TableBatch {
    table: &'static Table,
    schema: SchemaRef,
    common: CommonColumns,
    typed: Vec<Typed>,
    extra: StringBuilder,
    raw: BinaryBuilder,
    addresses: AddressTexts,
    len: usize,
    bytes: usize,
}

/// One builder per column of [`COMMON`], in its order.
#[derive(Debug, Default)]
struct CommonColumns {
    id: Int64Builder,
    ts: TimeBuilder,
    received: TimeBuilder,
    sender: StringBuilder,
    listener: StringBuilder,
    hep_version: Int16Builder,
    hep_type: Int32Builder,
    transport: StringBuilder,
    src_ip: StringBuilder,
    src_port: Int32Builder,
    dst_ip: StringBuilder,
    dst_port: Int32Builder,
    capture_id: Int64Builder,
    node: StringBuilder,
    correlation_id: StringBuilder,
    call_id: StringBuilder,
    size: Int32Builder,
    flags: TextListBuilder,
}

/// A column of the table's own. Half of these are missing in an ordinary row, so missing values are counted and
/// appended together.
#[derive(Debug)]
struct Typed {
    missing: usize,
    column: Column,
}

#[derive(Debug)]
enum Column {
    Text(StringBuilder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float(Float64Builder),
    Bool(BooleanBuilder),
    Time(TimeBuilder),
    Bytes(BinaryBuilder),
    TextList(TextListBuilder),
}

impl TableBatch {
    pub fn new(table: &'static Table) -> Self {
        Self {
            table,
            schema: arrow_schema(table),
            common: CommonColumns::default(),
            typed: table
                .fields
                .iter()
                .map(|field| Typed { missing: 0, column: Column::new(field.kind) })
                .collect(),
            extra: StringBuilder::new(),
            raw: BinaryBuilder::new(),
            addresses: AddressTexts::new(),
            len: 0,
            bytes: 0,
        }
    }

    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// Adds a row. The record must be of this batch's table; a value of another kind than its column's becomes
    /// missing, and so does a column the record has no value for.
    pub fn push(&mut self, record: &Record<'_>) {
        debug_assert!(std::ptr::eq(self.table, record.table), "record of {}", record.table.name);
        self.common.push(&record.common, &mut self.addresses);
        for (place, typed) in self.typed.iter_mut().enumerate() {
            match record.values.get(place) {
                None | Some(Value::Null) => typed.missing += 1,
                Some(value) => self.bytes += typed.push(value),
            }
        }
        self.extra.append_option(record.extra.as_deref());
        self.raw.append_value(record.raw);
        self.len += 1;
        self.bytes += ROW_BYTES + record.raw.len() + record.extra.as_ref().map_or(0, String::len);
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Roughly what the rows take, for deciding when to publish.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows so far; the batch is empty afterwards and can be filled again.
    pub fn finish(&mut self) -> RecordBatch {
        let mut columns = self.common.finish();
        columns.extend(self.typed.iter_mut().map(Typed::finish));
        columns.push(text(&mut self.extra));
        columns.push(shrunk(self.raw.finish()));
        self.len = 0;
        self.bytes = 0;
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .expect("every column has its declared type and one value a row")
    }
}

/// Fixed-size columns, offsets and the common texts of one row, measured on ordinary SIP.
const ROW_BYTES: usize = 250;

impl CommonColumns {
    fn push(&mut self, common: &model::Common<'_>, addresses: &mut AddressTexts) {
        self.id.append_value(common.id);
        self.ts.0.append_value(common.ts.0);
        self.received.0.append_value(common.received.0);
        self.sender.append_value(addresses.text(common.sender));
        self.listener.append_value(common.listener);
        self.hep_version.append_value(common.hep_version);
        self.hep_type.append_value(common.hep_type);
        self.transport.append_value(common.transport);
        self.src_ip.append_option(common.src_ip.map(|ip| addresses.text(ip)));
        self.src_port.append_option(common.src_port);
        self.dst_ip.append_option(common.dst_ip.map(|ip| addresses.text(ip)));
        self.dst_port.append_option(common.dst_port);
        self.capture_id.append_option(common.capture_id);
        self.node.append_option(common.node.as_deref());
        self.correlation_id.append_option(common.correlation_id.as_deref());
        self.call_id.append_option(common.call_id.as_deref());
        self.size.append_value(common.size);
        for flag in &common.flags {
            self.flags.0.values().append_value(flag);
        }
        self.flags.0.append(true);
    }

    fn finish(&mut self) -> Vec<ArrayRef> {
        let mut columns = Vec::with_capacity(COMMON.len() + TAIL.len() + 32);
        columns.extend([
            shrunk(self.id.finish()),
            self.ts.finish(),
            self.received.finish(),
            text(&mut self.sender),
            text(&mut self.listener),
            shrunk(self.hep_version.finish()),
            shrunk(self.hep_type.finish()),
            text(&mut self.transport),
            text(&mut self.src_ip),
            shrunk(self.src_port.finish()),
            text(&mut self.dst_ip),
            shrunk(self.dst_port.finish()),
            shrunk(self.capture_id.finish()),
            text(&mut self.node),
            text(&mut self.correlation_id),
            text(&mut self.call_id),
            shrunk(self.size.finish()),
            self.flags.finish(),
        ]);
        columns
    }
}

impl Typed {
    /// The bytes of variable size that were added.
    #[inline]
    fn push(&mut self, value: &Value<'_>) -> usize {
        self.catch_up();
        self.column.push(value)
    }

    #[inline]
    fn catch_up(&mut self) {
        if self.missing > 0 {
            self.column.push_nulls(std::mem::take(&mut self.missing));
        }
    }

    fn finish(&mut self) -> ArrayRef {
        self.catch_up();
        self.column.finish()
    }
}

impl Column {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text | Kind::Ip | Kind::Json => Self::Text(StringBuilder::new()),
            Kind::Int16 => Self::Int16(Int16Builder::new()),
            Kind::Int32 => Self::Int32(Int32Builder::new()),
            Kind::Int64 => Self::Int64(Int64Builder::new()),
            Kind::Float => Self::Float(Float64Builder::new()),
            Kind::Bool => Self::Bool(BooleanBuilder::new()),
            Kind::Time => Self::Time(TimeBuilder::default()),
            Kind::Bytes => Self::Bytes(BinaryBuilder::new()),
            Kind::TextList => Self::TextList(TextListBuilder::default()),
        }
    }

    /// The bytes of variable size that were added.
    #[inline]
    fn push(&mut self, value: &Value<'_>) -> usize {
        match (self, value) {
            (Self::Text(builder), Value::Text(text)) => {
                builder.append_value(text);
                return text.len();
            }
            (Self::Int64(builder), Value::Int(number)) => builder.append_value(*number),
            // A number that does not fit its column is missing rather than wrong.
            (Self::Int32(builder), Value::Int(number)) => builder.append_option(i32::try_from(*number).ok()),
            (Self::Int16(builder), Value::Int(number)) => builder.append_option(i16::try_from(*number).ok()),
            (Self::Time(builder), Value::Int(micros)) => builder.0.append_value(*micros),
            (Self::Float(builder), Value::Float(number)) => builder.append_value(*number),
            (Self::Float(builder), Value::Int(number)) => builder.append_value(*number as f64),
            (Self::Bool(builder), Value::Bool(truth)) => builder.append_value(*truth),
            (Self::Bytes(builder), Value::Bytes(bytes)) => {
                builder.append_value(bytes);
                return bytes.len();
            }
            (Self::TextList(builder), Value::TextList(texts)) => {
                for text in texts {
                    builder.0.values().append_value(text);
                }
                builder.0.append(true);
                return texts.iter().map(|text| text.len()).sum();
            }
            (column, _) => column.push_nulls(1),
        }
        0
    }

    fn push_nulls(&mut self, count: usize) {
        match self {
            Self::Text(builder) => builder.append_nulls(count),
            Self::Int16(builder) => builder.append_nulls(count),
            Self::Int32(builder) => builder.append_nulls(count),
            Self::Int64(builder) => builder.append_nulls(count),
            Self::Float(builder) => builder.append_nulls(count),
            Self::Bool(builder) => builder.append_nulls(count),
            Self::Time(builder) => builder.0.append_nulls(count),
            Self::Bytes(builder) => builder.append_nulls(count),
            Self::TextList(builder) => builder.0.append_nulls(count),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => text(builder),
            Self::Int16(builder) => shrunk(builder.finish()),
            Self::Int32(builder) => shrunk(builder.finish()),
            Self::Int64(builder) => shrunk(builder.finish()),
            Self::Float(builder) => shrunk(builder.finish()),
            Self::Bool(builder) => shrunk(builder.finish()),
            Self::Time(builder) => builder.finish(),
            Self::Bytes(builder) => shrunk(builder.finish()),
            Self::TextList(builder) => builder.finish(),
        }
    }
}

fn text(builder: &mut StringBuilder) -> ArrayRef {
    shrunk(builder.finish())
}

/// Without the room its builder had grown ahead: a published batch lives for up to a minute.
fn shrunk(mut array: impl Array + 'static) -> ArrayRef {
    array.shrink_to_fit();
    Arc::new(array)
}

#[derive(Debug)]
struct TimeBuilder(TimestampMicrosecondBuilder);

impl Default for TimeBuilder {
    fn default() -> Self {
        Self(TimestampMicrosecondBuilder::new().with_timezone(UTC))
    }
}

impl TimeBuilder {
    fn finish(&mut self) -> ArrayRef {
        shrunk(self.0.finish())
    }
}

#[derive(Debug)]
struct TextListBuilder(ListBuilder<StringBuilder>);

impl Default for TextListBuilder {
    fn default() -> Self {
        Self(ListBuilder::new(StringBuilder::new()).with_field(list_item()))
    }
}

impl TextListBuilder {
    fn finish(&mut self) -> ArrayRef {
        shrunk(self.0.finish())
    }
}

/// Texts of addresses already seen. A network has few of them and each packet names three, and writing one out
/// costs as much as five columns. A slot is simply overwritten when two addresses meet in it.
#[derive(Debug)]
struct AddressTexts {
    slots: Box<[(IpAddr, String)]>,
}

impl AddressTexts {
    /// Twice as many as the hosts of an ordinary network; 80 bytes each.
    const SLOTS: usize = 512;

    fn new() -> Self {
        // A slot is right from the start: it holds an address with its own text.
        let unspecified = IpAddr::from([0, 0, 0, 0]);
        Self { slots: vec![(unspecified, unspecified.to_string()); Self::SLOTS].into_boxed_slice() }
    }

    fn text(&mut self, ip: IpAddr) -> &str {
        let slot = &mut self.slots[Self::slot(ip)];
        if slot.0 != ip {
            slot.0 = ip;
            slot.1.clear();
            // The standard library writes RFC 5952.
            let _ = write!(slot.1, "{ip}");
        }
        &slot.1
    }

    fn slot(ip: IpAddr) -> usize {
        let folded = match ip {
            IpAddr::V4(v4) => u64::from(v4.to_bits()),
            IpAddr::V6(v6) => {
                let bits = v6.to_bits();
                (bits >> 64) as u64 ^ bits as u64
            }
        };
        // Fibonacci hashing: the top bits of the product depend on all bits of the address.
        (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - Self::SLOTS.ilog2())) as usize
    }
}
