//! Users, tokens and aliases in one SQLite file, `settings.sqlite` in the data folder.
//!
//! Every call here reads or writes a file: only on a blocking thread. Times are microseconds since 1970.

mod aliases;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Micros;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::token::TokenHash;
use super::{Caller, password, token};
use crate::limits::{SESSIONS_PER_USER_MAX, TOKENS_PER_USER_MAX};

pub(crate) use aliases::AliasRow;

/// The user that the first start makes.
pub(crate) const ADMIN: &str = "admin";

const ROLE_ADMIN: &str = "admin";

/// `last_used` is written at most this often: a read must not become a write for every request.
const LAST_USED_STEP: i64 = Micros::MINUTE;

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

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// Made by a login.
    Session,
    /// Made by a user for a program.
    Api,
    /// Made at each start for the command line on the same machine.
    Local,
}

impl TokenKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Api => "api",
            Self::Local => "local",
        }
    }
}

/// What a login is compared with.
#[derive(Debug)]
pub(crate) struct StoredLogin {
    /// Argon2id hash.
    pub(crate) password: String,
    pub(crate) role: String,
}

/// An API token as its owner sees it: all but the token.
#[derive(Clone, Debug)]
pub(crate) struct TokenRow {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) created: Micros,
    pub(crate) expires: Micros,
    pub(crate) last_used: Option<Micros>,
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

    /// Makes `admin` if nobody is there yet, with the given password or a random one, which is returned to be
    /// shown once. A given password replaces the one of before, and ends the sessions it had opened.
    pub(crate) fn prepare_admin(
        &self,
        given: Option<&str>,
        now: Micros,
    ) -> Result<Option<String>, SettingsError> {
        if let Some(given) = given {
            check_password(given)?;
        }
        match (self.stored_login(ADMIN)?, given) {
            (None, Some(given)) => self.add_user(ADMIN, ROLE_ADMIN, given, now).map(|()| None),
            (None, None) => {
                let first = password::random()?;
                self.add_user(ADMIN, ROLE_ADMIN, &first, now)?;
                Ok(Some(first))
            }
            (Some(stored), Some(given)) if !password::matches(given, &stored.password) => {
                self.replace_password(ADMIN, given).map(|()| None)
            }
            (Some(_), _) => Ok(None),
        }
    }

    pub(crate) fn stored_login(&self, user: &str) -> Result<Option<StoredLogin>, SettingsError> {
        let stored = self
            .lock()
            .prepare_cached("SELECT password, role FROM user WHERE name = ?1")?
            .query_row([user], |row| Ok(StoredLogin { password: row.get(0)?, role: row.get(1)? }))
            .optional()?;
        Ok(stored)
    }

    /// Makes a token and returns it with its number; only its hash is kept. `None`: the user has too many.
    pub(crate) fn add_token(
        &self,
        kind: TokenKind,
        user: &str,
        name: &str,
        now: Micros,
        expires: Micros,
    ) -> Result<Option<(i64, String)>, SettingsError> {
        let text = token::random()?;
        let hash = token::hash(&text).expect("a token just made has the shape of a token");
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        transaction.execute("DELETE FROM token WHERE expires <= ?1", [now.0])?;
        match kind {
            TokenKind::Session => {
                transaction.execute(
                    "DELETE FROM token WHERE id IN (SELECT id FROM token WHERE user = ?1 AND kind = 'session'
                     ORDER BY id DESC LIMIT -1 OFFSET ?2)",
                    params![user, SESSIONS_PER_USER_MAX as i64 - 1],
                )?;
            }
            TokenKind::Api => {
                let count: i64 = transaction.query_row(
                    "SELECT count(*) FROM token WHERE user = ?1 AND kind = 'api'",
                    [user],
                    |row| row.get(0),
                )?;
                if count >= TOKENS_PER_USER_MAX as i64 {
                    return Ok(None);
                }
            }
            TokenKind::Local => {
                transaction.execute("DELETE FROM token WHERE kind = 'local'", [])?;
            }
        }
        transaction.execute(
            "INSERT INTO token (hash, kind, user, name, created, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![hash, kind.name(), user, name, now.0, expires.0],
        )?;
        let id = transaction.last_insert_rowid();
        transaction.commit()?;
        Ok(Some((id, text)))
    }

    /// Who holds this token, if it is one and has not expired.
    pub(crate) fn caller(&self, hash: &TokenHash, now: Micros) -> Result<Option<Caller>, SettingsError> {
        let connection = self.lock();
        let found = connection
            .prepare_cached(
                "SELECT token.id, user.name, user.role, coalesce(token.last_used, 0)
                 FROM token JOIN user ON user.name = token.user WHERE token.hash = ?1 AND token.expires > ?2",
            )?
            .query_row(params![hash, now.0], |row| {
                let caller = Caller { token_id: row.get(0)?, user: row.get(1)?, role: row.get(2)? };
                Ok((caller, row.get::<_, i64>(3)?))
            })
            .optional()?;
        if let Some((caller, last_used)) = &found
            && now.0 - last_used >= LAST_USED_STEP
        {
            let noted = connection
                .prepare_cached("UPDATE token SET last_used = ?1 WHERE id = ?2")?
                .execute(params![now.0, caller.token_id]);
            if let Err(error) = noted {
                // As on a full disk, of which the caller should learn.
                tracing::warn!(%error, "cannot note when a token was used");
            }
        }
        Ok(found.map(|(caller, _)| caller))
    }

    pub(crate) fn api_tokens(&self, user: &str) -> Result<Vec<TokenRow>, SettingsError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(
            "SELECT id, name, created, expires, last_used FROM token WHERE user = ?1 AND kind = 'api' ORDER BY id",
        )?;
        let rows = statement.query_map([user], |row| {
            Ok(TokenRow {
                id: row.get(0)?,
                name: row.get(1)?,
                created: Micros(row.get(2)?),
                expires: Micros(row.get(3)?),
                last_used: row.get::<_, Option<i64>>(4)?.map(Micros),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Takes an API token of this user back. `false`: there was none of that number.
    pub(crate) fn remove_api_token(&self, user: &str, id: i64) -> Result<bool, SettingsError> {
        let removed = self
            .lock()
            .execute("DELETE FROM token WHERE id = ?1 AND user = ?2 AND kind = 'api'", params![id, user])?;
        Ok(removed > 0)
    }

    /// Ends a session. API tokens stay: a program that says goodbye may come back.
    pub(crate) fn end_session(&self, id: i64) -> Result<(), SettingsError> {
        self.lock().execute("DELETE FROM token WHERE id = ?1 AND kind = 'session'", [id])?;
        Ok(())
    }

    fn add_user(&self, name: &str, role: &str, password: &str, now: Micros) -> Result<(), SettingsError> {
        let hash = password::hash(password)?;
        self.lock().execute(
            "INSERT INTO user (name, password, role, created) VALUES (?1, ?2, ?3, ?4)",
            params![name, hash, role, now.0],
        )?;
        Ok(())
    }

    fn replace_password(&self, user: &str, password: &str) -> Result<(), SettingsError> {
        let hash = password::hash(password)?;
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        transaction.execute("UPDATE user SET password = ?1 WHERE name = ?2", params![hash, user])?;
        transaction.execute("DELETE FROM token WHERE user = ?1 AND kind = 'session'", [user])?;
        transaction.commit()?;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
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
mod tests {
    use super::*;

    const NOW: Micros = Micros(1_795_231_200_000_000);
    const LATER: Micros = Micros(NOW.0 + Micros::DAY);

    fn settings() -> (tempfile::TempDir, Settings) {
        let dir = tempfile::tempdir().expect("a folder");
        let settings = Settings::open(&dir.path().join("settings.sqlite")).expect("opened");
        (dir, settings)
    }

    fn session(settings: &Settings) -> String {
        let added = settings.add_token(TokenKind::Session, ADMIN, "", NOW, LATER).expect("stored");
        added.expect("below the limit").1
    }

    fn caller(settings: &Settings, text: &str, now: Micros) -> Option<String> {
        let hash = token::hash(text).expect("a token");
        settings.caller(&hash, now).expect("read").map(|caller| caller.user)
    }

    #[test]
    fn the_first_password_is_random_and_told_once() {
        let (dir, settings) = settings();
        let first = settings.prepare_admin(None, NOW).expect("made").expect("told");
        let stored = settings.stored_login(ADMIN).expect("read").expect("there").password;
        assert!(password::matches(&first, &stored));
        assert_eq!(settings.prepare_admin(None, NOW).expect("kept"), None);
        drop(settings);
        let again = Settings::open(&dir.path().join("settings.sqlite")).expect("opened again");
        assert_eq!(again.prepare_admin(None, NOW).expect("kept"), None);
    }

    #[test]
    fn a_given_password_replaces_the_old_one_and_ends_its_sessions() {
        let (_dir, settings) = settings();
        assert_eq!(settings.prepare_admin(Some("first"), NOW).expect("made"), None);
        let token = session(&settings);
        settings.prepare_admin(Some("first"), NOW).expect("same");
        assert_eq!(caller(&settings, &token, NOW), Some(ADMIN.to_owned()), "same password, session stays");
        settings.prepare_admin(Some("second"), NOW).expect("replaced");
        assert_eq!(caller(&settings, &token, NOW), None);
        let stored = settings.stored_login(ADMIN).expect("read").expect("there").password;
        assert!(password::matches("second", &stored) && !password::matches("first", &stored));
        assert!(settings.prepare_admin(Some(""), NOW).is_err(), "an empty password is refused");
    }

    #[test]
    fn who_holds_a_token_is_known_though_nothing_can_be_written() {
        let (_dir, settings) = settings();
        settings.prepare_admin(Some("p"), NOW).expect("made");
        let token = session(&settings);
        settings.lock().pragma_update(None, "query_only", true).expect("set");
        assert_eq!(caller(&settings, &token, NOW), Some(ADMIN.to_owned()));
    }

    #[test]
    fn tokens_expire_and_can_be_taken_back() {
        let (_dir, settings) = settings();
        settings.prepare_admin(Some("p"), NOW).expect("made");
        let token = session(&settings);
        assert_eq!(caller(&settings, &token, Micros(LATER.0 - 1)), Some(ADMIN.to_owned()));
        assert_eq!(caller(&settings, &token, LATER), None);

        let (id, api) =
            settings.add_token(TokenKind::Api, ADMIN, "ci", NOW, LATER).expect("stored").expect("made");
        assert_eq!(settings.api_tokens(ADMIN).expect("read").len(), 1, "sessions are not listed");
        settings.end_session(id).expect("ignored");
        assert!(caller(&settings, &api, NOW).is_some(), "logging out ends sessions only");
        assert!(!settings.remove_api_token("somebody", id).expect("ignored"), "not another user's");
        assert!(settings.remove_api_token(ADMIN, id).expect("removed"));
        assert_eq!(caller(&settings, &api, NOW), None);
    }

    #[test]
    fn numbers_of_tokens_are_bounded() {
        let (_dir, settings) = settings();
        settings.prepare_admin(Some("p"), NOW).expect("made");
        let oldest = session(&settings);
        for _ in 0..SESSIONS_PER_USER_MAX {
            session(&settings);
        }
        assert_eq!(caller(&settings, &oldest, NOW), None, "the oldest session went");
        for number in 0..=TOKENS_PER_USER_MAX {
            let added = settings.add_token(TokenKind::Api, ADMIN, "t", NOW, LATER).expect("stored");
            assert_eq!(added.is_some(), number < TOKENS_PER_USER_MAX, "{number}");
        }
        let (_, first) =
            settings.add_token(TokenKind::Local, ADMIN, "", NOW, LATER).expect("stored").expect("made");
        settings.add_token(TokenKind::Local, ADMIN, "", NOW, LATER).expect("stored");
        assert_eq!(caller(&settings, &first, NOW), None, "one local token at a time");
    }

    #[test]
    fn a_file_of_a_newer_version_is_refused() {
        let (dir, settings) = settings();
        settings.lock().pragma_update(None, "user_version", 99).expect("written");
        drop(settings);
        let refusal = Settings::open(&dir.path().join("settings.sqlite")).expect_err("refused");
        assert!(refusal.to_string().contains("newer version"), "{refusal}");
    }
}
