//! One value of an Arrow column as JSON or CSV text: binary as base64, times as RFC 3339 in UTC with six digits,
//! integers of any width in full.

use std::io::Write as _;

use arrow::array::{Array, ArrayRef, AsArray as _};
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::util::display::array_value_to_string;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Micros;

/// Appends the value as JSON.
pub(crate) fn json(out: &mut Vec<u8>, array: &dyn Array, row: usize) {
    if array.is_null(row) {
        out.extend_from_slice(b"null");
        return;
    }
    if let Some(text) = text(array, row) {
        return json_text(out, text);
    }
    if let Some(bytes) = bytes(array, row) {
        out.push(b'"');
        out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
        out.push(b'"');
        return;
    }
    if let Some(items) = items(array, row) {
        return json_list(out, &items);
    }
    match array.data_type() {
        DataType::Null => out.extend_from_slice(b"null"),
        DataType::Float32 => json_float(out, f64::from(array.as_primitive::<Float32Type>().value(row))),
        DataType::Float64 => json_float(out, array.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => {
            let value = array.as_boolean().value(row);
            out.extend_from_slice(if value { b"true" } else { b"false" });
        }
        DataType::Struct(_) => {
            let record = array.as_struct();
            for (position, (name, column)) in record.column_names().iter().zip(record.columns()).enumerate() {
                out.push(if position == 0 { b'{' } else { b',' });
                json_text(out, name);
                out.push(b':');
                json(out, column, row);
            }
            out.extend_from_slice(if record.num_columns() == 0 { b"{}" } else { b"}" });
        }
        kind if kind.is_integer() || matches!(kind, DataType::Decimal128(..) | DataType::Decimal256(..)) => {
            plain(out, array, row);
        }
        _ => {
            let mut plain_text = Vec::new();
            plain(&mut plain_text, array, row);
            json_text(out, &String::from_utf8_lossy(&plain_text));
        }
    }
}

/// Appends the value as a CSV field (RFC 4180): nothing at all for NULL, `""` for an empty text.
pub(crate) fn csv(out: &mut Vec<u8>, array: &dyn Array, row: usize) {
    if array.is_null(row) {
        return;
    }
    if let Some(text) = text(array, row) {
        return csv_text(out, text);
    }
    if let Some(bytes) = bytes(array, row) {
        out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
        return;
    }
    let mut inner = Vec::new();
    if matches!(array.data_type(), DataType::Struct(_)) || items(array, row).is_some() {
        json(&mut inner, array, row);
    } else {
        plain(&mut inner, array, row);
    }
    csv_text(out, &String::from_utf8_lossy(&inner));
}

/// Quotes a CSV field where it must be.
pub(crate) fn csv_text(out: &mut Vec<u8>, text: &str) {
    if !text.is_empty() && !text.contains([',', '"', '\n', '\r']) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

/// Appends a text as JSON.
pub(crate) fn json_text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a text becomes JSON and memory takes it");
}

/// Numbers, times and what has no form of its own, without quotes.
fn plain(out: &mut Vec<u8>, array: &dyn Array, row: usize) {
    if let Some(time) = time(array, row) {
        write(out, time);
        return;
    }
    match array.data_type() {
        DataType::Int8 => write(out, array.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => write(out, array.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => write(out, array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => write(out, array.as_primitive::<Int64Type>().value(row)),
        DataType::UInt8 => write(out, array.as_primitive::<UInt8Type>().value(row)),
        DataType::UInt16 => write(out, array.as_primitive::<UInt16Type>().value(row)),
        DataType::UInt32 => write(out, array.as_primitive::<UInt32Type>().value(row)),
        DataType::UInt64 => write(out, array.as_primitive::<UInt64Type>().value(row)),
        _ => match array_value_to_string(array, row) {
            Ok(text) => write(out, text),
            // A kind of value that Arrow itself cannot show.
            Err(error) => write(out, error),
        },
    }
}

fn write(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    write!(out, "{value}").expect("memory takes what is written");
}

fn json_float(out: &mut Vec<u8>, value: f64) {
    // JSON has no infinities and no "not a number": serde_json writes null for them.
    serde_json::to_writer(out, &value).expect("a number becomes JSON and memory takes it");
}

fn json_list(out: &mut Vec<u8>, items: &ArrayRef) {
    out.push(b'[');
    for item in 0..items.len() {
        if item > 0 {
            out.push(b',');
        }
        json(out, items, item);
    }
    out.push(b']');
}

fn text(array: &dyn Array, row: usize) -> Option<&str> {
    match array.data_type() {
        DataType::Utf8 => Some(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Some(array.as_string_view().value(row)),
        _ => None,
    }
}

fn bytes(array: &dyn Array, row: usize) -> Option<&[u8]> {
    match array.data_type() {
        DataType::Binary => Some(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => Some(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => Some(array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => Some(array.as_fixed_size_binary().value(row)),
        _ => None,
    }
}

fn items(array: &dyn Array, row: usize) -> Option<ArrayRef> {
    match array.data_type() {
        DataType::List(_) => Some(array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => Some(array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(..) => Some(array.as_fixed_size_list().value(row)),
        _ => None,
    }
}

fn time(array: &dyn Array, row: usize) -> Option<Micros> {
    let DataType::Timestamp(unit, _) = array.data_type() else { return None };
    Some(Micros(match unit {
        TimeUnit::Second => {
            array.as_primitive::<TimestampSecondType>().value(row).saturating_mul(Micros::SECOND)
        }
        TimeUnit::Millisecond => {
            array.as_primitive::<TimestampMillisecondType>().value(row).saturating_mul(1_000)
        }
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row),
        TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().value(row).div_euclid(1_000),
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        BinaryArray, BooleanArray, DictionaryArray, Float64Array, Int64Array, ListArray, StringArray,
        StringViewArray, TimestampMicrosecondArray, TimestampNanosecondArray, UInt64Array,
    };
    use arrow::datatypes::Int32Type;

    use super::*;

    fn both(array: &dyn Array, row: usize) -> (String, String) {
        let (mut as_json, mut as_csv) = (Vec::new(), Vec::new());
        json(&mut as_json, array, row);
        csv(&mut as_csv, array, row);
        (String::from_utf8(as_json).expect("UTF-8"), String::from_utf8(as_csv).expect("UTF-8"))
    }

    #[track_caller]
    fn check(array: &dyn Array, json: &str, csv: &str) {
        assert_eq!(both(array, 0), (json.to_owned(), csv.to_owned()));
    }

    #[test]
    fn every_kind_has_one_form() {
        check(&UInt64Array::from(vec![u64::MAX]), "18446744073709551615", "18446744073709551615");
        check(&Int64Array::from(vec![i64::MIN]), "-9223372036854775808", "-9223372036854775808");
        check(&Float64Array::from(vec![0.1]), "0.1", "0.1");
        check(&BooleanArray::from(vec![true]), "true", "true");
        check(&StringArray::from(vec!["a\"b\r\n"]), r#""a\"b\r\n""#, "\"a\"\"b\r\n\"");
        check(&StringViewArray::from(vec!["plain"]), "\"plain\"", "plain");
        check(&BinaryArray::from(vec![&[0_u8, 255, 0][..]]), "\"AP8A\"", "AP8A");
        let time = "2020-06-24T05:16:26.669278Z";
        let micros = TimestampMicrosecondArray::from(vec![1_592_975_786_669_278]).with_timezone("UTC");
        check(&micros, &format!("\"{time}\""), time);
        check(&TimestampNanosecondArray::from(vec![1_592_975_786_669_278_999]), &format!("\"{time}\""), time);
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1), None])]);
        check(&list, "[1,null]", "\"[1,null]\"");
        let dictionary: DictionaryArray<Int32Type> = ["udp", "tcp"].into_iter().collect();
        assert_eq!(both(&dictionary, 1), ("\"tcp\"".to_owned(), "tcp".to_owned()));
    }

    #[test]
    fn null_and_empty_are_told_apart() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![None, Some("")]));
        assert_eq!(both(&texts, 0), ("null".to_owned(), String::new()));
        assert_eq!(both(&texts, 1), ("\"\"".to_owned(), "\"\"".to_owned()));
    }

    #[test]
    fn what_json_has_no_number_for_is_null() {
        let floats = Float64Array::from(vec![f64::NAN, f64::INFINITY]);
        assert_eq!(both(&floats, 0).0, "null");
        assert_eq!(both(&floats, 1).0, "null");
    }

    /// The fields of one line of CSV, as RFC 4180 reads them.
    fn fields(line: &str) -> Vec<String> {
        let mut fields = vec![String::new()];
        let mut letters = line.chars().peekable();
        let mut is_quoted = false;
        while let Some(letter) = letters.next() {
            let field = fields.last_mut().expect("one at least");
            match letter {
                '"' if is_quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
                '"' => is_quoted = !is_quoted,
                ',' if !is_quoted => fields.push(String::new()),
                other => field.push(other),
            }
        }
        fields
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_back(texts in proptest::collection::vec("(?s).{0,20}", 1..4)) {
            let mut line = Vec::new();
            for (position, text) in texts.iter().enumerate() {
                let array = StringArray::from(vec![text.as_str()]);
                let (as_json, as_csv) = both(&array, 0);
                proptest::prop_assert_eq!(&serde_json::from_str::<String>(&as_json).expect("JSON"), text);
                if position > 0 {
                    line.push(b',');
                }
                line.extend_from_slice(as_csv.as_bytes());
            }
            proptest::prop_assert_eq!(fields(std::str::from_utf8(&line).expect("UTF-8")), texts);
        }
    }
}
