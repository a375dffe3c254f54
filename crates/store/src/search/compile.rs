//! From the query language to DataFusion.
//!
//! The language has two truth values, SQL three. A comparison with a missing value is neither true nor false in
//! SQL, which a filter treats like false: the same as in the language. Only `not` must be told, and becomes
//! `IS NOT TRUE`.

use datafusion::common::{Column, ScalarValue};
use datafusion::functions_nested::expr_fn::{array_has, array_length};
use datafusion::logical_expr::expr::{InList, Like};
use datafusion::logical_expr::{BinaryExpr, Expr as Compiled, Operator, is_not_true, lit};
use model::query::{Expr, FieldRef, Literal, Op};
use model::{Kind, Table};

use crate::schema::UTC;
use crate::search::functions::{any_like, any_matches, in_net, payload_text, raw_contains};

/// The condition on rows of one table. `None` if no row can satisfy it.
pub(super) fn compile(expr: &Expr, table: &Table) -> Option<Compiled> {
    match expr.for_table(table) {
        Expr::Never => None,
        expr => Some(condition(&expr)),
    }
}

fn condition(expr: &Expr) -> Compiled {
    match expr {
        Expr::Always => lit(true),
        // `for_table` has decided those about tables.
        Expr::Never | Expr::Table(_) => lit(false),
        Expr::And(terms) => join(terms, Operator::And, true),
        Expr::Or(terms) => join(terms, Operator::Or, false),
        Expr::Not(term) => is_not_true(condition(term)),
        Expr::Compare { field, op, value } => compare(field, *op, value),
        Expr::InList { field, values } => in_list(field, values),
        Expr::Range { field, low, high } => {
            binary(compare(field, Op::Ge, low), Operator::And, compare(field, Op::Le, high))
        }
        Expr::Like { field, pattern } => match field.kind {
            Kind::TextList => any_like(column(field), &pattern.to_sql_like()),
            _ => Compiled::Like(Like::new(
                false,
                Box::new(text(field)),
                Box::new(lit(pattern.to_sql_like())),
                Some('\\'),
                false,
            )),
        },
        Expr::Regex { field, pattern } => match field.kind {
            Kind::TextList => any_matches(column(field), pattern),
            _ => binary(text(field), Operator::RegexMatch, lit(pattern.as_str())),
        },
        Expr::InNet { field, net } => in_net(column(field), net),
        Expr::Exists { field } => match field.kind {
            Kind::TextList => binary(array_length(column(field)), Operator::Gt, lit(0_u64)),
            Kind::Bytes => binary(column(field), Operator::NotEq, lit(ScalarValue::Binary(Some(Vec::new())))),
            _ => column(field).is_not_null(),
        },
        Expr::RawContains(text) => raw_contains(named("raw"), text),
    }
}

/// A balanced tree: the plan is walked by recursion, and a pasted list may hold two thousand terms.
fn join(terms: &[Expr], operator: Operator, empty: bool) -> Compiled {
    match terms {
        [] => lit(empty),
        [term] => condition(term),
        _ => {
            let (left, right) = terms.split_at(terms.len() / 2);
            binary(join(left, operator, empty), operator, join(right, operator, empty))
        }
    }
}

fn compare(field: &FieldRef, op: Op, value: &Literal) -> Compiled {
    if field.kind == Kind::TextList {
        let holds = array_has(column(field), literal(value));
        let filled = binary(array_length(column(field)), Operator::Gt, lit(0_u64));
        return match op {
            Op::Eq => binary(filled, Operator::And, holds),
            Op::Ne => binary(filled, Operator::And, is_not_true(holds)),
            Op::Lt | Op::Le | Op::Gt | Op::Ge => lit(false),
        };
    }
    let operator = match op {
        Op::Eq => Operator::Eq,
        Op::Ne => Operator::NotEq,
        Op::Lt => Operator::Lt,
        Op::Le => Operator::LtEq,
        Op::Gt => Operator::Gt,
        Op::Ge => Operator::GtEq,
    };
    if fits(field.kind, value) { binary(column(field), operator, literal(value)) } else { lit(false) }
}

fn in_list(field: &FieldRef, values: &[Literal]) -> Compiled {
    if field.kind == Kind::TextList {
        let terms: Vec<Expr> = values
            .iter()
            .map(|value| Expr::Compare { field: *field, op: Op::Eq, value: value.clone() })
            .collect();
        return join(&terms, Operator::Or, false);
    }
    let fitting = values.iter().filter(|value| fits(field.kind, value)).map(literal).collect();
    Compiled::InList(InList::new(Box::new(column(field)), fitting, false))
}

/// Whether a comparison between this kind and this value means anything; else it is false.
fn fits(kind: Kind, value: &Literal) -> bool {
    match value {
        Literal::Text(_) => matches!(kind, Kind::Text | Kind::Ip | Kind::Json),
        Literal::Ip(_) => matches!(kind, Kind::Text | Kind::Ip),
        Literal::Int(_) => matches!(kind, Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Time),
        Literal::Time(_) => matches!(kind, Kind::Time | Kind::Int64),
        Literal::Float(_) => kind == Kind::Float,
        Literal::Bool(_) => kind == Kind::Bool,
    }
}

fn literal(value: &Literal) -> Compiled {
    match value {
        Literal::Text(text) => lit(text.as_str()),
        Literal::Int(number) => lit(*number),
        Literal::Float(number) => lit(*number),
        Literal::Bool(truth) => lit(*truth),
        Literal::Time(time) => lit(ScalarValue::TimestampMicrosecond(Some(time.0), Some(UTC.into()))),
        Literal::Ip(address) => lit(address.to_string()),
    }
}

/// The field as text, for patterns.
fn text(field: &FieldRef) -> Compiled {
    if field.kind == Kind::Bytes { payload_text(column(field)) } else { column(field) }
}

fn column(field: &FieldRef) -> Compiled {
    named(field.name)
}

/// Not `col`: that would read a dot or a capital letter in the name as something else.
pub(super) fn named(name: &str) -> Compiled {
    Compiled::Column(Column::new_unqualified(name))
}

pub(super) fn binary(left: Compiled, operator: Operator, right: Compiled) -> Compiled {
    Compiled::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right)))
}
