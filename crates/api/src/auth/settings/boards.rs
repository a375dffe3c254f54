//! Boards, as rows of the settings: what they show is a document that this room does not look into.

use model::Micros;
use rusqlite::{OptionalExtension as _, Row, params};

use super::{NoRoom, Settings, SettingsError};
use crate::limits;

/// The step of [`super::MIGRATIONS`] that makes their table.
pub(super) const MIGRATION: &str = "
    CREATE TABLE board (
        id       INTEGER PRIMARY KEY AUTOINCREMENT,
        user     TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
        shared   INTEGER NOT NULL,
        version  INTEGER NOT NULL,
        title    TEXT NOT NULL,
        panels   INTEGER NOT NULL,
        document TEXT NOT NULL,
        created  INTEGER NOT NULL,
        changed  INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX board_of_user ON board (user);
";

/// What is to be kept of a board.
#[derive(Clone, Debug)]
pub(crate) struct NewBoard {
    pub(crate) user: String,
    pub(crate) shared: bool,
    pub(crate) title: String,
    pub(crate) panels: usize,
    pub(crate) document: String,
}

/// A board as it is listed: all but what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BoardRow {
    pub(crate) id: i64,
    /// Whose it is.
    pub(crate) user: String,
    pub(crate) shared: bool,
    /// Counts changes from 1 on.
    pub(crate) version: i64,
    pub(crate) title: String,
    pub(crate) panels: i64,
    pub(crate) created: Micros,
    pub(crate) changed: Micros,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Changing {
    Changed(BoardRow),
    /// The user has none of that number.
    Unknown,
    /// It has been changed since the version that was named.
    Newer(BoardRow),
}

const COLUMNS: &str = "id, user, shared, version, title, panels, created, changed";

impl Settings {
    pub(crate) fn add_board(
        &self,
        new: &NewBoard,
        now: Micros,
    ) -> Result<Result<BoardRow, NoRoom>, SettingsError> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let (own, all): (i64, i64) = transaction.query_row(
            "SELECT count(*) FILTER (WHERE user = ?1), count(*) FROM board",
            [&new.user],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        if own >= limits::BOARDS_PER_USER_MAX {
            return Ok(Err(NoRoom::OfUser));
        }
        if all >= limits::BOARDS_MAX {
            return Ok(Err(NoRoom::InAll));
        }
        let sql = format!(
            "INSERT INTO board (user, shared, version, title, panels, document, created, changed)
             VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6, ?6) RETURNING {COLUMNS}"
        );
        let kept = params![new.user, new.shared, new.title, new.panels as i64, new.document, now.0];
        let made = transaction.query_row(&sql, kept, board)?;
        transaction.commit()?;
        Ok(Ok(made))
    }

    /// Those of this user and, if wanted, those that others share; one's own first, by title.
    pub(crate) fn boards(&self, user: &str, with_shared: bool) -> Result<Vec<BoardRow>, SettingsError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM board WHERE user = ?1 OR (?2 AND shared)
             ORDER BY user <> ?1, title COLLATE NOCASE, id"
        );
        let connection = self.lock();
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![user, with_shared], board)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// One of those, with its document.
    pub(crate) fn board(
        &self,
        user: &str,
        with_shared: bool,
        id: i64,
    ) -> Result<Option<(BoardRow, String)>, SettingsError> {
        let sql =
            format!("SELECT {COLUMNS}, document FROM board WHERE id = ?3 AND (user = ?1 OR (?2 AND shared))");
        let connection = self.lock();
        let mut statement = connection.prepare_cached(&sql)?;
        let found = statement.query_row(params![user, with_shared, id], |row| Ok((board(row)?, row.get(8)?)));
        Ok(found.optional()?)
    }

    /// Changes a board of its user, if nobody has since the version they saw.
    pub(crate) fn change_board(
        &self,
        id: i64,
        seen: i64,
        new: &NewBoard,
        now: Micros,
    ) -> Result<Changing, SettingsError> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let sql = format!("SELECT {COLUMNS} FROM board WHERE id = ?1 AND user = ?2");
        let found = transaction.query_row(&sql, params![id, new.user], board).optional()?;
        let Some(found) = found else { return Ok(Changing::Unknown) };
        if found.version != seen {
            return Ok(Changing::Newer(found));
        }
        let sql = format!(
            "UPDATE board SET shared = ?2, version = version + 1, title = ?3, panels = ?4, document = ?5, changed = ?6
             WHERE id = ?1 RETURNING {COLUMNS}"
        );
        let kept = params![id, new.shared, new.title, new.panels as i64, new.document, now.0];
        let changed = transaction.query_row(&sql, kept, board)?;
        transaction.commit()?;
        Ok(Changing::Changed(changed))
    }

    /// Removes a board, of this user or of anybody, and returns what it was. `None`: there was none of that number.
    pub(crate) fn remove_board(
        &self,
        user: Option<&str>,
        id: i64,
    ) -> Result<Option<BoardRow>, SettingsError> {
        let sql =
            format!("DELETE FROM board WHERE id = ?1 AND (?2 IS NULL OR user = ?2) RETURNING {COLUMNS}");
        Ok(self.lock().prepare_cached(&sql)?.query_row(params![id, user], board).optional()?)
    }
}

fn board(row: &Row<'_>) -> rusqlite::Result<BoardRow> {
    Ok(BoardRow {
        id: row.get(0)?,
        user: row.get(1)?,
        shared: row.get(2)?,
        version: row.get(3)?,
        title: row.get(4)?,
        panels: row.get(5)?,
        created: Micros(row.get(6)?),
        changed: Micros(row.get(7)?),
    })
}
