//! What an expression means, record by record: the truth that compiled forms are tested against.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::{Kind, Micros, Record, Value};

use super::{Expr, FieldRef, Literal, Op, compile_regex};

/// Whether the record satisfies the expression.
pub fn matches(expr: &Expr, record: &Record<'_>) -> bool {
    match expr {
        Expr::Always => true,
        Expr::Never => false,
        Expr::And(terms) => terms.iter().all(|term| matches(term, record)),
        Expr::Or(terms) => terms.iter().any(|term| matches(term, record)),
        Expr::Not(term) => !matches(term, record),
        Expr::Table(name) => record.table.name == *name,
        Expr::Compare { field, op, value } => compare(record, field, *op, value),
        Expr::InList { field, values } => values.iter().any(|value| compare(record, field, Op::Eq, value)),
        Expr::Range { field, low, high } => {
            compare(record, field, Op::Ge, low) && compare(record, field, Op::Le, high)
        }
        Expr::Like { field, pattern } => texts(record, field).iter().any(|text| pattern.matches(text)),
        Expr::Regex { field, pattern } => match compile_regex(pattern) {
            Ok(regex) => texts(record, field).iter().any(|text| regex.is_match(text)),
            Err(_) => false,
        },
        Expr::InNet { field, net } => {
            texts(record, field).iter().any(|text| text.parse().is_ok_and(|addr| net.contains(addr)))
        }
        Expr::Exists { field } => match value_of(record, field) {
            Value::Null => false,
            Value::Bytes(bytes) => !bytes.is_empty(),
            Value::TextList(list) => !list.is_empty(),
            _ => true,
        },
        Expr::RawContains(text) => raw_contains(record.raw, text),
    }
}

/// Whether the payload contains the text, ASCII letters in either case.
pub fn raw_contains(raw: &[u8], text: &str) -> bool {
    let text = text.as_bytes();
    text.is_empty() || raw.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text))
}

fn compare(record: &Record<'_>, field: &FieldRef, op: Op, literal: &Literal) -> bool {
    let value = value_of(record, field);
    if let Value::TextList(list) = &value {
        let Literal::Text(text) = literal else { return false };
        let holds = list.iter().any(|item| item == text);
        return match op {
            Op::Eq => holds,
            Op::Ne => !list.is_empty() && !holds,
            Op::Lt | Op::Le | Op::Gt | Op::Ge => false,
        };
    }
    let Some(ordering) = order(&value, literal) else { return false };
    match op {
        Op::Eq => ordering == Ordering::Equal,
        Op::Ne => ordering != Ordering::Equal,
        Op::Lt => ordering == Ordering::Less,
        Op::Le => ordering != Ordering::Greater,
        Op::Gt => ordering == Ordering::Greater,
        Op::Ge => ordering != Ordering::Less,
    }
}

/// `None` when the value is missing or of another kind.
fn order(value: &Value<'_>, literal: &Literal) -> Option<Ordering> {
    match (value, literal) {
        (Value::Text(text), Literal::Text(other)) => Some(text.as_ref().cmp(other)),
        (Value::Text(text), Literal::Ip(addr)) => Some(text.as_ref().cmp(addr.to_string().as_str())),
        (Value::Int(number), Literal::Int(other) | Literal::Time(Micros(other))) => Some(number.cmp(other)),
        (Value::Float(number), Literal::Float(other)) => number.partial_cmp(other),
        (Value::Bool(truth), Literal::Bool(other)) => Some(truth.cmp(other)),
        _ => None,
    }
}

/// The texts of a field: none if it is missing.
fn texts<'r>(record: &'r Record<'_>, field: &FieldRef) -> Vec<Cow<'r, str>> {
    match value_of(record, field) {
        Value::Text(text) => vec![text],
        Value::TextList(list) => list,
        Value::Bytes(bytes) if field.kind == Kind::Bytes => {
            vec![Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())]
        }
        _ => Vec::new(),
    }
}

fn value_of<'r>(record: &'r Record<'_>, field: &FieldRef) -> Value<'r> {
    if !field.is_of(record.table) {
        return Value::Null;
    }
    record.value(field.name)
}
