//! How a [`Table`] looks in Arrow and in Delta: the same columns, in the same order, all of them nullable, so
//! that a later version may add some.

use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use deltalake::kernel::{ArrayType, DataType as DeltaType, StructField};
use model::{Kind, Table};

/// The time zone of every timestamp column.
pub(crate) const UTC: &str = "UTC";

/// The column that retention may empty before the rows go.
pub(crate) const PAYLOAD: &str = "raw";

/// Bytes of payload in these rows, if they have any payload at all.
pub(crate) fn payload_bytes(rows: &RecordBatch) -> Option<u64> {
    let payloads = rows.column_by_name(PAYLOAD)?.as_binary_opt::<i32>()?;
    let offsets = payloads.value_offsets();
    let bytes = offsets.last()?.checked_sub(*offsets.first()?)?;
    (payloads.null_count() < payloads.len()).then_some(bytes.unsigned_abs().into())
}

pub(crate) fn arrow_schema(table: &Table) -> SchemaRef {
    Arc::new(Schema::new(
        table.columns().map(|field| Field::new(field.name, arrow_type(field.kind), true)).collect::<Vec<_>>(),
    ))
}

pub(crate) fn arrow_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text | Kind::Ip | Kind::Json => DataType::Utf8,
        Kind::Int16 => DataType::Int16,
        Kind::Int32 => DataType::Int32,
        Kind::Int64 => DataType::Int64,
        Kind::Float => DataType::Float64,
        Kind::Bool => DataType::Boolean,
        Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        Kind::Bytes => DataType::Binary,
        Kind::TextList => DataType::List(list_item()),
    }
}

/// The item of a list of texts, named as Delta names it.
pub(crate) fn list_item() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Utf8, true))
}

pub(crate) fn delta_columns(table: &Table) -> Vec<StructField> {
    table.columns().map(|field| StructField::nullable(field.name, delta_type(field.kind))).collect()
}

fn delta_type(kind: Kind) -> DeltaType {
    match kind {
        Kind::Text | Kind::Ip | Kind::Json => DeltaType::STRING,
        Kind::Int16 => DeltaType::SHORT,
        Kind::Int32 => DeltaType::INTEGER,
        Kind::Int64 => DeltaType::LONG,
        Kind::Float => DeltaType::DOUBLE,
        Kind::Bool => DeltaType::BOOLEAN,
        Kind::Time => DeltaType::TIMESTAMP,
        Kind::Bytes => DeltaType::BINARY,
        Kind::TextList => DeltaType::Array(Box::new(ArrayType::new(DeltaType::STRING, true))),
    }
}
