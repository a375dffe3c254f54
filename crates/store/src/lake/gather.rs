//! Rows of many batches in a new order, column by column.
//!
//! Arrow's own `interleave` does this for any column. Here most columns are texts, whose places are in memory far
//! apart once rows are sorted, and many hold one value or none at all: those are told apart first and cost nothing.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanBufferBuilder, GenericByteArray, new_null_array};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::compute::{interleave, take};
use arrow::datatypes::{BinaryType, ByteArrayType, DataType, Utf8Type};
use arrow::error::ArrowError;

/// Payloads may be a megabyte each. What is gathered at a time must not add much to the memory they are in already,
/// and stay below the 2 GiB that Arrow allows.
const COLUMN_BYTES_MAX: usize = 64 << 20;

/// Rows fetched from memory together: enough for a processor's outstanding reads, few enough for its first cache.
const AHEAD_ROWS: usize = 16;

const CACHE_LINE_BYTES: usize = 64;

/// A row: the number of its batch, and its place in it.
pub(super) type Place = (usize, usize);

/// One column of all batches that rows are taken from.
pub(super) struct Column<'a>(Parts<'a>);

enum Parts<'a> {
    /// Every row has this value: an array of one.
    Same(ArrayRef),
    Text(Vec<&'a GenericByteArray<Utf8Type>>),
    Bytes(Vec<&'a GenericByteArray<BinaryType>>),
    Other(Vec<&'a dyn Array>),
}

impl<'a> Column<'a> {
    /// The parts must be of one kind; there is one at least.
    pub(super) fn new(parts: &'a [ArrayRef]) -> Self {
        Self(if let Some(same) = same(parts) {
            Parts::Same(same)
        } else {
            match parts[0].data_type() {
                DataType::Utf8 => Parts::Text(parts.iter().map(AsArray::as_bytes).collect()),
                DataType::Binary => Parts::Bytes(parts.iter().map(AsArray::as_bytes).collect()),
                _ => Parts::Other(parts.iter().map(AsRef::as_ref).collect()),
            }
        })
    }

    /// What a value takes, rounded up.
    pub(super) fn mean_bytes(&self) -> usize {
        match &self.0 {
            Parts::Text(parts) => mean_bytes(parts),
            Parts::Bytes(parts) => mean_bytes(parts),
            Parts::Same(_) | Parts::Other(_) => 8,
        }
    }

    /// The values of these rows, in this order. One array, unless that would be too large.
    pub(super) fn gather(&self, places: &[Place]) -> Result<Vec<ArrayRef>, ArrowError> {
        match self.rows(places) {
            Err(ArrowError::OffsetOverflowError(_)) if places.len() > 1 => {
                let (one, two) = places.split_at(places.len() / 2);
                Ok([self.gather(one)?, self.gather(two)?].concat())
            }
            rows => Ok(vec![rows?]),
        }
    }

    fn rows(&self, places: &[Place]) -> Result<ArrayRef, ArrowError> {
        Ok(match &self.0 {
            Parts::Same(value) if value.is_null(0) => new_null_array(value.data_type(), places.len()),
            Parts::Same(value) => take(value, &arrow::array::UInt32Array::from(vec![0; places.len()]), None)?,
            Parts::Text(parts) => Arc::new(bytes(parts, places)?),
            Parts::Bytes(parts) => Arc::new(bytes(parts, places)?),
            Parts::Other(parts) => interleave(parts, places)?,
        })
    }
}

/// The one value of all rows, if they have only one.
fn same(parts: &[ArrayRef]) -> Option<ArrayRef> {
    let first = parts.first()?;
    if first.is_empty() {
        return None;
    }
    let value = first.slice(0, 1);
    if value.is_null(0) {
        return parts.iter().all(|part| part.null_count() == part.len()).then_some(value);
    }
    parts.iter().all(|part| part.null_count() == 0 && repeats(part.as_ref(), &value)).then_some(value)
}

/// Whether an array without missing values holds nothing but `value`. Ends at the first other value.
fn repeats(part: &dyn Array, value: &ArrayRef) -> bool {
    match part.data_type() {
        DataType::Utf8 => {
            let value = value.as_string::<i32>().value(0);
            part.as_string::<i32>().iter().all(|text| text == Some(value))
        }
        DataType::List(_) => {
            // A list without items, as nearly every row has no flags.
            value.as_list::<i32>().values().is_empty()
                && part.as_list::<i32>().value_offsets().windows(2).all(|pair| pair[0] == pair[1])
        }
        kind if kind.is_primitive() => {
            // An array equals itself moved by one exactly if all its values are equal.
            let rest = part.len() - 1;
            part.slice(0, 1).as_ref() == value.as_ref()
                && part.slice(0, rest).as_ref() == part.slice(1, rest).as_ref()
        }
        _ => false,
    }
}

/// Texts or bytes, in one pass over the places.
fn bytes<T: ByteArrayType<Offset = i32>>(
    parts: &[&GenericByteArray<T>],
    places: &[Place],
) -> Result<GenericByteArray<T>, ArrowError> {
    let mut offsets = Vec::with_capacity(places.len() + 1);
    offsets.push(0_i32);
    let mut values = Vec::with_capacity((places.len() * mean_bytes(parts)).min(COLUMN_BYTES_MAX));
    let mut valid =
        parts.iter().any(|part| part.null_count() > 0).then(|| BooleanBufferBuilder::new(places.len()));
    let mut found = Vec::with_capacity(AHEAD_ROWS);
    for near in places.chunks(AHEAD_ROWS) {
        found.clear();
        found.extend(near.iter().map(|(part, row)| {
            let part = parts[*part];
            let ends = &part.value_offsets()[*row..=*row + 1];
            let value = &part.value_data()[ends[0] as usize..ends[1] as usize];
            (part.is_valid(*row), value)
        }));
        fetch(&found);
        for (is_valid, value) in &found {
            // What lies under a missing value is nobody's.
            if *is_valid {
                values.extend_from_slice(value);
            }
            if let Some(valid) = &mut valid {
                valid.append(*is_valid);
            }
            if values.len() > COLUMN_BYTES_MAX && places.len() > 1 {
                return Err(ArrowError::OffsetOverflowError(values.len()));
            }
            offsets.push(values.len() as i32);
        }
    }
    let nulls = valid.map(|mut valid| NullBuffer::new(valid.finish()));
    GenericByteArray::try_new(OffsetBuffer::new(offsets.into()), Buffer::from(values), nulls)
}

/// Brings the values into the processor's cache, all at a time: a copy of one waits for memory line by line, and most
/// of settling would be that waiting.
fn fetch(values: &[(bool, &[u8])]) {
    let lines = values.iter().flat_map(|(_, value)| value.iter().step_by(CACHE_LINE_BYTES));
    std::hint::black_box(lines.fold(0, |sum, byte| sum ^ byte));
}

fn mean_bytes<T: ByteArrayType<Offset = i32>>(parts: &[&GenericByteArray<T>]) -> usize {
    let bytes: usize = parts.iter().map(|part| part.value_data().len()).sum();
    let rows: usize = parts.iter().map(Array::len).sum();
    // A little more, so that an uneven mix does not make it grow.
    bytes / rows.max(1) * 9 / 8 + 1
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        BinaryArray, BooleanArray, Int16Array, Int64Array, ListBuilder, RecordBatch, StringArray,
        StringBuilder,
    };
    use arrow::compute::interleave_record_batch;
    use arrow::datatypes::{Field, Schema};

    use super::*;

    fn lists(lists: [&[&str]; 3]) -> ArrayRef {
        let mut builder = ListBuilder::new(StringBuilder::new());
        for list in lists {
            list.iter().for_each(|text| builder.values().append_value(text));
            builder.append(true);
        }
        Arc::new(builder.finish())
    }

    fn batch(columns: Vec<ArrayRef>) -> RecordBatch {
        let fields = columns
            .iter()
            .enumerate()
            .map(|(n, column)| Field::new(n.to_string(), column.data_type().clone(), true));
        RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns).expect("a batch")
    }

    #[test]
    fn agrees_with_interleave() {
        let one = batch(vec![
            Arc::new(StringArray::from(vec![Some("a"), None, Some("ccc")])),
            Arc::new(StringArray::from(vec!["same"; 3])),
            Arc::new(StringArray::from(vec![None::<&str>; 3])),
            Arc::new(BinaryArray::from_vec(vec![b"\xff", b"", b"xyz"])),
            Arc::new(Int64Array::from(vec![7, 7, 7])),
            Arc::new(Int16Array::from(vec![Some(1), None, Some(3)])),
            Arc::new(BooleanArray::from(vec![true, true, true])),
            lists([&[], &[], &[]]),
            lists([&[], &["x", "y"], &[]]),
            Arc::new(Int64Array::from(vec![5, 5, 6])),
        ]);
        let two = batch(vec![
            Arc::new(StringArray::from(vec![Some(""), Some("b"), None])),
            Arc::new(StringArray::from(vec!["same"; 3])),
            Arc::new(StringArray::from(vec![None::<&str>; 3])),
            Arc::new(BinaryArray::from_vec(vec![b"1", b"22", b"333"])),
            Arc::new(Int64Array::from(vec![7, 7, 7])),
            Arc::new(Int16Array::from(vec![4, 5, 6])),
            Arc::new(BooleanArray::from(vec![true, false, true])),
            lists([&[], &[], &[]]),
            lists([&["z"], &[], &[]]),
            Arc::new(Int64Array::from(vec![5, 5, 5])),
        ]);
        let places = [(1, 2), (0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (0, 2)];
        let batches = [&one, &two, &one.slice(1, 2)];
        for places in [&places[..], &[(2, 1), (2, 0)]] {
            let expected = interleave_record_batch(&batches, places).expect("interleaved");
            for (column, expected) in expected.columns().iter().enumerate() {
                let parts: Vec<ArrayRef> =
                    batches.iter().map(|batch| Arc::clone(batch.column(column))).collect();
                let gathered = Column::new(&parts).gather(places).expect("gathered");
                assert_eq!(gathered, [Arc::clone(expected)], "column {column}");
            }
        }
    }

    #[test]
    fn more_than_an_array_should_hold_becomes_several() {
        let large = batch(vec![Arc::new(BinaryArray::from_vec(vec![&[7; 1 << 20], b"x"]))]);
        let places: Vec<Place> = (0..100).map(|n| (0, usize::from(n == 99))).collect();
        let gathered = Column::new(large.columns()).gather(&places).expect("gathered");
        assert_eq!(gathered.iter().map(Array::len).collect::<Vec<_>>(), [50, 50]);
        let last = gathered[1].as_binary::<i32>();
        assert_eq!((last.value(48).len(), last.value(49)), (1 << 20, &b"x"[..]));
    }
}
