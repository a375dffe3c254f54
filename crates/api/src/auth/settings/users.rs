//! Users: their passwords, roles and scopes. Whatever changes ends their sessions.

use model::Micros;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{Settings, SettingsError, check_password};
use crate::auth::access::{Permission, Role};
use crate::auth::password;
use crate::limits::USERS_MAX;

/// What a login is compared with.
#[derive(Debug)]
pub(crate) struct StoredLogin {
    /// Argon2id hash.
    pub(crate) password: String,
    pub(crate) role: String,
}

/// A user as they are listed.
#[derive(Clone, Debug)]
pub(crate) struct UserRow {
    pub(crate) name: String,
    pub(crate) role: String,
    pub(crate) scope: Option<String>,
    pub(crate) created: Micros,
    /// When a token or session of theirs was used last.
    pub(crate) last_seen: Option<Micros>,
}

/// What is to become of a user. What is `None` stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct UserChange {
    pub(crate) password: Option<String>,
    pub(crate) role: Option<Role>,
    /// `Some(None)`: none any more.
    pub(crate) scope: Option<Option<String>>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    Done,
    Nobody,
    /// Nobody would be left to manage users.
    LastAdmin,
    /// An admin sees everything.
    ScopedAdmin,
}

/// What came of making one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    Done,
    Taken,
    TooMany,
}

impl Settings {
    pub(crate) fn stored_login(&self, user: &str) -> Result<Option<StoredLogin>, SettingsError> {
        let stored = self
            .lock()
            .prepare_cached("SELECT password, role FROM user WHERE name = ?1")?
            .query_row([user], |row| Ok(StoredLogin { password: row.get(0)?, role: row.get(1)? }))
            .optional()?;
        Ok(stored)
    }

    pub(crate) fn users(&self) -> Result<Vec<UserRow>, SettingsError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(
            "SELECT name, role, scope, created,
                    (SELECT max(last_used) FROM token WHERE token.user = user.name AND kind != 'local')
             FROM user ORDER BY name",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(UserRow {
                name: row.get(0)?,
                role: row.get(1)?,
                scope: row.get(2)?,
                created: Micros(row.get(3)?),
                last_seen: row.get::<_, Option<i64>>(4)?.map(Micros),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Takes one password hash of time.
    pub(crate) fn add_user(
        &self,
        name: &str,
        role: Role,
        scope: Option<&str>,
        password: &str,
        now: Micros,
    ) -> Result<Added, SettingsError> {
        check_password(password)?;
        let hash = password::hash(password)?;
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let count: i64 = transaction.query_row("SELECT count(*) FROM user", [], |row| row.get(0))?;
        if count >= USERS_MAX as i64 {
            return Ok(Added::TooMany);
        }
        let added = transaction.execute(
            "INSERT OR IGNORE INTO user (name, password, role, scope, created) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![name, hash, role.name(), scope, now.0],
        )?;
        transaction.commit()?;
        Ok(if added == 0 { Added::Taken } else { Added::Done })
    }

    /// All of it or nothing. Ends the user's sessions but the one that asks, if it is given. Takes a password hash of time
    /// if one is to be made.
    pub(crate) fn change_user(
        &self,
        name: &str,
        change: &UserChange,
        but_session: Option<i64>,
    ) -> Result<Changed, SettingsError> {
        let hash = match &change.password {
            Some(password) => {
                check_password(password)?;
                Some(password::hash(password)?)
            }
            None => None,
        };
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let known = transaction
            .query_row("SELECT role, scope FROM user WHERE name = ?1", [name], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?))
            })
            .optional()?;
        let Some((old_role, old_scope)) = known else { return Ok(Changed::Nobody) };
        let role = change.role.map_or(old_role.as_str(), |role| role.name());
        let scope = change.scope.clone().unwrap_or(old_scope);
        let admin = Role::Admin.name();
        if old_role == admin && role != admin {
            if is_last_admin(&transaction, name)? {
                return Ok(Changed::LastAdmin);
            }
            hand_over_local_token(&transaction, name)?;
        }
        if role == admin && scope.is_some() {
            return Ok(Changed::ScopedAdmin);
        }
        transaction.execute(
            "UPDATE user SET role = ?2, scope = ?3, password = coalesce(?4, password) WHERE name = ?1",
            params![name, role, scope, hash],
        )?;
        transaction.execute(
            "DELETE FROM token WHERE user = ?1 AND kind = 'session' AND id IS NOT ?2",
            params![name, but_session],
        )?;
        if Role::named(role).is_none_or(|role| role < Permission::Share.role()) {
            transaction.execute("DELETE FROM share WHERE user = ?1", [name])?;
        }
        transaction.commit()?;
        Ok(Changed::Done)
    }

    /// Takes the user's tokens, sessions and links along.
    pub(crate) fn remove_user(&self, name: &str) -> Result<Changed, SettingsError> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        if is_last_admin(&transaction, name)? {
            return Ok(Changed::LastAdmin);
        }
        hand_over_local_token(&transaction, name)?;
        let removed = transaction.execute("DELETE FROM user WHERE name = ?1", [name])?;
        transaction.commit()?;
        Ok(if removed == 0 { Changed::Nobody } else { Changed::Done })
    }

    /// The eldest of those who may manage users.
    pub(crate) fn first_admin(&self) -> Result<Option<String>, SettingsError> {
        let found = self
            .lock()
            .prepare_cached("SELECT name FROM user WHERE role = ?1 ORDER BY created, name LIMIT 1")?
            .query_row([Role::Admin.name()], |row| row.get(0))
            .optional()?;
        Ok(found)
    }
}

fn is_last_admin(transaction: &Transaction<'_>, name: &str) -> Result<bool, SettingsError> {
    Ok(transaction.query_row(
        "SELECT EXISTS (SELECT 1 FROM user WHERE name = ?1 AND role = ?2)
            AND NOT EXISTS (SELECT 1 FROM user WHERE name != ?1 AND role = ?2)",
        params![name, Role::Admin.name()],
        |row| row.get(0),
    )?)
}

/// The command line on this machine goes on as another admin.
fn hand_over_local_token(transaction: &Transaction<'_>, name: &str) -> Result<(), SettingsError> {
    transaction.execute(
        "UPDATE token SET user = (SELECT name FROM user WHERE name != ?1 AND role = ?2 ORDER BY created, name LIMIT 1)
         WHERE kind = 'local' AND user = ?1
            AND EXISTS (SELECT 1 FROM user WHERE name != ?1 AND role = ?2)",
        params![name, Role::Admin.name()],
    )?;
    Ok(())
}
