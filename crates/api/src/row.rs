//! One stored packet as it comes back from the store.

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field as ArrowField, Float64Type, Int64Type, TimeUnit};
use arrow::error::ArrowError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Field, Kind, Micros, Table};
use std::borrow::Cow;
use std::sync::Arc;

/// One record, as far as its columns were asked for: what was not is `None`, empty or zero.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) table: &'static Table,
    pub(crate) id: i64,
    pub(crate) ts: Micros,
    pub(crate) received: Micros,
    pub(crate) sender: Option<String>,
    pub(crate) listener: Option<String>,
    pub(crate) hep_version: Option<i64>,
    pub(crate) hep_type: Option<i64>,
    pub(crate) transport: Option<String>,
    pub(crate) src_ip: Option<String>,
    pub(crate) src_port: Option<i32>,
    pub(crate) dst_ip: Option<String>,
    pub(crate) dst_port: Option<i32>,
    pub(crate) capture_id: Option<i64>,
    pub(crate) node: Option<String>,
    pub(crate) correlation_id: Option<String>,
    pub(crate) call_id: Option<String>,
    pub(crate) size: i64,
    pub(crate) flags: Vec<String>,
    /// The fields of the table that have a value, in table order.
    pub(crate) cells: Vec<(&'static str, Cell)>,
    /// JSON text.
    pub(crate) extra: Option<String>,
    pub(crate) raw: Vec<u8>,
    /// The payload was asked for and is not kept any more.
    pub(crate) payload_gone: bool,
}

/// A value of one of the table's own fields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Time(Micros),
    Bytes(Vec<u8>),
    TextList(Vec<String>),
    /// JSON text.
    Json(String),
}

impl Row {
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        match self.cell(field)? {
            Cell::Text(text) | Cell::Json(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn int(&self, field: &str) -> Option<i64> {
        match self.cell(field)? {
            Cell::Int(number) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn cell(&self, field: &str) -> Option<&Cell> {
        self.cells.iter().find(|(name, _)| *name == field).map(|(_, cell)| cell)
    }

    /// What the payload is read as, where that is something else than its bytes: SIP in JSON, a packet in a packet.
    pub(crate) fn shown(&self) -> Option<Cow<'_, [u8]>> {
        let seconds = u32::try_from(self.received.seconds()).unwrap_or(0);
        protocols::unwrapped(&self.raw, &self.flags, seconds)
    }

    /// The payload as base64, unless it is not kept any more.
    pub(crate) fn base64(&self) -> Option<String> {
        (!self.payload_gone).then(|| STANDARD.encode(&self.raw))
    }

    /// The payload, if it is kept and is UTF-8.
    pub(crate) fn utf8(&self) -> Option<&str> {
        std::str::from_utf8(&self.raw).ok().filter(|_| !self.payload_gone)
    }

    pub(crate) fn new(table: &'static Table) -> Self {
        Self {
            table,
            id: 0,
            ts: Micros(0),
            received: Micros(0),
            sender: None,
            listener: None,
            hep_version: None,
            hep_type: None,
            transport: None,
            src_ip: None,
            src_port: None,
            dst_ip: None,
            dst_port: None,
            capture_id: None,
            node: None,
            correlation_id: None,
            call_id: None,
            size: 0,
            flags: Vec::new(),
            cells: Vec::new(),
            extra: None,
            raw: Vec::new(),
            payload_gone: false,
        }
    }
}

/// Name of the column that says which table a row is of.
const TABLE_COLUMN: &str = "table";

/// The rows of a batch of the store, in its order. Columns that a row's table does not know are passed over.
pub(crate) fn rows(tables: &[&'static Table], batch: &RecordBatch) -> Result<Vec<Row>, ArrowError> {
    let names = batch
        .column_by_name(TABLE_COLUMN)
        .ok_or_else(|| ArrowError::SchemaError(format!("no column `{TABLE_COLUMN}`")))?;
    let names = cast(names, &DataType::Utf8)?;
    let names = names.as_string::<i32>();
    let table_of = |name: &str| {
        let table = tables.iter().find(|table| table.name == name).copied();
        table.ok_or_else(|| ArrowError::SchemaError(format!("no table `{name}`")))
    };
    let mut rows: Vec<Row> = (0..batch.num_rows())
        .map(|index| table_of(names.value(index)).map(Row::new))
        .collect::<Result<_, _>>()?;
    for table in tables {
        if !rows.iter().any(|row| row.table.name == table.name) {
            continue;
        }
        // In table order, so that cells are, whatever the order of the batch.
        for field in table.columns() {
            let Some(array) = batch.column_by_name(field.name) else { continue };
            let array = plain(array, field)?;
            let own = rows.iter_mut().enumerate().filter(|(_, row)| row.table.name == table.name);
            for (index, row) in own {
                if !array.is_null(index) {
                    set(row, field, value(&array, field, index));
                } else if field.name == "raw" {
                    row.payload_gone = true;
                }
            }
        }
    }
    Ok(rows)
}

fn set(row: &mut Row, field: &'static Field, cell: Cell) {
    match (field.name, cell) {
        ("id", Cell::Int(number)) => row.id = number,
        ("ts", Cell::Time(time)) => row.ts = time,
        ("received", Cell::Time(time)) => row.received = time,
        ("sender", Cell::Text(text)) => row.sender = Some(text),
        ("listener", Cell::Text(text)) => row.listener = Some(text),
        ("hep_version", Cell::Int(number)) => row.hep_version = Some(number),
        ("hep_type", Cell::Int(number)) => row.hep_type = Some(number),
        ("transport", Cell::Text(text)) => row.transport = Some(text),
        ("src_ip", Cell::Text(text)) => row.src_ip = Some(text),
        ("src_port", Cell::Int(number)) => row.src_port = i32::try_from(number).ok(),
        ("dst_ip", Cell::Text(text)) => row.dst_ip = Some(text),
        ("dst_port", Cell::Int(number)) => row.dst_port = i32::try_from(number).ok(),
        ("capture_id", Cell::Int(number)) => row.capture_id = Some(number),
        ("node", Cell::Text(text)) => row.node = Some(text),
        ("correlation_id", Cell::Text(text)) => row.correlation_id = Some(text),
        ("call_id", Cell::Text(text)) => row.call_id = Some(text),
        ("size", Cell::Int(number)) => row.size = number,
        ("flags", Cell::TextList(texts)) => row.flags = texts,
        ("extra", Cell::Json(text)) => row.extra = Some(text),
        ("raw", Cell::Bytes(bytes)) => row.raw = bytes,
        (name, cell) => row.cells.push((name, cell)),
    }
}

/// The store may hand out texts as views or dictionaries, and integers in their own width: one form of each.
fn plain(array: &ArrayRef, field: &Field) -> Result<ArrayRef, ArrowError> {
    let wanted = match field.kind {
        Kind::Text | Kind::Ip | Kind::Json => DataType::Utf8,
        Kind::Int16 | Kind::Int32 | Kind::Int64 => DataType::Int64,
        Kind::Float => DataType::Float64,
        Kind::Bool => DataType::Boolean,
        Kind::Time => {
            // By way of the unit, as the bare number says nothing about it.
            let zone = match array.data_type() {
                DataType::Timestamp(_, zone) => zone.clone(),
                // Where tables disagree on the kind of a column, an answer has it as text.
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some("UTC".into()),
                _ => return cast(array, &DataType::Int64),
            };
            let micros = DataType::Timestamp(TimeUnit::Microsecond, zone);
            return cast(&cast(array, &micros)?, &DataType::Int64);
        }
        Kind::Bytes => DataType::Binary,
        Kind::TextList => {
            let item = ArrowField::new("item", DataType::Utf8, true);
            DataType::List(Arc::new(item))
        }
    };
    if *array.data_type() == wanted { Ok(Arc::clone(array)) } else { cast(array, &wanted) }
}

/// The value of a row that is not NULL, of an array that [`plain`] made.
fn value(array: &ArrayRef, field: &Field, index: usize) -> Cell {
    match field.kind {
        Kind::Text | Kind::Ip => Cell::Text(array.as_string::<i32>().value(index).to_owned()),
        Kind::Json => Cell::Json(array.as_string::<i32>().value(index).to_owned()),
        Kind::Int16 | Kind::Int32 | Kind::Int64 => Cell::Int(array.as_primitive::<Int64Type>().value(index)),
        Kind::Float => Cell::Float(array.as_primitive::<Float64Type>().value(index)),
        Kind::Bool => Cell::Bool(array.as_boolean().value(index)),
        Kind::Time => Cell::Time(Micros(array.as_primitive::<Int64Type>().value(index))),
        Kind::Bytes => Cell::Bytes(array.as_binary::<i32>().value(index).to_vec()),
        Kind::TextList => {
            let items = array.as_list::<i32>().value(index);
            Cell::TextList(items.as_string::<i32>().iter().flatten().map(str::to_owned).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        Int16Array, Int64Array, ListBuilder, StringBuilder, StringViewArray, TimestampMicrosecondArray,
    };

    use super::*;

    static TABLE: Table = Table {
        name: "sip",
        doc: "",
        retention_days: 1,
        rows: model::Rows::PACKETS,
        fields: &[Field::new("method", Kind::Text, ""), Field::new("status", Kind::Int16, "")],
    };

    #[test]
    fn reads_what_is_there_in_any_arrow_form() {
        let mut flags = ListBuilder::new(StringBuilder::new());
        flags.append_value([Some("bad_time")]);
        flags.append_value([None::<&str>; 0]);
        let batch = RecordBatch::try_from_iter([
            ("table", Arc::new(StringViewArray::from(vec!["sip", "sip"])) as ArrayRef),
            ("status", Arc::new(Int16Array::from(vec![Some(180), None]))),
            ("method", Arc::new(StringViewArray::from(vec![Some("INVITE"), None]))),
            ("id", Arc::new(Int64Array::from(vec![65_537, 65_538]))),
            ("ts", Arc::new(TimestampMicrosecondArray::from(vec![5, 6]).with_timezone("UTC"))),
            ("flags", Arc::new(flags.finish())),
            ("unheard_of", Arc::new(Int16Array::from(vec![1, 2]))),
        ])
        .expect("a batch");
        static TABLES: [&Table; 1] = [&TABLE];
        let rows = rows(&TABLES, &batch).expect("rows");
        assert_eq!((rows[0].id, rows[0].ts), (65_537, Micros(5)));
        assert_eq!(rows[0].flags, ["bad_time"]);
        assert_eq!((rows[0].text("method"), rows[0].int("status")), (Some("INVITE"), Some(180)));
        assert_eq!(rows[0].cells[0].0, "method", "in table order");
        assert_eq!((rows[1].cells.len(), rows[1].flags.len()), (0, 0), "NULL is absent");
        assert_eq!(rows[1].call_id, None);
    }
}
