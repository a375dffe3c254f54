use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryBuilder, BooleanBuilder, Float64Builder, GenericByteBuilder, Int16Builder,
    Int32Builder, Int64Builder, ListBuilder, PrimitiveBuilder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{ArrowPrimitiveType, ByteArrayType, SchemaRef};
use model::{COMMON, Kind, Record, TAIL, Table, Value};

use crate::schema::{UTC, arrow_schema, list_item};

/// Records of one table on their way into Arrow.
///
/// Pushing is the hottest code of the room: one call per packet, some forty columns each. Every builder starts with room
/// for as much as the batch before had: under load they are alike, and growing copies all that is there.
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
        columns.push(bytes(&mut self.extra));
        columns.push(bytes(&mut self.raw));
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
            numbers(&mut self.id),
            self.ts.finish(),
            self.received.finish(),
            bytes(&mut self.sender),
            bytes(&mut self.listener),
            numbers(&mut self.hep_version),
            numbers(&mut self.hep_type),
            bytes(&mut self.transport),
            bytes(&mut self.src_ip),
            numbers(&mut self.src_port),
            bytes(&mut self.dst_ip),
            numbers(&mut self.dst_port),
            numbers(&mut self.capture_id),
            bytes(&mut self.node),
            bytes(&mut self.correlation_id),
            bytes(&mut self.call_id),
            numbers(&mut self.size),
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
            Self::Text(builder) => bytes(builder),
            Self::Int16(builder) => numbers(builder),
            Self::Int32(builder) => numbers(builder),
            Self::Int64(builder) => numbers(builder),
            Self::Float(builder) => numbers(builder),
            Self::Bool(builder) => shrunk(builder.finish()),
            Self::Time(builder) => builder.finish(),
            Self::Bytes(builder) => bytes(builder),
            Self::TextList(builder) => builder.finish(),
        }
    }
}

/// The texts or bytes so far. The builder is ready for as many again, and an eighth more.
fn bytes<T: ByteArrayType>(builder: &mut GenericByteBuilder<T>) -> ArrayRef {
    let array = builder.finish();
    *builder = GenericByteBuilder::with_capacity(ahead(array.len()), ahead(array.value_data().len()));
    shrunk(array)
}

/// The numbers so far. The builder is ready for as many again, and an eighth more.
fn numbers<T: ArrowPrimitiveType>(builder: &mut PrimitiveBuilder<T>) -> ArrayRef {
    let array = builder.finish();
    *builder = PrimitiveBuilder::with_capacity(ahead(array.len()));
    shrunk(array)
}

fn ahead(length: usize) -> usize {
    length + length / 8
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
        let array = self.0.finish();
        self.0 = TimestampMicrosecondBuilder::with_capacity(ahead(array.len())).with_timezone(UTC);
        shrunk(array)
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

/// The text of an address (RFC 5952). Each packet names three, and the machinery of formatting would cost as much as the
/// rest of the row.
#[derive(Debug)]
struct AddressTexts {
    /// The last of version 4, with a dot at its end.
    dotted: [u8; 16],
    /// Those of version 6 that were seen last, which are left to that machinery. A slot is simply overwritten when two
    /// addresses meet in it.
    slots: Box<[(Ipv6Addr, String)]>,
}

impl AddressTexts {
    /// Twice as many as the hosts of an ordinary network; 80 bytes each.
    const SLOTS: usize = 512;

    fn new() -> Self {
        // A slot is right from the start: it holds an address with its own text.
        let unspecified = Ipv6Addr::UNSPECIFIED;
        let slots = vec![(unspecified, unspecified.to_string()); Self::SLOTS].into_boxed_slice();
        Self { dotted: [0; 16], slots }
    }

    fn text(&mut self, ip: IpAddr) -> &str {
        match ip {
            IpAddr::V4(ip) => self.dotted(ip),
            IpAddr::V6(ip) => {
                let (known, text) = &mut self.slots[Self::slot(ip)];
                if *known != ip {
                    *known = ip;
                    text.clear();
                    // The standard library writes RFC 5952.
                    write!(text, "{ip}").expect("writing to a String cannot fail");
                }
                text
            }
        }
    }

    fn slot(ip: Ipv6Addr) -> usize {
        let bits = ip.to_bits();
        let folded = (bits >> 64) as u64 ^ bits as u64;
        // Fibonacci hashing: the top bits of the product depend on all bits of the address.
        (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - Self::SLOTS.ilog2())) as usize
    }

    fn dotted(&mut self, ip: Ipv4Addr) -> &str {
        let mut end = 0;
        for octet in ip.octets() {
            let (digits, length) = OCTETS[usize::from(octet)];
            // Always four bytes, which is one instruction; what is too much is overwritten by the next.
            self.dotted[end..end + digits.len()].copy_from_slice(&digits);
            end += length;
        }
        // Without the last dot.
        std::str::from_utf8(&self.dotted[..end - 1]).expect("digits and dots")
    }
}

/// Each octet in digits with a dot behind, and how many bytes that is.
const OCTETS: [([u8; 4], usize); 256] = {
    let mut octets = [([b'.'; 4], 0); 256];
    let mut octet = 0;
    while octet < 256 {
        let (hundreds, tens, ones) =
            (b'0' + (octet / 100) as u8, b'0' + (octet / 10 % 10) as u8, b'0' + (octet % 10) as u8);
        octets[octet] = match octet {
            0..10 => ([ones, b'.', 0, 0], 2),
            10..100 => ([tens, ones, b'.', 0], 3),
            _ => ([hundreds, tens, ones, b'.'], 4),
        };
        octet += 1;
    }
    octets
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_addresses_as_the_standard_library_does() {
        let mut texts = AddressTexts::new();
        for octet in 0..=255 {
            let ip = IpAddr::from([octet, 255 - octet, 0, octet]);
            assert_eq!(texts.text(ip), ip.to_string());
        }
        for ip in ["2001:db8::1", "::ffff:192.0.2.1", "::", "2001:db8::1"] {
            let ip: IpAddr = ip.parse().expect("an address");
            assert_eq!(texts.text(ip), ip.to_string());
        }
    }
}
