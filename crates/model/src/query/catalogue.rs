use crate::{Field, Kind, Table, Unit};

use super::FieldRef;
use super::names::{ALIASES, Target, VALUES, nearest};

/// The names a query may use: every table with its columns, the aliases, and the values known of some columns.
#[derive(Clone, Debug)]
pub struct Catalogue {
    tables: Vec<&'static Table>,
    /// How many tables are built in; they come first. Names of the others never change what a plain name means.
    built_in: usize,
    values: Vec<(&'static str, Vec<String>)>,
}

/// What a written name means.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning {
    Field(Named),
    Any([Option<Named>; 4]),
    Endpoint { ip: Named, port: Named },
    Table,
}

/// A field with what the checker needs to know of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    pub(super) field: FieldRef,
    pub(super) unit: Option<Unit>,
}

/// Why a written name means nothing.
#[derive(Clone, Debug)]
pub(super) struct Unknown {
    pub(super) message: String,
    pub(super) suggestion: Option<String>,
}

impl Catalogue {
    pub fn new(tables: &[&'static Table]) -> Self {
        let values =
            VALUES.iter().map(|(name, values)| (*name, values.iter().map(|v| (*v).to_owned()).collect()));
        Self { tables: tables.to_vec(), built_in: tables.len(), values: values.collect() }
    }

    /// Adds tables that were defined at run time. A plain name means a column of theirs only if it means nothing
    /// else: who writes `status = 200` means that of SIP, whatever anybody calls a field. With its table's name before
    /// it, every column can be asked for.
    #[must_use]
    pub fn with_defined(mut self, tables: &[&'static Table]) -> Self {
        self.tables.extend(tables);
        self
    }

    /// Adds values known of a column, for completion and for writing them in either case: the flags a protocol may
    /// raise, or what the data holds.
    pub fn with_values<V: Into<String>>(
        mut self,
        column: &'static str,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let place = match self.values.iter().position(|(name, _)| *name == column) {
            Some(place) => place,
            None => {
                self.values.push((column, Vec::new()));
                self.values.len() - 1
            }
        };
        let known = &mut self.values[place].1;
        for value in values.into_iter().map(Into::into) {
            if !known.contains(&value) {
                known.push(value);
            }
        }
        self
    }

    pub fn tables(&self) -> &[&'static Table] {
        &self.tables
    }

    pub fn values(&self, column: &str) -> &[String] {
        self.values.iter().find(|(name, _)| *name == column).map_or(&[], |(_, values)| values)
    }

    /// Every column once, with the tables that have it, in table order.
    pub fn fields(&self) -> Vec<(&'static Field, Vec<&'static str>)> {
        let mut fields: Vec<(&'static Field, Vec<&'static str>)> = Vec::new();
        for table in &self.tables {
            for field in table.columns() {
                match fields.iter_mut().find(|(known, _)| known.name == field.name) {
                    Some((_, tables)) => tables.push(table.name),
                    None => fields.push((field, vec![table.name])),
                }
            }
        }
        fields
    }

    /// Friendly names with their line of help, as far as this catalogue has what they stand for.
    pub fn aliases(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        ALIASES.iter().filter(|(name, ..)| self.resolve(name).is_ok()).map(|(name, _, doc)| (*name, *doc))
    }

    /// The meaning of `name` or `table.name`, in either case of letters.
    pub(super) fn resolve(&self, written: &str) -> Result<Meaning, Unknown> {
        let name = written.to_ascii_lowercase();
        let (table, name) = match name.split_once('.') {
            Some((table, name)) => (Some(self.table_named(table)?), name),
            None => (None, name.as_str()),
        };
        if let Some(named) = self.column(table, name)? {
            return Ok(Meaning::Field(named));
        }
        let alias = ALIASES.iter().find(|(alias, ..)| *alias == name);
        if let Some((_, target, _)) = alias
            && let Some(meaning) = self.target(table, *target)?
        {
            return Ok(meaning);
        }
        match agreed(&self.tables[self.built_in..], name)? {
            Some(named) if table.is_none() => Ok(Meaning::Field(named)),
            _ => Err(self.unknown(table, name)),
        }
    }

    /// A column by its plain name, if some table has it and all that have it agree on its kind.
    pub(super) fn plain(&self, name: &str) -> Option<Named> {
        self.column(None, name).ok().flatten()
    }

    pub(super) fn table_named(&self, name: &str) -> Result<&'static Table, Unknown> {
        self.tables.iter().find(|table| table.name == name).copied().ok_or_else(|| Unknown {
            message: format!("no table is called {name}"),
            suggestion: nearest(name, self.tables.iter().map(|table| table.name)).map(str::to_owned),
        })
    }

    fn column(&self, table: Option<&'static Table>, name: &str) -> Result<Option<Named>, Unknown> {
        if let Some(table) = table {
            return Ok(table.column(name).map(|field| named(Some(table.name), field)));
        }
        agreed(&self.tables[..self.built_in], name)
    }

    fn target(&self, table: Option<&'static Table>, target: Target) -> Result<Option<Meaning>, Unknown> {
        Ok(match target {
            Target::Field(name) => self.column(table, name)?.map(Meaning::Field),
            Target::Any(names) => {
                let mut any = [None; 4];
                for (slot, name) in any.iter_mut().zip(names) {
                    *slot = self.column(table, name)?;
                }
                any.iter().any(Option::is_some).then_some(Meaning::Any(any))
            }
            Target::Endpoint { ip, port } => match (self.column(table, ip)?, self.column(table, port)?) {
                (Some(ip), Some(port)) => Some(Meaning::Endpoint { ip, port }),
                _ => None,
            },
            Target::Table if table.is_none() => Some(Meaning::Table),
            Target::Table => None,
        })
    }

    fn unknown(&self, table: Option<&'static Table>, name: &str) -> Unknown {
        if let Some(table) = table {
            let near = nearest(name, table.columns().map(|field| field.name));
            return Unknown {
                message: format!("table {} has no field {name}", table.name),
                suggestion: near.map(|near| format!("{}.{near}", table.name)),
            };
        }
        let columns = self.tables.iter().flat_map(|table| table.columns()).map(|field| field.name);
        let aliases = ALIASES.iter().map(|(alias, ..)| *alias);
        Unknown {
            message: format!("no field is called {name}"),
            suggestion: nearest(name, columns.chain(aliases)).map(str::to_owned),
        }
    }
}

impl Named {
    pub(super) fn kind(&self) -> Kind {
        self.field.kind
    }
}

fn named(table: Option<&'static str>, field: &'static Field) -> Named {
    Named { field: FieldRef::new(table, field), unit: field.unit }
}

/// The column of this name, if some of the tables have it and all that do agree on what it holds.
fn agreed(tables: &[&'static Table], name: &str) -> Result<Option<Named>, Unknown> {
    let mut found: Option<(&'static Table, &'static Field)> = None;
    for table in tables {
        let Some(field) = table.column(name) else { continue };
        match found {
            None => found = Some((table, field)),
            Some((first, known)) if known.kind != field.kind || known.unit != field.unit => {
                return Err(Unknown {
                    message: format!("{name} differs between tables {} and {}", first.name, table.name),
                    suggestion: Some(format!("{}.{name}", first.name)),
                });
            }
            Some(_) => {}
        }
    }
    Ok(found.map(|(_, field)| named(None, field)))
}
