//! Users, tokens, links, aliases, boards and what alerts must not forget in one SQLite file, `settings.sqlite` in the data folder.
//!
//! Every call here reads or writes a file: only on a blocking thread. Times are microseconds since 1970.

mod aliases;
mod boards;
mod shares;
mod tokens;
mod users;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Micros;
use rusqlite::Connection;

use super::access::Role;
use super::password;

pub(crate) use shares::{NewShare, NoRoom, ShareRow, Shared};
pub(crate) use tokens::{NewToken, TokenKind, TokenRow};
pub(crate) use users::{Added, Changed, UserChange, UserRow};

pub(crate) use aliases::AliasRow;
pub(crate) use boards::{BoardRow, Changing, NewBoard};

/// The user that the first start makes.
pub(crate) const ADMIN: &str = "admin";

/// Steps from an empty file to today's, one per version (`PRAGMA user_version`). Never edit one, add one.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE user (
        name     TEXT PRIMARY KEY,
        password TEXT NOT NULL,
        role     TEXT NOT NULL,
        created  INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE token (
        id        INTEGER PRIMARY KEY AUTOINCREMENT,
        hash      BLOB NOT NULL UNIQUE,
        kind      TEXT NOT NULL CHECK (kind IN ('session', 'api', 'local')),
        user      TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
        name      TEXT NOT NULL,
        created   INTEGER NOT NULL,
        expires   INTEGER NOT NULL,
        last_used INTEGER
    ) STRICT;
    CREATE INDEX token_of_user ON token (user, kind);
",
    aliases::MIGRATION,
    "
    ALTER TABLE user ADD COLUMN scope TEXT;
    ALTER TABLE token ADD COLUMN role TEXT;
    ALTER TABLE token ADD COLUMN scope TEXT;
    ALTER TABLE token ADD COLUMN addresses TEXT NOT NULL DEFAULT '';
",
    crate::alerts::MIGRATION,
    shares::MIGRATION,
    boards::MIGRATION,
];

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("settings file `{path}`: {source}")]
    Open { path: String, source: std::io::Error },
    #[error("settings file `{path}` was written by a newer version (schema {found}, this one knows {known})")]
    Newer { path: String, found: usize, known: usize },
    #[error("settings: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("password hash: {0}")]
    Hash(#[from] argon2::password_hash::Error),
    #[error("random numbers: {0}")]
    Random(#[from] getrandom::Error),
    #[error("the password is {found} bytes long, the longest is {longest}")]
    PasswordTooLong { found: usize, longest: usize },
    #[error("the password is empty")]
    PasswordEmpty,
}

#[derive(Debug)]
pub(crate) struct Settings {
    connection: Mutex<Connection>,
}

impl Settings {
    pub(crate) fn open(path: &Path) -> Result<Self, SettingsError> {
        let opened = |source| SettingsError::Open { path: path.display().to_string(), source };
        super::private_file(path).map_err(opened)?;
        let mut connection = Connection::open(path)?;
        // FULL: a token taken back stays taken back after a power loss.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000;",
        )?;
        migrate(&mut connection, path)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// Makes `admin` if nobody is there who may manage users, with the given password or a random one, which is returned to
    /// be shown once. A given password replaces the one of before, and ends the sessions it had opened.
    pub(crate) fn prepare_admin(
        &self,
        given: Option<&str>,
        now: Micros,
    ) -> Result<Option<String>, SettingsError> {
        if let Some(given) = given {
            check_password(given)?;
        }
        let stored = self.stored_login(ADMIN)?;
        match (stored, given) {
            (None, Some(given)) => self.add_user(ADMIN, Role::Admin, None, given, now).map(|_| None),
            // Who was removed on purpose stays away.
            (None, None) if self.first_admin()?.is_some() => Ok(None),
            (None, None) => {
                let first = password::random()?;
                self.add_user(ADMIN, Role::Admin, None, &first, now)?;
                Ok(Some(first))
            }
            (Some(stored), Some(given)) if !password::matches(given, &stored.password) => {
                let change = UserChange { password: Some(given.to_owned()), ..UserChange::default() };
                self.change_user(ADMIN, &change, None).map(|_| None)
            }
            (Some(_), _) => Ok(None),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic while the lock was held leaves at worst an open transaction, which SQLite rolls back.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check_password(given: &str) -> Result<(), SettingsError> {
    let longest = crate::limits::PASSWORD_BYTES_MAX;
    if given.is_empty() {
        return Err(SettingsError::PasswordEmpty);
    }
    if given.len() > longest {
        return Err(SettingsError::PasswordTooLong { found: given.len(), longest });
    }
    Ok(())
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), SettingsError> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let found = usize::try_from(version).unwrap_or(usize::MAX);
    let known = MIGRATIONS.len();
    if found > known {
        return Err(SettingsError::Newer { path: path.display().to_string(), found, known });
    }
    for (step, sql) in MIGRATIONS.iter().enumerate().skip(found) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", step as i64 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
