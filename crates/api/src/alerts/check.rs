//! Whether a rule can be asked: its query is understood, and it measures something that is there.

use alerts::Rule;
use model::Micros;
use model::query::{self, Catalogue};
use protocols::Protocols;

use crate::ask::Split;
use crate::call::By;
use crate::state::catalogue;

/// What is wrong with a rule, and under which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub key: &'static str,
    pub message: String,
}

impl Fault {
    fn new(key: &'static str, message: impl Into<String>) -> Self {
        Self { key, message: message.into() }
    }
}

/// The first thing that is wrong, if anything is. `call_rows`: whether calls and registrations have rows.
pub fn check(rule: &Rule, protocols: &Protocols, call_rows: bool, now: Micros) -> Result<(), Fault> {
    let derived = if call_rows { calls::OF_CALLS } else { &[] };
    let figure = rule.figure;
    let reads_messages = figure == alerts::Figure::Messages;
    if figure.has_window() && !reads_messages && !call_rows {
        return Err(Fault::new(
            "figure",
            format!("`{}` needs rows of calls, and calls.rows is false", figure.name()),
        ));
    }
    let catalogue: Catalogue = catalogue(protocols, derived);
    let asked = match &rule.query {
        None => None,
        Some(_) if !figure.takes_query() => {
            return Err(Fault::new("query", format!("`{}` takes no query", figure.name())));
        }
        Some(text) => Some(query::parse(text, &catalogue, now).map_err(|error| {
            let hint = error.suggestion.map_or_else(String::new, |near| format!("; did you mean {near}?"));
            Fault::new("query", format!("{} (column {}){hint}", error.message, error.column))
        })?),
    };
    if reads_messages && let Some(asked) = &asked {
        Split::of(asked.expr.clone(), protocols.tables(), derived).map_err(|why| Fault::new("query", why))?;
    }
    if !reads_messages && let Some(asked) = &asked {
        let is_registrations = figure.is_of_registrations() || figure == alerts::Figure::RegistrationRows;
        let table = if is_registrations { &calls::REGISTRATIONS } else { &calls::CALLS };
        if let Some(field) = asked.expr.name_beyond(&[table]) {
            return Err(Fault::new("query", format!("{} have no `{}`", table.name, field.name)));
        }
    }
    match &rule.by {
        None => Ok(()),
        Some(by) if figure.is_of_calls() => By::named(by)
            .map(drop)
            .map_err(|error| Fault::new("by", format!("calls are not grouped like this: {error}"))),
        Some(by) if figure.is_count() => {
            let tables: Vec<&model::Table> = match figure {
                alerts::Figure::CallRows => vec![&calls::CALLS],
                alerts::Figure::RegistrationRows => vec![&calls::REGISTRATIONS],
                _ => protocols.tables().to_vec(),
            };
            let is_there = tables.iter().any(|table| table.columns().any(|field| field.name == by));
            if is_there { Ok(()) } else { Err(Fault::new("by", format!("there is no column `{by}`"))) }
        }
        Some(_) => {
            Err(Fault::new("by", format!("`{}` has alerts of its own for each already", figure.name())))
        }
    }
}
