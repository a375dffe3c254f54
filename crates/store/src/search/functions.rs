//! Functions that SQL lacks, for compiled queries and for whoever writes SQL.

use std::net::IpAddr;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BooleanArray, ListArray, StringArray};
use arrow::compute::{like, regexp_is_match_scalar};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use memchr::{memchr_iter, memchr2_iter};
use model::query::Net;

use crate::schema::list_item;

pub(super) fn register(state: &mut SessionState) -> Result<()> {
    for what in ALL {
        state.register_udf(Arc::new(udf(*what)))?;
    }
    Ok(())
}

/// Whether the payload contains the text, ASCII letters in either case.
pub(super) fn raw_contains(raw: Expr, text: &str) -> Expr {
    udf(What::RawContains).call(vec![raw, lit(text)])
}

/// Bytes as text, with a replacement character where they are not UTF-8.
pub(super) fn payload_text(raw: Expr) -> Expr {
    udf(What::PayloadText).call(vec![raw])
}

/// Whether the address, a text, is within the network.
pub(super) fn in_net(address: Expr, net: &Net) -> Expr {
    udf(What::InNet).call(vec![address, lit(format!("{}/{}", net.addr(), net.prefix()))])
}

/// Whether any text of the list fits the `LIKE` pattern.
pub(super) fn any_like(list: Expr, pattern: &str) -> Expr {
    udf(What::AnyLike).call(vec![list, lit(pattern)])
}

/// Whether some part of any text of the list fits the regular expression.
pub(super) fn any_matches(list: Expr, regex: &str) -> Expr {
    udf(What::AnyMatches).call(vec![list, lit(regex)])
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum What {
    RawContains,
    PayloadText,
    InNet,
    AnyLike,
    AnyMatches,
}

const ALL: &[What] = &[What::RawContains, What::PayloadText, What::InNet, What::AnyLike, What::AnyMatches];

fn udf(what: What) -> ScalarUDF {
    let list = || DataType::List(list_item());
    let arguments = match what {
        What::RawContains => vec![DataType::Binary, DataType::Utf8],
        What::PayloadText => vec![DataType::Binary],
        What::InNet => vec![DataType::Utf8, DataType::Utf8],
        What::AnyLike | What::AnyMatches => vec![list(), DataType::Utf8],
    };
    ScalarUDF::from(Function { what, signature: Signature::exact(arguments, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    what: What,
    signature: Signature,
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        match self.what {
            What::RawContains => "raw_contains",
            What::PayloadText => "payload_text",
            What::InNet => "in_net",
            What::AnyLike => "any_like",
            What::AnyMatches => "any_matches",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(if self.what == What::PayloadText { DataType::Utf8 } else { DataType::Boolean })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(column) = arguments.args.first() else {
            return plan_err!("{} needs an argument", self.name());
        };
        let column = column.to_array(arguments.number_rows)?;
        if self.what == What::PayloadText {
            return Ok(ColumnarValue::Array(Arc::new(texts(column.as_binary()))));
        }
        let text = match arguments.args.get(1) {
            Some(ColumnarValue::Scalar(ScalarValue::Utf8(Some(text)))) => text.as_str(),
            _ => return plan_err!("the second argument of {} must be a text", self.name()),
        };
        let holds = match self.what {
            What::RawContains => contains(column.as_binary(), text),
            What::InNet => within(column.as_string(), text)?,
            What::AnyLike => any(column.as_list(), |texts| Ok(like(texts, &StringArray::new_scalar(text))?))?,
            What::AnyMatches => {
                any(column.as_list(), |texts| Ok(regexp_is_match_scalar(texts, text, None)?))?
            }
            What::PayloadText => return exec_err!("answered above"),
        };
        Ok(ColumnarValue::Array(Arc::new(holds) as ArrayRef))
    }
}

fn texts(raw: &BinaryArray) -> StringArray {
    raw.iter().map(|bytes| bytes.map(String::from_utf8_lossy)).collect()
}

/// One search through the bytes of all rows at once: rows are shorter than what a vectorised search is good at.
fn contains(raw: &BinaryArray, text: &str) -> BooleanArray {
    let needle = text.as_bytes();
    let Some(first) = needle.first() else {
        return BooleanArray::new(arrow::buffer::BooleanBuffer::new_set(raw.len()), raw.nulls().cloned());
    };
    let offsets = raw.value_offsets();
    let (Some(start), Some(end)) = (offsets.first(), offsets.last()) else {
        return BooleanArray::from(Vec::<bool>::new());
    };
    let bytes = &raw.value_data()[..*end as usize];
    let mut holds = vec![false; raw.len()];
    let mut row = 0;
    let mut test = |place: usize| {
        // Rows only go forward, as places do.
        while place >= offsets[row + 1] as usize {
            row += 1;
        }
        let last = place + needle.len();
        if !holds[row] && last <= offsets[row + 1] as usize && bytes[place..last].eq_ignore_ascii_case(needle)
        {
            holds[row] = true;
        }
    };
    let start = *start as usize;
    if first.is_ascii_alphabetic() {
        let places = memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), &bytes[start..]);
        places.for_each(|place| test(start + place));
    } else {
        memchr_iter(*first, &bytes[start..]).for_each(|place| test(start + place));
    }
    BooleanArray::new(holds.into(), raw.nulls().cloned())
}

fn within(addresses: &StringArray, net: &str) -> Result<BooleanArray> {
    let parsed = net
        .split_once('/')
        .and_then(|(address, prefix)| Net::new(address.parse::<IpAddr>().ok()?, prefix.parse().ok()?));
    let Some(net) = parsed else {
        return exec_err!("{net} is not a network such as 10.0.0.0/8");
    };
    Ok(addresses
        .iter()
        .map(|address| address.map(|text| text.parse::<IpAddr>().is_ok_and(|address| net.contains(address))))
        .collect())
}

fn any(list: &ListArray, test: impl Fn(&StringArray) -> Result<BooleanArray>) -> Result<BooleanArray> {
    let fits = test(list.values().as_string())?;
    let offsets = list.value_offsets();
    Ok((0..list.len())
        .map(|row| {
            list.is_valid(row).then(|| {
                (offsets[row] as usize..offsets[row + 1] as usize)
                    .any(|item| fits.is_valid(item) && fits.value(item))
            })
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contains_like_the_language_says() {
        let rows = [&b"INVITE sip:a"[..], b"", b"xINVIT", b"E", b"\xff\xfeinvite", b"in InViTe"];
        let raw = BinaryArray::from_iter_values(rows);
        for text in ["invite", "I", "e", "", "sip:A", "\u{0}", "xinvite", "InVite"] {
            let found = contains(&raw, text);
            for (row, bytes) in rows.iter().enumerate() {
                assert_eq!(
                    found.value(row),
                    model::query::raw_contains(bytes, text),
                    "{text:?} in row {row}"
                );
            }
        }
        let sliced = raw.slice(2, 3);
        assert_eq!(contains(&sliced, "invite"), BooleanArray::from(vec![false, false, true]));
    }

    #[test]
    fn networks_need_an_address_and_a_prefix() {
        let addresses = StringArray::from(vec![Some("10.1.2.3"), Some("11.0.0.1"), None, Some("::1")]);
        let found = within(&addresses, "10.0.0.0/8").expect("a network");
        assert_eq!(found, BooleanArray::from(vec![Some(true), Some(false), None, Some(false)]));
        assert!(within(&addresses, "10.0.0.0").is_err());
        assert!(within(&addresses, "10.0.0.0/40").is_err());
    }
}
