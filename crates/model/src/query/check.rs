//! A comparison put to the kinds of its fields: values are read, units converted, impossible ones refused.

use std::ops::Range;

use crate::{Kind, Micros, Unit};

use super::catalogue::{Meaning, Named, Unknown};
use super::lex::Written;
use super::names::nearest;
use super::value::{self, Number, NumberError};
use super::{Catalogue, Expr, Literal, Op, QueryError, compile_regex};

/// What is asked of a field, as written.
#[derive(Debug)]
pub(super) enum Test<'a> {
    Exists,
    Equal(Written<'a>),
    Order(Op, Written<'a>),
    Match(Written<'a>),
    List(Vec<Written<'a>>),
    Span(Option<Written<'a>>, Option<Written<'a>>),
}

pub(super) struct Checker<'a> {
    pub(super) text: &'a str,
    pub(super) catalogue: &'a Catalogue,
    pub(super) now: Micros,
}

impl Checker<'_> {
    /// `negated` asks for fields that are there and do not pass the test.
    pub(super) fn apply(
        &self,
        meaning: Meaning,
        test: &Test<'_>,
        negated: bool,
        name: &Range<usize>,
    ) -> Result<Expr, QueryError> {
        let fields: Vec<Named> = match meaning {
            Meaning::Field(named) => vec![named],
            Meaning::Any(any) => any.into_iter().flatten().collect(),
            Meaning::Endpoint { ip, .. } => vec![ip],
            Meaning::Table => return self.tables(test, negated, name),
        };
        let positive = match (meaning, test) {
            (Meaning::Endpoint { ip, port }, Test::Equal(written)) => self.endpoint(ip, port, written)?,
            (Meaning::Endpoint { ip, port }, Test::List(values)) => {
                Expr::or(self.each(values, |written| self.endpoint(ip, port, written))?)
            }
            _ => Expr::or(self.each(&fields, |field| self.one(*field, test, name))?),
        };
        if let Test::Match(written) = test {
            // Once, however many fields the name stands for.
            compile_regex(&written.regex())
                .map_err(|cause| self.error(written, format!("not a regular expression: {cause}")))?;
        }
        if !negated {
            return Ok(positive);
        }
        if let Expr::Compare { field, op: Op::Eq, value } = positive {
            return Ok(Expr::Compare { field, op: Op::Ne, value });
        }
        let there = Expr::or(fields.iter().map(|named| Expr::Exists { field: named.field }));
        Ok(Expr::and([there, Expr::not(positive)]))
    }

    fn one(&self, named: Named, test: &Test<'_>, name: &Range<usize>) -> Result<Expr, QueryError> {
        let field = named.field;
        match test {
            Test::Exists => Ok(Expr::Exists { field }),
            Test::Equal(written) => self.equal(named, written),
            Test::Order(op, written) => self.order(named, *op, written, name),
            Test::Match(written) => self.matching(named, written),
            Test::List(values) => self.list(named, values),
            Test::Span(low, high) => self.span(named, low.as_ref(), high.as_ref(), name),
        }
    }

    fn equal(&self, named: Named, written: &Written<'_>) -> Result<Expr, QueryError> {
        let field = named.field;
        let compare = |value| Ok(Expr::Compare { field, op: Op::Eq, value });
        let pattern = written.pattern();
        match named.kind() {
            Kind::Text | Kind::TextList | Kind::Json => match pattern.as_plain() {
                Some(text) => compare(Literal::Text(self.known_spelling(field.name, text, written.quoted))),
                None => Ok(Expr::Like { field, pattern }),
            },
            Kind::Ip => {
                if pattern.as_plain().is_none() {
                    return Ok(Expr::Like { field, pattern });
                }
                let text = written.plain();
                if let Some(net) = value::network(&text) {
                    return Ok(Expr::InNet { field, net });
                }
                compare(Literal::Ip(self.address(named, &text, written)?))
            }
            Kind::Time => {
                let text = written.plain();
                if let Some((low, high)) = value::day(&text) {
                    return Ok(Expr::Range { field, low: Literal::Time(low), high: Literal::Time(high) });
                }
                compare(self.literal(named, written, Rounding::Exact)?)
            }
            Kind::Int16 | Kind::Int32 | Kind::Int64 => {
                if let Some((low, high)) = value::status_class(&written.plain()) {
                    return Ok(Expr::Range { field, low: Literal::Int(low), high: Literal::Int(high) });
                }
                compare(self.literal(named, written, Rounding::Exact)?)
            }
            Kind::Float | Kind::Bool => compare(self.literal(named, written, Rounding::Exact)?),
            Kind::Bytes => Err(self.bytes_error(named, written)),
        }
    }

    fn order(
        &self,
        named: Named,
        op: Op,
        written: &Written<'_>,
        name: &Range<usize>,
    ) -> Result<Expr, QueryError> {
        self.check_order(named, name)?;
        let rounding = match op {
            Op::Lt | Op::Ge => Rounding::Up,
            _ => Rounding::Down,
        };
        let value = self.literal(named, written, rounding)?;
        Ok(Expr::Compare { field: named.field, op, value })
    }

    fn span(
        &self,
        named: Named,
        low: Option<&Written<'_>>,
        high: Option<&Written<'_>>,
        name: &Range<usize>,
    ) -> Result<Expr, QueryError> {
        self.check_order(named, name)?;
        let field = named.field;
        let low = low.map(|written| self.literal(named, written, Rounding::Up)).transpose()?;
        let high = high.map(|written| self.literal(named, written, Rounding::Down)).transpose()?;
        Ok(match (low, high) {
            (Some(low), Some(high)) => Expr::Range { field, low, high },
            (Some(low), None) => Expr::Compare { field, op: Op::Ge, value: low },
            (None, Some(high)) => Expr::Compare { field, op: Op::Le, value: high },
            (None, None) => Expr::Exists { field },
        })
    }

    fn matching(&self, named: Named, written: &Written<'_>) -> Result<Expr, QueryError> {
        match named.kind() {
            Kind::Text | Kind::TextList | Kind::Json | Kind::Ip | Kind::Bytes => {}
            Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Float | Kind::Bool | Kind::Time => {
                let message = format!(
                    "{} is {}; a regular expression needs text",
                    named.field.name,
                    kind_name(named.kind())
                );
                return Err(self.error(written, message));
            }
        }
        Ok(Expr::Regex { field: named.field, pattern: written.regex() })
    }

    /// Plain values together, patterns and networks beside them.
    fn list(&self, named: Named, values: &[Written<'_>]) -> Result<Expr, QueryError> {
        let mut plain = Vec::new();
        let mut others = Vec::new();
        for written in values {
            match self.equal(named, written)? {
                Expr::Compare { value, .. } if named.kind() != Kind::TextList => plain.push(value),
                other => others.push(other),
            }
        }
        let field = named.field;
        let plain = match plain.len() {
            0 => None,
            1 => plain.pop().map(|value| Expr::Compare { field, op: Op::Eq, value }),
            _ => Some(Expr::InList { field, values: plain }),
        };
        Ok(Expr::or(plain.into_iter().chain(others)))
    }

    fn endpoint(&self, ip: Named, port: Named, written: &Written<'_>) -> Result<Expr, QueryError> {
        let Some(endpoint) = value::endpoint(&written.plain()) else { return self.equal(ip, written) };
        let compare = |named: Named, value| Expr::Compare { field: named.field, op: Op::Eq, value };
        Ok(Expr::and([
            compare(ip, Literal::Ip(endpoint.ip())),
            compare(port, Literal::Int(i64::from(endpoint.port()))),
        ]))
    }

    fn tables(&self, test: &Test<'_>, negated: bool, name: &Range<usize>) -> Result<Expr, QueryError> {
        let values = match test {
            Test::Equal(written) => std::slice::from_ref(written),
            Test::List(values) => values.as_slice(),
            Test::Exists | Test::Order(..) | Test::Match(_) | Test::Span(..) => {
                let message = "table takes only = and in, as in table = sip";
                return Err(QueryError::new(self.text, name.clone(), message));
            }
        };
        let tables = self.each(values, |written| {
            let table = self.catalogue.table_named(&written.plain().to_ascii_lowercase());
            let unknown = |Unknown { message, suggestion }| self.error(written, message).suggest(suggestion);
            table.map(|table| Expr::Table(table.name)).map_err(unknown)
        })?;
        let any = Expr::or(tables);
        Ok(if negated { Expr::not(any) } else { any })
    }

    /// A single value in the kind and unit of the field.
    fn literal(
        &self,
        named: Named,
        written: &Written<'_>,
        rounding: Rounding,
    ) -> Result<Literal, QueryError> {
        let text = written.plain();
        match named.kind() {
            Kind::Text | Kind::TextList | Kind::Json => {
                Ok(Literal::Text(self.known_spelling(named.field.name, &text, written.quoted)))
            }
            Kind::Int16 | Kind::Int32 | Kind::Int64 => {
                self.integer(named, &text, rounding, written).map(Literal::Int)
            }
            Kind::Float => match value::number(&text, named.unit) {
                Ok(Number::Whole(whole)) => Ok(Literal::Float(whole as f64)),
                Ok(Number::Fraction(fraction)) => Ok(Literal::Float(fraction)),
                Err(cause) => Err(self.number_error(named, &text, cause, written)),
            },
            Kind::Bool => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => Ok(Literal::Bool(true)),
                "false" | "no" | "0" => Ok(Literal::Bool(false)),
                _ => Err(self.error(written, format!("{} is true or false, not {text}", named.field.name))),
            },
            Kind::Time => value::time(&text, self.now).map(Literal::Time).ok_or_else(|| {
                let message =
                    format!("{text} is not a time; write 2026-11-21 03:00, 2026-11-21T03:00:00Z or -1h");
                self.error(written, message)
            }),
            Kind::Ip => self.address(named, &text, written).map(Literal::Ip),
            Kind::Bytes => Err(self.bytes_error(named, written)),
        }
    }

    fn integer(
        &self,
        named: Named,
        text: &str,
        rounding: Rounding,
        written: &Written<'_>,
    ) -> Result<i64, QueryError> {
        let number = value::number(text, named.unit)
            .map_err(|cause| self.number_error(named, text, cause, written))?;
        let name = named.field.name;
        let whole = match (number, rounding) {
            (Number::Whole(whole), _) => whole,
            (Number::Fraction(_), Rounding::Exact) => {
                let unit = named.unit.map_or(String::new(), |unit| format!(" of {}", unit_name(unit)));
                return Err(self.error(written, format!("{name} holds whole numbers{unit}; {text} is none")));
            }
            (Number::Fraction(fraction), Rounding::Up) => fraction.ceil() as i64,
            (Number::Fraction(fraction), Rounding::Down) => fraction.floor() as i64,
        };
        let (low, high) = match named.kind() {
            Kind::Int16 => (i64::from(i16::MIN), i64::from(i16::MAX)),
            Kind::Int32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => (i64::MIN, i64::MAX),
        };
        if (low..=high).contains(&whole) {
            return Ok(whole);
        }
        Err(self.error(written, format!("{text} is out of range for {name}, which holds {low} to {high}")))
    }

    fn address(
        &self,
        named: Named,
        text: &str,
        written: &Written<'_>,
    ) -> Result<std::net::IpAddr, QueryError> {
        if let Some(addr) = value::address(text) {
            return Ok(addr);
        }
        let name = named.field.name;
        if let Some(endpoint) = value::endpoint(text) {
            let message = format!("{name} holds an address without port; src and dst take address:port");
            return Err(self.error(written, message).suggest(Some(endpoint.ip().to_string())));
        }
        Err(self
            .error(written, format!("{name} holds addresses; {text} is neither an address nor a network")))
    }

    fn check_order(&self, named: Named, name: &Range<usize>) -> Result<(), QueryError> {
        match named.kind() {
            Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Float | Kind::Time | Kind::Text => Ok(()),
            Kind::Ip | Kind::Bool | Kind::Bytes | Kind::TextList | Kind::Json => {
                let hint =
                    if named.kind() == Kind::Ip { "; write a network, as in = 10.0.0.0/8" } else { "" };
                let message =
                    format!("{} is {}, which has no order{hint}", named.field.name, kind_name(named.kind()));
                Err(QueryError::new(self.text, name.clone(), message))
            }
        }
    }

    fn number_error(
        &self,
        named: Named,
        text: &str,
        cause: NumberError,
        written: &Written<'_>,
    ) -> QueryError {
        let name = named.field.name;
        match (cause, named.unit) {
            (NumberError::NotANumber, _) => {
                let values = self.catalogue.values(name);
                let near = status_class(text)
                    .or_else(|| nearest(text, values.iter().map(String::as_str)).map(str::to_owned));
                self.error(written, format!("{name} is a number; {text} is none")).suggest(near)
            }
            (NumberError::WrongUnit, None) => {
                self.error(written, format!("{name} has no unit; write {text} as a plain number"))
            }
            (NumberError::WrongUnit, Some(unit)) => {
                self.error(written, format!("{name} is in {}; {text} is not", unit_name(unit)))
            }
        }
    }

    fn bytes_error(&self, named: Named, written: &Written<'_>) -> QueryError {
        let name = named.field.name;
        self.error(
            written,
            format!(
                "{name} holds the packet's bytes: search it with \"text in quotes\" or {name} ~ \"regex\""
            ),
        )
    }

    /// A bare word that is a known value but for the case of its letters is that value.
    fn known_spelling(&self, name: &str, text: &str, quoted: bool) -> String {
        let known = self.catalogue.values(name).iter().find(|known| known.eq_ignore_ascii_case(text));
        match known {
            Some(known) if !quoted => known.clone(),
            _ => text.to_owned(),
        }
    }

    fn each<T>(
        &self,
        items: &[T],
        make: impl Fn(&T) -> Result<Expr, QueryError>,
    ) -> Result<Vec<Expr>, QueryError> {
        items.iter().map(make).collect()
    }

    fn error(&self, written: &Written<'_>, message: impl Into<String>) -> QueryError {
        QueryError::new(self.text, written.at.clone(), message)
    }
}

/// How a fraction is brought to whole numbers so that the comparison keeps its meaning.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rounding {
    Exact,
    Up,
    Down,
}

/// `4*` and `4??` are meant as `4xx`.
fn status_class(text: &str) -> Option<String> {
    match text.as_bytes() {
        [class @ b'1'..=b'6', rest @ ..]
            if !rest.is_empty() && rest.iter().all(|byte| matches!(byte, b'*' | b'?')) =>
        {
            Some(format!("{}xx", char::from(*class)))
        }
        _ => None,
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Float => "a number",
        Kind::Bool => "true or false",
        Kind::Time => "a time",
        Kind::Bytes => "bytes",
        Kind::Ip => "an address",
        Kind::TextList => "a list",
        Kind::Json => "JSON",
    }
}

fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => "seconds",
        Unit::Milliseconds => "milliseconds",
        Unit::Microseconds => "microseconds",
        Unit::Bytes => "bytes",
        Unit::Percent => "percent",
    }
}
