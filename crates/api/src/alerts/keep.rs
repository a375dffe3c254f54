//! What must outlive a restart: alerts that fire, silences, history, and which senders were heard. In the file of the
//! settings; every call here blocks.

use std::collections::HashMap;

use alerts::{Event, Kept, Silence, What};
use model::Micros;
use rusqlite::params;

use super::shape::{Row, Told};
use crate::auth::{Settings, SettingsError};

/// The tables, as a step of the settings.
pub(crate) const MIGRATION: &str = "
    CREATE TABLE alert (
        id   TEXT PRIMARY KEY,
        told INTEGER NOT NULL,
        row  TEXT NOT NULL
    ) STRICT;
    CREATE TABLE alert_silence (
        of      TEXT PRIMARY KEY,
        until   INTEGER NOT NULL,
        comment TEXT NOT NULL,
        by      TEXT NOT NULL,
        made    INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE alert_history (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        at     INTEGER NOT NULL,
        what   TEXT NOT NULL,
        why    TEXT,
        told   INTEGER NOT NULL,
        row    TEXT NOT NULL
    ) STRICT;
    CREATE INDEX alert_history_at ON alert_history (at);
    CREATE TABLE alert_sender (
        address    TEXT NOT NULL,
        node       TEXT NOT NULL,
        first_seen INTEGER NOT NULL,
        last_seen  INTEGER NOT NULL,
        off        INTEGER NOT NULL,
        written    INTEGER NOT NULL,
        PRIMARY KEY (address, node)
    ) STRICT;
";

/// Changes that are remembered: some 10 MB.
const HISTORY_MAX: i64 = 10_000;

/// Since when and until when a sender was heard, over restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) first: Micros,
    pub(super) last: Micros,
    /// Microseconds since then in which nobody was there to hear it.
    pub(super) off: i64,
}

impl Heard {
    /// Microseconds that it could have been heard and was not.
    pub(super) fn silence(&self, now: Micros) -> i64 {
        (now.0 - self.last.0 - self.off).max(0)
    }
}

pub(super) type Senders = HashMap<(String, Option<String>), Heard>;

pub(super) fn restore(
    settings: &Settings,
    now: Micros,
) -> Result<(Vec<Kept>, Vec<Silence>, Senders), SettingsError> {
    let connection = settings.lock();
    let mut statement = connection.prepare("SELECT row, told FROM alert")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?)))?;
    let mut kept = Vec::new();
    for row in rows {
        let (text, told) = row?;
        // One that a version to come wrote otherwise is left, and found anew.
        if let Some(alert) = serde_json::from_str::<Row>(&text).ok().and_then(Row::alert) {
            kept.push(Kept { alert, told });
        }
    }
    let mut statement = connection.prepare("SELECT of, until, comment, by, made FROM alert_silence")?;
    let silences = statement.query_map([], |row| {
        Ok(Silence {
            of: row.get(0)?,
            until: Micros(row.get(1)?),
            comment: row.get(2)?,
            by: row.get(3)?,
            made: Micros(row.get(4)?),
        })
    })?;
    let silences = silences.collect::<Result<_, _>>()?;
    let mut statement =
        connection.prepare("SELECT address, node, first_seen, last_seen, off, written FROM alert_sender")?;
    let senders = statement.query_map([], |row| {
        let node: String = row.get(1)?;
        let key = (row.get::<_, String>(0)?, Some(node).filter(|node| !node.is_empty()));
        let (off, written): (i64, i64) = (row.get(4)?, row.get(5)?);
        let off = off + (now.0 - written).max(0);
        Ok((key, Heard { first: Micros(row.get(2)?), last: Micros(row.get(3)?), off }))
    })?;
    Ok((kept, silences, senders.collect::<Result<_, _>>()?))
}

/// What fires now, and what happened just now, at once.
pub(super) fn write(
    settings: &Settings,
    kept: impl FnOnce() -> Vec<Kept>,
    happened: &[Event],
) -> Result<(), SettingsError> {
    let mut connection = settings.lock();
    // Asked behind the lock: of two writers the later one has what is so in the end.
    let kept = kept();
    let transaction = connection.transaction()?;
    transaction.execute("DELETE FROM alert", [])?;
    for Kept { alert, told } in kept {
        let row = Row::of(&alert).text();
        transaction
            .execute("INSERT INTO alert (id, told, row) VALUES (?1, ?2, ?3)", params![alert.id, told, row])?;
    }
    for event in happened {
        let why = match event.what {
            What::Resolved(why) => Some(why.as_str()),
            What::Firing | What::Unsilenced => None,
        };
        transaction.execute(
            "INSERT INTO alert_history (at, what, why, told, row) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![event.at.0, event.what.as_str(), why, event.tell, Row::of(&event.alert).text()],
        )?;
    }
    transaction.execute(
        "DELETE FROM alert_history WHERE number <= (SELECT max(number) FROM alert_history) - ?1",
        [HISTORY_MAX],
    )?;
    transaction.commit()?;
    Ok(())
}

/// The newest first.
pub(super) fn history(
    settings: &Settings,
    from: Micros,
    to: Micros,
    limit: usize,
) -> Result<Vec<Told>, SettingsError> {
    let connection = settings.lock();
    let mut statement = connection.prepare(
        "SELECT at, what, why, told, row FROM alert_history WHERE at BETWEEN ?1 AND ?2
         ORDER BY number DESC LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![from.0, to.0, limit], |row| {
        let text: String = row.get(4)?;
        Ok((Micros(row.get(0)?), row.get::<_, String>(1)?, row.get(2)?, row.get::<_, bool>(3)?, text))
    })?;
    let mut told = Vec::new();
    for row in rows {
        let (at, what, why, was_told, text) = row?;
        if let Ok(alert) = serde_json::from_str(&text) {
            told.push(Told { at: at.to_string(), what, why, told: was_told, alert });
        }
    }
    Ok(told)
}

pub(super) fn write_silences(
    settings: &Settings,
    silences: impl FnOnce() -> Vec<Silence>,
) -> Result<(), SettingsError> {
    let mut connection = settings.lock();
    let silences = silences();
    let transaction = connection.transaction()?;
    transaction.execute("DELETE FROM alert_silence", [])?;
    for Silence { of, until, comment, by, made } in silences {
        transaction.execute(
            "INSERT INTO alert_silence (of, until, comment, by, made) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![of, until.0, comment, by, made.0],
        )?;
    }
    transaction.commit()?;
    Ok(())
}

pub(super) fn write_senders(
    settings: &Settings,
    senders: &Senders,
    now: Micros,
) -> Result<(), SettingsError> {
    let mut connection = settings.lock();
    let transaction = connection.transaction()?;
    transaction.execute("DELETE FROM alert_sender", [])?;
    for ((address, node), Heard { first, last, off }) in senders {
        let node = node.as_deref().unwrap_or_default();
        transaction.execute(
            "INSERT INTO alert_sender (address, node, first_seen, last_seen, off, written)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![address, node, first.0, last.0, off, now.0],
        )?;
    }
    transaction.commit()?;
    Ok(())
}
