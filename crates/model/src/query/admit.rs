//! An expression as a limit on what somebody may read. Asked as a question, a condition on a field that a record does not
//! have is false, and `not` of it true: who must not see one customer would be shown every record that names none. As a
//! limit, what is not known admits nothing.

use crate::Table;

use super::{Expr, FieldRef};

impl Expr {
    /// What a record of this table must satisfy, so that it is admitted: a condition on a missing field admits nothing,
    /// nor does its contrary. `Never`: no record of this table is.
    pub fn admitting(&self, table: &Table) -> Expr {
        admitting(self, table, true)
    }

    /// Every field that it names, once for each condition.
    pub fn fields(&self) -> Vec<&FieldRef> {
        match self {
            Expr::And(terms) | Expr::Or(terms) => terms.iter().flat_map(Expr::fields).collect(),
            Expr::Not(term) => term.fields(),
            leaf => leaf.field().into_iter().collect(),
        }
    }

    /// Whether some condition of it is on the table.
    pub fn names_table(&self) -> bool {
        match self {
            Expr::And(terms) | Expr::Or(terms) => terms.iter().any(Expr::names_table),
            Expr::Not(term) => term.names_table(),
            leaf => matches!(leaf, Expr::Table(_)),
        }
    }

    /// Whether some condition of it is on the payload, which whoever sends it can write.
    pub fn reads_payload(&self) -> bool {
        match self {
            Expr::And(terms) | Expr::Or(terms) => terms.iter().any(Expr::reads_payload),
            Expr::Not(term) => term.reads_payload(),
            Expr::RawContains(_) => true,
            leaf => leaf.field().is_some_and(|field| crate::TAIL.iter().any(|tail| tail.name == field.name)),
        }
    }
}

/// `is_wanted`: the condition must hold; else its contrary must.
fn admitting(expr: &Expr, table: &Table, is_wanted: bool) -> Expr {
    let all = |terms: &[Expr]| terms.iter().map(|term| admitting(term, table, is_wanted)).collect::<Vec<_>>();
    match (expr, is_wanted) {
        (Expr::Always, true) | (Expr::Never, false) => Expr::Always,
        (Expr::Never, true) | (Expr::Always, false) => Expr::Never,
        // De Morgan: the contrary of all is the contrary of any.
        (Expr::And(terms), true) | (Expr::Or(terms), false) => Expr::and(all(terms)),
        (Expr::Or(terms), true) | (Expr::And(terms), false) => Expr::or(all(terms)),
        (Expr::Not(term), _) => admitting(term, table, !is_wanted),
        (Expr::Table(name), _) => {
            if (*name == table.name) == is_wanted {
                Expr::Always
            } else {
                Expr::Never
            }
        }
        (leaf, _) if leaf.field().is_some_and(|field| !field.is_of(table)) => Expr::Never,
        (leaf, true) => leaf.clone(),
        (Expr::Exists { .. } | Expr::RawContains(_), false) => Expr::not(expr.clone()),
        (leaf, false) => {
            let is_there = leaf.field().map_or(Expr::Always, |field| Expr::Exists { field: *field });
            Expr::and([is_there, Expr::not(leaf.clone())])
        }
    }
}
