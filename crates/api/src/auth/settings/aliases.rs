//! Names for addresses, as rows of the settings.

use model::{Addresses, Alias, Micros};
use rusqlite::params;

use super::{Settings, SettingsError};
use crate::limits;

/// The step of [`super::MIGRATIONS`] that makes their table. A match is of one alias.
pub(super) const MIGRATION: &str = "
    CREATE TABLE alias (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        name       TEXT NOT NULL,
        addresses  TEXT,
        capture_id INTEGER,
        created    INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX alias_of ON alias (coalesce(addresses, ''), coalesce(capture_id, -1));
";

/// An alias as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AliasRow {
    pub(crate) id: i64,
    pub(crate) alias: Alias,
    pub(crate) created: Micros,
}

impl Settings {
    /// All aliases, by name.
    pub(crate) fn aliases(&self) -> Result<Vec<AliasRow>, SettingsError> {
        let connection = self.lock();
        let mut statement = connection
            .prepare_cached("SELECT id, name, addresses, capture_id, created FROM alias ORDER BY name, id")?;
        let rows = statement.query_map([], |row| {
            let addresses: Option<String> = row.get(2)?;
            let addresses = addresses.map(|text| text.parse::<Addresses>()).transpose().map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(error))
            })?;
            Ok(AliasRow {
                id: row.get(0)?,
                alias: Alias { name: row.get(1)?, addresses, capture_id: row.get(3)? },
                created: Micros(row.get(4)?),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps an alias; what was named already gets the new name. `None`: there are too many.
    pub(crate) fn put_alias(&self, alias: &Alias, now: Micros) -> Result<Option<AliasRow>, SettingsError> {
        let addresses = alias.addresses.map(|addresses| addresses.to_string());
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let (id, created) = transaction.query_row(
            "INSERT INTO alias (name, addresses, capture_id, created) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (coalesce(addresses, ''), coalesce(capture_id, -1)) DO UPDATE SET name = excluded.name
             RETURNING id, created",
            params![alias.name, addresses, alias.capture_id, now.0],
            |row| Ok((row.get(0)?, Micros(row.get(1)?))),
        )?;
        let count: i64 = transaction.query_row("SELECT count(*) FROM alias", [], |row| row.get(0))?;
        if count > limits::ALIASES_MAX as i64 {
            return Ok(None);
        }
        transaction.commit()?;
        Ok(Some(AliasRow { id, alias: alias.clone(), created }))
    }

    /// `false`: there was none of that number.
    pub(crate) fn remove_alias(&self, id: i64) -> Result<bool, SettingsError> {
        Ok(self.lock().execute("DELETE FROM alias WHERE id = ?1", [id])? > 0)
    }
}
