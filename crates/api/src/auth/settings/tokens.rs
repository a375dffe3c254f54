//! Tokens: of sessions, of programs, and of the command line.

use std::net::IpAddr;

use model::Micros;
use rusqlite::{OptionalExtension as _, Row, params};

use super::{Settings, SettingsError};
use crate::auth::access::Role;
use crate::auth::token::TokenHash;
use crate::auth::{Caller, address, token};
use crate::limits::{SESSIONS_PER_USER_MAX, TOKENS_PER_USER_MAX};

/// `last_used` is written at most this often: a read must not become a write for every request.
const LAST_USED_STEP: i64 = Micros::MINUTE;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// Made by a login.
    Session,
    /// Made by a user for a program.
    Api,
    /// Made at each start for the command line on the same machine.
    Local,
    /// Made by a user for whoever has it, to see one call. Kept in a table of its own.
    Link,
}

impl TokenKind {
    /// Those that are in the table of tokens.
    const ALL: [Self; 3] = [Self::Session, Self::Api, Self::Local];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Api => "api",
            Self::Local => "local",
            Self::Link => "link",
        }
    }
}

/// What is to become a token.
#[derive(Clone, Debug)]
pub(crate) struct NewToken {
    pub(crate) kind: TokenKind,
    pub(crate) user: String,
    pub(crate) name: String,
    pub(crate) expires: Micros,
    /// Less than its owner's.
    pub(crate) role: Option<Role>,
    /// Beside its owner's.
    pub(crate) scope: Option<String>,
    /// Networks it may be used from, with blanks between them; empty: from everywhere.
    pub(crate) addresses: String,
}

/// An API token as it is listed: all but the token.
#[derive(Clone, Debug)]
pub(crate) struct TokenRow {
    pub(crate) id: i64,
    pub(crate) user: String,
    pub(crate) name: String,
    pub(crate) role: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) addresses: String,
    pub(crate) created: Micros,
    pub(crate) expires: Micros,
    pub(crate) last_used: Option<Micros>,
}

impl NewToken {
    /// One that may do what its owner may.
    pub(crate) fn plain(kind: TokenKind, user: &str, name: &str, expires: Micros) -> Self {
        let (user, name) = (user.to_owned(), name.to_owned());
        Self { kind, user, name, expires, role: None, scope: None, addresses: String::new() }
    }
}

impl Settings {
    /// Makes a token and returns it with its number; only its hash is kept. `None`: the user has too many.
    pub(crate) fn add_token(
        &self,
        new: &NewToken,
        now: Micros,
    ) -> Result<Option<(i64, String)>, SettingsError> {
        let text = token::random()?;
        let hash = token::hash(&text).expect("a token just made has the shape of a token");
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        transaction.execute("DELETE FROM token WHERE expires <= ?1", [now.0])?;
        match new.kind {
            TokenKind::Session => {
                transaction.execute(
                    "DELETE FROM token WHERE id IN (SELECT id FROM token WHERE user = ?1 AND kind = 'session'
                     ORDER BY id DESC LIMIT -1 OFFSET ?2)",
                    params![new.user, SESSIONS_PER_USER_MAX as i64 - 1],
                )?;
            }
            TokenKind::Api => {
                let count: i64 = transaction.query_row(
                    "SELECT count(*) FROM token WHERE user = ?1 AND kind = 'api'",
                    [&new.user],
                    |row| row.get(0),
                )?;
                if count >= TOKENS_PER_USER_MAX as i64 {
                    return Ok(None);
                }
            }
            TokenKind::Local => {
                transaction.execute("DELETE FROM token WHERE kind = 'local'", [])?;
            }
            // `add_share` makes these.
            TokenKind::Link => return Ok(None),
        }
        transaction.execute(
            "INSERT INTO token (hash, kind, user, name, created, expires, role, scope, addresses)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                hash,
                new.kind.name(),
                new.user,
                new.name,
                now.0,
                new.expires.0,
                new.role.map(Role::name),
                new.scope,
                new.addresses
            ],
        )?;
        let id = transaction.last_insert_rowid();
        transaction.commit()?;
        Ok(Some((id, text)))
    }

    /// Who holds this token, if it is one and has not expired. Where it may not be used from `from`, that is no use of it.
    pub(crate) fn caller(
        &self,
        hash: &TokenHash,
        from: Option<IpAddr>,
        now: Micros,
    ) -> Result<Option<Caller>, SettingsError> {
        let connection = self.lock();
        let found = connection
            .prepare_cached(
                "SELECT token.id, token.kind, token.name, user.name, user.role, user.scope, token.role, token.scope,
                        token.addresses, coalesce(token.last_used, 0)
                 FROM token JOIN user ON user.name = token.user WHERE token.hash = ?1 AND token.expires > ?2",
            )?
            .query_row(params![hash, now.0], |row| Ok((caller(row)?, row.get::<_, i64>(9)?)))
            .optional()?;
        let Some((Some(caller), last_used)) = found else {
            if found.is_some() {
                tracing::error!("a token is refused: what it or its user is cannot be read");
            }
            return Ok(None);
        };
        if now.0 - last_used >= LAST_USED_STEP && address::may_come_from(&caller.addresses, from) {
            let noted = connection
                .prepare_cached("UPDATE token SET last_used = ?1 WHERE id = ?2")?
                .execute(params![now.0, caller.token_id]);
            if let Err(error) = noted {
                // As on a full disk, of which the caller should learn.
                tracing::warn!(%error, "cannot note when a token was used");
            }
        }
        Ok(Some(caller))
    }

    /// The API tokens of this user, or of all.
    pub(crate) fn api_tokens(&self, user: Option<&str>) -> Result<Vec<TokenRow>, SettingsError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(
            "SELECT id, user, name, role, scope, addresses, created, expires, last_used FROM token
             WHERE kind = 'api' AND (?1 IS NULL OR user = ?1) ORDER BY id",
        )?;
        let rows = statement.query_map([user], |row| {
            Ok(TokenRow {
                id: row.get(0)?,
                user: row.get(1)?,
                name: row.get(2)?,
                role: row.get(3)?,
                scope: row.get(4)?,
                addresses: row.get(5)?,
                created: Micros(row.get(6)?),
                expires: Micros(row.get(7)?),
                last_used: row.get::<_, Option<i64>>(8)?.map(Micros),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Takes an API token back, of this user or of anybody. `false`: there was none of that number.
    pub(crate) fn remove_api_token(&self, user: Option<&str>, id: i64) -> Result<bool, SettingsError> {
        let removed = self.lock().execute(
            "DELETE FROM token WHERE id = ?1 AND (?2 IS NULL OR user = ?2) AND kind = 'api'",
            params![id, user],
        )?;
        Ok(removed > 0)
    }

    /// Ends a session. API tokens stay: a program that says goodbye may come back.
    pub(crate) fn end_session(&self, id: i64) -> Result<(), SettingsError> {
        self.lock().execute("DELETE FROM token WHERE id = ?1 AND kind = 'session'", [id])?;
        Ok(())
    }
}

/// `None`: something in it is not what this version writes. It is refused, not guessed.
fn caller(row: &Row<'_>) -> rusqlite::Result<Option<Caller>> {
    let text = |column| row.get::<_, Option<String>>(column);
    let kind = text(1)?;
    let Some(kind) = TokenKind::ALL.into_iter().find(|known| Some(known.name()) == kind.as_deref()) else {
        return Ok(None);
    };
    let Some(mut role) = text(4)?.as_deref().and_then(Role::named) else { return Ok(None) };
    let mut scopes: Vec<String> = text(5)?.into_iter().collect();
    match kind {
        // Who may read the data folder may read and write all that is in it.
        TokenKind::Local => {
            role = Role::Admin;
            scopes.clear();
        }
        TokenKind::Session | TokenKind::Api | TokenKind::Link => {
            if let Some(own) = text(6)? {
                let Some(own) = Role::named(&own) else { return Ok(None) };
                // Its owner may have become less since.
                role = role.min(own);
            }
            scopes.extend(text(7)?);
        }
    }
    let Some(addresses) = crate::auth::address::networks(&row.get::<_, String>(8)?) else { return Ok(None) };
    Ok(Some(Caller {
        token_id: row.get(0)?,
        kind,
        token: row.get(2)?,
        user: row.get(3)?,
        role,
        scopes,
        addresses,
    }))
}
