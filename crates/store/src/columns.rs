//! Columns of an answer, for whoever counts by the column: rows come by the million.

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BinaryArray, BooleanArray, Int64Array, RecordBatch, StringArray,
};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    batch.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("no column `{name}`")))
}

/// Numbers of any width, and times as microseconds.
pub fn numbers(batch: &RecordBatch, name: &str) -> Result<Int64Array, ArrowError> {
    Ok(cast(column(batch, name)?, &DataType::Int64)?.as_primitive().clone())
}

/// Texts, and what can be read as one.
pub fn texts(batch: &RecordBatch, name: &str) -> Result<StringArray, ArrowError> {
    as_texts(column(batch, name)?)
}

pub fn as_texts(column: &ArrayRef) -> Result<StringArray, ArrowError> {
    Ok(cast(column, &DataType::Utf8)?.as_string().clone())
}

pub fn bytes(batch: &RecordBatch, name: &str) -> Result<BinaryArray, ArrowError> {
    Ok(cast(column(batch, name)?, &DataType::Binary)?.as_binary().clone())
}

pub fn flags(batch: &RecordBatch, name: &str) -> Result<BooleanArray, ArrowError> {
    Ok(cast(column(batch, name)?, &DataType::Boolean)?.as_boolean().clone())
}

pub fn number(numbers: &Int64Array, row: usize) -> Option<i64> {
    numbers.is_valid(row).then(|| numbers.value(row))
}

pub fn text(texts: &StringArray, row: usize) -> Option<&str> {
    texts.is_valid(row).then(|| texts.value(row))
}
