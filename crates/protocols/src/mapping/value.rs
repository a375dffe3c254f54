//! JSON values in the kind of their column.

use std::net::IpAddr;

use model::{Kind, Micros, Value, query};

use crate::json::Json;

/// What a text column keeps of one value; the payload has all of it. Two copies of 64 KiB help nobody.
const TEXT_BYTES_MAX: usize = 8 * 1024;

/// The value, as the column holds it. `Err` if it does not fit the kind; nothing and an empty text are null.
pub(super) fn typed(json: &Json<'_>, kind: Kind) -> Result<Value<'static>, ()> {
    let is_nothing = match json {
        Json::Null => true,
        Json::Text(text) => text.trim().is_empty(),
        _ => false,
    };
    if is_nothing {
        return Ok(Value::Null);
    }
    let value = match kind {
        Kind::Int64 => json.as_integer().map(Value::Int),
        Kind::Float => json.as_number().map(Value::Float),
        Kind::Bool => truth(json).map(Value::Bool),
        Kind::Time => json.as_text().and_then(time).map(|time| Value::Int(time.0)),
        Kind::Ip => json.as_text().and_then(address).map(Value::from),
        _ => Some(Value::from(text(json))),
    };
    value.ok_or(())
}

pub(super) fn text(json: &Json<'_>) -> String {
    let mut text = match json {
        Json::Text(text) => text.trim().to_owned(),
        other => {
            let mut text = String::new();
            other.write(&mut text);
            text
        }
    };
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

fn truth(json: &Json<'_>) -> Option<bool> {
    if let Json::Bool(truth) = json {
        return Some(*truth);
    }
    match json.as_text()?.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// RFC 3339, a date and time in UTC, or seconds, milliseconds or microseconds since 1970, told apart by their number
/// of digits as everywhere. Never relative: a record has no now.
fn time(text: &str) -> Option<Micros> {
    let text = text.trim();
    let is_absolute = text.starts_with(|letter: char| letter.is_ascii_digit());
    if is_absolute { query::time(text, Micros(0)) } else { None }
}

/// As RFC 5952 text. An IPv4 address inside IPv6 is what it stands for, as in the addresses of packets.
fn address(text: &str) -> Option<String> {
    text.trim().parse::<IpAddr>().ok().map(|address| address.to_canonical().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn read(text: &str, kind: Kind) -> Result<Value<'static>, ()> {
        typed(&json::read(text).values[0], kind)
    }

    #[test]
    fn values_take_the_kind_of_their_column() {
        assert_eq!(read("12", Kind::Int64), Ok(Value::Int(12)));
        assert_eq!(read("\"12\"", Kind::Int64), Ok(Value::Int(12)));
        assert_eq!(read("\"soon\"", Kind::Int64), Err(()));
        assert_eq!(read("\"1.5\"", Kind::Float), Ok(Value::Float(1.5)));
        assert_eq!(read("true", Kind::Bool), Ok(Value::Bool(true)));
        assert_eq!(read("\"No\"", Kind::Bool), Ok(Value::Bool(false)));
        assert_eq!(read("[1,{\"a\":2}]", Kind::Text), Ok(Value::from("[1,{\"a\":2}]".to_owned())));
        assert_eq!(read("7", Kind::Text), Ok(Value::from("7".to_owned())));
        assert_eq!(read("\"::ffff:10.0.0.1\"", Kind::Ip), Ok(Value::from("10.0.0.1".to_owned())));
        assert_eq!(read("\"host\"", Kind::Ip), Err(()));
        assert_eq!(read("null", Kind::Int64), Ok(Value::Null));
        assert_eq!(read("\" \"", Kind::Ip), Ok(Value::Null));
    }

    #[test]
    fn times_in_the_forms_that_records_use() {
        let expected = Ok(Value::Int(1_592_975_786_000_000));
        for written in [
            "1592975786",
            "1592975786000",
            "1592975786000000",
            "\"2020-06-24T05:16:26Z\"",
            "\"2020-06-24 05:16:26\"",
            "\"2020-06-24T07:16:26+02:00\"",
        ] {
            assert_eq!(read(written, Kind::Time), expected, "{written}");
        }
        for written in ["\"-1h\"", "\"now\"", "\"yesterday\""] {
            assert_eq!(read(written, Kind::Time), Err(()), "{written}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_letters() {
        let long = format!("\"{}\"", "é".repeat(10_000));
        let Ok(Value::Text(text)) = read(&long, Kind::Text) else { panic!("a text") };
        assert!(text.len() <= TEXT_BYTES_MAX && text.len() > TEXT_BYTES_MAX - 2);
    }
}
