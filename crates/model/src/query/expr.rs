use std::net::IpAddr;

use crate::{Field, Kind, Micros, Table, Unit};

use super::Pattern;

/// What a record must satisfy, after names, aliases, units and times have been resolved.
///
/// Logic has two values: a comparison with a missing field is false, and [`Expr::Not`] of it is true. In SQL that
/// is `IS NOT TRUE` for every `Not`, and nothing special elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// Every record; the empty query.
    Always,
    /// No record.
    Never,
    /// All of these; made by [`Expr::and`], so never nested in itself and never with fewer than two.
    And(Vec<Expr>),
    /// Any of these; made by [`Expr::or`], under the same rule.
    Or(Vec<Expr>),
    Not(Box<Expr>),
    /// The record is of this table. Gone after [`Expr::for_table`].
    Table(&'static str),
    /// On a [`Kind::TextList`], `=` means that the list holds the value and `!=` that the list is not empty and
    /// does not hold it.
    Compare {
        field: FieldRef,
        op: Op,
        value: Literal,
    },
    InList {
        field: FieldRef,
        values: Vec<Literal>,
    },
    /// Both ends included.
    Range {
        field: FieldRef,
        low: Literal,
        high: Literal,
    },
    /// The whole text fits the wildcard pattern; on a [`Kind::TextList`], any of its texts does.
    Like {
        field: FieldRef,
        pattern: Pattern,
    },
    /// Some part of the text fits; on a [`Kind::TextList`], of any of its texts. The pattern has been compiled once
    /// by the parser (crate `regex`, size limit [`super::REGEX_BYTES_MAX`]).
    Regex {
        field: FieldRef,
        pattern: String,
    },
    /// An address field within a network.
    InNet {
        field: FieldRef,
        net: Net,
    },
    /// Not missing; for bytes and lists also not empty.
    Exists {
        field: FieldRef,
    },
    /// The payload contains this text, ASCII letters in either case ([`super::raw_contains`]).
    RawContains(String),
}

/// A field as the query names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldRef {
    /// `None`: in every table that has a column of this name, kind and unit.
    pub table: Option<&'static str>,
    pub name: &'static str,
    pub kind: Kind,
    pub unit: Option<Unit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Eq,
    /// The field is there and differs.
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// A value in the kind and unit of its field: `Text` for Text, TextList and Json, `Int` for every integer kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Time(Micros),
    Ip(IpAddr),
}

/// An IP network, host bits already cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    addr: IpAddr,
    prefix: u8,
}

impl Expr {
    /// All of `terms`: nested conjunctions are flattened, [`Expr::Always`] disappears, [`Expr::Never`] wins.
    pub fn and(terms: impl IntoIterator<Item = Expr>) -> Expr {
        let mut flat = Vec::new();
        for term in terms {
            match term {
                Expr::Always => {}
                Expr::Never => return Expr::Never,
                Expr::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Expr::Always,
            1 => flat.swap_remove(0),
            _ => Expr::And(flat),
        }
    }

    /// Any of `terms`, simplified like [`Expr::and`].
    pub fn or(terms: impl IntoIterator<Item = Expr>) -> Expr {
        let mut flat = Vec::new();
        for term in terms {
            match term {
                Expr::Never => {}
                Expr::Always => return Expr::Always,
                Expr::Or(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Expr::Never,
            1 => flat.swap_remove(0),
            _ => Expr::Or(flat),
        }
    }

    #[allow(clippy::should_implement_trait, reason = "a constructor beside `and` and `or`, not an operator")]
    pub fn not(term: Expr) -> Expr {
        match term {
            Expr::Always => Expr::Never,
            Expr::Never => Expr::Always,
            Expr::Not(inner) => *inner,
            other => Expr::Not(Box::new(other)),
        }
    }

    /// Whether all of it is about this table: else it is about other records, or about several.
    pub fn is_about(&self, table: &Table) -> bool {
        match self {
            Expr::And(terms) | Expr::Or(terms) => terms.iter().all(|term| term.is_about(table)),
            Expr::Not(term) => term.is_about(table),
            Expr::Table(name) => *name == table.name,
            Expr::RawContains(_) => false,
            leaf => leaf.field().is_none_or(|field| field.is_of(table)),
        }
    }

    /// The first name in it that none of these tables has.
    pub fn name_beyond(&self, tables: &[&Table]) -> Option<&FieldRef> {
        match self {
            Expr::And(terms) | Expr::Or(terms) => terms.iter().find_map(|term| term.name_beyond(tables)),
            Expr::Not(term) => term.name_beyond(tables),
            leaf => leaf.field().filter(|field| !tables.iter().any(|table| field.is_of(table))),
        }
    }

    /// The field that a single condition is on.
    pub(super) fn field(&self) -> Option<&FieldRef> {
        match self {
            Expr::Compare { field, .. }
            | Expr::InList { field, .. }
            | Expr::Range { field, .. }
            | Expr::Like { field, .. }
            | Expr::Regex { field, .. }
            | Expr::InNet { field, .. }
            | Expr::Exists { field } => Some(field),
            Expr::Always
            | Expr::Never
            | Expr::And(_)
            | Expr::Or(_)
            | Expr::Not(_)
            | Expr::Table(_)
            | Expr::RawContains(_) => None,
        }
    }

    /// The same question put to one table: fields it does not have make their comparison [`Expr::Never`],
    /// [`Expr::Table`] is decided, and what follows from that is folded. `Never` as the whole answer means that
    /// the table need not be read.
    pub fn for_table(&self, table: &Table) -> Expr {
        match self {
            Expr::Always => Expr::Always,
            Expr::Never => Expr::Never,
            Expr::And(terms) => Expr::and(terms.iter().map(|term| term.for_table(table))),
            Expr::Or(terms) => Expr::or(terms.iter().map(|term| term.for_table(table))),
            Expr::Not(term) => Expr::not(term.for_table(table)),
            Expr::Table(name) if *name == table.name => Expr::Always,
            Expr::Table(_) => Expr::Never,
            Expr::Compare { field, .. }
            | Expr::InList { field, .. }
            | Expr::Range { field, .. }
            | Expr::Like { field, .. }
            | Expr::Regex { field, .. }
            | Expr::InNet { field, .. }
            | Expr::Exists { field } => {
                if field.is_of(table) {
                    self.clone()
                } else {
                    Expr::Never
                }
            }
            Expr::RawContains(_) => self.clone(),
        }
    }
}

impl FieldRef {
    /// A field of one table, or of all that have it.
    pub const fn new(table: Option<&'static str>, field: &'static Field) -> Self {
        Self { table, name: field.name, kind: field.kind, unit: field.unit }
    }

    /// Whether the table has this column and the query means it. A column of the same name that holds something else
    /// is not meant.
    pub fn is_of(&self, table: &Table) -> bool {
        let has = |field: &Field| (field.kind, field.unit) == (self.kind, self.unit);
        self.table.is_none_or(|name| name == table.name) && table.column(self.name).is_some_and(has)
    }
}

impl Net {
    /// `None` when the prefix is longer than the address.
    pub fn new(addr: IpAddr, prefix: u8) -> Option<Net> {
        let addr = match addr {
            IpAddr::V4(v4) if prefix <= 32 => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                IpAddr::from((v4.to_bits() & mask).to_be_bytes())
            }
            IpAddr::V6(v6) if prefix <= 128 => {
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                IpAddr::from((v6.to_bits() & mask).to_be_bytes())
            }
            IpAddr::V4(_) | IpAddr::V6(_) => return None,
        };
        Some(Net { addr, prefix })
    }

    pub fn addr(&self) -> IpAddr {
        self.addr
    }

    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    pub fn contains(&self, addr: IpAddr) -> bool {
        Net::new(addr, self.prefix) == Some(*self)
    }

    /// Lowest and highest address of the network.
    pub fn bounds(&self) -> (IpAddr, IpAddr) {
        let high = match self.addr {
            IpAddr::V4(v4) => {
                let host = u32::MAX.checked_shr(u32::from(self.prefix)).unwrap_or(0);
                IpAddr::from((v4.to_bits() | host).to_be_bytes())
            }
            IpAddr::V6(v6) => {
                let host = u128::MAX.checked_shr(u32::from(self.prefix)).unwrap_or(0);
                IpAddr::from((v6.to_bits() | host).to_be_bytes())
            }
        };
        (self.addr, high)
    }
}
