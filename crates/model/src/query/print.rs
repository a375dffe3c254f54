//! An expression as text of the language: parsing it gives the same expression again.

use std::fmt::{self, Display, Formatter, Write};

use super::pattern::{Part, Pattern};
use super::{Expr, FieldRef, Literal, Net, Op};

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Always => f.write_str("*"),
            Expr::Never => f.write_str("not *"),
            Expr::And(terms) => joined(f, terms, " and "),
            Expr::Or(terms) => joined(f, terms, " or "),
            Expr::Not(term) => write!(f, "not {}", Nested(term)),
            Expr::Table(name) => write!(f, "table = {name}"),
            Expr::Compare { field, op, value } => write!(f, "{field} {op} {value}"),
            Expr::InList { field, values } => {
                write!(f, "{field} in (")?;
                for (place, value) in values.iter().enumerate() {
                    let comma = if place == 0 { "" } else { ", " };
                    write!(f, "{comma}{value}")?;
                }
                f.write_char(')')
            }
            Expr::Range { field, low, high } => write!(f, "{field} in {low}..{high}"),
            Expr::Like { field, pattern } => write!(f, "{field} = {pattern}"),
            Expr::Regex { field, pattern } => {
                write!(f, "{field} ~ \"")?;
                write_regex(f, pattern)?;
                f.write_char('"')
            }
            Expr::InNet { field, net } => write!(f, "{field} = {net}"),
            Expr::Exists { field } => write!(f, "exists {field}"),
            Expr::RawContains(text) => {
                f.write_char('"')?;
                write_text(f, text, false)?;
                f.write_char('"')
            }
        }
    }
}

impl Display for FieldRef {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.table {
            Some(table) => write!(f, "{table}.{}", self.name),
            None => f.write_str(self.name),
        }
    }
}

impl Display for Op {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Op::Eq => "=",
            Op::Ne => "!=",
            Op::Lt => "<",
            Op::Le => "<=",
            Op::Gt => ">",
            Op::Ge => ">=",
        })
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            // Always in quotes: a bare word may be corrected in its case.
            Literal::Text(text) => {
                f.write_char('"')?;
                write_text(f, text, true)?;
                f.write_char('"')
            }
            Literal::Int(number) => write!(f, "{number}"),
            Literal::Float(number) => write!(f, "{number}"),
            Literal::Bool(truth) => write!(f, "{truth}"),
            Literal::Time(time) => write!(f, "{time}"),
            Literal::Ip(addr) => write!(f, "{addr}"),
        }
    }
}

impl Display for Net {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr(), self.prefix())
    }
}

impl Display for Pattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for part in self.parts() {
            match part {
                Part::Run => f.write_char('*')?,
                Part::One => f.write_char('?')?,
                Part::Text(text) => write_text(f, text, true)?,
            }
        }
        f.write_char('"')
    }
}

/// A term inside another one: in parentheses where the outer one binds tighter.
struct Nested<'a>(&'a Expr);

impl Display for Nested<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Expr::And(_) | Expr::Or(_) => write!(f, "({})", self.0),
            other => other.fmt(f),
        }
    }
}

fn joined(f: &mut Formatter<'_>, terms: &[Expr], word: &str) -> fmt::Result {
    for (place, term) in terms.iter().enumerate() {
        if place > 0 {
            f.write_str(word)?;
        }
        write!(f, "{}", Nested(term))?;
    }
    Ok(())
}

fn write_text(f: &mut Formatter<'_>, text: &str, has_wildcards: bool) -> fmt::Result {
    for letter in text.chars() {
        match letter {
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '\r' => f.write_str("\\r")?,
            '"' | '\\' => write!(f, "\\{letter}")?,
            '*' | '?' if has_wildcards => write!(f, "\\{letter}")?,
            other => f.write_char(other)?,
        }
    }
    Ok(())
}

/// Only the quote needs an escape; escapes of the regular expression itself stay as they are.
fn write_regex(f: &mut Formatter<'_>, pattern: &str) -> fmt::Result {
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => f.write_str("\\\"")?,
            '\\' => {
                f.write_char('\\')?;
                if let Some(next) = letters.next() {
                    f.write_char(next)?;
                }
            }
            other => f.write_char(other)?,
        }
    }
    Ok(())
}
