//! Rows as JSON.

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType};
use model::Micros;
use serde_json::{Map, Value};

/// The values of one row by column, without those that are missing.
pub(crate) fn document(rows: &RecordBatch, row: usize) -> Map<String, Value> {
    let schema = rows.schema_ref();
    let columns = schema.fields().iter().zip(rows.columns());
    let values = columns.filter_map(|(field, column)| {
        let value = value(column, row)?;
        // What every other interface calls it.
        let name = if field.name() == "raw" { "payload" } else { field.name().as_str() };
        Some((name.to_owned(), value))
    });
    values.collect()
}

/// The same as it goes to others, with the time of its message.
pub(crate) fn stamped(rows: &RecordBatch, row: usize, received: Micros) -> Map<String, Value> {
    let mut document = document(rows, row);
    let time = micros(rows, "ts", row).unwrap_or(received).to_string();
    document.insert("@timestamp".to_owned(), time.into());
    document
}

/// A value; `None` if it is missing, or an empty list.
fn value(column: &ArrayRef, row: usize) -> Option<Value> {
    if column.is_null(row) {
        return None;
    }
    Some(match column.data_type() {
        DataType::Utf8 => Value::from(column.as_string::<i32>().value(row)),
        DataType::Int16 => Value::from(column.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => Value::from(column.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => Value::from(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => {
            // Neither infinite nor not a number in JSON.
            Value::from(serde_json::Number::from_f64(column.as_primitive::<Float64Type>().value(row))?)
        }
        DataType::Boolean => Value::from(column.as_boolean().value(row)),
        DataType::Timestamp(..) => {
            Value::from(Micros(column.as_primitive::<TimestampMicrosecondType>().value(row)).to_string())
        }
        DataType::Binary => Value::from(String::from_utf8_lossy(column.as_binary::<i32>().value(row))),
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            let texts: Vec<Value> = items.as_string_opt::<i32>()?.iter().flatten().map(Value::from).collect();
            if texts.is_empty() {
                return None;
            }
            Value::from(texts)
        }
        // The store has no columns of other kinds.
        _ => return None,
    })
}

/// A column's value as a short text, as labels have it.
pub(crate) fn label(rows: &RecordBatch, name: &str, row: usize) -> Option<String> {
    match value(rows.column_by_name(name)?, row)? {
        Value::String(text) => Some(text),
        Value::Array(_) | Value::Object(_) | Value::Null => None,
        other => Some(other.to_string()),
    }
}

/// A time.
pub(crate) fn micros(rows: &RecordBatch, name: &str, row: usize) -> Option<Micros> {
    let times = rows.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>()?;
    times.is_valid(row).then(|| Micros(times.value(row)))
}

/// Bytes, or the empty ones.
pub(crate) fn bytes<'a>(rows: &'a RecordBatch, name: &str, row: usize) -> &'a [u8] {
    let column = rows.column_by_name(name).and_then(|column| column.as_binary_opt::<i32>());
    column.filter(|column| column.is_valid(row)).map_or(&[], |column| column.value(row))
}
