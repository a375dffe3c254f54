use std::collections::BTreeMap;

use crate::{Field, Kind, Table, Unit};

use super::FieldRef;
use super::names::{ALIASES, Target, VALUES, nearest};

/// The names a query may use: every table with its columns, the aliases, and the values known of some columns.
#[derive(Clone, Debug)]
pub struct Catalogue {
    tables: Vec<&'static Table>,
    /// What plain names mean among the built-in tables, and among all others: names of those never change what a name
    /// of these means.
    built_in: BTreeMap<&'static str, Plain>,
    defined: BTreeMap<&'static str, Plain>,
    /// Every column once, with the tables that have it. Kept: completion asks with each letter typed.
    fields: Vec<(&'static Field, Vec<&'static str>)>,
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

/// A column by its plain name.
#[derive(Clone, Copy, Debug)]
enum Plain {
    /// All tables that have it agree on what it holds.
    Agreed(&'static Field),
    /// These two do not.
    Differs(&'static str, &'static str),
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
        let mut catalogue = Self {
            tables: Vec::new(),
            built_in: plain_names(tables),
            defined: BTreeMap::new(),
            fields: Vec::new(),
            values: values.collect(),
        };
        catalogue.add(tables);
        catalogue
    }

    /// Adds tables that were defined at run time. A plain name means a column of theirs only if it means nothing
    /// else: who writes `status = 200` means that of SIP, whatever anybody calls a field. With its table's name before
    /// it, every column can be asked for.
    #[must_use]
    pub fn with_defined(mut self, tables: &[&'static Table]) -> Self {
        self.add(tables);
        self.defined = plain_names(&self.tables[self.tables.len() - tables.len()..]);
        self
    }

    fn add(&mut self, tables: &[&'static Table]) {
        let mut places: BTreeMap<&'static str, usize> =
            self.fields.iter().enumerate().map(|(place, (field, _))| (field.name, place)).collect();
        for table in tables {
            self.tables.push(table);
            for field in table.columns() {
                let place = *places.entry(field.name).or_insert(self.fields.len());
                match self.fields.get_mut(place) {
                    Some((_, tables)) => tables.push(table.name),
                    None => self.fields.push((field, vec![table.name])),
                }
            }
        }
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
    pub fn fields(&self) -> &[(&'static Field, Vec<&'static str>)] {
        &self.fields
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
        match agreed(&self.defined, name)? {
            Some(named) if table.is_none() => Ok(Meaning::Field(named)),
            _ => Err(self.unknown(table, name)),
        }
    }

    /// A column by its plain name, if some table has it and all that have it agree on its kind.
    pub(super) fn plain(&self, name: &str) -> Option<Named> {
        self.column(None, name).ok().flatten()
    }

    pub(super) fn table_named(&self, name: &str) -> Result<&'static Table, Unknown> {
        // `call.pdd` reads better than `calls.pdd`: one row is one call.
        let is_called = |table: &Table| table.name == name || table.name.strip_suffix('s') == Some(name);
        self.tables.iter().find(|table| is_called(table)).copied().ok_or_else(|| Unknown {
            message: format!("no table is called {name}"),
            suggestion: nearest(name, self.tables.iter().map(|table| table.name)).map(str::to_owned),
        })
    }

    fn column(&self, table: Option<&'static Table>, name: &str) -> Result<Option<Named>, Unknown> {
        if let Some(table) = table {
            return Ok(table.column(name).map(|field| named(Some(table.name), field)));
        }
        agreed(&self.built_in, name)
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
        let columns = self.fields.iter().map(|(field, _)| field.name);
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
fn agreed(names: &BTreeMap<&'static str, Plain>, name: &str) -> Result<Option<Named>, Unknown> {
    match names.get(name) {
        None => Ok(None),
        Some(Plain::Agreed(field)) => Ok(Some(named(None, field))),
        Some(Plain::Differs(first, other)) => Err(Unknown {
            message: format!("{name} differs between tables {first} and {other}"),
            suggestion: Some(format!("{first}.{name}")),
        }),
    }
}

/// What the plain names of these tables mean.
fn plain_names(tables: &[&'static Table]) -> BTreeMap<&'static str, Plain> {
    let mut names: BTreeMap<&'static str, (&'static Table, Plain)> = BTreeMap::new();
    for table in tables {
        for field in table.columns() {
            let (first, plain) = names.entry(field.name).or_insert((table, Plain::Agreed(field)));
            if let Plain::Agreed(known) = plain
                && (known.kind != field.kind || known.unit != field.unit)
            {
                *plain = Plain::Differs(first.name, table.name);
            }
        }
    }
    names.into_iter().map(|(name, (_, plain))| (name, plain)).collect()
}
