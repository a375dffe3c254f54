//! Links that show one call to whoever has them, as rows of the settings.

use model::Micros;
use rusqlite::{OptionalExtension as _, Row, params};

use super::{Settings, SettingsError};
use crate::auth::access::{Permission, Role};
use crate::auth::token::{self, TokenHash};
use crate::auth::{Caller, TokenKind};
use crate::limits;

/// The step of [`super::MIGRATIONS`] that makes their table.
pub(super) const MIGRATION: &str = "
    CREATE TABLE share (
        id          INTEGER PRIMARY KEY AUTOINCREMENT,
        hash        BLOB NOT NULL UNIQUE,
        user        TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
        call_id     TEXT NOT NULL,
        redacted    INTEGER NOT NULL,
        note        TEXT NOT NULL,
        created     INTEGER NOT NULL,
        expires     INTEGER NOT NULL,
        opened      INTEGER NOT NULL DEFAULT 0,
        last_opened INTEGER
    ) STRICT;
    CREATE INDEX share_of_user ON share (user);
";

/// What is to become a link.
#[derive(Clone, Debug)]
pub(crate) struct NewShare {
    pub(crate) user: String,
    pub(crate) call_id: String,
    /// Numbers, addresses and credentials are replaced in all that it shows.
    pub(crate) redacted: bool,
    pub(crate) note: String,
    pub(crate) expires: Micros,
}

/// A link as it is listed: all but its secret.
#[derive(Clone, Debug)]
pub(crate) struct ShareRow {
    pub(crate) id: i64,
    /// Who made it.
    pub(crate) user: String,
    pub(crate) call_id: String,
    pub(crate) redacted: bool,
    pub(crate) note: String,
    pub(crate) created: Micros,
    pub(crate) expires: Micros,
    pub(crate) opened: i64,
    pub(crate) last_opened: Option<Micros>,
}

/// A link that was followed, and what it lets be seen: what its maker may see now.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) link: ShareRow,
    pub(crate) caller: Caller,
}

/// Why there is no further link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// The user has as many as they may.
    OfUser,
    /// All users together have.
    InAll,
}

const COLUMNS: &str = "share.id, share.user, share.call_id, share.redacted, share.note, share.created, share.expires, \
    share.opened, share.last_opened";

impl Settings {
    /// Makes a link and returns its number and its secret, of which only the hash is kept. Those that have expired go.
    pub(crate) fn add_share(
        &self,
        new: &NewShare,
        now: Micros,
    ) -> Result<Result<(i64, String), NoRoom>, SettingsError> {
        let secret = token::random()?;
        let hash = token::hash(&secret).expect("a token just made has the shape of a token");
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        transaction.execute("DELETE FROM share WHERE expires <= ?1", [now.0])?;
        let (own, all): (i64, i64) = transaction.query_row(
            "SELECT count(*) FILTER (WHERE user = ?1), count(*) FROM share",
            [&new.user],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        if own >= limits::SHARES_PER_USER_MAX {
            return Ok(Err(NoRoom::OfUser));
        }
        if all >= limits::SHARES_MAX {
            return Ok(Err(NoRoom::InAll));
        }
        transaction.execute(
            "INSERT INTO share (hash, user, call_id, redacted, note, created, expires)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![hash, new.user, new.call_id, new.redacted, new.note, now.0, new.expires.0],
        )?;
        let id = transaction.last_insert_rowid();
        transaction.commit()?;
        Ok(Ok((id, secret)))
    }

    /// The link of this secret, if it has not expired and who made it may still share. It is found by its hash, as tokens
    /// are: how long that takes tells nothing of a secret.
    pub(crate) fn shared(&self, hash: &TokenHash, now: Micros) -> Result<Option<Shared>, SettingsError> {
        let sql = format!(
            "SELECT {COLUMNS}, user.role, user.scope FROM share JOIN user ON user.name = share.user
             WHERE share.hash = ?1 AND share.expires > ?2"
        );
        let found = self
            .lock()
            .prepare_cached(&sql)?
            .query_row(params![hash, now.0], |row| {
                Ok((share(row)?, row.get::<_, String>(9)?, row.get::<_, Option<String>>(10)?))
            })
            .optional()?;
        let Some((link, role, scope)) = found else { return Ok(None) };
        // What is not known is refused, not guessed.
        let Some(role) = Role::named(&role) else { return Ok(None) };
        let caller = Caller {
            token_id: link.id,
            kind: TokenKind::Link,
            token: format!("link {}", link.id),
            user: link.user.clone(),
            role,
            scopes: scope.into_iter().collect(),
            addresses: Vec::new(),
        };
        Ok(Permission::Share.is_of(&caller).then_some(Shared { link, caller }))
    }

    /// Somebody has opened it.
    pub(crate) fn share_opened(&self, id: i64, now: Micros) -> Result<(), SettingsError> {
        self.lock()
            .prepare_cached("UPDATE share SET opened = opened + 1, last_opened = ?2 WHERE id = ?1")?
            .execute([id, now.0])?;
        Ok(())
    }

    /// The links of this user, or of all; of one call, or of all; that have not expired. The latest first.
    pub(crate) fn shares(
        &self,
        user: Option<&str>,
        call_id: Option<&str>,
        now: Micros,
    ) -> Result<Vec<ShareRow>, SettingsError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM share
             WHERE (?1 IS NULL OR user = ?1) AND (?2 IS NULL OR call_id = ?2) AND expires > ?3
             ORDER BY id DESC"
        );
        let connection = self.lock();
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![user, call_id, now.0], share)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Takes a link back, of this user or of anybody, and returns what it was. `None`: there was none of that number.
    pub(crate) fn remove_share(
        &self,
        user: Option<&str>,
        id: i64,
    ) -> Result<Option<ShareRow>, SettingsError> {
        let sql = "DELETE FROM share WHERE id = ?1 AND (?2 IS NULL OR user = ?2)
             RETURNING id, user, call_id, redacted, note, created, expires, opened, last_opened";
        Ok(self.lock().prepare_cached(sql)?.query_row(params![id, user], share).optional()?)
    }
}

fn share(row: &Row<'_>) -> rusqlite::Result<ShareRow> {
    Ok(ShareRow {
        id: row.get(0)?,
        user: row.get(1)?,
        call_id: row.get(2)?,
        redacted: row.get(3)?,
        note: row.get(4)?,
        created: Micros(row.get(5)?),
        expires: Micros(row.get(6)?),
        opened: row.get(7)?,
        last_opened: row.get::<_, Option<i64>>(8)?.map(Micros),
    })
}
